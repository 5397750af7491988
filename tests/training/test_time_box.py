"""Runs that end by the clock: as many steps as fit, and the rate comes down within them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from training_helpers import SETTINGS, Workshop, steps_of, write_data

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from training import time_box
from training.time_box import TimeBox


class Clock:
    """A clock that each look moves on by `pace` seconds."""

    def __init__(self, pace: float) -> None:
        self.now, self.pace = 0.0, pace

    def monotonic(self) -> float:
        self.now += self.pace
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    ours = Clock(2.0)
    monkeypatch.setattr(time_box, "time", ours)
    return ours


def test_the_plan_is_what_fits_at_the_speed_so_far(clock: Clock) -> None:
    box = TimeBox(1000, minutes=1)
    plans = [box.planned_steps(step) for step in range(20)]
    # The first steps tell nothing; from then on it is known that a step takes 2 s of the 60.
    assert plans[:4] == [1000] * 4
    assert plans[4:] == [29] * 16
    clock.pace = 4.0
    assert box.planned_steps(20) < 29


def test_a_plan_never_exceeds_the_steps_and_without_minutes_is_them(clock: Clock) -> None:
    assert {TimeBox(10, None).planned_steps(step) for step in range(10)} == {10}
    box = TimeBox(10, minutes=60)
    assert {box.planned_steps(step) for step in range(10)} == {10}


def test_a_run_that_was_resumed_counts_from_where_it_goes_on(clock: Clock) -> None:
    box = TimeBox(1000, minutes=1)
    assert [box.planned_steps(step) for step in range(500, 510)][-1] == 529


def test_a_run_ends_with_its_time_at_a_low_rate(
    clock: Clock, tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    shop = Workshop(tiny_config, write_data(tmp_path / "data", tokenizer), tokenizer)
    settings = replace(SETTINGS, steps=1000, evaluate_steps=1000, decay_fraction=0.5)
    trainer = shop.trainer(tmp_path / "run", settings)
    trainer.run = replace(trainer.run, minutes=1)
    assert trainer.train().name == "step-0000029"
    rates = [entry["learning_rate"] for entry in steps_of(tmp_path / "run")]
    assert rates[10] == settings.learning_rate
    assert rates[-1] == pytest.approx(settings.learning_rate / 14.5)
