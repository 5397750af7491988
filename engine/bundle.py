"""A model folder, checked before anything in it is trusted.

Layout: config.json, generation_config.json, tokenizer.model or tokenizer.json,
tokenizer_config.json (with the chat template, or chat_template.jinja beside it), model.onnx
(+ its weight files), README.md (licence) and SHA256SUMS, as Hugging Face tools read them.
No pickle is opened and no code out of the folder is run.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.byte_bpe import ByteLevelTokenizer
from engine.chat_template import ChatTemplate
from engine.checksums import SUMS_NAME, read_sums, verify_changes
from engine.checksums import verify_sums as verify_sums
from engine.config import ModelConfig
from engine.errors import BundleError, GebError
from engine.onnx_file import OnnxFile, TensorType, read_onnx
from engine.paths import data_dir
from engine.resources import RESOURCES
from engine.sampling import GenerationDefaults
from engine.tokenizer import BaseTokenizer, Tokenizer

MODEL_NAME = "model.onnx"
_REQUIRED = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    MODEL_NAME,
)
_TEMPLATE_NAME = "chat_template.jinja"
_TOKENIZERS = ("tokenizer.model", "tokenizer.json")
_MAX_JSON_BYTES = 16 << 20
_MAX_TOKENIZER_BYTES = 64 << 20
_MAX_CARD_BYTES = 1 << 20
# A weight takes between half a byte (int4) and four bytes (float32), embeddings perhaps twice.
_MIN_BYTES_PER_PARAMETER = 0.5
_MAX_BYTES_PER_PARAMETER = 8
_MAX_GRAPH_BYTES = 64 << 20
_CACHE_TYPES = ("int8", "float32")
_TOKEN_INPUTS = ("input_ids", "attention_mask", "position_ids")

# Hugging Face's own values where generation_config.json is silent.
_GENERATION_DEFAULTS = {
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "max_new_tokens": 512,
}


@dataclass(frozen=True)
class Bundle:
    """A checked model folder."""

    path: Path
    name: str
    config: ModelConfig
    generation: GenerationDefaults
    tokenizer: BaseTokenizer = field(repr=False)
    chat_template: ChatTemplate = field(repr=False)
    size_bytes: int
    licence: str
    """As the model card's front matter names it; empty where there is none."""
    signed: bool
    """The folder has checksums, and they were checked."""
    graph: OnnxFile = field(repr=False)


def open_bundle(path: Path, *, verify: bool | None = None) -> Bundle:
    """Check the model folder at `path` and read everything but the weights.

    verify=True hashes every file; None does so for the models that come with the application
    and for folders that changed since they were last checked; False trusts the sums unseen.
    Raises BundleError or ConfigError with one sentence on the first thing that is wrong.
    """
    _check_layout(path)
    signed = (path / SUMS_NAME).exists()
    if signed:
        _check_sums(path, verify)
    config = ModelConfig.from_hugging_face(_read_json(path / "config.json"))
    tokenizer = _open_tokenizer(_tokenizer_file(path), config)
    graph = read_onnx(path / MODEL_NAME)
    _check_sizes(path, config, graph)
    _check_inputs(config, graph)
    _check_outputs(config, graph)
    if signed:
        _check_all_listed(path, graph)
    return Bundle(
        path=path,
        name=path.resolve().name,
        config=config,
        generation=_generation_defaults(path / "generation_config.json", config),
        tokenizer=tokenizer,
        chat_template=_chat_template(path, tokenizer),
        size_bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        licence=_licence(path / "README.md"),
        signed=signed,
        graph=graph,
    )


def default_bundle_path() -> Path:
    """Return the folder of the model that comes with the application.

    Raises BundleError if the installation has none.
    """
    pointer = RESOURCES / "models" / "default.txt"
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BundleError(
            "The model that comes with the application is missing: {path} cannot be read. "
            "Install the application again.",
            path=pointer,
        ) from error
    return pointer.parent / name


def list_bundle_paths() -> list[Path]:
    """Return the model folders that come with the application, then the user's own, by name."""
    paths: list[Path] = []
    for root in (RESOURCES / "models", data_dir() / "models"):
        if root.is_dir():
            found = (path for path in root.iterdir() if path.is_dir())
            paths += sorted(path for path in found if not path.name.startswith("."))
    return paths


def _check_layout(path: Path) -> None:
    if not path.is_dir():
        raise BundleError("There is no model folder {path}.", path=path)
    folder = path.resolve()
    for file in _required_files(path):
        if not file.is_file():
            raise BundleError(
                "The model folder is incomplete: {path} is missing; copy the folder again.",
                path=file,
            )
        _check_inside(file, folder)


def _check_inside(file: Path, folder: Path) -> None:
    if not file.resolve().is_relative_to(folder):
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
    """The files that must be there, and the template's own where it has one."""
    template = path / _TEMPLATE_NAME
    optional = [template] if template.is_file() else []
    return [*(path / name for name in _REQUIRED), _tokenizer_file(path), *optional]


def _tokenizer_file(path: Path) -> Path:
    """Return SentencePiece's file, or where there is none that of a byte-level tokenizer."""
    found = next((path / name for name in _TOKENIZERS if (path / name).is_file()), None)
    return found or path / _TOKENIZERS[0]


def _open_tokenizer(path: Path, config: ModelConfig) -> BaseTokenizer:
    _check_size(path, _MAX_TOKENIZER_BYTES)
    if path.suffix == ".model":
        legacy = _read_json(path.with_name("tokenizer_config.json")).get("legacy")
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
    values = _read_json(path / "tokenizer_config.json")
    source = values.get("chat_template")
    if isinstance(source, list):  # several templates by name
        named = {entry.get("name"): entry for entry in source if isinstance(entry, dict)}
        source = named.get("default", {}).get("template")
    file = path / _TEMPLATE_NAME
    if source is None and file.is_file():
        _check_size(file, _MAX_JSON_BYTES)
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


