"""Exercises in copying: sentences and figures found in a text and given back exactly.

Answering from a passage is copying the right span of it; this trains the copying alone.
"""

import random
import re
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES, Language
from training.making.passages import Passage, passages
from training.making.records import Record, conversation
from training.making.wordings import wordings

_ORDINALS: dict[Language, tuple[str, ...]] = {
    "zh": ("第一", "第二", "第三", "第四"),
    "en": ("first", "second", "third", "fourth"),
}
_YEARS: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(r"(?<!\d)\d{3,4}年(?!代)"),
    "en": re.compile(r"(?<![\d,.])(?:1\d{3}|20[0-2]\d)(?![\d,.%s])"),
}
_JOINTS: dict[Language, str] = {"zh": "、", "en": ", "}
_FEWEST_YEARS, _MOST_YEARS = 2, 8
_LONGEST_SENTENCE: dict[Language, int] = {"zh": 90, "en": 240}
_BEGINNING: dict[Language, int] = {"zh": 6, "en": 24}
"""Characters by which a sentence is called."""


def from_copied(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones, one for each at most.

    The same for the same `seed`.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for record in documents:
        if record["lang"] not in LANGUAGES:
            continue
        found = list(passages(record["text"], record["lang"], generator))
        if not found:
            continue
        passage = generator.choice(found)
        tasks = [task for make in _TASKS if (task := make(passage, generator))]
        if tasks:
            yield conversation([generator.choice(tasks)], passage.language)


def _whole(passage: Passage, generator: random.Random) -> tuple[str, str] | None:
    """Repeat a sentence."""
    sentence = generator.choice(passage.spans())
    if len(sentence) > _LONGEST_SENTENCE[passage.language]:
        return None
    form = generator.choice(wordings(passage.language).repeat)
    return form.replace("{s}", sentence), sentence


def _by_place(passage: Passage, generator: random.Random) -> tuple[str, str] | None:
    """Give the second sentence of a text."""
    sentences, names = passage.spans(), _ORDINALS[passage.language]
    place = generator.randrange(min(len(names), len(sentences)))
    if len(sentences[place]) > _LONGEST_SENTENCE[passage.language]:
        return None
    form = generator.choice(wordings(passage.language).sentence_at)
    return _about(passage, form.replace("{n}", names[place])), sentences[place]


def _by_beginning(passage: Passage, generator: random.Random) -> tuple[str, str] | None:
    """Give the sentence that begins so."""
    sentence = generator.choice(passage.spans())
    beginning = sentence[: _BEGINNING[passage.language]]
    if passage.language == "en":
        beginning = beginning.rpartition(" ")[0]
    fits = 2 * len(beginning) <= len(sentence) <= _LONGEST_SENTENCE[passage.language]
    if not beginning or not fits or passage.text.count(beginning) != 1:
        return None
    form = generator.choice(wordings(passage.language).sentence_from)
    return _about(passage, form.replace("{b}", beginning)), sentence


def _years(passage: Passage, generator: random.Random) -> tuple[str, str] | None:
    """List the years of a text in order."""
    years = list(dict.fromkeys(_YEARS[passage.language].findall(passage.text)))
    if not _FEWEST_YEARS <= len(years) <= _MOST_YEARS:
        return None
    form = generator.choice(wordings(passage.language).years)
    return _about(passage, form), _JOINTS[passage.language].join(years)


def _about(passage: Passage, instruction: str) -> str:
    return f"{passage.text}\n\n{instruction}"


_TASKS = (_whole, _by_place, _by_beginning, _years)
