"""The page: one file, nothing loaded from elsewhere, readable on a screen, a phone and paper."""

import base64
import hashlib
from pathlib import Path

from engine.i18n import language, tr
from training.reporting import (
    cleaning,
    curves,
    efficiency,
    evaluation,
    overview,
    quantization,
    samples,
    sources,
    spending,
)
from training.reporting.elements import Element, document, element
from training.reporting.run import Run, Stage

_FOLDER = Path(__file__).parent
_HTML_LANGUAGES = {"en": "en", "zh_CN": "zh-CN"}


def render(run: Run) -> str:
    """Return the page of a run, in the language in use."""
    sections = [*((stage.title, _stage(run, stage)) for stage in run.stages), *_sections(run)]
    return document(
        element(
            "html",
            _head(tr("{run}: training report", run=run.name)),
            element(
                "body",
                overview.header(run),
                element(
                    "nav", *(_link(number, title) for number, (title, _) in enumerate(sections))
                ),
                element("main", *(_section(number, *one) for number, one in enumerate(sections))),
                element("div", id="tip", hidden="hidden"),
                element("script", _asset("page.js")),
            ),
            lang=_HTML_LANGUAGES[language()],
        )
    )


def _head(title: str) -> Element:
    digest = base64.b64encode(hashlib.sha256(_asset("page.js").encode()).digest()).decode()
    # Logs are foreign text: whatever they hold, only our own script runs and nothing is fetched.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", _asset("page.css")),
    )


def _stage(run: Run, stage: Stage) -> Element:
    return element("div", curves.charts(run, stage), samples.through_training(stage))


def _sections(run: Run) -> list[tuple[str, Element]]:
    return [
        (tr("Evaluation"), evaluation.section(run)),
        (tr("Answers"), samples.answers(run)),
        (tr("Quantization"), quantization.section(run)),
        (tr("Tokenizer"), efficiency.section(run)),
        (tr("Cost"), spending.section(run)),
        (tr("Sources"), sources.section(run)),
        (tr("Cleaning"), cleaning.section(run)),
        (tr("Configuration"), overview.configuration(run)),
    ]


def _section(number: int, title: str, content: Element) -> Element:
    return element("section", element("h2", title), content, id=f"section-{number}")


def _link(number: int, title: str) -> Element:
    return element("a", title, href=f"#section-{number}")


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
