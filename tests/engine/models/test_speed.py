"""The speed of a model is measured once and remembered, until the model is another one."""

import shutil
from pathlib import Path

import pytest

from engine.models.describe import describe
from engine.models.importing import import_folder
from engine.models.speed import (
    MeasuringStoppedError,
    known_speed,
    measure_speed,
    remember_speed,
)


@pytest.fixture
def model(tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return import_folder(Path(shutil.copytree(tiny_bundle, tmp_path / "friendly")))


def test_it_is_measured_with_progress_and_remembered(model: Path) -> None:
    told: list[tuple[int, int]] = []
    assert known_speed(describe(model)) is None
    speed = measure_speed(model, 1, lambda *done: told.append(done))
    assert speed.prefill > 0
    assert speed.decode > 0
    done, total = told[-1]
    assert done == total == len(told)
    remember_speed(describe(model), speed)
    known = known_speed(describe(model))
    assert known is not None
    assert known.decode == round(speed.decode, 1)
    (model / "more.bin").write_bytes(b"another model of that name")
    assert known_speed(describe(model)) is None


def test_it_can_be_stopped(model: Path) -> None:
    looks = iter([False, False, True])
    with pytest.raises(MeasuringStoppedError):
        measure_speed(model, 1, is_cancelled=lambda: next(looks))
