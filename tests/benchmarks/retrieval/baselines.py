"""How others search: GPT4All's LocalDocs by words, and BM25 as it is usually put together."""

import re
import sqlite3
from collections.abc import Sequence

import numpy as np

_CHUNK_CHARACTERS = 512
_STOP_TEXT = """
    a an and are as at be but by for if in into is it no not of on or such that the their then
    there these they this to was will with
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())


class LocalDocs:
    """Chunks of whole words up to 512 characters in FTS5 with its Porter tokenizer.

    A question is sought as a phrase, then as any of its words; a run of Chinese is one word.
    """

    def __init__(self, passages: Sequence[str]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(
            "CREATE VIRTUAL TABLE chunks USING fts5 (place UNINDEXED, chunk, tokenize = 'porter')"
        )
        self._connection.executemany(
            "INSERT INTO chunks VALUES (?, ?)",
            ((place, chunk) for place, text in enumerate(passages) for chunk in _chunks(text)),
        )

    def search(self, question: str, limit: int) -> list[int]:
        """Return the passages of the best chunks."""
        words = question.replace('"', '""').split()
        quoted = [f'"{word}"' for word in words if word.lower() not in _STOP_WORDS]
        for query in ('"' + " ".join(words) + '"', " OR ".join(quoted)):
            rows = self._connection.execute(
                "SELECT place FROM chunks WHERE chunks MATCH ? ORDER BY bm25(chunks) LIMIT ?",
                (query or '""', limit),
            ).fetchall()
            if rows:
                return [row[0] for row in rows]
        return []


class PlainBM25:
    """rank_bm25 over the words of jieba in Chinese, and over lower-case words in English."""

    def __init__(self, passages: Sequence[str], language: str) -> None:
        import jieba
        from rank_bm25 import BM25Okapi

        jieba.setLogLevel(60)
        self._words = (
            jieba.lcut if language == "zh" else lambda text: re.findall(r"\w+", text.lower())
        )
        # Its own scoring visits every passage for every word; the same sum, word by word.
        model = BM25Okapi([self._words(text) for text in passages])
        lengths = np.array(model.doc_len)
        norm = model.k1 * (1 - model.b + model.b * lengths / model.avgdl)
        postings: dict[str, tuple[list[int], list[float]]] = {}
        for place, counts in enumerate(model.doc_freqs):
            for word, count in counts.items():
                ids, values = postings.setdefault(word, ([], []))
                ids.append(place)
                values.append(count * (model.k1 + 1) / (count + norm[place]))
        self._postings = {
            word: (np.array(ids, np.int32), model.idf[word] * np.array(values, np.float32))
            for word, (ids, values) in postings.items()
        }
        self._size = len(passages)

    def search(self, question: str, limit: int) -> list[int]:
        """Return the best passages."""
        scores = np.zeros(self._size)
        for word in self._words(question):
            if word in self._postings:
                ids, values = self._postings[word]
                scores[ids] += values
        return [int(place) for place in np.argsort(-scores, kind="stable")[:limit]]


def _chunks(text: str) -> list[str]:
    chunks, held, size = [], [], 0
    for word in text.split():
        if held and size + len(word) + 1 > _CHUNK_CHARACTERS:
            chunks.append(" ".join(held))
            held, size = [], 0
        # A run of Chinese without spaces is one word to it, however long.
        held.append(word)
        size += len(word) + 1
    return [*chunks, " ".join(held)] if held else chunks
