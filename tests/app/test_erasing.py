"""Deleting everything: asked first, done after the window is closed, and told."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from window_helpers import OpenWindow

from app.erase_dialog import EraseDialog
from app.single_instance import Instance
from app.startup import erase_and_tell
from engine.erasing import everything
from engine.paths import data_dir


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    path = data_dir() / "conversations.sqlite3"
    path.write_bytes(b"x" * 5000)
    return path


def test_the_window_asks_and_names_what_goes(open_window: OpenWindow, kept: Path) -> None:
    window = open_window(model=None)
    window.ask_to_erase()
    dialog = window.findChild(EraseDialog)
    assert str(kept.parent) in dialog.informativeText()
    assert dialog.defaultButton() is not dialog.agreed
    dialog.reject()
    assert not window.erases_on_exit
    assert window.isVisible()
    window.ask_to_erase()
    window.findChildren(EraseDialog)[-1].agreed.click()
    assert window.erases_on_exit
    assert not window.isVisible()
    assert kept.exists()  # until the window is gone


def test_what_was_deleted_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "information", lambda _parent, _title, text: told.append(text))
    released: list[bool] = []
    monkeypatch.setattr(Instance, "release", lambda _self: released.append(not told))
    erase_and_tell(Instance())
    assert released == [True]  # another start may begin while the box is read
    assert everything() == []
    [text] = told
    assert text.startswith("Deleted:")
    assert str(kept.parent) in text
