"""A citation is a place in a passage; what stands there is its text, and nothing else can be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents.answering.sources import Citation, Claim, DocumentScope, Sources, place_of
from engine.documents.document import Section
from engine.documents.passages import RetrievedPassage


def passage_at(text: str, start: int, **more: object) -> RetrievedPassage:
    fields: dict[str, object] = {
        "file": Path("/d/报告.pdf"),
        "title": "",
        "page_index": 0,
        "page": None,
        "label": "",
        "sections": (),
        "score": 0.5,
    }
    return RetrievedPassage(**fields | more, start=start, end=start + len(text), text=text)


@given(
    before=st.text(max_size=20),
    text=st.text(min_size=1, max_size=40),
    after=st.text(max_size=20),
    data=st.data(),
)
def test_a_citation_says_what_stands_at_its_place(
    before: str, text: str, after: str, data: st.DataObject
) -> None:
    page = before + text + after
    passage = passage_at(text, len(before))
    first = st.integers(-2, len(page) + 2)
    start, end = data.draw(first), data.draw(first)
    fits = len(before) <= start < end <= len(before) + len(text)
    if not fits:
        with pytest.raises(ValueError, match="must lie in its passage"):
            Citation(number=1, passage=passage, start=start, end=end)
        return
    inner = data.draw(st.integers(start, end - 1))
    citation = Citation(number=1, passage=passage, start=start, end=end, marked=(inner, end))
    assert citation.text == page[start:end]
    assert citation.marked_text == page[inner:end]
    sources = Sources(
        question="?",
        mode="free",
        answerable=True,
        passages=(passage,),
        citations=(citation,),
        claims=(Claim(start=0, end=3, passages=(1,)), Claim(start=4, end=6, passages=())),
    )
    assert Sources.from_json(sources.to_json()) == sources
    assert sources.supported


def test_a_passage_that_is_not_as_long_as_its_place_cannot_be_cited() -> None:
    passage = RetrievedPassage(
        **{**vars(passage_at("salt water", 5)), "end": 40}  # as a forged index might say
    )
    with pytest.raises(ValueError, match="as long as its place"):
        Citation(number=1, passage=passage, start=5, end=9)


def test_what_a_question_asks_comes_back_from_json() -> None:
    scope = DocumentScope(collections=(1, 4), files=(Path("/a/b c.txt"),), mode="extractive")
    assert DocumentScope.from_json(scope.to_json()) == scope
    assert not DocumentScope()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, "报告.pdf"),
        ({"sections": (Section(0, 0, ("Seas", "Salt")),)}, "报告.pdf, Salt"),
        ({"page": 3}, "报告.pdf, page 3"),
        ({"page": 3, "label": "3"}, "报告.pdf, page 3"),
        ({"page": 3, "label": "iii"}, "报告.pdf, page 3 (iii)"),
    ],
)
def test_a_place_is_named_for_a_person(fields: dict[str, object], place: str) -> None:
    assert place_of(passage_at("x", 0, **fields)) == place


def test_a_place_is_named_after_the_section_that_it_stands_in() -> None:
    text = "The lighthouse\nIt stands.\nThe keeper\nShe reads."
    keeper = text.index("The keeper")
    sections = (Section(0, 0, ("Village", "The lighthouse")), Section(0, keeper, ("The keeper",)))
    passage = passage_at(text, 0, file=Path("/d/notes.md"), sections=sections)
    assert place_of(passage) == "notes.md, The lighthouse"
    assert place_of(passage, keeper - 1) == "notes.md, The lighthouse"
    assert place_of(passage, text.index("She")) == "notes.md, The keeper"


def test_sources_of_an_earlier_version_keep_their_headings() -> None:
    passage = passage_at("salt", 5, sections=(Section(0, 5, ("Seas",)),))
    sources = Sources(question="?", mode="free", answerable=True, passages=(passage,))
    stored = sources.to_json()
    (old,) = stored["passages"]  # type: ignore[misc]
    del old["sections"]  # type: ignore[unreachable]
    old["heading_path"] = ["Seas"]
    assert Sources.from_json(stored) == sources
