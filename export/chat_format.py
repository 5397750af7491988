"""How a checkpoint writes conversations: tokenizer, template and the tokens that end an answer.

Published checkpoints keep their control tokens beside a SentencePiece model, where anybody's
text could spell them; in the bundle they become control symbols of the model itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sentencepiece.sentencepiece_model_pb2 import ModelProto  # type: ignore[attr-defined]

from engine.byte_bpe import ByteLevelTokenizer
from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.errors import DataError
from engine.tokenizer import BaseTokenizer, Tokenizer
from export.tokenizer_json import tokenizer_json

OUR_ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
_GLM_TEMPLATE = (
    "{prefix}{{% for message in messages %}}<|{{{{ message.role }}}}|>\n {{{{ message.content }}}}"
    "{{% endfor %}}{{% if add_generation_prompt %}}<|assistant|>{{% endif %}}"
)
_GLM_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
# The tokens that follow the SentencePiece pieces, in order; what opens a text; what ends an answer.
_GLM_FORMATS = {
    "chatglm": (("[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", *_GLM_ROLES), "[gMASK]sop"),
    "geblm": (
        ("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<eod>", *_GLM_ROLES),
        "[gMASK]<sop>",
    ),
}
_GLM_STOPS = ("</s>", "<|user|>", "<|observation|>")
_SENTENCEPIECE_FILES = ("tokenizer.model", "GEBtokenizer.model")


@dataclass(frozen=True)
class ChatFormat:
    """The files that carry it into a bundle, and what they mean."""

    files: Mapping[str, bytes]
    tokenizer: BaseTokenizer
    template: ChatTemplate
    start_ids: tuple[int, ...]
    """What opens a plain text; often <s>, or nothing."""
    stop_ids: tuple[int, ...]
    """What ends an answer by the family's custom, beside the checkpoint's own."""

    def write(self, folder: Path) -> None:
        """Write the files into a bundle."""
        for name, data in self.files.items():
            (folder / name).write_bytes(data)


def read_chat_format(folder: Path, model_type: str) -> ChatFormat:
    """Read a checkpoint's.

    Raises DataError where there is no tokenizer or template that the engine can run.
    """
    settings = _read_settings(folder)
    sentencepiece = next((folder / n for n in _SENTENCEPIECE_FILES if (folder / n).is_file()), None)
    if model_type in _GLM_FORMATS:
        return _glm_format(folder, sentencepiece, model_type)
    template = _template(folder, settings)
    if sentencepiece is not None:
        own = template is None and _has_our_roles(sentencepiece)
        return our_chat_format(sentencepiece) if own else _llama(sentencepiece, settings, template)
    if (folder / "tokenizer.json").is_file():
        return _byte_level(folder / "tokenizer.json", settings, template)
    raise DataError(
        "The checkpoint {path} has no tokenizer: tokenizer.model or tokenizer.json.", path=folder
    )


def our_chat_format(path: Path) -> ChatFormat:
    """Return the format that our own models are trained in, over a SentencePiece model."""
    tokenizer = Tokenizer(path)
    control = tokenizer.control_tokens
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "chat_template": GEB_CHAT_TEMPLATE,
    }
    files = {
        "tokenizer.model": path.read_bytes(),
        "tokenizer.json": tokenizer_json(path),
        "tokenizer_config.json": _settings_file(settings),
    }
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    return ChatFormat(files, tokenizer, template, (control["<s>"],), (control["<|user|>"],))


def _llama(path: Path, settings: dict[str, Any], template: str | None) -> ChatFormat:
    """A SentencePiece model, with the control tokens that tokenizer_config.json adds."""
    added = {
        int(number): str(token["content"])
        for number, token in settings.get("added_tokens_decoder", {}).items()
        if token.get("special", True)
    }
    model = _with_control_tokens(path, added)
    return _sentencepiece_format(model, settings, _required(template, path.parent))


def _glm_format(folder: Path, path: Path | None, model_type: str) -> ChatFormat:
    if path is None:
        raise DataError(
            "The checkpoint {path} has no tokenizer: tokenizer.model or tokenizer.json.",
            path=folder,
        )
    names, prefix = _GLM_FORMATS[model_type]
    size = len(_parse(path).pieces)
    model = _with_control_tokens(path, dict(enumerate(names, size)))
    settings = {"bos_token": "<s>", "eos_token": "</s>"}
    template = _GLM_TEMPLATE.format(prefix=prefix)
    chat = _sentencepiece_format(model, settings, template)
    control = chat.tokenizer.control_tokens
    opening = [name for name in names if name in ("[gMASK]", "sop", "<sop>")]
    return ChatFormat(
        chat.files,
        chat.tokenizer,
        chat.template,
        tuple(control[name] for name in opening),
        tuple(control[name] for name in _GLM_STOPS),
    )


def _sentencepiece_format(model: bytes, settings: dict[str, Any], template: str) -> ChatFormat:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.model"
        path.write_bytes(model)
        tokenizer = Tokenizer(path, legacy=settings.get("legacy") is not False)
    kept = _kept(settings) | {"chat_template": template}
    files = {"tokenizer.model": model, "tokenizer_config.json": _settings_file(kept)}
    return _format(files, tokenizer, kept)


def _byte_level(path: Path, settings: dict[str, Any], template: str | None) -> ChatFormat:
    tokenizer = ByteLevelTokenizer(path)
    kept = _kept(settings) | {"chat_template": _required(template, path.parent)}
    files = {
        "tokenizer.json": path.read_bytes(),
        "tokenizer_config.json": _settings_file(kept),
    }
    return _format(files, tokenizer, kept)


def _format(
    files: dict[str, bytes], tokenizer: BaseTokenizer, settings: dict[str, Any]
) -> ChatFormat:
    bos, eos = settings.get("bos_token") or "", settings.get("eos_token") or ""
    template = ChatTemplate(settings["chat_template"], tokenizer, bos_token=bos, eos_token=eos)
    control = tokenizer.control_tokens
    start = (control[bos],) if bos in control else ()
    return ChatFormat(files, tokenizer, template, start, (control[eos],) if eos in control else ())


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what the engine and Hugging Face's tools read, tokens as plain text."""
    kept: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast"}
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        token = settings.get(name)
        text = token.get("content") if isinstance(token, dict) else token
        kept[name] = text if isinstance(text, str) else None
    if settings.get("legacy") is False:
        kept["legacy"] = False
    return kept


