"""Documents cut into passages as long as those of reading tests."""

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from training.evaluation.language import Language
from training.making.topics import Topic, topic_of

_CHINESE_SENTENCE = re.compile(r"[^。！？]*[。！？]+[”」』）]*|[^。！？]+$")
_ENGLISH_END = re.compile(r"[.!?][\"”')\]]*(?=\s+[\"“'(]?[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|No|Nos|vs|etc|approx|ca|c|Gen|Col|Lt|Sgt|Capt|Rev|Prof|Gov|Sen|Rep|Mt|Ft|Inc|Ltd|Co|Corp|"
    r"e\.g|i\.e|cf|al|pp|vol|ed|b|d|fl|r|U\.S|U\.K)\.)$"
)
_PROSE_END = {"zh": "。！？”」』）", "en": ".!?\"”')"}
_MARKUP = re.compile(r"^\s*(?:[*#>|+\-]\s|```|\d+[.)、]\s|[|=])|\{\{|\}\}|https?://|formula_\d")
_SHORTEST_PARAGRAPH = {"zh": 16, "en": 60}
_LENGTHS: dict[Language, tuple[int, int, int]] = {"zh": (140, 420, 900), "en": (380, 800, 1500)}
"""Characters of a passage: fewest, median, most."""
_SPREAD = 0.42
"""Standard deviation of the logarithm of a passage's length."""
_SHORT_SHARE = 0.4
"""So many passages are shorter: where less has to be read, more questions are asked."""
_SHORTENED = 0.3


@dataclass(frozen=True)
class Passage:
    """A run of whole sentences of one document."""

    text: str
    sentences: tuple[tuple[int, int], ...] = field(repr=False)
    """Where each sentence begins and ends in the text."""
    article: str
    """The same for all passages of one document."""
    title: str
    """"" where the document has none."""
    topic: Topic | None
    language: Language

    def sentence(self, index: int) -> str:
        """Return one sentence."""
        start, end = self.sentences[index]
        return self.text[start:end]

    def spans(self) -> list[str]:
        """Return all sentences in order."""
        return [self.text[start:end] for start, end in self.sentences]


def passages(text: str, language: Language, generator: random.Random) -> Iterator[Passage]:
    """Cut a document into passages of various lengths, each sentence in one passage at most."""
    title, paragraphs = _split(text, language)
    if not paragraphs:
        return
    flat = [
        (sentence, number)
        for number, paragraph in enumerate(paragraphs)
        for sentence in sentences_of(paragraph, language)
    ]
    opening = flat[0][0]
    topic = topic_of(title, opening, text, language) if title else None
    article = f"{title}\n{opening}"
    while flat:
        shortened = _SHORTENED if generator.random() < _SHORT_SHARE else 1
        fewest, median, most = (shortened * length for length in _LENGTHS[language])
        target = min(most, max(fewest, median * math.exp(generator.gauss(0, _SPREAD))))
        taken, length = 0, 0
        while taken < len(flat) and (taken == 0 or length + len(flat[taken][0]) <= target):
            length += len(flat[taken][0]) + 1
            taken += 1
        if fewest <= length <= most + 100:
            joint = generator.choice(("", "\n") if language == "zh" else ("\n", " "))
            yield _joined(flat[:taken], joint, article, title, topic, language)
        flat = flat[taken:]


def sentences_of(paragraph: str, language: Language) -> list[str]:
    """Return the sentences of a paragraph, without blanks around them."""
    if language == "zh":
        found = _CHINESE_SENTENCE.findall(paragraph)
    else:
        found, start = [], 0
        for match in _ENGLISH_END.finditer(paragraph):
            if not _ABBREVIATION.search(paragraph[max(0, match.start() - 8) : match.start() + 1]):
                found.append(paragraph[start : match.end()])
                start = match.end()
        found.append(paragraph[start:])
    return [sentence.strip() for sentence in found if sentence.strip()]


def title_of(text: str, language: Language) -> str:
    """Return the title that a document begins with, "" if it has none."""
    first, _, body = text.partition("\n\n")
    has_title = (
        bool(body)
        and 0 < len(first) <= 60
        and "\n" not in first
        and first[-1] not in _PROSE_END[language][:3]
    )
    return first.strip() if has_title else ""


def _split(text: str, language: Language) -> tuple[str, list[str]]:
    """Return the title ("" if there is none) and the paragraphs of prose."""
    title = title_of(text, language)
    lines = (text.partition("\n\n")[2] if title else text).split("\n")
    prose = [
        line.strip()
        for line in lines
        if len(line.strip()) >= _SHORTEST_PARAGRAPH[language]
        and line.strip()[-1] in _PROSE_END[language]
        and not _MARKUP.search(line)
    ]
    return title, prose


def _joined(
    parts: list[tuple[str, int]],
    joint: str,
    article: str,
    title: str,
    topic: Topic | None,
    language: Language,
) -> Passage:
    within = "" if language == "zh" else " "
    text, spans = "", []
    for index, (sentence, paragraph) in enumerate(parts):
        if index:
            text += within if parts[index - 1][1] == paragraph else joint
        spans.append((len(text), len(text) + len(sentence)))
        text += sentence
    return Passage(text, tuple(spans), article, title, topic, language)
