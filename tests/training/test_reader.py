"""The reader's cases come out of conversations as they are written; training finds what matters."""

import hashlib
import json
import lzma
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.documents.answering.features import NAMES
from engine.documents.answering.reader import WEIGHTS, make_reader, reader
from engine.documents.answering.vectors import word_vectors
from engine.i18n import set_language
from training import reader as fitting
from training.making import written_questions
from training.reader_cases import SOURCES, Case, cases
from training.reader_examples import ROWS, ReadCase, examples, read_case
from training.reader_network import Network, pad

SEA = "海水含有大量盐分，所以是咸的。死海的盐度约为34%。"
MESSAGES = [
    [f"阅读下面的文章，回答问题。\n\n{SEA}\n\n问题：死海的盐度约为多少？", "约为34%。"],
    [
        f"海水为什么是咸的？\n\n参考资料：\n{SEA}",
        "根据文章，含有大量盐分。",
        "还有呢？",
        "没有说明。",
    ],
    [f"下面是一段文字：\n\n{SEA}\n\n总结一下。", "海水是咸的。"],
    [f"资料：{SEA}\n\n问：河水呢？", "文中没有提到。"],
    *(
        [f"请根据以下内容回答：\n青石塔第{n}层高{n}米。\n\n青石塔第{n}层多高？", f"{n}米。"]
        for n in range(20, 30)
    ),
]


