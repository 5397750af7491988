"""The report page: it shows what the run wrote, says what is missing, and trusts no log."""

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from report_helpers import (
    Page,
    read_page,
    steps,
    write_data,
    write_evaluations,
    write_json,
    write_lines,
    write_stage,
)

from engine.config import ModelConfig
from engine.errors import DataError
from engine.i18n import set_language
from engine.tokenizer import Tokenizer
from training import report
from training.cost import flops_per_token
from training.reporting.health import Grade, judge
from training.reporting.log import read_log
from training.reporting.page import render
from training.reporting.run import Stage, open_run
from training.reporting.series import Series

CATALOGUE = Path(__file__).parent.parent.parent / "resources/translations/zh_CN.json"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language("en")


@pytest.fixture
def run(tmp_path: Path, tiny_config: ModelConfig, tokenizer_file: Path, tiny_bundle: Path) -> Path:
    """A finished run: pretraining, tuning, bundle, evaluations."""
    folder = tmp_path / "tiny"
    log = steps(40)
    log.insert(20, {"step": 20, "tokens": 20000, "event": "spike", "batch": 21, "loss": 77.0})
    write_stage(folder / "pretrain", log, tiny_config.to_hugging_face(), tokenizer_file)
    write_stage(folder / "sft", steps(40), tiny_config.to_hugging_face(), tokenizer_file)
    write_data(folder / "data")
    write_evaluations(folder / "evaluation")
    shutil.copytree(tiny_bundle, folder / "bundle")
    measured = {
        "language": "en",
        "tokens": 2500,
        "checkpoint_bits_per_byte": 2.0,
        "bundle_bits_per_byte": 2.001,
        "agreement": 0.98,
    }
    (folder / "bundle/fidelity.json").write_text(json.dumps([measured]), encoding="utf-8")
    return folder


def _page(run: Path) -> Page:
    return read_page(render(open_run(run)))


def _chart(page: Page, *names: str) -> list[dict[str, Any]]:
    """Return the curves of the first chart that shows just these."""
    for traces in map(json.loads, page.attributes("data-traces")):
        if [trace["name"] for trace in traces] == list(names):
            found: list[dict[str, Any]] = traces
            return found
    raise AssertionError(f"no chart of {names}")


def test_the_page_shows_every_curve_of_a_stage(run: Path) -> None:
    page = _page(run)
    (loss,) = _chart(page, "Training loss")
    assert loss["steps"][-1] == 40
    assert float(loss["values"][0]) == pytest.approx(2 + 6 * math.exp(-5 / 40), abs=0.01)
    english, chinese = _chart(page, "en", "zh")
    assert english["values"][-1] == "2.000"
    assert chinese["steps"] == [10, 20, 30, 40]
    books, news = _chart(page, "books", "news")
    assert (books["values"][-1], news["values"][-1]) == ("80.0 %", "20.0 %")
    for title in ("Learning rate", "Gradient norm", "Tokens per second"):
        _chart(page, title)
    assert "step 20: spike (batch 21, loss 77.00)" in page.text
    assert page.texts[page.texts.index("Once upon") :][1:5] == [
        "10",
        "a time 10",
        "40",
        "a time 40",
    ]


def test_the_page_shows_scores_and_what_quantization_cost(run: Path) -> None:
    page = _page(run)
    row = page.texts[page.texts.index("bpb on heldout.jsonl") :][:12]
    assert row[row.index("bits per byte · en") + 1 :][:3] == ["2.000", "2.100", "+5.00 %"]
    assert "worse" in page.attributes("class")
    assert {"chat (limit 4)", "I am GEB.", "Who are you?"} <= set(page.texts)
    assert {"2,500", "+0.05 %"} <= set(page.texts)
    assert "bits per parameter" in page.text


def test_the_page_shows_sources_tokenizer_and_cost(
    run: Path, tiny_config: ModelConfig, tokenizer: Tokenizer
) -> None:
    page = _page(run)
    assert {"books", "3.00 MB", "75.0 %", "CC0"} <= set(page.texts)
    cleaning = page.texts[page.texts.index("markup") :][1:8]
    assert cleaning == ["2,000", "1,500", "25.0 %", "4.00 MB", "1.00 MB", "75.0 %", "8.00"]
    text = "今天天气很好。"
    ratio = len(text.encode()) / len(tokenizer.encode(text))
    assert page.texts[page.texts.index("bytes per token") :].count(f"{ratio:.2f}") == 1
    flops = 40_000 * flops_per_token(tiny_config, 64)
    assert f"{flops / 1e9:.1f} G" in page.texts
    assert "1 min" in page.texts  # 80 seconds


def test_nothing_is_loaded_from_elsewhere(run: Path) -> None:
    html = render(open_run(run))
    page = read_page(html)
    assert not page.attributes("src")
    links = page.attributes("href")
    assert "https://example.org/books" in links
    assert all(link.startswith(("#", "https://example.org/")) for link in links)
    assert {tag for tag, attributes in page.elements if "href" in attributes} == {"a"}
    assert not any("url(" in text or "@import" in text for text in page.scripts)
    assert "http" not in html.replace("https://example.org/books", "").replace(
        "http-equiv", ""
    ).replace("http://www.w3.org/2000/svg", "")


HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\x00\x1b\ud800&amp;'


def _poison(value: Any) -> Any:
    """Return a JSON value with every string in it made hostile, names that are read apart."""
    if isinstance(value, dict):
        known = ("suite", "stage", "latest")
        return {
            key if not isinstance(inner, float) or "_" in key or key == "loss" else HOSTILE + key: (
                inner if key in known else _poison(inner)
            )
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_poison(inner) for inner in value]
    return HOSTILE + value if isinstance(value, str) else value


def test_hostile_text_stays_text(run: Path) -> None:
    for path in [*run.rglob("*.jsonl"), *run.glob("*/*.json"), *run.rglob("model_card.json")]:
        if path.parent.name != "bundle":
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            write_lines(path, [_poison(record) for record in records])
    measured = [{"language": HOSTILE, "tokens": HOSTILE, "agreement": 1e999}, HOSTILE]
    (run / "bundle/fidelity.json").write_text(json.dumps(measured), encoding="utf-8")
    hostile_folder = run.with_name("<img src=x onerror=alert(3)>")
    run.rename(hostile_folder)
    html = render(open_run(hostile_folder))
    html.encode("utf-8")
    page = read_page(html)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 1
    assert "img" not in tags
    assert not [name for _, attributes in page.elements for name in attributes if name[:2] == "on"]
    assert not any(link.startswith("javascript:") for link in page.attributes("href"))
    assert "alert(1)" in page.text  # as words
    assert "alert" not in "".join(page.scripts)


def test_an_address_that_is_no_web_address_is_no_link(run: Path) -> None:
    sources = json.loads((run / "data/sources.json").read_text(encoding="utf-8"))
    sources["sources"]["pretrain/books"]["url"] = "javascript:alert(1)"
    write_json(run / "data/sources.json", sources)
    assert not any("script" in link for link in _page(run).attributes("href"))


def test_both_languages_are_complete(run: Path) -> None:
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    english = set(_page(run).texts)
    assert len(english & set(catalogue)) > 50
    set_language("zh_CN")
    html = render(open_run(run))
    assert '<html lang="zh-CN">' in html
    left = set(read_page(html).texts) & set(catalogue)
    left -= {"bundle", "steps"}  # a folder's name and a setting's
    assert not {text for text in left if catalogue[text] != text}


def test_a_single_stage_is_a_run_too(run: Path) -> None:
    page = _page(run / "sft")
    assert "Instruction tuning" in page.texts
    assert "Pretraining" not in page.texts
    assert "There is no evaluation/*.json; training.evaluate writes it." in page.texts
    assert "There is no bundle/; python -m export writes it." in page.texts
    assert "There is no data/heldout.jsonl; training.data writes it." in page.texts


def test_what_is_missing_or_damaged_is_said_in_its_place(run: Path) -> None:
    (run / "data/heldout.jsonl").write_text("no json\n")
    (run / "data/sources.json").write_bytes(b"\xff{")
    (run / "evaluation/chat-bundle.json").write_text("[]")
    shutil.rmtree(run / "pretrain/step-0000040")
    with (run / "sft/log.jsonl").open("a") as log:
        log.write('{"step": 41, "lo')
    text = _page(run).text
    assert "Line 1 of" in text
    assert "sources.json is damaged and is left out." in text
    assert "chat-bundle.json is damaged and is left out." in text
    assert "There is no checkpoint in" in text
    assert "log.jsonl has lines that cannot be read; they are left out: 1." in text
    assert "There are no answers: no chat evaluation was made." in text


def test_a_folder_without_a_log_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no training log in"):
        open_run(tmp_path)


