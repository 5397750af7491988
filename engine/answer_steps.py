"""What the engine's thread does for one request: it has the model, and tells how it comes along."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.bundle import Bundle
from engine.chat_template import Message
from engine.context import fit
from engine.events import ContextTrimmed, Event
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams


@dataclass(frozen=True)
class ModelInUse:
    """The model, lent for one request on the engine's thread."""

    model: Model
    bundle: Bundle
    params: SamplingParams
    request_id: int
    is_cancelled: Callable[[], bool]

    @property
    def prompt_budget(self) -> int:
        """Tokens that a prompt may take: at most a quarter of the context is left to the answer."""
        length = self.model.context_length
        return length - min(self.params.max_new_tokens, length // 4)


Steps = Callable[[ModelInUse], Iterator[Event]]
"""Yields the events of one answer, of which Done or Cancelled is the last; raises GebError."""


def converse(messages: Sequence[Message], in_use: ModelInUse) -> Iterator[Event]:
    """Answer a conversation, or go on with the answer that it ends with."""
    continues = bool(messages) and messages[-1]["role"] == "assistant"
    prompt = fit(
        in_use.bundle.chat_template, messages, in_use.prompt_budget, continue_answer=continues
    )
    if prompt.dropped_messages:
        yield ContextTrimmed(in_use.request_id, prompt.dropped_messages)
    yield from generate(
        in_use.model,
        in_use.bundle,
        prompt.token_ids,
        in_use.params,
        in_use.is_cancelled,
        continues=continues,
        request_id=in_use.request_id,
    )