def _check_sizes(path: Path, config: ModelConfig, graph: OnnxFile) -> None:
    """Weights of the size that config.json claims, before anyone allocates by that claim."""
    files = {path / MODEL_NAME, *graph.external_files}
    actual = sum(file.stat().st_size for file in files)
    least = config.num_parameters * _MIN_BYTES_PER_PARAMETER
    most = config.num_parameters * _MAX_BYTES_PER_PARAMETER + _MAX_GRAPH_BYTES
    if not least <= actual <= most:
        raise BundleError(
            "config.json describes a model of {parameters} parameters, which does not fit weights "
            "of {size} bytes; the model folder is damaged or forged.",
            parameters=f"{config.num_parameters:,}",
            size=f"{actual:,}",
        )


def _check_inputs(config: ModelConfig, graph: OnnxFile) -> None:
    expected = {name: TensorType("int64", (1, None)) for name in _TOKEN_INPUTS}
    expected["num_logits_to_keep"] = TensorType("int64", (1,))
    cache = _cache_names(config, "past_key_values")
    expected |= _cache_types(config, graph.inputs, cache)
    for name, declared in graph.inputs.items():
        if name not in expected:
            raise BundleError(
                "The model wants an input {name}, which GEB Chat does not know.", name=ascii(name)
            )
        _check_shape(name, declared, expected[name])
    for name in ("input_ids", "attention_mask", *cache):
        if name not in graph.inputs:
            raise BundleError("The model lacks the input or output {name}.", name=name)


def _check_outputs(config: ModelConfig, graph: OnnxFile) -> None:
    cache = _cache_names(config, "present")
    expected = {"logits": TensorType("float32", (1, None, config.vocab_size))}
    expected |= _cache_types(config, graph.inputs, cache)
    for name, shape in expected.items():
        if name not in graph.outputs:
            raise BundleError("The model lacks the input or output {name}.", name=name)
        _check_shape(name, graph.outputs[name], shape)


def _cache_names(config: ModelConfig, prefix: str) -> list[str]:
    layers = range(config.num_hidden_layers)
    return [f"{prefix}.{layer}.{part}" for layer in layers for part in ("key", "value")]


def _cache_types(
    config: ModelConfig, inputs: dict[str, TensorType], names: list[str]
) -> dict[str, TensorType]:
    """Return the expected type of each cache tensor: all as the first, in a type we know."""
    first = inputs.get("past_key_values.0.key")
    dtype = first.dtype if first and first.dtype in _CACHE_TYPES else _CACHE_TYPES[0]
    shape = (1, config.num_key_value_heads, None, config.head_dim)
    return {name: TensorType(dtype, shape) for name in names}


def _check_shape(name: str, declared: TensorType, expected: TensorType) -> None:
    """Sizes that are open on either side fit."""
    sizes_fit = len(declared.shape) == len(expected.shape) and all(
        size == wanted or size is None or wanted is None
        for size, wanted in zip(declared.shape, expected.shape, strict=True)
    )
    if not sizes_fit or declared.dtype != expected.dtype:
        raise BundleError(
            "The model's {name} has another shape or type than config.json says: "
            "{actual} instead of {expected}.",
            name=name,
            actual=_describe(declared),
            expected=_describe(expected),
        )


def _describe(declared: TensorType) -> str:
    sizes = ", ".join("?" if size is None else str(size) for size in declared.shape)
    return f"{declared.dtype or '?'} [{sizes}]"


def _generation_defaults(path: Path, config: ModelConfig) -> GenerationDefaults:
    values = _read_json(path)
    chosen: dict[str, Any] = {
        name: default if values.get(name) is None else values[name]
        for name, default in _GENERATION_DEFAULTS.items()
    }
    if values.get("do_sample") is False:
        chosen["temperature"] = 0.0
    stop = values.get("eos_token_id", config.eos_token_id)
    stops = stop if isinstance(stop, list) else [stop]
    if not stops or not all(type(id_) is int and 0 <= id_ < config.vocab_size for id_ in stops):
        raise BundleError(
            "{path} is wrong: {detail}", path=path, detail=f"eos_token_id = {str(stop)[:80]}"
        )
    defaults = GenerationDefaults(**chosen, eos_token_ids=tuple(stops))
    try:
        defaults.params()
    except GebError as error:
        raise BundleError("{path} is wrong: {detail}", path=path, detail=error) from error
    return defaults


def _licence(path: Path) -> str:
    """Return `license:` of the model card's YAML front matter."""
    if not path.is_file():
        return ""
    _check_size(path, _MAX_CARD_BYTES)
    card = path.read_text(encoding="utf-8", errors="replace")
    front_matter = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license:[ \t]*(\S.*)$", front_matter[1] if front_matter else "", re.M)
    return found[1].strip().strip("\"'") if found else ""


def _read_json(path: Path) -> dict[str, Any]:
    _check_size(path, _MAX_JSON_BYTES)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            "{path} cannot be read: {detail}.", path=path, detail=error.strerror
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError("{path} is not valid JSON: {detail}.", path=path, detail=error) from error
    if not isinstance(values, dict):
        raise BundleError("{path} must hold a JSON object.", path=path)
    return values


def _check_size(path: Path, limit: int) -> None:
    if path.stat().st_size > limit:
        raise BundleError("{path} is far too large for what it is; it is refused.", path=path)
