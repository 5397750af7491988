"""How likely a model finds each of several texts as the answer to a prompt.

The prompt is read once. Texts that begin alike share their beginning: they are visited in the
order of a tree, and the cache is cut back to what the next one shares with the last.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.bundle import Bundle
from engine.generation import PREFILL_CHUNK
from engine.model import Interrupted, Model

Logs = NDArray[np.float64]

_FULL_STOPS = ("。", ".")


def answer_likelihoods(
    model: Model,
    bundle: Bundle,
    prompt: Sequence[int],
    texts: Sequence[str],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Logs:
    """Return ln p of each text as a whole answer to `prompt`, [texts].

    An answer may end at once or with a full stop. `prompt` and each text must fit the context
    together. Raises Interrupted when cancelled, GenerationError as `Model.forward`.
    """
    tokenizer = bundle.tokenizer
    encoded = bundle.chat_template.encode_answers(texts)
    ends = list(bundle.generation.eos_token_ids)
    ends += [ids[0] for mark in _FULL_STOPS if (ids := tokenizer.encode(mark, continues=True))]
    path = _Path(model, _read(model, prompt, is_cancelled), np.unique(ends))
    logs = np.zeros(len(texts))
    # Longest first among those that begin alike: its beginnings are then known already.
    for index in sorted(range(len(texts)), key=encoded.__getitem__, reverse=True):
        if is_cancelled():
            raise Interrupted
        logs[index] = path.follow(encoded[index])
    model.truncate(len(prompt))
    return logs


def _read(
    model: Model, prompt: Sequence[int], is_cancelled: Callable[[], bool]
) -> NDArray[np.float32]:
    """Bring the prompt into the cache and return the logits after it."""
    model.reuse(prompt[:-1])
    logits = np.empty(0, np.float32)
    while model.length < len(prompt):
        if is_cancelled():
            raise Interrupted
        logits = model.forward(prompt[model.length : model.length + PREFILL_CHUNK])
    return logits


class _Path:
    """The tokens behind the prompt that are in the cache, and what the model thinks after each."""

    def __init__(self, model: Model, logits: NDArray[np.float32], ends: NDArray[np.intp]) -> None:
        self._model = model
        self._ends = ends
        self._prompt_length = model.length
        self._tokens: list[int] = []
        self._next = [_log_softmax(logits[None])[0]]
        """ln p of each token of the vocabulary; entry i follows the first i tokens."""

    def follow(self, tokens: Sequence[int]) -> float:
        """Return ln p of the tokens and of an end behind them."""
        shared = 0
        for ours, theirs in zip(self._tokens, tokens, strict=False):
            if ours != theirs:
                break
            shared += 1
        if shared < len(tokens):
            self._model.truncate(self._prompt_length + shared)
            del self._tokens[shared:], self._next[shared + 1 :]
            rows = self._model.forward_all(list(tokens[shared:]))
            self._next += list(_log_softmax(rows))
            self._tokens += tokens[shared:]
        written = sum(float(self._next[i][token]) for i, token in enumerate(tokens))
        return written + float(np.logaddexp.reduce(self._next[len(tokens)][self._ends]))


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ln p, [rows, vocab_size]."""
    wide = logits.astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(-1, keepdims=True))
    return wide
