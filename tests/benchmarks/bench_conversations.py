"""What the window costs with 10,000 conversations of 200,000 messages: start, list, search, open.

    python tests/benchmarks/bench_conversations.py [--conversations N] [--messages N] [--store FILE]

`--store` keeps the filled store in a file, and uses it again. Prints milliseconds, each the median
of several runs: until the window is painted, until the list shows an old conversation, from a
search that is typed to its results on the screen, and from a choice in the list to its messages.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QSettings
from PySide6.QtWidgets import QApplication

from app.bridge import EventBridge
from app.desktop import make_application
from app.window import MainWindow
from bench_store import Words, fill
from engine.chat import ChatService

OUT = Path("build/bench/conversations.json")
RUNS = 5


def main() -> int:
    """Fill a store, if there is none yet, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    app = make_application()
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder) / "store.sqlite3"
        words = Words()
        if not path.exists():
            fill(path, words, options.conversations, options.messages // options.conversations)
        figures = measure(app, path, words)
    for name, value in figures.items():
        print(f"{name:32}{value:>10}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1))
    app.clipboard().clear()
    return 0


def measure(app: QApplication, path: Path, words: Words) -> dict[str, float]:
    """Return flat figures of a window on the store at `path`."""

    def paint(window: MainWindow) -> None:
        window.show()
        app.processEvents()

    starts = []
    for _ in range(RUNS):
        begun = perf_counter()
        with _window(app, path) as window:
            paint(window)
            starts.append((perf_counter() - begun) * 1000)
    figures = {"window_with_many_conversations_ms": round(statistics.median(starts), 1)}
    with _window(app, path) as window:
        paint(window)
        ids = [c.id for c in window._service.store.list_conversations()]
        begun = perf_counter()
        window.sidebar.ensure_open(ids[-1])
        app.processEvents()
        figures["oldest_conversation_ms"] = round((perf_counter() - begun) * 1000, 1)

        def median(works: Sequence[Callable[[], object]]) -> float:
            times = []
            for work in works:
                begun = perf_counter()
                work()
                app.processEvents()
                times.append((perf_counter() - begun) * 1000)
            return round(statistics.median(times), 1)

        def search(query: str) -> None:
            panel, shown = window.sidebar.search, False

            def see(found: str, _hits: object) -> None:
                nonlocal shown
                shown = shown or found == query

            panel._searcher.found.connect(see)
            panel.field.setText(query)
            while not shown:
                app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            panel._searcher.found.disconnect(see)

        for name, language in (("en", 0), ("zh", 1)):
            for kind, rank in (("common", 0), ("rare", 5_000)):
                queries = [words.word(language, rank + n) for n in range(RUNS)]
                figures[f"search_{name}_{kind}_ms"] = median(
                    [lambda q=q: search(q) for q in queries]
                )  # type: ignore[misc]
        window.sidebar.search.end_search()
        several = ids[:: len(ids) // RUNS]
        figures["open_conversation_ms"] = median([partial(window._jump_to, n) for n in several])
    return figures


@contextmanager
def _window(app: QApplication, path: Path) -> Iterator[MainWindow]:
    """A window without a model, closed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        bridge = EventBridge()
        settings = QSettings(str(Path(folder) / "window.ini"), QSettings.Format.IniFormat)
        window = MainWindow(ChatService(path, bridge.post), bridge, settings)
        window.resize(1000, 700)
        yield window
        window.close()
        window.deleteLater()
        bridge.deleteLater()
        app.processEvents()


if __name__ == "__main__":
    sys.exit(main())
