"""The 1.3B shape, as large as it is: a long proof of its own."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine.bundle import open_bundle
from export.decoder import as_decoder
from export.weights import RandomWeights, weight_shapes
from training.settings import load_settings

_MEMORY = 4e9


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads memory as Linux counts it")
def test_exporting_a_large_model_takes_little_memory(checkpoint: Path, tmp_path: Path) -> None:
    """Weights at random say nothing, so that rounding has nothing to lose."""
    config = load_settings("geb-1.3b").model
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    shutil.copy(checkpoint / "tokenizer.model", folder)
    (folder / "config.json").write_text(json.dumps(config.to_hugging_face()))
    random = RandomWeights(config)
    names = list(weight_shapes(as_decoder(config)))
    weight_map = {}
    for number, start in enumerate(range(0, len(names), 24)):
        part = names[start : start + 24]
        file = f"model-{number}.safetensors"
        save_file({n: torch.from_numpy(random(n)).bfloat16() for n in part}, folder / file)
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    out = tmp_path / "bundle"
    command = [sys.executable, "-m", "export", "--checkpoint", str(folder), "--out", str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3600)
    assert "Writing the rounded graph: 100%" in done.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < _MEMORY
    assert open_bundle(out, verify=True).size_bytes < 1.1 * config.num_parameters
