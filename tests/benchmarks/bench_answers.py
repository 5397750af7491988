"""Question → answer over a library, not over the given passage: part of `make bench-documents`.

    python tests/benchmarks/bench_answers.py [--data DIR] [--questions N] [--model BUNDLE]
                                             [--modes sentence,extractive,free]

DIR is a corpus as training uses it. The passages of CMRC 2018 dev (zh) and of XQuAD (en) become a
library each, but for those of every fifth article: their questions have no answer there. Of both
kinds N questions are drawn with seed 0. Prints exact match and F1, by the rules of the two sets;
how many unanswerable questions are answered as such, and how many others are; how many citations
stand, in the file as it is read again, where they say; and the time from the question to the
answer. A passage too long for the model's context leaves its question without an answer. "sentence"
answers with the sentence that has most words in common with the question and needs no model: what
it lacks is what reading adds. Without DIR a few questions kept here show that it runs.
Writes build/bench/answers.json.
"""

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from engine.bundle import default_bundle_path, open_bundle
from engine.document_refusal import is_refusal
from engine.documents.answering.answer import Answer, answer_question
from engine.documents.answering.extraction import best_sentences
from engine.documents.answering.features import read_scene
from engine.documents.answering.question import read_question
from engine.documents.answering.sources import Citation, Sources
from engine.documents.answering.spans import read_sentences
from engine.documents.document import Document, Page
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.scanning import scan_root
from engine.documents.library.library import Library
from engine.documents.passages import Retrieval
from engine.documents.search.retrieval import Retriever
from engine.errors import ContextError
from engine.model import Model
from speed.rows import Row, print_line, print_row, write_figures
from training.evaluation.scoring import exact_match, f1
from training.evaluation.squad import Dataset, Question, read_squad

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "bench" / "answers.json"
SETS = {"zh": "cmrc2018_dev.json.xz", "en": "xquad.en.json.xz"}
SMALL = Path(__file__).with_name("answers")
MODES = ("sentence", "extractive", "free")
_LEFT_OUT = 5
"""The passages of every so many-th article are not in the library."""
_FILE_PASSAGES = 20
Answerer = Callable[[Retrieval], Answer]


@dataclass
class _Score:
    """What became of one kind of answering."""

    em: list[float] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)
    refused: list[bool] = field(default_factory=list)
    recognised: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    citations: int = 0
    standing: int = 0


class _Pages:
    """Reads files whose passages are divided by form feeds, a page for each."""

    def read(self, path: Path) -> Document:
        texts = path.read_text(encoding="utf-8").split("\f")
        pages = tuple(Page(number, text) for number, text in enumerate(texts, 1))
        return Document(kind="text", title="", pages=pages)

    def cancel(self) -> None:
        """It is never long."""


