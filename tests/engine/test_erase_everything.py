"""Nothing of a person is left where everything was deleted, and nothing else is touched."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from engine.erasing import erase_everything, everything
from engine.errors import StoreError
from engine.paths import cache_dir, config_dir, data_dir, log_dir
from engine.store import Store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def fill(home: Path, elsewhere: Path) -> None:
    with Store(data_dir() / "conversations.sqlite3") as store:
        store.create_conversation("secret")
    (data_dir() / "models/mine").mkdir(parents=True)
    (data_dir() / "models/mine/model.onnx").write_bytes(b"weights")
    (config_dir() / "settings.json").write_text("{}")
    (cache_dir() / "asked").mkdir()
    (cache_dir() / "asked/library.sqlite3").write_bytes(b"words")
    (log_dir() / "geb.log").write_text("log")
    elsewhere.mkdir()
    (elsewhere / "paper.txt").write_text("mine")
    (data_dir() / "link").symlink_to(elsewhere)


def test_everything_is_deleted_and_told(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    fill(home, elsewhere)
    kept = everything()
    assert {one.folder for one in kept} == {data_dir(), config_dir(), cache_dir(), log_dir()}
    assert sum(one.size_bytes for one in kept) > 4096
    assert erase_everything() == kept
    assert everything() == []
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert (elsewhere / "paper.txt").read_text() == "mine"  # behind a link: not ours


def test_there_is_nothing_to_delete_at_first(home: Path) -> None:
    assert everything() == []
    assert erase_everything() == []


def test_what_cannot_be_deleted_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home, tmp_path / "elsewhere")

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StoreError, match="models cannot be deleted: Permission denied"):
        erase_everything()
