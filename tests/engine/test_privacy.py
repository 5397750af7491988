"""What the engine does stays on this computer."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_OPEN = """
import sys
from pathlib import Path
from engine.bundle import open_bundle
from engine.model import Model
Model(open_bundle(Path(sys.argv[1]))).forward([1])
"""


def test_a_model_at_work_collects_nothing_to_report(tiny_bundle: Path, tmp_path: Path) -> None:
    """onnxruntime keeps a device's number and its unsent reports under the user's cache folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ORT_", "XDG_", "CI", "GITHUB_"))
    }
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _OPEN, str(tiny_bundle)]
    subprocess.run(command, env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
