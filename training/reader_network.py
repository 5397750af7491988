"""The reader's network in torch: what engine/documents/answering/encoder.py and reader.py compute.

Names and shapes of the weights are those that the reader's file holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.documents.answering.encoder import MEANING_SCALE, WEIGHTS_OF_WORD, WordRow
from engine.documents.answering.features import NAMES
from engine.documents.answering.words import KINDS

SIZE = 64
"""Of a word's vector."""
HIDDEN = 128
LAYERS = 3
WIDTH = 5
"""Words that a convolution sees at once."""
_KIND_SIZE = 16
_ASKING_WIDTH = 3
_DROPOUT = 0.2
_WORD_DROPOUT = 0.1
_NEVER = -1e4


@dataclass(frozen=True)
class Rows:
    """Several rows of words, the shorter ones filled up; see WordRow."""

    places: Tensor
    kinds: Tensor
    weights: Tensor
    there: Tensor
    """Which words are real, [rows, words]."""


def pad(rows: Sequence[WordRow]) -> Rows:
    """Return rows of any lengths as one batch."""

    def filled(some: Sequence[NDArray[np.generic]]) -> Tensor:
        return nn.utils.rnn.pad_sequence([torch.from_numpy(one) for one in some], batch_first=True)

    return Rows(
        places=filled([row.places for row in rows]),
        kinds=filled([row.kinds for row in rows]),
        weights=filled([row.weights for row in rows]),
        there=filled([np.ones(len(row.places), bool) for row in rows]),
    )


class Encoder(nn.Module):
    """See the engine's Encoder."""

    _meanings: Tensor

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Take the `vectors` of the words, [words + 1, size], which are not learned."""
        super().__init__()
        self.register_buffer("_meanings", torch.from_numpy(vectors) * MEANING_SCALE, False)
        self.kinds = nn.Embedding(len(KINDS), _KIND_SIZE)
        self.entry = nn.Linear(vectors.shape[1] + _KIND_SIZE + WEIGHTS_OF_WORD, SIZE)
        self.asking = nn.Conv1d(SIZE, SIZE, _ASKING_WIDTH, padding="same")
        self.query = nn.Linear(SIZE, SIZE, bias=False)
        self.key = nn.Linear(SIZE, SIZE, bias=False)
        self.pooling = nn.Linear(SIZE, 1, bias=False)
        self.joining = nn.Linear(3 * SIZE, SIZE)
        self.topic = nn.Linear(SIZE, SIZE, bias=False)
        self.layers = nn.ModuleList(
            nn.Conv1d(SIZE, SIZE, WIDTH, padding="same") for _ in range(LAYERS)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(SIZE) for _ in range(LAYERS))
        self.last_norm = nn.LayerNorm(SIZE)

    def forward(self, questions: Rows, texts: Rows) -> tuple[Tensor, Tensor]:
        """Return the words' vectors [rows, words, SIZE] and the questions' [rows, SIZE]."""
        asked = self._enter(questions)
        asked = asked + torch.relu(_around(self.asking, asked))
        words = self._enter(texts)
        likeness = self.query(words) @ self.key(asked).transpose(1, 2) / SIZE**0.5
        nearest = _shares(likeness, questions.there[:, None]) @ asked
        shares = _shares(self.pooling(asked).squeeze(-1), questions.there)
        topic = (shares[..., None] * asked).sum(1)
        both = torch.cat([words, nearest, words * nearest], -1)
        states = torch.relu(self.joining(both) + self.topic(topic)[:, None])
        there = texts.there[..., None]
        for norm, layer in zip(self.norms, self.layers, strict=True):
            normal = self._dropped(norm(states)) * there
            states = states + torch.relu(_around(layer, normal))
        return self._dropped(self.last_norm(states)), topic

    def _enter(self, rows: Rows) -> Tensor:
        meanings = self._meanings[rows.places]
        if self.training:  # a word is to be told by what is around it, too
            kept = torch.rand(rows.places.shape) >= _WORD_DROPOUT
            meanings = meanings * kept[..., None]
        parts = torch.cat([meanings, self.kinds(rows.kinds), rows.weights], -1)
        return torch.relu(self.entry(parts)) * rows.there[..., None]

    def _dropped(self, values: Tensor) -> Tensor:
        return functional.dropout(values, _DROPOUT / 2, self.training)


class Network(nn.Module):
    """Scores spans: see the engine's Reader."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        self.encoder = Encoder(vectors)
        self.features = nn.Linear(len(NAMES), HIDDEN)
        self.first = nn.Linear(SIZE, HIDDEN, bias=False)
        self.last = nn.Linear(SIZE, HIDDEN, bias=False)
        self.topic = nn.Linear(SIZE, HIDDEN, bias=False)
        self.output = nn.Linear(HIDDEN, 1, bias=False)
        self.absent = nn.Linear(2 * SIZE, HIDDEN)
        self.absent_output = nn.Linear(HIDDEN, 1, bias=False)

    def forward(self, questions: Rows, texts: Rows, ends: Tensor, values: Tensor) -> Tensor:
        """Return the scores of the spans, and last that of no answer; [rows, spans + 1].

        `ends` are their first and last words [rows, spans, 2], `values` their features
        [rows, spans, NAMES].
        """
        words, topic = self.encoder(questions, texts)
        hidden = self.features(values) + self.topic(topic)[:, None]
        starts = torch.arange(len(words))[:, None] * words.shape[1]
        for place, layer in enumerate((self.first, self.last)):
            hidden = hidden + functional.embedding(
                starts + ends[..., place], layer(words).flatten(0, 1)
            )
        scores = self.output(_active(hidden, self.training)).squeeze(-1)
        largest = words.masked_fill(~texts.there[..., None], _NEVER).amax(1)
        hidden = self.absent(torch.cat([topic, largest], -1))
        return torch.cat([scores, self.absent_output(_active(hidden, self.training))], 1)


def _active(hidden: Tensor, training: bool) -> Tensor:
    return functional.dropout(torch.relu(hidden), _DROPOUT, training)


def _around(layer: nn.Module, values: Tensor) -> Tensor:
    result: Tensor = layer(values.transpose(1, 2)).transpose(1, 2)
    return result


def _shares(values: Tensor, there: Tensor) -> Tensor:
    return values.masked_fill(~there, _NEVER).softmax(-1)
