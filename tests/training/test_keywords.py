"""Questions of a few words that stand around their answer."""

import re

import pytest
from making_texts import LANGUAGES, documents, random_from

from training.evaluation.language import Language
from training.making.asked import Asked
from training.making.keywords import keywords
from training.making.passages import Passage, passages

_ASK = {
    "zh": {"time": r"什么时候|何时|哪一?年|什么时间", "count": r"多少|几|多大|数量"},
    "en": {
        "time": r"(?i)when|what year|what date",
        "count": r"(?i)how many|how much|how large|what number",
    },
}


def _asked(language: Language) -> list[tuple[Passage, Asked]]:
    return [
        (passage, asked)
        for document in documents(language)
        for passage in passages(document["text"], language, random_from(1))
        for asked in keywords(passage, random_from(2))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_stands_in_the_passage_and_words_around_it_in_the_question(
    language: Language,
) -> None:
    found = _asked(language)
    assert len(found) > 20
    many = 0
    for passage, one in found:
        assert passage.text[one.start :].startswith(one.answer)
        assert passage.text.count(one.answer) == 1
        assert one.answer not in one.question
        (sentence,) = (
            passage.text[start:end] for start, end in passage.sentences if start <= one.start < end
        )
        if language == "en":
            shared = set(re.findall(r"\w+", one.question.lower()))
            shared &= set(re.findall(r"\w+", sentence.lower()))
        else:
            shared = {one.question[i : i + 2] for i in range(len(one.question))}
            shared &= {sentence[i : i + 2] for i in range(len(sentence))}
        assert shared, one
        many += len(shared) > 1
    assert many > 0.8 * len(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_word_says_what_is_wanted(language: Language) -> None:
    found = [asked for _, asked in _asked(language)]
    years = [one for one in found if re.fullmatch(r"\d{4}年?", one.answer)]
    amounts = [one for one in found if re.match(r"\d{1,3}(?!\d|月|日)", one.answer)]
    for kind, some in (("time", years), ("count", amounts)):
        assert len(some) > 2
        assert all(re.search(_ASK[language][kind], one.question) for one in some)
