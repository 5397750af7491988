"""Document questions that people wrote, asked anew in our wordings.

The corpus carries such sets as finished conversations in a few fixed wordings. Here passage,
question and answer are taken out of them and go through the same exercises as made questions;
so do the questions that were written for this project.
"""

import itertools
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from training.evaluation.language import Language
from training.evaluation.scoring import is_refusal, strip_wrappers
from training.making.asked import Asked
from training.making.exercises import NUMBERED_SHARE, Block, Exercise
from training.making.passages import Passage, sentences_of
from training.making.records import Record, conversation
from training.making.topics import topic_of
from training.making.written_questions import written_about

_PATTERNS: dict[Language, tuple[str, ...]] = {
    "zh": (
        r"问题：(?P<q>[^\n]+)\n\n请根据以下内容回答：\n(?P<p>.+)",
        r"资料：(?P<p>.+)\n\n问：(?P<q>[^\n]+)",
        r"文章：\n(?P<p>.+)\n\n问题：(?P<q>[^\n]+)",
        r"(?P<q>[^\n]+)\n\n参考资料：\n(?P<p>.+)",
        r"请只根据下面的文档回答问题。\n\n文档：\n(?P<p>.+)\n\n问题：(?P<q>[^\n]+)",
        r"下面是一段文字：\n\n(?P<p>.+)\n\n(?P<q>[^\n]+)",
        r"阅读下面的文章，回答问题。\n\n(?P<p>.+)\n\n问题：(?P<q>[^\n]+)",
        r"(?P<p>.+)\n\n根据上文回答：(?P<q>[^\n]+)",
        r"(?P<p>[^\n].+)\n\n(?P<q>[^\n]+)",
    ),
    "en": (
        r"Passage:\n(?P<p>.+)\n\nQuestion: (?P<q>[^\n]+)",
        r"Question: (?P<q>[^\n]+)\n\nUse this passage to answer:\n(?P<p>.+)",
        r"(?P<q>[^\n]+)\n\nText:\n(?P<p>.+)",
        r"Here is a text:\n\n(?P<p>.+)\n\n(?P<q>[^\n]+)",
        r"Context: (?P<p>.+)\n\nQ: (?P<q>[^\n]+)",
        r"Read the passage and answer the question.\n\n(?P<p>.+)\n\nQuestion: (?P<q>[^\n]+)",
        r"Answer the question using only the document below.\n\nDocument:\n(?P<p>.+)\n\n"
        r"Question: (?P<q>[^\n]+)",
        r"(?P<p>.+)\n\nBased on the text above, (?P<q>[^\n]+)",
    ),
}
_WORDINGS = {
    language: tuple(re.compile(pattern, re.DOTALL) for pattern in patterns)
    for language, patterns in _PATTERNS.items()
}
_JOINED = (3, 4, 5, 6, 8)
"""So many sentences make a passage, by chance."""
_TIMES = 3
"""So often each question is asked, in other words and beside others: the sets are small."""
_EXCERPT_TIMES = 5
"""The same of excerpts, which cost a third as much to read."""
_EXCERPTS = (1, 2, 2, 3, 4)
"""So many sentences make an excerpt, by chance."""
_FEWEST_WORDS = 5
"""Shorter questions do not tell which of several sentences they mean."""
_NO_ANSWERS = frozenset(["he", "she", "it", "they", "him", "her", "them", "his", "i", "we", "you"])
_AskedPassage = tuple[Passage, list[Asked]]
"""A passage, and what was asked about it."""
_ASKS = {"zh": re.compile(r"[？?]$"), "en": re.compile(r"\?$")}


