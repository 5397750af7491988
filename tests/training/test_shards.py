"""Token shards: what is encoded, that it streams, and that damage is said in one sentence."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from errno import ENOSPC
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from data_helpers import files
from shard_helpers import BOS, VOCABULARY, numbered, write_source

import training.records
import training.shards
from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training.shard_files import ShardReader, check_tokenizer, open_sources
from training.shards import _in_order, encode_conversation, encode_document, write_shards
from training.tokenizer import main, sample_text

DOCUMENTS = [
    {"text": f"Document {i}: the weather is fine.\n今天天气很好。", "lang": "mix"}
    for i in range(60)
]
CONVERSATIONS = [
    {
        "messages": [
            {"role": "user", "content": f"你好 {i}"},
            {"role": "assistant", "content": f"hello {i}"},
        ]
    }
    for i in range(40)
]
PAIRS = [
    {"prompt": [{"role": "user", "content": f"{i}?"}], "chosen": "yes", "rejected": "no"}
    for i in range(10)
]


def _lines(records: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name, records in (
        ("pretrain/a", DOCUMENTS),
        ("pretrain/b", DOCUMENTS[:7]),
        ("sft/c", CONVERSATIONS),
        ("dpo/d", PAIRS),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jsonl").write_bytes(_lines(records))
    return folder


def _written(data: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(data)): path.read_bytes()
        for pattern in ("*/*.npy", "*/*.shards.json")
        for path in data.glob(pattern)
    }


def _tokens(folder: Path, name: str) -> list[int]:
    source = next(source for source in open_sources(folder) if source.name == name)
    return [t for i in range(len(source.shards)) for t in source.arrays(i)[0].tolist()]


def test_only_the_assistants_words_and_its_stop_are_trained_on(tokenizer: Tokenizer) -> None:
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "two <|user|>"},
    ]
    ids, mask = encode_conversation(messages, template)
    learnt = [token for token, keep in zip(ids, mask, strict=True) if keep]
    end = tokenizer.control_tokens["</s>"]
    assert learnt == [*tokenizer.encode(" one"), end, *tokenizer.encode(" two <|user|>"), end]
    assert ids.count(tokenizer.control_tokens["<|user|>"]) == 2


def test_shards_hold_every_document_and_where_it_starts(
    data: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.shards, "_CHUNK_BYTES", 300)
    write_shards(data, tokenizer, shard_bytes=500)
    source = open_sources(data / "pretrain")[0]
    assert len(source.shards) > 1
    expected = [encode_document(record["text"], tokenizer) for record in DOCUMENTS]
    found = []
    for number in range(len(source.shards)):
        tokens, loss = source.arrays(number)
        bounds = source.starts(number)
        assert loss is None
        assert (tokens[bounds[:-1]] == BOS).all()
        found += [tokens[a:b].tolist() for a, b in pairwise(bounds)]
    assert found == expected


def test_conversations_and_pairs_carry_what_is_trained_on(data: Path, tokenizer: Tokenizer) -> None:
    write_shards(data, tokenizer)
    (chats,) = open_sources(data / "sft")
    tokens, loss = chats.arrays(0)
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    encoded = [encode_conversation(record["messages"], template) for record in CONVERSATIONS]
    assert tokens.tolist() == [token for ids, _ in encoded for token in ids]
    assert loss is not None
    assert loss.tolist() == [keep for _, mask in encoded for keep in mask]
    (pairs,) = open_sources(data / "dpo")
    assert len(pairs.starts(0)) == 2 * len(PAIRS) + 1


def test_compressed_parts_of_a_source_are_read_as_one(data: Path, tokenizer: Tokenizer) -> None:
    parts = data / "pretrain" / "parts"
    parts.mkdir()
    for number in range(3):
        records = DOCUMENTS[20 * number : 20 * (number + 1)]
        (parts / f"{number:05d}.jsonl.gz").write_bytes(gzip.compress(_lines(records)))
    (parts / ".00003.jsonl.gz").write_bytes(b"unfinished")
    write_shards(data, tokenizer)
    assert _tokens(data / "pretrain", "parts") == _tokens(data / "pretrain", "a")


def test_worker_processes_change_nothing(
    data: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.shards, "_CHUNK_BYTES", 300)
    write_shards(data, tokenizer)
    alone = _written(data)
    write_shards(data, tokenizer, workers=2)
    assert _written(data) == alone
    with (data / "sft/c.jsonl").open("ab") as lines:
        lines.write(b'{"messages": [{"role": "assistant"}]}\n')
    with pytest.raises(DataError, match=r"Line 41 of .*c\.jsonl is no record of the stage sft"):
        write_shards(data, tokenizer, workers=2)


def test_workers_are_never_far_behind_what_is_read() -> None:
    class Pool:
        def submit(self, _encode: object, chunk: int) -> Future[int]:
            future: Future[int] = Future()
            future.set_result(chunk)
            return future

    read: list[int] = []
    chunks = (read.append(number) or number for number in range(1000))
    for number, encoded in enumerate(_in_order(Pool(), chunks, 4)):
        assert encoded == number
        assert len(read) <= number + 4


def test_a_long_document_is_encoded_in_pieces_to_the_same_tokens(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "The weather is fine.\n\n今天天气很好，我们散步。\n" * 40
    whole = encode_document(text, tokenizer)
    monkeypatch.setattr(training.shards, "_PIECE_CHARACTERS", 50)
    assert encode_document(text, tokenizer) == whole
    unbroken = text.replace("\n", "")
    assert tokenizer.decode(encode_document(unbroken, tokenizer)) == unbroken


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"{oh\n"), "Line 61 of .*jsonl is no"),
        (lambda path: path.write_bytes(b'{"messages": []}\n'), "Line 1 of .*no record .*pretrain"),
        (lambda path: path.write_bytes(b'{"text": 5}\n'), "Line 1 of .*no record .*pretrain"),
        (lambda path: path.write_bytes(b'"text"\n'), "Line 1 of .*no record .*pretrain"),
        (lambda path: path.write_bytes(b" " * 5001 + b"\n"), "more than 0 MB; split it"),
        (lambda path: _cut_archive(path), r"00000\.jsonl\.gz is damaged"),
        (lambda path: _duplicate(path), "records of the same source"),
    ],
)
def test_damaged_records_are_said_and_earlier_shards_stay(
    data: Path,
    tokenizer: Tokenizer,
    damage: Callable[[Path], object],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training.records, "LONGEST_RECORD", 5000)
    write_shards(data, tokenizer)
    before = _written(data)
    damage(data / "pretrain/a.jsonl")
    with pytest.raises(DataError, match=said):
        write_shards(data, tokenizer)
    assert {name: b for name, b in _written(data).items() if "/a" in name} == {
        name: b for name, b in before.items() if "/a" in name
    }
    assert not list(data.glob("*/.*"))


def _cut_archive(path: Path) -> None:
    archive = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "00000.jsonl.gz").write_bytes(archive[: len(archive) // 2])


def _duplicate(path: Path) -> None:
    path.with_suffix("").mkdir()
    (path.with_suffix("") / "00000.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))


def test_a_full_disk_is_said_and_earlier_shards_stay(
    data: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    write_shards(data, tokenizer)
    before = files(data)
    monkeypatch.setattr("training.shard_files._GrowingArray.append", is_full)
    with pytest.raises(DataError, match=r"pretrain.* cannot be written .No space left"):
        write_shards(data, tokenizer)
    assert files(data) == before


def test_fewer_shards_replace_more(tmp_path: Path) -> None:
    write_source(tmp_path, "a", numbered([30] * 20), shard_bytes=200)
    write_source(tmp_path, "a", numbered([5]))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-000.starts.npy",
        "a-000.tokens.npy",
        "a.shards.json",
    ]


@pytest.mark.parametrize("file", ["a-000.tokens.npy", "a-000.loss.npy", "a-000.starts.npy"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_a_truncated_or_missing_shard_is_said(tmp_path: Path, file: str, damage: str) -> None:
    write_source(tmp_path, "a", numbered([5, 6]), masks=[[1] * 6, [1] * 7])
    path = tmp_path / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{file} is damaged"):
        open_sources(tmp_path)


def test_a_damaged_manifest_or_none_is_said(tmp_path: Path) -> None:
    write_source(tmp_path, "a", numbered([5, 6]))
    manifest = tmp_path / "a.shards.json"
    manifest.write_text(manifest.read_text()[:-5])
    with pytest.raises(DataError, match=r"a\.shards\.json is damaged"):
        open_sources(tmp_path)
    manifest.unlink()
    with pytest.raises(DataError, match=r"run training\.data and training\.tokenizer first"):
        open_sources(tmp_path)


def test_a_token_outside_the_vocabulary_is_said(tmp_path: Path) -> None:
    write_source(tmp_path, "a", numbered([5, 6]))
    path = tmp_path / "a-000.tokens.npy"
    path.write_bytes(path.read_bytes()[:-2] + b"\xff\xff")
    (source,) = open_sources(tmp_path)
    assert len(ShardReader(source).read(0, 0, 6)[0]) == 6
    with pytest.raises(DataError, match=r"a-000\.tokens\.npy is damaged"):
        ShardReader(source).read(0, 6, 13)


def test_a_header_that_is_none_is_said(tmp_path: Path) -> None:
    write_source(tmp_path, "a", numbered([5, 6]))
    path = tmp_path / "a-000.tokens.npy"
    path.write_bytes(b"\0" * path.stat().st_size)
    (source,) = open_sources(tmp_path)
    with pytest.raises(DataError, match=r"a-000\.tokens\.npy is damaged"):
        source.arrays(0)


def test_shards_of_another_tokenizer_are_refused(data: Path, tokenizer: Tokenizer) -> None:
    write_shards(data, tokenizer)
    check_tokenizer(data / "pretrain", tokenizer, 448)
    with pytest.raises(ConfigError, match="448 tokens, more than the model's vocab_size of 300"):
        check_tokenizer(data / "pretrain", tokenizer, 300)
    with pytest.raises(DataError, match=r"shards of a in .* made with another tokenizer"):
        check_tokenizer(data / "pretrain", VOCABULARY, 60_000)


def test_the_vocabulary_sees_as_much_of_each_source_while_it_lasts(tmp_path: Path) -> None:
    (tmp_path / "pretrain/large").mkdir(parents=True)
    for number in range(20):
        lines = _lines([{"text": f"{number:02d}" + "x" * 998} for _ in range(100)])
        (tmp_path / f"pretrain/large/{number}.jsonl.gz").write_bytes(gzip.compress(lines))
    for name in ("medium", "small"):
        records = [{"text": name[0] * 1000}] * (100 if name == "medium" else 10)
        (tmp_path / f"pretrain/{name}.jsonl").write_bytes(_lines(records))
    sample = list(sample_text(tmp_path, 0.13))
    assert len(sample) == 130
    assert sum(text[0] == "s" for text in sample) == 10
    assert sum(text[0] == "m" for text in sample) == 60
    files = {text[:2] for text in sample if text[0] not in "ms"}
    assert len(files) == 7  # 60 texts by turns, from files over the whole list
    assert len(list(sample_text(tmp_path, 1000))) == 2110


def test_an_existing_tokenizer_encodes_without_learning(
    data: Path,
    tokenizer_file: Path,
    tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["training.tokenizer", "--tokenizer", str(tokenizer_file), "--data", str(data)]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "out")])
    main()
    assert (tmp_path / "out/tokenizer.model").read_bytes() == tokenizer.serialized()
    check_tokenizer(data / "pretrain", tokenizer, tokenizer.vocab_size)
    printed = capsys.readouterr().out
    assert "pretrain/a: 0.0 MB" in printed
    size = sum(len(record["text"].encode()) for record in [*DOCUMENTS, *DOCUMENTS[:7]])
    text_tokens = sum(
        len(tokenizer.encode(record["text"])) for record in [*DOCUMENTS, *DOCUMENTS[:7]]
    )
    assert f"mix: {size / text_tokens:.2f} bytes per token" in printed


def test_training_runs_where_only_its_own_libraries_are_installed() -> None:
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('jinja2', 'transformers', 'datatrove', 'lm_eval')))\n"
        "import training.shards, training.mixture, training.tokenizer\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_memory_stays_bounded_whatever_the_input(tmp_path: Path, tokenizer_file: Path) -> None:
    (tmp_path / "pretrain").mkdir()
    lines = _lines([{"text": "今天天气很好，我们去公园散步。" * 200}] * 100)
    with (tmp_path / "pretrain/a.jsonl").open("wb") as file:
        for _ in range(150):
            file.write(lines)
        file.write(_lines([{"text": "The weather is fine. " * 10**6}]))
    assert (tmp_path / "pretrain/a.jsonl").stat().st_size > 150e6
    command = [sys.executable, "-m", "training.tokenizer", "--tokenizer", str(tokenizer_file)]
    command += ["--data", str(tmp_path), "--out", str(tmp_path)]
    # Of this command alone: other tests have run others.
    measuring = (
        f"import resource, subprocess; subprocess.run({command!r}, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measuring], check=True, timeout=600, capture_output=True, text=True
    )
    assert int(done.stdout.split()[-1]) < 1_500_000  # kilobytes
    assert np.load(tmp_path / "pretrain/a-000.tokens.npy", mmap_mode="r").size > 10**7
