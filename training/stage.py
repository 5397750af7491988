"""The command line that the training stages share."""

import argparse
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training import checkpoint, monitor
from training.batches import Batches
from training.distributed import Processes, join, leave
from training.mixture import Mixture, recipe_shares
from training.model import GEB
from training.settings import StageSettings, load_settings
from training.shard_files import SourceShards, check_tokenizer, open_sources, source_sizes
from training.trainer import Run, Trainer

_GUESTS = {"pretrain": "sft", "sft": "pretrain"}
"""Whose sources blend into a stage's batches."""


@dataclass(frozen=True)
class Stage:
    """What a stage's command line asks for."""

    model: GEB
    settings: StageSettings
    run: Run
    sources: dict[str, dict[str, Any]]
    processes: Processes
    start: Path | None
    """The checkpoint that the stage began from, also when it is resumed."""
    teacher: Path | None
    """The checkpoint that pretraining learns from besides."""

    def batches(self, kind: type[Batches] = Batches) -> Batches:
        """Return the batches of this stage's sources, and of those that blend in."""
        stages = [self.run.stage]
        if self.settings.blend is not None:
            stages.append(_GUESTS[self.run.stage])
        shards: list[SourceShards] = []
        for stage in stages:
            folder = self.run.data / stage
            check_tokenizer(folder, self.run.tokenizer, self.model.config.vocab_size)
            # Sources of two stages may have the same name.
            shards += open_sources(folder, "" if stage == self.run.stage else f"{stage}/")
        return kind(
            shards,
            self.settings,
            bos_token_id=self.model.config.bos_token_id,
            pad_token_id=self.model.config.pad_token_id,
            mixture=Mixture(self.settings, self._shared(shards), source_sizes(shards)),
            rank=self.processes.rank,
            world_size=self.processes.count,
        )

    def _shared(self, shards: list[SourceShards]) -> dict[str, dict[str, Any]]:
        """Return the sources with their shares, which a blend deals out to text and to others."""
        blend = self.settings.blend
        if blend is None:
            return self.sources
        shared: dict[str, dict[str, Any]] = {}
        for has_loss, whole in ((True, blend.conversations), (False, 1 - blend.conversations)):
            sizes = source_sizes(source for source in shards if source.has_loss == has_loss)
            sizes = {name: size for name, size in sizes.items() if size}
            inside = {name: self.sources[name] for name in sizes if name in self.sources}
            shares = recipe_shares(inside, sizes).tolist()
            for (name, source), share in zip(inside.items(), shares, strict=True):
                shared[name] = source | {"share": whole * share}
        return shared | {name: s for name, s in self.sources.items() if name not in shared}


def open_stage(stage: str, description: str | None) -> Stage:
    """Parse the command line of `stage` and open what it names.

    It is "prepretrain", "lookup", "pretrain", "sft" or "dpo".
    """
    arguments = _parse(stage, description)
    settings = load_settings(arguments.config)
    stage_settings: StageSettings | None = getattr(settings, stage)
    if stage_settings is None:
        raise ConfigError(
            "{path} lacks the section [{section}].", path=arguments.config, section=stage
        )
    if arguments.steps is not None:
        stage_settings = replace(stage_settings, steps=arguments.steps)
    torch.manual_seed(stage_settings.seed)
    model, tokenizer_path, card = _open_model(arguments, settings.model)
    if not tokenizer_path.is_file():
        raise DataError("There is no {path}; run training.tokenizer first.", path=tokenizer_path)
    guest = _GUESTS[stage] if stage_settings.blend is not None else None
    sources = _describe_data(stage, guest, arguments.data, card)
    monitor.check(arguments.data / monitor.HELDOUT)
    run = Run(
        stage,
        arguments.data,
        arguments.out,
        Tokenizer(tokenizer_path),
        card,
        arguments.resume,
        arguments.tensorboard,
        arguments.minutes,
    )
    return Stage(
        model, stage_settings, run, sources, join(), arguments.checkpoint, arguments.teacher
    )


def run_to_the_end(trainer: Trainer) -> None:
    """Train, then part from the other processes, if there are any.

    Raises KeyboardInterrupt, in all of them, after a run that was asked to stop before its last
    step: whatever was to follow it must not begin.
    """
    trainer.train()
    leave()
    if trainer.step < trainer.steps:
        raise KeyboardInterrupt