def main() -> int:
    """Print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--questions", type=int, default=300, help="of each kind and language")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--modes", default=",".join(MODES))
    options = parser.parse_args()
    bundle = open_bundle(options.model or default_bundle_path())
    model = Model(bundle)
    answerers: dict[str, Answerer] = {
        "sentence": best_sentence,
        "extractive": lambda found: answer_question(found, model, bundle, mode="extractive"),
        "free": lambda found: answer_question(found, model, bundle, mode="free"),
    }
    chosen = {name: answerers[name] for name in options.modes.split(",")}
    figures: dict[str, float] = {}
    print_line(f"answers, {bundle.name}", "", "target")
    for name, file in SETS.items():
        path = options.data / "eval" / file if options.data else SMALL / f"{name}.json"
        for row in measure(read_squad(path), options.questions, chosen):
            print_row(row)
            figures[row.key] = row.value
            write_figures(OUT, sorted(figures.items()))
    return 0


def measure(data: Dataset, count: int, answerers: dict[str, Answerer]) -> Iterator[Row]:
    """Yield the rows of one set."""
    articles = list(dict.fromkeys(passage.article for passage in data.passages))
    missing = set(articles[_LEFT_OUT - 1 :: _LEFT_OUT])
    kept = [p.context for p in data.passages if p.article not in missing]
    inside = _draw([q for q in data.questions if q.passage.article not in missing], count)
    outside = _draw([q for q in data.questions if q.passage.article in missing], count)
    yield Row(f"{data.language}_library_passages", f"{data.language}: passages", len(kept), "")
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "x.sqlite3") as library:
        _fill(library, Path(folder) / "files", list(dict.fromkeys(kept)))
        retriever = Retriever(library)
        for name, answerer in answerers.items():
            score = _Score()
            for question in inside:
                _ask(question, retriever, answerer, score, data.language, answerable=True)
            for question in outside:
                _ask(question, retriever, answerer, score, data.language, answerable=False)
            yield from _rows(f"{data.language}_{name}", f"{data.language}, {name}", score)


def best_sentence(retrieval: Retrieval) -> Answer:
    """Answer with the sentence that shares most with the question: no model, no reading."""
    begun = perf_counter()
    passages = retrieval.passages
    sentences = read_sentences([passage.text for passage in passages])
    found = retrieval.answerable and bool(sentences)
    sources = Sources(
        question=retrieval.query, mode="extractive", answerable=found, passages=passages
    )
    if not found:
        return Answer("", sources, perf_counter() - begun)
    scene = read_scene(read_question(retrieval.question, retrieval.query), sentences)
    best = sentences[best_sentences(scene)[0]]
    passage = passages[best.passage]
    citation = Citation(
        number=best.passage + 1,
        passage=passage,
        start=passage.start + best.span[0],
        end=passage.start + best.span[1],
    )
    cited = Sources(
        question=retrieval.query,
        mode="extractive",
        answerable=True,
        passages=passages,
        citations=(citation,),
    )
    return Answer(citation.text, cited, perf_counter() - begun)


def _draw(questions: Sequence[Question], count: int) -> list[Question]:
    generator = random.Random(0)  # noqa: S311 - sampling, not secrecy
    return generator.sample(questions, min(count, len(questions)))


def _fill(library: Library, folder: Path, passages: Sequence[str]) -> None:
    folder.mkdir()
    for start in range(0, len(passages), _FILE_PASSAGES):
        texts = [text.replace("\f", " ") for text in passages[start : start + _FILE_PASSAGES]]
        path = folder / f"{start // _FILE_PASSAGES:04}.txt"
        path.write_text("\f".join(texts), encoding="utf-8", newline="")
    library.add_collection("bench", [folder])
    [root] = library.collections()[0].roots
    scan_root(library, root.id, root.path)
    Indexer(library.path, _Pages()).run()


def _ask(
    question: Question,
    retriever: Retriever,
    answerer: Answerer,
    score: _Score,
    language: str,
    *,
    answerable: bool,
) -> None:
    begun = perf_counter()
    try:
        answer = answerer(retriever.retrieve(question.text))
    except ContextError:
        # The one who asked has no answer, and does not know whether there is one.
        if answerable:
            score.em.append(0.0)
            score.f1.append(0.0)
            score.refused.append(True)
        else:
            score.recognised.append(False)
        return
    score.seconds.append(perf_counter() - begun)
    refused = not answer.sources.answerable or is_refusal(answer.text, language)
    if answerable:
        score.em.append(exact_match(answer.text, question.answers, language))
        score.f1.append(f1(answer.text, question.answers, language))
        score.refused.append(refused)
    else:
        score.recognised.append(refused)
    for citation in answer.sources.citations:
        score.citations += 1
        pages = citation.passage.file.read_bytes().decode("utf-8").split("\f")
        page = pages[(citation.passage.page or 1) - 1]
        score.standing += page[citation.start : citation.end] == citation.text


def _rows(key: str, name: str, score: _Score) -> Iterator[Row]:
    yield Row(f"{key}_em", f"{name}: exact match", float(np.mean(score.em)) / 100, "%")
    yield Row(f"{key}_f1", f"{name}: F1", float(np.mean(score.f1)) / 100, "%")
    refused = float(np.mean(score.refused))
    yield Row(f"{key}_answerable_refused", f"{name}: answerable, refused", refused, "%")
    recognised = float(np.mean(score.recognised))
    yield Row(f"{key}_unanswerable_recognised", f"{name}: unanswerable, seen", recognised, "%")
    yield Row(f"{key}_citations", f"{name}: citations", score.citations, "")
    if score.citations:
        standing = score.standing / score.citations
        yield Row(f"{key}_citations_standing", f"{name}: standing there", standing, "%", 1)
    for percent in (50, 95):
        seconds = float(np.percentile(score.seconds, percent))
        yield Row(f"{key}_p{percent}_seconds", f"{name}: {percent}th percentile", seconds, "s")


if __name__ == "__main__":
    raise SystemExit(main())
