"""Other processors than this one: a Haswell without VNNI, and one that is too old."""

import json
import platform
import shutil
import subprocess
import sys

import pytest

from engine.bundle import default_bundle_path

_EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
_PROMPTS = ["你好，你是谁？", "What can you do?", "Tell me about the river and the old mill."]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="emulates x86 on x86"),
    pytest.mark.skipif(_EMULATOR is None, reason="needs qemu-user-static"),
]


def _chat(prompt: str, processor: str | None) -> subprocess.CompletedProcess[str]:
    emulator = [_EMULATOR, "-cpu", processor] if processor else []
    command = [*emulator, sys.executable, "-m", "app.cli", "chat", "--temperature", "0"]
    command += ["--model", str(default_bundle_path()), "--prompt", prompt, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("prompt", _PROMPTS)
def test_a_haswell_answers_the_same(prompt: str) -> None:
    here, emulated = _chat(prompt, None), _chat(prompt, "Haswell")
    assert json.loads(emulated.stdout)["text"] == json.loads(here.stdout)["text"]
    assert len(json.loads(here.stdout)["text"]) > 10


def test_a_processor_without_avx2_is_told_so() -> None:
    answer = _chat(_PROMPTS[1], "Nehalem")
    assert answer.returncode == 1
    assert "lacks AVX2" in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