def _parse(stage: str, description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m training.{stage}", description=description)
    parser.add_argument("--config", required=True, help="training/configs/NAME.toml or a file")
    parser.set_defaults(stage=stage, checkpoint=None, teacher=None)
    if stage == "pretrain":
        parser.add_argument("--checkpoint", type=Path, help="a model of an earlier stage")
        parser.add_argument("--teacher", type=Path, help="a checkpoint to inherit knowledge from")
    elif stage != "prepretrain":
        parser.add_argument("--checkpoint", type=Path, required=True, help="where it goes on from")
    parser.add_argument("--data", type=Path, required=True, help="what training.data wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="instead of the configuration's")
    parser.add_argument(
        "--minutes",
        type=float,
        help="end by then: as many steps as fit, the learning rate's decay among them; the last"
        " evaluation and checkpoint come on top",
    )
    parser.add_argument("--resume", action="store_true", help="go on from --out")
    parser.add_argument("--tensorboard", action="store_true", help="curves in OUT/tensorboard")
    arguments = parser.parse_args()
    if arguments.minutes is not None and not 0 < arguments.minutes < math.inf:
        parser.error("--minutes must be above 0")
    return arguments


def _open_model(
    arguments: argparse.Namespace, wanted: ModelConfig
) -> tuple[GEB, Path, dict[str, Any]]:
    """Return the model, its tokenizer's file, and what its card says so far.

    A resumed run reads weights with the rest of its state, later.
    """
    start = arguments.out if arguments.resume else arguments.checkpoint
    card = {"teacher": arguments.teacher.name} if arguments.teacher else {}
    if start is None:
        return GEB(wanted), arguments.data / "tokenizer.model", card
    folder = checkpoint.resolve(start)
    _check_same_shape(ModelConfig.load(folder / "config.json"), wanted, folder)
    card |= checkpoint.read_card(folder)
    if not arguments.resume:
        _keep_earlier_run(card, arguments.stage)
    if arguments.stage == "pretrain" and arguments.teacher is None and "teacher" in card:
        raise ConfigError(
            "{path} was begun with a teacher: name it again with --teacher.", path=folder
        )
    model = GEB(wanted) if arguments.resume else checkpoint.load_model(folder)[0]
    return model, folder / "tokenizer.model", card


def _keep_earlier_run(card: dict[str, Any], stage: str) -> None:
    """Number a stage's last run in the card, which a further run of it would write over."""
    training = card.get("training", {})
    count = sum(name.partition(", ")[0] == stage for name in training)
    if not count:
        return
    card["training"] = {
        f"{name}, run {count}" if name == stage else name: figures
        for name, figures in training.items()
    }


def _check_same_shape(found: ModelConfig, wanted: ModelConfig, folder: Path) -> None:
    if found != wanted:
        raise ConfigError(
            "The checkpoint {path} has another shape than the configuration.", path=folder
        )


def _describe_data(
    stage: str, guest: str | None, data: Path, card: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return what sources.json says of a stage's sources, and credit them in the model card.

    Those of the stage `guest` are named "{guest}/{source}".
    """
    path = data / "sources.json"
    if not path.is_file():
        raise DataError("There is no {path}; run training.data first.", path=path)
    try:
        prepared = json.loads(path.read_text(encoding="utf-8"))
        sources = {
            s["name"] if s["stage"] == stage else f"{guest}/{s['name']}": s
            for s in prepared["sources"].values()
            if s["stage"] in (stage, guest)
        }
        card |= {"recipe": prepared["recipe"], "licence": prepared["licence"]}
        card["data"] = [*card.get("data", []), *_credits(sources, card.get("data", []))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "{path} is damaged ({detail}); run training.data again.", path=path, detail=error
        ) from error
    return sources


def _credits(
    sources: dict[str, dict[str, Any]], known: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    names = {(entry["source"], entry["stage"]) for entry in known}
    return [
        {
            "source": source["name"],
            "stage": source["stage"],
            "language": source["language"],
            "licence": source["licence"],
            "url": source["url"],
            "records": source["kept"],
        }
        for source in sources.values()
        if (source["name"], source["stage"]) not in names
    ]
