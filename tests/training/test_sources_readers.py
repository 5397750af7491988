"""Every published format is read as it is written, and a file that is cut off is an error."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from training.recipe import Source
from training.sources.readers import read

RECORDS = [{"text": f"Zeile {i}: Grüße, 你好, 𝄞 and a line\nbreak" * (i % 5)} for i in range(700)]


def _source(reader: str, **more: Any) -> Source:
    fixed: dict[str, Any] = {
        "name": "one",
        "stage": "pretrain",
        "language": "en",
        "licence": "CC0-1.0",
        "url": "https://example.org",
        "files": ("*",),
    }
    return Source(**{**fixed, "reader": reader, **more})


def _rows(path: Path, reader: str, **more: Any) -> list[dict[str, Any]]:
    return list(read(path, _source(reader, **more)))


def _zst(data: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return bytes(packed.getvalue())


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": _zst,
}


def _json_lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


@pytest.mark.parametrize("suffix", PACKERS)
def test_json_lines_in_every_packing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(PACKERS[suffix](_json_lines(RECORDS)))
    assert _rows(path, "jsonl") == RECORDS


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(PACKERS[suffix](_json_lines(RECORDS))[:-15])
    with pytest.raises(DataError) as error:
        _rows(path, "jsonl")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v, max_size=4)
)


@settings(max_examples=40)
@given(rows=st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4)), indent=st.booleans())
def test_a_json_array_is_read_object_by_object(
    rows: list[dict[str, Any]], indent: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("array") / "part.json"
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=2 if indent else None), "utf-8")
    assert _rows(path, "json") == rows


def test_a_json_array_longer_than_a_block(tmp_path: Path) -> None:
    rows = [{"title": f"第{i}篇", "content": "字" * (i % 3000)} for i in range(1500)]
    path = tmp_path / "part.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 3 << 20
    assert _rows(path, "json") == rows
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"part\.json is damaged"):
        _rows(path, "json")


def test_parquet_gives_only_the_columns_in_use(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    columns = {
        "code": [f"print({i})" for i in range(1000)],
        "license": ["mit", "gpl-3.0"] * 500,
        "size": list(range(1000)),
    }
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=300)
    rows = _rows(path, "parquet", text=("code",), only={"license": ["mit"]})
    assert rows == [
        {"code": code, "license": licence}
        for code, licence in zip(columns["code"], columns["license"], strict=True)
    ]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train\.parquet"):
        _rows(path, "parquet", text=("code",))


def test_conversations_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    pyarrow.parquet.write_table(pa.table({"messages": [messages], "prompt": ["Hi"]}), path)
    assert _rows(path, "parquet", stage="sft") == [{"messages": messages}]


def _warc(records: list[tuple[str, str, bytes]], packed: bool) -> bytes:
    """Return an archive of (type, further headers, payload), each record packed by itself."""
    archive = b""
    for kind, headers, payload in records:
        record = (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://example.org/page\r\n"
            f"WARC-Record-ID: <urn:uuid:0>\r\n{headers}Content-Length: {len(payload)}\r\n\r\n"
        ).encode()
        record += payload + b"\r\n\r\n"
        archive += gzip.compress(record) if packed else record
    return archive


def _response(content_type: str, page: bytes) -> tuple[str, str, bytes]:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode()
    return "response", "Content-Type: application/http; msgtype=response\r\n", http + page


@pytest.mark.parametrize("packed", [True, False])
def test_wet_files_say_the_language_of_a_page(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("CC-MAIN.warc.wet.gz" if packed else "CC-MAIN.warc.wet")
    pages = [("天气很好", "zho,eng"), ("Fine weather", "eng"), ("Bonjour", "fra"), ("1.", "")]
    records = [("warcinfo", "", b"software: test")] + [
        ("conversion", languages and f"WARC-Identified-Content-Language: {languages}\r\n", body)
        for body, languages in ((text.encode(), languages) for text, languages in pages)
    ]
    archive = _warc(records, packed)
    path.write_bytes(archive)
    rows = _rows(path, "wet")
    assert [(row["text"], row["lang"]) for row in rows] == [
        ("天气很好", "zh"),
        ("Fine weather", "en"),
        ("Bonjour", "fra"),
        ("1.", None),
    ]
    assert rows[0]["url"] == "https://example.org/page"
    path.write_bytes(archive[:-5])
    with pytest.raises(DataError, match=r"CC-MAIN\.warc\.wet"):
        _rows(path, "wet")


def test_warc_gives_the_html_pages_in_their_encoding(tmp_path: Path) -> None:
    path = tmp_path / "CC-MAIN.warc.gz"
    declared = '<meta charset="gb2312"><p>你好</p>'
    records = [
        ("metadata", "", b"fetchTimeMs: 20"),
        _response("text/html; charset=utf-8", "<p>Grüße</p>".encode()),
        _response("text/html", declared.encode("gb2312")),
        _response("image/png", b"\x89PNG"),
        _response("text/html; charset=ISO-8859-1", "<p>Grüße</p>".encode("latin-1")),
    ]
    path.write_bytes(_warc(records, packed=True))
    texts = [row["text"] for row in _rows(path, "warc")]
    assert texts == ["<p>Grüße</p>", declared, "<p>Grüße</p>"]


POSTS = [
    {"Id": "1", "PostTypeId": "1", "Score": "7", "Title": "How?", "Body": "<p>a &lt; b & c</p>"},
    {"Id": "2", "PostTypeId": "2", "Score": "3", "ParentId": "1", "Body": "<pre>\n  x\n</pre>"},
    {"Id": "3", "PostTypeId": "5", "Score": "0", "Body": "a tag's description"},
]


def _posts(posts: list[dict[str, str]]) -> bytes:
    rows = [" ".join(f"{k}={quoteattr(v)}" for k, v in post.items()) for post in posts]
    lines = "".join(f"  <row {row} />\n" for row in rows)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{lines}</posts>'.encode()


@pytest.mark.parametrize("suffix", ["", ".bz2"])
def test_stack_exchange_questions_and_answers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Posts.xml{suffix}"
    path.write_bytes(PACKERS[suffix](_posts(POSTS * 5000)))
    rows = _rows(path, "stackexchange")
    assert len(rows) == 10_000
    assert rows[:2] == [
        {"text": "How?\n\n<p>a &lt; b & c</p>", "score": "7"},
        {"text": "<pre>\n  x\n</pre>", "score": "3"},
    ]


@pytest.mark.parametrize("damage", ["cut off", "entities"])
def test_a_bad_stack_exchange_dump_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "Posts.xml"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><posts><row PostTypeId="1" Body="&a;"/></posts>'
    path.write_bytes(bomb if damage == "entities" else _posts(POSTS)[:-30])
    with pytest.raises(DataError, match=r"Posts\.xml"):
        _rows(path, "stackexchange")


def test_7z_archives_are_read_through_7_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "site.7z"
    archive.write_bytes(_posts(POSTS))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="7-Zip"):
        _rows(archive, "stackexchange")
    program = tmp_path / "7z"
    program.write_text('#!/bin/sh\n[ "$1 $2 $4" = "e -so Posts.xml" ] && exec /bin/cat "$3"\n')
    program.chmod(0o755)
    assert len(_rows(archive, "stackexchange")) == 2
    program.write_text('#!/bin/sh\n/bin/cat "$3"; exit 2\n')
    with pytest.raises(DataError, match=r"site\.7z"):
        _rows(archive, "stackexchange")


@pytest.mark.parametrize("content", ["[1, 2]\n", '"text"\n', "{\n"])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=r"a\.jsonl"):
        _rows(path, "jsonl")
