"""The cost of a full run: the arithmetic, and that the README prints what it gives."""

import math
import sys
from pathlib import Path

import pytest

from engine.i18n import set_language
from training import cost
from training.settings import load_settings

README = Path(cost.__file__).parent / "README.md"


def _tables(tokens_per_second: float | None = None) -> list[str]:
    set_language("en")
    return list(cost.tables(load_settings("geb-1.3b"), tokens_per_second))


def test_a_token_of_the_papers_model_takes_as_many_operations_as_by_hand() -> None:
    # 24 layers of 2 · 2048² (query, output), 2 · 2048 · 512 (key, value), 3 · 2048 · 5632 (MLP);
    # the head of 64,896 · 2048; attention over 4,096 positions, forward and backward.
    layer = 2 * 2048**2 + 2 * 2048 * 512 + 3 * 2048 * 5632
    attention = 3 * 24 * 2 * 2 * 2048 * 4096
    expected = 6 * (24 * layer + 64896 * 2048) + attention
    assert cost.flops_per_token(load_settings("geb-1.3b").model, 4096) == expected


def test_a_tied_embedding_multiplies_once() -> None:
    config = load_settings("nano").model
    layer = 2 * 384**2 + 2 * 384 * 128 + 3 * 384 * 1024
    assert cost.flops_per_token(config, 0) == 6 * (5 * layer + 8192 * 384)


def test_the_readme_prints_the_tables() -> None:
    assert "\n".join(_tables()) in README.read_text(encoding="utf-8")


def test_a_measured_speed_takes_the_place_of_the_assumed_one() -> None:
    assert "Not measured" in _tables()[0]
    measured = _tables(tokens_per_second=40_000)
    assert "Not measured" not in measured[0]
    hours = 420_000 * 320 * 4096 / 40_000 / 3600
    pretrain = next(line for line in measured if line.startswith("| pretrain"))
    assert f"| {hours:,.0f} | {hours / 8 / 24:.1f} days |" in pretrain


def test_the_command_prints_the_tables_of_a_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cost", "--config", "nano"])
    cost.main()
    out = capsys.readouterr().out
    tokens = load_settings("nano").pretrain.steps * 4 * 1024
    flops = tokens * cost.flops_per_token(load_settings("nano").model, 1024)
    assert f"{flops:.2e}" in out
    assert math.isclose(cost.shard_bytes(load_settings("nano").model, tokens), 2 * tokens)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf"])
def test_a_speed_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], speed: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["cost", "--config", "nano", "--tokens-per-second", speed])
    with pytest.raises(SystemExit) as exit_:
        cost.main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.endswith(": --tokens-per-second must be above 0\n")
