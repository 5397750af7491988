"""What a program asks for: the body of POST /v1/chat/completions, checked field by field.

What the engine cannot do is refused by name, never silently left out.
"""

import json
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from engine.api.errors import ApiError
from engine.chat_template import Message
from engine.errors import GenerationError
from engine.sampling_params import SamplingParams

_SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",
    # Not OpenAI's; its clients send them as extra_body.
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
}
_READ = {"model", "messages", "stream", "stream_options", *_SAMPLING}
# What says nothing about the text: who asks, and how an account is kept.
_IGNORED = {
    "user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
    "prompt_cache_retention",
}  # fmt: skip
# Fields of what the engine lacks may say that it is not wanted.
_UNWANTED: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "stop": ([], ""),
    "store": (False,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (False, True),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_MOST_QUOTED = 60
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A well-formed request."""

    model: str
    messages: list[Message]
    sampling: dict[str, Any]
    """Fields of SamplingParams, each in its range; the others are the model's own."""
    stream: bool
    include_usage: bool
    """Whether a stream ends with what it cost."""


def parse_chat_request(body: bytes) -> ChatRequest:
    """Read a request. Raises ApiError with one sentence on the first thing that is wrong."""
    values = _parse_json(body)
    for name, value in values.items():
        known = name in _READ or name in _IGNORED or value in _UNWANTED.get(name, ())
        if value is not None and not known:
            raise ApiError(
                "This server cannot do what {name} asks for; leave it out.",
                name=quoted(name),
                code="unsupported_parameter",
                param=name[:_MOST_QUOTED],
            )
    messages = _typed(values, "messages", list)
    if not messages:
        raise ApiError("There is no message to answer.", param="messages")
    options = _typed(values, "stream_options", dict, {})
    return ChatRequest(
        model=_typed(values, "model", str),
        messages=[
            _message(message, f"messages[{index}]") for index, message in enumerate(messages)
        ],
        sampling=_sampling(values),
        stream=_typed(values, "stream", bool, False),
        include_usage=_typed(options, "include_usage", bool, False),
    )


def quoted(value: object) -> str:
    """Return what a client sent, short enough for a sentence."""
    if isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + "…"


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body, parse_constant=_refuse_constant)
    # Also text that is not Unicode, and numbers with thousands of digits.
    except (ValueError, RecursionError) as error:
        raise ApiError("The request is not valid JSON.", code="invalid_json") from error
    if not isinstance(values, dict):
        raise ApiError("The request must be a JSON object.", code="invalid_json")
    return values


def _refuse_constant(name: str) -> Never:
    raise ValueError(name)


def _typed(values: dict[str, Any], name: str, kind: type[_T], default: _T | None = None) -> _T:
    """Return a field, or `default` where it is missing or null."""
    value = values.get(name)
    value = default if value is None else value
    if value is None:
        raise ApiError(
            "The request lacks {name}.", name=name, code="missing_required_parameter", param=name
        )
    if not isinstance(value, kind):
        raise _wrong_type(name)
    return value


def _wrong_type(param: str) -> ApiError:
    return ApiError("{name} is of the wrong type.", name=param, code="invalid_type", param=param)


def _message(message: object, place: str) -> Message:
    if not isinstance(message, dict):
        raise _wrong_type(place)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise ApiError(
            "{place} must have one of these roles: {roles}.",
            place=place,
            roles=", ".join(_ROLES),
            param=f"{place}.role",
        )
    for name, value in message.items():
        # No template has a place for a name. What other servers say besides the text is empty.
        if value and name not in ("role", "content", "name"):
            raise ApiError(
                "This server cannot do what {name} asks for; leave it out.",
                name=f"{place}.{quoted(name)}",
                code="unsupported_parameter",
                param=place,
            )
    return {"role": _ROLES[role], "content": _text(message.get("content"), f"{place}.content")}


def _text(content: object, place: str) -> str:
    """Return a message's text, which may come in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _wrong_type(place)
    texts = [part.get("text") if isinstance(part, dict) else None for part in content]
    for part, text in zip(content, texts, strict=True):
        if not isinstance(text, str) or part.get("type") != "text":
            raise ApiError(
                "{place} may hold text only.", place=place, code="unsupported_content", param=place
            )
    return "\n".join(map(str, texts))


def _sampling(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of SamplingParams that are given."""
    sampling: dict[str, Any] = {}
    for name, field in _SAMPLING.items():
        value = values.get(name)
        if value is None:
            continue
        if field in sampling:
            raise ApiError(
                "Give max_tokens or max_completion_tokens, not both.", param="max_completion_tokens"
            )
        try:
            SamplingParams(**{field: value})
        except GenerationError as error:
            told: dict[str, Any] = error.values | {"name": name, "value": quoted(value)}
            raise ApiError(error.message, param=name, **told) from error
        sampling[field] = value
    return sampling
