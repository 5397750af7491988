"""What one token of a streamed answer costs the window, early and late in a long answer.

    python tests/benchmarks/bench_transcript.py [--tokens N]

Every token is appended, laid out and painted on its own, as at 30 tokens/s or less. Prints
milliseconds for each token around 1,000 and 10,000 tokens, for an answer of mixed blocks and
for the worst cases: one long block of code, one long list, and prose without a pause.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from itertools import cycle
from time import perf_counter

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.desktop import make_application
from app.transcript import Transcript
from engine.store import Message

WINDOW = 300
"""Tokens that a figure is taken from."""
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
    """Print a table of the answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--answer", choices=ANSWERS, action="append")
    options = parser.parse_args()
    app = make_application()
    print(f"{'answer':8}{'at tokens':>12}{'mean ms':>10}{'p99 ms':>10}{'max ms':>10}{'ratio':>8}")
    for name in options.answer or ANSWERS:
        times = stream(app, *ANSWERS[name], options.tokens)
        early = times[1000 - WINDOW : 1000]
        late = times[-WINDOW:]
        for count, part in ((1000, early), (options.tokens, late)):
            ratio = statistics.mean(part) / statistics.mean(early)
            p99 = sorted(part)[int(len(part) * 0.99)]
            print(
                f"{name:8}{count:>12,}{statistics.mean(part):>10.2f}{p99:>10.2f}"
                f"{max(part):>10.2f}{ratio:>8.2f}"
            )
    app.clipboard().clear()
    return 0


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
