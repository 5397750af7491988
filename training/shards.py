"""Token shards: what the training stages read.

A shard is one memory-mapped array of token ids, documents one after another, each opened
by <s>. Instruction shards carry a second array: 1 where the token is the assistant's.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate, Message
from engine.errors import DataError
from engine.tokenizer import Tokenizer

Tokens = NDArray[np.uint16] | NDArray[np.uint32]


def write_shards(data: Path, tokenizer: Tokenizer) -> None:
    """Encode every record under `data` into `<stage>/<source>.tokens.npy` (and `.loss.npy`)."""
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    paths = sorted(data.glob("pretrain/*.jsonl")) + sorted(data.glob("sft/*.jsonl"))
    for path in tqdm(paths, desc="tokenise", unit="source"):
        tokens: list[int] = []
        loss: list[int] = []
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if "text" in record:
                    tokens += encode_document(record["text"], tokenizer)
                else:
                    ids, mask = encode_conversation(record["messages"], template)
                    tokens += ids
                    loss += mask
        dtype = np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32
        _save(path.with_suffix(".tokens.npy"), np.array(tokens, dtype=dtype))
        if loss:
            _save(path.with_suffix(".loss.npy"), np.array(loss, dtype=np.uint8))


def encode_document(text: str, tokenizer: Tokenizer) -> list[int]:
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

    def rows(self) -> Iterator[tuple[Tokens, NDArray[np.uint8] | None]]:
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
        starts = np.flatnonzero(np.asarray(self.tokens) == self.tokens[0]).tolist()
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


def _save(path: Path, array: NDArray[np.generic]) -> None:
    beside = path.with_name(f".{path.name}")
    np.save(beside, array, allow_pickle=False)
    beside.replace(path)
