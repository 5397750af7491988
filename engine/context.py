"""Making a conversation fit the model's context: the oldest turns go first, and whole."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from engine.chat_template import ChatTemplate, Message
from engine.errors import ContextError, GenerationError


@dataclass(frozen=True)
class Fitted:
    """A prompt that fits."""

    token_ids: list[int]
    dropped_messages: int
    """How many of the oldest messages were left out."""


def fit(
    template: ChatTemplate,
    messages: Sequence[Message],
    budget_tokens: int,
    *,
    continue_answer: bool = False,
) -> Fitted:
    """Encode `messages` into at most `budget_tokens` tokens, ready to be answered.

    With `continue_answer` the last of them is an answer that has been begun.

    The oldest turns (a user's message with what answered it) are left out whole; system
    messages at the start stay. Raises ContextError if the last turn alone does not fit,
    BundleError if the template fails.
    """
    if not messages:
        raise GenerationError("There is no message to answer.")
    starts = _turn_starts(messages)
    encoded: dict[int, list[int]] = {}

    def fits(turn: int) -> bool:
        kept = [*messages[: starts[0]], *messages[starts[turn] :]]
        encoded[turn] = template.encode(kept, continue_answer=continue_answer)
        return len(encoded[turn]) <= budget_tokens

    # Nearly always everything fits. Fewer turns are shorter, so the others can be bisected.
    turn = 0 if fits(0) else bisect_left(range(len(starts)), True, lo=1, key=fits)
    turn = min(turn, len(starts) - 1)
    if len(encoded[turn]) > budget_tokens:
        raise ContextError(
            "The message is too long: it takes {tokens} tokens, and the model has room for "
            "{budget}. Shorten it.",
            tokens=len(encoded[turn]),
            budget=budget_tokens,
        )
    return Fitted(encoded[turn], starts[turn] - starts[0])


def _turn_starts(messages: Sequence[Message]) -> list[int]:
    """Return where each turn begins; what precedes the first one is system messages."""
    first = next(
        (i for i, message in enumerate(messages) if message["role"] != "system"),
        len(messages) - 1,
    )
    later = (i for i in range(first + 1, len(messages)) if messages[i]["role"] == "user")
    return [first, *later]
