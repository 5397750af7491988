"""Where a question's passages come from, as far as a conversation needs to know."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.documents.answering.sources import DocumentScope, Mode
from engine.documents.passages import Retrieval

if TYPE_CHECKING:
    from engine.answer_steps import ModelInUse
    from engine.events import Event

Find = Callable[[Callable[[], bool]], Retrieval]
"""Does one search; it is told how to learn that it was cancelled."""


class Finder(Protocol):
    """What looks into documents for a question; called on the engine's thread."""

    def find(
        self,
        question: str,
        earlier: Sequence[str],
        scope: DocumentScope,
        is_cancelled: Callable[[], bool],
    ) -> Retrieval:
        """Return the passages that fit a question.

        `earlier` are the questions before it, which may complete it. Raises GebError, and
        Interrupted (engine.model) when cancelled.
        """


def find_and_answer(
    find: Find, mode: Mode | None, system_prompt: str, begun: str, in_use: "ModelInUse"
) -> Iterator["Event"]:
    """Search, then answer from what is found, or go on: steps for `EngineWorker.answer`."""
    from engine.documents.answering.asking import answer_from_documents

    return answer_from_documents(find, mode, system_prompt, in_use, begun)
