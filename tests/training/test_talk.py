"""Talk between people, answered by a program that has seen nothing of it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from making_texts import LANGUAGES, contents

from training.evaluation.language import Language, language_of
from training.evaluation.refusals import declines
from training.making.makers import MAKERS

FILE = Path(__file__).parents[2] / "training/recipes/text/talk_wordings.toml"
ANSWERS = ("unknown", "undone", "untold", "look_up", "heard")


def _wordings(language: Language) -> dict[str, Any]:
    wordings: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return wordings[language]


def _talk(*messages: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    turns = [{"role": roles[n % 2], "content": text} for n, text in enumerate(messages)]
    return {"messages": turns, "lang": language_of(messages[0])}


@pytest.mark.parametrize(
    ("language", "said", "kind"),
    [
        ("zh", "你听过《后来》这首歌吗？", "undone"),
        ("zh", "知道安妮·海瑟薇这个人吗？", "unknown"),
        ("zh", "麻烦帮我找个评分在4.5分以上的餐馆。", "look_up"),
        ("zh", "昨天看了一部老电影，讲的是一家面馆。", "heard"),
        ("en", "Hey, have you seen the new Batman film?", "undone"),
        ("en", "Who sang that song about the yellow taxi?", "unknown"),
        ("en", "Did you know that owls cannot move their eyes?", "untold"),
        ("en", "Can you recommend a cheap hotel near the station?", "look_up"),
        ("en", "My favorite team lost again last night.", "heard"),
    ],
)
def test_who_has_seen_nothing_says_so_and_asks_back(
    language: Language, said: str, kind: str
) -> None:
    talk = [_talk(said, "看过啊，1999年上映的。", "再说说别的。", "好。")] * 30
    records = list(MAKERS["talk"](talk, "0"))
    assert records == list(MAKERS["talk"](talk, "0"))
    assert {contents(record)[0] for record in records} == {said}
    assert {contents(record)[1] for record in records} <= set(_wordings(language)[kind])
    assert 0 < sum(len(contents(record)) > 2 for record in records) < 30


def test_a_greeting_alone_is_left_to_the_conversations_that_were_written() -> None:
    for greeting in ("Hello!", "Hi there, how are you today?", "你好！", "嗨，最近怎么样？"):
        talk = [_talk(greeting, "Fine, and you?", "Did you watch the game?", "I did!")]
        assert not list(MAKERS["talk"](talk, "0"))
        assert not list(MAKERS["talk-pairs"](talk, "0"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_is_in_its_language_and_only_the_bad_examples_refuse(
    language: Language,
) -> None:
    words = _wordings(language)
    for kind in ANSWERS:
        for answer in words[kind]:
            assert language_of(answer) == language, answer
            assert not declines(answer), answer
    openings, endings = words["refusals"]
    for opening in openings:
        assert all(declines(opening + ending) for ending in endings), opening


def test_a_person_who_saw_it_and_one_who_refuses_are_bad_examples() -> None:
    told = "看过，1993年10月15日上映的，主演是周星驰。"
    pairs = list(MAKERS["talk-pairs"]([_talk("看过这部老电影吗？", told)] * 40, "0"))
    assert len(pairs) == 40
    assert {pair["chosen"] for pair in pairs} <= set(_wordings("zh")["undone"])
    rejected = [pair["rejected"] for pair in pairs]
    assert 10 < rejected.count(told) < 30
    assert all(text == told or declines(text) for text in rejected)


def test_what_people_answer_is_better_than_a_refusal() -> None:
    question, answer = "How do I keep bread fresh?", "Wrap it in a cloth."
    talk = [_talk(question, answer, "And cheese?", "In wax paper.")] * 20
    pairs = list(MAKERS["answered-pairs"](talk, "0"))
    assert {pair["chosen"] for pair in pairs} == {answer, "In wax paper."}
    for pair in pairs:
        turns = [message["content"] for message in pair["prompt"]]
        assert turns in ([question], [question, answer, "And cheese?"])
        assert declines(pair["rejected"])
    refused = _talk(question, "I cannot help with that. Please ask a baker.")
    assert not list(MAKERS["answered-pairs"]([refused], "0"))
