"""Scores of answers: hand-computed cases of both rule books, loops, languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.language import LANGUAGES, Language, answers_in, is_loop, language_of
from training.evaluation.scoring import exact_match, f1, is_refusal, strip_wrappers

TEXT = st.text() | st.text("ab the.,[1]年月日北京《》 “”-", max_size=30)
LANGUAGE = st.sampled_from(LANGUAGES)


@pytest.mark.parametrize(
    ("answer", "references", "em", "expected"),
    [
        ("The Eiffel Tower.", ["Eiffel tower"], 100, 100),
        ("in the year 1990", ["1990"], 0, 50),
        ("Denver Broncos defence", ["Broncos", "the Denver Broncos"], 0, 80),
        ("new new york", ["New York"], 0, 80),
        ("York New", ["New York"], 0, 100),
        ("The answer is 308. [1]", ["308"], 100, 100),
        ("well-known", ["well known"], 0, 0),
        ("", ["four"], 0, 0),
        ("the", ["a"], 100, 100),
        ("a–b", ["–b"], 100, 100),
        ("an hour and a half", ["half an hour"], 0, 80),
    ],
)
def test_english_follows_squad(
    answer: str, references: list[str], em: float, expected: float
) -> None:
    assert exact_match(answer, references, "en") == em
    assert f1(answer, references, "en") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "references", "em", "expected"),
    [
        ("《三国志》。", ["三国志"], 100, 100),
        # 光 荣 公 司 | 光 荣 和 ωforce: a common run of 2.
        ("光荣公司", ["光荣和ω-force"], 0, 50),
        # 1998 年 3 月 | 1998 年
        ("1998年3月", ["1998年"], 0, 400 / 6),
        # A run, not a subsequence: 北京 of 北京和上海 | 北京上海.
        ("北京和上海", ["北京上海"], 0, 400 / 9),
        ("上海", ["北京", "上海市"], 0, 80),
        ("答案是BBC World。【2】", ["bbc world"], 100, 100),
        ("3.5公里", ["35公里"], 0, 400 / 6),
        ("PS2主机", ["ps主机"], 0, 400 / 6),
        # 等 等 …… | 等 等: the script strips no ellipsis.
        ("等等……", ["等等"], 0, 80),
        # A mark that is left out joins what it stood between: psone | psone.
        ("PS-One", ["PSOne"], 100, 100),
        ("1,000 米", ["1,000米"], 0, 100),
        ("", ["北京"], 0, 0),
    ],
)
def test_chinese_follows_cmrc(
    answer: str, references: list[str], em: float, expected: float
) -> None:
    assert exact_match(answer, references, "zh") == em
    assert f1(answer, references, "zh") == pytest.approx(expected)


@given(TEXT, TEXT, LANGUAGE)
def test_f1_is_symmetric_and_bounded(one: str, other: str, language: Language) -> None:
    score = f1(one, [other], language)
    assert 0 <= score <= 100
    assert score == f1(other, [one], language)
    if exact_match(one, [other], language):
        assert score == 100


@given(TEXT, st.lists(TEXT), LANGUAGE)
def test_a_reference_itself_is_right(
    text: str, other_references: list[str], language: Language
) -> None:
    references = [*other_references, text]
    assert exact_match(text, references, language) == 100
    assert f1(text, references, language) == 100


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Paris. [1]", "Paris"),
        ("Paris [1][2].", "Paris"),
        ("巴黎【1】。", "巴黎"),
        ("The answer is: Paris.", "Paris"),
        ("答案是巴黎。", "巴黎"),
        ("In [1] he wrote", "In [1] he wrote"),
        ("3.5", "3.5"),
    ],
)
def test_only_trained_wrappers_are_stripped(answer: str, expected: str) -> None:
    assert strip_wrappers(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "这段文字没有说明。",
        "文章没有说明这一点。",
        "在给出的资料里找不到答案。",
        "文中没有提到。",
        "根据给出的内容无法回答这个问题。",
        "上文没有提到这个内容。",
        "文档中没有相关信息。",
    ],
)
def test_trained_chinese_refusals_are_recognised(answer: str) -> None:
    assert is_refusal(answer, "zh")


@pytest.mark.parametrize(
    "answer",
    [
        "The document does not mention that.",
        "The text does not give this information.",
        "I can't find the answer in the given text.",
        "That is not mentioned in the passage.",
        "The passage doesn't contain an answer to this question.",
        "The passage doesn’t say.",
        "The document does not say.",
    ],
)
def test_trained_english_refusals_are_recognised(answer: str) -> None:
    assert is_refusal(answer, "en")


def test_an_answer_is_no_refusal() -> None:
    assert not is_refusal("He did not go to Paris.", "en")
    assert not is_refusal("他没有去巴黎。", "zh")
    assert not is_refusal("", "en")


def test_a_loop_is_a_4_gram_that_occurs_more_than_3_times() -> None:
    assert not is_loop("a b c d x a b c d y A B C D z")
    assert is_loop("a b c d x a b c d y A B C D z, a b c d.")
    assert not is_loop("我很高兴，我很高兴啊，我很高兴。")
    assert is_loop("我很高兴，我很高兴啊，我很高兴。我很高兴")
    assert is_loop("…" * 7)
    assert not is_loop("")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("他叫 Tom Smith。", "zh"),
        ("The word 你好 means hello in Chinese.", "en"),
        ("Café crème, please.", "en"),
        ("Привет, как дела?", None),
        ("こんにちは", None),
        ("42", None),
        ("", None),
    ],
)
def test_language_is_what_most_of_a_text_is_in(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_a_number_is_an_answer_in_every_language() -> None:
    assert answers_in("zh", "42。")
    assert answers_in("en", "42.")
    assert answers_in("zh", "是四十二。")
    assert not answers_in("en", "是四十二。")
    assert not answers_in("en", "")
    assert not answers_in("zh", "?!")
