"""Asking a library: the passages that answer a question, or that none does."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from engine.documents.document import Section
from engine.documents.library.library import Library
from engine.documents.library.texts import TextReader
from engine.documents.passages import Retrieval, RetrievedPassage
from engine.documents.search.candidates import WordIndex
from engine.documents.search.completing import Ranking, is_answerable, search_completed
from engine.documents.search.joining import Stretch, joined, without_repeats
from engine.documents.search.query import Query
from engine.documents.search.ranking import Ranked, rank
from engine.documents.search.scope import Scope, Scopes

_COMPARED = 50
"""Passages whose text is read to answer one question."""
# The first file of the chosen collections (or, with NULL, of all) that shows a document.
_FILE = """
    (SELECT files.path FROM files JOIN roots ON roots.id = root_id, (SELECT ? AS chosen)
     WHERE files.document_id = documents.id
     AND (chosen IS NULL OR collection_id IN (SELECT value FROM json_each(chosen)))
     ORDER BY files.id LIMIT 1)
"""


class Retriever:
    """Searches a library; for the thread that made it, and as long as the library is open."""

    def __init__(self, library: Library) -> None:
        self._database = library.database
        self._scopes = Scopes(self._database)
        self._index = WordIndex(self._database)
        self._texts = TextReader(self._database)

    def retrieve(
        self,
        question: str,
        *,
        earlier: Sequence[str] = (),
        collections: Sequence[int] | None = None,
        limit: int = 5,
        whole_characters: int = 0,
    ) -> Retrieval:
        """Return at most `limit` passages for a question, the best first.

        `earlier` are the user's questions before it, the oldest first. Without `collections`
        all are searched. If they hold one document of at most `whole_characters`, it is
        returned whole, a passage for each page. Raises StoreError.
        """
        begun = perf_counter()
        with self._database.transaction(writes=False):
            scope = self._scopes.get(collections)
            query, ranked = search_completed(
                question, earlier, lambda query: self._rank(query, scope), limit
            )
            stretches = self._whole(scope, ranked, whole_characters)
            whole = bool(stretches)
            if not whole:
                stretches = joined(without_repeats(ranked, limit))
            passages = self._shown(stretches, collections)
        return Retrieval(
            question=question,
            query=query.text,
            passages=tuple(passages),
            answerable=is_answerable(ranked, limit),
            whole_document=whole,
            seconds=perf_counter() - begun,
        )

    def _rank(self, query: Query, scope: Scope) -> Ranking:
        candidates = self._index.candidates(query.weights, scope, _COMPARED)
        passages = self._texts.passages(candidates.ids.tolist())
        return Ranking(rank(passages, candidates.weights), candidates.weights)

    def _whole(self, scope: Scope, ranked: Sequence[Ranked], characters: int) -> list[Stretch]:
        """Return the pages of the only document, if it is short enough."""
        if len(scope.documents) != 1:
            return []
        pages = self._database.execute(
            "SELECT page_index, pages.characters FROM pages JOIN documents"
            " ON documents.id = document_id WHERE document_id = ? AND documents.characters <= ?",
            (int(scope.documents[0]), characters),
        )
        scores: dict[int, float] = {}
        for item in ranked:
            page = item.passage.page_index
            scores[page] = max(item.score, scores.get(page, 0.0))
        return [
            Stretch(
                document_id=int(scope.documents[0]),
                page_index=row["page_index"],
                headings=(),
                start=0,
                end=row["characters"],
                score=scores.get(row["page_index"], 0.0),
            )
            for row in pages
            if row["characters"]
        ]

    def _shown(
        self, stretches: Sequence[Stretch], collections: Sequence[int] | None
    ) -> list[RetrievedPassage]:
        """Add to stretches their text, and the file and page that they are on."""
        shown = []
        for stretch in stretches:
            rows = self._database.execute(
                f"SELECT title, number, label, {_FILE} AS path FROM documents JOIN pages"  # noqa: S608
                " ON document_id = documents.id WHERE documents.id = ? AND page_index = ?",
                (
                    None if collections is None else json.dumps(list(collections)),
                    stretch.document_id,
                    stretch.page_index,
                ),
            )
            file = Path(os.fsdecode(rows[0]["path"]))
            place = (stretch.document_id, stretch.page_index, stretch.start, stretch.end)
            sections = self._texts.sections(*place) or (
                Section(stretch.page_index, stretch.start, stretch.headings),
            )
            shown.append(
                RetrievedPassage(
                    file=file,
                    title=rows[0]["title"] or file.name,
                    page_index=stretch.page_index,
                    page=rows[0]["number"],
                    label=rows[0]["label"],
                    sections=sections,
                    start=stretch.start,
                    end=stretch.end,
                    text=self._texts.page_text(*place),
                    score=stretch.score,
                )
            )
        return shown
