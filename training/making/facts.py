"""Questions about single lines of texts that are lists of facts ("Climate: tropical")."""

import random
import re
from collections.abc import Iterable, Iterator

from training.making.asked import Asked
from training.making.exercises import Block
from training.making.passages import Passage
from training.making.records import Record, conversation
from training.making.vocabulary import vocabulary

_LINE = re.compile(r"(?P<f>[A-Z][A-Za-z \-()/&,]{2,60}?) ?: (?P<v>.+)")
_QUESTIONS: dict[str, list[str]] = vocabulary("en").items("facts")
_FEWEST, _MOST = 4, 12
"""Lines of a passage."""
_LONGEST_ANSWER = 160
_QUESTIONS_EACH = 3


def from_facts(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records from English texts of facts about countries.

    The first line of a text names the country. The same for the same `seed`.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    found = [made for record in documents for made in _passages(record["text"], generator)]
    if found:
        block, asked = zip(*found, strict=True)
        for exercise in Block(block, asked, generator, title_share=1.0).exercises():
            yield conversation(exercise.pairs(), "en")


def _passages(text: str, generator: random.Random) -> Iterator[tuple[Passage, list[Asked]]]:
    country, *lines = text.split("\n")
    lines = [line.strip() for line in lines if _LINE.match(line)]
    while len(lines) >= _FEWEST:
        count = generator.randint(_FEWEST, _MOST)
        now, lines = lines[:count], lines[count:]
        body = "\n".join(now)
        spans, place = [], 0
        for line in now:
            spans.append((place, place + len(line)))
            place += len(line) + 1
        passage = Passage(body, tuple(spans), country, country, None, "en")
        asked = [
            one
            for line, (start, _) in zip(now, spans, strict=True)
            if (one := _ask(line, start, country, generator))
        ]
        asked = [one for one in asked if body.count(one.answer) == 1]
        yield passage, generator.sample(asked, min(len(asked), _QUESTIONS_EACH))


def _ask(line: str, start: int, country: str, generator: random.Random) -> Asked | None:
    match = _LINE.match(line)
    if match is None or match["f"] not in _QUESTIONS:
        return None
    # What follows a semicolon is another figure: "912,050 sq km; land: 882,050 sq km".
    answer = match["v"].split(";")[0].strip()
    if not answer or len(answer) > _LONGEST_ANSWER or answer in ("NA", "none"):
        return None
    question = generator.choice(_QUESTIONS[match["f"]]).format(c=country)
    return Asked(question, answer, start + match.start("v"), "fact")
