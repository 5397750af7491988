"""A run folder: what `make rebuild` or one training stage left, as far as it can be read."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engine.bundle import model_file
from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.i18n import tr
from training.reporting.log import Log, number, read_log, read_objects

Json = TypeVar("Json", dict[str, Any], list[Any])

STAGES = ("pretrain", "sft", "dpo")
"""In the order in which they follow each other."""
_LONGEST_TEXT = 2000
"""Characters of a sample that are shown."""


@dataclass(frozen=True)
class Sample:
    """What the model made of a prompt at a step."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class Stage:
    """One stage's output. `settings` is empty where it wrote none."""

    name: str
    log: Log
    samples: list[Sample]
    settings: dict[str, Any]
    card: dict[str, Any]
    model: ModelConfig | None
    tokenizer: Path | None

    @property
    def title(self) -> str:
        """The stage as people call it."""
        titles = {
            "pretrain": tr("Pretraining"),
            "sft": tr("Instruction tuning"),
            "dpo": tr("Preference optimisation"),
        }
        return titles.get(self.name, self.name)

    @property
    def planned_steps(self) -> int | None:
        """The steps that were asked for, where the stage wrote them down."""
        steps = number(self.settings.get("steps"))
        return int(steps) if steps is not None and 0 < steps < math.inf else None

    @property
    def sequence_length(self) -> int | None:
        """Tokens per row, where the stage wrote them down or the model bounds them."""
        length = number(self.settings.get("sequence_length"))
        if length is not None and 0 < length < math.inf:
            return int(length)
        return self.model.max_position_embeddings if self.model else None


@dataclass(frozen=True)
class Bundle:
    """An exported model: its size on the disk and what export measured of it, by language."""

    name: str
    size_bytes: int
    fidelity: list[dict[str, Any]]


@dataclass
class Run:
    """Everything that the page shows. `problems` are sentences about what cannot be read."""

    path: Path
    stages: list[Stage] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    """sources.json: recipe, licence, and every source with its counts."""
    heldout: Path | None = None
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    bundle: Bundle | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def model(self) -> ModelConfig | None:
        """The shape of the model that the run ended with."""
        return next((stage.model for stage in reversed(self.stages) if stage.model), None)

    @property
    def card(self) -> dict[str, Any]:
        """The model card of the last checkpoint."""
        return next((stage.card for stage in reversed(self.stages) if stage.card), {})

    @property
    def tokenizer(self) -> Path | None:
        """The tokenizer of the last checkpoint, or of the data."""
        found = next((stage.tokenizer for stage in reversed(self.stages) if stage.tokenizer), None)
        return found or _file(self.path / "data/tokenizer.model")


def open_run(path: Path) -> Run:
    """Read a run folder. Raises DataError if there is no training log in it."""
    run = Run(path)
    folders = [path] if (path / "log.jsonl").is_file() else _stage_folders(path)
    if not folders:
        raise DataError(
            "There is no training log in {path}; name the folder that make rebuild or a training "
            "stage wrote.",
            path=path,
        )
    run.stages = [_read_stage(folder, run.problems) for folder in folders]
    run.data = _read_object(path / "data/sources.json", run.problems)
    run.heldout = _file(path / "data/heldout.jsonl")
    for file in sorted(path.glob("evaluation/*.json")):
        if result := _read_object(file, run.problems):
            run.evaluations.append(result)
    run.bundle = _read_bundle(path / "bundle", run.problems)
    return run


def _stage_folders(path: Path) -> list[Path]:
    found = [file.parent for file in path.glob("*/log.jsonl")]
    order = {name: number for number, name in enumerate(STAGES)}
    return sorted(found, key=lambda folder: (order.get(folder.name, len(order)), folder.name))


def _read_stage(folder: Path, problems: list[str]) -> Stage:
    log = read_log(folder / "log.jsonl")
    if log.damaged:
        problems.append(
            tr(
                "{path} has lines that cannot be read; they are left out: {count}.",
                count=log.damaged,
                path=folder / "log.jsonl",
            )
        )
    checkpoint = _checkpoint(folder)
    settings = _read_object(folder / "settings.json", problems)
    model = None
    if checkpoint is None:
        problems.append(tr("There is no checkpoint in {path} yet.", path=folder))
    else:
        try:
            model = ModelConfig.load(checkpoint / "config.json")
        except (ConfigError, OSError) as error:
            problems.append(str(error))
    card = _read_object(checkpoint / "model_card.json", problems) if checkpoint else {}
    name = str(settings.get("stage", folder.resolve().name))
    log.add_last(_final_scores(card, name))
    return Stage(
        name=name,
        log=log,
        samples=_read_samples(folder / "samples.jsonl"),
        settings=settings,
        card=card,
        model=model,
        tokenizer=_file(checkpoint / "tokenizer.model") if checkpoint else None,
    )


def _final_scores(card: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return what was measured when the last checkpoint was written; the log may end before."""
    training = card.get("training")
    scores = training.get(stage) if isinstance(training, dict) else None
    return scores if isinstance(scores, dict) else {}


def _checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint, as training.checkpoint names it (which needs torch)."""
    latest = _file(folder / "latest")
    name = latest.read_text(encoding="utf-8", errors="replace").strip() if latest else ""
    found = folder / Path(name).name
    return found if name and found.is_dir() else None


def _read_samples(path: Path) -> list[Sample]:
    if not path.is_file():
        return []
    samples: dict[tuple[int, str], Sample] = {}
    for record in read_objects(path):
        step = record.get("step") if record else None
        if record and isinstance(step, int):
            prompt, text = (str(record.get(key, ""))[:_LONGEST_TEXT] for key in ("prompt", "text"))
            sample = Sample(step, prompt, text)
            samples[sample.step, sample.prompt] = sample
    return sorted(samples.values(), key=lambda sample: sample.step)


def _read_bundle(folder: Path, problems: list[str]) -> Bundle | None:
    if not model_file(folder).is_file():
        return None
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    fidelity = _read_json(folder / "fidelity.json", list, problems)
    return Bundle(folder.name, size, [one for one in fidelity if isinstance(one, dict)])


def _read_object(path: Path, problems: list[str]) -> dict[str, Any]:
    return _read_json(path, dict, problems)


def _read_json(path: Path, kind: type[Json], problems: list[str]) -> Json:
    """Return a file's JSON value, or an empty one; a damaged file is a problem to be told."""
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, kind):
        return value
    problems.append(tr("{path} is damaged and is left out.", path=path))
    return kind()


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None
