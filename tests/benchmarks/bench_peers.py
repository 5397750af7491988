"""The engine beside llama.cpp and onnxruntime-genai, in turns within one run: `make bench-peers`.

Each is a process of its own with a model of the same shape, all loaded together; a measurement
goes round all of them before the next one begins. Settings are each product's own, but for
the number of threads. A peer that cannot be built or run here is named, and left out.
"""

import argparse
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from engine.bundle import Bundle, open_bundle
from speed.comparison import OURS, Comparison, figures, print_ratios, print_speeds
from speed.engine_rows import DEPTHS, PREFILL
from speed.measuring import ROUNDS, STEPS, random_tokens
from speed.models import LEAST_CONTEXT, ROOT, int8_bundle
from speed.peer_models import genai_int8, gguf
from speed.processes import Worker
from speed.quoting import recordings
from speed.rows import print_line, write_figures

REFERENCE = "llama.cpp Q8_0"
"""What the targets are relative to."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="geb-1.3b", help="a configuration of training/configs")
    parser.add_argument("--threads", type=int, default=2, help="of every engine; default: 2")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument(
        "--peers-python",
        type=Path,
        default=ROOT / "build" / "bench" / "peers" / "venv" / "bin" / "python",
        help="has llama-cpp-python and gguf",
    )
    arguments = parser.parse_args()
    bundle = open_bundle(int8_bundle(arguments.config, arguments.out), verify=False)
    with ExitStack() as stack:
        workers = dict(_started(_starters(bundle, arguments)))
        for worker in workers.values():
            stack.enter_context(closing(worker))
        title = f"{arguments.config}, random weights, {arguments.threads} threads, tokens/s"
        print_line(title, *workers)
        comparisons = []
        for comparison in measure(workers, bundle):
            print_speeds(comparison)
            comparisons.append(comparison)
    print_ratios(comparisons, REFERENCE)
    found = (figure for comparison in comparisons for figure in figures(comparison))
    write_figures(arguments.out / "peers.json", found)


def measure(workers: Mapping[str, Worker], bundle: Bundle) -> Iterator[Comparison]:
    """Yield the tokens a second of all, for one measurement after the other."""
    tokens = random_tokens(LEAST_CONTEXT, bundle.config.vocab_size)

    def rounds(**question: object) -> dict[str, list[float]]:
        seconds: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(ROUNDS):
            for name, worker in workers.items():
                found = worker.ask(**question)
                seconds[name] += found if isinstance(found, list) else [found]
        return seconds

    taken = rounds(measure="prefill", tokens=tokens[:PREFILL])
    speeds = {name: PREFILL / median(seconds) for name, seconds in taken.items()}
    yield Comparison(f"prefill_{PREFILL}", f"prefill {PREFILL}", speeds, target=2.0)
    for depth in DEPTHS:
        taken = rounds(measure="decode", tokens=tokens[: depth + STEPS], depth=depth)
        speeds = {name: 1 / median(seconds) for name, seconds in taken.items()}
        target = 1.05 if depth == DEPTHS[0] else 1.2
        yield Comparison(f"decode_{depth}", f"decode at depth {depth}", speeds, target)
    for recording in recordings(bundle):
        question = {"prompt": recording.prompt, "answer": recording.answer}
        speeds = {name: worker.ask(measure="quote", **question) for name, worker in workers.items()}
        name = f"answer that quotes ({recording.language})"
        yield Comparison(f"quote_{recording.language}", name, speeds, target=2.5)


def _starters(bundle: Bundle, arguments: argparse.Namespace) -> dict[str, Callable[[], Worker]]:
    """Return what builds and starts each engine."""
    config, out, python = arguments.config, arguments.out, arguments.peers_python
    limits = (arguments.threads, LEAST_CONTEXT)

    def llama_cpp(kind: str) -> Worker:
        model = gguf(config, kind, out, python)
        return Worker("speed.peers.llama_cpp_python", model, *limits, python=python)

    return {
        OURS: lambda: Worker("speed.peers.ours", bundle.path, arguments.threads),
        REFERENCE: lambda: llama_cpp("Q8_0"),
        "llama.cpp Q4_0": lambda: llama_cpp("Q4_0"),
        "genai int8": lambda: Worker("speed.peers.genai", genai_int8(config, out), *limits),
    }


def _started(starters: Mapping[str, Callable[[], Worker]]) -> Iterator[tuple[str, Worker]]:
    for name, start in starters.items():
        try:
            yield name, start()
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{name} is not measured: {error}", flush=True)


if __name__ == "__main__":
    main()
