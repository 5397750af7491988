"""How a model is run while it trains: precision, recomputation, compilation, sharding.

The order is torchtitan's: recomputation inside the compiled part, the compiled part inside the
shards.
"""

import shutil
from typing import cast

import torch

from training.distributed import Processes
from training.model import GEB, Block
from training.settings import StageSettings


def prepare(model: GEB, settings: StageSettings, processes: Processes) -> None:
    """Bring a model to its device and make it ready to run, in place."""
    decoder, dtype = model.model, compute_dtype(settings, processes.device)
    model.to(processes.device)
    decoder.compute_dtype = dtype
    for block in decoder.layers:
        cast(Block, block).recompute = settings.activation_checkpointing
    decoder.compiled = compiles(settings)
    if decoder.compiled:
        # Block by block: all are compiled at once, as one, and shards arrive block by block.
        for part in (*decoder.layers, decoder.norm):
            part.compile()
    processes.shard(model, dtype)


def compute_dtype(settings: StageSettings, device: torch.device) -> torch.dtype:
    """Return what matrices are multiplied in: bfloat16 or float32."""
    wanted = settings.precision == "bfloat16"
    if settings.precision == "auto" and device.type == "cuda":
        wanted = torch.cuda.is_bf16_supported()
    elif settings.precision == "auto":
        wanted = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if wanted else torch.float32


def compiles(settings: StageSettings) -> bool:
    """Return whether what runs at every step is compiled."""
    if settings.compile != "auto":
        return settings.compile == "on"
    return shutil.which("g++") is not None or shutil.which("clang++") is not None
