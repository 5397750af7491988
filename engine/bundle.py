"""A model folder, checked before anything in it is trusted.

Layout: config.json and generation_config.json (or genai_config.json), tokenizer.model or
tokenizer.json, tokenizer_config.json (with the chat template, or chat_template.jinja beside
it), model.onnx (+ its weight files; or onnx/ with several precisions), README.md (licence) and
SHA256SUMS, as Hugging Face tools and onnxruntime-genai read and write them. No pickle is
opened and no code out of the folder is run.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from engine.bundle_config import (
    GENERATION_NAME,
    config_file,
    read_generation_defaults,
    read_model_config,
)
from engine.bundle_graph import read_graph
from engine.bundle_paths import default_bundle_path as default_bundle_path
from engine.bundle_paths import list_bundle_paths as list_bundle_paths
from engine.byte_bpe import ByteLevelTokenizer
from engine.chat_template import ChatTemplate
from engine.checksums import SUMS_NAME, has_sums, read_sums, verify_changes
from engine.checksums import verify_sums as verify_sums
from engine.config import ModelConfig
from engine.errors import BundleError
from engine.inside import is_inside
from engine.json_file import check_size, read_json
from engine.onnx_file import OnnxFile
from engine.resources import RESOURCES
from engine.sampling_params import GenerationDefaults
from engine.tokenizer import BaseTokenizer, Tokenizer

# Others put several precisions side by side: the fastest that the engine runs comes first.
_MODEL_NAMES = (
    "model.onnx",
    "onnx/model_int8.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_q4.onnx",
    "onnx/model.onnx",
)
_TEMPLATE_NAME = "chat_template.jinja"
_TOKENIZERS = ("tokenizer.model", "tokenizer.json")
_MAX_TEMPLATE_BYTES = 16 << 20
_MAX_TOKENIZER_BYTES = 64 << 20
_MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """A checked model folder."""

    path: Path
    model_path: Path
    """The graph's file in the folder."""
    name: str
    config: ModelConfig
    generation: GenerationDefaults
    tokenizer: BaseTokenizer = field(repr=False)
    chat_template: ChatTemplate = field(repr=False)
    size_bytes: int
    licence: str
    """As the model card's front matter names it; empty where there is none."""
    signed: bool
    """The folder has checksums of its maker, and they were checked."""
    graph: OnnxFile = field(repr=False)


def open_bundle(path: Path, *, verify: bool | None = None) -> Bundle:
    """Check the model folder at `path` and read everything but the weights.

    verify=True hashes every file; None does so for the models that come with the application
    and for folders that changed since they were last checked; False trusts the sums unseen.
    Raises BundleError or ConfigError with one sentence on the first thing that is wrong.
    """
    try:
        return _open(path, verify)
    except OSError as error:
        raise BundleError(
            "{path} cannot be read: {detail}.", path=error.filename or path, detail=error.strerror
        ) from error


def _open(path: Path, verify: bool | None) -> Bundle:
    _check_layout(path)
    listed = has_sums(path)
    if listed:
        _check_sums(path, verify)
    config = read_model_config(path)
    tokenizer = _open_tokenizer(_tokenizer_file(path), config)
    model_path = model_file(path)
    graph = read_graph(model_path, config)
    if listed:
        _check_all_listed(path, graph)
    return Bundle(
        path=path,
        model_path=model_path,
        name=path.resolve().name,
        config=config,
        generation=read_generation_defaults(path, config),
        tokenizer=tokenizer,
        chat_template=_chat_template(path, tokenizer),
        size_bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        licence=_licence(path / "README.md"),
        signed=(path / SUMS_NAME).exists(),
        graph=graph,
    )


def model_file(path: Path) -> Path:
    """Return the graph's file in the folder `path`, whether it is there or not."""
    found = next((path / name for name in _MODEL_NAMES if (path / name).is_file()), None)
    return found or path / _MODEL_NAMES[0]


