"""Talk between people, answered by one who has seen nothing of what they speak about.

Who learns from such talk what people answer learns to have watched every film, and invents the
rest. Its questions and remarks are kept; the answers are ours. In preference pairs what a person
answered stands against ours, and a refusal against any answer: of the few hundred things that
should be refused a small model learns the tone sooner than the reason.
"""

import random
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from training.evaluation.language import LANGUAGES, Language
from training.evaluation.refusals import declines
from training.making.records import Record, conversation

_FILE = Path(__file__).parents[1] / "recipes" / "text" / "talk_wordings.toml"
_GOES_ON = 0.4
"""So often does the talk go on after each answer."""
_MOST_TURNS = 3
_LONGEST = 160
"""Characters of a remark, and of an answer that a small model could have given, too."""
_REFUSED = 0.5
"""So often is a refusal the bad example, else what the person answered."""
_GREETING = re.compile(
    r"^\W*(?:[a-z']+\W+){0,2}[a-z']*\W*$|^\W*\w{1,4}\W*$"
    r"|how are you|how is it going|how's|how have you|what's up|最近(?:好吗|怎么样)"
)
"""A few words, or a question after one's health: the written conversations know better."""
_QUESTION = re.compile(
    r"[?？]|(?:吗|呢|吧|没|么)\W*$|^(?:\W|hi|hello|hey|there)*(?:do|did|are|have|what|who|which|where|why|how|is)\b"
)
_WISH = re.compile(r"找|推荐|帮|告诉|想知道|有没有|哪|查|\b(?:find|recommend|suggest)\b")
_PLACE = re.compile(
    r"餐馆|餐厅|酒店|宾馆|景点|住宿|门票|营业|地址|电话|位置|\b(?:restaurant|hotel|ticket)s?\b"
)
_TOLD = re.compile(r"\bdid you know\b|知道吗|听说了吗")
_DONE = re.compile(
    r"\b(?:do|are|have|did) (?:you|u)\b(?! know)|\byour? favou?rite"
    r"|[看听去吃玩]过|你?喜欢|你?爱[看听吃]"
)


@dataclass(frozen=True)
class _Wordings:
    """Answers of one language: see the file's head."""

    unknown: list[str] = field(repr=False)
    undone: list[str] = field(repr=False)
    untold: list[str] = field(repr=False)
    look_up: list[str] = field(repr=False)
    heard: list[str] = field(repr=False)
    refusals: list[list[str]] = field(repr=False)

    def answer(self, said: str, generator: random.Random) -> str:
        """Return an answer to a question, a wish or a remark."""
        return generator.choice(self._answers(said.lower()))

    def _answers(self, said: str) -> list[str]:
        if _PLACE.search(said) and (_WISH.search(said) or _QUESTION.search(said)):
            return self.look_up
        if not _QUESTION.search(said):
            return self.heard
        if _TOLD.search(said):
            return self.untold
        return self.undone if _DONE.search(said) else self.unknown

    def refuse(self, generator: random.Random) -> str:
        return "".join(map(generator.choice, self.refusals))


def from_talk(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records from {"messages", "lang"} ones, with answers of ours.

    Talk that begins with a mere greeting is left out. The same for the same `seed`.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for document, language in _spoken(documents):
        words = _wordings(language)
        turns: list[tuple[str, str]] = []
        for message in document["messages"][: 2 * _MOST_TURNS : 2]:
            said = message["content"]
            if len(said) > _LONGEST or (not turns and _GREETING.search(said.lower())):
                break
            turns.append((said, words.answer(said, generator)))
            if generator.random() > _GOES_ON:
                break
        if turns:
            yield conversation(turns, language)


def talk_pairs(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"prompt", "chosen", "rejected", "lang"} records: our answer against a person's."""
    generator = random.Random(f"{seed} pairs")  # noqa: S311 - sampling, not secrecy
    for document, language in _spoken(documents):
        words, (question, told) = _wordings(language), document["messages"][:2]
        said = question["content"]
        if len(said) <= _LONGEST and not _GREETING.search(said.lower()):
            refused = generator.random() < _REFUSED
            yield {
                "prompt": [question],
                "chosen": words.answer(said, generator),
                "rejected": words.refuse(generator) if refused else told["content"],
                "lang": language,
            }


def answered_pairs(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield the same with a person's answer, to any of the first questions, against a refusal.

    Long answers are left out, and those that decline themselves.
    """
    generator = random.Random(f"{seed} pairs")  # noqa: S311 - sampling, not secrecy
    for document, language in _spoken(documents):
        messages = document["messages"]
        answers = [at for at in range(1, 2 * _MOST_TURNS, 2) if at < len(messages)]
        at = generator.choice(answers)
        chosen = messages[at]["content"]
        if len(chosen) <= _LONGEST and not declines(chosen):
            yield {
                "prompt": messages[:at],
                "chosen": chosen,
                "rejected": _wordings(language).refuse(generator),
                "lang": language,
            }


def _spoken(documents: Iterable[Record]) -> Iterator[tuple[Record, Language]]:
    """Yield those that begin with a question and its answer, in a language of ours."""
    for document in documents:
        language, messages = document["lang"], document["messages"]
        roles = [message["role"] for message in messages[:2]]
        if language in LANGUAGES and roles == ["user", "assistant"]:
            yield document, language


@cache
def _wordings(language: Language) -> _Wordings:
    return _Wordings(**tomllib.loads(_FILE.read_text(encoding="utf-8"))[language])
