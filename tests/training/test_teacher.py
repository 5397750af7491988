"""Knowledge inheritance: its weight falls, and the student profits."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_helpers import SETTINGS, Workshop, log_of, write_data

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.model import GEB
from training.settings import PretrainSettings, TeacherSettings
from training.teacher import (
    InheritingTrainer,
    open_teacher,
    teacher_weight,
)


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, tiny_config: ModelConfig
) -> Workshop:
    return Workshop(tiny_config, write_data(tmp_path_factory.mktemp("data"), tokenizer), tokenizer)


def test_the_teacher_is_listened_to_less_and_less() -> None:
    settings = TeacherSettings(until=0.5, weight=2.0)
    weights = [teacher_weight(step, 8, settings) for step in range(8)]
    assert weights == [2.0, 1.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]


def test_a_student_learns_faster_from_the_same_text_with_a_teacher(
    workshop: Workshop, tmp_path: Path
) -> None:
    trained = replace(SETTINGS, steps=50, evaluate_steps=1000)
    workshop.trainer(tmp_path / "teacher", trained).train()
    teacher = open_teacher(tmp_path / "teacher", workshop.config, workshop.tokenizer)
    plain = workshop.trainer(tmp_path / "alone")
    settings = PretrainSettings(
        **{name: getattr(SETTINGS, name) for name in ("steps", "batch_size", "sequence_length")},
        warmup_steps=2,
        precision="float32",
        compile="off",
        micro_batch_size=2,
        teacher=TeacherSettings(until=1.0, weight=1.0),
    )
    before = teacher.lm_head.weight.clone()
    run = replace(plain.run, out=tmp_path / "taught")
    taught = InheritingTrainer(
        workshop.model(), teacher, workshop.trainer(tmp_path).batches, settings, run
    )
    plain.train()
    taught.train()
    alone, helped = log_of(tmp_path / "alone"), log_of(tmp_path / "taught")
    assert helped[0]["loss"] == pytest.approx(alone[0]["loss"], rel=1e-5)
    assert helped[-1]["loss"] < alone[-1]["loss"]
    assert helped[-1]["teacher_divergence"] < helped[0]["teacher_divergence"]
    assert torch.equal(teacher.lm_head.weight, before)


def test_a_teacher_of_another_vocabulary_is_refused(
    workshop: Workshop, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    config = replace(workshop.config, vocab_size=512)
    progress = checkpoint.Progress(step=1, tokens=0, batches={})
    folder = checkpoint.save(tmp_path, GEB(config), tokenizer, {}, progress, [])
    with pytest.raises(ConfigError, match="another vocabulary"):
        open_teacher(folder, workshop.config, tokenizer)
    other = tmp_path / "other"
    folder = checkpoint.save(other, workshop.model(), tokenizer, {}, progress, [])
    (folder / "tokenizer.model").write_bytes(tokenizer.serialized()[:-1])
    with pytest.raises(ConfigError, match="another vocabulary"):
        open_teacher(folder, workshop.config, tokenizer)


def test_the_command_line_names_the_teacher_again_when_it_resumes(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_checkpoint import CONFIG

    from training import pretrain

    progress = checkpoint.Progress(step=1, tokens=0, batches={})
    teacher = tmp_path / "teacher"
    checkpoint.save(teacher, workshop.model(), workshop.tokenizer, {}, progress, [])
    config = tmp_path / "small.toml"
    config.write_text(CONFIG + "[pretrain.teacher]\nuntil = 0.5\n", encoding="utf-8")
    command = ["x", "--config", str(config), "--data", str(workshop.data), "--steps", "2"]
    command += ["--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [*command, "--teacher", str(teacher)])
    pretrain.main()
    assert "teacher_divergence" in log_of(tmp_path / "out")[0]
    monkeypatch.setattr(sys, "argv", [*command, "--resume"])
    with pytest.raises(SystemExit, match="--teacher"):
        pretrain.main()
