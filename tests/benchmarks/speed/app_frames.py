"""A program: how smoothly the window runs while an answer streams and the processor is busy.

python -m speed.app_frames STORE TOKENS RATE

Opens the last conversation of a store and streams TOKENS pieces of text at about RATE a second
into it. Meanwhile two threads multiply matrices, at the priority of the threads of a model. Prints
how late each tick of a 5 ms timer was, painting included, in one line of JSON.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # two threads of our own have it do their work

import numpy as np
from PySide6.QtCore import QSettings, Qt, QTimer

from app.bridge import EventBridge
from app.desktop import make_application
from app.window import MainWindow
from bench_transcript import MIXED
from engine.chat import ChatService
from engine.events import Done, Event, ModelLoaded, Started, Token, Usage
from engine.priority import yield_to_other_threads
from engine.sampling import GenerationDefaults
from engine.worker import EngineWorker
from speed.serving import tell

TICK_MS = 5
_SIDE = 384
"""Of the matrices: a product takes about as long as one of a small model's."""
_DEFAULTS = GenerationDefaults(
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    min_p=0.0,
    repetition_penalty=1.0,
    max_new_tokens=512,
    eos_token_ids=(2,),
)


class Playing(EngineWorker):
    """An engine that computes for nothing, and says what a model could have said."""

    _played = False
    tokens = 1000
    rate = 100.0

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._hear = on_event
        super().__init__(on_event)

    def load(self, _path: Path, **_options: object) -> int:
        self._hear(ModelLoaded(1, "bench", 16_384, 0.0, _DEFAULTS))
        return 1

    def answer(self, *_arguments: object, **_options: object) -> int:
        for work in (self._play, self._compute, self._compute):
            threading.Thread(target=work, daemon=True).start()
        return 2

    def _compute(self) -> None:
        """Keep a core as busy as a model does, outside Python's lock."""
        yield_to_other_threads()
        matrix = np.ones((_SIDE, _SIDE), dtype=np.float32)
        while not self._played:
            matrix @ matrix

    def _play(self) -> None:
        yield_to_other_threads()
        time.sleep(0.1)  # whoever asked notes the number first
        self._hear(Started(2))
        pieces = cycle([MIXED[at : at + 4] for at in range(0, len(MIXED), 4)])
        following = time.perf_counter()
        for _ in range(self.tokens):
            following += 1 / self.rate
            time.sleep(max(0.0, following - time.perf_counter()))
            self._hear(Token(2, next(pieces)))
        self._played = True
        self._hear(Done(2, Usage(10, self.tokens, 1.0, self.rate, self.tokens), "stop"))


def main() -> None:
    """Stream one answer and report."""
    store, Playing.tokens, Playing.rate = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    app = make_application()
    bridge = EventBridge(app)
    settings = QSettings(str(store.with_name("window.ini")), QSettings.Format.IniFormat)
    window = MainWindow(ChatService(store, bridge.post, Playing), bridge, settings)
    window.resize(1080, 720)
    window.show()
    window.load_model(Path("/nowhere"))
    late: list[float] = []
    last = [0.0]

    def tick() -> None:
        now = time.perf_counter()
        late.append(1000 * (now - last[0]) - TICK_MS)
        last[0] = now

    timer = QTimer(window, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)

    def begin() -> None:
        window.chat.send("A long answer, please.")
        last[0] = time.perf_counter()
        timer.start()

    def end(answering: bool) -> None:
        if not answering and late:
            timer.stop()
            tell({"late_ms": [round(value, 2) for value in late]})
            window.end()

    window.chat.answering_changed.connect(end)
    window.ended.connect(app.exit)
    QTimer.singleShot(500, begin)
    app.exec()


if __name__ == "__main__":
    main()
