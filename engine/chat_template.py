"""Chat messages to token ids, so that no message text can become a control token.

Templates are Jinja2 text out of a bundle, hence hostile: they are rendered in Jinja2's
immutable sandbox. Control tokens in the template become ids; the same letters inside a
message stay letters.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import BundleError
from engine.tokenizer import BaseTokenizer

Message = Mapping[str, str]
"""One turn: {"role": "system" | "user" | "assistant", "content": text}."""

GEB_CHAT_TEMPLATE = (
    "<s>{% for message in messages %}"
    "<|{{ message.role }}|>{{ message.content }}"
    "{% if message.role == 'assistant' %}</s>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""`<s><|user|>question<|assistant|>answer</s><|user|>…`, the format our models are trained on."""

_MAX_RENDERED_CHARACTERS = 50_000_000
# What expressions in a template can raise besides Jinja2's own errors.
_TEMPLATE_ERRORS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class ChatTemplate:
    """A compiled template over one tokenizer. Raises BundleError if it cannot be compiled."""

    def __init__(
        self,
        source: str,
        tokenizer: BaseTokenizer,
        *,
        bos_token: str = "<s>",
        eos_token: str = "</s>",
    ) -> None:
        self._tokenizer = tokenizer
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _raise_exception
        try:
            self._template = environment.from_string(source)
        except (TemplateError, RecursionError) as error:
            raise BundleError(
                "The model's chat template is broken: {detail}.", detail=error
            ) from error
        names = sorted(tokenizer.control_tokens, key=len, reverse=True)
        self._control = re.compile("(" + "|".join(map(re.escape, names)) + ")")

    def encode(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        continue_answer: bool = False,
    ) -> list[int]:
        """Return the token ids of a conversation.

        With `continue_answer` the last message is an answer that has been begun: it follows the
        generation prompt, and nothing ends it.
        Raises BundleError if the template fails on these messages.
        """
        guard = _unused_character(message["content"] for message in messages)
        # A guard inside each control name that a message spells keeps it from being one.
        guarded = [
            {
                "role": message["role"],
                "content": self._control.sub(
                    lambda match: match[0][0] + guard + match[0][1:], message["content"]
                ),
            }
            for message in messages
        ]
        begun = guarded.pop()["content"] if continue_answer else ""
        rendered = self._render(messages=guarded, add_generation_prompt=add_generation_prompt)
        rendered += begun
        ids: list[int] = []
        for part in self._control.split(rendered):
            if part in self._tokenizer.control_tokens:
                ids.append(self._tokenizer.control_tokens[part])
            elif part:
                ids += self._tokenizer.encode(part.replace(guard, ""), continues=bool(ids))
        return ids

    def _render(self, **values: Any) -> str:
        try:
            text = self._template.render(**self._tokens, **values)
        except _TEMPLATE_ERRORS as error:
            raise BundleError(
                "The model's chat template failed: {detail}.", detail=error
            ) from error
        if len(text) > _MAX_RENDERED_CHARACTERS:
            raise BundleError("The model's chat template produced too much text.")
        return text


def _unused_character(texts: Iterable[str]) -> str:
    used: set[str] = set().union(*texts)
    # Unicode's noncharacters first, then private use: one of them is always free in real text.
    candidates = map(chr, chain(range(0xFDD0, 0xFDF0), range(0xF0000, 0x10FFFE)))
    return next(character for character in candidates if character not in used)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)
