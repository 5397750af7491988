"""Checkpoints: a Hugging Face folder plus what an exact resume needs, written atomically.

`OUT/step-0000500/` holds config.json, generation_config.json, model.safetensors,
tokenizer.model and the training state; `OUT/latest` names the newest. A reader takes OUT,
or one such folder. Runs of several processes write theirs with sharded_checkpoint.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.api import CheckpointException
from torch.optim import Optimizer

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training import state
from training.command import write_atomically
from training.model import GEB
from training.rounding import save_scales

_LATEST = "latest"
GENERATION_DEFAULTS = {
    "do_sample": True,
    "temperature": 0.5,
    "top_k": 20,
    "top_p": 0.9,
    "repetition_penalty": 1.1,
    "max_new_tokens": 256,
}


@dataclass(frozen=True)
class Progress:
    """How far a run is, all its parts together."""

    step: int
    """Steps that changed the weights."""
    tokens: int
    """Tokens of those steps."""
    batches: dict[str, Any]
    """The data's place: `Batches.state()`."""
    drawn: int = 0
    """Batches taken, those that a spike remedy left out included."""
    spikes: dict[str, Any] = field(default_factory=dict)
    """`SpikeGuard.state()`."""
    seconds: float = 0.0
    """Since the stage began."""


def resolve(path: Path) -> Path:
    """Return the checkpoint folder that `path` means. Raises DataError if there is none."""
    latest = path / _LATEST
    folder = path / latest.read_text().strip() if latest.is_file() else path
    if not (folder / "config.json").is_file():
        raise DataError(
            "There is no checkpoint in {path}: it should hold config.json and model.safetensors.",
            path=path,
        )
    return folder


def save(
    out: Path,
    model: GEB,
    tokenizer: Tokenizer,
    card: dict[str, Any],
    progress: Progress,
    optimizers: list[Optimizer],
    keep: int = 1,
) -> Path:
    """Write a checkpoint and make it the latest; all but `keep` go only when it stands.

    Raises DataError if it cannot be written, the disk being full for example.
    """
    with writing(out, progress.step) as beside:
        clear(beside)
        state.save_files(beside, state.training_state(model, optimizers))
        describe(beside, model, tokenizer, card, progress)
        return commit(out, progress.step, keep)


@contextmanager
def writing(out: Path, step: int, *, first: bool = True) -> Iterator[Path]:
    """Give the folder to write a checkpoint to, and say a failure in one sentence.

    The `first` of several processes removes what was half written.
    """
    beside = _beside(out, step)
    try:
        yield beside
    except (OSError, CheckpointException) as error:
        if first:
            shutil.rmtree(beside, ignore_errors=True)
        raise DataError(
            "The checkpoint {path} could not be written ({detail}); earlier ones are intact.",
            path=_place(out, step),
            detail=_reason(error),
        ) from error


def clear(folder: Path) -> None:
    """Make an empty folder, also where an earlier run was interrupted while it wrote."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def describe(
    folder: Path,
    model: GEB,
    tokenizer: Tokenizer,
    card: dict[str, Any],
    progress: Progress,
) -> None:
    """Write everything of a checkpoint but its tensors."""
    _write_json(folder / "config.json", model.config.to_hugging_face())
    _write_json(folder / "generation_config.json", _generation_config(model.config, tokenizer))
    if model.scales is not None:
        save_scales(folder, model.scales)
    _write_json(folder / "model_card.json", card)
    (folder / "tokenizer.model").write_bytes(tokenizer.serialized())
    _write_json(folder / "progress.json", asdict(progress))


def commit(out: Path, step: int, keep: int) -> Path:
    """Put the folder of `writing` in its place and make it the latest.

    The newest `keep` stay; those of later steps are an earlier run's and go.
    """
    place, aside = _place(out, step), out / ".replaced"
    _sync(_beside(out, step))
    if place.exists():
        shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed right here
        place.replace(aside)
    _beside(out, step).replace(place)
    shutil.rmtree(aside, ignore_errors=True)
    write_atomically(out / _LATEST, place.name + "\n")
    kept = [folder for folder in finished(out) if folder.name <= place.name][-keep:]
    for folder in finished(out):
        if folder not in kept:
            shutil.rmtree(folder)
    return place


def finished(out: Path) -> list[Path]:
    """Return the checkpoints in `out`, oldest first."""
    return sorted(out.glob("step-*"))


def rewind(out: Path, folder: Path) -> None:
    """Make an earlier checkpoint the latest and remove those after it."""
    write_atomically(out / _LATEST, folder.name + "\n")
    for later in finished(out):
        if later.name > folder.name:
            shutil.rmtree(later)


def load_model(path: Path) -> tuple[GEB, Path]:
    """Return the model in `path` and the folder that it was read from.

    Raises DataError if weights are missing, damaged or of another shape.
    """
    folder = resolve(path)
    model = GEB(ModelConfig.load(folder / "config.json"))
    try:
        state.load_weights(folder, model)
    except state.DAMAGE as error:
        raise DataError(
            "The weights in {path} do not fit its config.json or are damaged.", path=folder
        ) from error
    return model, folder


def read_card(folder: Path) -> dict[str, Any]:
    """Return a checkpoint's model card. Raises DataError if it is missing or damaged."""
    path = folder / "model_card.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            "{path} is missing or damaged ({detail}).", path=path, detail=_reason(error)
        ) from error


def read_progress(folder: Path) -> Progress:
    """Return how far a checkpoint's run was. Raises ConfigError if that is missing or damaged."""
    try:
        return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unresumable(folder) from error


def resume(folder: Path, model: GEB, optimizers: list[Optimizer]) -> Progress:
    """Put weights, optimisers and generator back to where a checkpoint left them.

    Returns its progress. Raises ConfigError if anything is missing, damaged or does not fit.
    """
    progress = read_progress(folder)
    try:
        state.load_training_state(folder, model, optimizers)
    except state.DAMAGE as error:
        raise _unresumable(folder) from error
    return progress


def _unresumable(folder: Path) -> ConfigError:
    return ConfigError(
        "{path} cannot be resumed: its training state is missing, damaged or of another optimizer.",
        path=folder,
    )


def _place(out: Path, step: int) -> Path:
    return out / f"step-{step:07d}"


def _beside(out: Path, step: int) -> Path:
    return out / f".{_place(out, step).name}"


def _sync(folder: Path) -> None:
    """Have the disk hold all files: a power failure must not empty those that `latest` names."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _reason(error: BaseException) -> str:
    """Return the innermost sentence: shards report a failure of one process for all."""
    if isinstance(error, CheckpointException):
        return "; ".join(sorted({str(inner) for inner, _ in error.failures.values()}))
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _generation_config(config: ModelConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        **GENERATION_DEFAULTS,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": [config.eos_token_id, tokenizer.control_tokens["<|user|>"]],
        "pad_token_id": config.pad_token_id,
    }


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
