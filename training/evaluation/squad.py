"""Test sets in SQuAD's format: SQuAD, XQuAD, CMRC 2018, DRCD.

{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", "answers":
[{"text"}]}]}]}]}
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import DataError
from training.evaluation.files import read_json, unknown_format
from training.evaluation.language import Language, language_of


@dataclass(frozen=True)
class Passage:
    """A passage; those of one article share `article`, its title or number."""

    context: str
    article: str


@dataclass(frozen=True)
class Question:
    """A question that `passage` answers, with every answer that counts as right."""

    id: str
    text: str
    answers: tuple[str, ...]
    passage: Passage = field(repr=False)


@dataclass(frozen=True)
class Dataset:
    """A test set in one language."""

    language: Language
    passages: list[Passage]
    questions: list[Question]


def read_squad(path: Path) -> Dataset:
    """Return the test set in a .json or .json.xz file; questions without an answer are left out.

    Raises DataError for another format, a file without questions, or another language than
    Chinese and English.
    """
    contents = read_json(path)
    passages: list[Passage] = []
    questions: list[Question] = []
    try:
        for number, article in enumerate(contents["data"]):
            title = str(article.get("title", number))
            for paragraph in article["paragraphs"]:
                passages.append(Passage(str(paragraph["context"]), title))
                questions += _questions(paragraph["qas"], passages[-1])
    except (KeyError, TypeError, AttributeError) as error:
        raise unknown_format(path) from error
    if not questions:
        raise DataError("{path} holds no question with an answer.", path=path)
    language = language_of(" ".join(question.text for question in questions))
    if language is None:
        raise DataError("The questions in {path} are neither Chinese nor English.", path=path)
    return Dataset(language, passages, questions)


def _questions(entries: list[dict[str, Any]], passage: Passage) -> list[Question]:
    return [
        Question(
            str(entry["id"]),
            str(entry["question"]).strip(),
            tuple(str(answer["text"]) for answer in entry["answers"]),
            passage,
        )
        for entry in entries
        if entry["answers"]
    ]
