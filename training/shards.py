"""Token shards: what the training stages read.

A shard is one memory-mapped array of token ids, documents one after another, each opened
by <s>. Instruction shards carry a second array: 1 where the token is the assistant's. In a
preference shard every chosen conversation is followed by the rejected one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate, Message
from engine.errors import DataError
from engine.tokenizer import BaseTokenizer, Tokenizer

Tokens = NDArray[np.uint16] | NDArray[np.uint32]
Row = tuple[Tokens, NDArray[np.uint8] | None]
"""Token ids, and 1 where they are trained on (None: everywhere)."""


def write_shards(data: Path, tokenizer: Tokenizer) -> None:
    """Encode every record under `data` into `<stage>/<source>.tokens.npy` (and `.loss.npy`)."""
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    stages = ("pretrain", "sft", "dpo")
    paths = [path for stage in stages for path in sorted(data.glob(f"{stage}/*.jsonl"))]
    for path in tqdm(paths, desc="tokenise", unit="source"):
        tokens: list[int] = []
        loss: list[int] = []
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if "text" in record:
                    tokens += encode_document(record["text"], tokenizer)
                    continue
                for messages in _conversations(record):
                    ids, mask = encode_conversation(messages, template)
                    tokens += ids
                    loss += mask
        dtype = np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32
        _save(path.with_suffix(".tokens.npy"), np.array(tokens, dtype=dtype))
        if loss:
            _save(path.with_suffix(".loss.npy"), np.array(loss, dtype=np.uint8))


def _conversations(record: dict[str, Any]) -> list[list[Message]]:
    if "messages" in record:
        return [record["messages"]]
    return [
        [*record["prompt"], {"role": "assistant", "content": record[answer]}]
        for answer in ("chosen", "rejected")
    ]


def encode_document(text: str, tokenizer: BaseTokenizer) -> list[int]:
    """Return <s> text </s>."""
    control = tokenizer.control_tokens
    return [control["<s>"], *tokenizer.encode(text), control["</s>"]]


def encode_conversation(
    messages: list[Message], template: ChatTemplate
) -> tuple[list[int], list[int]]:
    """Return the token ids of a conversation and a mask that is 1 on the assistant's tokens.

    The end-of-answer token belongs to the answer: the model must learn to stop.
    """
    ids: list[int] = []
    mask: list[int] = []
    for count, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = template.encode(messages[:count], add_generation_prompt=True)
        answered = template.encode(messages[: count + 1], add_generation_prompt=False)
        mask += [0] * (len(prompt) - len(mask)) + [1] * (len(answered) - len(prompt))
        ids = answered
    return ids, mask


class Shard:
    """One source's tokens, dealt out in rows; the place in it is the whole state."""

    def __init__(self, tokens: Path, sequence_length: int, seed: int) -> None:
        self.name = tokens.name.removesuffix(".tokens.npy")
        try:
            self.tokens: Tokens = np.load(tokens, mmap_mode="r", allow_pickle=False)
            loss_path = tokens.with_name(f"{self.name}.loss.npy")
            self.loss = np.load(loss_path, mmap_mode="r") if loss_path.exists() else None
        except (OSError, ValueError) as error:
            raise DataError(
                "The shard {path} is damaged ({detail}); run training.tokenizer again.",
                path=tokens,
                detail=error,
            ) from error
        self.sequence_length = sequence_length
        self.seed = seed
        self.cursor = 0
        self._starts = self._row_starts()

    def __len__(self) -> int:
        return len(self._starts)

    def rows(self) -> Iterator[Row]:
        """Yield rows of up to sequence_length + 1 tokens forever, reshuffled every epoch."""
        while True:
            epoch, place = divmod(self.cursor, len(self._starts))
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self._starts))
            start, end = self._starts[order[place]]
            self.cursor += 1
            yield self.tokens[start:end], None if self.loss is None else self.loss[start:end]

    def _row_starts(self) -> list[tuple[int, int]]:
        length = self.sequence_length + 1
        if self.loss is None:
            count = max(1, len(self.tokens) // length)
            return [(row * length, (row + 1) * length) for row in range(count)]
        return self._whole_conversations(length)

    def _whole_conversations(self, length: int) -> list[tuple[int, int]]:
        """Join whole conversations into rows; one that is longer than a row is cut at its end."""
        starts = _document_starts(self.tokens)
        ends = [*starts[1:], len(self.tokens)]
        rows: list[tuple[int, int]] = []
        row_start = row_end = 0
        for start, end in zip(starts, ends, strict=True):
            if end - row_start > length:
                if row_end > row_start:
                    rows.append((row_start, row_end))
                row_start = start
            row_end = min(end, start + length)
        rows.append((row_start, row_end))
        return rows


class PairShard(Shard):
    """Preference pairs: a row holds a chosen conversation and the rejected one after it.

    Pairs of which one half does not fit a row of a batch are left out.
    """

    def _row_starts(self) -> list[tuple[int, int]]:
        if self.loss is None:
            raise DataError("The shard {name} holds no preference pairs.", name=self.name)
        bounds = [*_document_starts(self.tokens), len(self.tokens)]
        length = self.sequence_length + 1
        return [
            (bounds[i], bounds[i + 2])
            for i in range(0, len(bounds) - 2, 2)
            if max(bounds[i + 1] - bounds[i], bounds[i + 2] - bounds[i + 1]) <= length
        ]


def _document_starts(tokens: Tokens) -> list[int]:
    starts: list[int] = np.flatnonzero(np.asarray(tokens) == tokens[0]).tolist()
    return starts


def _save(path: Path, array: NDArray[np.generic]) -> None:
    beside = path.with_name(f".{path.name}")
    np.save(beside, array, allow_pickle=False)
    beside.replace(path)
