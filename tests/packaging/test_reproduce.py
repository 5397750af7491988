"""What compares two builds sees every difference, and two builds of the last commit have none."""

import subprocess
import sys
from pathlib import Path

import pytest

from resources.packaging.reproduce import compare

ROOT = Path(__file__).parents[2]


@pytest.fixture
def builds(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "other"):
        folder = tmp_path / name / "geb-chat"
        folder.mkdir(parents=True)
        (folder / "geb").write_bytes(b"program")
        (folder / "link").symlink_to("geb")
    return tmp_path / "one", tmp_path / "other"


def test_equal_builds_agree(builds: tuple[Path, Path]) -> None:
    assert compare(*builds) == []


def test_every_kind_of_difference_is_told(builds: tuple[Path, Path]) -> None:
    one, other = builds
    (one / "geb-chat/geb").chmod(0o755)
    (other / "geb-chat/link").unlink()
    (other / "geb-chat/link").symlink_to("elsewhere")
    (one / "only-here").touch()
    (other / "only-there").touch()
    (one / "content").write_text("a")
    (other / "content").write_text("b")
    assert compare(one, other) == [
        f"only in {one}: only-here",
        f"only in {other}: only-there",
        "differs: content",
        "differs: geb-chat/geb",
        "differs: geb-chat/link",
    ]


@pytest.mark.slow
def test_two_builds_of_the_last_commit_agree() -> None:
    """`make package` has run for it; this builds once more, elsewhere."""
    if not (ROOT / "dist").is_dir():
        pytest.skip("run `make package` first")
    command = [sys.executable, "-m", "resources.packaging.reproduce"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
