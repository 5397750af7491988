"""Questions whose passages are known, and other passages to hide those among."""

import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SMALL = Path(__file__).parent / "small"
SETS = {"zh": "cmrc2018_dev.json", "en": "xquad.en.json"}
_LENGTH = {"zh": 450, "en": 800}
"""Characters of another passage, as the passages of the sets have."""


@dataclass(frozen=True)
class QuestionSet:
    """Passages, and questions with the place of the passage that answers each."""

    passages: list[str]
    questions: list[tuple[str, int]]


def read_questions(language: str, data: Path | None) -> QuestionSet:
    """Read CMRC 2018 or XQuAD from the corpus at `data`, or the few kept here."""
    name = SETS[language]
    path = SMALL / name if data is None else data / "eval" / f"{name}.xz"
    with _open(path) as file:
        articles = json.load(file)["data"]
    passages: dict[str, int] = {}
    questions: list[tuple[str, int]] = []
    for paragraph in (p for article in articles for p in article["paragraphs"]):
        place = passages.setdefault(paragraph["context"], len(passages))
        questions += [(item["question"], place) for item in paragraph["qas"]]
    return QuestionSet(list(passages), questions)


def other_passages(language: str, data: Path, count: int) -> list[str]:
    """Cut `count` passages out of the corpus, drawn with a fixed seed.

    If the text does not suffice it is cut again half a passage further on.
    """
    length = _LENGTH[language]
    files = sorted((data / "pretrain").glob(f"{language}-*.jsonl.xz"))
    passages: list[str] = []
    for skipped in (0, length // 2):
        for path in files:
            with _open(path) as file:
                for line in file:
                    passages += _cut(json.loads(line)["text"][skipped:], length)
        if len(passages) >= count:
            break
    random.Random(1).shuffle(passages)  # noqa: S311 (no secret)
    return passages[:count]


def _cut(text: str, length: int) -> Iterator[str]:
    """Yield whole paragraphs together, up to a length; longer ones in pieces."""
    held = ""
    for paragraph in filter(None, map(str.strip, text.split("\n"))):
        for start in range(0, len(paragraph), length):
            piece = paragraph[start : start + length]
            if held and len(held) + len(piece) > length:
                yield held
                held = ""
            held = f"{held}\n{piece}" if held else piece
    if len(held) > length // 4:
        yield held


def _open(path: Path) -> IO[Any]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
