"""Where conversations, models, settings, caches and logs live on each system.

The environment variable GEB_CHAT_HOME moves all of them below one folder (portable use).
"""

import os
from pathlib import Path

import appdirs
import platformdirs

from engine.errors import StoreError

_NAME = "geb-chat"
# The name under which older installations kept their folders, found through appdirs.
_OLD_NAME, _OLD_AUTHOR = "GEB Chat", "GEB"


def data_dir() -> Path:
    """Return the folder of conversations and added models; raises StoreError if there is none."""
    old = Path(appdirs.user_data_dir(_OLD_NAME, _OLD_AUTHOR))
    return _folder("data", platformdirs.user_data_dir(_NAME, appauthor=False), old)


def config_dir() -> Path:
    """Return the folder of settings; raises StoreError if it cannot be created."""
    old = Path(appdirs.user_config_dir(_OLD_NAME, _OLD_AUTHOR))
    return _folder("config", platformdirs.user_config_dir(_NAME, appauthor=False), old)


def cache_dir() -> Path:
    """Return the folder of what can be computed again; raises StoreError if there is none."""
    return _folder("cache", platformdirs.user_cache_dir(_NAME, appauthor=False))


def log_dir() -> Path:
    """Return the folder of log files; raises StoreError if it cannot be created."""
    return _folder("log", platformdirs.user_log_dir(_NAME, appauthor=False))


def store_path() -> Path:
    """Return the file of the conversation store; raises StoreError without a data folder."""
    return data_dir() / "conversations.sqlite3"


def library_path() -> Path:
    """Return the file of the library of documents; raises StoreError without a data folder."""
    return data_dir() / "library.sqlite3"


def _folder(kind: str, system_path: str, old: Path | None = None) -> Path:
    home = os.environ.get("GEB_CHAT_HOME")
    path = Path(home).absolute() / kind if home else Path(system_path)
    try:
        if not home and old is not None and old.is_dir() and not path.exists():
            _adopt(old, path)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "The folder {path} cannot be created: {detail}. Check its permissions, or set "
            "GEB_CHAT_HOME to a folder that you may write to.",
            path=path,
            detail=error.strerror,
        ) from error
    return path


def _adopt(old: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        old.rename(path)
    except FileNotFoundError:
        return  # another process, started at the same time, has just moved it
    path.chmod(0o700)
