"""Several processes as one: who takes part, how a model is spread, what they agree on.

`torchrun --nproc-per-node 8 -m training.pretrain …` starts processes that find each other
through the environment; a plain `python -m training.pretrain …` is one process, without a
process group, and nothing here then changes a tensor. Parameters, gradients and optimiser
states are sharded over all processes (FSDP2).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from training.model import GEB


def _default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them. Every method is called by all of them."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=_default_device)
    mesh: DeviceMesh | None = None

    def shard(self, model: GEB, dtype: torch.dtype | None) -> None:
        """Spread a model, block by block, over the processes; it computes in `dtype`.

        Every process must hold the same weights. Gradients are added up in float32.
        """
        if self.mesh is None:
            return
        # Rotary tables reach the blocks as arguments and must stay float32.
        policy = MixedPrecisionPolicy(
            param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False
        )
        for block in model.model.layers:
            fully_shard(block, mesh=self.mesh, mp_policy=policy)
        fully_shard(model, mesh=self.mesh, mp_policy=policy)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over all processes."""
        if self.mesh is not None:
            dist.all_reduce(values)
        return values

    def any(self, flags: list[bool]) -> list[bool]:
        """Return for every flag whether one process raised it."""
        raised = torch.tensor(flags, dtype=torch.int32)
        if self.mesh is not None:
            dist.all_reduce(raised, dist.ReduceOp.MAX)
        return raised.bool().tolist()

    def first_does(self, work: Callable[[], None]) -> None:
        """Run `work` in the first process while the others wait.

        Raises OSError in every process if it did in the first.
        """
        failure = [""]
        if self.rank == 0:
            try:
                work()
            except OSError as error:
                failure = [str(error)]
        if self.mesh is not None:
            dist.broadcast_object_list(failure, device=torch.device("cpu"))
        if failure[0]:
            raise OSError(failure[0])


def join() -> Processes:
    """Find the other processes that torchrun started, if it did."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    device = _default_device()
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # Flags, objects and checkpoints go over gloo: they need not wait for the accelerator.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    mesh = init_device_mesh(device.type, (count,))
    return Processes(dist.get_rank(), count, device, mesh)


def leave() -> None:
    """End the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor that may be sharded. Called by all processes."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shard_like(values: Tensor, like: Tensor, source: int | None = None) -> Tensor:
    """Return `values`, whole, sharded as `like` is; the values are those of process `source`.

    Without `source` every process holds the same values, and nothing is sent.
    """
    if not isinstance(like, DTensor):
        return values
    return distribute_tensor(values, like.device_mesh, like.placements, src_data_rank=source)


def release(model: nn.Module) -> None:
    """Let go of the weights that a forward pass without a backward pass left gathered.

    They would hide a later change of the sharded ones.
    """
    if isinstance(model, FSDPModule):
        cast(FSDPModule, model).reshard()
