"""What is measured of a model while it trains: held-out text and a few continuations."""

import math
from collections import defaultdict
from functools import partial
from itertools import takewhile
from pathlib import Path

import torch
from torch import Tensor

from engine.leading_space import leading_space
from engine.tokenizer import Tokenizer
from training.evaluation.bpb import bits_per_byte_by_language, first_of_each, read_heldout
from training.loss import sequence_nats
from training.model import GEB
from training.shards import encode_document

HELDOUT = "heldout.jsonl"
"""Of a data folder; may be missing, and then nothing is scored."""
_DOCUMENTS = 24
"""Of each language, or of each source, scored at every evaluation."""
_TOKENS = 48
"""Of every continuation."""
_TEXTS = ("人工智能", "从前有一个", "The weather today", "Once upon a time")
_ON_TEXT = ("prepretrain", "lookup", "pretrain")
_QUESTIONS = ("你是谁？", "今天天气怎么样？", "Who are you?", "What is the capital of France?")


def check(heldout: Path) -> None:
    """Raise DataError for held-out text that cannot be read: before a run, not at its end."""
    if heldout.is_file():
        read_heldout(heldout)


def bits_per_byte(model: GEB, heldout: Path, tokenizer: Tokenizer) -> dict[str, float]:
    """Return bits_per_byte_LANGUAGE of the first documents of each language."""
    if not heldout.is_file():
        return {}
    scores = bits_per_byte_by_language(
        heldout,
        _DOCUMENTS,
        partial(sequence_nats, model),
        tokenizer,
        model.config.max_position_embeddings,
    )
    return {f"bits_per_byte_{language}": score for language, score in scores.items()}


def loss_by_source(model: GEB, heldout: Path, tokenizer: Tokenizer) -> dict[str, float]:
    """Return nats per token of the first held-out documents of each source."""
    if not heldout.is_file():
        return {}
    nats: defaultdict[str, list[float]] = defaultdict(list)
    tokens: defaultdict[str, int] = defaultdict(int)
    longest = min(512, model.config.max_position_embeddings)
    for document in first_of_each(read_heldout(heldout), lambda d: d.source, _DOCUMENTS):
        ids = encode_document(document.text, tokenizer)[:longest]
        nats[document.source].append(sequence_nats(model, ids))
        tokens[document.source] += len(ids) - 1
    return {source: math.fsum(nats[source]) / tokens[source] for source in nats}


@torch.no_grad()
def continuations(model: GEB, tokenizer: Tokenizer, stage: str) -> list[dict[str, str]]:
    """Return {"prompt", "text"}: the likeliest next words of texts, or answers after tuning.

    Every text gets as many tokens, so that all processes of a sharded model keep step.
    """
    prompts = _TEXTS if stage in _ON_TEXT else _QUESTIONS
    rows = [encode_prompt(prompt, tokenizer, stage) for prompt in prompts]
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    count = max(0, min(_TOKENS, model.config.max_position_embeddings - longest))
    ids = torch.full((len(rows), longest + count), model.config.pad_token_id)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
    ids = ids.to(model.model.cos.device)
    every = torch.arange(len(rows))
    for place in range(count):
        # What stands to the right of a row's end is not seen from its last token.
        last = partial(_likeliest, lengths + place - 1)
        ids[every, lengths + place] = model(ids[:, : longest + place], None, last)
    stops = (model.config.eos_token_id, tokenizer.control_tokens["<|user|>"])
    return [
        {"prompt": prompt, "text": tokenizer.decode(_until(stops, tokens[len(row) :][:count]))}
        for prompt, row, tokens in zip(prompts, rows, ids.tolist(), strict=True)
    ]


def _until(stops: tuple[int, ...], tokens: list[int]) -> list[int]:
    return list(takewhile(lambda token: token not in stops, tokens))


def encode_prompt(prompt: str, tokenizer: Tokenizer, stage: str) -> list[int]:
    if stage in _ON_TEXT:
        return [tokenizer.control_tokens["<s>"], *tokenizer.encode(prompt)]
    # What the chat template makes of it, without Jinja2: training runs where it is not installed.
    control = tokenizer.control_tokens
    opening = control["<s>"], control["<|user|>"]
    words = tokenizer.encode(leading_space(prompt) + prompt)
    return [*opening, *words, control["<|assistant|>"]]


def _likeliest(last: Tensor, hidden: Tensor, head: Tensor) -> Tensor:
    """Return the likeliest token [rows] after the place `last` [rows] of every row."""
    states = hidden[torch.arange(len(last)), last]
    return (states @ head.T.to(states.dtype)).argmax(-1)
