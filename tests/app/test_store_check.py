"""A large store is read through after the start; damage is told in the window."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.store_check import StoreCheck
from engine.errors import GebError, StoreError
from engine.store import Store


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that counts as large, with noise in its middle."""
    monkeypatch.setattr("engine.database._READ_AT_START", 1000)
    path = tmp_path / "conversations.sqlite3"
    with Store(path) as store:
        for _ in range(50):
            store.create_conversation("title " * 50)
    data = bytearray(path.read_bytes())
    data[4096:-4096] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)
    return path


def test_damage_is_told(qtbot: QtBot, qapp: object, damaged: Path) -> None:
    told: list[GebError] = []
    check = StoreCheck(damaged, told.append, qapp)  # type: ignore[arg-type]
    check.begin()
    qtbot.waitUntil(lambda: bool(told))
    check.close()
    assert isinstance(told[0], StoreError)
    assert "Start GEB Chat again" in str(told[0])
    check.deleteLater()
