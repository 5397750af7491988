"""Words and sentences keep their places, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents.answering.question import TYPES, read_question
from engine.documents.answering.spans import candidates, read_sentences
from engine.documents.answering.words import language_of, words_of
from engine.documents.sentences import sentences_of

MIXED = st.text(
    st.sampled_from("海水是咸的。王五于1998年在北京！(Lady Gaga's 3.5 km?) “《a》” \n.,;")
    | st.characters(),
    max_size=80,
)


@given(MIXED)
def test_words_and_sentences_stand_where_they_say(text: str) -> None:
    place = 0
    for word in words_of(text):
        assert place <= word.start < word.end <= len(text)
        assert word.text == text[word.start : word.end].lower()
        assert not text[place : word.start].strip() or language_of(text) == "en"
        place = word.end
    place = 0
    for start, end in sentences_of(text):
        assert place <= start < end <= len(text)
        assert not text[place:start].strip()
        place = end
    assert not text[place:].strip()


@given(st.lists(MIXED, max_size=3))
def test_candidates_lie_in_one_sentence_and_close_their_brackets(texts: list[str]) -> None:
    for sentence in read_sentences(texts):
        text = texts[sentence.passage]
        first, end = candidates(sentence)
        for one, last in zip(first, end, strict=True):
            words = sentence.words[one:last]
            assert sentence.span[0] <= words[0].start < words[-1].end <= sentence.span[1]
            span = text[words[0].start : words[-1].end]
            assert span.strip() == span


def spans_of(text: str) -> set[str]:
    """Return all candidates of a text that is one sentence."""
    [sentence] = read_sentences([text])
    first, end = candidates(sentence)
    return {
        text[sentence.words[one].start : sentence.words[last - 1].end]
        for one, last in zip(first, end, strict=True)
    }


@pytest.mark.parametrize(
    ("text", "whole", "part"),
    [
        ("The highest pressure is 8.5 bar.", "8.5 bar", "bar"),
        ("The train takes 50 minutes.", "50 minutes", "minutes"),
        ("The tower was built in May 1882.", "1882", "highest"),
        ("本合同于2023年5月12日签订。", "2023年5月12日", "12日"),
        ("他在五月十二日离开。", "五月十二日", "十二日"),
        ("象棋社每周四晚上七点活动。", "每周四晚上七点", "四晚上七点"),
    ],
)
def test_a_quantity_or_a_date_is_not_begun_in_its_middle(text: str, whole: str, part: str) -> None:
    spans = spans_of(text)
    assert whole in spans
    assert part not in spans


@pytest.mark.parametrize(
    ("text", "said", "empty"),
    [
        ("The tomatoes were planted on 12 May.", "12 May", "were"),
        ("They were moved by him.", "moved", "They were"),
        ("他是校长。", "校长", "他是"),
        ("米泽站（）位于「」山形县。", "山形县", "（）"),
        ("米泽站（）位于「」山形县。", "米泽站", "「」"),
    ],
)
def test_words_that_say_nothing_alone_are_no_answer(text: str, said: str, empty: str) -> None:
    spans = spans_of(text)
    assert said in spans
    assert empty not in spans


@pytest.mark.parametrize(
    ("text", "whole", "cut"),
    [
        ("They were planted on 12 May beside the wall.", "12 May", "12"),
        (
            "The people speak Portuguese, and the currency is old.",
            "Portuguese",
            "Portuguese, and the",
        ),
        ("他是中国著名的歌手。", "著名的歌手", "的歌手"),
    ],
)
def test_words_that_belong_together_are_not_divided(text: str, whole: str, cut: str) -> None:
    spans = spans_of(text)
    assert whole in spans
    assert cut not in spans


def test_each_sentence_is_read_in_its_own_language() -> None:
    texts = ["The gate code is 4817.\n\n图书馆星期一闭馆，其余日子上午九点开门。"]
    english, chinese = read_sentences(texts)
    assert [word.text for word in english.words][:3] == ["the", "gate", "code"]
    assert english.kinds.tolist() == [word.kind for word in words_of("The gate code is 4817.")]
    assert "图书馆" in [word.text for word in chinese.words]


def test_sentences_end_where_they_do() -> None:
    text = (
        "Mr. Smith paid 3.5 million in the U.S. market. Then he left!\n\n他说：“走吧。”然后走了。"
    )
    assert [text[start:end] for start, end in sentences_of(text)] == [
        "Mr. Smith paid 3.5 million in the U.S. market.",
        "Then he left!",
        "他说：“走吧。”",
        "然后走了。",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Item\tCost\nMicroscope\t38,500\nDesk\t12,000",
        "city,rain\r\nOslo,72\r\nRome,63",
        "a\t\n\t\nb\tc",
    ],
)
def test_each_row_of_a_table_can_be_quoted_alone(text: str) -> None:
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    assert [text[start:end] for start, end in sentences_of(text)] == rows


@pytest.mark.parametrize(
    "text",
    [
        "The harbour, which the city\nbuilt, was closed in 1961,\nbut the light stayed.",
        "He saw the harbour,\nthe old pier,\nand the light.",
        "He saw the pier,\nand the light,",
    ],
)
def test_a_sentence_that_is_broken_into_lines_is_no_table(text: str) -> None:
    assert sentences_of(text) == [(0, len(text))]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("谁写了《红楼梦》？", "who"),
        ("这座桥是哪一年建成的？", "when"),
        ("图书馆几点开门？", "when"),
        ("报告提出了几点建议？", "number"),
        ("铁路全长多少公里？", "number"),
        ("公司总部在哪里？", "where"),
        ("海水为什么是咸的？", "why"),
        ("他是医生吗？", "whether"),
        ("Who wrote Hamlet?", "who"),
        ("In what year was the bridge built?", "when"),
        ("How many people live there?", "number"),
        ("Which city is the capital?", "where"),
        ("Why is sea water salty?", "why"),
        ("What did he study?", "which"),
    ],
)
def test_a_question_says_what_kind_of_answer_it_wants(question: str, kind: str) -> None:
    assert TYPES[read_question(question).type] == kind