def _template(folder: Path, settings: dict[str, Any]) -> str | None:
    source = settings.get("chat_template")
    if isinstance(source, list):
        named = {entry["name"]: entry["template"] for entry in source}
        source = named.get("default")
    file = folder / "chat_template.jinja"
    if source is None and file.is_file():
        source = file.read_text(encoding="utf-8")
    return source if isinstance(source, str) else None


def _required(template: str | None, folder: Path) -> str:
    if template is None:
        raise DataError(
            "The checkpoint {path} has no chat template: it is no model for conversations.",
            path=folder,
        )
    return template


def _has_our_roles(path: Path) -> bool:
    return set(OUR_ROLES) <= set(Tokenizer(path).control_tokens)


def _with_control_tokens(path: Path, added: dict[int, str]) -> bytes:
    """Return a SentencePiece model in which the tokens `added` by id are control symbols.

    Ids that are left open become control symbols without a use.
    """
    model = _parse(path)
    control = ModelProto.SentencePiece.CONTROL
    for number in range(len(model.pieces), max(added, default=-1) + 1):
        model.pieces.add(piece=f"<unused_{number}>", score=0.0, type=control)
    for number, name in added.items():
        piece = model.pieces[number]
        if piece.type != ModelProto.SentencePiece.UNKNOWN:
            piece.piece, piece.type = name, control
    serialized: bytes = model.SerializeToString()
    return serialized


def _parse(path: Path) -> Any:
    Tokenizer(path)  # refuses what is no SentencePiece model with a sentence
    model = ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


def _read_settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise DataError("{path} is not valid JSON: {detail}.", path=path, detail=error) from error
    if not isinstance(values, dict):
        raise DataError("{path} must hold a JSON object.", path=path)
    return values


def _settings_file(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False, indent=2) + "\n").encode()
