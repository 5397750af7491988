"""What a configuration costs: `python -m training.cost [--config NAME] [--tokens-per-second N]`.

Prints operations, GPU-hours, wall time and storage as the tables of training/README.md. Until
one GPU's speed is measured and given, it is assumed, and the tables say so.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

from engine.config import ModelConfig
from engine.i18n import tr
from training.command import command
from training.settings import Settings, load_settings

GPU = "H100"
PEAK_FLOPS = 989e12
"""Of one GPU: its dense bfloat16 matrix products per second."""
ASSUMED_UTILISATION = 0.5
"""Share of that peak that pretraining reaches. NOT MEASURED: the target of the benchmark."""
ASSUMED_SCALING = {8: 1.0, 64: 0.95, 512: 0.85}
"""Speed per GPU of so many, relative to one machine of 8. NOT MEASURED."""
BYTES_PER_TOKEN = 4.5
"""Of raw text. Measured: 64,896 pieces learnt from 80 MB give 4.18 in English, 4.76 in Chinese."""
GZIP_RATIO = 2.4
"""Measured on the same text: 2.56 in English, 2.26 in Chinese."""
_UINT16_TOKENS = 2**16


def flops_per_token(config: ModelConfig, sequence_length: int) -> float:
    """Return the floating-point operations of training on one token, forward and backward.

    6 for every weight that multiplies (Kaplan et al. 2020; an embedding that is only looked up
    does not), and 12 · layers · heads · head_dim · sequence_length for attention as if nothing
    were masked (Chowdhery et al. 2022, appendix B): the usual measure of MFU.
    """
    head = config.vocab_size * config.hidden_size
    width = config.num_attention_heads * config.head_dim
    attention = 12 * config.num_hidden_layers * width * sequence_length
    return 6.0 * (_block_weights(config) + head) + attention


def _block_weights(config: ModelConfig) -> int:
    """Return the number of weights in the matrices inside the blocks."""
    heads = (1 if config.tie_word_embeddings else 2) * config.vocab_size * config.hidden_size
    norms = (2 * config.num_hidden_layers + 1) * config.hidden_size
    return config.num_parameters - heads - norms


def stage_flops(stage: str, config: ModelConfig, sequence_length: int, tokens: float) -> float:
    """Return the operations of training on so many tokens in "pretrain", "sft" or "dpo".

    Preference optimisation adds the forward pass of its fixed reference, a third.
    """
    flops = tokens * flops_per_token(config, sequence_length)
    return flops * 4 / 3 if stage == "dpo" else flops


@dataclass(frozen=True)
class StageCost:
    """One stage of a configuration: tokens that are read, operations in all."""

    name: str
    tokens: float
    flops: float


def stage_costs(settings: Settings) -> list[StageCost]:
    """Return what each stage of a configuration costs."""
    costs = []
    for name in ("pretrain", "sft", "dpo"):
        stage = getattr(settings, name)
        tokens = float(stage.steps * stage.batch_size * stage.sequence_length)
        if name == "dpo":
            tokens *= 2  # its batches count pairs
        flops = stage_flops(name, settings.model, stage.sequence_length, tokens)
        costs.append(StageCost(name, tokens, flops))
    return costs


def checkpoint_bytes(config: ModelConfig, optimizer: str) -> float:
    """Return the size of a checkpoint: FP32 weights and moments, AdamW's two or Muon's one.

    The last one of several processes holds the weights once more, as a file for everyone else.
    """
    saved = _block_weights(config) if optimizer == "muon" else 0
    return 4.0 * (3 * config.num_parameters - saved)


def shard_bytes(config: ModelConfig, tokens: float) -> float:
    """Return the size of the token shards."""
    return tokens * (2 if config.vocab_size <= _UINT16_TOKENS else 4)


def tables(settings: Settings, tokens_per_second: float | None) -> Iterator[str]:
    """Yield the lines of the Markdown tables; `tokens_per_second` is one GPU's, if measured."""
    per_token = flops_per_token(settings.model, settings.pretrain.sequence_length)
    flops_per_second = PEAK_FLOPS * ASSUMED_UTILISATION
    if tokens_per_second is not None:
        flops_per_second = tokens_per_second * per_token
    yield _basis(per_token, flops_per_second, measured=tokens_per_second is not None)
    yield ""
    costs = stage_costs(settings)
    yield from _time_table(costs, flops_per_second)
    yield ""
    yield from _storage_table(settings, costs)


