"""Finding the span of the passages that answers a question: first by the reader, then by the model.

The reader sorts all spans of the sentences that have most in common with the question, in
milliseconds. The model then says of the best of them how likely each is as the answer behind
the passage, and how much likelier the passage makes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.bundle import Bundle
from engine.document_prompt import ask_about_passage
from engine.documents.answering.features import NAMES, Scene, Spans, read_scene, spans_of
from engine.documents.answering.likelihood import answer_likelihoods
from engine.documents.answering.question import TYPES, Question, read_question
from engine.documents.answering.reader import Reader, Scores, reader
from engine.documents.answering.spans import Sentence, read_sentences
from engine.model import Model
from engine.search_text import Span

MOST_SENTENCES = 8
"""So many are searched for spans."""
MOST_CANDIDATES = 24
"""So many spans the model is asked about."""
MOST_PROMPTS = 2
"""So many passages the model reads for it."""
_NEIGHBOUR_WEIGHT = 0.3
_RANK_WEIGHT = 0.1
_LONGEST_ANSWER_TOKENS = 96


@dataclass(frozen=True, kw_only=True)
class Found:
    """A span that could be the answer."""

    passage: int
    """Which of the passages, counted from 0."""
    start: int
    end: int
    """Its place in that passage's text."""
    sentence: Span
    """The place of its sentence there."""
    text: str
    score: float
    """ln of its share among all spans; with the model's word, if it was asked."""


@dataclass(frozen=True)
class Search:
    """What was found, the best first, and how sure it is that it is an answer."""

    found: Sequence[Found]
    confidence: float
    """Probability, 0 to 1, that the best one answers the question."""


def search_spans(question_text: str, texts: Sequence[str], completed: str = "") -> Search:
    """Return the MOST_CANDIDATES best spans of the passages, without the model's word.

    `completed` is the question behind those that it leans on (see `read_question`).
    """
    question = read_question(question_text, completed)
    sentences = read_sentences(texts)
    if not sentences:
        return Search((), 0.0)
    scene = read_scene(question, sentences)
    spans = spans_of(scene, best_sentences(scene)[:MOST_SENTENCES])
    if not spans.first.size:
        return Search((), 0.0)
    if question.type == TYPES.index("whether"):
        spans = _whole(spans)
    weights = reader(question.language)
    scores = weights.score(scene, spans)
    found = _best(texts, sentences, spans, scores.spans)
    return Search(found, weights.judge(signs(scene, spans, scores)))


def _whole(spans: Spans) -> Spans:
    """Return the clauses and sentences alone: no part of one answers a yes-or-no question."""
    columns = [NAMES.index(f"shape_{shape}") for shape in ("clause", "sentence")]
    whole = spans.values[:, columns].any(1)
    if not whole.any():
        return spans
    return Spans(spans.sentence[whole], spans.first[whole], spans.end[whole], spans.values[whole])


def best_sentences(scene: Scene) -> list[int]:
    """Return the sentences, those first that have most in common with the question."""
    overlap = scene.overlap
    beside = np.zeros_like(overlap)
    for place, sentence in enumerate(scene.sentences):
        for other in (place - 1, place + 1):
            if 0 <= other < len(overlap) and scene.sentences[other].passage == sentence.passage:
                beside[place] = max(beside[place], overlap[other])
    rank = np.array([1 / (1 + sentence.passage) for sentence in scene.sentences])
    worth = overlap + _NEIGHBOUR_WEIGHT * beside + _RANK_WEIGHT * rank
    return [int(place) for place in np.argsort(-worth, kind="stable")]


def signs(scene: Scene, spans: Spans, scores: Scores) -> NDArray[np.float64]:
    """Return what tells whether there is an answer at all, [5].

    The reader's best score; its share; how much of the question the best span's sentence names;
    how much its whole passage does; and the spans' score beside that of there being none.
    """
    best = int(scores.spans.argmax())
    sentence = scene.sentences[spans.sentence[best]]
    beside = [
        float(overlap)
        for overlap, one in zip(scene.overlap, scene.sentences, strict=True)
        if one.passage == sentence.passage
    ]
    share = float(_log_softmax(scores.spans)[best])
    score = float(scores.spans[best])
    named = float(scene.overlap[spans.sentence[best]])
    return np.array([score, share, named, max(beside), score - share - scores.absent])


def ask_model(
    search: Search,
    question_text: str,
    texts: Sequence[str],
    model: Model,
    bundle: Bundle,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Search:
    """Let the model sort what was found. Raises as `answer_likelihoods`."""
    question = read_question(question_text)
    weights = reader(question.language)
    if not search.found or not weights.model_weight:
        return search
    wanted = list(dict.fromkeys(one.passage for one in search.found))[:MOST_PROMPTS]
    prompts = [_prompts(question, texts[passage], weights, bundle) for passage in wanted]
    longest = max(len(ids) for some in prompts for ids, _ in some)
    if longest + _LONGEST_ANSWER_TOKENS > model.context_length:
        return search  # a context too short for a passage: the reader alone decides
    asked: list[Found] = []
    for passage, some in zip(wanted, prompts, strict=True):
        spans = [one for one in search.found if one.passage == passage]
        answers = [one.text for one in spans]
        scores = np.array([one.score for one in spans])
        for ids, weight in some:
            scores += weight * answer_likelihoods(model, bundle, ids, answers, is_cancelled)
        asked += [
            replace(one, score=float(score)) for one, score in zip(spans, scores, strict=True)
        ]
    asked.sort(key=lambda one: -one.score)
    return replace(search, found=tuple(asked))


def _prompts(
    question: Question, text: str, weights: Reader, bundle: Bundle
) -> list[tuple[list[int], float]]:
    """Return what the model reads, and how much its word then counts."""
    prompts = [(ask_about_passage(text, question.text, question.language), weights.model_weight)]
    if weights.prior_weight:
        prompts.append((question.text, -weights.model_weight * weights.prior_weight))
    return [
        (bundle.chat_template.encode([{"role": "user", "content": prompt}]), weight)
        for prompt, weight in prompts
    ]


def _best(
    texts: Sequence[str],
    sentences: Sequence[Sentence],
    spans: Spans,
    scores: NDArray[np.float32],
) -> tuple[Found, ...]:
    """Return the best spans; the same words in another place are no other answer."""
    logs = _log_softmax(scores)
    found: dict[str, Found] = {}
    for row in np.argsort(-scores, kind="stable"):
        sentence = sentences[spans.sentence[row]]
        words = sentence.words
        start, end = words[spans.first[row]].start, words[spans.end[row] - 1].end
        text = texts[sentence.passage][start:end]
        if text.casefold() not in found:
            found[text.casefold()] = Found(
                passage=sentence.passage,
                start=start,
                end=end,
                sentence=sentence.span,
                text=text,
                score=float(logs[row]),
            )
        if len(found) == MOST_CANDIDATES:
            break
    return tuple(found.values())


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    logs: NDArray[np.float64] = wide - np.logaddexp.reduce(wide)
    return logs
