"""From the words of a question to the passages that hold the rarest of them.

The index says which passages hold a word. Common words are not asked for: reading where they are
costs much and says little. They count when the candidates are compared.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.database import Database
from engine.documents.search.scope import Ids, Scope

_LEAST_ROWS, _ROWS_SHARE = 25_000, 0.1
"""How many places of words one search reads, the rarest words first; more in large libraries."""
_KEPT_COUNTS = 50_000
_COMMON = 1_000
_OTHERS = 20_000
"""Passages that are imagined beside those of the library: in few of them a word is not common."""


@dataclass(frozen=True)
class Candidates:
    """Passages that may answer, and what each word of the question weighs."""

    ids: Ids
    """The most promising first."""
    weights: dict[str, float]
    """How much each word tells: its weight in the question times its rarity."""


class WordIndex:
    """The full-text index of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[str, int] = {}
        self._counted_at = 0

    def candidates(self, words: Mapping[str, float], scope: Scope, limit: int) -> Candidates:
        """Return the best `limit` passages of a scope for some weighted words."""
        total = max(1, scope.passages)
        counts = {word: self._count(word, total) for word in words}
        weights = {word: weight * rarity(counts[word], total) for word, weight in words.items()}
        scores = np.zeros(int(scope.ends.max(initial=0)) + 1, np.float32)
        for word, ids in self._places(counts, max(_LEAST_ROWS, int(_ROWS_SHARE * total))):
            inside = scope.only(ids[ids < len(scores)])
            scores[inside] += weights[word]
        found = np.flatnonzero(scores)
        if len(found) > limit:
            found = found[np.argpartition(-scores[found], limit)[:limit]]
        return Candidates(found[np.argsort(-scores[found], kind="stable")], weights)

    def _places(self, counts: Mapping[str, int], most: int) -> list[tuple[str, Ids]]:
        """Return where words are, the rarest first, at most so many places."""
        rarest = sorted((count, word) for word, count in counts.items() if count)
        places = []
        rows = 0
        for count, word in rarest:
            rows += count
            if rows > most:
                break
            places.append((word, self._find(f'"{word}"', most)))
        if not places and rarest:
            # All are common: the passages that hold all of them, or some with the rarest.
            together = self._find(" AND ".join(f'"{word}"' for _, word in rarest), most)
            word = rarest[0][1]
            places.append((word, together if len(together) else self._find(f'"{word}"', most)))
        return places

    def _find(self, expression: str, most: int) -> Ids:
        # One long string is read faster than many rows.
        [row] = self._database.execute(
            "SELECT group_concat(id) FROM"
            " (SELECT rowid AS id FROM passage_words WHERE passage_words MATCH ? LIMIT ?)",
            (expression, most),
        )
        return np.fromstring(row[0], np.int64, sep=",") if row[0] else np.empty(0, np.int64)

    def _count(self, word: str, total: int) -> int:
        """Return how many passages hold a word; of a common one, how many did not long ago."""
        if len(self._counts) > _KEPT_COUNTS or abs(total - self._counted_at) > total // 20:
            self._counts.clear()
            self._counted_at = total
        if word in self._counts:
            return self._counts[word]
        rows = self._database.execute("SELECT doc FROM word_counts WHERE term = ?", (word,))
        count: int = rows[0]["doc"] if rows else 0
        if count > _COMMON:  # it takes long to count, and a few more change little
            self._counts[word] = count
        return count


def rarity(count: int, total: int) -> float:
    """Return how much it tells that a passage holds a word that `count` of `total` hold."""
    return math.log1p((_OTHERS + max(total, count) - count + 0.5) / (count + 0.5))
