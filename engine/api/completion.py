"""What a program receives: the objects of OpenAI's chat completions and models."""

import secrets
import time
from typing import Any

from engine.events import Done, ModelLoaded


class Completion:
    """Writes one answer, whole or in chunks."""

    def __init__(self, model: str) -> None:
        self._head = {
            "id": "chatcmpl-" + secrets.token_hex(12),
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, text: str, done: Done) -> dict[str, Any]:
        """Return the answer as one object."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = _choice(done.finish_reason) | {"message": message}
        return self._object("chat.completion", [choice]) | {"usage": _usage(done)}

    def chunk(self, delta: dict[str, str], done: Done | None = None) -> dict[str, Any]:
        """Return what is new; `done` with the last one."""
        choice = _choice(done.finish_reason if done else None) | {"delta": delta}
        return self._object("chat.completion.chunk", [choice])

    def usage(self, done: Done) -> dict[str, Any]:
        """Return the chunk that says what the answer cost."""
        return self._object("chat.completion.chunk", []) | {"usage": _usage(done)}

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return self._head | {"object": kind, "choices": choices}


def model_list(models: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what GET /v1/models replies."""
    return {"object": "list", "data": models}


def model_object(loaded: ModelLoaded, created: int) -> dict[str, Any]:
    """Return one model; `created` in seconds since 1970."""
    return {"id": loaded.name, "object": "model", "created": created, "owned_by": "geb-chat"}


def _choice(finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "logprobs": None, "finish_reason": finish_reason}


def _usage(done: Done) -> dict[str, int]:
    usage = done.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
