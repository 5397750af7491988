"""Whatever people do to their conversations, text and cache are those of a fresh start."""

import random
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bundle import Bundle, open_bundle
from engine.events import Cancelled, Done, Event, Token
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams

_WORDS = ["今天", "天气", "很好", "the", "weather", "is", "fine", "公园", "park", "你好", "hello"]


class _Reader:
    """Talks in several conversations at once, changes its mind, and remembers what it saw."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        self.bundle = replace(
            bundle, generation=replace(bundle.generation, eos_token_ids=(3,))
        )  # a token that hardly ever comes: the tiny model goes on until the limit
        self.random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.model = Model(self.bundle, num_threads=1)
        self.conversations: list[list[dict[str, str]]] = [[] for _ in range(4)]
        self.cancelled = 0

    def act(self) -> None:
        """Do one thing to one conversation, and let it be answered or interrupted."""
        messages = self.random.choice(self.conversations)
        questions = [i for i, message in enumerate(messages) if message["role"] == "user"]
        action = self.random.choice(["ask", "ask", "regenerate", "edit", "forget"])
        if action == "regenerate" and questions:
            del messages[questions[-1] + 1 :]
        elif action == "edit" and questions:
            place = self.random.choice(questions)
            del messages[place:]
            messages.append(self._question())
        else:
            if action == "forget" or len(messages) > 8:
                messages.clear()
            messages.append(self._question())
        self._answer(messages)

    def _question(self) -> dict[str, str]:
        words = self.random.choices(_WORDS, k=self.random.randint(1, 12))
        return {"role": "user", "content": " ".join(words)}

    def _answer(self, messages: list[dict[str, str]]) -> None:
        prompt = self.bundle.chat_template.encode(messages, add_generation_prompt=True)
        temperature = self.random.choice([0.0, 0.9])
        params = SamplingParams(
            temperature=temperature, seed=self.random.randrange(100), max_new_tokens=12
        )
        text, ended = self._run(prompt, params)
        expected = self._fresh(prompt, params)
        if ended:
            assert text == expected
        else:
            self.cancelled += 1
            assert expected.startswith(text)
        messages.append({"role": "assistant", "content": text})

    def _run(self, prompt: list[int], params: SamplingParams) -> tuple[str, bool]:
        """Answer, or be stopped: between two tokens, or in the middle of a computation."""
        way = self.random.choice(["finish", "finish", "between", "within"])
        left = self.random.randint(0, 12)
        events: list[Event] = []
        timer = threading.Timer(self.random.random() * 0.004, self.model.interrupt)
        if way == "within":
            timer.start()
        for event in generate(
            self.model,
            self.bundle,
            prompt,
            params,
            is_cancelled=lambda: way == "between" and len(events) >= left,
        ):
            events.append(event)
        if way == "within":
            timer.join()
        self.model.resume()
        text = "".join(event.text for event in events if isinstance(event, Token))
        assert isinstance(events[-1], Done | Cancelled)
        return text, isinstance(events[-1], Done)

    def _fresh(self, prompt: list[int], params: SamplingParams) -> str:
        with closing(Model(self.bundle, num_threads=1)) as fresh:
            events = list(generate(fresh, self.bundle, prompt, params, max_draft_tokens=0))
            self._compare_caches(fresh)
        return "".join(event.text for event in events if isinstance(event, Token))

    def _compare_caches(self, fresh: Model) -> None:
        shared = 0
        while (
            shared < min(self.model.length, fresh.length)
            and self.model.tokens[shared] == fresh.tokens[shared]
        ):
            shared += 1
        assert shared == self.model.length or self.model.length > fresh.length
        for mine, theirs in zip(
            self.model._caches[0].buffers, fresh._caches[0].buffers, strict=True
        ):
            np.testing.assert_array_equal(mine[:, :, :shared], theirs[:, :, :shared])


def _live(bundle: Bundle, operations: int, seed: int) -> _Reader:
    reader = _Reader(bundle, seed)
    with closing(reader.model):
        for _ in range(operations):
            reader.act()
    return reader


def test_a_hundred_random_operations(tiny_bundle: Path) -> None:
    assert _live(open_bundle(tiny_bundle), 100, seed=1).cancelled > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_thousand_random_operations(seed: int, tiny_bundle: Path) -> None:
    assert _live(open_bundle(tiny_bundle), 1000, seed).cancelled > 100
