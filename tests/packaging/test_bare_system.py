"""The packages answer on a Debian that has no Python, no Qt and no network (slow; superuser)."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bare_system import BareSystem, available, display, fresh_root, wait_for

from engine import __version__

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
PICTURES = ROOT / "build/pictures"
# What a .deb may ask for; Debian's own installer would fetch it.
DEB_NEEDS = ("libegl1", "libgl1", "libopengl0", "fontconfig")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="needs debootstrap, Xvfb, xdotool, the superuser"),
]


@pytest.fixture(scope="module")
def packages() -> Path:
    """`make package` has run."""
    found = list(DIST.glob(f"*{__version__}*"))
    assert len(found) >= 2, "run `make package` first"
    return DIST


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[BareSystem]:
    root = fresh_root(tmp_path / "root")
    with display(root, 77) as name:
        yield BareSystem(root, name)


@pytest.fixture
def bare_with_needs(tmp_path: Path) -> Iterator[BareSystem]:
    root = fresh_root(tmp_path / "root", DEB_NEEDS)
    with display(root, 78) as name:
        yield BareSystem(root, name)


def ask_in_window(system: BareSystem, program: str, name: str) -> str:
    """Start the window, type a question, wait for the answer, take a picture; return the answer."""
    store = system.home / ".local/share/geb-chat/conversations.sqlite3"
    environment = {"DISPLAY": system._display, "PATH": "/usr/bin:/bin"}

    def xdotool(*words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    def answer() -> str:
        with suppress(sqlite3.Error), sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
            found = rows.execute(
                "SELECT content FROM messages WHERE role = 'assistant' AND status = 'complete'"
            ).fetchone()
            return str(found[0]) if found else ""
        return ""

    with subprocess.Popen(system.command(program)) as window:
        try:
            wait_for(lambda: xdotool("search", "--onlyvisible", "--name", "GEB Chat"))
            assert window.poll() is None
            xdotool("type", "--delay", "30", "Who are you?")
            xdotool("key", "Return")
            wait_for(answer)
            PICTURES.mkdir(parents=True, exist_ok=True)
            picture = str(PICTURES / f"{name}.png")
            subprocess.run(["import", "-window", "root", picture], env=environment, check=True)
        finally:
            subprocess.run(["pkill", "-TERM", "-f", f"{program}$"], check=False)
            window.wait(30)
    return answer()


def test_the_appimage_answers_without_anything_installed(bare: BareSystem, packages: Path) -> None:
    image = next(packages.glob("*.AppImage"))
    subprocess.run(
        [str(image), "--appimage-extract"], cwd=bare.root / "opt", check=True, capture_output=True
    )
    program = "/opt/squashfs-root/AppRun"
    assert '"text"' in bare.run(program, "chat", "--prompt", "你好", "--json")
    assert "GEB" in ask_in_window(bare, program, "appimage")


def test_the_appimage_starts_as_one_file(bare: BareSystem, packages: Path) -> None:
    image = next(packages.glob("*.AppImage"))
    target = bare.root / "opt/geb.AppImage"
    target.write_bytes(image.read_bytes())
    target.chmod(0o755)
    subprocess.run(["mount", "--bind", "/proc", str(bare.root / "proc")], check=True)
    try:
        shown = bare.run("/opt/geb.AppImage", "--version")
    finally:
        subprocess.run(["umount", str(bare.root / "proc")], check=True)
    assert __version__ in shown
    assert not list((bare.root / "tmp").glob("geb-chat-*"))  # nothing is left


def test_the_deb_installs_answers_and_leaves_what_people_wrote(
    bare_with_needs: BareSystem, packages: Path
) -> None:
    system = bare_with_needs
    package = next(packages.glob("*.deb"))
    (system.root / "package.deb").write_bytes(package.read_bytes())
    subprocess.run(["chroot", str(system.root), "dpkg", "-i", "/package.deb"], check=True)
    assert __version__ in system.run("geb", "--version")
    assert "GEB" in ask_in_window(system, "/usr/bin/geb", "deb")
    # An upgrade over it keeps the conversation.
    subprocess.run(["chroot", str(system.root), "dpkg", "-i", "/package.deb"], check=True)
    store = system.home / ".local/share/geb-chat/conversations.sqlite3"
    assert store.exists()
    removed = subprocess.run(
        ["chroot", str(system.root), "dpkg", "-r", "geb-chat"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "share/geb-chat" in removed.stdout  # it says where the conversations stay
    assert store.exists()
    assert not (system.root / "usr/lib/geb-chat").exists()
