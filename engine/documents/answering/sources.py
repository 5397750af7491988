"""What a question asks and an answer rests on: documents, passages, citations; also as JSON.

A citation holds no text of its own. It names a place in a passage, and its text is what stands
there: nothing can be quoted that no document says.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from engine.documents.document import Section
from engine.documents.passages import RetrievedPassage
from engine.i18n import tr
from engine.search_text import Span

Mode = Literal["extractive", "free"]
"""The answer is cut from a passage, or in the model's own words."""


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A sentence of a passage. Raises ValueError for a place outside it."""

    number: int
    """The passage's number in the answer's marks, counted from 1."""
    passage: RetrievedPassage
    start: int
    """Its first character, in code points of the page's text."""
    end: int
    """One after its last."""
    marked: Span | None = None
    """The answer itself within the sentence, as places in the page's text."""

    def __post_init__(self) -> None:
        passage = self.passage
        if not passage.start <= self.start < self.end <= passage.end:
            raise ValueError("a citation must lie in its passage")
        if len(passage.text) != passage.end - passage.start:
            raise ValueError("a passage must be as long as its place")
        if self.marked is not None and not (
            self.start <= self.marked[0] < self.marked[1] <= self.end
        ):
            raise ValueError("what is marked must lie in the citation")

    @property
    def text(self) -> str:
        """What stands at the cited place."""
        return self._cut((self.start, self.end))

    @property
    def marked_text(self) -> str:
        """The answer as it stands in the sentence; the whole sentence where none is marked."""
        return self._cut(self.marked or (self.start, self.end))

    def _cut(self, span: Span) -> str:
        offset = self.passage.start
        return self.passage.text[span[0] - offset : span[1] - offset]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the answer and the numbers of the passages that say the same."""

    start: int
    """Its first character, in code points of the answer."""
    end: int
    """One after its last, the citation marks behind it not included."""
    passages: tuple[int, ...]
    """Counted from 1; empty where no passage supports it."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What an answer rests on."""

    question: str
    """As it was searched: completed from the conversation where it leans on it."""
    mode: Mode
    answerable: bool
    """False where the documents do not say it; there are then no citations."""
    passages: tuple[RetrievedPassage, ...]
    """[1] in the answer is the first of them."""
    citations: tuple[Citation, ...] = ()
    """In the order of the answer's marks."""
    claims: tuple[Claim, ...] = ()
    """The sentences of the answer, in their order."""

    @property
    def supported(self) -> bool:
        """Whether any sentence of the answer is found in a passage."""
        return any(claim.passages for claim in self.claims)

    def to_json(self) -> dict[str, object]:
        """Return a JSON object that `from_json` reads."""
        return {
            "question": self.question,
            "mode": self.mode,
            "answerable": self.answerable,
            "passages": [_passage_to_json(passage) for passage in self.passages],
            "citations": [
                {
                    "passage": citation.number,
                    "start": citation.start,
                    "end": citation.end,
                    "marked": citation.marked and list(citation.marked),
                }
                for citation in self.citations
            ],
            "claims": [
                {"start": claim.start, "end": claim.end, "passages": list(claim.passages)}
                for claim in self.claims
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Sources":
        """Raises ValueError, TypeError or KeyError for anything that `to_json` did not return."""
        passages = tuple(_passage(one) for one in _list(value["passages"]))
        claims = tuple(_claim(one, len(passages)) for one in _list(value["claims"]))
        mode: Mode = value["mode"]
        if mode not in get_args(Mode):
            raise ValueError("no such mode")
        return cls(
            question=_of(str, value["question"]),
            mode=mode,
            answerable=_of(bool, value["answerable"]),
            passages=passages,
            citations=tuple(_citation(one, passages) for one in _list(value["citations"])),
            claims=claims,
        )


@dataclass(frozen=True, kw_only=True)
class DocumentScope:
    """The documents that one question asks, and how it is to be answered."""

    collections: tuple[int, ...] = ()
    """Numbers of the library's collections."""
    files: tuple[Path, ...] = ()
    """Attached to this question; read for it, not indexed."""
    mode: Mode | None = None
    """None: what measures better with the model in use."""

    def __bool__(self) -> bool:
        return bool(self.collections or self.files)

    def to_json(self) -> dict[str, object]:
        """Return a JSON object that `from_json` reads."""
        return {
            "collections": list(self.collections),
            "files": [str(file) for file in self.files],
            "mode": self.mode,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DocumentScope":
        """Raises ValueError, TypeError or KeyError for anything that `to_json` did not return."""
        mode: Mode | None = value["mode"]
        if mode is not None and mode not in get_args(Mode):
            raise ValueError("no such mode")
        return cls(
            collections=tuple(_number(one) for one in _list(value["collections"])),
            files=tuple(Path(_of(str, one)) for one in _list(value["files"])),
            mode=mode,
        )


def place_of(passage: RetrievedPassage, position: int | None = None) -> str:
    """Return where something stands, for a person: the file's name, then page or section.

    `position` is a place of the passage, in code points of the page's text; its start if None.
    """
    headings = passage.heading_path(passage.start if position is None else position)
    label = passage.label or (headings[-1] if headings else "")
    if passage.page is None:
        return f"{passage.file.name}, {label}" if label else passage.file.name
    if passage.label and passage.label != str(passage.page):
        return tr(
            "{file}, page {page} ({label})",
            file=passage.file.name,
            page=passage.page,
            label=passage.label,
        )
    return tr("{file}, page {page}", file=passage.file.name, page=passage.page)


def _passage_to_json(passage: RetrievedPassage) -> dict[str, object]:
    return {
        "file": str(passage.file),
        "title": passage.title,
        "page_index": passage.page_index,
        "page": passage.page,
        "label": passage.label,
        "sections": [[part.start, list(part.heading_path)] for part in passage.sections],
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": passage.score,
    }


def _passage(value: Mapping[str, Any]) -> RetrievedPassage:
    page = value["page"]
    passage = RetrievedPassage(
        file=Path(_of(str, value["file"])),
        title=_of(str, value["title"]),
        page_index=_number(value["page_index"]),
        page=None if page is None else _number(page),
        label=_of(str, value["label"]),
        sections=tuple(_sections(value)),
        start=_number(value["start"]),
        end=_number(value["end"]),
        text=_of(str, value["text"]),
        score=float(value["score"]),
    )
    if len(passage.text) != passage.end - passage.start or not math.isfinite(passage.score):
        raise ValueError("not a passage")
    return passage


def _sections(value: Mapping[str, Any]) -> Iterator[Section]:
    # Earlier versions knew only the headings above a passage's beginning.
    known = [[value["start"], value["heading_path"]]] if "heading_path" in value else []
    for start, headings in known or _list(value["sections"]):
        path = tuple(_of(str, heading) for heading in _list(headings))
        yield Section(_number(value["page_index"]), _number(start), path)


def _citation(value: Mapping[str, Any], passages: Sequence[RetrievedPassage]) -> Citation:
    number = _passage_number(value["passage"], len(passages))
    marked = value["marked"]
    return Citation(
        number=number,
        passage=passages[number - 1],
        start=_number(value["start"]),
        end=_number(value["end"]),
        marked=None if marked is None else _span(_list(marked)),
    )


def _claim(value: Mapping[str, Any], count: int) -> Claim:
    start, end = _span([value["start"], value["end"]])
    numbers = tuple(_passage_number(one, count) for one in _list(value["passages"]))
    return Claim(start=start, end=end, passages=numbers)


def _span(value: Sequence[Any]) -> Span:
    start, end = map(_number, value)
    if start >= end:
        raise ValueError("an empty place")
    return start, end


def _passage_number(value: Any, count: int) -> int:
    if not 1 <= _number(value) <= count:
        raise ValueError("no such passage")
    return int(value)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError("not a number of something")
    return value


def _list(value: Any) -> list[Any]:
    checked: list[Any] = _of(list, value)
    return checked


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError("another kind of value")
    return value
