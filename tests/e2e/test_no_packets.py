"""A whole session sends nothing, with a network and without one (slow; superuser)."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_PORT = 14399
_TOOLS = ("unshare", "ip", "mount", "Xvfb", "xvfb-run", "dbus-run-session")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, _TOOLS)),
        reason=f"needs the superuser and {', '.join(_TOOLS)}",
    ),
]
STEPS = [
    "geb chat",
    "geb ask",
    "geb models",
    "geb models",
    "geb settings",
    "xcb",
    "chat",
    "change",
    "search",
    "export_and_import",
    "ask_documents",
    "ask_quickly",
    "change_settings",
    "add_a_model",
    "serve",
    "look_around",
    "meet_an_error",
    "delete",
]


@pytest.mark.parametrize("network", [[], ["--connected"]], ids=["none", "connected"])
def test_a_whole_session_sends_no_packet(network: list[str], tmp_path: Path) -> None:
    report, own = tmp_path / "report.json", tmp_path / "own"
    own.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QT_", "XDG_"))}
    environment |= {
        "HOME": str(tmp_path / "person"),
        "GEB_CHAT_HOME": str(tmp_path / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/app")]),
    }
    watched = [sys.executable, str(HERE / "watched_network.py"), "--report", str(report), *network]
    window = [sys.executable, str(HERE / "session_program.py"), str(own), str(_PORT)]
    display = ["dbus-run-session", "--", "xvfb-run", "-a", "-s", "-nolisten tcp"]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *watched, "--port", str(_PORT), "--", *display, *window],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["status"] == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:-1] == STEPS
    assert found["control"]  # the watch sees what is sent
    assert found["on_port"] > 0  # and the server's talk on the loopback
    assert found["packets"] == []
    kept = [p for p in (tmp_path / "home").rglob("*") if not p.is_symlink()]
    assert len(kept) > 10
    assert [p for p in kept if stat.S_IMODE(p.stat().st_mode) & 0o077] == []
    assert not list((tmp_path / "person").rglob("*"))  # nothing outside of its own folders
