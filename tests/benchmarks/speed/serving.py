"""The other end of `processes.Worker`, and how an engine of others is measured.

Standard library only: it runs beside packages of other environments.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Handler = Callable[..., object]


class Peer(Protocol):
    """An engine with one sequence in its cache."""

    def fill(self, tokens: Sequence[int]) -> None:
        """Have exactly `tokens` in the cache; what it shares with them is not read again."""

    def step(self, token: int) -> None:
        """Append one token and compute the logits that follow it."""


def tell(answer: Mapping[str, object]) -> None:
    """Write one line for the process that started this one."""
    print(json.dumps(answer), flush=True)


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer {"measure": name, argument: value …} until stdin ends, after one line of greeting."""
    tell({"ready": True})
    for line in sys.stdin:
        question: dict[str, Any] = json.loads(line)
        tell({"result": handlers[question.pop("measure")](**question)})


def serve_peer(peer: Peer) -> None:
    """Answer the three questions of the driver with an engine of others."""

    def prefill(tokens: list[int]) -> float:
        """Return the seconds in which an empty cache takes `tokens`."""
        peer.fill([])
        start = time.perf_counter()
        peer.fill(tokens)
        return time.perf_counter() - start

    def decode(tokens: list[int], depth: int) -> list[float]:
        """Return the seconds of each step behind `depth` tokens."""
        peer.fill(tokens[:depth])
        return [_step_seconds(peer, token) for token in tokens[depth:]]

    def quote(prompt: list[int], answer: list[int]) -> float:
        """Return tokens a second of an answer behind its prompt, after its first token."""
        peer.fill(prompt)
        seconds = [_step_seconds(peer, token) for token in answer[:-1]]
        return len(seconds) / sum(seconds)

    serve({"prefill": prefill, "decode": decode, "quote": quote})


def shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences begin with in common."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def _step_seconds(peer: Peer, token: int) -> float:
    start = time.perf_counter()
    peer.step(token)
    return time.perf_counter() - start
