"""What tests of the store and the chat share."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test is, or will be."""
    return tmp_path / "data" / "conversations.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        yield store


@pytest.fixture
def run_on_small_disk(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a Python script on a file system of 512 KiB of its own.

    The script finds its folder in sys.argv[1] and further arguments after that. It must
    write nothing on stderr; what it printed is returned.
    """
    # In a user's own mount namespace no root is needed.
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=512k tmpfs {tmp_path}"
    trial = [*shell, mount]
    if not shutil.which("unshare") or subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("needs Linux namespaces")

    def run(script: str, *arguments: object, read_only: bool = False) -> str:
        prepare = f"{mount} && mount -o remount,ro {tmp_path}" if read_only else mount
        command = [sys.executable, "-c", script, str(tmp_path), *map(str, arguments)]
        result = subprocess.run(
            [*shell, f'{prepare} && exec "$@"', "sh", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
        assert result.stderr == ""
        return result.stdout

    return run
