"""A run folder as `make rebuild` leaves it, written by hand, and a reader of its page."""

import json
import math
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_VOID = ("meta", "br", "link", "img", "input")


@dataclass
class Page(HTMLParser):
    """What a browser makes of a page. Fails where a tag is not closed."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.scripts.append(data)
        elif data.strip():
            self.texts.append(data.strip())

    def close(self) -> None:
        super().close()
        assert not self._open

    @property
    def text(self) -> str:
        """All visible text."""
        return "\n".join(self.texts)

    def attributes(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it stands."""
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]


def read_page(html: str) -> Page:
    """Parse a page."""
    page = Page()
    page.feed(html)
    page.close()
    return page


def write_lines(path: Path, records: list[Any]) -> None:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(lines, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value."""
    write_lines(path, [value])


def steps(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Return the log of a healthy stage of `count` steps, 1000 tokens and 2 seconds each."""
    return [
        {
            "step": step,
            "tokens": 1000 * step,
            "loss": 2 + 6 * math.exp(-5 * step / count),
            "gradient_norm": 0.5,
            "learning_rate": 1e-3 * (1 - step / (count + 1)),
            "tokens_per_second": 500.0,
            "seconds": 2.0 * step,
            "shares": {"books": 0.5 + 0.3 * step / count, "news": 0.5 - 0.3 * step / count},
            **(
                {"bits_per_byte_en": 3 - step / count, "bits_per_byte_zh": 4 - step / count}
                if step % 10 == 0
                else {}
            ),
            **changes,
        }
        for step in range(1, count + 1)
    ]


def write_stage(folder: Path, log: list[Any], config: dict[str, Any], tokenizer: Path) -> None:
    """Write what a training stage leaves."""
    write_lines(folder / "log.jsonl", log)
    write_lines(
        folder / "samples.jsonl",
        [{"step": step, "prompt": "Once upon", "text": f" a time {step}"} for step in (10, 40)],
    )
    write_json(
        folder / "settings.json",
        {"stage": folder.name, "steps": 40, "sequence_length": 64, "schedule": "wsd"},
    )
    checkpoint = folder / "step-0000040"
    write_json(checkpoint / "config.json", config)
    write_json(checkpoint / "model_card.json", {"recipe": "tiny", "licence": "cc0-1.0"})
    (checkpoint / "tokenizer.model").write_bytes(tokenizer.read_bytes())
    (folder / "latest").write_text("step-0000040\n")


def write_evaluations(folder: Path) -> None:
    """Write the scores of a checkpoint and of its bundle."""
    for model, bits in (("sft", 2.0), ("bundle", 2.1)):
        write_json(
            folder / f"bpb-{model}.json",
            {
                "suite": "bpb",
                "model": model,
                "data": "heldout.jsonl",
                "limit": None,
                "n": 7,
                "bits_per_byte": {"en": bits},
                "domains": {"en": {"books": bits}},
            },
        )
    write_json(
        folder / "chat-bundle.json",
        {
            "suite": "chat",
            "model": "bundle",
            "data": None,
            "limit": 4,
            "n": 4,
            "greedy_loop_rate": 25.0,
            "answers": [
                {"messages": [{"role": "user", "content": "Who are you?"}], "answer": "I am GEB."}
            ],
        },
    )


def write_data(folder: Path) -> None:
    """Write what training.data leaves, as far as the page reads it."""
    source = {"stage": "pretrain", "language": "en", "licence": "CC0", "kept": 3}
    write_json(
        folder / "sources.json",
        {
            "recipe": "tiny",
            "licence": "cc0-1.0",
            "steps": {
                "markup": {
                    "records_before": 2000,
                    "records_after": 1500,
                    "bytes_before": 4_000_000,
                    "bytes_after": 1_000_000,
                    "seconds": 0.5,
                }
            },
            "sources": {
                "pretrain/books": {
                    **source,
                    "name": "books",
                    "url": "https://example.org/books",
                    "kept_bytes": 3_000_000,
                    "share": 0.75,
                },
                "pretrain/news": {
                    **source,
                    "name": "news",
                    "url": "news/README.md",
                    "kept_bytes": 1_000_000,
                    "share": 0.25,
                },
            },
        },
    )
    write_lines(
        folder / "heldout.jsonl",
        [
            {"text": "The weather is fine.", "lang": "en", "source": "books"},
            {"text": "今天天气很好。", "lang": "zh", "source": "books"},
        ],
    )
