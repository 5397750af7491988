"""Ablations: `python -m training.ablation --config NAME --data DIR --out DIR --steps N`.

Pretrains a configuration and variants of it that differ in one thing each, from random tokens on
where they have [prepretrain], and measures them all alike: held-out text, and with --questions
right answers from passages. OUT/ablations.json holds the table, which
`python -m export.card --ablations` puts into a model card. Variants are those of
training/ablations/NAME.toml, or of --variants. What OUT already holds is not trained again, and a
run that was stopped goes on.
"""

import argparse
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, DataError
from engine.i18n import tr
from training import checkpoint
from training.command import command, write_atomically
from training.cost import stage_flops
from training.evaluate import evaluate
from training.monitor import HELDOUT
from training.records import record_files
from training.settings import load_settings
from training.toml_file import build, find_file, read_file

TABLE = "ablations.json"
_DONE = "done"
_STOPPED = 128 + signal.SIGINT
"""How a stage exits that was asked to stop before its last step."""
_STAGES = ("prepretrain", "lookup")
"""Those before text."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the table."""

    name: str
    change: dict[str, Any] = field(default_factory=dict)
    """Sections of the configuration, with what is other than there; {} for what is not there."""
    teacher: str = ""
    """The variant before it whose model teaches it; "" without."""


@dataclass(frozen=True, kw_only=True)
class Variants:
    """A file of variants."""

    variants: tuple[Variant, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of a variant."""

    name: str
    parameters: int
    tokens: int
    """That it was trained on."""
    petaflop: float
    """Operations of that training; a teacher's and those before pretraining not counted."""
    bits_per_byte: dict[str, float]
    """Of held-out text, by language."""
    answer_bits_per_byte: dict[str, float] = field(default_factory=dict)
    """Of right answers, given passage and question, by language."""


class Ablation:
    """Trains and measures the variants of a configuration, each in a folder of its own."""

    def __init__(
        self, config: Path, data: Path, out: Path, steps: int, questions: Sequence[Path] = ()
    ) -> None:
        self._config, self._data, self._out, self._steps = config, data, out, steps
        self._questions = questions

    def row(self, variant: Variant, limit: int | None) -> Row:
        """Train and measure a variant, unless that is done. Raises GebError.

        `limit` counts held-out documents of each source, and questions of each file.
        """
        folder = self._folder(variant.name)
        done = folder / "row.json"
        if done.is_file():
            return Row(**json.loads(done.read_text(encoding="utf-8")))
        config = folder / "config.toml"
        write_atomically(config, as_toml(merged(read_file(self._config), variant.change)))
        settings = load_settings(str(config))
        data = self._data
        if "tokenizer" in variant.change:
            data = self._tokenised(config, folder / "data")
        teacher = ("--teacher", str(self._folder(variant.teacher))) if variant.teacher else ()
        resume = ("--resume",) if (folder / "latest").is_file() else ()
        where = ("--config", str(config), "--data", str(data), "--out", str(folder))
        first = self._first(config, data)
        start = ("--checkpoint", str(first)) if first else ()
        _run("training.pretrain", *where, "--steps", str(self._steps), *start, *teacher, *resume)
        tokens = checkpoint.read_progress(checkpoint.resolve(folder)).tokens
        length = settings.pretrain.sequence_length
        row = Row(
            name=variant.name,
            parameters=settings.model.num_parameters,
            tokens=tokens,
            petaflop=stage_flops("pretrain", settings.model, length, tokens) / 1e15,
            bits_per_byte=evaluate(folder, "bpb", data / HELDOUT, limit)["bits_per_byte"],
            answer_bits_per_byte={
                result["language"]: result["answer_bits_per_byte"]
                for result in (evaluate(folder, "answers", q, limit) for q in self._questions)
            },
        )
        write_atomically(done, json.dumps(asdict(row), indent=1))
        return row

    def _first(self, config: Path, data: Path) -> Path | None:
        """Return a model that learned from random tokens, if the variant begins with one.

        Variants that can share it do.
        """
        values = read_file(config)
        last: Path | None = None
        for number, stage in enumerate(_STAGES, 1):
            if stage not in values:
                continue
            same = {name: values.get(name) for name in ("tokenizer", "model", *_STAGES[:number])}
            digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:12]
            folder = self._out / "first" / f"{stage}-{digest}"
            if not (folder / _DONE).is_file():
                resume = ("--resume",) if (folder / "latest").is_file() else ()
                start = ("--checkpoint", str(last)) if last else ()
                where = ("--config", str(config), "--data", str(data), "--out", str(folder))
                _run(f"training.{stage}", *where, *start, *resume)
                write_atomically(folder / _DONE, "")
            last = folder
        return last

    def _folder(self, name: str) -> Path:
        return self._out / "-".join(name.replace(",", "").split())

    def _tokenised(self, config: Path, data: Path) -> Path:
        """Return the same records with a vocabulary of a variant's own."""
        for stage in ("pretrain", "sft"):
            for name, files in record_files(self._data, stage).items():
                for file in files:
                    inside = Path(stage, name) if file.suffix == ".gz" else Path(stage)
                    _link(file, data / inside / file.name)
        for name in (HELDOUT, "sources.json"):
            _link(self._data / name, data / name)
        if not (data / "tokenizer.model").is_file():
            place = ("--data", str(data), "--out", str(data))
            _run("training.tokenizer", "--config", str(config), *place)
        return data


