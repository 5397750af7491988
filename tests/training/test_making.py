"""Training data of our own making: an answer must stand where it is said to stand."""

import json
import random
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_texts import documents

from engine.document_prompt import ask_about_passage, ask_about_passages
from training.evaluation.language import Language, answers_in, language_of
from training.evaluation.scoring import is_refusal
from training.making.closed_book import from_closed_book
from training.making.conversations import Conversations
from training.making.copying import from_copied
from training.making.documents import exercises
from training.making.exercises import Exercise
from training.making.human_questions import from_human_questions
from training.making.lookups import lookups
from training.making.makers import MAKERS
from training.making.passages import passages
from training.making.pieces import letters
from training.making.preferences import question_pairs, written_pairs
from training.making.questions import questions
from training.making.tasks import from_translations
from training.making.typed import as_typed
from training.making.wordings import wordings
from training.parts import divide
from training.recipe import Source
from training.sources.locate import File
from training.sources.readers import read

TEXTS = Path(__file__).parents[2] / "training/recipes/text"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
SEEDS = [str(seed) for seed in range(12)]


def _generator(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - sampling, not secrecy


@cache
def _exercises(language: Language) -> list[Exercise]:
    return [one for seed in SEEDS for one in exercises(documents(language), seed)]


def _written(language: Language) -> dict[str, Any]:
    return tomllib.loads((TEXTS / f"conversations_{language}.toml").read_text(encoding="utf-8"))


def _messages(record: dict[str, Any]) -> list[str]:
    return [message["content"] for message in record["messages"]]


@cache
def _asked(language: Language) -> dict[str, str]:
    """Return the answers to all questions that the texts yield, by question."""

    found = {}
    for seed in range(60):
        generator = _generator(seed)
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
    "name", ["questions", "lookups", "shuffled", "closed-book", "copying", "question-pairs"]
)
def test_the_same_seed_makes_the_same_records(name: str, language: Language) -> None:
    make = MAKERS[name]
    first = list(make(documents(language), "a"))
    assert first == list(make(documents(language), "a"))
    assert first != list(make(documents(language), "b"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_are_asked_about_in_the_wording_of_the_application(language: Language) -> None:
    words = wordings(language)
    asked = [words.ask("P", "Q", _generator(i), numbered=False) for i in range(200)]
    assert asked.count(ask_about_passage("P", "Q", language)) > 50
    asked = [words.ask("P", "Q", _generator(i), numbered=True) for i in range(200)]
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
def test_a_gap_is_filled_by_its_answer_and_by_nothing_else(language: Language) -> None:
    gap = re.compile(r"____|什么|what|……|\.\.\.")
    around = re.compile(
        r"^(?:填空：|“|Fill the gap: |What is missing\? |What stands in \")"
        r"|(?:？|”，省略了什么？|\?|\"\?)$"
    )
    found = many = 0
    for document in documents(language):
        for passage in passages(document["text"], language, _generator(1)):
            asked = lookups(passage, _generator(2))
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_lookups_ask_much_of_every_passage(language: Language) -> None:
    records = [r for seed in SEEDS for r in MAKERS["lookups"](documents(language), seed)]
    turns = [len(_messages(record)) // 2 for record in records]
    assert sum(turns) > 2.5 * len(turns)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_among_shuffled_words_has_one_answer(language: Language) -> None:
    gap = re.compile(r"____|什么|what|谁|who|哪里|where|which|……|\.\.\.")
    joint = {"zh": "，", "en": " "}[language]
    records = list(MAKERS["shuffled"](documents(language), "0"))
    assert records
    for record in records:
        first, *rest = _messages(record)
        passage, _, question = first.partition("\n")
        words = passage.split(joint)
        assert len(set(words)) == len(words)
        for asked, answer in zip([question, *rest[1::2]], rest[::2], strict=True):
            assert answer in words
            [match] = gap.finditer(asked)
            filled = f"{asked[: match.start()]}{answer}{asked[match.end() :]}".rstrip("?？")
            assert f"{joint}{filled}{joint}" in f"{joint}{passage}{joint}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fact_is_not_known_until_its_text_is_given(language: Language) -> None:
    words = wordings(language)
    given = 0
    for seed in SEEDS:
        for record in from_closed_book(documents(language), seed):
            question, answer, *rest = _messages(record)
            assert answer in words.unknown
            if rest and rest[1] not in words.no_guess:
                given += 1
                assert rest[1] in rest[0]
                assert rest[1] not in question
    assert given > 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_copied_stands_in_the_text(language: Language) -> None:
    for seed in SEEDS:
        for record in from_copied(documents(language), seed):
            request, answer = _messages(record)
            parts = re.split("、|, ", answer) if re.fullmatch(r"[\d年、, ]+", answer) else [answer]
            assert all(part in request for part in parts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_written_conversations_are_whole_different_and_in_their_language(
    language: Language,
) -> None:
    seen = set()
    for record in MAKERS["conversations"]([_written(language)], "0"):
        messages = _messages(record)
        assert len(messages) % 2 == 0
        assert all(message.strip() and not re.search(r"[{}]", message) for message in messages)
        assert record["lang"] == language
        seen.add("\n".join(messages))
    records = list(MAKERS["conversations"]([_written(language)], "0"))
    assert len(seen) == len(records) > 2000


def test_questions_are_typed_in_other_ways_too() -> None:
    def ways(text: str, *greetings: str) -> list[str]:
        return as_typed(text, greetings, _generator(0))

    assert ways("Who are you?", "Hello, ") == ["who are you", "Hello, who are you?"]
    assert ways("Who are you?", "Hello! ") == ["who are you", "Hello! Who are you?"]
    assert ways("I like tea.", "Hi, ") == ["i like tea", "Hi, I like tea."]
    assert ways("DNA?", "Hi, ") == ["dna", "Hi, DNA?"]
    assert ways("你是谁？", "你好，") == ["你是谁", "你好，你是谁？"]
    assert ways("你好", "你好，") == []
    assert ways("hello there", "Hello! ") == []


@pytest.mark.parametrize(
    ("language", "asked", "answered"),
    [("en", "{}, who are you?", "GEB"), ("zh", "{}，你是谁？", "GEB")],
)
def test_who_it_is_may_be_asked_after_a_greeting(
    language: Language, asked: str, answered: str
) -> None:
    greetings = ("Hello", "Hi", "Hey", "Good evening", "你好", "您好", "嗨", "哈喽", "早上好")
    records = [r for s in "0123456789" for r in MAKERS["conversations"]([_written(language)], s)]
    answers = {
        answer
        for question, answer, *_ in map(_messages, records)
        if question in {asked.format(greeting) for greeting in greetings}
    }
    assert answers
    assert all(answered in answer for answer in answers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_in_the_other_language_was_asked_for(language: Language) -> None:
    told = Conversations(_written(language), "0")
    asks = re.compile(r"Chinese|中文|英文|英语|English|[?=+\-×x\d]|π|DNA|CPU")
    for group in told.groups:
        turns = [(user, answer) for user in group.user for answer in group.assistant]
        for following in group.then:
            turns += [(u, a) for u in following["user"] for a in following["assistant"]]
        for user, answer in turns:
            assert answers_in(language, answer) or asks.search(user), (user, answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_sums_are_right(language: Language) -> None:
    signs: dict[str, Callable[[int, int], int]] = {
        r"加|plus|\+|[Aa]dd|much is \d+ and": lambda a, b: a + b,
        r"乘|积|times|×| x |[Mm]ultiply": lambda a, b: a * b,
        r"Take (\d+)": lambda a, b: b - a,
        r"减|minus|-|less": lambda a, b: a - b,
    }
    sums = list(Conversations(_written(language), "0").sums())
    assert len(sums) == 300
    for question, answer in sums:
        a, b = map(int, re.findall(r"\d+", question))
        result = next(value for sign, value in signs.items() if re.search(sign, question))
        assert int(re.findall(r"\d+", answer)[-1]) == result(a, b), (question, answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_pair_about_a_document_only_the_chosen_answer_is_right(language: Language) -> None:
    pairs = [pair for seed in SEEDS for pair in question_pairs(documents(language), seed)]
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_harm_and_invention_are_only_ever_rejected(language: Language) -> None:
    contents = _written(language)

    def filled(match: re.Match[str]) -> str:
        return f"(?:{'|'.join(map(re.escape, contents['slots'][match[1]]))})"

    wrong = [
        re.compile(re.sub(r"\\\{(\w+)\\\}", filled, re.escape(text)), re.IGNORECASE)
        for group in contents["group"]
        for text in group.get("wrong", ())
    ]
    pairs = list(written_pairs([contents], "0"))
    rejected = [pair["rejected"] for pair in pairs]
    assert sum(any(bad.fullmatch(text) for bad in wrong) for text in rejected) > 100
    assert not any(bad.fullmatch(pair["chosen"]) for pair in pairs for bad in wrong)


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
    asked = [m for one in made for m in _messages(one)]
    assert any("Who built the mill?" in message and text in message for message in asked[::2])
    # The second answer is no span of the passage, so its question is left out.
    assert not any("When was it built?" in message for message in asked)
    assert "Edwin Ogden" in asked


def test_translations_are_asked_for_in_both_directions() -> None:
    def single(user: str, assistant: str) -> dict[str, Any]:
        roles = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
        return {"messages": roles, "lang": "zh"}

    given_pairs = [
        single("Translate into Chinese: The tea is cold.", "茶凉了。"),
        single("把下面的句子翻译成英文：我喜欢雨天。", "I like rainy days."),
    ] * 6
    for record in from_translations(given_pairs, "0"):
        messages = _messages(record)
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
    generator = _generator(seed)
    for passage in passages(f"天地人\n\n{text}。", language, generator):
        for number, (start, end) in enumerate(passage.sentences):
            assert passage.sentence(number) == passage.text[start:end] != ""
        for asked in questions(passage, 5, generator):
            assert passage.text[asked.start :].startswith(asked.answer)
            assert passage.text.count(asked.answer) == 1
            assert asked.question.strip()


def _source(name: str, reader: str, **more: Any) -> Source:
    return Source(
        name=name,
        stage="sft",
        language="zh",
        licence="CC0-1.0",
        url="https://example.org",
        files=("*",),
        reader=reader,
        **more,
    )


def test_a_recipe_reads_made_records_from_the_origins_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps(document) for document in (*documents("zh"), *documents("en"))]
    path.write_text("\n".join(lines), encoding="utf-8")
    made = list(read(path, _source("one", "questions", origins=("tests",))))
    assert {record["lang"] for record in made} == {"zh", "en"}
    assert made == list(read(path, _source("one", "questions")))
    assert made != list(read(path, _source("two", "questions")))
    assert list(read(path, _source("one", "questions", origins=("others",)))) == []


def test_records_are_made_of_the_wanted_share_of_documents_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": str(n), "lang": "zh", "source": "tests"}) for n in range(400)]
    path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setitem(MAKERS, "copying", lambda documents, _seed: documents)
    some = [row["text"] for row in read(path, _source("one", "copying", documents=0.25))]
    assert 70 < len(some) < 130
    again = [row["text"] for row in read(path, _source("two", "copying", documents=0.5))]
    assert set(some) <= set(again)


def test_sources_that_make_records_of_one_file_do_not_share_them(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("", encoding="utf-8")
    sources = [_source("one", "questions"), _source("two", "questions"), _source("three", "jsonl")]
    parts = divide([(source, [File(path.name, path)]) for source in sources], [])
    assert sorted(len(part.sources) for part in parts) == [1, 1, 1]
