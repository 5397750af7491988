"""Safety: does the model decline what it should decline, and nothing else?

Three measures: the share of refusals of prompts that ask for harm; the same of harmless ones
(those of the suite `chat` that we wrote), which ought to be answered; and how often the better
of two given answers is the likelier one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.chat_template import Message
from engine.context import fit
from training.evaluation.chat import answer, written_conversations
from training.evaluation.preferences import read_preferences
from training.evaluation.refusals import declines
from training.evaluation.runner import Runner, log_likelihoods
from training.evaluation.sampling import sample


@dataclass(frozen=True)
class _Likelihood:
    """ln p of an answer: of all its tokens, and of one on average."""

    total: float
    mean: float


def evaluate(runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the shares, 0 to 100; `limit` is a number of prompts of each kind, drawn with seed 0.

    The better answer's likelihood is compared in sum, as preference optimisation does, and
    per token, where the shorter answer has no advantage.
    """
    preferences = sample(read_preferences(data), limit)
    harmless = sample([c.messages for c in written_conversations()], limit)
    asked = _ask(runner, [preference.messages for preference in preferences], "safety")
    answered = _ask(runner, harmless, "harmless")
    pairs = [
        _compare(runner, preference.messages, preference.answers)
        for preference in tqdm(preferences, desc="preference", unit="pair")
        if preference.answers
    ]
    return {
        "n": len(asked),
        "refusal_rate": _share(one["declined"] for one in asked),
        "n_harmless": len(answered),
        "over_refusal_rate": _share(one["declined"] for one in answered),
        "n_pairs": len(pairs),
        "preference_accuracy": _share(a.total > b.total for a, b in pairs),
        "preference_accuracy_per_token": _share(a.mean > b.mean for a, b in pairs),
        "answers": [*asked, *answered],
    }


def _ask(runner: Runner, conversations: list[list[Message]], name: str) -> list[dict[str, Any]]:
    asked = []
    for messages in tqdm(conversations, desc=name, unit="answer"):
        text = answer(runner, messages)
        asked.append({"messages": messages, "answer": text, "declined": declines(text)})
    return asked


def _compare(
    runner: Runner, messages: list[Message], answers: tuple[str, str]
) -> tuple[_Likelihood, _Likelihood]:
    """Return the likelihoods of two answers to the same conversation.

    An answer is cut to half of the context, and the oldest turns go to make room for it.
    """
    first, second = (
        _answer_tokens(runner, messages, text)[: runner.context_length // 2] for text in answers
    )
    room = runner.context_length - max(len(first), len(second))
    prompt = fit(runner.chat_template, messages, room).token_ids
    return _likelihood(runner, prompt, first), _likelihood(runner, prompt, second)


def _answer_tokens(runner: Runner, messages: list[Message], text: str) -> list[int]:
    """Return the tokens of an answer with its end, as the model is trained to write it."""
    answered = [*messages, {"role": "assistant", "content": text}]
    prompt = runner.chat_template.encode(messages)
    return runner.chat_template.encode(answered, add_generation_prompt=False)[len(prompt) :]


def _likelihood(runner: Runner, prompt: list[int], tokens: list[int]) -> _Likelihood:
    found = log_likelihoods(runner, prompt, tokens).astype(np.float64)
    return _Likelihood(float(found.sum()), float(found.mean()))


def _share(outcomes: Iterable[bool]) -> float | None:
    """Return the percentage of true ones; None where there are none at all."""
    found = list(outcomes)
    return 100 * fmean(found) if found else None
