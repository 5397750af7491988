"""A config.json that contradicts itself is refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import ModelConfig
from engine.errors import ConfigError

_GEB: dict[str, Any] = {
    "vocab_size": 64_896,
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "max_position_embeddings": 4096,
}


def test_the_published_shape_has_the_published_number_of_parameters() -> None:
    assert ModelConfig(**_GEB).num_parameters == 1_348_044_800


def test_hugging_face_round_trip(tmp_path: Path) -> None:
    config = ModelConfig(**_GEB, tie_word_embeddings=True)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config.to_hugging_face() | {"unknown": 1}))
    assert ModelConfig.load(path) == config


def test_what_follows_from_other_fields_may_be_left_out() -> None:
    values = {k: v for k, v in _GEB.items() if k not in ("num_key_value_heads", "head_dim")}
    config = ModelConfig.from_hugging_face(values)
    assert (config.num_key_value_heads, config.head_dim) == (16, 128)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hidden_size": 0}, "hidden_size must be a whole number between 1 and"),
        ({"hidden_size": 2048.0}, "hidden_size must be a whole number"),
        ({"num_hidden_layers": True}, "num_hidden_layers must be a whole number"),
        ({"vocab_size": 10**12}, "vocab_size must be a whole number"),
        ({"max_position_embeddings": "4096"}, "max_position_embeddings must be"),
        ({"num_key_value_heads": 3}, "16 attention heads cannot be shared by 3"),
        ({"head_dim": 127}, "head_dim must be even"),
        ({"hidden_size": None}, "lacks a field"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        ModelConfig.from_hugging_face(_GEB | changes)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"geb"'])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json"):
        ModelConfig.load(path)
