"""The questions that were written for this project about texts of the corpus.

recipes/text/questions_LANGUAGE.jsonl holds them, a passage a line: which document ("document", a
hash of its text), which part of it ("from", "to", in characters), and "questions", each with an
answer that stands there. The texts themselves come from their sources.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from training.evaluation.language import LANGUAGES, Language
from training.making.asked import Asked
from training.making.passages import title_of

_FOLDER = Path(__file__).parents[1] / "recipes" / "text"
_HELD_OUT = re.compile(r"0.*[0-3]")
"""The hashes of documents that no model is trained on, about one in 13 of those asked about: the
reader's judgement of a model needs questions that the model has not seen."""
_ENDS = "。！？.!?\n"


@dataclass(frozen=True)
class WrittenAbout:
    """A part of a document, and what is asked about it."""

    language: Language
    text: str
    title: str
    """Of the document; "" where it has none."""
    asked: tuple[Asked, ...]
    held_out: bool
    """Never to be trained on."""


def written_about(documents: Iterable[dict[str, Any]]) -> Iterator[WrittenAbout]:
    """Yield what is asked about {"text", "lang"} documents.

    Raises ValueError where an answer does not stand in its part of the document.
    """
    for document in documents:
        language = document["lang"]
        if language not in LANGUAGES:
            continue
        text: str = document["text"]
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        for entry in _entries(language).get(digest, ()):
            part = text[entry["from"] : entry["to"]]
            asked = tuple(
                Asked(question, answer, _place(part, question, answer), "human")
                for question, answer in entry["questions"].items()
            )
            title = title_of(text, language)
            yield WrittenAbout(language, part, title, asked, bool(_HELD_OUT.fullmatch(digest)))


def _place(text: str, question: str, answer: str) -> int:
    """Return where the answer begins: of several places in the sentence most like the question.

    Of sentences that are as like it in the last one: names stand in the first.
    """
    pairs = {question[i : i + 2] for i in range(len(question) - 1)}

    def likeness(place: int) -> tuple[int, int]:
        before, after = text[:place], text[place + len(answer) :]
        start = max(before.rfind(end) for end in _ENDS) + 1
        rest = re.split(f"[{_ENDS}]", after, maxsplit=1)[0]
        sentence = before[start:] + answer + rest
        return sum(pair in sentence for pair in pairs), place

    return max((match.start() for match in re.finditer(re.escape(answer), text)), key=likeness)


@cache
def _entries(language: Language) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of a language's file by document."""
    found: dict[str, list[dict[str, Any]]] = {}
    with (_FOLDER / f"questions_{language}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            found.setdefault(entry["document"], []).append(entry)
    return found
