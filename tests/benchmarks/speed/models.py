"""Models of a configuration's shape with random weights, built once and kept under build/bench.

Speed does not depend on what weights say, and what they would answer is played from recordings.
"""

import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.bundle import default_bundle_path
from engine.config import ModelConfig

ROOT = Path(__file__).resolve().parents[3]
LEAST_CONTEXT = 4096
"""Small configurations get this context as well, so that every measurement runs on them."""
_SOURCES = ("export/graph.py", "engine/quantization.py", "tests/benchmarks/speed/models.py")

Builder = Callable[[str, Path], None]


def int8_bundle(config: str, out: Path) -> Path:
    """Return our bundle in the precision that the product ships."""
    return cached(f"{config}-int8", config, out, _build_int8)


def int4_bundle(config: str, out: Path) -> Path:
    """Return our bundle with int4 layers."""
    return cached(f"{config}-int4", config, out, _build_int4)


def checkpoint(config: str, out: Path) -> Path:
    """Return a Hugging Face folder that builders of others read."""
    return cached(f"{config}-checkpoint", config, out, _build_checkpoint)


def cached(name: str, config: str, out: Path, build: Builder) -> Path:
    """Return the folder `out`/`name`-HASH; HASH is that of the sources and the configuration.

    Raises RuntimeError where it cannot be built; why is on stderr.
    """
    sources = [ROOT / source for source in _SOURCES]
    sources.append(ROOT / "training/configs" / f"{config}.toml")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
    path = out / f"{name}-{digest}"
    if path.exists():
        return path
    for outdated in out.glob(f"{name}-{'?' * len(digest)}"):
        shutil.rmtree(outdated)
    print(f"Building {path.name} (once)", flush=True)
    # In a process of its own: its memory is not that of what is measured.
    builder = multiprocessing.get_context("spawn").Process(target=build, args=(config, path))
    builder.start()
    builder.join()
    if builder.exitcode:
        raise RuntimeError(f"{path.name} could not be built.")
    return path


def shape(config: str) -> ModelConfig:
    """Return a configuration's shape, with room for every measurement."""
    from training.settings import load_settings

    model = load_settings(config).model
    context = max(model.max_position_embeddings, LEAST_CONTEXT)
    return replace(model, max_position_embeddings=context)


def _build_int8(config: str, out: Path) -> None:
    _build_bundle(config, out, int4_layers=False)


def _build_int4(config: str, out: Path) -> None:
    _build_bundle(config, out, int4_layers=True)


def _build_bundle(config_name: str, out: Path, *, int4_layers: bool) -> None:
    from export.bundle import new_bundle, write_configs, write_graph, write_sums
    from export.chat_format import our_chat_format
    from export.graph import Quantization, build_graph, linear_names
    from export.weights import RandomWeights

    config = shape(config_name)
    layers = config.num_hidden_layers
    names = ["lm_head"] if int4_layers else linear_names(config)
    cache_scales = [0.05] * layers
    quantization = Quantization(
        dict.fromkeys(names, 0.05), cache_scales, cache_scales, int4_layers=int4_layers
    )
    with new_bundle(out) as folder:
        our_chat_format(default_bundle_path() / "tokenizer.model").write(folder)
        write_configs(config, [config.eos_token_id], {}, folder)
        write_graph(build_graph(config, RandomWeights(config), quantization), folder, _progress)
        (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nRandom weights.\n")
        write_sums(folder)
    print()


def _build_checkpoint(config_name: str, out: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from export.decoder import as_decoder
    from export.weights import RandomWeights, weight_shapes

    config = shape(config_name)
    weights = RandomWeights(config)
    tensors = {
        name: torch.from_numpy(weights(name)).half() for name in weight_shapes(as_decoder(config))
    }
    building = out.with_name(f".{out.name}")
    building.mkdir(parents=True, exist_ok=True)
    save_file(tensors, building / "model.safetensors", metadata={"format": "pt"})
    values = config.to_hugging_face() | {"torch_dtype": "float16"}
    (building / "config.json").write_text(json.dumps(values, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(default_bundle_path() / name, building)
    building.rename(out)


def _progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} weights", end="", flush=True)
