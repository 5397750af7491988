"""Conversation: does the answer go round in circles, and is it in the language of the question?"""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from engine.chat_template import Message
from engine.context import fit
from engine.errors import DataError
from training.evaluation.files import read_json, unknown_format
from training.evaluation.language import LANGUAGES, Language, answers_in, is_loop
from training.evaluation.runner import Runner
from training.evaluation.sampling import sample

WRITTEN_PROMPTS = Path(__file__).parent / "chat_prompts.jsonl"
"""50 conversations in each language, written for this purpose."""
ANSWER_TOKENS = 256
"""The longest answer, or half the context where that is less."""


@dataclass(frozen=True)
class Conversation:
    """Messages that end with the user's, all in one language."""

    language: Language
    messages: list[Message]


@dataclass(frozen=True)
class _Drawn:
    """How many opening sentences are drawn from which published test sets."""

    language: Language
    files: tuple[str, ...]
    count: int
    openings: Callable[[Any], Iterable[str]]


_TEST_SETS = (
    _Drawn(
        "zh",
        ("kdconv_film_test.json", "kdconv_music_test.json", "kdconv_travel_test.json"),
        25,
        lambda contents: (dialogue["messages"][0]["message"] for dialogue in contents),
    ),
    _Drawn(
        "zh",
        ("crosswoz_test.json",),
        25,
        lambda contents: (dialogue["messages"][0]["content"] for dialogue in contents.values()),
    ),
    _Drawn(
        "en",
        ("topicalchat_test_freq.json", "topicalchat_test_rare.json"),
        50,
        lambda contents: (dialogue["content"][0]["message"] for dialogue in contents.values()),
    ),
)


def written_conversations() -> list[Conversation]:
    """Return the 100 conversations written for this suite."""
    lines = WRITTEN_PROMPTS.read_text(encoding="utf-8").splitlines()
    return [Conversation(**json.loads(line)) for line in lines]


def drawn_conversations(folder: Path) -> list[Conversation]:
    """Return 100 different openings, drawn with seed 0, of KdConv, CrossWOZ and Topical-Chat.

    `folder` holds their test sets, each .json or .json.xz. Raises DataError if one is missing
    or in another format.
    """
    drawn = []
    for test_set in _TEST_SETS:
        openings: set[str] = set()
        for name in test_set.files:
            path = _find(folder, name)
            try:
                openings.update(text.strip() for text in test_set.openings(read_json(path)))
            except (KeyError, IndexError, TypeError, AttributeError) as error:
                raise unknown_format(path) from error
        if len(openings) < test_set.count:
            raise unknown_format(_find(folder, test_set.files[0]))
        chosen = random.Random(0).sample(sorted(openings), test_set.count)  # noqa: S311 - no secret
        drawn += [
            Conversation(test_set.language, [{"role": "user", "content": text}]) for text in chosen
        ]
    return drawn


def answer(runner: Runner, messages: list[Message]) -> str:
    """Return the greedy answer; the oldest turns of a conversation that is too long are dropped."""
    longest = min(ANSWER_TOKENS, runner.context_length // 2)
    prompt = fit(runner.chat_template, messages, runner.context_length - longest).token_ids
    return runner.complete(prompt, longest).strip()


def evaluate(runner: Runner, data: Path | None, limit: int | None) -> dict[str, Any]:
    """Return the suite's rates, 0 to 100; `limit` is a number of prompts, drawn with seed 0."""
    conversations = written_conversations()
    if data is not None:
        conversations += drawn_conversations(data)
    answers = [
        (conversation, answer(runner, conversation.messages))
        for conversation in tqdm(sample(conversations, limit), desc="chat", unit="answer")
    ]
    by_language = {
        language: [pair for pair in answers if pair[0].language == language]
        for language in LANGUAGES
    }
    return {
        **_rates(answers),
        "languages": {name: _rates(pairs) for name, pairs in by_language.items() if pairs},
        "answers": [
            {"messages": conversation.messages, "answer": text} for conversation, text in answers
        ],
    }


def _rates(answers: list[tuple[Conversation, str]]) -> dict[str, float]:
    return {
        "n": len(answers),
        "greedy_loop_rate": 100 * fmean(is_loop(text) for _, text in answers),
        "answer_language_accuracy": 100
        * fmean(answers_in(conversation.language, text) for conversation, text in answers),
    }


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.xz"):
        if path.is_file():
            return path
    raise DataError("There is no {name} (or {name}.xz) in {folder}.", name=name, folder=folder)
