"""Looks into a library, and into files that are attached to a question, for what answers it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from engine.documents.answering.sources import DocumentScope
from engine.documents.attaching import naming
from engine.documents.document import Document
from engine.documents.library.library import Library
from engine.documents.library.texts import StoredPassage
from engine.documents.passages import Retrieval, RetrievedPassage
from engine.documents.sandbox import DocumentReader
from engine.documents.search.candidates import rarity
from engine.documents.search.completing import Ranking, is_answerable, search_completed
from engine.documents.search.query import Query
from engine.documents.search.ranking import rank
from engine.documents.search.retrieval import Retriever
from engine.documents.sections import sections, sections_between
from engine.documents.splitting import split
from engine.documents.words import words_of
from engine.errors import DocumentError
from engine.model import Interrupted

MOST_PASSAGES = 5
_POLL_SECONDS = 0.05


class DocumentFinder:
    """The Finder of the application, over the library at `library_path`."""

    def __init__(self, library_path: Path) -> None:
        self._library_path = library_path

    def find(
        self,
        question: str,
        earlier: Sequence[str],
        scope: DocumentScope,
        is_cancelled: Callable[[], bool],
    ) -> Retrieval:
        """See answering.finding.Finder. Raises DocumentError where no file can be read.

        Files that cannot be are told in `unread` if anything else can be asked.
        """
        found = []
        unread: Sequence[DocumentError] = ()
        if scope.files:
            documents, unread = read_attached(scope.files, is_cancelled)
            if documents:
                found.append(search_attached(question, earlier, documents))
            elif not scope.collections:
                raise unread[0]
        if scope.collections:
            with Library(self._library_path) as library:
                found.append(
                    Retriever(library).retrieve(
                        question,
                        earlier=earlier,
                        collections=scope.collections,
                        limit=MOST_PASSAGES,
                    )
                )
        retrieval = found[0] if len(found) == 1 else _merged(found)
        return replace(retrieval, unread=tuple(unread))


def read_attached(
    files: Sequence[Path], is_cancelled: Callable[[], bool]
) -> tuple[list[tuple[Path, Document]], list[DocumentError]]:
    """Read files in a process with limits; return also why some cannot be read.

    Raises Interrupted if cancelled.
    """
    documents: list[tuple[Path, Document]] = []
    unread: list[DocumentError] = []
    with DocumentReader() as reader, ThreadPoolExecutor(1) as thread:
        for file in files:
            reading = thread.submit(reader.read, file)
            while True:
                try:
                    documents.append((file, reading.result(_POLL_SECONDS)))
                    break
                except NotYet:
                    if is_cancelled():
                        reader.cancel()
                except DocumentError as error:
                    if error.code == "cancelled":
                        raise Interrupted from error
                    unread.append(naming(file, error))
                    break
    return documents, unread


def search_attached(
    question: str, earlier: Sequence[str], documents: Sequence[tuple[Path, Document]]
) -> Retrieval:
    """Return the passages of some documents that fit a question; all of a short one."""
    begun = perf_counter()
    passages = list(_passages(documents))
    held = [set(words_of(passage.text)) for passage in passages]

    def search(query: Query) -> Ranking:
        weights = {
            word: weight * rarity(sum(word in some for some in held), len(held))
            for word, weight in query.weights.items()
        }
        return Ranking(rank(passages, weights), weights)

    query, ranked = search_completed(question, earlier, search, len(passages))
    whole = len(documents) == 1 and len(passages) <= MOST_PASSAGES
    shown = sorted(ranked, key=lambda item: item.passage.id) if whole else ranked[:MOST_PASSAGES]
    return Retrieval(
        question=question,
        query=query.text,
        passages=tuple(_shown(documents, item.passage, item.score) for item in shown),
        answerable=is_answerable(ranked, len(passages)),
        whole_document=whole,
        seconds=perf_counter() - begun,
    )


def _passages(documents: Sequence[tuple[Path, Document]]) -> Iterator[StoredPassage]:
    number = 0
    for place, (_, document) in enumerate(documents):
        for passage in split(document):
            text = document.pages[passage.page_index].text[passage.start : passage.end]
            yield StoredPassage(
                id=number,
                document_id=place,
                page_index=passage.page_index,
                headings=passage.heading_path,
                start=passage.start,
                end=passage.end,
                text=text,
            )
            number += 1


def _shown(
    documents: Sequence[tuple[Path, Document]], passage: StoredPassage, score: float
) -> RetrievedPassage:
    file, document = documents[passage.document_id]
    page = document.pages[passage.page_index]
    return RetrievedPassage(
        file=file,
        title=document.title or file.name,
        page_index=passage.page_index,
        page=page.number,
        label=page.label,
        sections=sections_between(
            sections(document.headings), passage.page_index, passage.start, passage.end
        ),
        start=passage.start,
        end=passage.end,
        text=passage.text,
        score=score,
    )


def _merged(found: Sequence[Retrieval]) -> Retrieval:
    """Return the best of several searches for the same question."""
    passages = sorted((p for one in found for p in one.passages), key=lambda p: -p.score)
    best = max(found, key=lambda one: max((p.score for p in one.passages), default=0.0))
    return replace(
        best,
        passages=tuple(passages[:MOST_PASSAGES]),
        answerable=any(one.answerable for one in found),
        whole_document=False,
        seconds=sum(one.seconds for one in found),
    )
