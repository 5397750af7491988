"""A tiny checkpoint that has learnt a little: enough for logits that prefer something."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import sentencepiece as spm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from export.texts import CALIBRATION, read_samples
from training.model import GEB

_STEPS = 60


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer model with tied embeddings, after a few seconds of training."""
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "tokenizer.model").write_bytes(_train_tokenizer())
    tokenizer = Tokenizer(folder / "tokenizer.model")
    config = ModelConfig(
        vocab_size=(tokenizer.vocab_size + 63) // 64 * 64,
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    torch.manual_seed(1)
    model = GEB(config)
    samples = read_samples(CALIBRATION, tokenizer, 256)
    _train(model, [sample.token_ids for sample in samples])
    write_checkpoint(folder, model, {"recipe": "test", "data": [{"source": "ours"}]})
    return folder


def write_checkpoint(folder: Path, model: GEB, card: dict[str, object]) -> None:
    """Write what export reads, beside the tokenizer.model that is already there."""
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.config.to_hugging_face()))
    (folder / "model_card.json").write_text(json.dumps(card))


def _train_tokenizer() -> bytes:
    records = [json.loads(line) for line in CALIBRATION.read_text(encoding="utf-8").splitlines()]
    texts = [record["text"] for record in records if "text" in record]
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(part for text in texts for part in text.split("\n")),
        model_writer=model,
        model_type="bpe",
        vocab_size=1500,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        byte_fallback=True,
        control_symbols=["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"],
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        minloglevel=2,
    )
    return model.getvalue()


def _train(model: GEB, sequences: Sequence[Sequence[int]]) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for step in range(_STEPS):
        ids = torch.tensor([list(sequences[step % len(sequences)])])
        loss = F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
