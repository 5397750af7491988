"""Passages cover the text, fit the model, and end where sentences do."""

from itertools import pairwise
from time import process_time

import pytest
from document_files import EN, ZH
from hypothesis import given
from hypothesis import strategies as st

from engine.documents.document import Block, Document, Heading, Page, Passage
from engine.documents.sentences import weights
from engine.documents.splitting import LIMIT, most_passages, split


def weight(text: str) -> int:
    return weights(text)[-1]


def _document(text: str, headings: tuple[Heading, ...] = (), *blocks: Block) -> Document:
    return Document("text", "", (Page(None, text),), headings, blocks)


def _texts(document: Document) -> list[str]:
    return [document.pages[p.page_index].text[p.start : p.end] for p in split(document)]


_PARTS = st.sampled_from(
    [
        *(
            ZH,
            EN,
            "\n\n",
            "\n",
            "\r\n",
            " ",
            "word ",
            "。",
            "? ",
            "第一章",
            "\u3000\u3000",
            "e.g. ",
        ),
        *(
            "，",
            "x" * 700,
            "表" * 900,
            "| a | b |\n",
            "\t",
            "é",
            "\U00020000",
            "！”",
            "...",
            "1. a\n",
        ),
    ]
)


@st.composite
def _documents(draw: st.DrawFn) -> Document:
    pages = [
        Page(number, "".join(draw(st.lists(_PARTS, max_size=40))))
        for number in range(draw(st.integers(1, 3)))
    ]
    headings, blocks = [], []
    for index, page in enumerate(pages):
        marks = sorted(draw(st.lists(st.integers(0, len(page.text)), max_size=6)))
        headings += [Heading(index, at, draw(st.integers(1, 6)), "h") for at in marks[::2]]
        if len(marks) >= 2:
            blocks.append(Block(index, marks[0], marks[1], "table"))
    return Document("text", "", tuple(pages), tuple(headings), tuple(blocks))


@given(_documents())
def test_passages_cover_everything_and_fit(document: Document) -> None:
    covered = [[False] * len(page.text) for page in document.pages]
    previous: Passage | None = None
    passages = split(document)
    assert len(passages) <= most_passages(document.pages)
    length = sum(len(page.text) for page in document.pages)
    assert sum(passage.end - passage.start for passage in passages) <= 2 * length
    for passage in passages:
        text = document.pages[passage.page_index].text[passage.start : passage.end]
        assert text
        assert text == text.strip()
        assert weight(text) <= LIMIT
        if previous is not None and previous.page_index == passage.page_index:
            assert previous.start < passage.start
            assert previous.end < passage.end
            # No more than a sentence is repeated.
            repeated = document.pages[passage.page_index].text[passage.start : previous.end]
            assert weight(repeated) <= 300
        marks = covered[passage.page_index]
        marks[passage.start : passage.end] = [True] * len(text)
        previous = passage
    for page, marks in zip(document.pages, covered, strict=True):
        left = [letter for letter, mark in zip(page.text, marks, strict=True) if not mark]
        assert not "".join(left).strip()


@pytest.mark.parametrize(("sentence", "count"), [(ZH, 60), (EN + " ", 80), (ZH + EN, 50)])
def test_passages_end_with_sentences_and_overlap_by_one(sentence: str, count: int) -> None:
    texts = _texts(_document(sentence * count))
    assert len(texts) > 3
    assert all(text[-1] in "。！." for text in texts)
    assert all(weight(text) >= 600 for text in texts)
    for before, after in pairwise(texts):
        first = after[: after.index("。" if after[0] in ZH else ". ") + 1]
        assert first in before[-200:]


def test_lines_broken_within_a_sentence_stay_together() -> None:
    text = "\n".join(["The keeper of the light went up", "the stairs at nine. He was alone"] * 60)
    for passage in _texts(_document(text))[:-1]:
        assert passage.endswith("nine.")


def test_abbreviations_are_no_sentences() -> None:
    text = "It was told by Mr. Gray and Dr. J. Smith, e.g. in Fig. 3 of his book. " * 40
    for passage in _texts(_document(text)):
        assert passage.startswith("It was")
        assert passage.endswith("book.")


def test_headings_divide_and_are_remembered() -> None:
    section = f"Head\n{EN * 5}\n\n"
    text = section * 3
    places = [len(section) * number for number in range(3)]
    levels = [(places[0], 1, "A"), (places[1], 2, "B"), (places[2], 1, "C")]
    headings = tuple(Heading(0, at, level, title) for at, level, title in levels)
    passages = split(_document(text, headings))
    assert [(p.start, p.heading_path) for p in passages] == [
        (places[0], ("A",)),
        (places[1], ("A", "B")),
        (places[2], ("C",)),
    ]


@given(st.lists(st.lists(_PARTS, max_size=30).map("".join), max_size=4))
def test_pages_are_divided_each_by_itself(texts: list[str]) -> None:
    together = split(Document("text", "", tuple(Page(None, text) for text in texts)))
    alone = [
        (number, passage.start, passage.end)
        for number, text in enumerate(texts)
        for passage in split(_document(text))
    ]
    assert [(p.page_index, p.start, p.end) for p in together] == alone


def test_a_table_that_fits_is_not_divided() -> None:
    table = "\n".join(f"row {number}\tvalue\t第{number}行" for number in range(45))
    text = f"{EN * 8}\n\n{table}\n\n{EN * 8}"
    start = text.index(table)
    texts = _texts(_document(text, (), Block(0, start, start + len(table), "table")))
    assert sum(table in passage for passage in texts) == 1
    # A longer one is divided between rows.
    long = "\n".join(f"row {number}\tvalue" for number in range(400))
    for passage in _texts(_document(long, (), Block(0, 0, len(long), "table"))):
        assert passage.startswith("row")
        assert passage.endswith("value")


def test_time_grows_with_the_text() -> None:
    def seconds(text: str) -> float:
        document = _document(text)
        started = process_time()
        split(document)
        return process_time() - started

    for unit in (ZH, "x", "\n", "a. ", "表", "- item\n", " " * 50 + "\n"):
        short, long = unit * (40_000 // len(unit)), unit * (320_000 // len(unit))
        # Eight times the text; a square would take 64 times as long.
        assert seconds(long) < 30 * max(seconds(short), 0.01), unit
