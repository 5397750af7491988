"""A program: how much memory a model takes with one conversation, and with a second one.

python -m speed.memory BUNDLE THREADS
"""

import sys
from pathlib import Path

from engine.bundle import open_bundle
from engine.model import Model
from speed.bandwidth import cache_bytes
from speed.measuring import decode_round, fill, random_tokens
from speed.serving import tell

_LENGTH = 512
_STATUS = Path("/proc/self/status")


def main() -> None:
    """Report bytes."""
    bundle = open_bundle(Path(sys.argv[1]), verify=False)
    model = Model(bundle, num_threads=int(sys.argv[2]))
    tokens = random_tokens(2 * _LENGTH, bundle.config.vocab_size)
    for _ in range(2):  # what onnxruntime keeps for its own work grows with the second prompt
        model.truncate(0)
        fill(model, tokens[:_LENGTH])
    decode_round(model, tokens, _LENGTH)
    peak, one = _status("VmHWM"), _status("VmRSS")
    fill(model, tokens[_LENGTH:])
    tell(
        {
            "weights": sum(
                file.stat().st_size for file in {bundle.model_path, *bundle.graph.external_files}
            ),
            "peak": peak,
            "second": _status("VmRSS") - one,
            "cache": cache_bytes(bundle.config, _LENGTH),
            "tokens": _LENGTH,
        }
    )


def _status(name: str) -> int:
    """Return the bytes that Linux gives under `name`.

    getrusage would count the memory of the process that started this one.
    """
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
