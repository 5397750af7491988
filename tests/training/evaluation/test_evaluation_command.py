"""The command: one toy model as checkpoint and as bundle gives the same scores."""

import json
import math
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.bundle import default_bundle_path
from engine.document_prompt import ask_about_passage
from engine.errors import GebError
from engine.tokenizer import Tokenizer
from training.evaluate import evaluate, main, open_runner
from training.evaluation.bpb import bits_per_byte_by_language
from training.evaluation.chat import drawn_conversations, written_conversations
from training.evaluation.runner import nats
from training.evaluation.sampling import sample
from training.loss import sequence_nats
from training.making.conversations import from_written
from training.model import GEB

RECIPES = Path(__file__).parents[3] / "training/recipes"


@pytest.fixture(scope="module")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = [
        {"text": "今天天气很好，我们去公园。", "lang": "zh", "source": "news"},
        {"text": "长江是中国最长的河流。", "lang": "zh", "source": "wiki"},
        {"text": "The weather is fine in the park. " * 60, "lang": "en", "source": "wiki"},
        {"text": "Hello, I am a small model.", "lang": "en", "source": "wiki"},
    ]
    path = tmp_path_factory.mktemp("data") / "heldout.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def article(title: str, context: str, question: str, answer: str) -> dict[str, Any]:
        entry = {"id": title, "question": question, "answers": [{"text": answer}]}
        return {"title": title, "paragraphs": [{"context": context, "qas": [entry]}]}

    data = [
        article("France", "The capital of France is Paris. " * 99, "Which capital?", "Paris"),
        article("Spain", "The capital of Spain is Madrid.", "What is the capital?", "Madrid"),
    ]
    path = tmp_path_factory.mktemp("data") / "squad.json"
    path.write_text(json.dumps({"data": data}))
    return path


@pytest.fixture(scope="module")
def chat_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    for name in ("film", "music", "travel"):
        dialogues = [{"messages": [{"message": f"{name}{i}好看吗？"}]} for i in range(12)]
        (folder / f"kdconv_{name}_test.json").write_text(json.dumps(dialogues))
    crosswoz = {str(i): {"messages": [{"content": f"请找第{i}家餐馆。"}]} for i in range(30)}
    (folder / "crosswoz_test.json").write_text(json.dumps(crosswoz))
    for name in ("freq", "rare"):
        topical = {
            f"{i}": {"content": [{"message": f"Do you like {name} {i}?"}]} for i in range(30)
        }
        (folder / f"topicalchat_test_{name}.json").write_text(json.dumps(topical))
    return folder


def test_checkpoint_and_bundle_need_the_same_bits(models: dict[str, Path], heldout: Path) -> None:
    found = {form: evaluate(path, "bpb", heldout, None) for form, path in models.items()}
    assert found["checkpoint"]["n"] == 4
    for language in ("zh", "en"):
        score = found["checkpoint"]["bits_per_byte"][language]
        assert score == pytest.approx(found["bundle"]["bits_per_byte"][language], rel=1e-4)
    domains = found["checkpoint"]["domains"]
    assert {language: set(scores) for language, scores in domains.items()} == {
        "zh": {"news", "wiki"},
        "en": {"wiki"},
    }
    assert domains["en"]["wiki"] == found["checkpoint"]["bits_per_byte"]["en"]
    assert evaluate(models["checkpoint"], "bpb", heldout, 1)["n"] == 3


