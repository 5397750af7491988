"""Training that sees int8: the arithmetic is the graph's, and the graph has its scales."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_helpers import SETTINGS, Workshop, events_of, write_data

from engine.bundle import open_bundle
from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.model import Model
from engine.quantization import quantize_weight
from engine.tokenizer import Tokenizer
from export.__main__ import export
from training import checkpoint
from training.model import GEB
from training.rounding import Rounding, load_scales, rounded_weight
from training.settings import QuantizationSettings
from training.smoothing import choose_factors, int8_error

torch.set_num_threads(1)  # so small a model gains nothing from two
ROUNDED = replace(SETTINGS, quantization=QuantizationSettings(start=0.5))


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, tiny_config: ModelConfig
) -> Workshop:
    return Workshop(tiny_config, write_data(tmp_path_factory.mktemp("data"), tokenizer), tokenizer)


@pytest.fixture(scope="module")
def trained(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learnt its text, half of the time with rounding."""
    out = tmp_path_factory.mktemp("rounded")
    workshop.trainer(out, replace(ROUNDED, steps=120, evaluate_steps=120)).train()
    return checkpoint.resolve(out)


@settings(max_examples=30)
@given(rows=st.integers(1, 9), columns=st.integers(1, 40), seed=st.integers(0, 999))
def test_weights_are_rounded_as_the_graphs_are(rows: int, columns: int, seed: int) -> None:
    # Heavy tails, so that neighbours exceed what they may add up to; and a row of zeros.
    weight = np.random.default_rng(seed).standard_t(2, (rows, columns)).astype(np.float32)
    weight[0] = 0
    integers, scales = quantize_weight(weight)
    found = rounded_weight(torch.from_numpy(weight)).numpy()
    np.testing.assert_allclose(found, integers * scales[:, None], rtol=1e-5, atol=1e-7)


def test_gradients_pass_straight_through_but_not_where_a_value_is_clipped() -> None:
    weight = torch.randn(3, 8, requires_grad=True)
    rounded_weight(weight).sum().backward()
    assert torch.equal(weight.grad, torch.ones(3, 8))
    place = Rounding()
    x = torch.tensor([0.24, -0.26, 20.0, -20.0], requires_grad=True)
    assert torch.equal(place(x), x)
    place.set(0.1)
    rounded = place(x)
    torch.testing.assert_close(rounded, torch.tensor([0.2, -0.3, 12.7, -12.8]))
    rounded.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0]


def test_a_channels_scale_rounds_it_and_the_weights_that_it_meets() -> None:
    place = Rounding()
    place.set([0.1, 10.0])
    torch.testing.assert_close(place(torch.tensor([[0.26, 26.0]])), torch.tensor([[0.3, 30.0]]))
    scales = place.by_channel()
    assert scales is not None
    weight = torch.randn(6, 2)
    expected = rounded_weight(weight * scales) / scales
    torch.testing.assert_close(rounded_weight(weight, scales), expected)
    place.set(0.1)
    assert place.by_channel() is None


def test_outliers_cost_little_where_each_channel_has_its_scale() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((300, 64)).astype(np.float32)
    weight = generator.standard_normal((96, 64)).astype(np.float32)
    x[:, [3, 17]] *= 50
    weight[:, [3, 17]] /= 50
    factors = choose_factors(x, weight)
    assert int8_error(x, weight, factors) < 0.1 * int8_error(x, weight, np.ones_like(factors))
    assert choose_factors(x, weight, smallest=0.5).min() >= 0.5


