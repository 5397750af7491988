"""Text and conversations in the same batches: whose sources they are, and what is credited."""

import json
import sys
from pathlib import Path

import pytest

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training.settings import load_settings
from training.shards import write_shards
from training.stage import open_stage

_CONFIG = """
[tokenizer]
vocab_size = 448
[model]
hidden_size = 64
intermediate_size = 176
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 16
max_position_embeddings = 512
tie_word_embeddings = true
[pretrain]
steps = 8
batch_size = 10
sequence_length = 32
[pretrain.blend]
conversations = 0.3
answers = 0.5
[sft]
steps = 4
batch_size = 4
sequence_length = 32
[dpo]
steps = 4
batch_size = 4
sequence_length = 32
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """Text and conversations from a source of the same name, and a second source of text."""
    folder = tmp_path_factory.mktemp("blend")
    chat = {
        "messages": [
            {"role": "user", "content": "The weather is fine in the park."},
            {"role": "assistant", "content": "天气很好。"},
        ]
    }
    records = {
        ("pretrain", "twice"): {"text": "天气很好，我们去公园散步。", "lang": "zh"},
        ("pretrain", "other"): {"text": "The weather is fine in the park.", "lang": "en"},
        ("sft", "twice"): chat,
    }
    sources = {}
    for (stage, name), record in records.items():
        (folder / stage).mkdir(exist_ok=True)
        lines = (json.dumps(record, ensure_ascii=False) + "\n") * 60
        (folder / stage / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        sources[f"{stage}/{name}"] = {
            "name": name,
            "stage": stage,
            "share": 0.5 if name == "other" else 1.5,
            "language": record.get("lang", "en"),
            "licence": "CC0-1.0",
            "url": "https://example.org",
            "kept": 60,
        }
    prepared = {"recipe": "test", "licence": "CC0-1.0", "sources": sources}
    (folder / "sources.json").write_text(json.dumps(prepared), encoding="utf-8")
    (folder / "tokenizer.model").write_bytes(tokenizer.serialized())
    write_shards(folder, tokenizer)
    return folder


def test_a_blend_takes_in_the_other_stages_sources_and_credits_them(
    data: Path, tiny_config: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "blend.toml"
    config.write_text(_CONFIG)
    assert load_settings(str(config)).model == tiny_config
    words = ["pretrain", "--config", str(config), "--data", str(data), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    stage = open_stage("pretrain", None)
    batches = stage.batches()
    assert batches.shares == pytest.approx({"twice": 0.525, "other": 0.175, "sft/twice": 0.3})
    batch = batches.next()
    chats = batch.source_ids == batches.sources.index("sft/twice")
    assert chats.sum() == 3
    assert batch.weights[chats].sum() > 0.5
    credited = {(entry["source"], entry["stage"]) for entry in stage.run.card["data"]}
    assert credited == {("twice", "pretrain"), ("other", "pretrain"), ("twice", "sft")}
    config.write_text(
        f"""{_CONFIG}[pretrain.mixture]
kind = "staged"
stages = [{{until = 0.5}}, {{until = 1.0, shares = {{"sft/twice" = 0.6}}}}]
"""
    )
    batches = open_stage("pretrain", None).batches()
    assert batches.shares == pytest.approx({"twice": 0.525, "other": 0.175, "sft/twice": 0.3})
    batches.skip(4)
    assert batches.shares == pytest.approx({"twice": 0.3, "other": 0.1, "sft/twice": 0.6})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("conversations = 0.3", "conversations = 1", "conversations must be above 0 and below 1"),
        ("[pretrain.blend]", '[pretrain.mixture]\nkind = "staged"\n', "unknown field"),
        ("[dpo]\nsteps", "[dpo.blend]\nconversations = 0.5\nanswers = 0.5\n[dpo]\nsteps", "pairs"),
        (
            "[sft]",
            '[pretrain.mixture]\nkind = "adaptive"\ntargets = {a = 1.0}\n[sft]',
            "needs a fixed or a staged mixture",
        ),
        ("[sft]", "[sft.quantization]\nstart = 1\n[sft]", "start must be at least 0"),
        ("[sft]", "[sft]\nblend = 3", "blend must be a table"),
    ],
)
def test_a_blend_that_makes_no_sense_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    config = tmp_path / "blend.toml"
    config.write_text(_CONFIG.replace(old, new))
    with pytest.raises(ConfigError, match=said):
        load_settings(str(config))
