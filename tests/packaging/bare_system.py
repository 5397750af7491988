"""A Debian with nothing in it but what every Debian has: no Python, no Qt, no X, no network."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - X's own place
_WATCH = Path(__file__).parents[1] / "e2e/watched_network.py"
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
        self.display = display
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.home, 1000, 1000)
        (root / _SOCKETS.relative_to("/")).mkdir(parents=True, exist_ok=True)

    def command(self, *words: str, report: Path | None = None) -> list[str]:
        """Return the host's command that runs `words` in there.

        Network, processes and mounts are a world of their own, which ends with the command. With
        `report` the packets in it are counted (see tests/e2e/watched_network.py).
        """
        inside = ["env", "-i", "HOME=/home/person", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
        inside += [f"DISPLAY={self.display}", *words]
        user = ["chroot", "--userspec=1000:1000", str(self.root), *inside]
        if report is not None:
            user = [sys.executable, str(_WATCH), "--report", str(report), "--", *user]
        sockets = self.root / _SOCKETS.relative_to("/")
        world = ["unshare", "--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child"]
        world += [f"--mount-proc={self.root}/proc", "sh", "-c"]
        return [*world, f'mount --bind {_SOCKETS} {sockets} && exec "$@"', "sh", *user]

    def run(self, *words: str) -> str:
        """Run to the end and return what was printed."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def display() -> Iterator[str]:
    """Start an X server of the host on a number that is free; yield its name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    ) as server:
        os.close(writing)
        try:
            with os.fdopen(reading) as number:
                yield f":{number.readline().strip()}"
        finally:
            server.terminate()


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until `condition` holds; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