def test_a_rounded_forward_pass_has_the_exported_graphs_logits(
    trained: Path, workshop: Workshop, tmp_path: Path
) -> None:
    heldout = workshop.data / "heldout.jsonl"
    facts = export(trained, tmp_path / "bundle", heldout_path=heldout)
    scales = load_scales(trained)
    assert scales is not None
    assert facts.calibration is not None
    quantization, factors = facts.calibration.quantization, facts.calibration.factors
    for name in ("layers.0.qkv", "layers.1.down", "lm_head"):
        folded = quantization.activation_scales[name] * factors[name]
        np.testing.assert_allclose(folded, scales[name], rtol=1e-6)
    np.testing.assert_array_equal(quantization.table_factors, factors["lm_head"])
    assert list(quantization.key_scales) == [scales["layers.0.keys"], scales["layers.1.keys"]]
    assert "trained with this rounding" in (tmp_path / "bundle/README.md").read_text()
    for result in facts.fidelity:
        assert result.loss < 0.003

    model, _ = checkpoint.load_model(trained)
    ids = workshop.tokenizer.encode("天气很好，我们去公园散步。The weather is fine in the park.")
    plain = model(torch.tensor([ids])).detach().numpy()[0]
    model.round(scales)
    rounded = model(torch.tensor([ids])).detach().numpy()[0]
    engine = Model(open_bundle(tmp_path / "bundle"))
    found = np.stack([engine.forward([token]).copy() for token in ids])
    engine.close()
    difference = np.abs(found - rounded).max(axis=1)
    # Where a value lies at the edge of two steps the last digit decides; elsewhere all agree.
    assert np.quantile(difference, 0.6) < 1e-4
    assert np.abs(found - rounded).mean() < 0.2 * np.abs(plain - rounded).mean()


@pytest.mark.parametrize("stop", [2, 6])
def test_a_resumed_run_rounds_as_an_uninterrupted_one(
    workshop: Workshop, tmp_path: Path, stop: int
) -> None:
    whole, half = tmp_path / "whole", tmp_path / "half"
    workshop.trainer(whole, ROUNDED).train()
    workshop.trainer(half, ROUNDED, stop_at=stop).train()
    assert (load_scales(checkpoint.resolve(half)) is None) == (stop == 2)
    workshop.trainer(half, ROUNDED, resume=True).train()
    for name in ("model.safetensors", "scales.json"):
        files = [checkpoint.resolve(out) / name for out in (whole, half)]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert [event["event"] for event in events_of(whole)] == ["rounding"]


def test_a_later_stage_calibrates_anew(workshop: Workshop, tmp_path: Path) -> None:
    settings = replace(ROUNDED, quantization=QuantizationSettings(start=0.0))
    workshop.trainer(tmp_path / "first", settings).train()
    model, folder = checkpoint.load_model(checkpoint.resolve(tmp_path / "first"))
    before = load_scales(folder)
    assert before is not None
    # What a stage does to a model's activations, in large.
    with torch.no_grad():
        model.model.norm.weight.mul_(3)
    later = workshop.trainer(tmp_path / "later", settings)
    later.model.load_state_dict(model.state_dict())
    later.train()
    assert later.model.scales is not None
    assert np.mean(later.model.scales["lm_head"]) > 2 * np.mean(before["lm_head"])


def test_weights_that_stay_are_rounded_once_with_the_same_result(trained: Path) -> None:
    model, folder = checkpoint.load_model(trained)
    model.round(load_scales(folder))
    ids = torch.arange(5, 45)[None]
    with torch.no_grad():
        expected = model(ids)
        with model.unchanging():
            assert torch.equal(model(ids), expected)
            model.model.layers[0].mlp.down_proj.weight.mul_(2)
            assert torch.equal(model(ids), expected)
        assert not torch.equal(model(ids), expected)


def test_scales_of_another_model_are_refused(trained: Path, tiny_config: ModelConfig) -> None:
    scales = load_scales(trained)
    assert scales is not None
    with pytest.raises(ConfigError, match="another shape"):
        GEB(replace(tiny_config, num_hidden_layers=1)).round(scales)
    with pytest.raises(ConfigError, match="another shape"):
        GEB(replace(tiny_config, intermediate_size=64)).round(scales)


def test_damaged_scales_are_said(tmp_path: Path) -> None:
    assert load_scales(tmp_path) is None
    values = ("-1", '"x"', "[1, 0]", "[[1], [1]]", "[1, [1]]", "null", "{}")
    for damaged in ("{", "[]", *(f'{{"lm_head": {value}}}' for value in values)):
        (tmp_path / "scales.json").write_text(damaged)
        with pytest.raises(ConfigError, match=r"scales\.json is damaged"):
            load_scales(tmp_path)
