"""Written conversations: every wording, every answer, and chains of several topics."""

import itertools
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from training.evaluation.language import Language
from training.making.casual import casual_wordings
from training.making.records import Record, conversation

_FILLS = 6
"""So often is a wording with slots filled anew."""
_CHAINS = 12
"""So many conversations of several topics begin with each group."""
_LONGEST_CHAIN = 4
_MIXED = 80
"""So many conversations that change the language begin with each group of a mixed file."""
_LARGEST = 10
_SLOT = re.compile(r"\{(\w+)\}")
_Turns = list[tuple[str, str]]


@dataclass(frozen=True)
class Group:
    """Questions that mean the same, answers that fit them all, and what may be said next.

    `wrong` are answers that would be invented (where it cannot know) or harmful. A group that is
    `alone` follows no other: it speaks of what was said before.
    """

    lang: Language
    user: list[str]
    assistant: list[str]
    then: list[dict[str, list[str]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    known: bool = True
    safe: bool = True
    alone: bool = False


class Conversations:
    """What a file of conversations_*.toml holds; `foreign` are answers in the other language.

    `greetings` may come before any question.

    Raises KeyError or TypeError for anything else.
    """

    def __init__(self, contents: dict[str, Any], seed: str) -> None:
        self.groups = [Group(**group) for group in contents["group"]]
        self.foreign: list[str] = contents.get("foreign", [])
        self.greetings: list[str] = contents.get("greetings", [])
        self.generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
        self._slots: dict[str, list[str]] = contents.get("slots", {})
        self._sums: dict[str, list[str]] = contents.get("sums", {})

    def turns(self, group: Group, user: str, assistant: str, follow: bool) -> _Turns:
        """Return the turns of a group, slots filled; with `follow` also those that come next."""
        pairs = [(user, assistant)]
        for following in group.then if follow else ():
            asked = self.generator.choice(following["user"])
            pairs.append((asked, self.generator.choice(following["assistant"])))
        return self.fill(pairs)

    def fill(self, pairs: _Turns) -> _Turns:
        """Return questions and answers with their slots filled, a slot with one word everywhere."""
        values = {slot: self.generator.choice(words) for slot, words in self._slots.items()}
        return [(_filled(question, values), _filled(answer, values)) for question, answer in pairs]

    def sums(self) -> Iterator[tuple[str, str]]:
        """Yield small sums and their answers."""
        kinds = {"plus": lambda a, b: a + b, "minus": lambda a, _: a, "times": lambda a, b: a * b}
        for kind, result in kinds.items() if self._sums else ():
            for a, b in itertools.product(range(1, _LARGEST + 1), repeat=2):
                values = {"a": str(a), "b": str(b), "c": str(a + b), "x": str(result(a, b))}
                question = self.generator.choice(self._sums[kind])
                yield (
                    _filled(question, values),
                    _filled(self.generator.choice(self._sums["answer"]), values),
                )


def from_written(files: Iterable[dict[str, Any]], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records from what files of written conversations hold.

    Each wording with its answers, as people type it, and random chains; the same for the same
    `seed`. Raises as Conversations does.
    """
    for contents in files:
        seen: set[str] = set()
        for record in _all(Conversations(contents, seed)):
            text = "\n".join(message["content"] for message in record["messages"])
            if text not in seen:
                seen.add(text)
                yield record


def from_mixed(files: Iterable[dict[str, Any]], seed: str = "") -> Iterator[Record]:
    """Yield conversations whose topics take turns between the two languages of a file's groups.

    The record's language is that of its last answer. Raises as Conversations does.
    """
    for told in (Conversations(contents, seed) for contents in files):
        generator = told.generator
        for first in told.groups:
            for _ in range(_MIXED):
                chain = [first]
                for _ in range(generator.randint(1, _LONGEST_CHAIN - 1)):
                    others = [one for one in told.groups if one.lang != chain[-1].lang]
                    chain.append(generator.choice(others))
                parts = (_part(told, one) for one in chain)
                yield conversation(list(itertools.chain(*parts)), chain[-1].lang)


def _part(told: Conversations, group: Group) -> _Turns:
    """Return one topic of a chain, now and then with what comes next."""
    choice = told.generator.choice
    return told.turns(
        group, choice(group.user), choice(group.assistant), follow=told.generator.random() < 0.5
    )


def _all(told: Conversations) -> Iterator[Record]:
    generator = told.generator
    for group in told.groups:
        for user in group.user:
            filled = _SLOT.search(user) is not None
            for assistant in (
                generator.choices(group.assistant, k=_FILLS) if filled else group.assistant
            ):
                yield conversation(told.turns(group, user, assistant, follow=False), group.lang)
            if group.then:
                turns = told.turns(group, user, generator.choice(group.assistant), follow=True)
                yield conversation(turns, group.lang)
            # A greeting before harm would teach it to refuse greetings.
            for casual in casual_wordings(user, told.greetings, generator) if group.safe else ():
                answer = generator.choice(group.assistant)
                yield conversation(told.turns(group, casual, answer, follow=False), group.lang)
    language = told.groups[0].lang
    for question, answer in told.sums():
        yield conversation([(question, answer)], language)
    for group in told.groups:
        alike = [other for other in told.groups if other.lang == group.lang and not other.alone]
        for _ in range(_CHAINS):
            chain = [group, *generator.sample(alike, generator.randint(1, _LONGEST_CHAIN - 1))]
            parts = (_part(told, one) for one in chain)
            yield conversation(list(itertools.chain(*parts)), group.lang)


def _filled(text: str, values: dict[str, str]) -> str:
    """Return `text` with its slots filled; a slot that begins a sentence begins with a capital."""

    def fill(match: re.Match[str]) -> str:
        word = values.get(match[1], match[0])
        begins = match.start() == 0 or text[: match.start()].endswith((". ", "! ", "? "))
        return word[0].upper() + word[1:] if begins else word

    return _SLOT.sub(fill, text)
