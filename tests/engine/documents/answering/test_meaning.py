"""What is asked in other words than the text has is still found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document_prompt import PromptLanguage
from engine.documents.answering.extraction import search_spans
from engine.documents.answering.features import NAMES, read_scene, spans_of
from engine.documents.answering.meaning import MEANINGS
from engine.documents.answering.question import read_question
from engine.documents.answering.spans import read_sentences
from engine.documents.answering.vectors import word_vectors

TEXT = st.text(
    st.sampled_from("海水是咸的。王五于1998年在北京！(Lady Gaga's 3.5 km?) “《a》” \n.,;")
    | st.characters(),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize(
    ("language", "word", "near", "far"),
    [
        ("zh", "儿子", "女儿", "公司"),
        ("zh", "学位", "硕士", "城市"),
        ("en", "city", "town", "professor"),
        ("en", "son", "brother", "language"),
    ],
)
def test_words_of_like_meaning_have_like_vectors(
    language: PromptLanguage, word: str, near: str, far: str
) -> None:
    one, alike, other = word_vectors(language).of([word, near, far])
    assert np.allclose(np.linalg.norm([one, alike, other], axis=1), 1, atol=1e-5)
    assert one @ alike > one @ other + 0.2


def test_an_unknown_chinese_word_is_taken_for_its_end() -> None:
    vectors = word_vectors("zh").of(["魑魅足球运动员", "运动员", "足球运动员"])
    assert np.allclose(vectors[0], vectors[1]) or np.allclose(vectors[0], vectors[2])
    assert not word_vectors("en").of(["xyzzyplugh"]).any()


@given(TEXT, TEXT)
def test_likeness_is_a_number_for_any_text(question: str, text: str) -> None:
    sentences = read_sentences([text])
    if not sentences:
        return
    scene = read_scene(read_question(question), sentences)
    values = spans_of(scene, range(len(sentences))).values
    columns = values[:, [NAMES.index(name) for name in MEANINGS]]
    assert np.isfinite(columns).all()
    assert (np.abs(columns) < 10).all()


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("他的职业是什么？", {"职业"}),
        ("这座城的人口有多少？", {"人口"}),
        ("他住在哪个城市？", {"城市"}),
        ("黄河是什么？", set()),
        ("Which river is the longest?", {"river"}),
    ],
)
def test_what_a_question_asks_for(question: str, asked: set[str]) -> None:
    assert read_question(question).focus == asked


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "陈志远的职业是什么？",
            "陈志远，1962年生于苏州，早年在上海求学。陈志远是一名歌手，现居杭州。",
            "一名歌手",
        ),
        (
            "巴西说哪种语言？",
            "巴西位于南美洲，首都是巴西利亚，居民说葡萄牙语，货币是雷亚尔。",
            "葡萄牙语",
        ),
        (
            "Which language do people speak in Brazil?",
            "Its capital is Brasilia, people in Brazil speak Portuguese and pay in reals.",
            "Portuguese",
        ),
        (
            "How much is the deposit?",
            "The rent is 950 euros a month. The deposit is 1,900 euros. Pets are not allowed.",
            "1,900 euros",
        ),
        (
            "Who painted the bridge?",
            "The bridge was designed by John Rennie and painted by Mary Cook in 1831.",
            "Mary Cook",
        ),
    ],
)
def test_of_several_things_the_one_that_is_asked_for_is_found(
    question: str, text: str, answer: str
) -> None:
    assert search_spans(question, [text]).found[0].text == answer


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Which rivers flow through the town?", True),
        ("What are the parts of the station?", True),
        ("What was said?", False),
        ("Which class was he in?", False),
        ("他的主要著作有哪些？", True),
        ("他是谁？", False),
    ],
)
def test_a_question_may_ask_for_several_things(question: str, several: bool) -> None:
    assert read_question(question).several == several
