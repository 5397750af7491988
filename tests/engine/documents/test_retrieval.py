"""What a question finds, and what it does not."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_helpers import index

from engine.documents.index_words import index_words
from engine.documents.library.library import Library
from engine.documents.library.texts import BLOCK_CHARACTERS
from engine.documents.search.query import analyse
from engine.documents.search.retrieval import Retriever
from engine.documents.word_finder import WordFinder
from engine.documents.words import words_of
from engine.search_text import fold

Add = Callable[..., Retriever]


@pytest.fixture
def add(tmp_path: Path) -> Iterator[Add]:
    """Return a function that makes files of a library and returns what searches it."""
    with Library(tmp_path / "library.sqlite3") as library:
        folder = tmp_path / "documents"
        folder.mkdir()
        library.add_collection("mine", [folder])

        def add(**texts: str) -> Retriever:
            for name, text in texts.items():
                (folder / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
            index(library)
            return Retriever(library)

        yield add


def files(retriever: Retriever, question: str, **options: object) -> list[str]:
    retrieval = retriever.retrieve(question, **options)  # type: ignore[arg-type]
    return [passage.file.stem for passage in retrieval.passages]


def test_words_are_found_in_other_forms(add: Add) -> None:
    retriever = add(
        trade="The Hansa TRADED salted herring between Lübeck and Bergen.",
        other="Nothing of the kind is said here.",
    )
    for question in ("Who trades herrings?", "lubeck trading", "ＨＡＮＳＡ"):
        assert files(retriever, question) == ["trade"]


def test_the_passage_in_which_the_words_stand_together_is_first(add: Add) -> None:
    filler = "今天的会议讨论了许多事情，大家都很满意。" * 8
    retriever = add(
        apart=f"长江的水很多。{filler}全长的数字没有人知道。{filler}黄河另说。",
        together=f"{filler}长江全长六千三百余公里。{filler}",
    )
    assert files(retriever, "长江全长多少公里？")[0] == "together"


def test_pages_and_places_are_those_of_the_document(add: Add) -> None:
    long = "这一段与问题无关，只是占些地方。" * (BLOCK_CHARACTERS // 8)
    text = f"{long}\f{long}\n\n赵州桥是隋代工匠李春设计的。\n\n{long}"
    [passage] = add(bridge=text).retrieve("赵州桥是谁设计的？", limit=1).passages
    page = text.split("\f")[1]
    assert (passage.page, passage.page_index) == (2, 1)
    assert passage.text == page[passage.start : passage.end]
    assert "李春" in passage.text


def test_neighbours_are_one_passage_and_repeats_are_left_out(add: Add) -> None:
    sentences = [f"第{n}条规定，仓库的钥匙由第{n}组的组长保管，不得外借。" for n in range(60)]
    text = "\n".join(sentences)
    retriever = add(rules=text, copy=f"{text}\n")
    passages = retriever.retrieve("仓库的钥匙由谁保管？", limit=4).passages
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
    places = sorted((p.file.stem, p.start, p.end) for p in passages)
    assert len({file for file, _, _ in places}) == 1
    for (_, _, end), (_, start, _) in pairwise(places):
        assert start > end


def test_a_short_document_alone_is_given_whole(add: Add) -> None:
    text = "第一页说春天。\f第二页说夏天。"
    retriever = add(seasons=text)
    retrieval = retriever.retrieve("夏天在哪一页？", whole_characters=100)
    assert retrieval.whole_document
    assert [p.text for p in retrieval.passages] == text.split("\f")
    assert not retriever.retrieve("夏天在哪一页？", whole_characters=10).whole_document
    retriever = add(other="秋天。")
    assert not retriever.retrieve("夏天在哪一页？", whole_characters=100).whole_document


def test_what_no_document_says_is_not_answerable(add: Add) -> None:
    retriever = add(
        bridge="赵州桥是隋代工匠李春设计的。", river="The Yangtze is the longest river of Asia."
    )
    for question in ("赵州桥是谁设计的？", "Which river is the longest of Asia?"):
        assert retriever.retrieve(question).answerable
    for question in ("谁发明了蒸汽机？", "Who painted the Mona Lisa?", "？", ""):
        assert not retriever.retrieve(question).answerable


def test_a_follow_up_is_completed_from_the_conversation(add: Add) -> None:
    retriever = add(
        li="李春是隋代的工匠，他出生在邢台。",
        du="杜甫是唐代的诗人，他出生在巩县。",
    )
    retrieval = retriever.retrieve("他出生在哪里？", earlier=["你好", "李春是谁？"])
    assert retrieval.passages[0].file.stem == "li"
    assert "李春" in retrieval.query
    assert retriever.retrieve("杜甫生于何地", earlier=["李春是谁？"]).query == "杜甫生于何地"
    assert analyse("And his wife?", ["Who was Li Bai?"]).weights.keys() >= {"bai", "wife"}


def test_a_short_question_is_not_joined_to_an_unrelated_one_before_it(add: Add) -> None:
    retriever = add(
        washer="The warranty lasts for three years.",
        rome="Der Papst ist der Bischof von Rom.",
        li="李春是隋代的工匠，生于邢台。保修期为三年。",
    )
    question = "How long is the warranty?"
    for before in ("wer ist der Papst?", "Who invented the steam engine?"):
        retrieval = retriever.retrieve(question, earlier=[before])
        assert retrieval.query == question
        assert retrieval.passages[0].file.stem == "washer"
    assert retriever.retrieve("保修期多久？", earlier=["教皇是谁？"]).query == "保修期多久？"
    # What goes on with the subject is still asked together with it.
    assert "李春" in retriever.retrieve("生于哪里？", earlier=["李春是谁？"]).query
    # One that points back without need is asked alone where the whole finds nothing.
    alone = "Is there a warranty?"
    before = "Explain quantum chromodynamics, lattice gauge theory, baryogenesis and asymptotics!"
    assert retriever.retrieve(alone, earlier=[before]).query == alone


def test_new_words_are_found_at_once(add: Add) -> None:
    retriever = add(a="First.")
    assert files(retriever, "洛阳桥") == []
    add(b="洛阳桥在泉州。")
    assert files(retriever, "洛阳桥") == ["b"]


def test_a_question_of_common_words_alone_finds_something(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.documents.search.candidates._LEAST_ROWS", 2)
    texts = {f"n{n}": f"common word number {n}" for n in range(5)}
    retriever = add(**texts, both="common word of another kind altogether")
    assert files(retriever, "common word")


_ANY_SCRIPT = st.text(
    st.characters() | st.sampled_from("a1é_\0\u0301 ½…ﬁ絶表ㄅ한かー𠀀Ａ\ud83c中文全文搜索.")
)


@given(st.lists(_ANY_SCRIPT, max_size=5))
def test_the_index_and_the_finder_see_the_same_words(texts: list[str]) -> None:
    for text, indexed in zip(texts, index_words(texts), strict=True):
        words = set(words_of(text))
        assert set(indexed.split()) == words
        [before, places, after] = WordFinder(words).places([text, text, "none"])
        assert before == places
        assert places.keys() == words
        assert after.keys() <= words
        for word, at in places.items():
            for place in at:
                assert fold(text)[place] == word[0] or word not in fold(text)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_question_can_be_asked(question: str, earlier: list[str]) -> None:
    query = analyse(question, earlier)
    assert all(0 < weight <= 1 for weight in query.weights.values())
    assert query.text.endswith(question)
