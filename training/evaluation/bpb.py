"""Bits per UTF-8 byte of held-out text: comparable between models with different tokenizers."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine.errors import DataError
from engine.tokenizer import BaseTokenizer
from training.evaluation.runner import Runner, nats
from training.shards import encode_document

_MAXIMUM_TOKENS = 512


@dataclass(frozen=True)
class Document:
    """One held-out text; `source` is empty where the file names none."""

    text: str
    language: str
    source: str = ""


def read_heldout(path: Path) -> list[Document]:
    """Return the documents of a JSON Lines file of {"text", "lang", "source"}.

    Raises DataError for another line, or a file without any.
    """
    documents = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            record = json.loads(line)
            documents.append(
                Document(str(record["text"]), str(record["lang"]), str(record.get("source", "")))
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                'Line {number} of {path} must be a JSON object with "text" and "lang".',
                number=number,
                path=path,
            ) from error
    if not documents:
        raise DataError("{path} holds no text.", path=path)
    return documents


def first_of_each(
    documents: Iterable[Document], group: Callable[[Document], str], count: int
) -> Iterator[Document]:
    """Yield the first `count` documents of every group."""
    seen: Counter[str] = Counter()
    for document in documents:
        seen[group(document)] += 1
        if seen[group(document)] <= count:
            yield document


@dataclass
class Tally:
    """Bits that a model needs for so many bytes."""

    bits: float = 0.0
    bytes: int = 0

    @property
    def bits_per_byte(self) -> float:
        """Bits per UTF-8 byte; lower is better."""
        return self.bits / max(1, self.bytes)

    def add(self, other: "Tally") -> None:
        """Count the documents of `other`, too."""
        self.bits += other.bits
        self.bytes += other.bytes


Nats = Callable[[list[int]], float]
"""Returns -ln p of all tokens of a sequence after its first."""


def score(document: Document, nats: Nats, tokenizer: BaseTokenizer, context_length: int) -> Tally:
    """Measure the start of a document: at most 512 tokens, or the context."""
    ids = encode_document(document.text, tokenizer)[: min(_MAXIMUM_TOKENS, context_length)]
    size = sum(len(tokenizer.token_bytes(token)) for token in ids[1:])
    return Tally(nats(ids) / math.log(2), size)


def bits_per_byte_by_language(
    path: Path, count: int, nats: Nats, tokenizer: BaseTokenizer, context_length: int
) -> dict[str, float]:
    """Return the score of each language's first `count` documents: what training watches."""
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for document in first_of_each(read_heldout(path), lambda d: d.language, count):
        tallies[document.language].add(score(document, nats, tokenizer, context_length))
    return _report(tallies)


def evaluate(runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return bits per byte per language, and per domain (the source that a text names).

    `limit` counts the documents of each domain in each language.
    """
    documents = read_heldout(data)
    if limit is not None:
        documents = list(first_of_each(documents, lambda d: f"{d.language} {d.source}", limit))
    languages: defaultdict[str, Tally] = defaultdict(Tally)
    domains: defaultdict[str, defaultdict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for document in tqdm(documents, desc="bpb", unit="document"):
        tally = score(document, partial(nats, runner), runner.tokenizer, runner.context_length)
        languages[document.language].add(tally)
        domains[document.language][document.source].add(tally)
    return {
        "n": len(documents),
        "bits_per_byte": _report(languages),
        "domains": {language: _report(domains[language]) for language in sorted(domains)},
    }


def _report(tallies: dict[str, Tally]) -> dict[str, float]:
    return {name: tallies[name].bits_per_byte for name in sorted(tallies)}
