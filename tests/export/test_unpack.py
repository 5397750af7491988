"""`python -m export.unpack`: a checkpoint out of a bundle, for training to go on from."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch

from engine.bundle import open_bundle
from engine.errors import DataError
from engine.model import Model
from export.__main__ import export
from export.bundle import write_sums
from export.texts import HELDOUT
from export.unpack import main, unpack
from training import state
from training.checkpoint import load_model, read_card
from training.model import GEB

_TEXT = "白鹭湖长约三公里，最深处十二米。The lighthouse was built in 1864 by Thomas Arkell."


def logits(model: GEB, token_ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor([token_ids]))[0].numpy()


def test_int8_bundle_comes_back_as_the_function_that_it_computes(bundle, tmp_path: Path) -> None:
    opened = open_bundle(bundle.path)
    model, folder = load_model(unpack(opened, tmp_path / "checkpoint"))
    token_ids = opened.tokenizer.encode(_TEXT)
    wanted = Model(opened).forward_all(token_ids)
    found = logits(model, token_ids)
    # What is left is the rounding of activations.
    assert np.mean(found.argmax(1) == wanted.argmax(1)) > 0.9
    assert np.square(found - wanted).mean() < 0.01 * wanted.var()
    assert read_card(folder) == bundle.facts.checkpoint_card
    assert (folder / "tokenizer.model").read_bytes() == opened.tokenizer.serialized()


def test_unpacked_model_is_exported_again_with_little_loss(
    bundle, heldout: Path, tmp_path: Path
) -> None:
    unpack(open_bundle(bundle.path), tmp_path / "checkpoint")
    again = export(tmp_path / "checkpoint", tmp_path / "again", heldout_path=heldout)
    for before, after in zip(bundle.facts.fidelity, again.fidelity, strict=True):
        assert after.bundle_bits_per_byte < 1.01 * before.bundle_bits_per_byte


@pytest.mark.parametrize("tied", [True, False])
def test_float_bundle_comes_back_exactly(
    tied: bool, checkpoint: Path, heldout: Path, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(checkpoint, before)
    if not tied:
        model = GEB(replace(load_model(checkpoint)[0].config, tie_word_embeddings=False))
        state.save_weights(before, dict(model.named_parameters()))
        (before / "config.json").write_text(json.dumps(model.config.to_hugging_face()))
    export(before, tmp_path / "float", precision="fp32", heldout_path=heldout)
    opened = open_bundle(tmp_path / "float")
    model, _ = load_model(unpack(opened, tmp_path / "checkpoint"))
    token_ids = opened.tokenizer.encode(_TEXT)
    wanted = logits(load_model(before)[0], token_ids)
    assert np.abs(logits(model, token_ids) - wanted).max() < 1e-3


def test_shipped_model_comes_back(tmp_path: Path) -> None:
    opened = open_bundle(Path("resources/models/geb-nano"))
    model, _ = load_model(unpack(opened, tmp_path))
    records = [json.loads(line) for line in HELDOUT.read_text(encoding="utf-8").splitlines()]
    for text in (records[0]["text"], records[-1]["text"]):
        token_ids = opened.tokenizer.encode(text)[:300]
        wanted = Model(opened).forward_all(token_ids)
        assert np.mean(logits(model, token_ids).argmax(1) == wanted.argmax(1)) > 0.85


def test_a_run_keeps_its_checkpoints(bundle, tmp_path: Path) -> None:
    trunk = tmp_path / "trunk/step-0001364"
    trunk.mkdir(parents=True)
    with pytest.raises(DataError, match="is not an empty folder; choose another --out"):
        unpack(open_bundle(bundle.path), trunk.parent)
    assert trunk.is_dir()


@pytest.mark.parametrize("damage", ["int4", "missing"])
def test_other_graphs_are_refused_in_one_sentence(
    damage: str,
    bundle,
    checkpoint: Path,
    heldout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "other"
    if damage == "int4":
        export(checkpoint, folder, precision="int4", max_loss=1, heldout_path=heldout)
    else:
        _rename_a_weight(bundle.path, folder)
    out = tmp_path / "checkpoint"
    monkeypatch.setattr(sys, "argv", ["unpack", "--bundle", str(folder), "--out", str(out)])
    with pytest.raises(SystemExit, match="no int8 or fp32 model folder that python -m export"):
        main()
    assert not out.exists()


def _rename_a_weight(bundle: Path, folder: Path) -> None:
    folder.mkdir()
    for path in bundle.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    graph = ir.load(folder / "model.onnx")
    graph.graph.initializers["layers.1.o.weight"].name = "layers.1.output.weight"
    ir.save(graph, folder / "model.onnx", external_data="model.onnx.data")
    write_sums(folder)
