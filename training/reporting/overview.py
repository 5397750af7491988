"""The first look: is the run healthy, what was trained, and with what."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from engine.i18n import tr
from training.reporting import evaluation
from training.reporting.axis import Axis, fitting
from training.reporting.chart import path
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.health import Grade, Verdict, judge, judge_run
from training.reporting.log import BITS
from training.reporting.numbers import compact, duration, figures
from training.reporting.run import Run, Stage
from training.reporting.series import Series

_SIGNS = {Grade.GOOD: "✓", Grade.WARNING: "!", Grade.BAD: "✕"}
_SPARK_WIDTH, _SPARK_HEIGHT = 200, 44
_SPARK_POINTS = 100
_SHOWN_KINDS = 8


def header(run: Run) -> Element:
    """Return the title, the facts in one line, and the verdict on every stage."""
    verdict = judge_run(run)
    problems = [element("li", finding) for finding in verdict.findings]
    return element(
        "header",
        element("h1", _sign(verdict.grade), " ", run.name),
        element("p", " · ".join(_facts(run)), class_="facts"),
        element(
            "div", *(_stage_card(stage) for stage in run.stages), _result(run), class_="grid stages"
        ),
        element("ul", *problems, class_="problems") if problems else None,
    )


def configuration(run: Run) -> Element:
    """Return the shape of the model and the settings of the stages."""
    return element("div", _shape(run), _settings(run))


def _facts(run: Run) -> Iterator[str]:
    if run.model:
        yield tr("{count} parameters", count=compact(run.model.num_parameters))
    yield tr("{count} tokens", count=compact(sum(stage.log.tokens for stage in run.stages)))
    yield tr("{time} of training", time=duration(sum(stage.log.seconds for stage in run.stages)))
    for name, title in (("recipe", tr("recipe")), ("licence", tr("licence"))):
        if value := run.data.get(name) or run.card.get(name):
            yield f"{title} {value}"


def _stage_card(stage: Stage) -> Element:
    verdict = judge(stage)
    log = stage.log
    done = f"{log.steps:,}" + (f" / {stage.planned_steps:,}" if stage.planned_steps else "")
    facts = [
        (tr("steps"), done),
        (tr("tokens"), compact(log.tokens)),
        (tr("time"), duration(log.seconds)),
        *_losses(log.curves),
    ]
    return element(
        "article",
        element("h2", _sign(verdict.grade), " ", stage.title),
        _spark(log.curve("loss")),
        _pairs(facts),
        _findings(stage, verdict),
        class_=f"card stage {verdict.grade.name.lower()}",
    )


def _result(run: Run) -> Element | None:
    """Return the card of what came out, where anything was exported or scored."""
    facts = evaluation.headlines(run)
    if run.bundle:
        facts.insert(0, (tr("bundle"), compact(run.bundle.size_bytes, "B")))
    if not facts:
        return None
    return element("article", element("h2", tr("Result")), _pairs(facts), class_="card stage")


def _pairs(facts: list[tuple[str, str]]) -> Element:
    rows = (element("div", element("dt", name), element("dd", value)) for name, value in facts)
    return element("dl", *rows)


def _losses(curves: Mapping[str, Series]) -> Iterator[tuple[str, str]]:
    loss = curves.get("loss")
    if loss is not None and len(loss.finite):
        smooth = loss.smoothed().finite
        yield tr("loss"), f"{figures(smooth[0])} → {figures(smooth[-1])}"
    for name, curve in sorted(curves.items()):
        language = name.removeprefix(BITS)
        if language != name and len(curve.finite):
            yield f"{tr('bits per byte')} · {language}", figures(curve.finite[-1])


def _findings(stage: Stage, verdict: Verdict) -> Element:
    findings = list(verdict.findings) or [tr("Nothing conspicuous.")]
    kinds = Counter(event.kind for event in stage.log.events)
    if kinds:
        counts = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(_SHOWN_KINDS))
        findings.append(tr("Events: {events}.", events=counts))
    if stage.log.resumes:
        findings.append(tr("Resumed: {count} ×.", count=stage.log.resumes))
    return element("ul", *(element("li", finding) for finding in findings), class_="findings")


def _spark(loss: Series | None) -> Element | None:
    """Return the loss as a line without axes."""
    if loss is None or len(loss.finite) < 2:
        return None
    smooth = loss.smoothed()
    thin = smooth.thinned(_SPARK_POINTS)
    x = Axis(smooth.steps[0], smooth.steps[-1], 2, _SPARK_WIDTH - 2)
    y = fitting(smooth.finite, _SPARK_HEIGHT - 2, 2, logarithmic=bool(smooth.finite.min() > 0))
    line = path([x.place(step) for step in thin.steps], [y.place(value) for value in thin.means])
    return element(
        "svg",
        element("path", d=line, class_="line"),
        viewBox=f"0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}",
        class_="spark",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def _sign(grade: Grade) -> Element:
    words = {
        Grade.GOOD: tr("healthy"),
        Grade.WARNING: tr("look closer"),
        Grade.BAD: tr("broken"),
    }
    return element(
        "span",
        _SIGNS[grade],
        class_=f"sign {grade.name.lower()}",
        role="img",
        aria_label=words[grade],
        title=words[grade],
    )


def _shape(run: Run) -> Element:
    if run.model is None:
        return missing(tr("No checkpoint tells the model's shape."))
    config = run.model
    rows: list[list[Child]] = [
        [tr("parameters"), f"{config.num_parameters:,}"],
        [tr("layers"), f"{config.num_hidden_layers}"],
        [tr("hidden size"), f"{config.hidden_size:,}"],
        [tr("size inside the MLP"), f"{config.intermediate_size:,}"],
        [
            tr("query heads / key-value groups / width of a head"),
            f"{config.num_attention_heads} / {config.num_key_value_heads} / {config.head_dim}",
        ],
        [tr("vocabulary"), f"{config.vocab_size:,}"],
        [tr("context"), f"{config.max_position_embeddings:,}"],
        [
            tr("input and output embeddings"),
            tr("tied") if config.tie_word_embeddings else tr("apart"),
        ],
    ]
    return table([tr("model"), ""], rows)


def _settings(run: Run) -> Element:
    """Return the stages' settings side by side, as they were written down."""
    columns = {stage.name: dict(_flat(stage.settings)) for stage in run.stages if stage.settings}
    if not columns:
        return missing(tr("No stage wrote its settings.json."))
    names = dict.fromkeys(name for values in columns.values() for name in values if name != "stage")
    rows: list[list[Child]] = [
        [name, *(columns[stage].get(name, "") for stage in columns)] for name in names
    ]
    return table([tr("setting"), *columns], rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{name}.")
        else:
            yield f"{prefix}{name}", str(value)
