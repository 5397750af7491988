"""What a span looks like as an answer to a question: numbers for `reader`, one row a span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.documents.answering.meaning import MEANINGS, Meaning, meanings, read_meaning
from engine.documents.answering.question import TYPES, Question, counts, stem
from engine.documents.answering.spans import Sentence, candidates, is_clause
from engine.documents.answering.sums import Floats, reaching_left, reaching_right, sums
from engine.documents.answering.words import KIND, KINDS, Word, among

SHAPES = (
    "date",
    "quantity",
    "number",
    "person",
    "place",
    "body",
    "title",
    "name",
    "noun",
    "verb",
    "clause",
    "sentence",
    "other",
)
"""What a span is as a whole; the first that fits counts."""

SCALARS = (
    "sentence_overlap",
    "outside_overlap",
    "inside_share",
    "near_left",
    "near_right",
    "touches_left",
    "touches_right",
    "before_overlap",
    "after_overlap",
    "passage_overlap",
    "passage_rank",
    "first_sentence",
    "log_words",
    "log_characters",
    "in_brackets",
    "bracketed",
    "focus_last",
    "focus_next",
    "focus_previous",
    "focus_inside",
    "starts_sentence",
    "ends_sentence",
    "after_mark",
    "before_mark",
    "follows_as_asked",
    "precedes_as_asked",
    "several_asked",
    "joins_inside",
    "joins_beside",
    *MEANINGS,
)
_LINKS_TEXT = (
    "by of in on at for from to with as into during between because and or the a an is was were "
    "are be called named including than about after before has had its his "
    "在 于 由 被 为 是 叫 因 因为 以 对 和 与 的 了 有 "
    "从 到 至 向 给 等 之 及 或 用 将 称 称为 即 而 并"
)
LINKS = tuple(_LINKS_TEXT.split())
"""Words beside a span that tell what it is to its sentence."""
NAMES = (
    *SCALARS,
    *(f"type_{name}" for name in TYPES),
    *(f"shape_{name}" for name in SHAPES),
    *(f"{place}_{kind}" for place in ("previous", "first", "last", "next") for kind in KINDS),
    *(f"{place}_word_{word}" for place in ("previous", "next") for word in LINKS),
)
"""The columns."""

_JOINS = frozenset(("、", ",", "和", "与", "與", "及", "以及", "或", "and", "or"))
"""What stands between the things of a list."""
_PLACES = among("place", "position")
_NAMED = among("name", "foreign")
_LINK = {word: place for place, word in enumerate(LINKS)}
_CONTEXT_WEIGHT = 0.4
"""Of a word that only the questions before name, as in engine.documents.search.query."""


@dataclass(frozen=True)
class Spans:
    """All candidates of several sentences, one row each."""

    sentence: NDArray[np.intp]
    """Which of the sentences, [spans]."""
    first: NDArray[np.intp]
    end: NDArray[np.intp]
    """The words from `first` to before `end`, [spans]."""
    values: Floats
    """[spans, NAMES]."""


@dataclass(frozen=True)
class Scene:
    """The sentences of the passages that were found for a question."""

    question: Question
    sentences: Sequence[Sentence]
    """In the order of the passages and of their text."""
    stems: Sequence[Sequence[str]]
    """Of each sentence those of its words."""
    matched: Sequence[Floats]
    """For each sentence the weight of its words that the question names, else 0; [words]."""
    content: Sequence[Floats]
    """The weight of all its words that mean something, [words]."""
    overlap: Floats
    """How much of the question's weight each sentence names, 0 to 1; [sentences]."""
    meaning: Meaning


