"""One face for the two forms of a model: a checkpoint run by torch, a bundle run by the engine."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.tokenizer import BaseTokenizer

if TYPE_CHECKING:  # it needs Jinja2, which is not installed everywhere where training runs
    from engine.chat_template import ChatTemplate


class Runner(Protocol):
    """What every suite needs of a model.

    Tokens that a call shares with the beginning of the call before it are not computed again.
    """

    tokenizer: BaseTokenizer
    chat_template: "ChatTemplate"
    context_length: int

    def complete(self, prompt: list[int], max_new_tokens: int) -> str:
        """Return the greedy answer to the token ids of a prompt that fits the context.

        There is no repetition penalty: what the model itself prefers is measured.
        """

    def log_probabilities(self, token_ids: list[int], count: int) -> NDArray[np.float32]:
        """Return ln p [count, vocab_size] of what follows each of the last `count` tokens.

        `token_ids` fit the context, and `count` is 1 to their number.
        """


def log_likelihoods(
    runner: Runner, context: list[int], continuation: list[int]
) -> NDArray[np.float32]:
    """Return ln p of each token of `continuation`, given all tokens before it.

    Neither may be empty; together they have at most one token more than the context holds.
    """
    rows = runner.log_probabilities(context + continuation[:-1], len(continuation))
    return rows[np.arange(len(continuation)), continuation]


def nats(runner: Runner, token_ids: list[int]) -> float:
    """Return -ln p of all tokens after the first, given those before them; 0.0 for a single one."""
    if len(token_ids) < 2:
        return 0.0
    return -float(log_likelihoods(runner, token_ids[:1], token_ids[1:]).sum(dtype=np.float64))
