"""The packages answer on a Debian that has no Python, no Qt and no network (slow; superuser)."""

import json
import shutil
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
STORE = ".local/share/geb-chat/conversations.sqlite3"
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
    with display() as name:
        yield BareSystem(fresh_root(tmp_path / "root"), name)


@pytest.fixture
def bare_with_needs(tmp_path: Path, packages: Path) -> Iterator[BareSystem]:
    """With what the .deb asks for; Debian's own installer would fetch it."""
    command = ["dpkg-deb", "--field", str(next(packages.glob("*.deb"))), "Depends"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    needs = tuple(word.split()[0] for word in listed.split(",") if "libc6" not in word)
    with display() as name:
        yield BareSystem(fresh_root(tmp_path / "root", needs), name)


class Window:
    """The window of `program`, used through the keyboard; `picture` names its pictures."""

    def __init__(self, system: BareSystem, program: str, report: Path) -> None:
        self._system = system
        self._environment = {"DISPLAY": system.display, "PATH": "/usr/bin:/bin"}
        self._report = report
        self._process = subprocess.Popen(system.command(program, report=report))
        wait_for(self._has_focus)
        assert self._process.poll() is None

    def ask(self, question: str) -> str:
        """Type a question and return the answer, when it is complete.

        What is typed while a window opens may get lost, so a person looks at what is written.
        """
        before = len(self.answers())
        wait_for(lambda: self._write(question))
        self._xdotool("key", "Return")
        wait_for(lambda: len(self.answers()) > before)
        return self.answers()[-1]

    def answers(self) -> list[str]:
        """Return all complete answers in the store, in their order."""
        return self._rows(
            "SELECT content FROM messages WHERE role = 'assistant' AND status = 'complete'"
            " ORDER BY id"
        )

    def _quit(self) -> bool:
        self._xdotool("key", "ctrl+q")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        return self._process.poll() is not None

    def _write(self, question: str) -> bool:
        self._xdotool("key", "ctrl+a")
        self._xdotool("type", "--delay", "30", question)
        with suppress(AssertionError):
            wait_for(lambda: question in self._rows("SELECT draft FROM conversations"), 10)
            return True
        return False

    def _rows(self, question: str) -> list[str]:
        """Return the texts that the window's store holds, as far as there is one already."""
        store = self._system.home / STORE
        with suppress(sqlite3.Error), sqlite3.connect(f"file:{store}?mode=ro", uri=True) as rows:
            return [str(row[0]) for row in rows.execute(question)]
        return []

    def photograph(self, name: str) -> None:
        """Keep a picture of the screen as build/pictures/NAME.png."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        command = ["import", "-window", "root", str(PICTURES / f"{name}.png")]
        subprocess.run(command, env=self._environment, check=True)

    def close(self) -> list[str]:
        """Quit as a person does; return the packets that were sent meanwhile."""
        wait_for(self._quit)
        report = json.loads(self._report.read_text())
        assert report["status"] == 0
        assert report["control"]
        return list(report["packets"])

    def _has_focus(self) -> bool:
        """Tell whether keys go to the window; there is no window manager that would see to it."""
        window = self._xdotool("search", "--onlyvisible", "--name", "GEB Chat").strip()
        if not window:
            return False
        if self._xdotool("getwindowfocus").strip() == window:
            return True
        self._xdotool("windowfocus", window)
        return False

    def _xdotool(self, *words: str) -> str:
        command = ["xdotool", *words]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        ).stdout


def test_the_appimage_answers_without_anything_installed(
    bare: BareSystem, packages: Path, tmp_path: Path
) -> None:
    image = next(packages.glob("*.AppImage"))
    subprocess.run(
        [str(image), "--appimage-extract"], cwd=bare.root / "opt", check=True, capture_output=True
    )
    program = "/opt/squashfs-root/AppRun"
    assert '"text"' in bare.run(program, "chat", "--prompt", "你好", "--json")
    window = Window(bare, program, tmp_path / "report.json")
    assert "GEB" in window.ask("Who are you?")
    window.photograph("appimage")
    assert window.close() == []


def test_the_appimage_starts_as_one_file(bare: BareSystem, packages: Path) -> None:
    image = next(packages.glob("*.AppImage"))
    target = bare.root / "opt/geb.AppImage"
    shutil.copyfile(image, target)
    target.chmod(0o755)
    assert __version__ in bare.run("/opt/geb.AppImage", "--version")
    assert not list((bare.root / "tmp").glob("geb-chat-*"))  # nothing is left


def test_the_deb_is_installed_upgraded_and_removed(
    bare_with_needs: BareSystem, packages: Path, tmp_path: Path
) -> None:
    """An upgrade keeps conversations, documents and settings; a removal says where they stay."""
    system = bare_with_needs
    package = next(packages.glob("*.deb"))
    install(system, older(package, tmp_path / "older"))
    assert (system.root / "usr/lib/geb-chat/former-library").exists()
    assert __version__ in system.run("geb", "--version")
    (system.home / "light.txt").write_text("The lighthouse was built in 1882 by the city.")
    answer = system.run("geb", "ask", "/home/person/light.txt", "-q", "When was it built?")
    assert "1882" in answer
    system.run("geb", "settings", "temperature", "0.25")
    window = Window(system, "/usr/bin/geb", tmp_path / "report.json")
    first = window.ask("Who are you?")
    assert "GEB" in first
    window.photograph("deb")
    assert window.close() == []
    before = kept(system)

    install(system, package)
    assert not (system.root / "usr/lib/geb-chat/former-library").exists()
    assert kept(system) == before
    assert "0.25" in system.run("geb", "settings", "temperature")
    window = Window(system, "/usr/bin/geb", tmp_path / "report.json")
    assert window.answers() == [first]
    window.ask("What can you do?")
    window.photograph("deb-upgraded")
    assert window.close() == []

    before = kept(system)
    removed = dpkg(system, "-r", "geb-chat")
    for folder in (".local/share/geb-chat", ".config/geb-chat"):
        assert folder in removed  # it says where everything stays
        assert any(str(path).startswith(folder) for path in before)
    assert kept(system) == before
    assert not (system.root / "usr/lib/geb-chat").exists()


def dpkg(system: BareSystem, *words: str) -> str:
    command = ["chroot", str(system.root), "dpkg", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def install(system: BareSystem, package: Path) -> None:
    shutil.copyfile(package, system.root / "package.deb")
    dpkg(system, "-i", "/package.deb")


def older(package: Path, folder: Path) -> Path:
    """Return a package of a former version: the same, with a file that the new one lacks."""
    folder.mkdir()
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {__version__}", "Version: 0.0.1"))
    (tree / "usr/lib/geb-chat/former-library").touch()
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.deb"))


def kept(system: BareSystem) -> dict[Path, bytes]:
    """Return everything below the person's home, but for what is computed again."""
    files = (p for p in system.home.rglob("*") if p.is_file() and ".cache" not in p.parts)
    return {path.relative_to(system.home): path.read_bytes() for path in sorted(files)}
