"""Processes in the background give way to other sessions, too, and still get on."""

import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import os
from engine.priority import give_way
give_way(7)
print(os.nice(0), open("/proc/self/autogroup").read().split()[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="Linux's, if it is built in")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_process_gives_way_with_its_session(own_session: bool) -> None:
    ours = Path("/proc/self/autogroup").read_text().split()[-1]
    expected = "5" if own_session else ours
    for _ in range(20):  # the kernel takes ten such wishes a second from all processes together
        command = [sys.executable, "-c", _CODE]
        answer = subprocess.run(
            command, start_new_session=own_session, capture_output=True, text=True, check=True
        )
        nice, session = answer.stdout.split()
        assert nice == "7"
        if session == expected:
            break
    assert session == expected
