"""How fast a model trains here: `make bench-training`.

On a processor, beside a plain loop over transformers' Llama of the same shape, with the same
rows, the same optimiser and in the same precision, in turns within one run. On a graphics card
alone, as a share of the card's matrix products (MFU): it needs what training itself needs.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.cost import GPU, PEAK_FLOPS, flops_per_token
from training.distributed import Processes
from training.execution import compiles, compute_dtype, prepare
from training.loss import chunked_cross_entropy
from training.model import GEB
from training.optimizer import build_optimizers
from training.settings import Settings, StageSettings, load_settings

ROOT = Path(__file__).resolve().parents[2]
MEAN_DOCUMENT = 400
"""Tokens of a packed document on average: rows hold several, as in pretraining."""

Step = Callable[[], None]


@dataclass(frozen=True)
class Rows:
    """One batch: int64 [rows, sequence_length] each."""

    input_ids: Tensor
    targets: Tensor
    document_ids: Tensor


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="nano", help="a configuration of training/configs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument("--rows", type=int, help="rows per step; default: the configuration's")
    parser.add_argument("--length", type=int, help="tokens per row; default: the configuration's")
    parser.add_argument("--recompute", action="store_true", help="activation checkpointing")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of each")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    arguments = parser.parse_args()
    settings = load_settings(arguments.config)
    stage = replace(
        settings.pretrain,
        batch_size=arguments.rows or settings.pretrain.batch_size,
        sequence_length=arguments.length or settings.pretrain.sequence_length,
        precision=arguments.precision,
        activation_checkpointing=arguments.recompute,
    )
    figures = measure(settings, stage, torch.device(arguments.device), arguments.repeats)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"training-{arguments.config}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print_table(figures)


def measure(
    settings: Settings, stage: StageSettings, device: torch.device, repeats: int
) -> dict[str, Any]:
    """Return the speed of every way to train, in tokens per second."""
    rows = draw(settings.model.vocab_size, stage, device)
    steps = contenders(settings, stage, rows)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    warm_up = 2  # the first compiles, the second settles memory
    for repeat in range(warm_up + repeats):
        for name, step in steps.items():
            duration = timed(step, device)
            if repeat >= warm_up:
                seconds[name].append(duration)
    tokens = rows.input_ids.numel()
    plain = next(iter(seconds))
    return {
        "config": settings.name,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "precision": str(compute_dtype(stage, device)).removeprefix("torch."),
        "rows": stage.batch_size,
        "sequence_length": stage.sequence_length,
        "flops_per_token": flops_per_token(settings.model, stage.sequence_length),
        "peak_memory_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
        # The fastest step of each: whatever else the machine does only ever slows one down.
        "tokens_per_second": {name: tokens / min(times) for name, times in seconds.items()},
        "ratio": {name: min(seconds[plain]) / min(times) for name, times in seconds.items()},
    }


def draw(vocab_size: int, stage: StageSettings, device: torch.device) -> Rows:
    """Return random tokens in documents of random lengths."""
    torch.manual_seed(0)
    shape = (stage.batch_size, stage.sequence_length)
    return Rows(
        torch.randint(vocab_size, shape).to(device),
        torch.randint(vocab_size, shape).to(device),
        torch.cumsum(torch.rand(shape) < 1 / MEAN_DOCUMENT, 1).to(device),
    )


def contenders(settings: Settings, stage: StageSettings, rows: Rows) -> dict[str, Step]:
    """Return steps by name: what the others are compared with comes first."""
    adamw = replace(stage, optimizer="adamw", matrix_learning_rate=None)
    ours = {
        "GEB, AdamW": our_step(settings, adamw, rows),
        f"GEB, {stage.optimizer}": our_step(settings, stage, rows),
    }
    if rows.input_ids.is_cuda:
        return ours
    return {"transformers, plain loop": plain_step(settings, stage, rows), **ours}


def our_step(settings: Settings, stage: StageSettings, rows: Rows) -> Step:
    """Return one step of training as the trainer takes it."""
    device = rows.input_ids.device
    with device:
        model = GEB(settings.model)
    prepare(model, stage, Processes(device=device))
    optimizers = build_optimizers(model, stage)
    size = stage.micro_batch_size or stage.batch_size

    def step() -> None:
        parts = (
            rows.input_ids.split(size),
            rows.document_ids.split(size),
            rows.targets.split(size),
        )
        for input_ids, document_ids, targets in zip(*parts, strict=True):

            def loss(hidden: Tensor, head: Tensor, targets: Tensor = targets) -> Tensor:
                return chunked_cross_entropy(
                    hidden.flatten(0, 1),
                    head,
                    targets.flatten(),
                    torch.full(targets.shape, 1 / rows.targets.numel())
                    .to(targets.device)
                    .flatten(),
                    compiled=compiles(stage),
                )

            model(input_ids, document_ids, loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), stage.gradient_clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def plain_step(settings: Settings, stage: StageSettings, rows: Rows) -> Step:
    """Return one step of an ordinary loop: autocast, eager, all logits at once, AdamW.

    Attention crosses documents there, which costs less than a mask.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(**asdict(settings.model)))
    optimizer = torch.optim.AdamW(model.parameters(), stage.learning_rate)
    wanted = compute_dtype(stage, rows.input_ids.device) == torch.bfloat16

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=wanted):
            logits = model(rows.input_ids, use_cache=False).logits
            loss = F.cross_entropy(logits.flatten(0, 1).float(), rows.targets.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), stage.gradient_clip)
        optimizer.step()
        optimizer.zero_grad()

    return step


def timed(step: Step, device: torch.device) -> float:
    """Return the seconds that a step takes."""
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def print_table(figures: dict[str, Any]) -> None:
    """Print tokens per second, and what they are compared with."""
    on_card = figures["peak_memory_bytes"] is not None
    print(
        f"{figures['config']}, {figures['rows']} rows of {figures['sequence_length']} tokens, "
        f"{figures['precision']}, {figures['device']}"
        + ("" if on_card else f", {figures['threads']} threads")
    )
    for name, speed in figures["tokens_per_second"].items():
        flops = speed * figures["flops_per_token"]
        share = f"{figures['ratio'][name]:5.2f} ×"
        if on_card:
            share = f"{flops / PEAK_FLOPS:6.1%} MFU of one {GPU}"
        print(f"{name:26}{speed:12,.0f} tokens/s {flops / 1e12:8.2f} TFLOP/s  {share}")
    if on_card:
        print(f"peak memory {figures['peak_memory_bytes'] / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
