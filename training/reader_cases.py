"""Questions with the passages that a search finds for them: people's and written ones.

People's come out of the corpus' conversations; those that were written for this project are about
its documents.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import DataError
from training.evaluation.bm25 import BM25
from training.evaluation.files import read_json_lines
from training.evaluation.language import Language
from training.making.written_questions import written_about

FOUND = 4
"""So many passages a search finds."""
SOURCES: dict[Language, tuple[tuple[str, str], ...]] = {
    "zh": (
        ("optional/docqa_zh_drcd-dev.jsonl.xz", "drcd-dev"),
        ("sft/docqa_zh.jsonl.xz", "cmrc2018-trial"),
    ),
    "en": (),
}
"""File, and source in it. The English sets, about fairy tales and loose sentences, made the reader
worse where it had better ones."""
DOCUMENTS: dict[Language, str] = {
    "zh": "pretrain/zh-*.jsonl.xz",
    "en": "pretrain/en-*.jsonl.xz",
}
"""The files that hold what questions were written about."""
_MARKED = re.compile(r"^(?:问题|问|Question|Q)\s*[:：]\s*")
_ASKS = re.compile(r"[?？]\s*$")
_INSTRUCTION = re.compile(r"^.{0,40}[:：。.]\s*$")
_LABEL = re.compile(r"^(?:资料|文档|参考资料|Context|Passage|Text|Document)\s*[:：]\s*")
_LEAD_IN = re.compile(r"^(?:根据文章|根据文中|答案是|The answer is)[，,:： ]*")
_LONGEST_FOLLOW_UP = 200


@dataclass(frozen=True)
class Case:
    """A question, what a search finds for it, and the answer as it stands there."""

    question: str
    answer: str
    passages: tuple[str, ...]
    home: str
    """The one of them that the question is about."""
    without: tuple[str, ...]
    """What the search finds where the passage with the answer is not."""
    held_out: bool = False
    """No model was trained on it."""


def cases(data: Path, language: Language) -> Iterator[Case]:
    """Yield people's and written cases. Raises DataError where a file is missing or damaged."""
    for name, source in SOURCES[language]:
        records = [one for one in read_json_lines(data / name) if one["source"] == source]
        yield from _searched(list(_asked(records)))
    about = list(written_about(_documents(data, language)))
    held_out = {one.text for one in about if one.held_out}
    asked = [(one.text, asked.question, asked.answer) for one in about for asked in one.asked]
    for case, (text, _, _) in zip(_searched(asked), asked, strict=True):
        yield replace(case, held_out=text in held_out)


def _documents(data: Path, language: Language) -> Iterator[dict[str, Any]]:
    """Yield the corpus' documents in a language."""
    paths = sorted(data.glob(DOCUMENTS[language]))
    if not paths:
        raise DataError("There is no file or folder {path}.", path=data / DOCUMENTS[language])
    for path in paths:
        yield from read_json_lines(path)


def _asked(records: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (passage, question, answer) where the answer stands in the passage."""
    for record in records:
        texts = [message["content"] for message in record["messages"]]
        parsed = _divided(texts[0])
        if parsed is None:
            continue
        passage, question = parsed
        follow_ups = zip(texts[2::2], texts[3::2], strict=False)
        turns = [(question, texts[1]), *(t for t in follow_ups if len(t[0]) < _LONGEST_FOLLOW_UP)]
        for asked, answer in turns:
            plain = _LEAD_IN.sub("", answer.strip()).rstrip("。.").strip()
            place = passage.lower().find(plain.lower())
            if plain and place >= 0:
                yield passage, asked, passage[place : place + len(plain)]


def _divided(message: str) -> tuple[str, str] | None:
    """Return the passage and the question of a message, whose wordings are many."""
    lines = [line for line in message.split("\n") if line.strip()]
    for place in (-1, 0):
        if not (_ASKS.search(lines[place]) or _MARKED.match(lines[place])):
            continue
        rest = lines[:-1] if place == -1 else lines[1:]
        while len(rest) > 1 and _INSTRUCTION.match(rest[0]):
            rest = rest[1:]
        while len(rest) > 1 and _INSTRUCTION.match(rest[-1]):
            rest = rest[:-1]
        return _LABEL.sub("", "\n".join(rest)), _MARKED.sub("", lines[place]).strip()
    return None


def _searched(asked: Sequence[tuple[str, str, str]]) -> Iterator[Case]:
    passages = list(dict.fromkeys(passage for passage, _, _ in asked))
    home = {passage: number for number, passage in enumerate(passages)}
    index = BM25(passages)
    for passage, question, answer in asked:
        nearest = [int(place) for place in index.ranking(question)[: FOUND + 1]]
        without = [place for place in nearest if place != home[passage]][:FOUND]
        found = nearest[:FOUND]
        if home[passage] not in found:
            found[-1] = home[passage]
        yield Case(
            question,
            answer,
            tuple(passages[place] for place in found),
            passage,
            tuple(passages[place] for place in without),
        )
