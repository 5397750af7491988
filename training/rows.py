"""One source's tokens dealt out in rows of a batch, reshuffled every epoch.

A row is one or two spans of tokens; where it lies is arithmetic, so that a place in billions of
tokens is one number: the cursor, which is the whole state.
"""

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from training.shard_files import ShardReader, SourceShards
from training.shuffle import Permutation


class Span(NamedTuple):
    """Tokens `start` to `end` of the shard of that number."""

    shard: int
    start: int
    end: int


class Rows:
    """What the kinds of rows share: units of a source, in an order that each epoch draws."""

    def __init__(self, source: SourceShards, units: list[int], seed: int) -> None:
        """`units` counts, for every shard, what is shuffled."""
        self.name = source.name
        self.cursor = 0
        self.read = ShardReader(source).read
        self._ends = list(accumulate(units))
        self._seed = seed
        self._epoch = -1

    def __len__(self) -> int:
        """Units in an epoch."""
        return self._ends[-1]

    def advance(self, length: int, /) -> tuple[Span, ...]:
        """Return the next row, with targets for up to `length` tokens, and go past it."""
        raise NotImplementedError

    def _locate(self, place: int) -> tuple[int, int]:
        """Return the shard, and the unit in it, that has that place since training began."""
        epoch, index = divmod(place, len(self))
        if epoch != self._epoch:
            self._order, self._epoch = Permutation(len(self), (self._seed, epoch)), epoch
        unit = self._order[index]
        shard = bisect_right(self._ends, unit)
        return shard, unit - (self._ends[shard - 1] if shard else 0)


class ContiguousRows(Rows):
    """Pretraining: packed documents, cut wherever a row ends.

    Every row ends with the token that follows its last input, so that every token is a target
    once an epoch. What is shuffled are blocks of `longest` tokens; shorter rows are cut out of
    a block one after another. The cursor counts tokens.
    """

    def __init__(self, source: SourceShards, longest: int, seed: int) -> None:
        # The last token of a shard is a target only, so it opens no row.
        super().__init__(source, [-(-(tokens - 1) // longest) for tokens in source.tokens], seed)
        self._tokens = source.tokens
        self._longest = longest

    def advance(self, length: int, /) -> tuple[Span, ...]:
        """Return the next row; `length` divides `longest`."""
        while True:
            # After shorter rows, a longer one begins where it can lie within a block.
            place = -(-self.cursor // length) * length
            self.cursor = place + length
            shard, block = self._locate(place // self._longest)
            start = block * self._longest + place % self._longest
            end = min(start + length + 1, self._tokens[shard])
            if end - start > 1:
                return (Span(shard, start, end),)


class ConversationRows(Rows):
    """Instruction tuning: neighbouring whole conversations, as many as fit a row.

    One that is longer than a row is cut at its end. The cursor counts rows.
    """

    def __init__(self, source: SourceShards, length: int, seed: int) -> None:
        spans = [pack(source.starts(i), length + 1) for i in range(len(source.shards))]
        super().__init__(source, [len(each) for each in spans], seed)
        self._spans = spans

    def advance(self, _length: int, /) -> tuple[Span, ...]:
        """Return the next row."""
        shard, row = self._locate(self.cursor)
        self.cursor += 1
        start, end = self._spans[shard][row].tolist()
        return (Span(shard, start, end),)


class PairRows(Rows):
    """Preference pairs: two spans, the chosen conversation and the rejected one.

    Pairs of which one half is longer than a row are left out. The cursor counts pairs.
    """

    def __init__(self, source: SourceShards, length: int, seed: int) -> None:
        pairs = [fitting_pairs(source.starts(i), length + 1) for i in range(len(source.shards))]
        super().__init__(source, [len(each) for each in pairs], seed)
        if not len(self):
            raise DataError(
                "No preference pair of {source} fits into {length} tokens; raise sequence_length.",
                source=source.name,
                length=length,
            )
        self._pairs = pairs

    def advance(self, _length: int, /) -> tuple[Span, ...]:
        """Return the next pair."""
        shard, row = self._locate(self.cursor)
        self.cursor += 1
        start, middle, end = self._pairs[shard][row].tolist()
        return Span(shard, start, middle), Span(shard, middle, end)


def pack(bounds: NDArray[np.int64], longest: int) -> NDArray[np.int64]:
    """Join neighbouring documents into rows of at most `longest` tokens.

    `bounds` holds the start of every document, then the end of the last. Returns starts and
    ends [rows, 2]; a document that is longer has a row of its own, which it is cut to.
    """
    starts, ends = bounds[:-1], bounds[1:]
    # For every document: which one opens the next row if this one opens a row.
    following = np.searchsorted(ends, starts + longest, side="right")
    following = np.maximum(following, np.arange(1, len(starts) + 1))
    first, openers = 0, array("q")
    while first < len(starts):
        openers.append(first)
        first = following.item(first)
    opening = np.frombuffer(openers, dtype=np.int64)
    row_starts = starts[opening]
    row_ends = np.minimum(ends[following[opening] - 1], row_starts + longest)
    return np.stack((row_starts, row_ends), axis=1)


def fitting_pairs(bounds: NDArray[np.int64], longest: int) -> NDArray[np.int64]:
    """Return start, middle and end [pairs, 3] of the pairs whose halves have `longest` tokens.

    `bounds` holds the start of every conversation, chosen and rejected by turns, then the end.
    """
    pairs = np.stack((bounds[:-1:2], bounds[1::2], bounds[2::2]), axis=1)
    return pairs[np.diff(pairs, axis=1).max(axis=1) <= longest]
