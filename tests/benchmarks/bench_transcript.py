"""What a streamed answer costs the window: each token, each frame, and the first picture.

    python tests/benchmarks/bench_transcript.py [--tokens N] [--answer NAME]

Tokens: every one is appended, laid out and painted on its own, as at 30 tokens/s or less, early
and late in a long answer: one of mixed blocks and the worst cases, one long block of code, one
long list, and prose without a pause.

Frames: in a window with 500 messages an answer of N tokens streams in at the speed of the model
that ships, which computes on all cores meanwhile. A timer of 5 ms says how late the window is at
any moment; layout and painting are on its thread, so their time is in that.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter, thread_time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.bridge import EventBridge
from app.desktop import make_application
from app.transcript import Transcript
from app.window import MainWindow
from engine.bundle import default_bundle_path
from engine.chat import ChatService
from engine.events import Cancelled, Done, Event, Failed, Token
from engine.sampling import SamplingParams
from engine.store import Message, Role, Store
from engine.worker import EngineWorker

OUT = Path("build/bench/transcript.json")
WINDOW = 300
"""Tokens that a figure is taken from."""
MESSAGES = 500
TICK_MS = 5
QUESTION = "Tell me a long story about rain, wind and the sea."
LONG_ANSWER = SamplingParams(temperature=1.0, max_new_tokens=900, seed=1)
MIXED = """## A heading

Some prose with **bold words**, `code`, a formula $e^{i\\pi} + 1 = 0$ and 一些中文 in the middle, \
long enough to take more than one line of the column.

1. The first item of a list
2. The second one
   - with an item of its own

```python
def area(radius: float) -> float:
    return 3.14159 * radius ** 2  # of a circle
```

| name | value |
|------|------:|
| one | 1 |
| two | 2 |

$$
\\int_0^1 x^2 \\, dx = \\frac{1}{3}
$$

