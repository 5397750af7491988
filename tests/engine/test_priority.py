"""Processes in the background give way to other sessions, too, and still get on."""

import subprocess
import sys
from pathlib import Path

import pytest

_AUTOGROUP = Path("/proc/self/autogroup")

_CODE = """
import os
from engine.priority import give_way
give_way(7)
print(os.nice(0), open("/proc/self/autogroup").read().strip())
"""


@pytest.mark.skipif(not _AUTOGROUP.exists(), reason="Linux's, if it is built in")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_process_gives_way_with_its_session(own_session: bool) -> None:
    ours = _AUTOGROUP.read_text().strip()  # empty before a machine's first session
    for _ in range(20):  # the kernel takes ten such wishes a second from all processes together
        command = [sys.executable, "-c", _CODE]
        answer = subprocess.run(
            command, start_new_session=own_session, capture_output=True, text=True, check=True
        )
        nice, _, session = answer.stdout.strip().partition(" ")
        assert nice == "7"
        if not own_session:
            assert session == ours
            return
        if not session:
            pytest.skip("this machine does not group processes by session")
        if session.endswith(" nice 5"):
            return
    pytest.fail(f"a process of its own session stayed at {session}")
