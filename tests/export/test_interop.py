"""Folders of others in our engine, and ours in onnxruntime-genai: the same greedy tokens."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import onnxruntime_genai as genai
import pytest

from engine.bundle import open_bundle
from engine.bundle_config import GENAI_NAME
from engine.model import Model
from export.__main__ import export
from export.checkpoint import open_checkpoint

_STEPS = 24
_TEXT = "今天的天气很好。The children play"


def _engine_tokens(folder: Path, prompt: list[int]) -> list[int]:
    with closing(Model(open_bundle(folder), num_threads=1)) as model:
        tokens = [int(model.forward(prompt).argmax())]
        while len(tokens) < _STEPS:
            tokens.append(int(model.forward(tokens[-1:]).argmax()))
    return tokens


def _genai_tokens(folder: Path, prompt: list[int]) -> list[int]:
    """Return up to _STEPS tokens; genai itself ends at an end token."""
    model = genai.Model(str(folder))
    parameters = genai.GeneratorParams(model)
    length = len(prompt) + _STEPS
    parameters.set_search_options(do_sample=False, repetition_penalty=1.0, max_length=length)
    generator = genai.Generator(model, parameters)
    generator.append_tokens(prompt)
    tokens: list[int] = []
    while not generator.is_done():
        generator.generate_next_token()
        tokens.append(int(generator.get_next_tokens()[0]))
    return tokens


def _prompt(checkpoint: Path) -> list[int]:
    return open_checkpoint(checkpoint).chat.tokenizer.encode(_TEXT)


@pytest.mark.parametrize(
    "options",
    [{}, {"kv_cache": "float32"}, {"precision": "int4"}, {"precision": "fp32"}],
    ids=["int8", "float cache", "int4", "fp32"],
)
def test_genai_runs_our_bundles(
    options: dict[str, str], checkpoint: Path, heldout: Path, tmp_path: Path
) -> None:
    export(checkpoint, tmp_path / "out", heldout_path=heldout, **options)
    prompt = _prompt(checkpoint)
    found = _genai_tokens(tmp_path / "out", prompt)
    assert len(found) > 3
    assert found == _engine_tokens(tmp_path / "out", prompt)[: len(found)]


@pytest.mark.parametrize("precision", ["fp32", "int4"])
def test_the_engine_runs_what_genais_builder_makes(
    precision: str, checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "built"
    # In a process of its own: its libraries warn of their own future.
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(checkpoint)]
    command += ["-o", str(out), "-p", precision, "-e", "cpu", "-c", str(tmp_path / "cache")]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, capture_output=True, timeout=300, env=offline)
    opened = open_checkpoint(checkpoint)
    opened.chat.write(out)
    assert not (out / "config.json").exists()
    prompt = _prompt(checkpoint)
    found = _genai_tokens(out, prompt)
    assert len(found) > 3
    assert found == _engine_tokens(out, prompt)[: len(found)]
    generation = open_bundle(out).generation
    assert generation.eos_token_ids[0] == opened.config.eos_token_id


def test_the_engine_finds_the_fastest_graph_in_an_onnx_folder(
    bundle, float_graph: Path, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    shutil.copytree(bundle.path, folder)
    (folder / "onnx").mkdir()
    for name in ("SHA256SUMS", GENAI_NAME, "model.onnx", "generation_config.json"):
        (folder / name).unlink()
    data = (folder / "model.onnx.data").rename(folder / "onnx/model.onnx.data")
    shutil.copy(bundle.path / "model.onnx", folder / "onnx/model_quantized.onnx")
    shutil.copy(float_graph, folder / "onnx/model.onnx")
    opened = open_bundle(folder)
    assert opened.model_path.name == "model_quantized.onnx"
    assert opened.graph.external_files == {data.resolve()}
    assert opened.generation.max_new_tokens == 512
    prompt = _prompt(checkpoint)
    assert _engine_tokens(folder, prompt) == _engine_tokens(bundle.path, prompt)
