"""Where user data lives, and the adoption of an older installation's folder."""

import stat
from pathlib import Path

import appdirs
import platformdirs
import pytest

from engine import paths
from engine.errors import StoreError


@pytest.fixture
def plain_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, without GEB_CHAT_HOME."""
    for name in ("GEB_CHAT_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def old_data_folder() -> Path:
    return Path(appdirs.user_data_dir("GEB Chat", "GEB"))


@pytest.mark.parametrize("kind", ["data_dir", "config_dir", "cache_dir", "log_dir"])
def test_folders_are_the_systems_own_and_private(plain_home: Path, kind: str) -> None:
    folder: Path = getattr(paths, kind)()
    assert str(folder) == getattr(platformdirs, f"user_{kind}")("geb-chat", appauthor=False)
    assert folder.is_relative_to(plain_home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_geb_chat_home_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "portable"))
    folders = [paths.data_dir(), paths.config_dir(), paths.cache_dir(), paths.log_dir()]
    assert len(set(folders)) == 4
    assert all(folder.parent == tmp_path / "portable" for folder in folders)


def test_an_older_installations_folder_is_adopted(plain_home: Path) -> None:
    old = old_data_folder()
    old.mkdir(parents=True)
    (old / "conversations.sqlite3").write_text("mine")
    assert paths.store_path().read_text() == "mine"
    assert not old.exists()
    assert stat.S_IMODE(paths.data_dir().stat().st_mode) == 0o700


def test_the_present_folder_wins_over_an_older_one(plain_home: Path) -> None:
    (paths.data_dir() / "new").touch()
    old = old_data_folder()
    old.mkdir(parents=True)
    (old / "old").touch()
    assert [file.name for file in paths.data_dir().iterdir()] == ["new"]
    assert (old / "old").exists()


def test_a_portable_home_leaves_an_older_folder_alone(
    plain_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = old_data_folder()
    old.mkdir(parents=True)
    monkeypatch.setenv("GEB_CHAT_HOME", str(plain_home / "portable"))
    paths.data_dir()
    assert old.exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"cannot be created: Not a directory\. Check"):
        paths.store_path()
