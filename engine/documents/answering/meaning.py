"""How near in meaning a span and its sentence are to a question, by the vectors of their words.

What the question names in other words than the text, and whether a span is the kind of thing that
is asked for: "which language" for "Portuguese".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.documents.answering.question import Question
from engine.documents.answering.sums import Floats, reaching_left, reaching_right
from engine.documents.answering.vectors import WordVectors, word_vectors

MEANINGS = (
    "focus_like_last",
    "focus_like_span",
    "focus_like_any",
    "focus_like_next",
    "focus_like_previous",
    "question_like_span",
    "question_like_left",
    "question_like_right",
    "alike_left",
    "alike_right",
    "alike_overlap",
)
"""The columns."""

_LEAST_ALIKE = 0.35
"""Words whose vectors have a smaller cosine are not alike."""
_BESIDE = 4
"""So many words on each side of a span are its surroundings."""


@dataclass(frozen=True)
class Meaning:
    """The vectors of a question's words."""

    vectors: WordVectors
    focus: Floats
    """Of what is asked for, zeros where it is not named and in English; [size]."""
    whole: Floats
    """Of all its terms together; [size]."""
    terms: Sequence[str]
    """Their stems."""
    term_vectors: Floats
    """[terms, size]."""
    term_weights: Floats
    """How rare each is; [terms]."""


def read_meaning(question: Question, rarity: Mapping[str, float], unseen: float) -> Meaning:
    """Return the meaning of a question; a term that is not in `rarity` weighs `unseen`."""
    vectors = word_vectors(question.language)
    # Measured: what an English question asks for, by its vector, leads astray as often as not.
    focus = sorted(question.focus) if question.language == "zh" else []
    terms = sorted(question.terms)
    weights = np.array([rarity.get(term, unseen) for term in terms], np.float32)
    term_vectors = vectors.of(terms)
    return Meaning(
        vectors=vectors,
        focus=_unit(vectors.of(focus).sum(0, keepdims=True))[0],
        whole=_unit((weights @ term_vectors)[None])[0],
        terms=terms,
        term_vectors=term_vectors,
        term_weights=weights,
    )


def meanings(
    meaning: Meaning,
    stems: Sequence[str],
    matched: Floats,
    content: Floats,
    first: NDArray[np.intp],
    end: NDArray[np.intp],
) -> dict[str, Floats | float]:
    """Return the columns of the spans of a sentence of `stems` (the rest: see features.Scene)."""
    vectors = meaning.vectors.of(stems)
    likeness = np.maximum(vectors @ meaning.term_vectors.T, 0)  # [words, terms]
    alike = np.maximum(likeness.max(1, initial=0) - _LEAST_ALIKE, 0) * content * (matched == 0)
    scale = max(float(matched.sum() + alike.sum()), 1e-6)
    focus = vectors @ meaning.focus
    edged = np.concatenate([[0], focus, [0]]).astype(np.float32)
    meant = vectors * (content > 0)[:, None]
    before = np.vstack([np.zeros((1, meant.shape[1]), np.float32), np.cumsum(meant, 0)])
    last = len(stems)
    whole = meaning.whole

    def together(start: NDArray[np.intp], stop: NDArray[np.intp]) -> Floats:
        return _unit(before[stop] - before[start])

    spans = together(first, end)
    return {
        "focus_like_last": edged[end],
        "focus_like_span": spans @ meaning.focus,
        "focus_like_any": _largest(edged[1:], first, end),
        "focus_like_next": edged[end + 1],
        "focus_like_previous": edged[first],
        "question_like_span": spans @ whole,
        "question_like_left": together(np.maximum(first - _BESIDE, 0), first) @ whole,
        "question_like_right": together(end, np.minimum(end + _BESIDE, last)) @ whole,
        "alike_left": reaching_left(alike)[first] / scale,
        "alike_right": reaching_right(alike)[end] / scale,
        "alike_overlap": _overlap(meaning, stems, likeness),
    }


def _overlap(meaning: Meaning, stems: Sequence[str], likeness: Floats) -> float:
    """Return how much of the question the sentence names, in the same or like words; 0 to 1."""
    there = set(stems)
    named = np.array([term in there for term in meaning.terms], bool)
    alike = np.maximum(likeness.max(0, initial=0) - _LEAST_ALIKE, 0)
    total = max(float(meaning.term_weights.sum()), 1e-6)
    return float((np.where(named, 1, alike) * meaning.term_weights).sum() / total)


def _largest(values: Floats, first: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
    """Return the largest value from `first` to before `end`; `values` has one more at its end."""
    bounds = np.column_stack([first, end]).ravel()
    largest: Floats = np.maximum.reduceat(values, bounds)[::2]
    return largest


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-6)).astype(np.float32)
    return unit
