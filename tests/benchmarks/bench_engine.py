"""How fast the engine runs a GEB-1.3B-shaped model on this computer: `make bench`.

Builds bundles with random weights under build/bench (kept for the next run), measures
everything that the engine promises about speed and memory, and prints it beside the targets.
Decoding reads all weights once a token, so it stands beside the measured memory bandwidth.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from speed import engine_rows
from speed.bandwidth import read_bandwidth
from speed.engine_rows import Subject
from speed.models import ROOT, int4_bundle, int8_bundle
from speed.rows import Row, print_line, print_row, write_figures


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="geb-1.3b", help="a configuration of training/configs")
    parser.add_argument("--threads", type=int, default=2, help="of the engine; default: 2")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    arguments = parser.parse_args()
    int8, int4 = (build(arguments.config, arguments.out) for build in (int8_bundle, int4_bundle))
    print_line(f"{arguments.config}, random weights, {arguments.threads} threads", "", "target")
    rows = []
    for row in measure(int8, int4, arguments.threads):
        print_row(row)
        rows.append(row)
    write_figures(arguments.out / "engine.json", ((row.key, row.value) for row in rows))


def measure(int8: Path, int4: Path, threads: int) -> Iterator[Row]:
    """Yield every row; what needs a process of its own comes before this one is large."""
    yield from engine_rows.starting(int8, threads)
    yield from engine_rows.memory(int8, threads)
    bandwidth = read_bandwidth(threads)
    subject = Subject.open(int8, threads)
    yield from engine_rows.prefill(subject)
    yield from engine_rows.decoding(subject, bandwidth)
    for rows in (
        engine_rows.quoting,
        engine_rows.verifying,
        engine_rows.following_up,
        engine_rows.cancelling,
        engine_rows.python,
        engine_rows.sharing,
    ):
        yield from rows(subject)
    yield from engine_rows.rounding(subject, Subject.open(int4, threads))


if __name__ == "__main__":
    main()
