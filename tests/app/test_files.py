"""Export and import of conversations in the window, by dialog and by dropping files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot
from test_sidebar import choose, titles
from test_versions import conversation
from window_helpers import OpenWindow

from app.conversation_files.commands import file_name
from app.window import MainWindow
from engine.store import Store

pytestmark = pytest.mark.qt_log_ignore("plugin does not support")


@pytest.fixture
def save_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, str], None]:
    """Return a function: the file, and the kind of file, that the person will choose."""

    def choose_file(path: Path, kind: str = "") -> None:
        def dialog(*arguments: object) -> tuple[str, str]:
            filters = str(arguments[-1]).split(";;")
            return str(path), next(f for f in filters if kind in f)

        monkeypatch.setattr(QFileDialog, "getSaveFileName", dialog)

    return choose_file


def wait(window: MainWindow, qtbot: QtBot) -> str:
    """Wait for the end of what is being done and return what is said."""
    qtbot.waitUntil(lambda: window.files._task is None, timeout=20_000)
    return window.chat.notice.text()


def drop(window: MainWindow, *paths: Path) -> bool:
    """Drop files on the window; tells whether it takes them at all."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    no_keys = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), copy, data, left, no_keys)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, left, no_keys))
    return enter.isAccepted()


@pytest.mark.parametrize(
    ("name", "kind", "suffix", "begins"),
    [
        ("chat.json", "Markdown", "", '{"format": "geb-chat"'),  # the name decides
        ("chat", "JSON", ".json", '{"format": "geb-chat"'),
        ("chat", "HTML", ".html", "<!DOCTYPE html>"),
        ("chat.v2", "Markdown", ".md", "<!-- geb-chat conversation"),
    ],
)
def test_open_conversation_is_exported(
    open_window: OpenWindow,
    qtbot: QtBot,
    store: Store,
    tmp_path: Path,
    save_as: Callable[..., None],
    name: str,
    kind: str,
    suffix: str,
    begins: str,
) -> None:
    conversation(store, "not this one")
    conversation(store, "question", "answer 答案")
    window = open_window(model=None)
    save_as(tmp_path / name, kind)
    window.findChild(QAction, "export").trigger()
    path = tmp_path / (name + suffix)
    assert wait(window, qtbot) == f"Exported to {path}."
    text = path.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert "答案" in text
    assert "not this one" not in text


def test_all_are_exported_and_imported_elsewhere(
    open_window: OpenWindow,
    qtbot: QtBot,
    store: Store,
    tmp_path: Path,
    save_as: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = conversation(store, "one", "answer")[0]
    conversation(store, "two")
    window = open_window(model=None)
    path = tmp_path / "all.json"
    save_as(path)
    window.findChild(QAction, "export-all").trigger()
    wait(window, qtbot)
    assert len(json.loads(path.read_text(encoding="utf-8"))["conversations"]) == 2
    store.delete(first.conversation_id)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(path)], ""))
    window.findChild(QAction, "import").trigger()
    assert wait(window, qtbot) == "Conversations imported: 1. Here already: 1."
    assert len(titles(window)) == 2
    back = store.thread(window.chat.conversation_id)
    assert [message.content for message in back] == ["one", "answer"]


def test_row_of_the_list_is_exported_by_its_menu(
    open_window: OpenWindow,
    qtbot: QtBot,
    store: Store,
    tmp_path: Path,
    save_as: Callable[..., None],
) -> None:
    number = conversation(store, "in the old one")[0].conversation_id
    store.rename(number, "Old")
    conversation(store, "in the new one")
    window = open_window(model=None)
    save_as(tmp_path / "old.md")
    choose(window, "Old", "Export…")
    wait(window, qtbot)
    assert "in the old one" in (tmp_path / "old.md").read_text(encoding="utf-8")


def test_dropped_files_are_imported_and_others_kindly_refused(
    open_window: OpenWindow, qtbot: QtBot, store: Store, tmp_path: Path
) -> None:
    window = open_window(model=None)
    chatgpt = tmp_path / "conversations.json"
    node = {
        "id": "a",
        "parent": None,
        "message": {
            "author": {"role": "user"},
            "content": {"content_type": "text", "parts": ["from elsewhere"]},
        },
    }
    chatgpt.write_text(json.dumps([{"title": "Theirs", "mapping": {"a": node}}]))
    assert drop(window, chatgpt)
    assert wait(window, qtbot) == "Conversations imported: 1."
    assert window.header.title.accessibleName() == "Theirs"
    assert drop(window, tmp_path / "film.mp4")
    said = window.chat.notice.text()
    assert said.startswith("film.mp4 cannot be opened here.")
    assert "PDF" in said
    assert "JSON or Markdown" in said


def test_dropped_text_is_no_file(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    data = QMimeData()
    data.setText("words")
    event = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    assert not event.isAccepted()
    data.setUrls([QUrl.fromLocalFile("/a/file.json")])
    assert not window.chat.composer.edit.canInsertFromMimeData(data)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"format": "else"}', b"[1]"])
def test_bad_file_changes_nothing_and_is_said(
    open_window: OpenWindow, qtbot: QtBot, store: Store, tmp_path: Path, content: bytes
) -> None:
    conversation(store, "mine")
    window = open_window(model=None)
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    drop(window, path)
    assert str(path) in wait(window, qtbot)
    assert len(store.list_conversations()) == 1
    assert not window.chat.progress.isVisible()


def test_import_shows_progress_and_can_be_cancelled(
    open_window: OpenWindow,
    qtbot: QtBot,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.conversation_files.task._QUIET_SECONDS", 0.0)
    monkeypatch.setattr("app.conversation_files.task._STEP_SECONDS", 0.0)
    path = tmp_path / "many.json"
    message = {
        "id": 1,
        "parent_id": None,
        "role": "user",
        "content": "x" * 2000,
        "status": "complete",
        "created_at": 0,
        "finish_reason": None,
        "model": None,
        "error": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "prefill_ms": None,
        "decode_tokens_per_second": None,
    }
    one = {
        "title": "t",
        "system_prompt": "",
        "created_at": 0,
        "updated_at": 0,
        "pinned": False,
        "settings": {},
        "shown": 1,
        "messages": [message],
    }
    many = [{**one, "created_at": n} for n in range(3000)]
    path.write_text(json.dumps({"format": "geb-chat", "version": 1, "conversations": many}))
    window = open_window(model=None)
    before = len(store.list_conversations())
    window.files.import_files([path, path])
    qtbot.waitUntil(lambda: window.chat.progress.isVisible(), timeout=20_000)
    assert window.chat.progress.label.text() == "Importing many.json…"
    window.chat.progress.cancel_button.click()
    assert wait(window, qtbot) == "Cancelled: nothing was changed."
    assert not window.chat.progress.isVisible()
    assert len(store.list_conversations()) == before


def test_closing_the_window_ends_an_import(
    open_window: OpenWindow, store: Store, tmp_path: Path
) -> None:
    window = open_window(model=None)
    path = tmp_path / "big.md"
    path.write_text("<!-- geb-chat conversation {} -->\n" + "line\n" * 1_000_000)
    window.files.import_files([path])
    window.close()
    assert not window.files._task._thread.is_alive()


def test_titles_become_names_of_files() -> None:
    assert file_name('a/b\\c: "d"?') == "a b c d"
    assert file_name("..") == "geb-chat"
    assert file_name("报告" * 50) == "报告" * 30
