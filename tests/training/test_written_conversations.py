"""Written conversations: whole, true and in their language; so are the bad examples."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making_texts import LANGUAGES, contents, random_from

from training.evaluation.language import Language, answers_in, language_of
from training.evaluation.refusals import declines
from training.making.casual import casual_wordings
from training.making.conversations import Conversations
from training.making.makers import MAKERS
from training.making.preferences import written_pairs

TEXTS = Path(__file__).parents[2] / "training/recipes/text"


PREFIX = "conversations_"
NAMES = sorted(path.stem.removeprefix(PREFIX) for path in TEXTS.glob(f"{PREFIX}[ez]*.toml"))
"""Of the files in one language: "en", "en_daily" …"""


def _written(name: str) -> dict[str, Any]:
    return tomllib.loads((TEXTS / f"{PREFIX}{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_written_conversations_are_whole_different_and_in_their_language(name: str) -> None:
    language = name[:2]
    seen = set()
    for record in MAKERS["conversations"]([_written(name)], "0"):
        messages = contents(record)
        assert len(messages) % 2 == 0
        assert all(message.strip() and not re.search(r"[{}]", message) for message in messages)
        assert record["lang"] == language
        seen.add("\n".join(messages))
    records = list(MAKERS["conversations"]([_written(name)], "0"))
    assert len(seen) == len(records) > 2000


def test_the_language_changes_within_a_conversation_and_the_answers_follow() -> None:
    records = list(MAKERS["mixed-conversations"]([_written("mixed")], "0"))
    assert len(records) > 2000
    assert records == list(MAKERS["mixed-conversations"]([_written("mixed")], "0"))
    for record in records:
        messages = contents(record)
        assert not any(re.search(r"[{}]", message) for message in messages)
        spoken = [language_of(message) for message in messages]
        assert spoken[::2] == spoken[1::2], messages
        assert set(spoken) == {"zh", "en"}
        assert spoken[-1] == record["lang"]


def test_questions_are_typed_in_other_ways_too() -> None:
    def ways(text: str, *greetings: str) -> list[str]:
        return casual_wordings(text, greetings, random_from(0))

    assert ways("Who are you?", "Hello, ") == ["who are you", "Hello, who are you?"]
    assert ways("Who are you?", "Hello! ") == ["who are you", "Hello! Who are you?"]
    assert ways("I like tea.", "Hi, ") == ["i like tea", "Hi, I like tea."]
    assert ways("DNA?", "Hi, ") == ["dna", "Hi, DNA?"]
    assert ways("你是谁？", "你好，") == ["你是谁", "你好，你是谁？"]
    assert ways("你好", "你好，") == []
    assert ways("hello there", "Hello! ") == []


@pytest.mark.parametrize(
    ("language", "asked", "answered"),
    [("en", "{}, who are you?", "GEB"), ("zh", "{}，你是谁？", "GEB")],
)
def test_who_it_is_may_be_asked_after_a_greeting(
    language: Language, asked: str, answered: str
) -> None:
    greetings = ("Hello", "Hi", "Hey", "Good evening", "你好", "您好", "嗨", "哈喽", "早上好")
    records = [r for s in "0123456789" for r in MAKERS["conversations"]([_written(language)], s)]
    answers = {
        answer
        for question, answer, *_ in map(contents, records)
        if question in {asked.format(greeting) for greeting in greetings}
    }
    assert answers
    assert all(answered in answer for answer in answers)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_the_other_language_was_asked_for(name: str) -> None:
    told = Conversations(_written(name), "0")
    language = told.groups[0].lang
    asks = re.compile(r"chinese|中文|英文|英语|english|[?=+\-×x\d]|π|dna|cpu|translat|翻译", re.I)
    for group in told.groups:
        asked = list(group.user)
        answers = list(group.assistant)
        for following in group.then:
            asked += following["user"]
            answers += following["assistant"]
        foreign = [answer for answer in answers if not answers_in(language, answer)]
        assert not foreign or any(map(asks.search, asked)), (asked, foreign)


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_sums_are_right(language: Language) -> None:
    signs: dict[str, Callable[[int, int], int]] = {
        r"加|plus|\+|[Aa]dd|much is \d+ and": lambda a, b: a + b,
        r"乘|积|times|×| x |[Mm]ultiply": lambda a, b: a * b,
        r"Take (\d+)": lambda a, b: b - a,
        r"减|minus|-|less": lambda a, b: a - b,
    }
    sums = list(Conversations(_written(language), "0").sums())
    assert len(sums) == 300
    for question, answer in sums:
        a, b = map(int, re.findall(r"\d+", question))
        result = next(value for sign, value in signs.items() if re.search(sign, question))
        assert int(re.findall(r"\d+", answer)[-1]) == result(a, b), (question, answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_harm_and_invention_are_only_ever_rejected(language: Language) -> None:
    contents = _written(language)

    def filled(match: re.Match[str]) -> str:
        return f"(?:{'|'.join(map(re.escape, contents['slots'][match[1]]))})"

    wrong = [
        re.compile(re.sub(r"\\\{(\w+)\\\}", filled, re.escape(text)), re.IGNORECASE)
        for group in contents["group"]
        for text in group.get("wrong", ())
    ]
    pairs = list(written_pairs([contents], "0"))
    rejected = [pair["rejected"] for pair in pairs]
    assert sum(any(bad.fullmatch(text) for bad in wrong) for text in rejected) > 100
    assert not any(bad.fullmatch(pair["chosen"]) for pair in pairs for bad in wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_refusing_is_the_exception_and_never_right_for_what_is_harmless(language: Language) -> None:
    told = Conversations(_written(language), "0")
    refusals = {answer for group in told.groups if not group.safe for answer in group.assistant}
    asked_alone = [
        one
        for record in MAKERS["conversations"]([_written(language)], "0")
        if len(one := contents(record)) == 2
    ]
    share = sum(declines(answer) for _, answer in asked_alone) / len(asked_alone)
    assert 0.05 < share < 0.15
    harmless = {user for group in told.groups if group.safe for user in group.user}
    needless = [
        pair
        for pair in written_pairs([_written(language)], "0")
        if pair["rejected"] in refusals and pair["prompt"][0]["content"] in harmless
    ]
    assert len(needless) > 50
    assert not any(pair["chosen"] in refusals for pair in needless)
