"""How quick the window is: `make bench-app`.

Starts the application in processes of its own, with an empty store and with a large one, times
what a person waits for in the large store, streams a long answer into a long conversation while
the processor is busy, and measures what a token costs the transcript. Prints each figure beside
its target and keeps all in build/bench/app.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import bench_store
import bench_transcript
from app.desktop import make_application
from engine.store import Store
from speed.models import ROOT
from speed.processes import environment, report_of
from speed.rows import Row, print_line, print_row, write_figures

STAGES = {
    "python": "  Python itself",
    "command": "  the command's modules",
    "qt": "  Qt",
    "modules": "  the window's modules",
    "application": "  application object, theme, fonts",
    "store": "  store and engine's thread",
    "widgets": "  widgets",
    "shown": "  showing",
    "painted": "  painting",
}
MEASURED = ("start", "store", "streaming", "tokens")
SEARCHES = ("en common", "en rare", "zh common", "zh rare", "zh two words")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="+", choices=MEASURED, default=MEASURED)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--tokens", type=int, default=10_000, help="of the streamed answer")
    parser.add_argument("--rate", type=float, default=150.0, help="tokens a second")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    print_line("window", "", "target")
    rows = []
    for row in measure(options):
        print_row(row)
        rows.append(row)
    write_figures(options.out / "app.json", ((row.key, round(row.value, 4)) for row in rows))


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Yield every row."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if "start" in options.parts:
            yield from starting(home / "empty", options.starts)
        if "store" in options.parts:
            store = home / "large" / "data" / "conversations.sqlite3"
            store.parent.mkdir(parents=True)
            each = options.messages // options.conversations
            words = bench_store.Words()
            bench_store.fill(store, words, options.conversations, each)
            yield from large_store(home / "large", store, words, options.starts)
        if "streaming" in options.parts:
            yield from streaming(home / "long.sqlite3", options.tokens, options.rate)
    if "tokens" in options.parts:
        yield from tokens_of_transcript(options.tokens)


def starting(home: Path, starts: int) -> Iterator[Row]:
    """Yield how long the window and the first token take, and where the time goes."""
    start(home)  # the first one brings the files into memory
    runs = [start(home) for _ in range(starts)]
    window = statistics.median(run["painted"] for run in runs)
    yield Row("window_seconds", "window usable after the process starts", window, "s", at_most=1.0)
    for before, (name, words) in zip(["start", *STAGES], STAGES.items(), strict=False):
        took = statistics.median(run[name] - run[before] for run in runs)
        yield Row(f"start_{name}_seconds", words, took, "s")
    token = statistics.median(run["token"] - run["painted"] for run in runs)
    yield Row("first_token_seconds", "first token after that", token, "s", at_most=1.5)
    model = statistics.median(run["model"] - run["painted"] for run in runs)
    yield Row("model_load_seconds", "  loading the default model", model, "s")


def start(home: Path) -> dict[str, float]:
    """Start the application once; return when each part was done, in seconds from the start."""
    began = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-m", "speed.app_start"],
        env=environment() | {"GEB_CHAT_HOME": str(home), "XDG_RUNTIME_DIR": str(home.parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    notes: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return {"start": 0.0} | {name: at - began for name, at in notes.items()}


def large_store(home: Path, store: Path, words: bench_store.Words, starts: int) -> Iterator[Row]:
    """Yield what a person waits for among ten thousand conversations."""
    start(home)
    window = statistics.median(start(home)["painted"] for _ in range(starts))
    yield Row("window_large_store_seconds", "window usable, large store", window, "s", at_most=1.0)
    with redirect_stdout(StringIO()):  # it prints a table of its own
        figures = bench_store.measure(store, words)
    yield Row(
        "open_conversation_ms",
        "opening a conversation, in the store",
        figures["open_a_conversation_ms"],
        "ms",
        at_most=50,
    )
    for name in SEARCHES:
        key = f"search_{name.replace(' ', '_')}_ms"
        yield Row(key, f"search, {name}", figures[key], "ms", at_most=100)


def streaming(store: Path, tokens: int, rate: float) -> Iterator[Row]:
    """Yield how late the window is while an answer streams into a chat of 500 messages."""
    words = bench_store.Words()
    bench_store.fill(store, words, 1, 500)
    with Store(store) as opened:
        assert len(opened.thread(opened.list_conversations()[0].id)) == 500
    report: dict[str, Any] = report_of("speed.app_frames", store, tokens, rate)
    late = sorted(report["late_ms"])
    p99 = late[int(len(late) * 0.99)]
    yield Row("frame_lateness_p99_ms", "lateness of a 5 ms timer, p99", p99, "ms", at_most=16.0)
    yield Row("frame_lateness_median_ms", "  median", statistics.median(late), "ms")
    yield Row("frame_lateness_max_ms", "  the latest", late[-1], "ms")


def tokens_of_transcript(tokens: int) -> Iterator[Row]:
    """Yield what a token costs the transcript, early and late in a long answer."""
    app = make_application()
    for name in bench_transcript.ANSWERS:
        times = bench_transcript.stream(app, *bench_transcript.ANSWERS[name], tokens)
        width = bench_transcript.WINDOW
        early, late = times[1000 - width : 1000], times[-width:]
        cost = statistics.mean(late)
        yield Row(f"token_{name}_ms", f"one token at {tokens:,}, {name}", cost, "ms")
        growth = cost / statistics.mean(early)
        yield Row(f"token_{name}_growth", "  beside one at 1,000", growth, "×", at_most=1.5)
    app.clipboard().clear()


if __name__ == "__main__":
    main()
