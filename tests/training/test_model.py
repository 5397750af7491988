"""The architecture: its size, its equality with transformers' Llama, its masks."""

from pathlib import Path

import pytest
import torch

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.model import GEB
from training.settings import load_settings


def test_the_papers_shape_has_exactly_the_papers_parameters() -> None:
    config = load_settings("geb-1.3b").model
    with torch.device("meta"):
        model = GEB(config)
    assert sum(p.numel() for p in model.parameters()) == 1_348_044_800 == config.num_parameters


@pytest.mark.parametrize(
    ("preset", "low", "high"), [("mini", 85e6, 110e6), ("nano", 10e6, 25e6), ("test", 0, 2e6)]
)
def test_presets_have_the_size_that_they_promise(preset: str, low: float, high: float) -> None:
    assert low <= load_settings(preset).model.num_parameters <= high


@pytest.mark.parametrize("tied", [True, False])
def test_transformers_loads_a_checkpoint_and_computes_the_same_logits(
    tied: bool, tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    from dataclasses import replace

    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = GEB(replace(tiny_config, tie_word_embeddings=tied))
    progress = checkpoint.Progress(step=1, tokens=0, batches={})
    folder = checkpoint.save(tmp_path, model, tokenizer, {}, progress, [])
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokens = torch.randint(0, tiny_config.vocab_size, (2, 60))
    with torch.no_grad():
        difference = (model(tokens) - reference(tokens).logits).abs().max().item()
    assert type(reference).__name__ == "LlamaForCausalLM"
    assert difference < 1e-5


def test_attention_does_not_cross_documents(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = GEB(tiny_config)
    tokens = torch.randint(0, tiny_config.vocab_size, (1, 20))
    documents = torch.tensor([[1] * 8 + [2] * 12])
    changed = tokens.clone()
    changed[0, :8] = torch.randint(0, tiny_config.vocab_size, (8,))
    with torch.no_grad():
        together, other = model(tokens, documents), model(changed, documents)
        free = model(changed)
    assert torch.equal(together[:, 8:], other[:, 8:])
    assert not torch.allclose(together[:, 8:], free[:, 8:], atol=1e-4)


def test_a_later_token_never_changes_an_earlier_logit(tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = GEB(tiny_config)
    tokens = torch.randint(0, tiny_config.vocab_size, (1, 16))
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % tiny_config.vocab_size
    with torch.no_grad():
        assert torch.equal(model(tokens)[:, :-1], model(changed)[:, :-1])
