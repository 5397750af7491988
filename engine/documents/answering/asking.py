"""An answer from documents, from the search to the citations, as events.

Nothing here trusts a model: what it writes freely is compared with the passages afterwards, and
a citation is always cut out of one.
"""

from collections.abc import Callable, Iterator
from time import perf_counter

from engine.answer_steps import ModelInUse
from engine.bundle import Bundle
from engine.document_prompt import PromptLanguage, cite
from engine.document_refusal import NO_SUPPORT, NOT_IN_DOCUMENTS, is_refusal
from engine.documents.answering.extraction import Found, Search, ask_model, search_spans
from engine.documents.answering.prompting import assemble
from engine.documents.answering.sources import Citation, Claim, Mode, Sources
from engine.documents.answering.support import mark_support
from engine.documents.answering.words import language_of
from engine.documents.passages import Retrieval
from engine.events import (
    Cancelled,
    CitationsMarked,
    Done,
    Event,
    SourcesFound,
    Started,
    Token,
    Usage,
)
from engine.generation import generate
from engine.model import Interrupted

LEAST_CONFIDENCE: dict[PromptLanguage, float] = {"zh": 0.15, "en": 0.1}
"""Below it an answer counts as not in the documents. With it 97 and 98 % of the written questions
that no model has seen are answered; training/reader.py prints what that costs."""
LEAST_PARAMETERS_TO_WRITE = 300_000_000
"""Smaller models copy answers better than they write them (make bench-documents)."""


def default_mode(bundle: Bundle) -> Mode:
    """Return how a model answers better: by cutting, or in its own words."""
    large = bundle.config.num_parameters >= LEAST_PARAMETERS_TO_WRITE
    return "free" if large else "extractive"


def answer_from_documents(
    find: Callable[[Callable[[], bool]], Retrieval],
    mode: Mode | None,
    system_prompt: str,
    in_use: ModelInUse,
    begun: str = "",
) -> Iterator[Event]:
    """Yield the events of an answer from documents (see engine.events).

    `find` does the search; `mode` None is `default_mode`. A written answer goes on from what is
    `begun`; one that is cut comes in its place. Raises what `find` raises, and GenerationError.
    """
    started = perf_counter()
    try:
        retrieval = find(in_use.is_cancelled)
        yield SourcesFound(in_use.request_id, retrieval)
        yield from answer_from_passages(retrieval, mode, system_prompt, in_use, begun)
    except Interrupted:
        yield Cancelled(in_use.request_id, _usage(in_use, started))


def answer_from_passages(
    retrieval: Retrieval,
    mode: Mode | None,
    system_prompt: str,
    in_use: ModelInUse,
    begun: str = "",
) -> Iterator[Event]:
    """Yield the events of an answer from what was found, without SourcesFound."""
    mode = mode or default_mode(in_use.bundle)
    started = perf_counter()
    search = Search((), 0.0)
    texts = [passage.text for passage in retrieval.passages]
    if retrieval.answerable:
        search = search_spans(retrieval.question, texts, retrieval.query)
    language = language_of(retrieval.question)
    if search.confidence < LEAST_CONFIDENCE[language] or not search.found:
        yield Started(in_use.request_id)
        text = NOT_IN_DOCUMENTS[language]
        yield from _finished(text, _sources(retrieval, mode), in_use, started)
    elif mode == "extractive":
        yield Started(in_use.request_id)
        model, bundle = in_use.model, in_use.bundle
        search = ask_model(search, retrieval.question, texts, model, bundle, in_use.is_cancelled)
        text, sources = quoted(retrieval, search.found[0])
        yield from _finished(text, sources, in_use, started)
    else:
        yield from _written(retrieval, system_prompt, in_use, begun)


def quoted(retrieval: Retrieval, found: Found) -> tuple[str, Sources]:
    """Return an answer that is cut from a passage, with its mark, and what it rests on."""
    number = found.passage + 1
    passage = retrieval.passages[found.passage]
    offset = passage.start
    citation = Citation(
        number=number,
        passage=passage,
        start=offset + min(found.sentence[0], found.start),
        end=offset + max(found.sentence[1], found.end),
        marked=(offset + found.start, offset + found.end),
    )
    text = citation.marked_text
    sources = Sources(
        question=retrieval.query,
        mode="extractive",
        answerable=True,
        passages=retrieval.passages,
        citations=(citation,),
        claims=(Claim(start=0, end=len(text), passages=(number,)),),
    )
    return f"{text} {cite(number)}", sources


def _written(
    retrieval: Retrieval, system_prompt: str, in_use: ModelInUse, begun: str
) -> Iterator[Event]:
    language = language_of(retrieval.question)
    prompt = assemble(
        in_use.bundle.chat_template,
        retrieval.query,
        retrieval.passages,
        language,
        in_use.prompt_budget,
        system_prompt,
        begun,
    )
    pieces = [begun] if begun else []
    for event in generate(
        in_use.model,
        in_use.bundle,
        prompt.token_ids,
        in_use.params,
        in_use.is_cancelled,
        continues=bool(begun),
        request_id=in_use.request_id,
    ):
        if isinstance(event, Token):
            pieces.append(event.text)
        elif isinstance(event, Done | Cancelled) and pieces:
            text, sources = supported("".join(pieces), retrieval, len(prompt.passages), language)
            yield CitationsMarked(in_use.request_id, text, sources)
        yield event


def supported(
    answer: str, retrieval: Retrieval, passages_read: int, language: PromptLanguage
) -> tuple[str, Sources]:
    """Return a written answer with its verified marks, and what it rests on.

    An answer that no passage supports gets a sentence that says so.
    """
    passages = retrieval.passages[:passages_read]
    marked = mark_support(answer, passages)
    refuses = is_refusal(answer, language)
    has_support = any(claim.passages for claim in marked.claims)
    text = marked.text
    if not has_support and not refuses:
        text = f"{text.rstrip()}\n\n{NO_SUPPORT[language]}"
    return text, Sources(
        question=retrieval.query,
        mode="free",
        answerable=has_support and not refuses,
        passages=passages,
        citations=marked.citations,
        claims=marked.claims,
    )


def _sources(retrieval: Retrieval, mode: Mode) -> Sources:
    """Return what an answer rests on that is not in the documents: nothing; what was nearest."""
    return Sources(
        question=retrieval.query, mode=mode, answerable=False, passages=retrieval.passages
    )


def _finished(text: str, sources: Sources, in_use: ModelInUse, started: float) -> Iterator[Event]:
    if in_use.is_cancelled():
        raise Interrupted
    yield Token(in_use.request_id, text)
    yield CitationsMarked(in_use.request_id, text, sources)
    yield Done(in_use.request_id, _usage(in_use, started), "stop")


def _usage(in_use: ModelInUse, started: float) -> Usage:
    milliseconds = (perf_counter() - started) * 1000
    return Usage(in_use.model.length, 0, milliseconds, 0.0, in_use.model.length)
