"""How many bytes a token holds, measured on the held-out text of each language."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import GebError
from engine.i18n import tr
from engine.tokenizer import Tokenizer
from training.evaluation.bpb import read_heldout
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.numbers import figures
from training.reporting.run import Run
from training.reporting.shares import bar

_CHARACTERS = 300_000
"""Of each language: enough for three figures, and quick."""

_BASELINE_COLOUR = 7


@dataclass
class Packing:
    """One language's held-out text, counted in three ways."""

    characters: int = 0
    bytes: int = 0
    tokens: int = 0


def section(run: Run) -> Element:
    """Return the table of bytes per token, beside a vocabulary of single UTF-8 bytes."""
    if run.heldout is None:
        return missing(tr("There is no data/heldout.jsonl; training.data writes it."))
    if run.tokenizer is None:
        return missing(tr("There is no tokenizer.model; training.tokenizer writes it."))
    try:
        tokenizer = Tokenizer(run.tokenizer)
        packings = measure(run, tokenizer)
    except GebError as error:
        return missing(str(error))
    rows = list(_rows(packings))
    return element(
        "div",
        element(
            "p",
            tr("A vocabulary of {size} pieces.", size=f"{tokenizer.vocab_size:,}"),
        ),
        table(
            [
                tr("held-out text"),
                tr("bytes per token"),
                "",
                tr("characters per token"),
                tr("tokens measured"),
            ],
            rows,
        ),
    )


def measure(run: Run, tokenizer: Tokenizer) -> dict[str, Packing]:
    """Return what each language's text packs into. Raises DataError for a damaged file."""
    packings: defaultdict[str, Packing] = defaultdict(Packing)
    assert run.heldout is not None  # noqa: S101 - the caller asked
    for document in read_heldout(run.heldout):
        packing = packings[document.language]
        if packing.characters < _CHARACTERS:
            packing.characters += len(document.text)
            packing.bytes += len(document.text.encode("utf-8", "replace"))
            packing.tokens += len(tokenizer.encode(document.text))
    return dict(sorted(packings.items()))


def _rows(packings: dict[str, Packing]) -> Iterator[list[Child]]:
    ratios = {name: packing.bytes / max(1, packing.tokens) for name, packing in packings.items()}
    widest = max(1.0, *ratios.values())
    for name, packing in packings.items():
        yield [
            name,
            figures(ratios[name]),
            bar(ratios[name] / widest),
            figures(packing.characters / max(1, packing.tokens)),
            f"{packing.tokens:,}",
        ]
    yield [tr("every UTF-8 byte a token"), "1", bar(1 / widest, _BASELINE_COLOUR), "", ""]
