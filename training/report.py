"""A run at a glance: `python -m training.report RUN [--out FILE] [--language zh|en]`.

Writes one HTML page that needs nothing else: curves, samples, scores, cost. RUN is the folder
of `make rebuild` (build/NAME), or the --out of one training stage.
"""

import argparse
from pathlib import Path

from engine.i18n import set_language, tr
from training.command import command, write_atomically
from training.reporting.page import render
from training.reporting.run import open_run

_LANGUAGES = {"en": "en", "zh": "zh_CN"}


@command
def main() -> None:
    """Read the command line and write the page."""
    parser = argparse.ArgumentParser(prog="python -m training.report", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="build/NAME, or a stage's --out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of RUN/report.html")
    parser.add_argument("--language", choices=_LANGUAGES, help="instead of the system's")
    arguments = parser.parse_args()
    if arguments.language:
        set_language(_LANGUAGES[arguments.language])
    out = arguments.out or arguments.run / "report.html"
    write_atomically(out, render(open_run(arguments.run)))
    print(tr("The report is {path}.", path=out))


if __name__ == "__main__":
    main()
