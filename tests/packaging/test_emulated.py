"""The packaged program on other processors than this one (slow; `make package` has run)."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "dist/geb-chat"
PROGRAM = FOLDER / "geb"
_EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
# The starter runs itself anew once it knows where its libraries are, and would leave the emulator:
# so it is told, as it tells itself.
_STARTED = {
    "_PYI_ARCHIVE_FILE": str(PROGRAM),
    "_PYI_APPLICATION_HOME_DIR": str(FOLDER / "_internal"),
    "_PYI_PARENT_PROCESS_LEVEL": "0",
    "LD_LIBRARY_PATH": str(FOLDER / "_internal"),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        platform.machine() != "x86_64" or _EMULATOR is None, reason="needs qemu-user-static on x86"
    ),
]


def chat(home: Path, *emulator: str) -> subprocess.CompletedProcess[str]:
    assert PROGRAM.exists(), "run `make package` first"
    words = ["chat", "--temperature", "0", "--prompt", "你好，你是谁？", "--json"]
    return subprocess.run(
        [*emulator, str(PROGRAM), *words],
        env=os.environ | {"GEB_CHAT_HOME": str(home)} | (_STARTED if emulator else {}),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_a_haswell_answers_the_same(tmp_path: Path) -> None:
    here, there = chat(tmp_path), chat(tmp_path, str(_EMULATOR), "-cpu", "Haswell")
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout)["text"] == json.loads(here.stdout)["text"]
    assert len(json.loads(here.stdout)["text"]) > 10


def test_a_processor_without_avx_is_told_so(tmp_path: Path) -> None:
    answer = chat(tmp_path, str(_EMULATOR), "-cpu", "Nehalem")
    assert answer.returncode == 1
    assert "lacks AVX2" in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
