"""Guessing the next tokens from the text so far, so that one forward verifies several.

An answer that quotes a document repeats what the prompt holds: where the last few tokens
occurred before, what followed them is the guess (prompt lookup, Saxena 2023). The model then
computes the guess together with the token that is due, which costs little more than the
token alone, and sampling decides as if the tokens had come one by one.
"""

from collections.abc import Iterable

MAX_DRAFT_TOKENS = 15
_NGRAM_SIZES = (4, 2)  # the longer match is the better guess
_PRIOR_ACCEPTANCE = 0.7
_PRIOR_EXTRA_COST = 0.1
_MEMORY = 0.85  # of the running averages, per observation
_RECOVERY = 0.02  # of the way back to the prior, each time that a guess did not seem worth it


class PromptLookup:
    """An index of where each short run of tokens last occurred; a token costs constant time."""

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._ends: dict[tuple[int, ...], int] = {}
        self._matches: list[int | None] = [None] * len(_NGRAM_SIZES)
        for token in tokens:
            self.append(token)

    def append(self, token: int) -> None:
        """Add the next token of the text."""
        self._tokens.append(token)
        count = len(self._tokens)
        for index, size in enumerate(_NGRAM_SIZES):
            ngram = tuple(self._tokens[-size:])
            self._matches[index] = self._ends.get(ngram) if count >= size else None
            self._ends[ngram] = count

    def draft(self, limit: int) -> list[int]:
        """Return up to `limit` tokens that followed the last tokens when they occurred before."""
        end = next((match for match in self._matches if match is not None), None)
        if end is None or limit <= 0:
            return []
        return self._tokens[end : end + limit]


class DraftLength:
    """Chooses how many tokens to guess, from what guesses were worth lately and what they cost.

    A guess of k tokens yields (1 - a^(k+1)) / (1 - a) tokens where each is right with
    probability a (Leviathan et al. 2023, equation 1), for the time of a forward of k + 1 tokens.
    """

    def __init__(self) -> None:
        self._acceptance = _PRIOR_ACCEPTANCE
        self._step_seconds = 0.0
        self._extra_cost = _PRIOR_EXTRA_COST
        """Of each further token in a forward, in steps."""

    def choose(self, limit: int) -> int:
        """Return the most profitable number of tokens to guess, 0 to `limit`."""
        if not self._step_seconds:
            return 0  # the first step is measured alone
        best, best_rate = 0, 1.0
        expected = power = 1.0
        for length in range(1, min(limit, MAX_DRAFT_TOKENS) + 1):
            power *= self._acceptance
            expected += power
            rate = expected / (1 + length * self._extra_cost)
            if rate > best_rate:
                best, best_rate = length, rate
        if best == 0:
            self._acceptance += _RECOVERY * (_PRIOR_ACCEPTANCE - self._acceptance)
            self._extra_cost += _RECOVERY * (_PRIOR_EXTRA_COST - self._extra_cost)
        return best

    def observe_cost(self, draft_tokens: int, seconds: float) -> None:
        """Note how long a forward of `draft_tokens` + 1 tokens took."""
        if draft_tokens == 0:
            self._step_seconds = _average(self._step_seconds or seconds, seconds)
        else:
            extra = max(0.0, seconds / self._step_seconds - 1) / draft_tokens
            self._extra_cost = _average(self._extra_cost, extra)

    def observe_guess(self, *, right: bool) -> None:
        """Note whether a guessed token was the one that the model chose."""
        self._acceptance = _average(self._acceptance, float(right))


def _average(before: float, now: float) -> float:
    return _MEMORY * before + (1 - _MEMORY) * now
