"""Shards of made-up tokens for the tests of packing and mixing."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from training.shard_files import SHARD_BYTES, ShardWriter

BOS, PAD = 1, 3
VOCABULARY = SimpleNamespace(vocab_size=60_000, serialized=lambda: b"made up")
"""Stands in for a tokenizer."""


def numbered(lengths: Sequence[int], first: int = 10) -> list[list[int]]:
    """Return documents of so many tokens after <s>, no two tokens alike."""
    documents = []
    for length in lengths:
        documents.append([BOS, *range(first, first + length)])
        first += length
    return documents


def write_source(
    folder: Path,
    name: str,
    documents: Sequence[Sequence[int]],
    masks: Sequence[Sequence[int]] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the shards of one source, two documents at a time as pairs need it."""
    with ShardWriter(folder, name, VOCABULARY, shard_bytes) as writer:
        for i in range(0, len(documents), 2):
            chunk = documents[i : i + 2]
            starts = np.cumsum([0, *(len(document) for document in chunk)])[:-1]
            loss = None if masks is None else np.concatenate(masks[i : i + 2]).astype(np.uint8)
            writer.append(np.concatenate(chunk).astype(np.uint16), starts, loss)
        writer.commit({})