def _check_layout(path: Path) -> None:
    if not path.is_dir():
        raise BundleError("There is no model folder {path}.", path=path)
    for file in _required_files(path):
        _check_file(file, path)
    if has_sums(path):  # nothing that is listed is optional
        for name in read_sums(path):
            _check_file(path / name, path)


def _check_file(file: Path, folder: Path) -> None:
    if not file.is_file():
        raise BundleError(
            "The model folder is incomplete: {path} is missing; copy the folder again.",
            path=file,
        )
    if not is_inside(file, folder):
        raise BundleError("{path} is a link out of the model folder; it is refused.", path=file)


def _check_sums(path: Path, verify: bool | None) -> None:
    shipped = path.resolve().is_relative_to((RESOURCES / "models").resolve())
    if shipped and verify is not False:
        verify_sums(path)
    elif verify is not False:
        verify_changes(path, full=verify is True)


def _check_all_listed(path: Path, graph: OnnxFile) -> None:
    """An attacker must not add what the list does not cover."""
    folder = path.resolve()
    listed = {(folder / name).resolve() for name in read_sums(path)}
    used = {file.resolve() for file in _required_files(folder)}
    used |= {file.resolve() for file in graph.external_files}
    for file in sorted(used - listed):
        raise BundleError("{path} is missing in the list of checksums.", path=file)


def _required_files(path: Path) -> list[Path]:
    """The files that must be there, and those that are read where they exist."""
    optional = [path / _TEMPLATE_NAME, path / GENERATION_NAME]
    return [
        config_file(path),
        path / "tokenizer_config.json",
        _tokenizer_file(path),
        model_file(path),
        *(file for file in optional if file.is_file()),
    ]


def _tokenizer_file(path: Path) -> Path:
    """Return SentencePiece's file, or where there is none that of a byte-level tokenizer."""
    found = next((path / name for name in _TOKENIZERS if (path / name).is_file()), None)
    return found or path / _TOKENIZERS[0]


def _open_tokenizer(path: Path, config: ModelConfig) -> BaseTokenizer:
    check_size(path, _MAX_TOKENIZER_BYTES)
    if path.suffix == ".model":
        legacy = read_json(path.with_name("tokenizer_config.json")).get("legacy")
        tokenizer: BaseTokenizer = Tokenizer(path, legacy=legacy is not False)
    else:
        tokenizer = ByteLevelTokenizer(path)
    if not tokenizer.control_tokens:
        raise BundleError("The tokenizer {path} has no tokens that mark who speaks.", path=path)
    if tokenizer.vocab_size > config.vocab_size:
        raise BundleError(
            "The tokenizer has {tokens} tokens, but the model knows only {known}; "
            "they do not belong together.",
            tokens=tokenizer.vocab_size,
            known=config.vocab_size,
        )
    return tokenizer


def _chat_template(path: Path, tokenizer: BaseTokenizer) -> ChatTemplate:
    values = read_json(path / "tokenizer_config.json")
    source = values.get("chat_template")
    if isinstance(source, list):  # several templates by name
        named = {entry.get("name"): entry for entry in source if isinstance(entry, dict)}
        source = named.get("default", {}).get("template")
    file = path / _TEMPLATE_NAME
    if source is None and file.is_file():
        check_size(file, _MAX_TEMPLATE_BYTES)
        source = file.read_text(encoding="utf-8", errors="replace")
    if not isinstance(source, str):
        raise BundleError("The model {name} has no chat template.", name=path.name)
    return ChatTemplate(
        source,
        tokenizer,
        bos_token=_token_text(values.get("bos_token")),
        eos_token=_token_text(values.get("eos_token")),
    )


def _token_text(token: object) -> str:
    """Return how tokenizer_config.json spells a token: as text, or as a table with it."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else ""


def _licence(path: Path) -> str:
    """Return `license:` of the model card's YAML front matter."""
    if not path.is_file():
        return ""
    check_size(path, _MAX_CARD_BYTES)
    card = path.read_text(encoding="utf-8", errors="replace")
    front_matter = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license:[ \t]*(\S.*)$", front_matter[1] if front_matter else "", re.M)
    return found[1].strip().strip("\"'") if found else ""
