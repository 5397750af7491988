"""One question, answered from passages, as a value: for `geb ask` and the benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from engine.answer_steps import ModelInUse
from engine.bundle import Bundle
from engine.documents.answering.asking import answer_from_passages
from engine.documents.answering.sources import Mode, Sources
from engine.documents.passages import Retrieval
from engine.errors import GenerationError
from engine.events import CitationsMarked
from engine.model import Interrupted, Model
from engine.sampling import SamplingParams


@dataclass(frozen=True)
class Answer:
    """What documents say to a question."""

    text: str
    """With marks such as [1] where it is written; as it stands in the document where it is cut."""
    sources: Sources
    seconds: float
    """From the passages to the answer."""

    def to_json(self) -> dict[str, object]:
        """Return `answer`, `answerable`, `citations` and `answer_seconds` for `geb ask --json`."""
        return {
            "answer": self.text,
            "answerable": self.sources.answerable,
            "citations": [
                {
                    "file": str(citation.passage.file),
                    "page": citation.passage.page,
                    "start": citation.start,
                    "end": citation.end,
                    "text": citation.text,
                }
                for citation in self.sources.citations
            ],
            "answer_seconds": round(self.seconds, 4),
        }


def answer_question(
    retrieval: Retrieval,
    model: Model,
    bundle: Bundle,
    *,
    mode: Mode | None = None,
    params: SamplingParams | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Answer:
    """Answer from what was found, on the thread that owns the model.

    `mode` None is what measures better with the model; without `params` the likeliest words are
    written. Raises GenerationError, and Interrupted when cancelled.
    """
    params = params or SamplingParams(temperature=0.0, max_new_tokens=160)
    in_use = ModelInUse(model, bundle, params, 0, is_cancelled)
    begun = perf_counter()
    marked = None
    for event in answer_from_passages(retrieval, mode, "", in_use):
        if isinstance(event, CitationsMarked):
            marked = event
    if is_cancelled():
        raise Interrupted
    if marked is None:
        raise GenerationError("The model gave no answer.")
    seconds = perf_counter() - begun
    return Answer(bare_answer(marked), marked.sources, seconds)


def bare_answer(marked: CitationsMarked) -> str:
    """Return the answer alone: a cut one without its mark."""
    sources = marked.sources
    if sources.mode == "extractive" and sources.answerable:
        return sources.citations[0].marked_text
    return marked.text
