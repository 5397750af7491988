"""Test sets of questions about documents: their formats, and passages that only look right."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from training.evaluation.bm25 import BM25, terms
from training.evaluation.docqa import Distractors
from training.evaluation.squad import Passage, Question, read_squad


def _article(title: str, context: str, *questions: tuple[str, list[str]]) -> dict[str, Any]:
    entries = [
        {"id": str(i), "question": question, "answers": [{"text": one} for one in answers]}
        for i, (question, answers) in enumerate(questions)
    ]
    return {"title": title, "paragraphs": [{"context": context, "qas": entries}]}


def test_words_and_pairs_of_chinese_characters_are_indexed() -> None:
    assert list(terms("北京大学 in Beijing，好 2020年")) == (
        ["北京", "京大", "大学", "in", "beijing", "好", "2020", "年"]
    )


def test_rare_terms_in_short_texts_rank_first() -> None:
    index = BM25(["the cat and the dog", "the cat", "the sea", "the tortoise"])
    assert list(index.ranking("where is the cat?"))[:2] == [1, 0]
    assert list(index.ranking("xyz")) == [0, 1, 2, 3]


def test_the_best_passage_of_another_article_without_the_answer_is_chosen() -> None:
    own = Passage("长江全长约6300公里，是中国最长的河流。", "长江")
    sibling = Passage("长江是中国最长的河流，发源于青藏高原。", "长江")
    leak = Passage("中国最长的河流是长江，全长约 6,300 公里。", "河流")
    look_alike = Passage("黄河是中国第二长的河流，全长五千多公里。", "黄河")
    others = [Passage(f"第{i}个无关的段落。", f"其他{i}") for i in range(20)]
    question = Question("1", "中国最长的河流全长是多少？", ("6300公里", "约6300公里"), own)
    passages = [*others, own, leak, sibling, look_alike]
    assert Distractors(passages).find(question) == look_alike
    assert Distractors([own, leak, sibling]).find(question) is None


@given(
    st.lists(st.text("ab 北京12", min_size=1), min_size=1),
    st.text("ab北京12", min_size=1, max_size=2),
    st.text("ab 北京12"),
)
def test_a_distractor_never_holds_the_answer(texts: list[str], answer: str, text: str) -> None:
    passages = [Passage(context, str(i)) for i, context in enumerate(texts)]
    question = Question("1", text, (answer,), Passage(answer, "own"))
    found = Distractors(passages).find(question)
    lacking = [passage for passage in passages if answer not in passage.context.replace(" ", "")]
    assert found in lacking if lacking else found is None


@pytest.mark.parametrize("suffix", [".json", ".json.xz"])
def test_squad_files_are_read_plain_or_packed(tmp_path: Path, suffix: str) -> None:
    contents = {
        "data": [
            _article("河", "长江很长。", ("长江怎么样？ ", ["很长", "长"]), ("没有答案的？", [])),
            _article("海", "海很大。", ("海怎么样？", ["很大"])),
        ]
    }
    data = json.dumps(contents, ensure_ascii=False).encode()
    path = tmp_path / f"set{suffix}"
    path.write_bytes(lzma.compress(data) if suffix.endswith("xz") else data)
    dataset = read_squad(path)
    assert dataset.language == "zh"
    assert [(q.text, q.answers, q.passage.article) for q in dataset.questions] == [
        ("长江怎么样？", ("很长", "长"), "河"),
        ("海怎么样？", ("很大",), "海"),
    ]
    assert len(dataset.passages) == 2


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (b"{", "another format"),
        (b'{"data": [{"title": "x"}]}', "another format"),
        (b'["x"]', "another format"),
        (b'{"data": []}', "no question"),
        ("Кто это?".encode(), "neither Chinese nor English"),
    ],
)
def test_a_file_that_is_no_test_set_is_named_in_one_sentence(
    tmp_path: Path, contents: bytes, complaint: str
) -> None:
    path = tmp_path / "set.json"
    if contents[:1] not in b"{[":
        article = _article("x", "x", (contents.decode(), ["x"]))
        contents = json.dumps({"data": [article]}).encode()
    path.write_bytes(contents)
    with pytest.raises(DataError, match=complaint) as error:
        read_squad(path)
    assert str(path) in str(error.value)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.json.xz"
    path.write_bytes(lzma.compress(b'{"data": []}')[:-8])
    with pytest.raises(DataError, match="damaged"):
        read_squad(path)
