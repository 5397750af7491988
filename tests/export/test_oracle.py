"""Our float32 graph against the plain one that Optimum exports from the same checkpoint."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from export.checkpoint import open_checkpoint

_EXPORT = """
import sys
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], sys.argv[2], task="text-generation", do_validation=False)
"""


def test_optimum_exports_the_same_model(
    runner: type, checkpoint: Path, float_graph: Path, tmp_path: Path
) -> None:
    # In a process of its own: its libraries warn of their own future.
    command = [sys.executable, "-c", _EXPORT, str(checkpoint), str(tmp_path)]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, capture_output=True, timeout=300, env=offline)
    oracle = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    opened = open_checkpoint(checkpoint)
    ids = opened.chat.tokenizer.encode("河水很清。The river runs past the old mill and the bridge.")
    feeds = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    feeds["position_ids"] = np.arange(len(ids))[None]
    names = {value.name for value in oracle.get_inputs()}
    (expected, *_) = oracle.run(["logits"], {name: feeds[name] for name in names})
    found = runner(float_graph, opened.config)(ids, len(ids))
    np.testing.assert_allclose(found, expected[0], atol=1e-4)
