"""Looks into documents; what that takes is loaded with the first question, not with the window."""

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.documents.answering.sources import DocumentScope
from engine.documents.passages import Retrieval


class LaterFinder:
    """The Finder over the library at `library_path`; called on the engine's thread."""

    def __init__(self, library_path: Path) -> None:
        self._library_path = library_path

    def find(
        self,
        question: str,
        earlier: Sequence[str],
        scope: DocumentScope,
        is_cancelled: Callable[[], bool],
    ) -> Retrieval:
        """See DocumentFinder.find."""
        from engine.documents.finder import DocumentFinder

        return DocumentFinder(self._library_path).find(question, earlier, scope, is_cancelled)
