"""A tiny checkpoint that has learnt a little: enough for logits that prefer something."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from export.__main__ import export
from export.bundle import write_graph
from export.chat_format import our_chat_format
from export.checkpoint import open_checkpoint
from export.graph import build_graph
from export.model_card import Facts
from export.texts import CALIBRATION, HELDOUT, read_samples
from training.model import GEB
from training.settings import TokenizerSettings
from training.tokenizer import train_tokenizer

_STEPS, _BATCH, _WINDOW = 120, 8, 63


@dataclass(frozen=True)
class Exported:
    """A bundle and what its export reported."""

    path: Path
    facts: Facts


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
    torch.set_num_threads(1)  # so small a model gains nothing from two
    model = GEB(config)
    chat = our_chat_format(folder / "tokenizer.model")
    samples = read_samples(CALIBRATION, chat, config.max_position_embeddings)
    teach(model, [token for sample in samples for token in sample.token_ids])
    write_checkpoint(
        folder, model, {"recipe": "test", "licence": "apache-2.0", "data": [{"source": "ours"}]}
    )
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
    texts = (record["text"] for record in records if "text" in record)
    return train_tokenizer(texts, TokenizerSettings(vocab_size=1500, character_coverage=1.0))


def teach(model: torch.nn.Module, token_ids: list[int]) -> None:
    """Teach a model whose forward returns logits a little of a text."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    text = torch.tensor(token_ids)
    for _ in range(_STEPS):
        starts = torch.randint(len(text) - _WINDOW, (_BATCH, 1))
        ids = text[starts + torch.arange(_WINDOW + 1)]
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.fixture(scope="session")
def train() -> Callable[..., None]:
    return teach


class Runner:
    """Runs a graph as it is, to see what the engine's Model does not show: every logit."""

    def __init__(self, model: Path, config: ModelConfig) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        types = {value.name: value.type for value in self._session.get_inputs()}
        integer = types["past_key_values.0.key"] == "tensor(int8)"
        shape = (1, config.num_key_value_heads, config.max_position_embeddings, config.head_dim)
        self.cache = {
            f"{layer}.{part}": ort.OrtValue.ortvalue_from_numpy(
                np.zeros(shape, np.int8 if integer else np.float32)
            )
            for layer in range(config.num_hidden_layers)
            for part in ("key", "value")
        }
        self.length = 0

    def __call__(self, token_ids: list[int], keep: int) -> NDArray[np.float32]:
        """Append tokens; return the logits [keep, vocab_size] of the last ones."""
        self.length += len(token_ids)
        binding = self._session.io_binding()
        feeds = {
            "input_ids": np.array([token_ids], np.int64),
            "attention_mask": np.ones((1, self.length), np.int64),
            "num_logits_to_keep": np.array([keep], np.int64),
        }
        for name, array in feeds.items():
            binding.bind_cpu_input(name, array)
        names = [value.name for value in self._session.get_outputs()]
        bound = [name for name in names if not name.startswith("present.")]
        for name in bound:
            binding.bind_output(name)
        for name, value in self.cache.items():
            binding.bind_ortvalue_input(f"past_key_values.{name}", value)
            binding.bind_ortvalue_output(f"present.{name}", value)
        self._session.run_with_iobinding(binding)
        self.outputs = {
            name: value.numpy() for name, value in zip(bound, binding.get_outputs(), strict=False)
        }
        return self.outputs["logits"][0]


@pytest.fixture(scope="session")
def runner() -> type[Runner]:
    return Runner


@pytest.fixture(scope="session")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One text of each language, to be quick."""
    path = tmp_path_factory.mktemp("text") / "heldout.jsonl"
    lines = HELDOUT.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(lines[0] + lines[-1], encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def bundle(checkpoint: Path, heldout: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The int8 bundle of the checkpoint, through every check of the export."""
    out = tmp_path_factory.mktemp("bundles") / "tiny"
    return Exported(out, export(checkpoint, out, heldout_path=heldout))


@pytest.fixture(scope="session")
def float_graph(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The float32 model.onnx of the checkpoint."""
    opened = open_checkpoint(checkpoint)
    folder = tmp_path_factory.mktemp("float")
    write_graph(build_graph(opened.config, opened.weights), folder, lambda _done, _total: None)
    return folder / "model.onnx"
