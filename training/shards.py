"""Records to token shards: encoded as a stream, by one process or several.

Documents become <s> text </s>; conversations what the chat template makes of them, with a mask
that is 1 on the assistant's tokens. Of a preference pair the chosen conversation is followed
by the rejected one.
"""

import json
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.errors import DataError, GebError
from engine.i18n import tr
from engine.tokenizer import BaseTokenizer, Tokenizer
from training.records import bad_record, read_lines, record_files
from training.shard_files import SHARD_BYTES, Loss, ShardWriter, Tokens
from training.sources.disk import writing

if TYPE_CHECKING:
    from engine.chat_template import ChatTemplate, Message

STAGES = ("pretrain", "sft", "dpo")
_CHUNK_BYTES = 1_000_000
"""Text that a worker gets at a time."""
_PIECE_CHARACTERS = 1_000_000
"""Longer documents are encoded in pieces: SentencePiece needs a hundred bytes a character."""


def write_shards(
    data: Path, tokenizer: Tokenizer, workers: int = 1, shard_bytes: int = SHARD_BYTES
) -> None:
    """Encode every record under `data` into shards beside it, and print the speed.

    The result does not depend on the number of worker processes. Raises DataError for records
    that are missing or damaged; the source's earlier shards stay then.
    """
    sources = [
        (stage, name, files)
        for stage in STAGES
        for name, files in record_files(data, stage).items()
    ]
    if not sources:
        raise DataError("There are no records in {folder}; run training.data first.", folder=data)
    total = _Tallies()
    with _encoders(tokenizer, workers) as encode:
        for stage, name, files in sources:
            with ShardWriter(data / stage, name, tokenizer, shard_bytes) as writer:
                tallies = _write_source(stage, name, files, encode, writer)
            total.add(tallies)
    for language, ratio in total.bytes_per_token().items():
        print(tr("{language}: {ratio} bytes per token", language=language, ratio=f"{ratio:.2f}"))


def _write_source(
    stage: str,
    name: str,
    files: list[Path],
    encode: "Callable[[Iterable[_Chunk]], Iterator[_Encoded]]",
    writer: ShardWriter,
) -> "_Tallies":
    tallies, read, started = _Tallies(), 0, time.monotonic()
    with tqdm(desc=f"{stage}/{name}", unit="B", unit_scale=True, leave=False) as bar:
        for encoded in encode(_chunks(stage, files)):
            with writing(writer.folder / name):
                writer.append(encoded.tokens, encoded.starts, encoded.loss)
            tallies.add(encoded.tallies)
            read += encoded.read_bytes
            bar.update(encoded.read_bytes)
    with writing(writer.folder / name):
        writer.commit({language: dict(tally) for language, tally in tallies.languages.items()})
    seconds = max(time.monotonic() - started, 1e-9)
    print(
        tr(
            "{source}: {megabytes} MB, {tokens} tokens, {speed} MB/s",
            source=f"{stage}/{name}",
            megabytes=f"{read / 1e6:.1f}",
            tokens=f"{writer.tokens:,}",
            speed=f"{read / 1e6 / seconds:.1f}",
        )
    )
    return tallies


@dataclass(frozen=True)
class _Chunk:
    """Some lines of a file, all of one stage."""

    stage: str
    path: Path
    first_line: int
    lines: list[bytes]


def _chunks(stage: str, files: Iterable[Path]) -> Iterator[_Chunk]:
    for path in files:
        lines: list[bytes] = []
        size, first_line = 0, 1
        for line in read_lines(path):
            lines.append(line)
            size += len(line)
            if size >= _CHUNK_BYTES:
                yield _Chunk(stage, path, first_line, lines)
                first_line += len(lines)
                lines, size = [], 0
        if lines:
            yield _Chunk(stage, path, first_line, lines)


@dataclass
class _Tallies:
    """Bytes of text and the tokens that they became, by language."""

    languages: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, language: str, size: int, tokens: int) -> None:
        self.languages.setdefault(language, Counter()).update(bytes=size, tokens=tokens)

    def add(self, other: "_Tallies") -> None:
        for language, tally in other.languages.items():
            self.languages.setdefault(language, Counter()).update(tally)

    def bytes_per_token(self) -> dict[str, float]:
        return {
            language: tally["bytes"] / tally["tokens"]
            for language, tally in sorted(self.languages.items())
            if tally["tokens"]
        }


@dataclass(frozen=True)
class _Encoded:
    """What a chunk became."""

    tokens: Tokens
    starts: NDArray[np.int64]
    loss: Loss | None
    tallies: _Tallies
    read_bytes: int


