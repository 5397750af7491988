"""What reads foreign bytes, each as a function of bytes that raises only where there is a bug.

No fuzzer here: the functions are also run on what was found once (test_findings.py).
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, get_args
from unittest import mock

from engine import chat_template
from engine.api.chat_request import parse_chat_request
from engine.api.errors import ApiError
from engine.bundle import default_bundle_path, open_bundle
from engine.byte_bpe import ByteLevelTokenizer
from engine.conversation_files.exporting import SUFFIXES, export_conversations
from engine.conversation_files.importing import import_conversations
from engine.documents.document import Kind
from engine.documents.reading.read import read_document
from engine.documents.splitting import split
from engine.errors import BundleError, ConfigError, DataError, DocumentError, SettingsError
from engine.settings.file import Settings
from engine.settings.prompts import own_prompts
from engine.settings.table import SETTINGS, THREADS
from engine.store import Store
from engine.template_process import _TEMPLATE_ERRORS, compile_template
from engine.tokenizer import BaseTokenizer, Tokenizer

Target = Callable[[bytes], None]

BUNDLE_FILES = (
    "config.json",
    "generation_config.json",
    "genai_config.json",
    "tokenizer_config.json",
    "model.onnx",
    "README.md",
    "SHA256SUMS",
    "chat_template.jinja",
)
DOCUMENT_SUFFIXES: Mapping[Kind, str] = {
    "pdf": ".pdf",
    "docx": ".docx",
    "pptx": ".pptx",
    "xlsx": ".xlsx",
    "odt": ".odt",
    "epub": ".epub",
    "html": ".html",
    "markdown": ".md",
    "rst": ".rst",
    "text": ".txt",
    "csv": ".csv",
    "code": ".py",
}
_TEXT = "Hello, <|user|> 你好 \u2581 \U0001f600 \ud800 1234"
_SECONDS = 2.0


def bundle(data: bytes) -> None:
    """Open a model folder in which one file, named by the first byte, is foreign."""
    if not data:
        return
    name = BUNDLE_FILES[data[0] % len(BUNDLE_FILES)]
    folder = _model()
    file = folder / name
    (folder / "SHA256SUMS").unlink()  # a foreign folder without sums is read further
    file.write_bytes(data[1:])
    try:
        # A template of its own needs a process, which is too slow here.
        with (
            mock.patch.object(chat_template, "TemplateProcess", _render_here),
            suppress(BundleError, ConfigError),
        ):
            opened = open_bundle(folder, verify=False)
            opened.chat_template.encode([{"role": "user", "content": _TEXT}])
    finally:
        file.unlink()
        for changed in (name, "SHA256SUMS"):
            if (default_bundle_path() / changed).exists():
                shutil.copyfile(default_bundle_path() / changed, folder / changed)


def tokenizer_model(data: bytes) -> None:
    """Open SentencePiece's file."""
    _use_tokenizer(Tokenizer, data, ".model")


def tokenizer_json(data: bytes) -> None:
    """Open a byte-level tokenizer's file."""
    _use_tokenizer(ByteLevelTokenizer, data, ".json")


def template(data: bytes) -> None:
    """Render a chat template, as its process does."""
    with suppress(BundleError):
        _render_here(data.decode("utf-8", "replace")).render(
            {
                "messages": [{"role": "user", "content": _TEXT}],
                "add_generation_prompt": True,
                "bos_token": "<s>",
                "eos_token": "</s>",
            }
        )


def document(kind: Kind, data: bytes) -> None:
    """Read a document, as the process that reads files does, and split it."""
    path = _write("document" + DOCUMENT_SUFFIXES[kind], data)
    # The process answers memory and depth with a failure as well.
    with suppress(DocumentError, MemoryError, RecursionError):
        split(read_document(path))


def conversations(data: bytes) -> None:
    """Import conversations, export what came of it, and take them out again."""
    store = _store()
    path = _write("given.json", data)
    try:
        report = import_conversations(store, path)
    except DataError:
        return
    for kind, suffix in SUFFIXES.items():
        export_conversations(store, report.ids, path.with_name(f"out{suffix}"), kind)
    again = import_conversations(store, path.with_name("out.json"))
    assert not again.ids, "what was exported is not what was imported"
    for number in report.ids:
        store.search(store.conversation(number).title)
        store.delete(number)
        store.erase(number)


def settings(data: bytes) -> None:
    """Open settings and change one."""
    path = _write("settings.json", data)
    opened = Settings(path)
    for setting in SETTINGS:
        setting.check(opened.get(setting))
    own_prompts(opened)
    list(map(str, opened.problems))
    with suppress(SettingsError):
        opened.set(THREADS, 3)
        assert Settings(path).get(THREADS) == 3
    for left in path.parent.glob("settings.damaged-*"):
        left.unlink()


def request(data: bytes) -> None:
    """Read what another program asks `geb serve`."""
    with suppress(ApiError):
        parse_chat_request(data)


TARGETS: dict[str, Target] = {
    "bundle": bundle,
    "tokenizer-model": tokenizer_model,
    "tokenizer-json": tokenizer_json,
    "template": template,
    "conversations": conversations,
    "settings": settings,
    "request": request,
    **{kind: (lambda data, kind=kind: document(kind, data)) for kind in get_args(Kind)},
}


def _use_tokenizer(kind: Callable[[Path], BaseTokenizer], data: bytes, suffix: str) -> None:
    with suppress(BundleError):
        tokenizer = kind(_write("tokenizer" + suffix, data))
        ids = tokenizer.encode(_TEXT) + tokenizer.encode(_TEXT, continues=True)
        tokenizer.decode([*ids, *range(50), 10**6])
        decoder = tokenizer.stream_decoder()
        "".join(map(decoder.push, ids)) + decoder.finish()


class _TooLongError(Exception):
    """The process that renders would have been ended by the system."""


class _render_here:  # noqa: N801 (it stands in for a class that is called like a function)
    """Compiles and renders a template in this process."""

    def __init__(self, source: str) -> None:
        with _limited():
            self._template = compile_template(source)

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the text."""
        with _limited():
            text: str = self._template.render(json.loads(json.dumps(values)))
            return text


@contextmanager
def _limited() -> Iterator[None]:
    """Give up after some seconds, and turn what the process would report into a BundleError."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    except (*_TEMPLATE_ERRORS, _TooLongError) as error:
        raise BundleError("The model's chat template failed: {detail}.", detail=error) from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@cache
def _folder(name: str) -> Path:
    """Return a folder of this process, where run.py wants it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ.get("GEB_FUZZ_FOLDER")))
    _folders.append(folder)
    return folder


@cache
def _model() -> Path:
    return Path(shutil.copytree(default_bundle_path(), _folder("models") / "model"))


_folders: list[Path] = []


def remove_folders() -> None:
    """Take away what the targets have written."""
    _store.cache_clear()
    _model.cache_clear()
    _folder.cache_clear()
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


@cache
def _store() -> Store:
    return Store(_folder("store") / "conversations.sqlite3")


def _write(name: str, data: bytes) -> Path:
    path = _folder("files") / name
    path.write_bytes(data)
    return path
