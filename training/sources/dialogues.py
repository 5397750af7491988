"""Written question-and-answer groups to conversations: single turns, and random chains of them."""

import itertools
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHAINS_PER_GROUP = 12
"""How many chains of several turns begin with each group."""
_LONGEST_CHAIN = 4


def read_dialogues(path: Path) -> Iterator[dict[str, Any]]:
    """Yield {"messages", "lang"} records from a TOML file of [[group]] tables.

    Every question of a group goes with every answer of it. Raises ValueError or KeyError if
    the file is no such file.
    """
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    for group in groups:
        for user, assistant in itertools.product(group["user"], group["assistant"]):
            yield {"messages": _turn(user, assistant), "lang": group["lang"]}
    generator = random.Random(0)  # noqa: S311 - sampling, not secrecy
    for group in groups:
        alike = [other for other in groups if other["lang"] == group["lang"]]
        for _ in range(CHAINS_PER_GROUP):
            length = generator.randint(2, _LONGEST_CHAIN)
            chain = [group, *generator.sample(alike, length - 1)]
            turns = [
                _turn(generator.choice(one["user"]), generator.choice(one["assistant"]))
                for one in chain
            ]
            yield {"messages": list(itertools.chain(*turns)), "lang": group["lang"]}


def read_preferences(path: Path) -> Iterator[dict[str, Any]]:
    """Yield {"prompt", "chosen", "rejected", "lang"} records from the same file.

    The rejected answer fits another group's questions. Raises as read_dialogues does.
    """
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["group"]
    generator = random.Random(0)  # noqa: S311 - sampling, not secrecy
    for group in groups:
        others = [g for g in groups if g["lang"] == group["lang"] and g is not group]
        for user in group["user"]:
            yield {
                "prompt": [{"role": "user", "content": user}],
                "chosen": generator.choice(group["assistant"]),
                "rejected": generator.choice(generator.choice(others)["assistant"]),
                "lang": group["lang"],
            }


def _turn(user: str, assistant: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
