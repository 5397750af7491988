"""A checkpoint in torch, float32, one layer in memory at a time: what a graph is held against."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from export.decoder import Block, DecoderConfig, rotary_tables
from export.weights import Weights
from training.model import RMSNorm

Watch = Callable[[int, Block], AbstractContextManager[None]]
"""Called with each layer's number and block; every sequence runs inside what it returns."""


@torch.no_grad()
def hidden_states(
    config: DecoderConfig,
    weights: Weights,
    sequences: Sequence[Sequence[int]],
    watch: Watch | None = None,
) -> list[Tensor]:
    """Return the head's input, float32 [length, hidden_size], for each sequence of token ids."""
    table = _tensor(weights, "model.embed_tokens.weight")
    states = [F.embedding(torch.tensor([list(ids)]), table) for ids in sequences]
    del table
    cos, sin = rotary_tables(config, max(map(len, sequences)))
    block = Block(config)
    for layer in range(config.num_hidden_layers):
        names = block.state_dict()
        prefix = f"model.layers.{layer}"
        block.load_state_dict({name: _tensor(weights, f"{prefix}.{name}") for name in names})
        with watch(layer, block) if watch else nullcontext():
            for index, x in enumerate(states):
                length = x.shape[1]
                states[index] = block(x, cos[:length], sin[:length])
    norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
    norm.load_state_dict({"weight": _tensor(weights, "model.norm.weight")})
    return [norm(x)[0] for x in states]


def head_weight(config: DecoderConfig, weights: Weights) -> Tensor:
    """Return the output matrix, float32 [vocab_size, hidden_size]."""
    tied = config.tie_word_embeddings
    return _tensor(weights, "model.embed_tokens.weight" if tied else "lm_head.weight")


def logits(
    config: DecoderConfig, weights: Weights, sequences: Sequence[Sequence[int]]
) -> Iterator[Tensor]:
    """Yield float32 [length, vocab_size] for each sequence of token ids."""
    states = hidden_states(config, weights, sequences)
    head = head_weight(config, weights)
    for x in states:
        yield F.linear(x, head)


def _tensor(weights: Weights, name: str) -> Tensor:
    return torch.from_numpy(weights(name))
