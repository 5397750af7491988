"""A program: our engine, measured as `make bench` measures it.

python -m speed.peers.ours BUNDLE THREADS
"""

import sys
from pathlib import Path

from engine.bundle import open_bundle
from engine.model import Model
from speed.answers import prefill_seconds, quote_speed
from speed.measuring import decode_round
from speed.serving import serve


def main() -> None:
    """Answer the driver's questions."""
    bundle = open_bundle(Path(sys.argv[1]), verify=False)
    model = Model(bundle, num_threads=int(sys.argv[2]))

    def prefill(tokens: list[int]) -> float:
        return prefill_seconds(model, bundle, tokens)

    def decode(tokens: list[int], depth: int) -> list[float]:
        return decode_round(model, tokens, depth)

    def quote(prompt: list[int], answer: list[int]) -> float:
        return quote_speed(model, bundle, prompt, answer)

    serve({"prefill": prefill, "decode": decode, "quote": quote})


if __name__ == "__main__":
    main()
