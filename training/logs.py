"""Where a run tells how it goes: a progress bar, log.jsonl, samples.jsonl and TensorBoard."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from engine.errors import ConfigError
from training.command import write_atomically

LOG, SAMPLES = "log.jsonl", "samples.jsonl"


class TrainingLog:
    """The log of one run, as a context. Of several processes only the first one's writes."""

    def __init__(
        self,
        out: Path,
        stage: str,
        steps: int,
        step: int,
        drawn: int = 0,
        *,
        first: bool = True,
        tensorboard: bool = False,
    ) -> None:
        self.out, self.first = out, first
        self._bar = tqdm(total=steps, desc=stage, disable=not first, dynamic_ncols=True)
        self._board = _board(out / "tensorboard", step) if first and tensorboard else None
        self._files: dict[str, TextIO] = {}
        self.rewind(step, drawn)

    def __enter__(self) -> "TrainingLog":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._close_files()
        self._bar.close()
        if self._board is not None:
            self._board.close()

    def rewind(self, step: int, drawn: int | None = None) -> None:
        """Go on from `step`: what an interrupted run logged after it happens again.

        So do events from batch `drawn` on; None for a run that goes back itself, and past them.
        """
        self._close_files()
        for name in (LOG, SAMPLES):
            path = self.out / name
            if self.first and path.is_file():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                kept = [line for line in lines if _stays(line, step, drawn)]
                write_atomically(path, "".join(kept))
        self._bar.n = self._bar.initial = step
        self._bar.refresh()

    def step(self, entry: dict[str, Any]) -> None:
        """Log a finished step."""
        self._write(LOG, entry)
        self._bar.update(entry["step"] - self._bar.n)
        self._bar.set_postfix(
            loss=f"{entry['loss']:.3f}", tokens_s=f"{entry['tokens_per_second']:.0f}"
        )
        if self._board is not None:
            for name, value in entry.items():
                if isinstance(value, dict):
                    for part, share in value.items():
                        self._board.add_scalar(f"{name}/{part}", share, entry["step"])
                elif name != "step":
                    self._board.add_scalar(name, value, entry["step"])

    def event(self, entry: dict[str, Any]) -> None:
        """Log what happened besides, at the step that it happened in."""
        self._write(LOG, entry)

    def samples(self, step: int, samples: list[dict[str, str]]) -> None:
        """Log what the model writes at `step`: {"prompt", "text"} each."""
        for sample in samples:
            self._write(SAMPLES, {"step": step, **sample})
            if self._board is not None:
                self._board.add_text(sample["prompt"], sample["text"], step)

    def _write(self, name: str, entry: dict[str, Any]) -> None:
        if not self.first:
            return
        if name not in self._files:
            self._files[name] = (self.out / name).open("a", encoding="utf-8")
        self._files[name].write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._files[name].flush()

    def _close_files(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


def _stays(line: str, step: int, drawn: int | None) -> bool:
    """Return whether a logged line is still true; a kill may have cut the last one short."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    if "event" in entry:
        return drawn is None or entry.get("batch", 0) < drawn
    return entry["step"] <= step


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "--tensorboard needs the package tensorboard: pip install tensorboard."
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)
