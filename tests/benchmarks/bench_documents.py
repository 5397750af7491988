"""How well and how fast questions find their passages: `make bench-documents [DATA=DIR]`.

    python tests/benchmarks/bench_documents.py [--data DIR] [--others N] [--million N]
                                               [--questions N]
                                               [--parts ours,localdocs,bm25,files,scale]
                                               [--languages zh,en]

DIR is a corpus as training uses it: all passages of CMRC 2018 dev (zh) and XQuAD (en), each set
among N others cut from the corpus, a library for each language. A passage counts as found if any
piece of it is among the first k results. Beside ours: LocalDocs' scheme and BM25 with rank_bm25
and jieba, over the same passages (both are built in memory and not timed). Then how fast text
becomes searchable (`files`: read from files by the process that reads them), the size of the
index, and the time a search takes among 100,000 and among a million passages. Without DIR a few
sets kept here show that it runs. Writes build/bench/documents.json; what a run leaves out keeps
its figures of the last one.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from engine.documents.document import Document, Page
from engine.documents.indexing.indexer import Indexer, Reader
from engine.documents.indexing.scanning import scan_root
from engine.documents.library.library import Library
from engine.documents.sandbox import DocumentReader
from engine.documents.search.retrieval import Retriever
from retrieval.baselines import LocalDocs, PlainBM25
from retrieval.questions import QuestionSet, other_passages, read_questions
from speed.rows import Row, print_line, print_row, write_figures

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "bench" / "documents.json"
PASSAGES_IN_A_FILE = 100
KS = (1, 3, 5)
PARTS = ("ours", "localdocs", "bm25", "files", "scale")
LANGUAGES = ("zh", "en")
FILES_PASSAGES = 20_000
_TARGETS = {"recall_at_5": 0.85}


def main() -> int:
    """Print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--others", type=int, default=100_000)
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=100_000, help="of each set, at most")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    options = parser.parse_args()
    figures = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    print_line("retrieval", "", "target")
    for row in measure(options):
        print_row(row)
        figures[row.key] = row.value
        write_figures(OUT, sorted(figures.items()))
    return 0


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Yield every row."""
    parts = options.parts.split(",")
    for language in options.languages.split(","):
        questions = read_questions(language, options.data)
        others = other_passages(language, options.data, options.others) if options.data else []
        passages = questions.passages + others
        asked = questions.questions[:: max(1, len(questions.questions) // options.questions)]
        chosen = QuestionSet(questions.passages, asked)
        yield Row(f"{language}_passages", f"{language}: passages", len(passages), "")
        yield Row(f"{language}_questions", f"{language}: questions", len(asked), "")
        if "ours" in parts:
            yield from ours(language, passages, chosen)
        if "localdocs" in parts:
            local = LocalDocs(passages)
            yield from recall(
                f"{language}_localdocs", f"{language}: LocalDocs", local.search, chosen
            )
        if "bm25" in parts:
            plain = PlainBM25(passages, language)
            yield from recall(f"{language}_bm25", f"{language}: plain BM25", plain.search, chosen)
    if "files" in parts and options.data:
        yield from files(options)
    if "scale" in parts and options.data:
        yield from scale(options)


def ours(language: str, passages: Sequence[str], chosen: QuestionSet) -> Iterator[Row]:
    """Index files of many passages each, and ask."""
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "x.sqlite3") as library:
        seconds, text_bytes = fill(library, Path(folder) / "files", passages)
        size = library.path.stat().st_size
        if len(passages) > len(chosen.passages):  # a few passages say nothing of speed and size
            speed = text_bytes / 1e6 / seconds
            key = f"{language}_indexing_mb_per_second"
            yield Row(key, f"{language}: indexing", speed, "MB/s", 5)
            key = f"{language}_index_share_of_text"
            share = size / text_bytes
            yield Row(key, f"{language}: index, of the text", share, "×", at_most=1.5)
        search, times = timed(library)
        yield from recall(language, f"{language}: GEB Chat", search, chosen, _TARGETS)
        yield from latency(f"{language}_{len(passages)}", times, 30)


def files(options: argparse.Namespace) -> Iterator[Row]:
    """Yield how fast files of text become searchable, read in the process with limits."""
    for language in options.languages.split(","):
        passages = other_passages(language, options.data, FILES_PASSAGES)
        with (
            tempfile.TemporaryDirectory() as folder,
            Library(Path(folder) / "x.sqlite3") as library,
            DocumentReader() as reader,
        ):
            seconds, text_bytes = fill(library, Path(folder) / "files", passages, reader)
        key = f"{language}_files_indexing_mb_per_second"
        yield Row(key, f"{language}: indexing files", text_bytes / 1e6 / seconds, "MB/s", 5)


def scale(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the time a search takes among very many passages of both languages."""
    passages = [
        passage
        for language in LANGUAGES
        for passage in other_passages(language, options.data, options.million // 2)
    ]
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "x.sqlite3") as library:
        seconds, text_bytes = fill(library, Path(folder) / "files", passages)
        count = library.database.execute("SELECT count(*) FROM passages")[0][0]
        yield Row("scale_passages", "both: passages in the library", count, "")
        speed = text_bytes / 1e6 / seconds
        yield Row("scale_indexing_mb_per_second", "both: indexing", speed, "MB/s", 5)
        search, times = timed(library)
        for language in LANGUAGES:
            asked = read_questions(language, options.data).questions
            for question, _ in asked[:: max(1, len(asked) // 250)]:
                search(question, 5)
        yield from latency("scale", times, 150)


class PagesReader:
    """Reads files whose passages are divided by form feeds: a page for each."""

    def read(self, path: Path) -> Document:
        texts = path.read_text(encoding="utf-8").split("\f")
        pages = tuple(Page(number, text) for number, text in enumerate(texts, 1))
        return Document(kind="text", title="", pages=pages)

    def cancel(self) -> None:
        """It is never long."""


def fill(
    library: Library, folder: Path, passages: Sequence[str], reader: Reader | None = None
) -> tuple[float, int]:
    """Index passages as pages of files; return the seconds it took and the bytes of the text."""
    folder.mkdir()
    text_bytes = 0
    for start in range(0, len(passages), PASSAGES_IN_A_FILE):
        texts = [text.replace("\f", " ") for text in passages[start : start + PASSAGES_IN_A_FILE]]
        path = folder / f"{start // PASSAGES_IN_A_FILE:06}.txt"
        path.write_text("\f".join(texts), encoding="utf-8", newline="")
    text_bytes = sum(path.stat().st_size for path in folder.iterdir())
    library.add_collection("bench", [folder])
    begun = perf_counter()
    [root] = library.collections()[0].roots
    scan_root(library, root.id, root.path)
    sys.setswitchinterval(0.0005)  # as the indexing process does
    Indexer(library.path, reader or PagesReader()).run()
    seconds = perf_counter() - begun
    library.database.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    return seconds, text_bytes


def timed(library: Library) -> tuple[Callable[[str, int], list[int]], list[float]]:
    """Return a search for the places of passages, and a list that gets its times in ms."""
    retriever = Retriever(library)
    times: list[float] = []

    def search(question: str, limit: int) -> list[int]:
        retrieval = retriever.retrieve(question, limit=limit)
        times.append(retrieval.seconds * 1000)
        return [
            int(passage.file.stem) * PASSAGES_IN_A_FILE + passage.page_index
            for passage in retrieval.passages
        ]

    return search, times


def recall(
    key: str,
    name: str,
    search: Callable[[str, int], list[int]],
    chosen: QuestionSet,
    targets: dict[str, float] | None = None,
) -> Iterator[Row]:
    """Yield the share of questions whose passage is among the first k, and the mean of 1/rank."""
    ranks = []
    for question, place in chosen.questions:
        found = list(dict.fromkeys(search(question, max(KS))))
        ranks.append(found.index(place) + 1 if place in found else np.inf)
    values = np.array(ranks)
    for k in KS:
        target = (targets or {}).get(f"recall_at_{k}")
        share = float((values <= k).mean())
        yield Row(f"{key}_recall_at_{k}", f"{name}, recall@{k}", share, "%", target)
    yield Row(f"{key}_mrr_at_5", f"{name}, MRR@5", float((1 / values).mean()), "")


def latency(key: str, times: Sequence[float], target: float) -> Iterator[Row]:
    """Yield the middle and the 95th percentile of search times, the first ones left out."""
    later = times[len(times) // 10 :]
    yield Row(f"{key}_search_p50_ms", f"{key}: search, p50", float(np.median(later)), "ms")
    p95 = float(np.percentile(later, 95))
    yield Row(f"{key}_search_p95_ms", f"{key}: search, p95", p95, "ms", at_most=target)


if __name__ == "__main__":
    sys.exit(main())
