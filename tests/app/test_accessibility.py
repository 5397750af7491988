"""What a screen reader meets: every control has a name and a role, in every state and dialog."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleInterface, QAction
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, SlowWorker, answering, views

from app import announcer
from app.palette.palette import CommandPalette
from app.window import MainWindow
from engine.store import Store

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]
Role = QAccessible.Role
NAMED = {
    Role.Button,
    Role.ButtonMenu,
    Role.ButtonDropDown,
    Role.CheckBox,
    Role.RadioButton,
    Role.ComboBox,
    Role.SpinBox,
    Role.Slider,
    Role.EditableText,
    Role.List,
    Role.Tree,
    Role.Table,
    Role.MenuItem,
    Role.PageTab,
    Role.Link,
}
"""Roles of what a person operates."""
CONTAINERS = {Role.Window, Role.Dialog, Role.Client, Role.StaticText}
BLOCKS = """# A heading

prose with a [link](https://example.org)

```python
x = 1
```

| a | b |
|---|---|
| 1 | 2 |

$$x^2$$

- item

> quote
"""


def walk(node: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    """Yield a node and all below it that can be seen."""
    yield node
    for number in range(node.childCount()):
        child = node.child(number)
        if child is not None and child.isValid() and not child.state().invisible:
            yield from walk(child)


def described(node: QAccessibleInterface) -> str:
    owner = node.object()
    return f"{node.role().name} {type(owner).__name__} {owner and owner.objectName()}"


def nameless(widget: QWidget) -> list[str]:
    """Return the controls below `widget` that a screen reader could not name."""
    root = QAccessible.queryAccessibleInterface(widget)
    assert root is not None
    nodes = list(walk(root))
    assert len(nodes) > 3
    wrong = []
    for node in nodes:
        inner = isinstance(node.object(), QLineEdit) and node.parent().role() in (
            Role.SpinBox,
            Role.ComboBox,
        )
        if node.role() == Role.NoRole:
            wrong.append(f"no role: {described(node)}")
        operated = node.role() in NAMED or (
            node.state().focusable and node.role() not in CONTAINERS
        )
        if operated and not inner and not node.text(QAccessible.Text.Name):
            wrong.append(f"no name: {described(node)}")
    return wrong


def unreachable(window: QWidget) -> list[QWidget]:
    """Return the visible controls below `window` that Tab should reach, but does not."""
    chain = [window.nextInFocusChain()]
    while chain[-1] is not window and len(chain) < 1000:
        chain.append(chain[-1].nextInFocusChain())
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.window() is window
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget not in chain
    ]


def test_the_window_in_every_state(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write
) -> None:
    window = open_window(worker=SlowWorker)
    assert nameless(window) == []
    ready(window)
    write(window, "hello")
    qtbot.waitUntil(lambda: bool(views(window)[1].text()), timeout=60_000)
    assert answering(window)
    assert nameless(window) == []
    window.chat.stop()
    qtbot.waitUntil(lambda: not answering(window), timeout=60_000)
    window.chat.notice.tell("Something to say", action="Act", on_action=lambda: None)
    window.chat.status.show_server("http://127.0.0.1:1234/v1")
    window.sidebar.delete_action.trigger()
    assert nameless(window) == []
    assert unreachable(window) == []


def test_an_answer_with_every_kind_of_block(open_window: OpenWindow, store: Store) -> None:
    conversation = store.create_conversation("Blocks")
    question = store.add_message(conversation.id, "user", "all", parent_id=None)
    store.add_message(conversation.id, "assistant", BLOCKS, parent_id=question.id)
    window = open_window(model=None)
    assert len(views(window)) == 2
    assert nameless(window) == []


DIALOGS = ["palette", "shortcuts", "log", "api", "conversation-settings", "erase-everything"]


@pytest.mark.parametrize("action", DIALOGS)
def test_every_dialog(open_window: OpenWindow, action: str, store: Store) -> None:
    store.create_conversation("A title")
    window = open_window(model=None)
    window.accompany()
    opener = next(a for a in window.actions() if a.objectName() == action)
    opener.trigger()
    shown = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert len(shown) == 1
    assert nameless(shown[0]) == []
    assert unreachable(shown[0]) == []
    interface = QAccessible.queryAccessibleInterface(shown[0])
    assert interface is not None
    assert interface.role() in (Role.Dialog, Role.AlertMessage)
    assert shown[0].windowTitle()
    shown[0].close()


def test_every_page_of_the_settings(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    dialog = window.settings.open()
    assert dialog.pages.count() > 4
    for row in range(dialog.pages.count()):
        dialog.pages.setCurrentRow(row)
        assert nameless(dialog) == []
        assert unreachable(dialog) == []
    dialog.close()


def test_the_documents(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    documents = window.desk.open()
    assert documents is not None
    assert nameless(documents) == []
    assert unreachable(documents) == []
    documents.close()


def test_the_bars_of_searching(open_window: OpenWindow, store: Store) -> None:
    conversation = store.create_conversation("Blocks")
    store.add_message(conversation.id, "user", "all", parent_id=None)
    window = open_window(model=None)
    for name in ("find", "search"):
        window.findChild(QAction, name).trigger()
    assert window.chat.find_bar.isVisible()
    assert nameless(window) == []
    assert unreachable(window) == []


def test_an_unexpected_error(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    window.show_unexpected(RuntimeError("x"))
    (box,) = (d for d in window.findChildren(QDialog) if d.isVisible())
    assert nameless(box) == []
    box.close()


def test_the_small_window(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    window.accompany().open_quick_ask()
    small = next(w for w in QApplication.topLevelWidgets() if w.windowTitle() == "Quick question")
    assert nameless(small) == []
    small.close()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a screen reader is asked to say."""
    sayings: list[str] = []

    def hear(event: object) -> None:
        assert isinstance(event, QAccessibleAnnouncementEvent)
        sayings.append(event.message())

    monkeypatch.setattr(announcer.QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(announcer.QAccessible, "updateAccessibility", hear)
    return sayings


def test_an_answer_is_said_once_when_it_is_complete(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, said: list[str]
) -> None:
    window = ready(open_window())
    window.accompany()
    write(window, "hello")
    qtbot.waitUntil(lambda: not answering(window), timeout=60_000)
    qtbot.waitUntil(lambda: bool(said))
    assert said == [f"Answer: {views(window)[1].text()}"]
    window.chat.composer.set_text("word " * 3000)
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=60_000)
    assert said[1] == views(window)[3].message.error


def test_the_marked_line_of_the_palette_is_said(
    open_window: OpenWindow, qtbot: QtBot, said: list[str]
) -> None:
    window = open_window(model=None)
    window.open_palette()
    palette = window.findChild(CommandPalette)
    assert palette is not None
    said.clear()
    qtbot.keyClick(palette.edit, Qt.Key.Key_Down)
    assert said == [palette.list.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)]
    palette.close()
