"""One answer: read the prompt, then draw token after token until something ends it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from engine.bundle import Bundle
from engine.errors import GenerationError
from engine.events import Cancelled, Done, FinishReason, PrefillProgress, Started, Token, Usage
from engine.model import Interrupted, Model
from engine.sampling import Sampler, SamplingParams
from engine.speculation import MAX_DRAFT_TOKENS, DraftLength, PromptLookup

PREFILL_CHUNK = 256
"""Most prompt tokens read at once: enough for full speed, few enough to show progress."""
_LEAST_CHUNK = 64  # fewer would read more slowly
_CHUNK_SECONDS = 0.5  # between two signs of progress


def generate(
    model: Model,
    bundle: Bundle,
    token_ids: Sequence[int],
    params: SamplingParams,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    max_draft_tokens: int = MAX_DRAFT_TOKENS,
    continues: bool = False,
    request_id: int = 0,
) -> Iterator[Started | PrefillProgress | Token | Done | Cancelled]:
    """Answer the prompt `token_ids`, yielding events as they happen; the last ends the answer.

    What the model's cache shares with the prompt is not computed again. Where the model
    computes several tokens at once exactly as one at a time, up to `max_draft_tokens` are
    guessed and verified together; the text is the same without. `continues`: the prompt ends
    within an answer, whose next piece may begin with a space. Text pieces never
    split a character. If a limit or the user ends the answer inside a character, that
    character is left out; if the model itself does, it shows as U+FFFD.
    Raises GenerationError if the prompt does not fit the context, or if the model computes
    something that is no number.
    """
    if not token_ids:
        raise GenerationError("There is no message to answer.")
    answer = _Answer(model, bundle, token_ids, params, is_cancelled, request_id, continues)
    drafts = max_draft_tokens if model.verifies_drafts else 0
    yield Started(request_id)
    try:
        logits = yield from answer.prefill()
        finish_reason = yield from answer.decode(logits, drafts)
    except Interrupted:
        finish_reason = None
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
        continues: bool,
    ) -> None:
        self._model = model
        self._decoder = bundle.tokenizer.stream_decoder(continues=continues)
        self._control_ids = bundle.tokenizer.control_tokens.values()
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
        model.reuse(prompt[:-1])
        logits = np.empty(0, np.float32)
        yield PrefillProgress(self._request_id, model.length, len(prompt))
        # Where the chunks change the rounding, they must not depend on the time that they take.
        chunk = _LEAST_CHUNK if model.verifies_drafts else PREFILL_CHUNK
        while model.length < len(prompt) and not self._is_cancelled():
            started = perf_counter()
            part = prompt[model.length : model.length + chunk]
            logits = model.forward(part)
            if model.verifies_drafts:
                chunk = _next_chunk(len(part), perf_counter() - started)
            yield PrefillProgress(self._request_id, model.length, len(prompt))
        self._first_logits = self._last_token = perf_counter()
        return logits

    def decode(
        self, logits: NDArray[np.float32], max_draft_tokens: int
    ) -> Generator[Token, None, FinishReason | None]:
        """Yield the text; return why it ended, None if it was cancelled."""
        model = self._model
        sampler = Sampler(self._params)
        # Control tokens are no repetition: the end of an answer must not become less likely.
        unpenalised = self._stop_ids.union(self._control_ids)
        recent = [i for i in self._prompt if i not in unpenalised]
        steps = _Steps(model, self._prompt, logits, max_draft_tokens)
        pending = 0
        while not self._is_cancelled():
            token = sampler.sample(steps.logits, recent)
            if token in self._stop_ids:
                steps.forget_guess()
                if rest := self._decoder.finish():
                    yield Token(self._request_id, rest, pending)
                return "stop"
            self._completion_tokens += 1
            self._last_token = perf_counter()
            if token not in unpenalised:
                recent.append(token)
            pending += 1
            if text := self._decoder.push(token):
                yield Token(self._request_id, text, pending)
                pending = 0
            left = self._params.max_new_tokens - self._completion_tokens
            if left == 0 or steps.context_is_full:
                steps.forget_guess()
                return "length"
            steps.advance(token, left - 1)
        steps.forget_guess()
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


def _next_chunk(tokens: int, seconds: float) -> int:
    """Return how many tokens to read at once, where so many took so long."""
    fitting = int(tokens * _CHUNK_SECONDS / max(seconds, 1e-9))
    return max(_LEAST_CHUNK, min(fitting, PREFILL_CHUNK))


class _Steps:
    """The logits of each next token, several of them computed ahead where a guess allows it."""

    def __init__(
        self,
        model: Model,
        prompt: Sequence[int],
        logits: NDArray[np.float32],
        max_draft_tokens: int,
    ) -> None:
        self._model = model
        self._lookup = PromptLookup(prompt if max_draft_tokens else ())
        self._length = DraftLength()
        self._max_draft_tokens = max_draft_tokens
        self._rows = logits[None]
        self._guess: list[int] = []
        """Tokens that the cache holds already; row i follows the first i of them."""

    @property
    def logits(self) -> NDArray[np.float32]:
        """What the next token is drawn from, [vocab_size]."""
        row: NDArray[np.float32] = self._rows[0]
        return row

    @property
    def context_is_full(self) -> bool:
        """Whether no token can follow the one that was drawn."""
        return self._model.length - len(self._guess) == self._model.context_length

    def advance(self, token: int, most: int) -> None:
        """Go on after `token`; at most `most` tokens can come after the next one."""
        self._lookup.append(token)
        if self._guess:
            right = token == self._guess[0]
            self._length.observe_guess(right=right)
            if right:
                self._rows, self._guess = self._rows[1:], self._guess[1:]
                return
        self.forget_guess()
        room = self._model.context_length - self._model.length - 1
        guess = self._lookup.draft(min(self._max_draft_tokens, most, room))
        guess = guess[: self._length.choose(len(guess))] if guess else guess
        started = perf_counter()
        self._rows = self._model.forward_all([token, *guess])
        self._length.observe_cost(len(guess), perf_counter() - started)
        self._guess = guess

    def forget_guess(self) -> None:
        """Leave only tokens that were drawn in the cache."""
        self._model.truncate(self._model.length - len(self._guess))
        self._guess = []