"""
ANSWERS = {
    "mixed": ("", MIXED),
    "code": ("```python\n", "total = sum(value * 2 for value in values)  # 求和\n"),
    "list": ("", "- an item of a long list with some words in it\n"),
    "prose": ("", "One sentence follows another and 段落很长 here.\n\n"),
}


def main() -> int:
    """Print a table of the answers, then of the frames; keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--answer", choices=ANSWERS, action="append")
    options = parser.parse_args()
    app = make_application()
    print(f"{'answer':8}{'at tokens':>12}{'mean ms':>10}{'p99 ms':>10}{'max ms':>10}{'ratio':>8}")
    figures: dict[str, float] = {}
    for name in options.answer or ANSWERS:
        times = stream(app, *ANSWERS[name], options.tokens)
        early, late = times[1000 - WINDOW : 1000], times[-WINDOW:]
        for count, part in ((1000, early), (options.tokens, late)):
            ratio = statistics.mean(part) / statistics.mean(early)
            print(
                f"{name:8}{count:>12,}{statistics.mean(part):>10.2f}{_p99(part):>10.2f}"
                f"{max(part):>10.2f}{ratio:>8.2f}"
            )
        figures[f"{name}_token_early_ms"] = round(statistics.mean(early), 3)
        figures[f"{name}_token_late_ms"] = round(statistics.mean(late), 3)
    figures |= frames(app, options.tokens)
    for name, value in figures.items():
        print(f"{name:32}{value:>10}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1))
    app.clipboard().clear()
    return 0


def frames(app: QApplication, tokens: int = 10_000) -> dict[str, float]:
    """Stream an answer of `tokens` tokens into a long chat while the model computes.

    Returns flat figures: how late a timer of 5 ms was (median, p99, worst), how much of that the
    window's thread computed itself, how long it took to open the chat, and how soon the model was
    silent after it was told to stop.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conversations.sqlite3"
        with Store(path) as store:
            _fill(store, MESSAGES)
        bridge = EventBridge()
        service = ChatService(path, bridge.post)
        settings = QSettings(str(Path(folder) / "window.ini"), QSettings.Format.IniFormat)
        begun = perf_counter()
        window = MainWindow(service, bridge, settings)
        window.resize(1000, 700)
        window.show()
        app.processEvents()
        opened = (perf_counter() - begun) * 1000
        lateness, work, stopped = _stream_beside_model(app, window, tokens)
        window.close()
        window.deleteLater()
        bridge.deleteLater()
        app.processEvents()
    return {
        "frame_lateness_p50_ms": round(statistics.median(lateness), 3),
        "frame_lateness_p99_ms": round(_p99(lateness), 3),
        "frame_lateness_max_ms": round(max(lateness), 3),
        "frame_work_p99_ms": round(_p99(work), 3),
        "frame_work_max_ms": round(max(work), 3),
        "open_long_chat_ms": round(opened, 1),
        "stop_ms": round(stopped, 1),
    }


def _stream_beside_model(
    app: QApplication, window: MainWindow, tokens: int
) -> tuple[list[float], list[float], float]:
    """Return of each tick its lateness and the processor's time, and that from "stop" to silence.

    All in milliseconds.
    """
    pieces, arrived, ended = _tokens(MIXED), EventBridge(), threading.Event()
    worker = EngineWorker(lambda event: _forward(event, arrived, ended))
    worker.load(default_bundle_path())
    view = window.chat.transcript.add(_answer())
    shown = 0

    def show(batch: list[Token]) -> None:
        nonlocal shown
        view.append_text("".join(next(pieces) for _ in batch))
        window.chat.status.show_answering(len(batch))
        shown += len(batch)

    arrived.arrived.connect(show)
    lateness: list[float] = []
    work: list[float] = []
    last, last_work = perf_counter(), thread_time()

    def tick() -> None:
        nonlocal last, last_work
        now, now_work = perf_counter(), thread_time()
        lateness.append(max(0.0, (now - last) * 1000 - TICK_MS))
        work.append((now_work - last_work) * 1000)
        last, last_work = now, now_work

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
    timer.timeout.connect(tick)
    request = 0
    while shown < tokens:
        ended.clear()
        request = worker.generate([{"role": "user", "content": QUESTION}], LONG_ANSWER)
        while not ended.is_set() and shown < tokens:
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if shown and not timer.isActive():  # the model is loaded
                last, last_work = perf_counter(), thread_time()
                timer.start()
    timer.stop()
    begun = perf_counter()
    worker.cancel(request)
    ended.wait()
    stopped = (perf_counter() - begun) * 1000
    arrived.close()
    worker.close()
    view.finish(_answer())
    return lateness, work, stopped


def _forward(event: Event, bridge: EventBridge, ended: threading.Event) -> None:
    if isinstance(event, Token):
        bridge.post(event)
    elif isinstance(event, Done | Cancelled | Failed):
        ended.set()
        bridge.post(Token(event.request_id, ""))  # wakes the window


def _fill(store: Store, count: int) -> None:
    number = store.create_conversation("Long").id
    parent = None
    with store.transaction():
        for place in range(count):
            role: Role = "assistant" if place % 2 else "user"
            text = MIXED if place % 2 else "A question of some words, 以及中文。"
            parent = store.add_message(number, role, text, parent_id=parent).id


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def stream(app: QApplication, start: str, repeated: str, count: int) -> list[float]:
    """Return the milliseconds that each of `count` tokens took."""
    transcript = Transcript()
    transcript.resize(900, 700)
    transcript.show()
    transcript.show_messages([])
    view = transcript.add(_answer())
    view.append_text(start)
    app.processEvents()
    times = []
    for token, _ in zip(_tokens(repeated), range(count), strict=False):
        begun = perf_counter()
        view.append_text(token)
        app.processEvents()  # layout and painting
        times.append((perf_counter() - begun) * 1000)
    transcript.close()
    transcript.deleteLater()
    app.processEvents()
    return times


def _tokens(text: str) -> Iterator[str]:
    """Cut `text`, again and again, into pieces of four characters, as tokens are on average."""
    return cycle([text[i : i + 4] for i in range(0, len(text), 4)])


def _answer() -> Message:
    return Message(
        id=2,
        conversation_id=1,
        parent_id=1,
        role="assistant",
        content="",
        status="streaming",
        created_at=0.0,
        finish_reason=None,
        model=None,
        error=None,
        prompt_tokens=None,
        completion_tokens=None,
        prefill_ms=None,
        decode_tokens_per_second=None,
    )


if __name__ == "__main__":
    sys.exit(main())
