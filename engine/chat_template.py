"""Chat messages to token ids, so that no message text can become a control token.

Templates are Jinja2 text out of a bundle, hence hostile: they are rendered in Jinja2's
immutable sandbox, and any but our own in a process apart. Control tokens in the template
become ids; the same letters inside a message stay letters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from engine.leading_space import leading_space
from engine.template_process import TemplateProcess, compile_template
from engine.tokenizer import BaseTokenizer

Message = Mapping[str, str]
"""One turn: {"role": "system" | "user" | "assistant", "content": text}."""

GEB_CHAT_TEMPLATE = (
    "<s>{% for message in messages %}"
    "<|{{ message.role }}|>"
    "{% if message.content[:1].isalnum() and message.content.split(' ')[0].isascii() %} {% endif %}"
    "{{ message.content }}"
    "{% if message.role == 'assistant' %}</s>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""`<s><|user|>question<|assistant|>answer</s><|user|>…`, the format our models are trained on.

A message begins with its `leading_space`.
"""


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
        self._ours = source == GEB_CHAT_TEMPLATE
        self._template = compile_template(source) if self._ours else TemplateProcess(source)
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
        free = _unused_characters(message["content"] for message in messages)
        guard = next(free)
        # A guard behind each character of a control name that a message spells keeps it, and
        # those that it overlaps, from being one. For names of one character others stand in.
        stand_ins = {name: next(free) for name in self._tokenizer.control_tokens if len(name) == 1}
        letters = str.maketrans({sign: name for name, sign in stand_ins.items()} | {guard: ""})

        def guarded(match: re.Match[str]) -> str:
            return "".join(stand_ins.get(letter, letter) + guard for letter in match[0])

        turns = [
            {"role": message["role"], "content": self._control.sub(guarded, message["content"])}
            for message in messages
        ]
        begun = self._led(turns.pop()["content"]) if continue_answer else ""
        values = {"messages": turns, "add_generation_prompt": add_generation_prompt}
        rendered = self._template.render(self._tokens | values) + begun
        ids: list[int] = []
        for part in self._control.split(rendered):
            if part in self._tokenizer.control_tokens:
                ids.append(self._tokenizer.control_tokens[part])
            elif part:
                ids += self._tokenizer.encode(part.translate(letters), continues=bool(ids))
        return ids

    def encode_answers(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the token ids of each text as it follows a prompt of `encode`, without an end."""
        return [self._tokenizer.encode(self._led(text), continues=True) for text in texts]

    def _led(self, answer: str) -> str:
        return leading_space(answer) + answer if self._ours else answer


def _unused_characters(texts: Iterable[str]) -> Iterator[str]:
    """Yield characters that no text holds."""
    used: set[str] = set().union(*texts)
    # Unicode's noncharacters first, then private use: some are always free in real text.
    candidates = map(chr, chain(range(0xFDD0, 0xFDF0), range(0xF0000, 0x10FFFE)))
    return (character for character in candidates if character not in used)
