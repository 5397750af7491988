"""One face for the two forms of a model: a checkpoint run by torch, a bundle run by the engine."""

from typing import Protocol

from engine.chat_template import ChatTemplate
from engine.tokenizer import BaseTokenizer


class Runner(Protocol):
    """What every suite needs of a model."""

    tokenizer: BaseTokenizer
    chat_template: ChatTemplate
    context_length: int

    def complete(self, prompt: list[int], max_new_tokens: int) -> str:
        """Return the greedy answer to the token ids of a prompt that fits the context.

        There is no repetition penalty: what the model itself prefers is measured.
        """

    def nats(self, token_ids: list[int]) -> float:
        """Return -ln p of all tokens after the first, given those before them."""
