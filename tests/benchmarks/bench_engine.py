"""How fast the engine runs a GEB-1.3B-shaped model on this computer: `make bench`.

Builds a bundle with random weights under build/bench (kept for the next run), measures
prefill, decoding, loading and memory through engine.model.Model, and prints them beside the
memory's measured read bandwidth, which limits decoding: every token reads all weights once.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.bundle import Bundle, open_bundle
from engine.config import ModelConfig
from engine.generation import PREFILL_CHUNK
from engine.model import Model, physical_cores

ROOT = Path(__file__).resolve().parents[2]
Result = TypeVar("Result")

PREFILL_LENGTHS = (128, 512)
DECODE_DEPTHS = (128, 1024)
_DECODE_STEPS = 32
_REPEATS = 3
_BUFFER_BYTES = 1 << 28  # a thread's share of the bandwidth test, far above any cache


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="geb-1.3b", help="a configuration of training/configs")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    arguments = parser.parse_args()
    path = cached_bundle(arguments.config, arguments.out)
    figures = measure(path)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "engine.json").write_text(json.dumps(figures, indent=2) + "\n")
    print_table(arguments.config, figures)


def cached_bundle(config: str, out: Path) -> Path:
    """Return the bundle of a configuration, built only where the graph or the shape changed."""
    sources = [ROOT / "export/graph.py", ROOT / "engine/quantization.py"]
    sources.append(ROOT / "training/configs" / f"{config}.toml")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
    path = out / f"{config}-{digest}"
    if not path.exists():
        for outdated in out.glob(f"{config}-{'?' * len(digest)}"):
            shutil.rmtree(outdated)
        print(f"Building {path.name} (once)", flush=True)
        # In a process of its own: its memory is not the engine's.
        builder = multiprocessing.get_context("spawn").Process(
            target=build_bundle, args=(config, path)
        )
        builder.start()
        builder.join()
        if builder.exitcode:
            sys.exit(builder.exitcode)
    return path


def build_bundle(config_name: str, out: Path) -> None:
    """Write an int8 bundle with random weights in the shape of a configuration."""
    from export.bundle import new_bundle, write_configs, write_graph, write_sums
    from export.chat_format import our_chat_format
    from export.graph import Quantization, build_graph, linear_names
    from export.weights import RandomWeights
    from training.settings import TokenizerSettings, load_settings
    from training.tokenizer import train_tokenizer

    config = load_settings(config_name).model
    layers = config.num_hidden_layers
    scales = Quantization(
        dict.fromkeys(linear_names(config), 0.05), [0.05] * layers, [0.05] * layers
    )
    # What the text says does not matter: the benchmark feeds token ids.
    tokenizer = train_tokenizer(iter([__doc__ or ""] * 20), TokenizerSettings(vocab_size=320))
    with new_bundle(out) as folder:
        (folder / "tokenizer.model").write_bytes(tokenizer)
        our_chat_format(folder / "tokenizer.model").write(folder)
        write_configs(config, [config.eos_token_id], {}, folder)
        write_graph(build_graph(config, RandomWeights(config), scales), folder, show_progress)
        (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nRandom weights.\n")
        write_sums(folder)
    print()


def show_progress(done: int, total: int) -> None:
    """Overwrite one line of the terminal."""
    print(f"\r{done} of {total} weights", end="", flush=True)


def measure(path: Path) -> dict[str, float]:
    """Return every figure of the benchmark, by its name in engine.json."""
    open_bundle(path, verify=False)  # reads what a running application has read already
    load_seconds, (bundle, model) = timed(lambda: load(path))
    config = bundle.config
    tokens = np.random.default_rng(0).integers(4, config.vocab_size, model.context_length).tolist()
    figures: dict[str, float] = {"threads": physical_cores(), "load_seconds": load_seconds}
    for length in PREFILL_LENGTHS:
        if length <= model.context_length:
            part = tokens[:length]
            seconds = statistics.median(
                timed(partial(prefill, model, part))[0] for _ in range(_REPEATS)
            )
            figures[f"prefill_{length}_tokens_per_second"] = length / seconds
    depths = [depth for depth in DECODE_DEPTHS if depth + _DECODE_STEPS <= model.context_length]
    for depth in depths:
        seconds = decode_seconds(model, tokens, depth)
        figures[f"decode_{depth}_tokens_per_second"] = 1 / seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_gigabytes"] = peak * (1 if sys.platform == "darwin" else 1024) / 1e9
    model.close()
    bandwidth = read_bandwidth(physical_cores())
    figures["read_bandwidth_gigabytes_per_second"] = bandwidth / 1e9
    for depth in depths:
        num_bytes = bytes_per_token(config, depth)
        figures[f"decode_{depth}_gigabytes_per_token"] = num_bytes / 1e9
        rate = figures[f"decode_{depth}_tokens_per_second"]
        figures[f"decode_{depth}_share_of_bandwidth"] = num_bytes * rate / bandwidth
    return figures


def load(path: Path) -> tuple[Bundle, Model]:
    """Open a bundle as the application does once its sums are known."""
    bundle = open_bundle(path, verify=False)
    return bundle, Model(bundle)


def prefill(model: Model, tokens: list[int]) -> None:
    """Read `tokens` into an empty cache, in the engine's chunks."""
    model.truncate(0)
    for start in range(0, len(tokens), PREFILL_CHUNK):
        model.forward(tokens[start : start + PREFILL_CHUNK])


def decode_seconds(model: Model, tokens: list[int], depth: int) -> float:
    """Return the median time of a step, over the steps that follow `depth` tokens."""
    prefill(model, tokens[:depth])
    rounds = []
    for _ in range(_REPEATS):
        model.truncate(depth)
        rounds += [
            timed(partial(model.forward, [token]))[0]
            for token in tokens[depth : depth + _DECODE_STEPS]
        ]
    return statistics.median(rounds)


def bytes_per_token(config: ModelConfig, depth: int) -> int:
    """Return the int8 bytes that one step reads: all matrices but the input embedding, the cache.

    Scales and norms (0.2 %) are left out.
    """
    query = config.num_attention_heads * config.head_dim
    key_value = config.num_key_value_heads * config.head_dim
    attention = config.hidden_size * 2 * (query + key_value)
    mlp = 3 * config.hidden_size * config.intermediate_size
    head = config.vocab_size * config.hidden_size
    cache = 2 * key_value * depth
    return config.num_hidden_layers * (attention + mlp + cache) + head


def read_bandwidth(threads: int) -> float:
    """Return the bytes a second at which all threads together read memory, best of several."""
    buffers = [np.ones(_BUFFER_BYTES // 4, np.float32) for _ in range(threads)]

    def read(buffer: np.ndarray) -> None:
        # The fastest of numpy's reductions in one thread; it lets other threads run.
        np.bitwise_or.reduce(buffer.view(np.int64))

    with ThreadPoolExecutor(threads) as pool:
        seconds = min(timed(lambda: list(pool.map(read, buffers)))[0] for _ in range(7))
    return threads * _BUFFER_BYTES / seconds


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Return a call's seconds and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def print_table(config: str, figures: dict[str, float]) -> None:
    """Print what was measured, in the units of the names."""
    print(f"{config} with random int8 weights")
    for name, value in figures.items():
        digits = 2 if value < 10 else 1
        print(f"  {name.replace('_', ' '):<40} {value:>10.{digits}f}")


if __name__ == "__main__":
    main()