def read_scene(question: Question, sentences: Sequence[Sentence]) -> Scene:
    """Weigh the words by how few of the sentences hold them."""
    stems = [[stem(word.text) for word in sentence.words] for sentence in sentences]
    holders: dict[str, int] = {}
    for some in stems:
        for one in set(some):
            holders[one] = holders.get(one, 0) + 1
    rarity = {one: float(np.log1p(len(sentences) / n)) for one, n in holders.items()}
    unseen = float(np.log1p(len(sentences)))
    worth = dict.fromkeys(question.context, _CONTEXT_WEIGHT) | dict.fromkeys(question.terms, 1.0)
    total = sum((share * rarity.get(term, unseen) for term, share in worth.items()), start=0.0)
    matched, content, overlap = [], [], []
    for sentence, some in zip(sentences, stems, strict=True):
        weights = np.array([rarity[one] for one in some], np.float32)
        means = np.array([counts(word) for word in sentence.words], bool)
        named = np.array(
            [_share(question, worth, w, s) for w, s in zip(sentence.words, some, strict=True)],
            np.float32,
        )
        content.append(weights * means)
        matched.append(weights * means * named)
        shares = (means * named).tolist()
        found = {s: share * rarity[s] for s, share in zip(some, shares, strict=True) if share}
        overlap.append(min(1.0, sum(found.values()) / max(total, 1e-6)))
    return Scene(
        question=question,
        sentences=sentences,
        stems=stems,
        matched=matched,
        content=content,
        overlap=np.array(overlap, np.float32),
        meaning=read_meaning(question, rarity, unseen),
    )


def spans_of(scene: Scene, chosen: Sequence[int]) -> Spans:
    """Return the candidates of the `chosen` sentences with their features."""
    parts = [(number, *candidates(scene.sentences[number])) for number in chosen]
    values = [_values(scene, number, first, end) for number, first, end in parts]
    return Spans(
        sentence=np.concatenate([np.full(len(first), n, np.intp) for n, first, _ in parts]),
        first=np.concatenate([first for _, first, _ in parts]),
        end=np.concatenate([end for _, _, end in parts]),
        values=np.concatenate(values),
    )


def _share(question: Question, worth: Mapping[str, float], word: Word, stemmed: str) -> float:
    """Return how far the question names a word, 0 to 1."""
    # Words of a Chinese question may have been divided in another way.
    if len(word.text) > 1 and not word.text.isascii() and word.text in question.folded:
        return 1.0
    return worth.get(stemmed, 0.0)


