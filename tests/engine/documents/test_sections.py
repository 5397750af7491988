"""Which headings stand above a place, in a library and in an attached file."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.documents.answering.sources import place_of
from engine.documents.document import Document, Heading, Section
from engine.documents.finder import search_attached
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.scanning import scan_root
from engine.documents.library.library import Library
from engine.documents.passages import RetrievedPassage
from engine.documents.reading.read import read_document
from engine.documents.search.retrieval import Retriever
from engine.documents.sections import sections, sections_between

NOTES = """# The village

A few words.

## The lighthouse

It was built in 1871 of red stone.

## The keeper

Anna Berg has kept the light since the spring.
"""


class _Reader:
    def read(self, path: Path) -> Document:
        return read_document(path)

    def cancel(self) -> None:
        """It is never long."""


def _places(passage: RetrievedPassage) -> list[str]:
    """Return where some sentences of the notes stand, all of one passage."""
    at = [passage.text.index(words) for words in ("A few", "It was", "Anna Berg")]
    return [place_of(passage, passage.start + position) for position in at]


def test_short_sections_of_one_passage_are_told_apart(tmp_path: Path) -> None:
    """A sentence used to be cited as of the section in which its passage begins."""
    notes = tmp_path / "notes.md"
    notes.write_text(NOTES)
    expected = [f"notes.md, {name}" for name in ("The village", "The lighthouse", "The keeper")]
    [attached] = search_attached("Anna Berg", [], [(notes, read_document(notes))]).passages
    assert _places(attached) == expected
    with Library(tmp_path / "library.sqlite3") as library:
        library.add_collection("mine", [notes])
        [root] = library.collections()[0].roots
        scan_root(library, root.id, root.path)
        Indexer(library.path, _Reader()).run()
        [found] = Retriever(library).retrieve("Anna Berg").passages
        assert _places(found) == expected
        [whole] = Retriever(library).retrieve("Anna Berg", whole_characters=10_000).passages
        assert _places(whole) == expected


_HEADINGS = st.lists(
    st.builds(
        Heading, st.integers(0, 2), st.integers(0, 30), st.integers(1, 6), st.sampled_from("abcd")
    ),
    max_size=12,
)


@given(_HEADINGS, st.integers(0, 2), st.integers(0, 30), st.integers(1, 30), st.data())
def test_a_part_of_a_page_knows_the_headings_above_each_place(
    headings: list[Heading], page_index: int, start: int, length: int, data: st.DataObject
) -> None:
    parts = sections_between(sections(headings), page_index, start, start + length)
    passage = RetrievedPassage(
        file=Path("/d/notes.md"),
        title="",
        page_index=page_index,
        page=None,
        label="",
        sections=parts,
        start=start,
        end=start + length,
        text="x" * length,
        score=1.0,
    )
    position = data.draw(st.integers(start, start + length - 1))
    above = [h for h in headings if (h.page_index, h.start) <= (page_index, position)]
    last = max(above, key=lambda h: (h.page_index, h.start), default=None)
    path = passage.heading_path(position)
    if last is None:
        assert path == ()
    else:
        same = [h.text for h in above if (h.page_index, h.start) == (last.page_index, last.start)]
        assert path[-1] == same[-1]
        assert len(path) <= last.level or len(same) > 1
    assert parts[0] == Section(page_index, start, passage.heading_path(start))
    assert all(start < part.start < start + length for part in parts[1:])
