"""A Debian with nothing in it but what every Debian has: no Python, no Qt, no X, no network."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
NEEDED = ("debootstrap", "unshare", "Xvfb", "xdotool", "import")


def available() -> bool:
    """Whether this machine has the tools; changing the root folder needs the superuser."""
    return os.geteuid() == 0 and all(shutil.which(tool) for tool in NEEDED)


def fresh_root(folder: Path, packages: tuple[str, ...] = ()) -> Path:
    """Return `folder` as a new minimal Debian 12 with `packages`; unpacked once, then copied."""
    template = BUILD / ("bare" if not packages else "bare-" + "-".join(packages))
    if not (template / ".ready").exists():
        shutil.rmtree(template, ignore_errors=True)
        include = [f"--include={','.join(packages)}"] if packages else []
        subprocess.run(
            ["debootstrap", "--variant=minbase", *include, "bookworm", str(template)], check=True
        )
        (template / ".ready").touch()
    subprocess.run(["cp", "-a", str(template), str(folder)], check=True)
    return folder


class BareSystem:
    """Runs programs in `root` as a user, without a network; the display is the host's."""

    def __init__(self, root: Path, display: str) -> None:
        self.root = root
        self.home = root / "home/person"
        self._display = display
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.home, 1000, 1000)

    def command(self, *words: str) -> list[str]:
        """Return the host's command that runs `words` in there."""
        inside = ["env", "-i", "HOME=/home/person", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
        inside += [f"DISPLAY={self._display}", *words]
        user = ["chroot", "--userspec=1000:1000", str(self.root)]
        # A network namespace of its own, with nothing in it.
        return ["unshare", "--net", "--ipc", *user, *inside]

    def run(self, *words: str) -> str:
        """Run to the end and return what was printed."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def display(root: Path, number: int) -> Iterator[str]:
    """Start an X server of the host whose socket is seen in `root`; yield its name there."""
    sockets = root / "tmp/.X11-unix"
    sockets.mkdir(parents=True, exist_ok=True)
    name = f":{number}"
    with subprocess.Popen(
        ["Xvfb", name, "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        stderr=subprocess.DEVNULL,
    ) as server:
        socket = Path(f"/tmp/.X11-unix/X{number}")  # noqa: S108 - X's own place
        wait_for(socket.exists)
        subprocess.run(["mount", "--bind", str(socket.parent), str(sockets)], check=True)
        try:
            yield name
        finally:
            subprocess.run(["umount", str(sockets)], check=True)
            server.terminate()


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until `condition` holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
