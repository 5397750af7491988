"""Files from elsewhere: found by name, fetched in pieces, and what their checksum says."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from data_helpers import source
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, DataError
from training.recipe import load_recipe
from training.sources import disk, download
from training.sources.locate import expand, locate

CONTENT = bytes(range(256)) * 500
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; each of the first `breaks` answers ends after `piece` bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.breaks = 0
        self.piece = 50_000
        self.ranges = True
        self.status = 200
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.requests.append(asked)
        content = self.server.files.get(self.path.partition("?")[0])
        if content is None or self.server.status != 200:
            self.send_error(404 if content is None else self.server.status)
            return
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        if self.headers.get("If-Range", etag) != etag:
            start = 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if self.server.breaks:
            self.server.breaks -= 1
            body = body[: self.server.piece]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "_PAUSES", (0.0, 0.0))
    with Server() as server:
        server.files["/data.bin"] = CONTENT
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _fetch(server: Server, path: Path, sha256: str = SHA256) -> str:
    return download.download(server.address + "data.bin", path, sha256, progress=False)


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.breaks = 2
    assert _fetch(server, tmp_path / "data.bin") == SHA256
    assert server.requests == ["", "bytes=50000-", "bytes=100000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_the_next_run_goes_on_too(server: Server, tmp_path: Path) -> None:
    server.breaks, server.piece = 9, 0
    (tmp_path / ".data.bin.part").write_bytes(CONTENT[:1000])
    etag = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    (tmp_path / ".data.bin.part.etag").write_text(f'"{etag}"')
    with pytest.raises(DataError, match="broke"):
        _fetch(server, tmp_path / "data.bin")
    server.breaks = 0
    _fetch(server, tmp_path / "data.bin")
    assert set(server.requests) == {"bytes=1000-"}
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_file_that_changed_is_begun_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".data.bin.part").write_bytes(b"older" * 100)
    (tmp_path / ".data.bin.part.etag").write_text('"older"')
    assert _fetch(server, tmp_path / "data.bin") == SHA256


def test_a_finished_part_is_only_renamed(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".data.bin.part").write_bytes(CONTENT)
    etag = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    (tmp_path / ".data.bin.part.etag").write_text(f'"{etag}"')
    assert _fetch(server, tmp_path / "data.bin") == SHA256
    assert server.requests == [f"bytes={len(CONTENT)}-"]


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.breaks, server.ranges = 1, False
    assert _fetch(server, tmp_path / "data.bin") == SHA256


@pytest.mark.parametrize(
    ("status", "name", "says"),
    [(200, "other.bin", "is gone"), (403, "data.bin", "refused"), (503, "data.bin", "broke")],
)
def test_what_cannot_be_fetched_is_said(
    server: Server, tmp_path: Path, status: int, name: str, says: str
) -> None:
    server.status = status
    with pytest.raises(DataError, match=says):
        download.download(server.address + name, tmp_path / name, progress=False)
    assert not (tmp_path / name).exists()


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="damaged or was replaced"):
        _fetch(server, tmp_path / "data.bin", "0" * 64)
    assert not (tmp_path / "data.bin").exists()
    assert not (tmp_path / ".data.bin.part").exists()


def test_a_full_disk_is_said_before_it_is_full(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match="free"):
        _fetch(server, tmp_path / "data.bin")


def test_a_listing_names_the_files(server: Server, tmp_path: Path) -> None:
    server.files["/wet.paths"] = b"crawl/a.wet.gz\ncrawl/b.wet.gz\ncrawl/c.warc.gz\n"
    server.files["/crawl/a.wet.gz"] = CONTENT
    wanted = source(
        download=server.address, listing="wet.paths", files=("crawl/*.wet.gz",), discard=True
    )
    files = locate(wanted, tmp_path, None, tmp_path / "downloads")
    assert [file.name for file in files] == ["crawl/a.wet.gz", "crawl/b.wet.gz"]
    assert files[0].fetch() == SHA256
    assert files[0].path == tmp_path / "downloads/a/crawl/a.wet.gz"
    files[0].release()
    assert not files[0].path.exists()
    server.files["/wet.paths"] = b"../../etc/a.wet.gz\n"
    (tmp_path / "downloads/a/wet.paths").unlink()
    with pytest.raises(DataError, match="unsafe"):
        locate(
            source(download=server.address, listing="wet.paths", files=("*",)),
            tmp_path,
            None,
            tmp_path / "downloads",
        )


def test_the_hub_lists_files_and_checksums(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server.address.rstrip("/"))
    entry = {"type": "file", "size": len(CONTENT), "oid": "0"}
    lfs = {"lfs": {"oid": SHA256, "size": len(CONTENT), "pointerSize": 100}}
    tree = [{**entry, **lfs, "path": "data/one.gz"}, {**entry, "path": "data/README.md"}]
    server.files["/api/datasets/owner/name/tree/abc/data"] = json.dumps(tree).encode()
    server.files["/datasets/owner/name/resolve/abc/data/one.gz"] = CONTENT
    wanted = source(huggingface="owner/name", revision="abc", files=("data/*.gz",))
    (file,) = locate(wanted, tmp_path, None, tmp_path / "downloads")
    assert (file.name, file.sha256) == ("data/one.gz", SHA256)
    assert file.fetch() == SHA256
    missing = source(huggingface="owner/gone", revision="abc", files=("data/*.gz",))
    with pytest.raises(DataError, match="cannot be listed"):
        locate(missing, tmp_path, None, tmp_path / "downloads")


def test_a_mirror_is_checked_against_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(CONTENT)
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"files": {"a.jsonl": {"sha256": SHA256}}}))
    (file,) = locate(source(download="https://x.example/"), tmp_path, tmp_path, tmp_path)
    assert file.fetch() == SHA256
    (tmp_path / "a.jsonl").write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match="damaged or was replaced"):
        file.fetch()
    (tmp_path / "MANIFEST.json").write_text("[]")
    with pytest.raises(DataError, match=r"MANIFEST\.json"):
        locate(source(), tmp_path, tmp_path, tmp_path)


@given(st.integers(0, 30), st.integers(0, 30), st.lists(st.sampled_from("abc"), min_size=1))
def test_braces_stand_for_ranges_and_choices(first: int, more: int, names: list[str]) -> None:
    pattern = f"x-{{{first:03}..{first + more:03}}}.{{{','.join(names)}}}"
    expected = [f"x-{i:03}.{name}" for i in range(first, first + more + 1) for name in names]
    assert list(expand(pattern)) == expected


@given(st.text(alphabet="ab{},.0123", max_size=12))
def test_any_pattern_can_be_expanded(pattern: str) -> None:
    for name in list(expand(pattern)):
        assert not re.search(r"\{[^{}]*\}", name)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "../x"},
        {"files": ()},
        {"files": "one.jsonl"},
        {"licence": ""},
        {"stage": "tune"},
        {"reader": "pdf"},
        {"megabytes": -1.0},
        {"max_turns": 1},
        {"share": -0.5},
        {"sha256": {"a": "12"}},
        {"download": "ftp://x"},
        {"huggingface": "a/b"},
        {"local": True, "download": "https://x.example/"},
        {"listing": "paths.gz"},
    ],
)
def test_an_impossible_source_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        source(**values)


def test_the_papers_recipe_names_its_corpora() -> None:
    recipe, _ = load_recipe("geb-1.3b")
    documents = [s for s in recipe.sources if s.stage == "pretrain"]
    assert {s.reader for s in documents} == {"jsonl", "json", "parquet", "wet", "stackexchange"}
    assert sum(s.share for s in documents) == pytest.approx(1)
    assert [s.name for s in recipe.sources if s.noncommercial] == ["wudao"]
    assert all(s.cleaning for s in documents)
