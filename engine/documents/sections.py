"""Which headings stand above a place of a document."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from engine.documents.document import Heading, Section


def sections(headings: Iterable[Heading]) -> list[Section]:
    """Return what begins with each heading, in the order of the text; before it, the beginning."""
    found = [Section(0, 0, ())]
    path: list[Heading] = []
    for heading in sorted(headings, key=lambda heading: (heading.page_index, heading.start)):
        path = [above for above in path if above.level < heading.level] + [heading]
        titles = tuple(above.text for above in path)
        found.append(Section(heading.page_index, heading.start, titles))
    return found


def section_numbers(
    sections: Sequence[Section], places: Iterable[tuple[int, int]]
) -> Iterator[int]:
    """Yield for each place, a page's index and a start, which of all sections it is in."""
    begins = [(section.page_index, section.start) for section in sections]
    for place in places:
        yield bisect_right(begins, place) - 1


def sections_between(
    sections: Sequence[Section], page_index: int, start: int, end: int
) -> tuple[Section, ...]:
    """Return what a part of a page begins in, as if it began there, and what begins within it."""
    first = last = next(section_numbers(sections, [(page_index, start)]))
    while last + 1 < len(sections) and _begins_before(sections[last + 1], page_index, end):
        last += 1
    return (
        Section(page_index, start, sections[first].heading_path),
        *sections[first + 1 : last + 1],
    )


def _begins_before(section: Section, page_index: int, end: int) -> bool:
    return (section.page_index, section.start) < (page_index, end)
