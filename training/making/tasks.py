"""Small tasks on other people's text: translating sentences, summing up passages."""

import random
import re
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES, language_of
from training.making.passages import Passage, passages
from training.making.records import Record, conversation
from training.making.wordings import wordings

_ASKED = (
    re.compile(
        r"(?:把下面的句子翻译成[中英]文|Translate into (?:Chinese|English))[：:]\s*(?P<s>.+)",
        re.DOTALL,
    ),
    re.compile(r"“(?P<s>.+)”用[中英][文语]怎么说？", re.DOTALL),
)
_TURNS = (1, 1, 1, 2, 2, 3)
_BRACKETS = re.compile(r"\s*(?:（[^（）]*）|\([^()]*\)|\[[^\[\]]*\])")
_LONGEST_SUMMARY = {"zh": 70, "en": 220}
_FEWEST_SENTENCES = 3


def from_translations(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield conversations of one to three translations from single ones.

    The pairs are taken out of their few fixed wordings and asked for in ours.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    words = wordings("zh")
    turns: list[tuple[str, str]] = []
    wanted = generator.choice(_TURNS)
    for record in documents:
        question, answer = (message["content"] for message in record["messages"][:2])
        sentence = next(
            (match["s"] for form in _ASKED if (match := form.fullmatch(question))), None
        )
        target = language_of(answer)
        if sentence is None or target is None:
            continue
        form = generator.choice(words.translate_zh if target == "zh" else words.translate_en)
        turns.append((form.replace("{s}", sentence.strip()), answer))
        if len(turns) == wanted:
            yield conversation(turns, language_of(turns[0][1]) or target)
            turns, wanted = [], generator.choice(_TURNS)


def from_titled(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield conversations about the openings of titled texts: topic, title, and a summary.

    The summary is the first sentence, which in an encyclopedia says what the rest is about.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for record in documents:
        if record["lang"] in LANGUAGES:
            opening = next(passages(record["text"], record["lang"], generator), None)
            if opening is not None and (turns := _tasks(opening, generator)):
                yield conversation(turns, opening.language)


def _tasks(passage: Passage, generator: random.Random) -> list[tuple[str, str]]:
    topic, words = passage.topic, wordings(passage.language)
    if topic is None or not topic.kind or len(passage.sentences) < _FEWEST_SENTENCES:
        return []
    first = passage.sentence(0)
    tasks = [(words.about, topic.name), (words.title, topic.name)]
    summary = _BRACKETS.sub("", first)
    if (
        first == topic.opening
        and topic.name in summary
        and len(summary) <= _LONGEST_SUMMARY[passage.language]
    ):
        tasks += [(words.summary, summary)] * 2
    chosen = generator.sample(tasks, generator.choice((1, 1, 2)))
    if chosen[0] is chosen[-1] and len(chosen) > 1:
        chosen = chosen[:1]
    turns: list[tuple[str, str]] = []
    for forms, answer in chosen:
        instruction = generator.choice(forms)
        if not turns:
            order = generator.choice(("{p}\n\n{i}", "{i}\n\n{p}", "{p}\n\n{i}"))
            instruction = order.replace("{i}", instruction).replace("{p}", passage.text)
        turns.append((instruction, answer))
    return turns
