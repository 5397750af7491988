"""How a model is run while it trains: recomputation, compilation, sharding and precision.

The order is torchtitan's: recomputation inside the compiled part, the compiled part inside the
shards.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from training.distributed import Processes
from training.model import GEB
from training.settings import StageSettings


def prepare(model: GEB, settings: StageSettings, processes: Processes) -> None:
    """Bring a model to its device and make it ready to run, in place."""
    model.to(processes.device)
    if settings.activation_checkpointing:
        for block in model.model.layers:
            _recompute(block)
    if _wants_compile(settings):
        # Shards arrive block by block, so a sharded model is compiled block by block.
        parts = [model.model] if processes.mesh is None else model.model.layers
        for part in parts:
            part.compile()
    processes.shard(model, compute_dtype(settings, processes.device))


@contextmanager
def precision(settings: StageSettings, processes: Processes) -> Iterator[None]:
    """Compute in the settings' precision; a sharded model brings its own."""
    device = processes.device
    enabled = processes.mesh is None and compute_dtype(settings, device) == torch.bfloat16
    # The flash kernels on CPU take no mask; the plain one fuses well when compiled.
    kernel = SDPBackend.MATH if device.type == "cpu" else SDPBackend.EFFICIENT_ATTENTION
    with (
        torch.autocast(device.type, torch.bfloat16, enabled=enabled),
        sdpa_kernel([kernel, SDPBackend.MATH]),
    ):
        yield


def compute_dtype(settings: StageSettings, device: torch.device) -> torch.dtype:
    """Return what matrices are multiplied in: bfloat16 or float32."""
    wanted = settings.precision == "bfloat16"
    if settings.precision == "auto" and device.type == "cuda":
        wanted = torch.cuda.is_bf16_supported()
    elif settings.precision == "auto":
        wanted = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if wanted else torch.float32


def _recompute(block: nn.Module) -> None:
    """Keep a block's input alone for the backward pass."""
    # Not a wrapping module: the parameters keep their names.
    block.forward = partial(checkpoint, block.forward, use_reentrant=False)


def _wants_compile(settings: StageSettings) -> bool:
    if settings.compile != "auto":
        return settings.compile == "on"
    return shutil.which("g++") is not None or shutil.which("clang++") is not None