def from_human_questions(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from finished conversations of the same form.

    Of whole passages and of excerpts. Questions whose answer is no span of the passage are left
    out. The same for the same `seed`; another seed words and groups them in another way.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for whole in _passages(documents):
        yield from _anew(whole, generator)


def from_written_questions(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield records as `from_human_questions` does, of what was written about these documents."""
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for whole in _written(documents):
        yield from _anew(whole, generator)


def from_joined_questions(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield records as `from_human_questions` does, of sets that ask about single sentences.

    Several sentences, which need not belong together, make a passage.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for language, by_text in _by_text(documents).items():
        for _ in range(_TIMES):
            texts = list(by_text)
            generator.shuffle(texts)
            joined = [
                (_passage(text, language), asked)
                for text, asked in _joined(texts, by_text, generator)
            ]
            for exercise in _exercises(joined, generator):
                yield conversation(exercise.pairs(), exercise.language)


def human_exercises(documents: Iterable[Record], seed: str) -> Iterator[Exercise]:
    """Yield the exercises over the passages of some conversations, all of them in memory."""
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for whole in _passages(documents):
        yield from _exercises(whole, generator)


def written_exercises(documents: Iterable[Record], seed: str) -> Iterator[Exercise]:
    """Yield the exercises over what was written about some documents, all of them in memory."""
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for whole in _written(documents):
        yield from _exercises(whole, generator)


def _anew(whole: list[_AskedPassage], generator: random.Random) -> Iterator[Record]:
    """Yield conversations about whole passages and about excerpts of them."""
    for time in range(_TIMES + _EXCERPT_TIMES):
        if time < _TIMES:
            made = _exercises(whole, generator)
        else:
            made = _exercises(list(_excerpts(whole, generator)), generator, numbered_share=0)
        for exercise in made:
            yield conversation(exercise.pairs(), exercise.language)


def _written(documents: Iterable[Record]) -> Iterator[list[_AskedPassage]]:
    """Yield the passages of each language with the questions that were written about them."""
    found: dict[Language, list[_AskedPassage]] = {}
    for about in written_about(documents):
        if not about.held_out:
            passage = _passage(about.text, about.language)
            if about.title:
                opening = passage.sentence(0)
                topic = topic_of(about.title, opening, about.text, about.language)
                passage = replace(passage, title=about.title, topic=topic)
            found.setdefault(about.language, []).append((passage, list(about.asked)))
    yield from found.values()


def _passages(documents: Iterable[Record]) -> Iterator[list[_AskedPassage]]:
    """Yield the passages of each language with their questions."""
    for language, by_text in _by_text(documents).items():
        yield [(_passage(text, language), asked) for text, asked in by_text.items()]


def _by_text(documents: Iterable[Record]) -> dict[Language, dict[str, list[Asked]]]:
    found: dict[Language, dict[str, list[Asked]]] = {}
    for record in documents:
        for text, asked in questions_in(record):
            found.setdefault(record["lang"], {}).setdefault(text, []).append(asked)
    return found


def _exercises(
    some: list[_AskedPassage], generator: random.Random, numbered_share: float = NUMBERED_SHARE
) -> Iterator[Exercise]:
    passages, asked = [one for one, _ in some], [asked for _, asked in some]
    block = Block(passages, asked, generator, numbered_share=numbered_share)
    yield from block.exercises()


def _excerpts(whole: Iterable[_AskedPassage], generator: random.Random) -> Iterator[_AskedPassage]:
    """Yield the runs of sentences that hold an answer, each sentence in one run at most."""
    for passage, questions in whole:
        rest = iter(passage.sentences)
        while spans := list(itertools.islice(rest, generator.choice(_EXCERPTS))):
            start, end = spans[0][0], spans[-1][1]
            inside = [
                replace(asked, start=asked.start - start)
                for asked in questions
                if start <= asked.start and asked.start + len(asked.answer) <= end
            ]
            if inside:
                moved = tuple((a - start, b - start) for a, b in spans)
                yield replace(passage, text=passage.text[start:end], sentences=moved), inside


def _joined(
    texts: list[str], by_text: dict[str, list[Asked]], generator: random.Random
) -> Iterator[tuple[str, list[Asked]]]:
    """Yield passages of several texts, in their order, and what all of these were asked."""
    rest = iter(texts)
    while some := list(itertools.islice(rest, generator.choice(_JOINED))):
        passage, questions = "", []
        for text in some:
            start = len(passage)
            passage += f"{text} "
            questions += [
                replace(asked, start=start + asked.start)
                for asked in by_text[text]
                if len(asked.question.split()) >= _FEWEST_WORDS
            ]
        generator.shuffle(questions)
        yield passage.strip(), questions


def questions_in(record: Record) -> Iterator[tuple[str, Asked]]:
    """Yield the passage and each question of a finished conversation that a span of it answers."""
    language: Language = record["lang"]
    messages = [message["content"] for message in record["messages"]]
    matches = (pattern.fullmatch(messages[0]) for pattern in _WORDINGS.get(language, ()))
    match = next((found for found in matches if found), None)
    if match is None:
        return
    text = match["p"].replace("<br>", "").strip()
    for question, answer in zip([match["q"], *messages[2::2]], messages[1::2], strict=False):
        span = strip_wrappers(answer)
        start = text.find(span)
        if start < 0 and len(text) == len(text.lower()):
            start = text.lower().find(span.lower())
        question = question.strip()
        if (
            span
            and start >= 0
            and _ASKS[language].search(question)
            and span.lower() not in _NO_ANSWERS
            and not is_refusal(answer, language)
        ):
            question = question[0].upper() + question[1:]
            yield text, Asked(question, text[start : start + len(span)], start, "human")


def _passage(text: str, language: Language) -> Passage:
    spans, place = [], 0
    for sentence in (s for line in text.split("\n") for s in sentences_of(line, language)):
        start = text.index(sentence, place)
        place = start + len(sentence)
        spans.append((start, place))
    return Passage(text, tuple(spans), text[:80], "", None, language)
