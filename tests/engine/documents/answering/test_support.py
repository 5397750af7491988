"""A sentence is marked where a passage says the same, and nowhere else."""

import pytest
from answering_helpers import make_retrieval
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.documents.answering.asking import supported
from engine.documents.answering.support import mark_support

BRIDGE = (
    "The old bridge crosses the river Aar. "
    "It was built in 1887 by Anna Keller and is 96 metres long."
)
SALT = "海水含有大量盐分，所以是咸的。死海的盐度约为34%，是一般海水的十倍左右。"


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("The bridge was built in 1887 by Anna Keller.", [(1,)]),
        ("The bridge was built in 1987 by Anna Keller.", [()]),
        ("The bridge was built in 1887 by Peter Keller.", [()]),
        ("死海的盐度约为34%。", [(2,)]),
        ("死海的盐度约为43%。", [()]),
        ("It was built in 1887. Many tourists love its wonderful view of mountains.", [(1,), ()]),
        ("Bananas are yellow and sweet.", [()]),
    ],
)
def test_numbers_names_and_most_words_must_agree(
    answer: str, numbers: list[tuple[int, ...]]
) -> None:
    passages = make_retrieval("?", [BRIDGE, SALT]).passages
    marked = mark_support(answer, passages)
    assert [claim.passages for claim in marked.claims] == numbers
    for claim in marked.claims:
        assert marked.text[claim.start : claim.end] in answer
    for citation in marked.citations:
        assert citation.text in (BRIDGE if citation.number == 1 else SALT)


def test_marks_of_the_model_itself_are_not_believed() -> None:
    passages = make_retrieval("?", [SALT, BRIDGE]).passages
    marked = mark_support("The bridge was built in 1887 [1][7]. It has 12 arches [2].", passages)
    assert marked.text == "The bridge was built in 1887. [2] It has 12 arches."


def test_an_answer_without_support_says_so() -> None:
    retrieval = make_retrieval("Who built it?", [BRIDGE])
    text, sources = supported("Napoleon built it in 1812.", retrieval, 1, "en")
    assert text.endswith("(Nothing in the documents supports this answer.)")
    assert not sources.answerable
    assert not sources.citations
    text, sources = supported("The passage does not say.", retrieval, 1, "en")
    assert (text, sources.answerable) == ("The passage does not say.", False)
    text, sources = supported("Anna Keller built it in 1887.", retrieval, 1, "en")
    assert text == "Anna Keller built it in 1887. [1]"
    assert sources.answerable


WORDS = st.sampled_from(
    [*BRIDGE.split(), "1887", "[1]", "[9]", "。", "海水", "咸的", "34%", "\n\n"]
)


@settings(max_examples=60)
@given(st.lists(WORDS | st.text(max_size=4), max_size=20).map(" ".join))
def test_every_mark_resolves_and_every_quote_stands_there(answer: str) -> None:
    retrieval = make_retrieval("?", [BRIDGE, SALT])
    text, sources = supported(answer, retrieval, 2, "en")
    for claim in sources.claims:
        assert text[claim.start : claim.end].strip()
        for number in claim.passages:
            assert f"[{number}]" in text[claim.end :]
            assert number in [citation.number for citation in sources.citations]
    for citation in sources.citations:
        page_text = " " * citation.passage.start + citation.passage.text
        assert page_text[citation.start : citation.end] == citation.text