TOWERS = [f"红石塔第{n}座高{n}米。" for n in range(100, 400)]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, source in SOURCES["zh"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with lzma.open(path, "wt", encoding="utf-8") as file:
            for texts in MESSAGES:
                messages = [{"content": text} for text in texts]
                file.write(json.dumps({"messages": messages, "source": source}) + "\n")
                file.write(json.dumps({"messages": messages, "source": "another"}) + "\n")
    (tmp_path / "pretrain").mkdir()
    with lzma.open(tmp_path / "pretrain/zh-00.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "lang": "zh"}) + "\n" for text in TOWERS)
    with (tmp_path / "questions_zh.jsonl").open("w", encoding="utf-8") as file:
        for n, text in enumerate(TOWERS, 100):
            entry = {
                "document": hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
                "from": 0,
                "to": len(text),
                "questions": {f"红石塔第{n}座多高？": f"{n}米"},
            }
            file.write(json.dumps(entry) + "\n")
    monkeypatch.setattr(written_questions, "_FOLDER", tmp_path)
    monkeypatch.setattr(written_questions, "_entries", written_questions._entries.__wrapped__)
    return tmp_path


def test_cases_hold_question_answer_and_what_a_search_finds(corpus: Path) -> None:
    some = list(cases(corpus, "zh"))
    written = [case for case in some if case.question.startswith("红石塔")]
    assert len(written) == 300
    assert 0 < sum(case.held_out for case in written) < 20
    assert not any(case.held_out for case in some if case not in written)
    # From either file: two about the sea, ten about the tower.
    assert len(some) == 300 + 2 * 12
    asked = {case.question: case for case in some}
    salt = asked["死海的盐度约为多少？"]
    assert (salt.answer, salt.passages[0], salt.home) == ("约为34%", SEA, SEA)
    assert asked["海水为什么是咸的？"].answer == "含有大量盐分"
    for case in some:
        home = [passage for passage in case.passages if case.answer in passage]
        assert case.home in home
        assert not set(home) & set(case.without)
        assert "\n" not in case.passages[0]


def read_cases(count: int) -> list[ReadCase]:
    """Questions with texts of different lengths, and the spans that the engine finds for them."""
    return [
        read_case(
            Case(
                question=f"红石塔第{n}座{'究竟' * (n % 3)}多高？",
                answer=f"{n}米",
                passages=(tower := "".join(TOWERS[n - 100 : n - 97 + n % 4]),),
                home=tower,
                without=(SEA,),
            ),
            (TOWERS[n - 100], SEA),
            "zh",
        )
        for n in range(100, 100 + count)
    ]


def test_the_engine_computes_what_was_learned() -> None:
    torch.manual_seed(0)
    network = Network(word_vectors("zh").all).eval()
    for values in network.parameters():  # at the beginning many are 0 or 1
        torch.nn.init.normal_(values.data, std=0.2)
    engine = make_reader(fitting._weights(network), "zh")
    some = read_cases(8)
    learned = examples([one.case for one in some], "zh")
    with torch.no_grad():
        scores = network(
            pad(learned.questions),
            pad(learned.texts),
            torch.from_numpy(learned.ends.astype(np.int64)),
            torch.from_numpy(learned.values.astype(np.float32)),
        )
    present = np.flatnonzero(learned.worth[:, -1] == 0)
    assert len(present) == len(some) < len(learned.worth)
    for place, one in zip(present, some, strict=True):
        again = read_case(one.case, one.case.passages, "zh")
        computed = engine.score(again.scene, again.spans)
        np.testing.assert_allclose(scores[place, -1], computed.absent, rtol=2e-2, atol=2e-2)
        expected = np.sort(computed.spans)
        is_there = torch.from_numpy(learned.worth[place, :-1] >= 0)
        there = scores[place, :-1][is_there].sort().values.numpy()
        assert 10 < len(there) == min(len(expected), ROWS)
        if len(there) == len(expected):
            np.testing.assert_allclose(there, expected, rtol=2e-2, atol=2e-2)


def test_examples_see_one_passage_or_several_and_the_right_one_always() -> None:
    passages = tuple(TOWERS[:4])
    case = Case("红石塔第103座多高？", "103米", passages, home=TOWERS[3], without=(SEA,))
    sizes = set()
    for seen in examples([case] * 30, "zh").texts:
        sizes.add(len(seen.kinds))
    alone = len(examples([replace(case, passages=(TOWERS[3],))], "zh").texts[0].kinds)
    assert {alone, 2 * alone, 3 * alone, 4 * alone} <= sizes


def test_training_finds_the_span_that_is_asked_for() -> None:
    torch.manual_seed(0)
    some = read_cases(60)
    network = fitting._train(examples([one.case for one in some[:40]], "zh"), "zh", 40)
    engine = make_reader(fitting._weights(network), "zh")
    unseen = some[40:]
    right = [one.worth[engine.score(one.scene, one.spans).spans.argmax()] == 1 for one in unseen]
    assert sum(right) > 0.8 * len(unseen)  # by chance one in fifteen


def test_training_goes_on_from_an_earlier_reader() -> None:
    some = examples([one.case for one in read_cases(40)], "zh")
    first = fitting._weights(fitting._train(some, "zh", 40))
    again = fitting._weights(fitting._train(some, "zh", 1, first))
    apart = fitting._weights(fitting._train(some, "zh", 1))
    name = "features.weight"
    assert np.abs(again[name] - first[name]).max() < 0.01 < np.abs(apart[name] - first[name]).max()


def test_what_cannot_be_fitted_is_one_sentence(
    corpus: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    set_language("en")
    nowhere, narrow = tmp_path / "nowhere", tmp_path / "narrow.npz"
    with np.load(WEIGHTS) as shipped:
        np.savez(narrow, **{**shipped, "en_features.weight": shipped["en_features.weight"][:1]})
    for options, sentence in (
        (["--data", nowhere], f"There is no file or folder {nowhere / SOURCES['zh'][0][0]}."),
        (["--data", corpus, "--limit", "0"], "--limit must be at least 1, not 0."),
        (["--data", corpus, "--steps", "0"], "--steps must be at least 1, not 0."),
        (["--data", corpus, "--start", __file__], f"{__file__} holds no reader to go on from."),
        (["--data", corpus, "--start", narrow], f"{narrow} holds no reader to go on from."),
        (["--data", corpus, "--limit", "1"], "zh: 1 questions are too few to fit a reader."),
        (["--data", corpus, "--model", nowhere], f"There is no model folder {nowhere}."),
    ):
        words = ["--model", tiny_bundle, *options, "--out", tmp_path / "r.npz"]
        monkeypatch.setattr(sys, "argv", ["reader", *map(str, words)])
        with pytest.raises(SystemExit) as exit_:
            fitting.main()
        assert exit_.value.code == sentence
    assert not (tmp_path / "r.npz").exists()


def test_the_command_writes_both_languages_where_it_is_told(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "new" / "reader"
    monkeypatch.setattr(fitting, "cases", lambda *_: [])
    monkeypatch.setattr(fitting, "_fit", lambda *_: {"judging": np.ones(5, np.float32)})
    words = ["--data", tmp_path, "--out", out, "--model", tiny_bundle]
    monkeypatch.setattr(sys, "argv", ["reader", *map(str, words)])
    fitting.main()
    with np.load(out) as written:
        assert set(written) == {"names", "zh_judging", "en_judging"}


def test_the_help_explains_every_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("argparse._", str)  # `geb` translates, and tests run in one process
    monkeypatch.setattr(sys, "argv", ["reader", "--help"])
    with pytest.raises(SystemExit):
        fitting.main()
    usage, _, options = capsys.readouterr().out.partition("options:\n")
    assert usage.startswith("usage: python -m training.reader ")
    assert len(options.splitlines()) == 7
    assert all(len(line.split("  ")) > 2 for line in options.splitlines())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_shipped_reader_fits_the_features(language: str) -> None:
    head = reader(language).head
    assert head.features.shape == (len(head.output), len(NAMES))
    for values in (*vars(head).values(), reader(language).judging):
        assert np.isfinite(values).all()
