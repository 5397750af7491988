"""Training data of our own making: an answer must stand where it is said to stand."""

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_texts import LANGUAGES, SEEDS, contents, documents, random_from

from engine.document_prompt import ask_about_passage, ask_about_passages
from training.evaluation.language import Language, language_of
from training.evaluation.scoring import is_refusal
from training.making import written_questions
from training.making.closed_book import from_closed_book
from training.making.copying import from_copied
from training.making.documents import exercises
from training.making.exercises import Exercise
from training.making.human_questions import (
    from_human_questions,
    from_joined_questions,
    from_written_questions,
)
from training.making.makers import MAKERS
from training.making.passages import passages
from training.making.pieces import letters
from training.making.preferences import question_pairs
from training.making.questions import questions
from training.making.tasks import from_translations
from training.making.wordings import wordings
from training.making.written_questions import written_about


@cache
def _exercises(language: Language) -> list[Exercise]:
    return [one for seed in SEEDS for one in exercises(documents(language), seed)]


@cache
def _asked(language: Language) -> dict[str, str]:
    """Return the answers to all questions that the texts yield, by question."""

    found = {}
    for seed in range(60):
        generator = random_from(seed)
        for document in documents(language):
            for passage in passages(document["text"], language, generator):
                for asked in questions(passage, 9, generator):
                    assert passage.text.count(asked.answer) == 1, asked
                    found[asked.question] = asked.answer
    return found


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("zh", r"青石桥.*(?:多长|长度|全长).*", "86米"),
        ("zh", r".*(?:绿源公司|绿源).*(?:为什么|为何|原因).*(?:关闭|关停).*", "原料价格上涨"),
        ("zh", r".*周景云.*(?:哪|什么时候|何时).*(?:考入|考上|进入).*南华大学.*", "1908年"),
        ("zh", r".*周景云的妻子是谁.*", "画家沈若溪"),
        ("en", r"Who (?:designed|planned) Harbridge Lighthouse\?", "Colin Ashworth"),
        ("en", r"How many steps does the tower have\?", "142"),
        ("en", r"(?:Why|For what reason) was Harbridge Lighthouse closed\?", "the new harbour"),
        ("en", r"When was Rosalind Ogden born\?", "4 May 1851"),
        (
            "en",
            r"What (?:does the bridge|is the bridge) (?:consist|made) of\?",
            "five steel arches",
        ),
    ],
)
def test_a_sentence_is_asked_about_with_its_right_answer(
    language: Language, question: str, answer: str
) -> None:
    asked = _asked(language)
    found = {answer for text, answer in asked.items() if re.fullmatch(question, text)}
    assert found == {answer}, sorted(asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_is_a_span_of_the_passage_that_its_number_names(language: Language) -> None:
    made = _exercises(language)
    numbered = [one for one in made if one.pieces]
    assert len(made) > 100
    assert len(numbered) > 10
    for exercise in made:
        pieces = re.split(r"(?:^|\n\n)\[\d+\] ", exercise.text)[1:]
        assert len(pieces) == exercise.pieces
        for turn in exercise.turns:
            if turn.span is None:
                continue
            assert turn.span in exercise.text
            if exercise.pieces:
                match = re.fullmatch(r"(?P<a>.+) \[(?P<n>\d+)\]", turn.assistant, re.DOTALL)
                assert match is not None
                assert turn.span in pieces[int(match["n"]) - 1]
                assert sum(turn.span in piece for piece in pieces) == 1
            else:
                # The span itself, or the sentence that holds it where a quotation is asked for.
                assert turn.span in turn.assistant
                assert turn.assistant in exercise.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_called_unanswerable_has_no_answer_in_the_text(language: Language) -> None:
    answers = _asked(language)
    refused = checked = 0
    for exercise in _exercises(language):
        first_message = exercise.turns[0].user
        for turn in exercise.turns:
            assert is_refusal(turn.assistant, language) == (turn.span is None)
            if turn.span is not None:
                continue
            refused += 1
            known = [q for q in answers if q in turn.user and not first_message.startswith(q * 2)]
            for question in known:
                checked += 1
                assert letters(answers[question]) not in letters(exercise.text)
    assert refused > 20
    assert checked > 10


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name",
    ["questions", "gaps", "keywords", "shuffled", "closed-book", "copying", "question-pairs"],
)
def test_the_same_seed_makes_the_same_records(name: str, language: Language) -> None:
    make = MAKERS[name]
    first = list(make(documents(language), "a"))
    assert first == list(make(documents(language), "a"))
    assert first != list(make(documents(language), "b"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_are_asked_about_in_the_wording_of_the_application(language: Language) -> None:
    words = wordings(language)
    asked = [words.ask("P", "Q", random_from(i), numbered=False) for i in range(200)]
    assert asked.count(ask_about_passage("P", "Q", language)) > 50
    asked = [words.ask("P", "Q", random_from(i), numbered=True) for i in range(200)]
    assert asked.count(ask_about_passages("P", "Q", language)) > 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wording_holds_what_it_is_filled_with(language: Language) -> None:
    words = wordings(language)
    for wording in (*words.single, *words.many):
        assert wording.count("{p}") == wording.count("{q}") == 1
    assert all("{q}" in wording for wording in (*words.quote, *words.follow_up))
    assert all("{p}" in wording for wording in words.given)
    for refusal in (*words.refusal_single, *words.refusal_many):
        assert is_refusal(refusal, language)
        assert language_of(refusal) == language
    for answer in (*words.unknown, *words.no_guess):
        assert language_of(answer) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fact_is_not_known_until_its_text_is_given(language: Language) -> None:
    words = wordings(language)
    given = 0
    for seed in SEEDS:
        for record in from_closed_book(documents(language), seed):
            question, answer, *rest = contents(record)
            assert answer in words.unknown
            if rest and rest[1] not in words.no_guess:
                given += 1
                assert rest[1] in rest[0]
                assert rest[1] not in question
    assert given > 5


def test_a_word_s_meaning_is_not_known_until_it_is_given() -> None:
    def record(word: str, meaning: str) -> dict[str, Any]:
        user = {"role": "user", "content": f'What does "{word}" mean?'}
        return {"messages": [user, {"role": "assistant", "content": meaning}], "lang": "en"}

    senses = '"bank" can mean:\n1. (noun) sloping land.\n2. (noun) a long pile.'
    records = [record("bank", senses), record("cousin", '"cousin" means: an aunt\'s child.')] * 20
    unknown = set(wordings("en").unknown)
    given = set()
    for made in MAKERS["dictionary"](records, "0"):
        question, answer, *rest = contents(made)
        assert question.startswith("What does")
        assert answer in unknown
        if rest and "mean" in rest[0] and '"' in rest[0]:
            given.add(rest[1])
    assert given == {"sloping land", "an aunt's child"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_copied_stands_in_the_text(language: Language) -> None:
    for seed in SEEDS:
        for record in from_copied(documents(language), seed):
            request, answer = contents(record)
            parts = re.split("、|, ", answer) if re.fullmatch(r"[\d年、, ]+", answer) else [answer]
            assert all(part in request for part in parts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_pair_about_a_document_only_the_chosen_answer_is_right(language: Language) -> None:
    pairs = [
        pair
        for seed in [*SEEDS, *"abcdefghijklmnopqrst"]
        for pair in question_pairs(documents(language), seed)
    ]
    assert len(pairs) > 100
    for pair in pairs:
        assert pair["chosen"] != pair["rejected"]
        if is_refusal(pair["chosen"], language):
            again = pair["rejected"].startswith(pair["chosen"])
            assert again or not is_refusal(pair["rejected"], language)
    kinds = {
        "no number": any(p["chosen"].startswith(p["rejected"] + " [") for p in pairs),
        "wrong number": any(
            p["chosen"][:-3] == p["rejected"][:-3] and p["chosen"].endswith("]") for p in pairs
        ),
        "loop": any(p["rejected"].count(p["chosen"]) > 2 for p in pairs),
        "needless refusal": any(
            is_refusal(p["rejected"], language) and not is_refusal(p["chosen"], language)
            for p in pairs
        ),
    }
    assert all(kinds.values()), kinds


def test_people_s_questions_are_taken_out_of_their_wording() -> None:
    text = "The old mill stands by the river Wex. It was built by Edwin Ogden in 1712."
    record = {
        "messages": [
            {"role": "user", "content": f"Passage:\n{text}\n\nQuestion: who built the mill?"},
            {"role": "assistant", "content": "The answer is Edwin Ogden. [1]"},
            {"role": "user", "content": "When was it built?"},
            {"role": "assistant", "content": "In the year 1712."},
        ],
        "lang": "en",
    }
    made = list(from_human_questions([record], "0"))
    asked = [m for one in made for m in contents(one)]
    wordings = {m for m in asked[::2] if "Who built the mill?" in m and text in m}
    assert len(wordings) > 1  # the sets are small, so each question is asked several times
    # The second answer is no span of the passage, so its question is left out.
    assert not any("When was it built?" in message for message in asked)
    assert "Edwin Ogden" in asked


BRIDGE = """青石桥

青石桥建于1912年，全长86米。1912年秋天的洪水冲坏了桥面，次年由石匠周景云修好。"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return what writes the Chinese questions that there are, and no English ones."""

    def write(*entries: Any) -> None:
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        (tmp_path / "questions_zh.jsonl").write_text(lines, encoding="utf-8")
        (tmp_path / "questions_en.jsonl").write_text("", encoding="utf-8")

    monkeypatch.setattr(written_questions, "_FOLDER", tmp_path)
    written_questions._entries.cache_clear()
    yield write
    written_questions._entries.cache_clear()


def test_written_questions_are_asked_about_their_part_of_their_document(
    written: Callable[..., None],
) -> None:
    asked = {"洪水是哪一年冲坏青石桥的？": "1912年", "谁修好了青石桥？": "石匠周景云"}
    written({"document": _digest(BRIDGE), "from": 5, "to": len(BRIDGE), "questions": asked})
    records = list(
        from_written_questions(
            [{"text": BRIDGE, "lang": "zh"}, {"text": f"{BRIDGE}另有一段。", "lang": "zh"}], "0"
        )
    )
    assert records
    turns = [turn for one in records for turn in zip(*[iter(contents(one))] * 2, strict=True)]
    for question, answer in asked.items():
        answers = [said for user, said in turns if question in user]
        assert answers
        assert all(answer in said or is_refusal(said, "zh") for said in answers)
    # Excerpts keep the sentence that the year is asked of, not the one where it stands first.
    for one in records:
        user, said = contents(one)[:2]
        if said == "1912年":
            assert "冲坏了桥面" in user
    assert any("青石桥\n青石桥建于" in user for user, _ in turns)  # under the title, now and then


def test_some_documents_are_kept_from_models(
    written: Callable[..., None],
) -> None:
    texts = [f"第{n}座塔高{n}米。" for n in range(1, 1200)]
    written(
        *(
            {
                "document": _digest(text),
                "from": 0,
                "to": len(text),
                "questions": {f"第{n}座塔多高？": f"{n}米"},
            }
            for n, text in enumerate(texts, 1)
        )
    )
    documents = [{"text": text, "lang": "zh"} for text in texts]
    held_out = {about.text for about in written_about(documents) if about.held_out}
    assert 5 < len(held_out) < 60  # one in 64 of all, more of those that are asked about
    trained = "\n".join(m for one in from_written_questions(documents, "0") for m in contents(one))
    assert not any(text in trained for text in held_out)
    assert sum(text in trained for text in texts) > 900


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_written_can_be_asked(language: Language) -> None:
    questions = Counter[str]()
    mark, leaning = {
        "zh": ("？", "文中|本文|上文"),
        "en": ("?", "(?:the|this) passage|text above"),
    }[language]
    for about in itertools.chain(*written_questions._entries(language).values()):
        assert re.fullmatch(r"[0-9a-f]{16}", about["document"])
        assert 0 <= about["from"] < about["to"]
        for question, answer in about["questions"].items():
            questions[question] += 1
            assert question.endswith(mark)
            assert answer.strip() == answer != ""
            assert len(answer) <= about["to"] - about["from"]
            assert len(answer) == 1 or answer.lower() not in question.lower()
            assert not re.search(leaning, question), question
    assert len(questions) > 2000


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def test_people_s_questions_are_asked_of_whole_passages_and_of_excerpts() -> None:
    names = ["Olga", "Peter", "Maria", "Edwin", "Irene", "Oscar", "Laura", "Simon"]
    texts = [f"{name} bought the mill in {1700 + n}." for n, name in enumerate(names)]
    messages = []
    for n, name in enumerate(names):
        question = f"Who bought the mill in {1700 + n}?"
        asked = question if n else f"Context: {' '.join(texts)}\n\nQ: {question}"
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": name}]
    read: Counter[int] = Counter()
    for one in from_human_questions([{"messages": messages, "lang": "en"}], "0"):
        turns = contents(one)
        read[sum(text in turns[0] for text in texts)] += 1
        for user, assistant in zip(turns[::2], turns[1::2], strict=True):
            year = int(re.findall(r"in (17\d\d)\?", user)[-1])
            held = texts[year - 1700] in turns[0]
            assert (names[year - 1700] in assistant) == held
    assert {1, 2, 8} <= set(read)
    assert set(read) <= {1, 2, 3, 4, 7, 8}  # seven where a sentence was taken out


def test_several_sentences_that_people_asked_about_make_a_passage() -> None:
    def record(text: str, question: str, answer: str) -> dict[str, Any]:
        user = {"role": "user", "content": f"Context: {text}\n\nQ: {question}"}
        return {"messages": [user, {"role": "assistant", "content": answer}], "lang": "en"}

    names = ["Olga", "Peter", "Maria", "Edwin", "Irene", "Oscar", "Laura", "Simon"]
    texts = [f"{name} bought the mill in {1700 + n}." for n, name in enumerate(names)]
    records = [
        record(text, f"Who bought the mill in {1700 + n}?", names[n])
        for n, text in enumerate(texts)
    ]
    records.append(record(texts[0], "What kind of mill?", "the mill"))
    made = list(from_joined_questions(records, "0"))
    assert made == list(from_joined_questions(records, "0"))
    asked: dict[str, set[str]] = {}
    alone = 0
    for one in made:
        messages = contents(one)
        alone += sum(text in messages[0] for text in texts) < 2  # one that is left over
        for user, assistant in zip(messages[::2], messages[1::2], strict=True):
            year = re.findall(r"in (17\d\d)\?", user)[-1]
            asked.setdefault(year, set()).add(assistant)
    assert alone < len(made) / 4
    # All are asked, and answered with the own name wherever that stands in the passage.
    assert {int(year) - 1700 for year in asked} == set(range(len(names)))
    assert all(names[int(year) - 1700] in answers for year, answers in asked.items())
    # Too short a question does not say which sentence is meant.
    assert "What kind of mill?" not in str(made)


def test_translations_are_asked_for_in_both_directions() -> None:
    def single(user: str, assistant: str) -> dict[str, Any]:
        roles = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
        return {"messages": roles, "lang": "zh"}

    given_pairs = [
        single("Translate into Chinese: The tea is cold.", "茶凉了。"),
        single("把下面的句子翻译成英文：我喜欢雨天。", "I like rainy days."),
    ] * 6
    for record in from_translations(given_pairs, "0"):
        messages = contents(record)
        for user, assistant in zip(messages[::2], messages[1::2], strict=True):
            wanted = {"茶凉了。": "The tea is cold.", "I like rainy days.": "我喜欢雨天。"}
            assert wanted[assistant] in user


_CHARACTERS = st.sampled_from(
    [*"天地人在是于年月日，。！？《》「」（）19 0、的他a.,BC'-()\n[]", " the ", " in 1990"]
)


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(_CHARACTERS, min_size=20, max_size=900).map("".join),
    language=st.sampled_from(LANGUAGES),
    seed=st.integers(0, 9),
)
def test_whatever_the_text_answers_stand_in_it(text: str, language: Language, seed: int) -> None:
    generator = random_from(seed)
    for passage in passages(f"天地人\n\n{text}。", language, generator):
        for number, (start, end) in enumerate(passage.sentences):
            assert passage.sentence(number) == passage.text[start:end] != ""
        for asked in questions(passage, 5, generator):
            assert passage.text[asked.start :].startswith(asked.answer)
            assert passage.text.count(asked.answer) == 1
            assert asked.question.strip()
