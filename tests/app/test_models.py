"""Models in the window: chosen, added, checked, deleted, and kept away after a crash."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering

from app.models.describe import facts
from app.models.page import ModelsPage
from app.window import MainWindow
from engine.i18n import set_language
from engine.models.describe import InstalledModel, models_dir
from engine.models.importing import import_folder
from engine.safe_mode import native_work
from engine.settings import table
from engine.settings.answer import own_values

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))


@pytest.fixture
def friendly(tmp_path: Path, tiny_bundle: Path) -> Path:
    """An installed model of the person's own."""
    return import_folder(Path(shutil.copytree(tiny_bundle, tmp_path / "friendly")))


@pytest.fixture
def page_of() -> Callable[[MainWindow], ModelsPage]:
    def open_page(window: MainWindow) -> ModelsPage:
        [page] = window.settings.open_models().findChildren(ModelsPage)
        return page

    return open_page


def choose_row(page: ModelsPage, name: str) -> None:
    rows = [page.list.item(row) for row in range(page.list.count())]
    page.list.setCurrentItem(next(row for row in rows if row.text().startswith(name)))


def notice_button(window: MainWindow, text: str) -> QAbstractButton:
    buttons = window.chat.notice.findChildren(QPushButton)
    return next(b for b in buttons if b.text() == text and b.isVisible())


def test_another_model_is_chosen_while_the_window_stays_usable(
    open_window: OpenWindow, ready: Ready, write: Write, qtbot: QtBot, friendly: Path
) -> None:
    window = ready(open_window())
    button = window.chat.status.model
    button.menu().aboutToShow.emit()
    actions = {action.text(): action for action in button.menu().actions()}
    assert {"geb-nano", "friendly", "Models"} <= set(actions)
    actions["friendly"].trigger()
    qtbot.keyClicks(window.chat.composer.edit, "written while it loads")
    qtbot.waitUntil(lambda: button.text() == "friendly", timeout=20_000)
    first = window.chat.conversation_id
    assert first is not None
    assert own_values(window._service.store, first) == {"model": "friendly"}
    assert window.chat.composer.text() == "written while it loads"
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    assert window._service.store.thread(first)[-1].model == "friendly"
    window.sidebar.new()
    assert window.chat.conversation_id != first
    assert button.text() == "tiny: loads with the next message"
    write(window, "hello")
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    assert button.text() == "tiny"


def test_a_folder_is_added_checked_made_default_and_deleted(
    open_window: OpenWindow,
    ready: Ready,
    qtbot: QtBot,
    page_of: Callable[[MainWindow], ModelsPage],
    tiny_bundle: Path,
    tmp_path: Path,
) -> None:
    window = ready(open_window())
    page = page_of(window)
    page.add_folder(Path(shutil.copytree(tiny_bundle, tmp_path / "friendly")))
    assert not page.add_button.isEnabled()
    with qtbot.waitSignal(page.told, timeout=20_000) as told:
        pass
    assert told.args == ["The model friendly is added."]
    assert page.list.currentItem().text() == "friendly"
    assert "int8" in page.facts.text()
    assert "not measured yet" in page.facts.text()
    qtbot.mouseClick(page.measure_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "tokens/s" in page.facts.text(), timeout=20_000)
    assert page.list.currentItem().text() == "friendly"
    with qtbot.waitSignal(page.told, timeout=20_000) as told:
        qtbot.mouseClick(page.verify_button, Qt.MouseButton.LeftButton)
    assert told.args == ["friendly: every file matches its checksum."]
    qtbot.mouseClick(page.use_button, Qt.MouseButton.LeftButton)
    assert window._service.settings.get(table.MODEL) == "friendly"
    assert page.list.currentItem().text() == "friendly (default)"
    qtbot.waitUntil(lambda: window.chat.status.model.text() == "friendly", timeout=20_000)
    qtbot.mouseClick(page.delete_button, Qt.MouseButton.LeftButton)
    [box] = window.findChildren(QMessageBox)
    agree = next(b for b in box.buttons() if b.text() == "Delete")
    qtbot.mouseClick(agree, Qt.MouseButton.LeftButton)
    assert list(models_dir().iterdir()) == []
    assert [page.list.item(row).text() for row in range(page.list.count())] == [
        "geb-nano (default)"
    ]
    assert not window._service.settings.is_set(table.MODEL)
    choose_row(page, "geb-nano")
    assert not page.delete_button.isEnabled()


def test_a_bad_folder_is_refused_in_a_sentence(
    open_window: OpenWindow,
    qtbot: QtBot,
    page_of: Callable[[MainWindow], ModelsPage],
    tmp_path: Path,
) -> None:
    page = page_of(open_window(model=None))
    with qtbot.waitSignal(page.failed, timeout=20_000) as failed:
        page.add_folder(tmp_path)
    assert "incomplete" in str(failed.args[0])
    assert page.add_button.isEnabled()
    assert not page.progress.isVisible()


def test_closing_the_dialog_stops_an_import(
    open_window: OpenWindow,
    page_of: Callable[[MainWindow], ModelsPage],
    tiny_bundle: Path,
    tmp_path: Path,
) -> None:
    window = open_window(model=None)
    page = page_of(window)
    page.add_folder(Path(shutil.copytree(tiny_bundle, tmp_path / "friendly")))
    page.window().close()
    assert not [path for path in models_dir().iterdir() if path.name.startswith(".")]


def test_a_model_that_crashed_is_offered_not_loaded(
    open_window: OpenWindow, qtbot: QtBot, friendly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.safe_mode._start_time", lambda _pid: "another process's")
    work = native_work(friendly)
    work.__enter__()  # and never ended: so a crash leaves it
    monkeypatch.undo()
    monkeypatch.setenv("GEB_CHAT_HOME", str(friendly.parents[2]))
    window = open_window(model=None)
    window._service.settings.set(table.MODEL, "friendly")
    window.load_model(None)
    assert "friendly" in window.chat.notice.text()
    assert window.chat.status.model.text() == "No model"
    assert window._service.worker.loaded is None
    assert notice_button(window, "Try it again").isEnabled()
    qtbot.mouseClick(notice_button(window, "Use the default model"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.chat.status.model.text() == "geb-nano", timeout=20_000)
    assert not window._service.settings.is_set(table.MODEL)
    window.models.choose("friendly")  # by name: that is a word
    qtbot.waitUntil(lambda: window.chat.status.model.text() == "friendly", timeout=20_000)


@pytest.mark.parametrize(
    ("parameters", "english", "chinese"),
    [(11_009_000, "11.0 million", "1101 万参数"), (130_000_000, "130.0 million", "1.3 亿参数")],
)
def test_parameters_are_counted_as_each_language_does(
    parameters: int, english: str, chinese: str
) -> None:
    model = InstalledModel(path=Path("own"), own=True, parameters=parameters, precision="int8")
    assert facts(model, None, None).startswith(f"{english} parameters, int8")
    set_language("zh_CN")
    try:
        assert facts(model, None, None).startswith(f"{chinese}，int8")
    finally:
        set_language("en")