def _values(scene: Scene, number: int, first: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
    sentence, question = scene.sentences[number], scene.question
    kinds = sentence.kinds
    padded = np.concatenate([[KIND["edge"]], kinds, [KIND["edge"]]])
    values = np.zeros((len(first), len(NAMES)), np.float32)
    columns = _scalars(scene, number, first, end)
    for place, name in enumerate(SCALARS):
        values[:, place] = columns[name]
    base = len(SCALARS)
    values[:, base + question.type] = 1
    base += len(TYPES)
    rows = np.arange(len(first))
    values[rows, base + _shapes(sentence, kinds, first, end)] = 1
    base += len(SHAPES)
    for some in (padded[first], kinds[first], kinds[end - 1], padded[end + 1]):
        values[rows, base + some] = 1
        base += len(KINDS)
    links = np.array([-1, *(_LINK.get(word.text, -1) for word in sentence.words), -1])
    for some in (links[first], links[end + 1]):
        linked = np.flatnonzero(some >= 0)
        values[linked, base + some[linked]] = 1
        base += len(LINKS)
    return values


def _scalars(
    scene: Scene, number: int, first: NDArray[np.intp], end: NDArray[np.intp]
) -> dict[str, Floats | float]:
    sentence, question = scene.sentences[number], scene.question
    words, kinds = sentence.words, sentence.kinds
    matched, content = scene.matched[number], scene.content[number]
    scale = max(float(matched.sum()), 1e-6)
    inside = sums(matched, first, end)
    neighbours = [
        scene.overlap[other]
        if 0 <= other < len(scene.sentences) and scene.sentences[other].passage == sentence.passage
        else 0.0
        for other in (number - 1, number + 1)
    ]
    of_passage = [
        scene.overlap[other]
        for other, one in enumerate(scene.sentences)
        if one.passage == sentence.passage
    ]
    edge = np.zeros(1, np.float32)
    stems = scene.stems[number]
    is_focus = np.array([one in question.focus for one in stems], np.float32)
    focus = np.concatenate([edge, is_focus, edge])
    beside = np.array(["", *stems, ""])
    before, after = question.beside
    hits = np.concatenate([edge, (matched > 0).astype(np.float32), edge])
    padded = np.concatenate([[KIND["edge"]], kinds, [KIND["edge"]]])
    starts = np.array([word.start for word in words])
    ends = np.array([word.end for word in words])
    joins = np.array([word.text in _JOINS for word in words], np.float32)
    joined = np.concatenate([edge, joins, edge])
    depth = np.cumsum((kinds == KIND["open"]).astype(int) - (kinds == KIND["close"]).astype(int))
    return {
        "sentence_overlap": float(scene.overlap[number]),
        "outside_overlap": scene.overlap[number] * (1 - inside / scale),
        "inside_share": inside / np.maximum(sums(content, first, end), 1e-6),
        "near_left": reaching_left(matched)[first] / scale,
        "near_right": reaching_right(matched)[end] / scale,
        "touches_left": hits[first],
        "touches_right": hits[end + 1],
        "before_overlap": float(neighbours[0]),
        "after_overlap": float(neighbours[1]),
        "passage_overlap": float(max(of_passage)),
        "passage_rank": 1 / (1 + sentence.passage),
        "first_sentence": float(
            number == 0 or scene.sentences[number - 1].passage != sentence.passage
        ),
        "log_words": np.log(end - first),
        "log_characters": np.log(ends[end - 1] - starts[first]),
        "in_brackets": (depth[first] - (kinds[first] == KIND["open"])).clip(0, 1),
        "bracketed": (padded[first] == KIND["open"]) & (padded[end + 1] == KIND["close"]),
        "focus_last": focus[end],
        "focus_next": focus[end + 1],
        "focus_previous": focus[first],
        "focus_inside": (sums(is_focus, first, end) > 0),
        "starts_sentence": first == 0,
        "ends_sentence": end >= len(words) - 1,
        "after_mark": padded[first] == KIND["mark"],
        "before_mark": padded[end + 1] == KIND["mark"],
        "follows_as_asked": (beside[first] == before) & bool(before),
        "precedes_as_asked": (beside[end + 1] == after) & bool(after),
        "several_asked": float(question.several),
        "joins_inside": np.log1p(sums(joins, first, end)),
        "joins_beside": joined[first] + joined[end + 1],
        **meanings(scene.meaning, stems, matched, content, first, end),
    }


def _shapes(
    sentence: Sentence, kinds: NDArray[np.intp], first: NDArray[np.intp], end: NDArray[np.intp]
) -> NDArray[np.intp]:
    last = kinds[end - 1]
    length = end - first
    texts = [word.text for word in sentence.words]
    is_date = np.array([t[-1] in "年月日" or t in ("世纪", "年代") for t in texts])

    def count(name: str) -> Floats:
        return sums((kinds == KIND[name]).astype(np.float32), first, end)

    numbers = count("number")
    marks, times, verbs = count("mark") > 0, count("time") > 0, count("verb") > 0
    short = length <= 8
    tests = {
        "date": short & ~marks & (times | ((numbers > 0) & is_date[end - 1])),
        "quantity": short & ~marks & (numbers > 0) & (last != KIND["number"]) & (length <= 5),
        "number": numbers >= length,
        "person": (last == KIND["person"]) & short & ~verbs,
        "place": _PLACES[last] & short & ~verbs,
        "body": (last == KIND["body"]) & short,
        "title": (kinds[first] == KIND["open"]) & (last == KIND["close"]),
        "name": _NAMED[last] & short & ~verbs,
        "sentence": (first == 0) & (end >= len(kinds) - 1),
        "clause": is_clause(kinds, first, end) & (length > 2),
        "noun": (last == KIND["noun"]) & short & ~verbs & ~marks,
        "verb": verbs & short,
        "other": np.ones(len(first), bool),
    }
    shapes = np.full(len(first), SHAPES.index("other"), np.intp)
    for name in reversed(tests):
        shapes[tests[name]] = SHAPES.index(name)
    return shapes
