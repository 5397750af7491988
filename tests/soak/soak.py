"""Uses the real window for hours, and shows that nothing grows.

    python tests/soak/soak.py [--hours 2] [--samples 240] [--out build/soak]

Chats, branches, asks documents that change and are indexed anew, switches between two models,
opens and closes what opens, exports, deletes old conversations for good. Prints a table of memory,
handles, threads, child processes, widgets and file sizes, draws it (soak.svg), keeps every sample
(soak.json), and ends with status 1 if something grew.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--samples", type=int, default=240)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "soak")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {
            "GEB_CHAT_HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "QT_QPA_PLATFORM": "offscreen",
        }
        from sampling import Samples
        from using import use

        from engine.bundle import default_bundle_path

        shutil.copytree(default_bundle_path(), home / "data" / "models" / "second")
        samples = Samples(home)
        begun = monotonic()
        status, actions = use(home, samples, options.hours * 3600, options.samples)
        minutes = (monotonic() - begun) / 60
    (options.out / "soak.json").write_text(json.dumps(samples.rows, indent=1) + "\n")
    (options.out / "soak.svg").write_text(samples.drawing())
    print(f"{minutes:.0f} minutes: " + ", ".join(f"{n} {name}" for name, n in actions.items()))
    print(samples.table())
    grown = samples.grown()
    print(f"grew: {', '.join(grown)}" if grown else "nothing grew")
    return 1 if grown or status else 0


if __name__ == "__main__":
    sys.exit(main())