def test_bits_per_byte_are_minus_log2_of_the_probability(
    model: GEB, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "heldout.jsonl"
    path.write_text('{"text": "你好", "lang": "zh"}\n')
    ids = [1, *tokenizer.encode("你好"), 2]
    with torch.no_grad():
        logs = torch.log_softmax(model(torch.tensor([ids]))[0], -1)
    nats = -sum(logs[i, ids[i + 1]].item() for i in range(len(ids) - 1))

    def score(token_ids: list[int]) -> float:
        return sequence_nats(model, token_ids)

    found = bits_per_byte_by_language(path, 1, score, tokenizer, 512)
    assert found == {"zh": pytest.approx(nats / math.log(2) / 6, rel=1e-5)}


def test_both_forms_give_the_same_greedy_answers_with_and_without_a_shared_prefix(
    model: GEB, models: dict[str, Path], tokenizer: Tokenizer
) -> None:
    runners = [open_runner(path) for path in models.values()]
    for question in ("你好，今天", "你好，我是", "Hello"):
        for runner in runners:
            prompt = runner.chat_template.encode([{"role": "user", "content": question}])
            assert runner.complete(prompt, 20) == _plain_greedy(model, tokenizer, prompt, 20)
            nats(runner, prompt)


def _plain_greedy(model: GEB, tokenizer: Tokenizer, prompt: list[int], steps: int) -> str:
    tokens = list(prompt)
    while len(tokens) < len(prompt) + steps:
        with torch.no_grad():
            token = int(model(torch.tensor([tokens]))[0, -1].argmax())
        if token in (2, tokenizer.control_tokens["<|user|>"]):
            break
        tokens.append(token)
    decoder = tokenizer.stream_decoder()
    return "".join(decoder.push(token) for token in tokens[len(prompt) :])


def test_right_answers_cost_minus_log2_of_their_probability(
    model: GEB, models: dict[str, Path], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    qas = [{"id": "1", "question": "天气怎么样？", "answers": [{"text": "很好"}, {"text": "好"}]}]
    data = tmp_path / "squad.json"
    data.write_text(json.dumps({"data": [{"paragraphs": [{"context": "天气很好。", "qas": qas}]}]}))
    text = ask_about_passage("天气很好。", "天气怎么样？", "zh")
    control = tokenizer.control_tokens
    prompt = [1, control["<|user|>"], *tokenizer.encode(text), control["<|assistant|>"]]
    ids = [*prompt, *tokenizer.encode("很好"), 2]
    with torch.no_grad():
        logs = torch.log_softmax(model(torch.tensor([ids]))[0], -1)
    places = range(len(prompt) - 1, len(ids) - 1)
    bits = -sum(logs[i, ids[i + 1]].item() for i in places) / math.log(2)
    for path in models.values():
        found = evaluate(path, "answers", data, None)
        assert found["n"] == 1
        # The end of the answer counts, and has no bytes.
        assert found["answer_bits_per_byte"] == pytest.approx(bits / 6, rel=1e-3)


def test_a_long_passage_leaves_room_for_the_answer(
    models: dict[str, Path], questions: Path
) -> None:
    assert evaluate(models["checkpoint"], "answers", questions, None)["answer_bits_per_byte"] > 0


@pytest.mark.parametrize("form", ["checkpoint", "bundle"])
def test_docqa_writes_its_scores(
    form: str,
    models: dict[str, Path],
    questions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "new/docqa.json"
    arguments = ["--model", models[form], "--suite", "docqa", "--data", questions, "--json", out]
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, arguments)])
    main()
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["suite"] == "docqa"
    assert result["language"] == "en"
    assert result["n"] == result["n_unanswerable"] == 2
    # The long passage, asked about in both roles, loses its end.
    assert result["passages_cut"] == 2
    for rate in ("em", "f1", "answerable_refused", "unanswerable_recognised"):
        assert 0 <= result[rate] <= 100
    assert [entry["answerable"] for entry in result["answers"]] == [True, False, True, False]


def test_documents_answers_from_a_file_as_the_application_does(tmp_path: Path) -> None:
    told = "The castle of Vienna was built by Otto Wagner.", "The clock of Graz is 28 metres high."
    asked = "Who built the castle of Vienna?", "How high is the clock of Graz?"
    data = [
        {
            "title": text,
            "paragraphs": [
                {
                    "context": text,
                    "qas": [{"id": text, "question": question, "answers": [{"text": answer}]}],
                }
            ],
        }
        for text, question, answer in zip(told, asked, ("Otto Wagner", "28 metres"), strict=True)
    ]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": data}))
    result = evaluate(default_bundle_path(), "documents", path, None)
    assert result["n"] == result["n_unanswerable"] == 2
    assert result["f1"] > 50
    assert result["answerable_refused"] == 0
    assert result["unanswerable_recognised"] == 100


