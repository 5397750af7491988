"""Other processors than this one: without VNNI, without AVX2, and arm64."""

import json
import platform
import shutil
import subprocess
import sys

import emulated_arm64
import pytest

from engine.bundle import default_bundle_path

_EMULATOR = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
_PROMPTS = ["你好，你是谁？", "What can you do?", "Tell me about the river and the old mill."]

pytestmark = pytest.mark.slow
emulates_x86 = pytest.mark.skipif(
    platform.machine() != "x86_64" or _EMULATOR is None, reason="needs qemu-user-static on x86"
)
emulates_arm64 = pytest.mark.skipif(
    not emulated_arm64.available(),
    reason=f"needs Python 3.11, the superuser and {', '.join(emulated_arm64.NEEDED)}",
)


def _chat(prompt: str, *python: str) -> subprocess.CompletedProcess[str]:
    command = [*python, "-m", "app.cli", "chat", "--temperature", "0"]
    command += ["--model", str(default_bundle_path()), "--prompt", prompt, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def _x86(processor: str) -> list[str]:
    return [str(_EMULATOR), "-cpu", processor, sys.executable]


def _says_the_same(prompt: str, emulated: list[str]) -> None:
    here, there = _chat(prompt, sys.executable), _chat(prompt, *emulated)
    assert json.loads(there.stdout)["text"] == json.loads(here.stdout)["text"], there.stderr
    assert len(json.loads(here.stdout)["text"]) > 10


@emulates_x86
@pytest.mark.parametrize("prompt", _PROMPTS)
def test_a_haswell_answers_the_same(prompt: str) -> None:
    _says_the_same(prompt, _x86("Haswell"))


@emulates_arm64
@pytest.mark.parametrize("processor", ["cortex-a72", "max"])
@pytest.mark.parametrize("prompt", _PROMPTS)
def test_arm64_answers_the_same(prompt: str, processor: str) -> None:
    """Without and with the dot products of later processors."""
    _says_the_same(prompt, emulated_arm64.command(processor))


@emulates_x86
def test_a_processor_without_avx2_is_told_so() -> None:
    answer = _chat(_PROMPTS[1], *_x86("Nehalem"))
    assert answer.returncode == 1
    assert "lacks AVX2" in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
