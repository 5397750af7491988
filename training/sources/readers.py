"""Readers: the rows of a published file, one at a time, whatever its size.

Each is a generator of dictionaries with the file's own field names. pyarrow and warcio are used
directly, because datatrove's readers log a truncated file as a warning and go on: here it is an
error. A jsonl, xz or gz file needs the standard library only.
"""

import codecs
import hashlib
import json
import lzma
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.parsers import expat

from engine.errors import DataError
from training.making.makers import MAKERS
from training.sources.compression import open_stream

if TYPE_CHECKING:
    from training.recipe import Source

Row = dict[str, Any]
Reader = Callable[[Path, "Source"], Iterator[Row]]

_BLOCK = 1 << 20
_ROWS_AT_ONCE = 256
_LONGEST_OBJECT = 1 << 26
_BETWEEN = re.compile(r"[\s,\ufeff]*\[?[\s,]*")
_LANGUAGES = {"zho": "zh", "eng": "en"}
"""ISO 639-3 codes, as Common Crawl writes them."""
_DAMAGES = (
    *(OSError, EOFError, ValueError, KeyError, TypeError),
    *(lzma.LZMAError, zlib.error, expat.ExpatError),
)
_CHARSET = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]+)", re.IGNORECASE)
_QUESTION, _ANSWER = "1", "2"


def read_jsonl(path: Path, _source: "Source") -> Iterator[Row]:
    """Yield the objects of a JSON Lines file."""
    with open_stream(path) as stream:
        for line in stream:
            if not line.isspace():
                yield json.loads(line)


def read_json(path: Path, _source: "Source") -> Iterator[Row]:
    """Yield the objects of a file that is one JSON array, as WuDaoCorpora's are."""
    decoder = json.JSONDecoder()
    rest = ""
    with open_stream(path) as stream:
        for block in _decoded(stream):
            rest += block
            place = 0
            while rest.startswith("{", place := _after_separator(rest, place)):
                try:
                    row, place = decoder.raw_decode(rest, place)
                except ValueError:
                    if len(rest) - place > _LONGEST_OBJECT:
                        raise
                    break  # its end is in the next block
                yield row
            rest = rest[place:]
    if not rest.startswith("]"):
        raise EOFError("the array does not end")


def read_parquet(path: Path, source: "Source") -> Iterator[Row]:
    """Yield the rows of a Parquet file: only the columns in use, a few hundred rows at once."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path, buffer_size=_BLOCK, pre_buffer=False) as file:
        used = {*source.text, *source.only, *FIELDS[source.stage], "lang", "source"}
        columns = [name for name in file.schema_arrow.names if name in used]
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            yield from batch.to_pylist()


def read_wet(path: Path, _source: "Source") -> Iterator[Row]:
    """Yield {"text", "lang", "url"} of the pages of a Common Crawl WET file: text without markup.

    `lang` is the main language that the crawl found, None if it names none.
    """
    for headers, body, _ in _archive_records(path, "conversion"):
        languages = headers.get_header("WARC-Identified-Content-Language") or ""
        main = languages.partition(",")[0]
        yield {
            "text": body.decode("utf-8", errors="replace"),
            "lang": _LANGUAGES.get(main, main) or None,
            "url": headers.get_header("WARC-Target-URI"),
        }


def read_warc(path: Path, _source: "Source") -> Iterator[Row]:
    """Yield {"text", "url"} of the HTML pages of a WARC file; the text is still HTML."""
    for headers, body, kind in _archive_records(path, "response"):
        if "html" in kind and (text := _decode_page(body, kind)) is not None:
            yield {"text": text, "url": headers.get_header("WARC-Target-URI")}


def read_stackexchange(path: Path, _source: "Source") -> Iterator[Row]:
    """Yield {"text", "score"} of every question (with its title) and answer of a Posts.xml.

    The text is HTML. No tree is built, and a document type, which could define entities that
    grow without bound, is refused.
    """
    posts: list[dict[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, post: posts.append(post) if tag == "row" else None
    parser.StartDoctypeDeclHandler = _refuse_document_type
    with open_stream(path, "Posts.xml") as stream:
        while block := stream.read(_BLOCK):
            parser.Parse(block)
            for post in posts:
                if post.get("PostTypeId") in (_QUESTION, _ANSWER):
                    parts = (post.get("Title"), post.get("Body"))
                    yield {"text": "\n\n".join(filter(None, parts)), "score": post.get("Score")}
            posts.clear()
        parser.Parse(b"", True)


def read_made(path: Path, source: "Source") -> Iterator[Row]:
    """Yield the records that training/making makes of a file of documents or of a TOML file."""
    if path.suffix == ".toml":
        rows: Iterator[Row] = iter([tomllib.loads(path.read_text(encoding="utf-8"))])
    else:
        rows = read_jsonl(path, source)
    documents = (
        {**row, "lang": row.get("lang") or source.language}
        for row in rows
        if (not source.origins or row.get("source") in source.origins)
        and (source.documents == 1 or _place(row) < source.documents)
    )
    # Sources that make records of the same file make different ones.
    yield from MAKERS[source.reader](documents, f"{source.name} {path.name}")


def _place(row: Row) -> float:
    """Return where the hash of a row lies between 0 and 1."""
    text = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64


READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "parquet": read_parquet,
    "wet": read_wet,
    "warc": read_warc,
    "stackexchange": read_stackexchange,
    **dict.fromkeys(MAKERS, read_made),
}

FIELDS = {"pretrain": ("text",), "sft": ("messages",), "dpo": ("prompt", "chosen", "rejected")}
"""What a record of each stage holds, beside "lang"."""


def _after_separator(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place


def _refuse_document_type(*_: object) -> None:
    raise ValueError("a document type is not expected")


def read(path: Path, source: "Source") -> Iterator[Row]:
    """Yield the rows of one file of a source.

    Raises DataError if the file is cut off, damaged or in another format.
    """
    try:
        for row in READERS[source.reader](path, source):
            if not isinstance(row, dict):
                raise TypeError(f"{type(row).__name__} instead of an object")
            yield row
    except _DAMAGES as error:
        raise DataError(
            "{path} is damaged or not in the expected format ({detail}); fetch it again.",
            path=path,
            detail=str(error) or type(error).__name__,
        ) from error


def _decoded(stream: IO[bytes]) -> Iterator[str]:
    """Yield the text of a UTF-8 stream in blocks, an empty one at its end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := stream.read(_BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _archive_records(path: Path, kind: str) -> Iterator[tuple[Any, bytes, str]]:
    """Yield headers, payload and content type of the records of one kind in a WARC file."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    with open_stream(path) as stream:
        try:
            for record in ArchiveIterator(_UncutStream(stream)):
                if record.rec_type != kind:
                    continue
                http = record.http_headers
                content_type = (http.get_header("Content-Type") or "") if http else ""
                body = record.content_stream().read()
                if record.raw_stream.limit > 0:
                    raise EOFError("the last record is cut off")
                yield record.rec_headers, body, content_type.lower()
        except ArchiveLoadFailed as error:
            raise ValueError(str(error)) from error


class _UncutStream:
    """Raises OSError where a packed file ends too early: warcio takes EOFError for the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        try:
            return self._stream.read(size)
        except EOFError as error:
            raise OSError(str(error)) from error


def _decode_page(body: bytes, content_type: str) -> str | None:
    """Return the text of a page in the encoding that it names, UTF-8 or GB 18030."""
    named = _CHARSET.search(content_type.encode()) or _CHARSET.search(body[:2048])
    for encoding in ([named[1].decode()] if named else []) + ["utf-8", "gb18030"]:
        try:
            return body.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return None
