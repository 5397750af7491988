"""One answer: read the prompt, then draw token after token until something ends it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from engine.bundle import Bundle
from engine.errors import GenerationError
from engine.events import Cancelled, Done, FinishReason, PrefillProgress, Started, Token, Usage
from engine.model import Model
from engine.sampling import Sampler, SamplingParams

PREFILL_CHUNK = 256
"""Prompt tokens read at once: enough for full speed, few enough to cancel in between."""


def generate(
    model: Model,
    bundle: Bundle,
    token_ids: Sequence[int],
    params: SamplingParams,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    request_id: int = 0,
) -> Iterator[Started | PrefillProgress | Token | Done | Cancelled]:
    """Answer the prompt `token_ids`, yielding events as they happen; the last ends the answer.

    What the model's cache shares with the prompt is not computed again. Text pieces never
    split a character. If a limit or the user ends the answer inside a character, that
    character is left out; if the model itself does, it shows as U+FFFD.
    Raises GenerationError if the prompt does not fit the context, or if the model computes
    something that is no number.
    """
    if not token_ids:
        raise GenerationError("There is no message to answer.")
    answer = _Answer(model, bundle, token_ids, params, is_cancelled, request_id)
    yield Started(request_id)
    logits = yield from answer.prefill()
    finish_reason = yield from answer.decode(logits)
    if finish_reason is None:
        yield Cancelled(request_id, answer.usage())
    else:
        yield Done(request_id, answer.usage(), finish_reason)


class _Answer:
    def __init__(
        self,
        model: Model,
        bundle: Bundle,
        token_ids: Sequence[int],
        params: SamplingParams,
        is_cancelled: Callable[[], bool],
        request_id: int,
    ) -> None:
        self._model = model
        self._tokenizer = bundle.tokenizer
        self._stop_ids = frozenset(bundle.generation.eos_token_ids)
        self._prompt = list(token_ids)
        self._params = params
        self._is_cancelled = is_cancelled
        self._request_id = request_id
        self._completion_tokens = 0
        self._started = perf_counter()
        self._first_logits = self._last_token = self._started

    def prefill(self) -> Generator[PrefillProgress, None, NDArray[np.float32]]:
        """Bring the prompt into the cache; return the logits after it, empty if cancelled."""
        model, prompt = self._model, self._prompt
        # The last token is always computed: its logits are what the answer begins with.
        model.truncate(_common_prefix_length(model.tokens, prompt[:-1]))
        logits = np.empty(0, np.float32)
        yield PrefillProgress(self._request_id, model.length, len(prompt))
        while model.length < len(prompt) and not self._is_cancelled():
            logits = model.forward(prompt[model.length : model.length + PREFILL_CHUNK])
            yield PrefillProgress(self._request_id, model.length, len(prompt))
        self._first_logits = self._last_token = perf_counter()
        return logits

    def decode(self, logits: NDArray[np.float32]) -> Generator[Token, None, FinishReason | None]:
        """Yield the text; return why it ended, None if it was cancelled."""
        model = self._model
        sampler = Sampler(self._params)
        decoder = self._tokenizer.stream_decoder()
        # Control tokens are no repetition: the end of an answer must not become less likely.
        unpenalised = self._stop_ids.union(self._tokenizer.control_tokens.values())
        recent = [i for i in self._prompt if i not in unpenalised]
        while not self._is_cancelled():
            token = sampler.sample(logits, recent)
            if token in self._stop_ids:
                if rest := decoder.finish():
                    yield Token(self._request_id, rest)
                return "stop"
            self._completion_tokens += 1
            self._last_token = perf_counter()
            if token not in unpenalised:
                recent.append(token)
            if text := decoder.push(token):
                yield Token(self._request_id, text)
            if (
                self._completion_tokens == self._params.max_new_tokens
                or model.length == model.context_length
            ):
                return "length"
            logits = model.forward([token])
        return None

    def usage(self) -> Usage:
        seconds = self._last_token - self._first_logits
        later_tokens = self._completion_tokens - 1
        return Usage(
            prompt_tokens=len(self._prompt),
            completion_tokens=self._completion_tokens,
            prefill_ms=(self._first_logits - self._started) * 1000,
            decode_tokens_per_second=later_tokens / seconds if later_tokens > 0 else 0.0,
            context_used=self._model.length,
        )


def _common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