def _basis(per_token: float, flops_per_second: float, *, measured: bool) -> str:
    share = flops_per_second / PEAK_FLOPS
    speed = f"{flops_per_second / per_token:,.0f}"
    if measured:
        return tr(
            "Measured: {speed} tokens/s on one {gpu}, {share} of its {peak} TFLOP/s.",
            speed=speed,
            gpu=GPU,
            share=f"{share:.1%}",
            peak=f"{PEAK_FLOPS / 1e12:.0f}",
        )
    return tr(
        "Not measured: assumes {share} of the {peak} TFLOP/s of one {gpu} ({speed} tokens/s), "
        "and per GPU {scaling} of that.",
        share=f"{share:.0%}",
        peak=f"{PEAK_FLOPS / 1e12:.0f}",
        gpu=GPU,
        speed=speed,
        scaling=", ".join(f"{share:.0%} × {count}" for count, share in ASSUMED_SCALING.items()),
    )


def _time_table(costs: list[StageCost], flops_per_second: float) -> Iterator[str]:
    header = [tr("stage"), tr("tokens"), "FLOP", tr("GPU-hours")]
    header += [tr("{count} GPUs", count=count) for count in ASSUMED_SCALING]
    yield _row(header)
    yield "|---|" + "--:|" * (len(header) - 1)
    total = StageCost(tr("in all"), sum(c.tokens for c in costs), sum(c.flops for c in costs))
    for cost in [*costs, total]:
        hours = cost.flops / flops_per_second / 3600
        yield _row(
            [
                cost.name,
                f"{cost.tokens / 1e9:,.1f} G",
                f"{cost.flops:.2e}",
                f"{hours:,.0f}",
                *(_wall_time(hours / n / share) for n, share in ASSUMED_SCALING.items()),
            ]
        )


def _storage_table(settings: Settings, costs: list[StageCost]) -> Iterator[str]:
    config = settings.model
    tokens = costs[0].tokens
    text = tokens * BYTES_PER_TOKEN
    yield _row([tr("storage"), tr("size")])
    yield "|---|--:|"
    yield _row([tr("raw text, as .jsonl.gz"), _size(text / GZIP_RATIO)])
    yield _row([tr("the same unpacked"), _size(text)])
    yield _row([tr("token shards"), _size(shard_bytes(config, tokens))])
    yield _row(
        [
            tr("a checkpoint (one is kept, a second while it is written)"),
            _size(checkpoint_bytes(config, settings.pretrain.optimizer)),
        ]
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _wall_time(hours: float) -> str:
    return (
        tr("{hours} h", hours=f"{hours:.1f}")
        if hours < 48
        else tr("{days} days", days=f"{hours / 24:.1f}")
    )


def _size(size: float) -> str:
    return f"{size / 1e12:.2f} TB" if size >= 1e12 else f"{size / 1e9:.1f} GB"


@command
def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m training.cost", description=__doc__)
    parser.add_argument("--config", default="geb-1.3b", help="training/configs/NAME.toml or a file")
    parser.add_argument(
        "--tokens-per-second", type=float, help="one GPU's in pretraining, where it was measured"
    )
    arguments = parser.parse_args()
    measured = arguments.tokens_per_second
    if measured is not None and not 0 < measured < math.inf:
        parser.error("--tokens-per-second must be above 0")
    for line in tables(load_settings(arguments.config), measured):
        print(line)


if __name__ == "__main__":
    main()