def test_chat_writes_its_rates(models: dict[str, Path], chat_sets: Path) -> None:
    result = evaluate(models["bundle"], "chat", chat_sets, 8)
    assert result["n"] == 8 == sum(part["n"] for part in result["languages"].values())
    for rates in (result, *result["languages"].values()):
        assert 0 <= rates["greedy_loop_rate"] <= 100
        assert 0 <= rates["answer_language_accuracy"] <= 100


def test_written_conversations_are_half_chinese_and_in_no_training_recipe() -> None:
    written = written_conversations()
    assert [c.language for c in written].count("zh") == [c.language for c in written].count("en")
    assert len(written) == 100
    asked = [c.messages[-1]["content"] for c in written]
    assert len(set(asked)) == 100
    assert all(c.messages[-1]["role"] == "user" for c in written)
    trained = {
        message["content"]
        for path in (RECIPES / "text").glob("*.toml")
        if "group" in (contents := tomllib.loads(path.read_text(encoding="utf-8")))
        for record in from_written([contents])
        for message in record["messages"]
    }
    assert not trained & set(asked)


def test_openings_are_drawn_alike_each_time(chat_sets: Path) -> None:
    drawn = drawn_conversations(chat_sets)
    assert drawn == drawn_conversations(chat_sets)
    assert [c.language for c in drawn] == ["zh"] * 50 + ["en"] * 50
    assert len({c.messages[0]["content"] for c in drawn}) == 100


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    items = list(range(100))
    assert set(sample(items, 10)) < set(sample(items, 30))
    assert sample(items, 30) == sorted(sample(items, 30))
    assert sample(items, None) == items == sample(items, 1000)


@pytest.mark.parametrize(
    ("suite", "data", "limit", "complaint"),
    [
        ("bpb", None, None, "needs --data"),
        ("docqa", None, None, "needs --data"),
        ("chat", None, 0, "--limit must be at least 1"),
        ("bpb", '{"text": "x"}', None, "Line 1 of"),
        ("bpb", "", None, "holds no text"),
        ("docqa", "[]", None, "another format"),
        ("documents", "[]", None, "needs a bundle"),
        ("chat", "[]", None, "There is no kdconv_film_test.json"),
    ],
)
def test_bad_input_is_one_sentence(
    suite: str,
    data: str | None,
    limit: int | None,
    complaint: str,
    models: dict[str, Path],
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.json"
    if data is not None:
        path.write_text(data)
    with pytest.raises(GebError, match=complaint) as error:
        evaluate(models["checkpoint"], suite, None if data is None else path, limit)
    assert "\n" not in str(error.value)


def test_a_chat_set_in_another_format_is_named(
    models: dict[str, Path], chat_sets: Path, tmp_path: Path
) -> None:
    for path in chat_sets.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "crosswoz_test.json").write_text('{"1": {"turns": []}}')
    with pytest.raises(GebError, match=r"crosswoz_test\.json is damaged"):
        evaluate(models["checkpoint"], "chat", tmp_path, 1)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"--model": "nowhere"}, "nowhere"),
        ({"--data": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"--json": "."}, "--json"),
    ],
)
def test_a_wrong_path_ends_the_command_with_one_sentence(
    changes: dict[str, str],
    complaint: str,
    models: dict[str, Path],
    heldout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"--model": str(models["bundle"]), "--suite": "bpb", "--data": str(heldout)}
    options |= {"--json": "out.json"} | changes
    arguments = [word for option in options.items() for word in option]
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    sentence = str(stopped.value.code)
    assert complaint in sentence
    assert "\n" not in sentence
    assert list(tmp_path.iterdir()) == []
