"""All tensors that an exact resume needs, by name: weights, optimiser states, torch's generator.

A checkpoint of one process keeps them in two safetensors files, one of several processes in
shards (torch.distributed.checkpoint, whose index is a pickle: open your own alone). Either is
read into any number of processes.
"""

import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.optim import Optimizer

from training.distributed import shard_like
from training.model import GEB

WEIGHTS_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
SHARDS = "shards"
_WEIGHTS = "weights."
_HEAD = "weights.lm_head.weight"
"""May be stored, though tied to the input embedding."""
_GENERATOR = "generator"

DAMAGE = (
    SafetensorError,
    CheckpointException,
    pickle.UnpicklingError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
)
"""What reading a damaged checkpoint, or one of another shape, raises."""


def weights(model: GEB) -> dict[str, Tensor]:
    """Return the weights by the names of Hugging Face's Llama, tied ones once."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def training_state(model: GEB, optimizers: list[Optimizer]) -> dict[str, Tensor]:
    """Return every tensor of a run by name, sharded ones as they are."""
    tensors = {_WEIGHTS + name: value for name, value in weights(model).items()}
    for prefix, optimizer, _, parameter in _owners(model, optimizers):
        for key, value in optimizer.state[parameter].items():
            tensors[prefix + key] = value
    return tensors | {_GENERATOR: torch.get_rng_state()}


def save_files(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Write a `training_state` of one process as safetensors files. Raises OSError."""
    kept = {name: value.contiguous() for name, value in tensors.items()}
    save_weights(folder, {n[len(_WEIGHTS) :]: v for n, v in kept.items() if n.startswith(_WEIGHTS)})
    others = {n: v for n, v in kept.items() if not n.startswith(_WEIGHTS)}
    _save_file(others, folder / OPTIMIZER_FILE)


def save_weights(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Write weights as transformers reads them. Raises OSError."""
    _save_file(tensors, folder / WEIGHTS_FILE)


def _save_file(tensors: dict[str, Tensor], path: Path) -> None:
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OSError(str(error)) from error


def load_weights(folder: Path, model: GEB) -> None:
    """Read the weights of a checkpoint into a model. Raises one of DAMAGE."""
    _read(folder, {_WEIGHTS + name: value for name, value in weights(model).items()})


def load_training_state(folder: Path, model: GEB, optimizers: list[Optimizer]) -> None:
    """Read all tensors of a checkpoint into a model, its optimisers and torch's generator.

    Raises one of DAMAGE, also if the optimisers are others than the checkpoint's.
    """
    stored = _stored_sizes(folder)
    targets = {_WEIGHTS + name: value for name, value in weights(model).items()}
    states: dict[int, dict[int, dict[str, Tensor]]] = {id(o): {} for o in optimizers}
    for prefix, optimizer, index, parameter in _owners(model, optimizers):
        keys = [name[len(prefix) :] for name in stored if name.startswith(prefix)]
        state = {key: _empty(stored[prefix + key], parameter) for key in keys}
        if state:
            states[id(optimizer)][index] = state
        targets |= {prefix + key: value for key, value in state.items()}
    targets[_GENERATOR] = torch.empty_like(torch.get_rng_state())
    if set(targets) != set(stored):
        raise KeyError(*set(targets) ^ set(stored))
    _read(folder, targets)
    for optimizer in optimizers:
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": states[id(optimizer)], "param_groups": groups})
    torch.set_rng_state(targets[_GENERATOR])


def _owners(
    model: GEB, optimizers: list[Optimizer]
) -> Iterator[tuple[str, Optimizer, int, Tensor]]:
    """Yield for every parameter: the prefix of its states' names, optimiser, index, parameter."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for optimizer in optimizers:
        kind = type(optimizer).__name__.lower()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for index, parameter in enumerate(parameters):
            yield f"{kind}.{names[id(parameter)]}.", optimizer, index, parameter


def _empty(size: torch.Size, parameter: Tensor) -> Tensor:
    """Return room for a parameter's state: of its shape, or a number such as AdamW's steps."""
    return torch.empty_like(parameter) if size == parameter.shape else torch.empty(size)


def _stored_sizes(folder: Path) -> dict[str, torch.Size]:
    if (folder / SHARDS).is_dir():
        index = dcp.FileSystemReader(folder / SHARDS).read_metadata().state_dict_metadata
        return {n: e.size for n, e in index.items() if isinstance(e, TensorStorageMetadata)}
    sizes: dict[str, torch.Size] = {}
    for file, prefix in ((WEIGHTS_FILE, _WEIGHTS), (OPTIMIZER_FILE, "")):
        with safe_open(folder / file, "pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - no mapping
                sizes[prefix + name] = torch.Size(stored.get_slice(name).get_shape())
    return sizes


@torch.no_grad()
def _read(folder: Path, targets: dict[str, Tensor]) -> None:
    """Fill `targets` in place, each with its own shard where it is sharded."""
    if (folder / SHARDS).is_dir():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
            dcp.load(targets, checkpoint_id=folder / SHARDS, no_dist=not dist.is_initialized())
        return
    for file, prefix in ((WEIGHTS_FILE, _WEIGHTS), (OPTIMIZER_FILE, "")):
        wanted = [name for name in targets if name.startswith(_WEIGHTS) == bool(prefix)]
        if not wanted:
            continue
        with safe_open(folder / file, "pt") as stored:
            if extra := {prefix + n for n in stored.keys()} - {*wanted, _HEAD}:  # noqa: SIM118
                raise KeyError(*extra)
            for name in wanted:
                value = stored.get_tensor(name[len(prefix) :])
                if value.shape != targets[name].shape:
                    raise ValueError(name)
                targets[name].copy_(shard_like(value.to(targets[name].device), targets[name]))