def test_the_command_writes_the_page_in_the_language_asked_for(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", str(run), "--language", "zh"])
    report.main()
    assert "训练报告" in (run / "report.html").read_text(encoding="utf-8")
    assert "report.html" in capsys.readouterr().out


def test_a_log_without_times_shares_or_learning_rate_is_read(tmp_path: Path) -> None:
    old = [
        {
            "step": step,
            "tokens": 100 * step,
            "loss": 5 - step / 20,
            "gradient_norm": 1.0,
            "learning_rate_scale": 0.5,
            "tokens_per_second": 50.0,
        }
        for step in range(1, 21)
    ]
    write_lines(tmp_path / "log.jsonl", old)
    assert read_log(tmp_path / "log.jsonl").seconds == pytest.approx(20 * 2)
    page = _page(tmp_path)
    _chart(page, "Learning rate, of its peak")
    assert "The log holds no held-out score." in page.texts


def test_steps_that_a_resumed_run_repeats_count_once(tmp_path: Path) -> None:
    first = [{"step": n, "tokens": n, "loss": 9.0, "tokens_per_second": 1.0} for n in range(1, 9)]
    again = [{"step": n, "tokens": n, "loss": 1.0, "tokens_per_second": 1.0} for n in range(5, 12)]
    write_lines(tmp_path / "log.jsonl", first + again)
    log = read_log(tmp_path / "log.jsonl")
    loss = log.curves["loss"]
    assert loss.steps.tolist() == list(range(1, 12))
    assert loss.values.tolist() == [9.0] * 4 + [1.0] * 7
    assert (log.steps, log.tokens, log.resumes) == (11, 11, 1)


def _judged(tmp_path: Path, log: list[dict[str, Any]], planned: int = 40) -> tuple[Grade, str]:
    write_lines(tmp_path / "log.jsonl", log)
    read = read_log(tmp_path / "log.jsonl")
    verdict = judge(Stage("pretrain", read, [], {"steps": planned}, {}, None, None))
    return verdict.grade, " ".join(verdict.findings)


SICK: dict[str, tuple[Callable[[], list[dict[str, Any]]], Grade, str]] = {
    "healthy": (lambda: steps(40), Grade.GOOD, ""),
    "no number": (
        lambda: [*steps(39), {**steps(40)[-1], "loss": math.nan}],
        Grade.BAD,
        "The loss is no number at the last step.",
    ),
    "no loss": (lambda: [{"step": 1, "tokens": 1}], Grade.BAD, "The log holds no loss."),
    "flat": (lambda: steps(40, loss=3.0), Grade.WARNING, "The loss did not fall"),
    "rising": (
        lambda: [
            *steps(30),
            *({**entry, "loss": 2.0 + 0.1 * (entry["step"] - 30)} for entry in steps(40)[30:]),
        ],
        Grade.WARNING,
        "above its lowest",
    ),
    "unfinished": (lambda: steps(40)[:30], Grade.WARNING, "At step 30 of 40."),
    "late spike": (
        lambda: [*steps(40), {"step": 39, "event": "spike"}],
        Grade.WARNING,
        "The loss spiked at step 39",
    ),
    "overfitting": (
        lambda: [*steps(40)[:-1], {**steps(40)[-1], "bits_per_byte_en": 3.0}],
        Grade.WARNING,
        "the model is overfitting",
    ),
}


@pytest.mark.parametrize("case", SICK)
def test_the_verdict_tells_a_healthy_run_from_a_sick_one(case: str, tmp_path: Path) -> None:
    log, grade, finding = SICK[case]
    found_grade, findings = _judged(tmp_path, log())
    assert found_grade is grade, findings
    assert finding in findings


def test_noise_at_the_end_of_a_run_is_no_finding(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, 400)
    log = [{**entry, "loss": entry["loss"] + noise[entry["step"] - 1]} for entry in steps(400)]
    grade, findings = _judged(tmp_path, log, planned=400)
    assert grade is Grade.GOOD, findings


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=300), st.integers(1, 50)
)
def test_thinning_keeps_the_extremes_and_smoothing_stays_between_them(
    values: list[float], points: int
) -> None:
    series = Series(np.arange(len(values), dtype=float), np.array(values))
    thin = series.thinned(points)
    assert len(thin.means) <= points
    if not len(series.finite):
        assert not len(thin.means)
        return
    low, high = series.finite.min(), series.finite.max()
    assert (thin.lows.min(), thin.highs.max()) == (low, high)
    room = 1e-6 * max(1.0, abs(low), abs(high))
    for means in (thin.means, series.smoothed().finite):
        assert np.all((means >= low - room) & (means <= high + room))


_NUMBERS = (
    st.floats() | st.integers() | st.sampled_from([0, 1, 2, 3, 1e308, -1e308, 5e-324, 10**400])
)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["shares", "loss", "a"]) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_FIELDS = ["tokens", "loss", "gradient_norm", "learning_rate", "tokens_per_second", "seconds"]
_FIELDS += ["shares", "loss_by_source", "bits_per_byte_en", "event", "x", "preference_margin"]
_ENTRIES = st.lists(
    st.builds(
        lambda step, rest: {"step": step, **rest},
        _NUMBERS,
        st.dictionaries(st.sampled_from(_FIELDS), _NUMBERS | _JSON, max_size=6),
    )
    | _JSON,
    max_size=8,
)


@given(log=_ENTRIES, settings=_JSON, samples=_ENTRIES, result=_JSON, sources=_JSON)
@hypothesis_settings(max_examples=40)
def test_any_log_gives_a_page(
    tmp_path_factory: pytest.TempPathFactory,
    log: list[Any],
    settings: Any,
    samples: list[Any],
    result: Any,
    sources: Any,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write_lines(folder / "pretrain/log.jsonl", log)
    write_lines(folder / "pretrain/samples.jsonl", samples)
    write_json(folder / "pretrain/settings.json", {"steps": settings, "sequence_length": settings})
    write_json(folder / "pretrain/step-1/config.json", settings)
    write_json(folder / "pretrain/step-1/model_card.json", {"data": sources, "training": settings})
    (folder / "pretrain/latest").write_text("step-1")
    write_json(folder / "data/sources.json", {"sources": {"a": sources, "b": settings}})
    write_json(folder / "evaluation/a.json", {"suite": "chat", "answers": result, "n": result})
    read_page(render(open_run(folder)))
