"""What the conversation store costs at 10,000 conversations with 200,000 messages.

    python tests/benchmarks/bench_store.py [--conversations N] [--messages N]

Fills a store below the temporary folder with text whose words are as unequally frequent as real
ones, half of it Chinese. Prints milliseconds: the median of 15 runs and the slowest, for opening
the store as the application does, the list, one conversation, searches for common and rare words,
one more message, and one save of an answer that is being written.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from time import perf_counter

from engine.store import (
    Conversation,
    ConversationTree,
    Message,
    Role,
    Store,
    set_aside_damaged_store,
)

RUNS = 15
BATCH = 200
OUT = Path("build/bench/store.json")


class Words:
    """Text of made words; the n-th word is n times as rare as the first (Zipf's law)."""

    def __init__(self) -> None:
        self._random = random.Random(1)  # noqa: S311 (no secret)
        letters = "etaoinshrdlucmfwypvbgkqjxz"
        english = sorted(
            {
                "".join(self._random.choices(letters, range(26, 0, -1), k=1 + n % 9))
                for n in range(20_000)
            },
            key=len,
        )
        characters = [chr(0x4E00 + n) for n in range(3_000)]
        self._random.shuffle(characters)
        chinese = [
            "".join(self._random.choices(characters, [1 / (n + 1) for n in range(3_000)], k=2))
            for _ in range(20_000)
        ]
        self._vocabularies = [(english, " "), (chinese, "")]
        self._weights = [
            list(accumulate(1 / (n + 5) for n in range(len(words)))) for words in (english, chinese)
        ]

    def text(self, language: int, count: int) -> str:
        """Return `count` words of English (0) or Chinese (1)."""
        words, space = self._vocabularies[language]
        return space.join(self._random.choices(words, cum_weights=self._weights[language], k=count))

    def word(self, language: int, rank: int) -> str:
        """Return a word by how common it is, 0 the most common."""
        return self._vocabularies[language][0][rank]


def main() -> int:
    """Fill a store and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite3"
        words = Words()
        started = perf_counter()
        fill(path, words, options.conversations, options.messages // options.conversations)
        print(f"filled in {perf_counter() - started:.1f} s", end=", ")
        print(f"{path.stat().st_size / 1e6:.0f} MB")
        figures = measure(path, words)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1))
    return 0


def fill(path: Path, words: Words, conversations: int, messages: int) -> None:
    """Write the conversations, each of one branch."""
    with Store(path) as store:
        for first in range(0, conversations, BATCH):
            numbers = range(first, min(first + BATCH, conversations))
            trees = [(_tree(words, number, messages), str(number)) for number in numbers]
            store.show_import(store.add_import(trees))


def measure(path: Path, words: Words) -> dict[str, float]:
    """Print what each operation takes; return the medians by name and unit."""
    figures: dict[str, float] = {}

    def show(name: str, work: Callable[[], object]) -> None:
        times = []
        for _ in range(RUNS):
            begun = perf_counter()
            result = work()
            times.append((perf_counter() - begun) * 1000)
        found = f"{len(result)} found" if isinstance(result, list) else ""
        median = statistics.median(times)
        print(f"{name:32}{median:>10.2f}{max(times):>10.2f}  {found}")
        figures[f"{name.replace(' ', '_')}_ms"] = round(median, 3)

    print(f"{'':32}{'median ms':>10}{'max ms':>10}")
    show("check for damage", lambda: set_aside_damaged_store(path))
    show("open", lambda: Store(path).close())
    with Store(path) as store:
        show("recover and purge", lambda: (store.recover(), store.purge(0.5)))
        listed = store.list_conversations()
        middle = listed[len(listed) // 2].id
        show("list", store.list_conversations)
        show("list the first 100", lambda: store.list_conversations(100))
        show("open a conversation", lambda: store.thread(middle))
        show("its versions", lambda: store.versions(middle))
        for name, language in (("en", 0), ("zh", 1)):
            for kind, rank in (("commonest", 0), ("common", 30), ("rare", 5_000)):
                word = words.word(language, rank)
                show(f"search {name} {kind}", lambda word=word: store.search(word))  # type: ignore[misc]
            pair = f"{words.word(language, 20)} {words.word(language, 400)}"
            show(f"search {name} two words", lambda pair=pair: store.search(pair))  # type: ignore[misc]
            first = words.word(language, 0)[0]
            show(f"search {name} one letter", lambda first=first: store.search(first))  # type: ignore[misc]
        show("search nothing found", lambda: store.search("没有这个 zzzzqq"))
        leaf = store.thread(middle)[-1].id
        text = words.text(0, 150)
        show(
            "add a message",
            lambda: store.add_message(middle, "user", text, parent_id=leaf),
        )
        answer = store.add_message(middle, "assistant", "", parent_id=leaf, status="streaming")
        long = words.text(0, 2_000)
        show(
            "save a streaming answer",
            lambda: store.update_message(answer.id, content=long, status="streaming"),
        )
        show(
            "end an answer",
            lambda: store.update_message(answer.id, content=long, status="complete"),
        )
    return figures


def _tree(words: Words, number: int, count: int) -> ConversationTree:
    at = 1_700_000_000.0 + number * 3600
    messages = [_message(words, n, number % 2, at) for n in range(1, count + 1)]
    conversation = Conversation(
        id=0, title=words.text(number % 2, 4), system_prompt="", created_at=at, updated_at=at
    )
    return ConversationTree(
        conversation=conversation, settings={}, messages=messages, shown_id=count
    )


def _message(words: Words, number: int, language: int, at: float) -> Message:
    role: Role = "user" if number % 2 else "assistant"
    return Message(
        id=number,
        conversation_id=0,
        parent_id=number - 1 or None,
        role=role,
        content=words.text(language, 15 if role == "user" else 80),
        status="complete",
        created_at=at,
        finish_reason="stop",
        model="bench",
        error=None,
        prompt_tokens=None,
        completion_tokens=None,
        prefill_ms=None,
        decode_tokens_per_second=None,
    )


if __name__ == "__main__":
    sys.exit(main())
