"""Near-duplicates: the first copy in the order of the files stays, whoever runs the steps."""

import gzip
import json
import resource
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from training.cleaning import minhash_steps, near_duplicates
from training.cleaning.minhash_steps import CONFIG, Signatures
from training.executors import Executor

CORPUS = Path(__file__).parent.parent / "data/corpus"


def _texts(language: str, count: int) -> list[str]:
    lines = (CORPUS / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"][:1500] for line in lines[:count]]


def _with_changed_words(text: str, share: float) -> str:
    generator = np.random.default_rng(0)
    pieces = text.split(" ") if " " in text else list(text)
    joined = " " if " " in text else ""
    return joined.join("某" if generator.random() < share else piece for piece in pieces)


def _find(folder: Path, contents: Sequence[Sequence[str]], workers: int = 1) -> list[list[int]]:
    """Return the lines that are to be removed, file by file."""
    files = []
    for number, texts in enumerate(contents):
        files.append(folder / f"{number}.jsonl.gz")
        with gzip.open(files[-1], "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    out = folder / "out"
    out.mkdir()
    near_duplicates(files, out, Executor(workers=workers, logs=folder / "logs"))
    assert {path.suffix for path in out.iterdir()} <= {".remove"}
    removed = []
    for index in range(len(files)):
        path = out / f"{index:06d}.remove"
        removed.append(np.fromfile(path, "<u4").tolist() if path.exists() else [])
    return removed


@pytest.fixture(scope="module")
def contents() -> list[list[str]]:
    """Four files: English web, Chinese web, a second English source, a mixed one."""
    english, chinese = _texts("en", 8), _texts("zh", 8)
    return [
        [*english[:4], english[1].upper()],
        chinese[:4],
        [english[4], _with_changed_words(english[2], 0.02), english[5]],
        [
            chinese[5],
            chinese[0].replace("，", ", ").replace("\n", " "),
            _with_changed_words(chinese[3], 0.01),
            english[0],
            english[3][:700] + english[6][:700],
            _with_changed_words(chinese[2], 0.3),
            "",
        ],
    ]


EXPECTED = [[4], [], [1], [1, 2, 3]]


def test_copies_in_any_file_and_language_are_found(
    contents: list[list[str]], tmp_path: Path
) -> None:
    assert _find(tmp_path, contents) == EXPECTED


def test_the_order_of_the_files_says_which_copy_stays(
    contents: list[list[str]], tmp_path: Path
) -> None:
    # The mixed source now comes first and keeps its copies, and the second English one, too.
    assert _find(tmp_path, contents[::-1]) == [[], [], [0, 3], [0, 2, 4]]


def test_how_records_lie_in_files_changes_nothing(
    contents: list[list[str]], tmp_path: Path
) -> None:
    flat = [text for texts in contents for text in texts]
    (single,) = _find(tmp_path, [flat])
    starts = np.cumsum([0, *map(len, contents)])
    assert single == [
        start + line for start, lines in zip(starts, EXPECTED, strict=False) for line in lines
    ]


def test_a_chain_of_copies_keeps_its_first(tmp_path: Path) -> None:
    text = _texts("en", 1)[0]
    chain = [text]
    for step in range(4):
        chain.append(chain[-1].replace(" the ", f" th{step} ", 2))
    assert _find(tmp_path, [["unrelated " * 30], chain[::-1]]) == [[], [1, 2, 3, 4]]


def test_no_files_and_empty_files_are_fine(tmp_path: Path) -> None:
    assert _find(tmp_path, []) == []
    (tmp_path / "more").mkdir()
    assert _find(tmp_path / "more", [[], ["short"], []]) == [[], [], []]


def test_more_files_than_a_process_may_usually_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    usual = sum(1 for _ in Path("/proc/self/fd").iterdir()) + 30
    monkeypatch.setattr(minhash_steps, "_OPEN_FILES", limits[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, limits[1]))
    try:
        assert _find(tmp_path, [["the same text in every file, " * 9]] * 40) == [[], *[[0]] * 39]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_signatures_estimate_similarity() -> None:
    """The share of equal hashes is the Jaccard index, and does not depend on the length."""
    generator = np.random.default_rng(0)
    signatures = Signatures(Path("unused"))
    for size in (50, 700):
        shared = generator.integers(1 << 63, size=size * 3 // 5, dtype=np.uint64)
        first, second = (
            np.append(shared, generator.integers(1 << 63, size=size // 5, dtype=np.uint64))
            for _ in range(2)
        )
        a, b = (np.array(signatures.get_signature(n)) for n in (first, second))
        assert a.shape == (CONFIG.num_buckets, CONFIG.hashes_per_bucket)
        assert abs((a == b).mean() - 0.6) < 0.13


@pytest.mark.slow
def test_processes_find_the_same(contents: list[list[str]], tmp_path: Path) -> None:
    assert _find(tmp_path, contents, workers=2) == EXPECTED
