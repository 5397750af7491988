"""Questions with a gap: in a passage's own words, and among words out of order."""

import re

import pytest
from making_texts import LANGUAGES, SEEDS, contents, documents, random_from

from engine.documents.answering.words import words_of
from training.evaluation.language import Language
from training.making.gaps import gaps
from training.making.makers import MAKERS
from training.making.passages import passages


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_is_filled_by_its_answer_and_by_nothing_else(language: Language) -> None:
    gap = re.compile(r"____|什么|what|……|\.\.\.")
    around = re.compile(
        r"^(?:填空：|“|Fill the gap: |What is missing\? |What stands in \")"
        r"|(?:？|”，省略了什么？|\?|\"\?)$"
    )
    found = many = 0
    for document in documents(language):
        for passage in passages(document["text"], language, random_from(1)):
            asked = gaps(passage, random_from(2))
            many += len(asked) > 4
            for one in asked:
                found += 1
                assert passage.text[one.start :].startswith(one.answer)
                assert passage.text.count(one.answer) == 1
                question = around.sub("", one.question)
                sides = [
                    (question[: match.start()], question[match.end() :])
                    for match in gap.finditer(question)
                ]
                assert any(left + one.answer + right in passage.text for left, right in sides), one
                assert one.answer not in question
    assert found > 20
    assert many > 2


def test_chinese_gaps_are_cut_between_words() -> None:
    whole = found = 0
    for document in documents("zh"):
        for passage in passages(document["text"], "zh", random_from(1)):
            words = words_of(passage.text)
            starts, ends = {word.start for word in words}, {word.end for word in words}
            for one in gaps(passage, random_from(2)):
                found += 1
                whole += one.start in starts and one.start + len(one.answer) in ends
    assert found > 20
    assert whole > 0.85 * found


@pytest.mark.parametrize("language", LANGUAGES)
def test_gaps_ask_much_of_every_passage(language: Language) -> None:
    records = [r for seed in SEEDS for r in MAKERS["gaps"](documents(language), seed)]
    turns = [len(contents(record)) // 2 for record in records]
    assert sum(turns) > 2.5 * len(turns)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_among_shuffled_words_has_one_answer(language: Language) -> None:
    gap = re.compile(r"____|什么|what|谁|who|哪里|where|which|……|\.\.\.")
    joint = {"zh": "", "en": " "}[language]
    records = list(MAKERS["shuffled"](documents(language), "0"))
    repeats = set()
    for record in records:
        first, *rest = contents(record)
        passage, _, question = first.partition("\n")
        words = re.findall({"zh": "..", "en": "[^ ]+"}[language], passage)
        assert joint.join(words) == passage
        repeats.add(len(set(words)) < len(words))
        for asked, answer in zip([question, *rest[1::2]], rest[::2], strict=True):
            assert answer in words
            matches = list(gap.finditer(asked))
            # Without a gap the answer is what comes next.
            start, end = matches[0].span() if matches else (len(asked), len(asked))
            assert len(matches) <= 1
            before = asked[:start] if matches else asked.rstrip("?？") + joint
            filled = f"{before}{answer}{asked[end:]}".rstrip("?？")
            assert f"{joint}{filled}{joint}" in f"{joint}{passage}{joint}"
    assert repeats == {False, True}
