"""The same shape for engines of others: as GGUF, and as onnxruntime-genai's builder makes it."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from speed.models import cached, checkpoint, int8_bundle
from speed.processes import environment

_GGUF_NAME = "model.gguf"


def gguf(config: str, kind: str, out: Path, python: Path) -> Path:
    """Return a model of the type `kind`, Q8_0 or Q4_0, written by the peers' own `python`."""
    shape = int8_bundle(config, out) / "config.json"
    build = partial(_write_gguf, python=python, shape=shape, kind=kind)
    return cached(f"{config}-{kind}", config, out, build) / _GGUF_NAME


def genai_int8(config: str, out: Path) -> Path:
    """Return a folder for onnxruntime-genai: 8-bit weights, for processors."""
    build = partial(_build_genai, source=checkpoint(config, out))
    return cached(f"{config}-genai-int8", config, out, build)


def _write_gguf(_config: str, out: Path, *, python: Path, shape: Path, kind: str) -> None:
    building = out.with_name(f".{out.name}")
    building.mkdir(exist_ok=True)
    arguments = (python, "-m", "speed.peers.write_gguf", shape, kind, building / _GGUF_NAME)
    subprocess.run(list(map(str, arguments)), check=True, env=environment())
    building.rename(out)


def _build_genai(_config: str, out: Path, *, source: Path) -> None:
    building = out.with_name(f".{out.name}")
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    command += ["-i", str(source), "-o", str(building), "-p", "int8", "-e", "cpu"]
    command += ["-c", str(out.with_name(".genai-cache"))]
    offline = environment() | {"HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, capture_output=True, env=offline)
    building.rename(out)
