"""Passages as a search returns them."""

from collections.abc import Sequence
from pathlib import Path

from engine.documents.passages import Retrieval, RetrievedPassage


def make_retrieval(question: str, texts: Sequence[str], *, answerable: bool = True) -> Retrieval:
    """Return what a search finds, each text on a page of its own that begins with other text."""
    passages = tuple(
        RetrievedPassage(
            file=Path(f"/d/文件{number}.pdf"),
            title="",
            page_index=number,
            page=number + 1,
            label="",
            sections=(),
            start=10 * number,
            end=10 * number + len(text),
            text=text,
            score=0.9,
        )
        for number, text in enumerate(texts)
    )
    return Retrieval(
        question=question,
        query=question,
        passages=passages,
        answerable=answerable,
        whole_document=False,
        seconds=0.0,
    )