def merged(values: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables with others laid over them, key by key; what is {} there is taken out."""
    result = {key: value for key, value in values.items() if change.get(key) != {}}
    for key, value in change.items():
        if value == {}:
            continue
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def as_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Return tables of numbers, strings, truth values and lists of them as TOML."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    # JSON writes all of these as TOML does.
    lines = [f"{key} = {_literal(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines.append(f"\n[{prefix}{key}]\n{as_toml(value, f'{prefix}{key}.')}")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    """Return a value as TOML: as JSON, but for tables, which stand on one line."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_literal(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value)


def read_variants(path: Path) -> tuple[Variant, ...]:
    """Return the variants that a file names. Raises ConfigError."""
    variants = build(Variants, read_file(path), path).variants
    names = [variant.name for variant in variants]
    for number, variant in enumerate(variants):
        if variant.name in names[:number]:
            raise ConfigError("{path} has two variants {name}.", path=path, name=variant.name)
        if variant.teacher and variant.teacher not in names[:number]:
            raise ConfigError(
                "{path}: {name} names a teacher that does not come before it.",
                path=path,
                name=variant.name,
            )
    return variants


def read_rows(path: Path) -> list[Row]:
    """Return the table that `main` wrote. Raises DataError if it is none."""
    try:
        return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise DataError("{path} is no table of ablations.", path=path) from error


def _link(file: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(file.resolve())


def _run(module: str, *arguments: str) -> None:
    """Run a command to its end. Raises DataError if it fails, KeyboardInterrupt if it is stopped.

    Whoever stops this stops the command, too, which first saves what it has.
    """
    command_line = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command_line) as child:  # noqa: S603 (our own module, no shell)
        try:
            child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if child.returncode == _STOPPED:
        raise KeyboardInterrupt
    if child.returncode != 0:
        raise DataError("{command} failed; see above.", command=f"python -m {module}")


@command
def main() -> None:
    """Read the command line, and train and measure what is not done yet."""
    parser = argparse.ArgumentParser(prog="python -m training.ablation", description=__doc__)
    parser.add_argument("--config", required=True, help="training/configs/NAME.toml or a file")
    parser.add_argument("--variants", help="training/ablations/NAME.toml or a file, else of CONFIG")
    parser.add_argument("--data", type=Path, required=True, help="what training.tokenizer wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True, help="of every variant")
    parser.add_argument(
        "--questions", type=Path, action="append", default=[], help="a test set in SQuAD's format"
    )
    parser.add_argument(
        "--limit", type=int, help="held-out documents of each source, questions of each file"
    )
    arguments = parser.parse_args()
    config = find_file(arguments.config, "configs")
    variants = find_file(arguments.variants or config.stem, "ablations")
    ablation = Ablation(config, arguments.data, arguments.out, arguments.steps, arguments.questions)
    rows: list[Row] = []
    for variant in read_variants(variants):
        rows.append(ablation.row(variant, arguments.limit))
        table = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
        write_atomically(arguments.out / TABLE, table)
    print(tr("The table is {path}.", path=arguments.out / TABLE))


if __name__ == "__main__":
    main()
