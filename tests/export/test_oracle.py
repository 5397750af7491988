"""Our float32 graph against the plain one that Optimum exports from the same checkpoint."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from engine.bundle import open_bundle
from engine.model import Model
from export.checkpoint import open_checkpoint

_EXPORT = """
import sys
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], sys.argv[2], task="text-generation-with-past", do_validation=False)
"""


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Optimum makes of the checkpoint, with past key values."""
    out = tmp_path_factory.mktemp("optimum") / "model"
    # In a process of its own: its libraries warn of their own future.
    command = [sys.executable, "-c", _EXPORT, str(checkpoint), str(out)]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, capture_output=True, timeout=300, env=offline)
    return out


def test_optimum_exports_the_same_model(
    runner: type, checkpoint: Path, float_graph: Path, exported: Path
) -> None:
    oracle = ort.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    opened = open_checkpoint(checkpoint)
    ids = opened.chat.tokenizer.encode("河水很清。The river runs past the old mill and the bridge.")
    feeds = {
        "input_ids": np.array([ids]),
        "attention_mask": np.ones((1, len(ids)), np.int64),
        "position_ids": np.arange(len(ids))[None],
    }
    for value in oracle.get_inputs():
        if value.name.startswith("past_key_values."):
            feeds[value.name] = np.zeros((1, value.shape[1], 0, value.shape[3]), np.float32)
    (expected, *_) = oracle.run(["logits"], feeds)
    found = runner(float_graph, opened.config)(ids, len(ids))
    np.testing.assert_allclose(found, expected[0], atol=1e-4)


def test_the_engine_runs_a_graph_of_plain_operators(
    exported: Path, checkpoint: Path, float_graph: Path, runner: type, tmp_path: Path
) -> None:
    """Its cache grows by copies; edits and other conversations are kept apart all the same."""
    folder = Path(shutil.copytree(exported, tmp_path / "foreign"))
    opened = open_checkpoint(checkpoint)
    opened.chat.write(folder)
    bundle = open_bundle(folder)
    assert not bundle.signed
    prompts = [opened.chat.tokenizer.encode(text) for text in ("河水很清。The", "The old mill")]
    prompts.append([*prompts[0][:4], *prompts[1]])

    def greedy(forward: Callable[[list[int]], NDArray[np.float32]], prompt: list[int]) -> list[int]:
        tokens = [int(forward(prompt).argmax())]
        while len(tokens) < 20:
            tokens.append(int(forward(tokens[-1:]).argmax()))
        return tokens

    expected = []
    for prompt in prompts:
        ours = runner(float_graph, opened.config)
        expected.append(greedy(lambda ids, run=ours: run(ids, 1)[-1], prompt))
    with closing(Model(bundle, num_threads=1)) as model:
        assert not model.verifies_drafts

        def answer(prompt: list[int]) -> list[int]:
            model.reuse(prompt[:-1])
            rest = prompt[model.length :]
            return greedy(lambda ids: model.forward(rest if ids is prompt else ids), prompt)

        for index in (0, 1, 2, 0, 0, 2, 1):
            assert answer(prompts[index]) == expected[index]
        together = model.forward_all([5, 6, 7]).copy()
        model.truncate(model.length - 3)
        one_by_one = np.stack([model.forward([token]).copy() for token in (5, 6, 7)])
        np.testing.assert_allclose(together, one_by_one, atol=1e-4)