class _Encoder:
    """Encodes chunks with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # Jinja2 is needed here alone, and training runs where it is not installed.
        from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate

        self._tokenizer = tokenizer
        self._template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
        self._dtype: Any = np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32

    def __call__(self, chunk: _Chunk) -> _Encoded:
        """Raises DataError naming the line that is no record of the chunk's stage."""
        tallies = _Tallies()
        tokens: list[NDArray[Any]] = []
        loss: list[Loss] = []
        for number, line in enumerate(chunk.lines, chunk.first_line):
            try:
                for ids, mask in self._encode_record(chunk.stage, json.loads(line), tallies):
                    tokens.append(np.array(ids, dtype=self._dtype))
                    loss.append(np.array(mask, dtype=np.uint8))
            except (ValueError, KeyError, TypeError, AttributeError, GebError) as error:
                raise bad_record(chunk.path, number, chunk.stage, error) from error
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        return _Encoded(
            np.concatenate([*tokens, np.empty(0, dtype=self._dtype)]),
            np.cumsum(lengths) - lengths,
            None if chunk.stage == "pretrain" else np.concatenate([*loss, np.empty(0, np.uint8)]),
            tallies,
            sum(map(len, chunk.lines)),
        )

    def _encode_record(
        self, stage: str, record: dict[str, Any], tallies: _Tallies
    ) -> Iterator[tuple[list[int], list[int]]]:
        if stage == "pretrain":
            ids = encode_document(record["text"], self._tokenizer)
            size = len(record["text"].encode("utf-8", "replace"))
            tallies.count(str(record.get("lang")), size, len(ids) - 2)
            yield ids, []
            return
        conversations = [record["messages"]] if stage == "sft" else _pair(record)
        for messages in conversations:
            ids, mask = encode_conversation(messages, self._template)
            if ids:
                yield ids, mask


def _pair(record: dict[str, Any]) -> "list[list[Message]]":
    return [
        [*record["prompt"], {"role": "assistant", "content": record[answer]}]
        for answer in ("chosen", "rejected")
    ]


def encode_document(text: str, tokenizer: BaseTokenizer) -> list[int]:
    """Return <s> text </s>."""
    control = tokenizer.control_tokens
    ids = [control["<s>"]]
    for piece in _pieces(text):
        ids += tokenizer.encode(piece)
    ids.append(control["</s>"])
    return ids


def _pieces(text: str) -> Iterator[str]:
    """Cut a long text, after a line end if there is one: no piece of a vocabulary spans that."""
    while len(text) > _PIECE_CHARACTERS:
        end = text.rfind("\n", 0, _PIECE_CHARACTERS) + 1 or _PIECE_CHARACTERS
        yield text[:end]
        text = text[end:]
    yield text


def encode_conversation(
    messages: "list[Message]", template: "ChatTemplate"
) -> tuple[list[int], list[int]]:
    """Return the token ids of a conversation and a mask that is 1 on the assistant's tokens.

    The end-of-answer token belongs to the answer: the model must learn to stop.
    """
    ids: list[int] = []
    mask: list[int] = []
    for count, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = template.encode(messages[:count], add_generation_prompt=True)
        answered = template.encode(messages[: count + 1], add_generation_prompt=False)
        mask += [0] * (len(prompt) - len(mask)) + [1] * (len(answered) - len(prompt))
        ids = answered
    return ids, mask


@contextmanager
def _encoders(
    tokenizer: Tokenizer, workers: int
) -> Iterator[Callable[[Iterable[_Chunk]], Iterator[_Encoded]]]:
    """Give a function that encodes chunks in order, in this process or in `workers` others."""
    if workers == 1:
        encoder = _Encoder(tokenizer)
        yield lambda chunks: map(encoder, chunks)
        return
    with TemporaryDirectory() as folder:
        model = Path(folder) / "tokenizer.model"
        model.write_bytes(tokenizer.serialized())
        # Fresh processes: a forked one can hang on a lock that another thread held.
        with ProcessPoolExecutor(
            workers, get_context("spawn"), initializer=_Worker.open, initargs=(model,)
        ) as pool:
            yield lambda chunks: _in_order(pool, chunks, 2 * workers)


class _Worker:
    """The encoder of a worker process."""

    encoder: ClassVar[_Encoder]

    @classmethod
    def open(cls, model: Path) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's business
        cls.encoder = _Encoder(Tokenizer(model))

    @classmethod
    def encode(cls, chunk: _Chunk) -> _Encoded:
        return cls.encoder(chunk)


def _in_order(
    pool: ProcessPoolExecutor, chunks: Iterable[_Chunk], waiting: int
) -> Iterator[_Encoded]:
    """Yield what the chunks became, never more than `waiting` of them under way."""
    pending: deque[Future[_Encoded]] = deque()
    for chunk in chunks:
        pending.append(pool.submit(_Worker.encode, chunk))
        if len(pending) >= waiting:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
