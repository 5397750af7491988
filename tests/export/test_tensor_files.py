"""Checkpoints in every form that they are published in, and pickles that are more than data."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import DataError
from export.tensor_files import TensorFiles


@pytest.fixture(scope="module")
def tensors(checkpoint: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint / "model.safetensors")


def _write_shards(folder: Path, tensors: dict[str, torch.Tensor], suffix: str) -> None:
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    names = sorted(tensors)
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"{stem}-{number:05}-of-00002.{suffix}"
        chosen = {name: tensors[name] for name in part}
        if suffix == "safetensors":
            save_file(chosen, folder / file)
        else:
            torch.save(chosen, folder / file)
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "form", ["safetensors", "safetensors shards", "pickle", "pickle shards", "old pickle"]
)
def test_every_form_holds_the_same(
    form: str, tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    if form == "safetensors":
        save_file(tensors, tmp_path / "model.safetensors")
    elif form == "pickle":
        torch.save(tensors, tmp_path / "pytorch_model.bin")
    elif form == "old pickle":
        torch.save(tensors, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    else:
        _write_shards(tmp_path, tensors, "safetensors" if "safe" in form else "bin")
    files = TensorFiles(tmp_path)
    for name, expected in tensors.items():
        assert name in files
        assert files.shape(name) == tuple(expected.shape)
        assert torch.equal(files.read(name), expected)
    assert "model.layers.9.mlp.up_proj.weight" not in files


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path: Path, zipped: bool) -> None:
    loot = tmp_path / "loot"
    path = tmp_path / "pytorch_model.bin"
    torch.save({"weight": _Evil(loot)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"pytorch_model\.bin cannot be read") as raised:
        TensorFiles(tmp_path)
    assert "\n" not in str(raised.value)
    assert not loot.exists()


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": [1.0]}, tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match="more than weights"):
        TensorFiles(tmp_path)


def test_an_index_does_not_lead_out_of_the_folder(
    tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    _write_shards(folder, tensors, "safetensors")
    for shard in folder.glob("*.safetensors"):
        shutil.move(shard, tmp_path)
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace('"model-0', '"../model-0'))
    with pytest.raises(DataError, match="cannot be read"):
        TensorFiles(folder).shape(next(iter(tensors)))


def test_a_folder_without_weights_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither model\.safetensors, pytorch_model\.bin"):
        TensorFiles(tmp_path)
