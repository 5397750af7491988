"""How quick a model is on this computer: it reads a made-up prompt and writes after it."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.bundle import open_bundle
from engine.errors import BundleError, StoreError
from engine.i18n import to_translate
from engine.model import Model
from engine.models.describe import InstalledModel
from engine.paths import cache_dir
from engine.private_file import write_private
from engine.safe_mode import native_work

_PROMPT_TOKENS: Final = 256
_ANSWER_TOKENS: Final = 64
_CHUNK: Final = 64
"""Tokens read between two looks whether to stop."""


class MeasuringStoppedError(BundleError):
    """The person stopped; nothing was measured."""

    def __init__(self) -> None:
        super().__init__(to_translate("Stopped; nothing was measured."))


@dataclass(frozen=True)
class Speed:
    """Tokens a second: of a prompt that is read, and of an answer that is written."""

    prefill: float
    decode: float


def measure_speed(
    path: Path,
    num_threads: int | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Speed:
    """Load the model at `path` a second time, and time 256 tokens read and 64 written.

    A model with a short context reads less. Raises GebError if it cannot be used, if memory
    is short, and MeasuringStoppedError.
    """
    bundle = open_bundle(path)
    with native_work(path):
        model = Model(bundle, num_threads=num_threads)
        try:
            ids = range(bundle.config.vocab_size)
            read = max(1, min(_PROMPT_TOKENS, model.context_length // 2))
            write = max(1, min(_ANSWER_TOKENS, model.context_length - read))
            prompt = [ids[(7 * n) % len(ids)] for n in range(read)]
            steps = [prompt[at : at + _CHUNK] for at in range(0, read, _CHUNK)]
            model.forward(steps[0])  # the first one also brings the weights into memory
            model.truncate(0)
            done = 0

            def run(pieces: list[list[int]]) -> float:
                nonlocal done
                started = time.perf_counter()
                for piece in pieces:
                    if is_cancelled():
                        raise MeasuringStoppedError
                    model.forward(piece)
                    done += 1
                    on_progress(done, len(steps) + write)
                return sum(map(len, pieces)) / (time.perf_counter() - started)

            return Speed(prefill=run(steps), decode=run([[token] for token in prompt[:write]]))
        finally:
            model.close()


def known_speed(model: InstalledModel) -> Speed | None:
    """Return what was measured of a model, if it was."""
    match _remembered().get(_key(model)):
        case [int() | float() as prefill, int() | float() as decode]:
            return Speed(prefill, decode)
    return None


def remember_speed(model: InstalledModel, speed: Speed) -> None:
    """Keep it for `known_speed`; where that is impossible it is measured again."""
    known = _remembered() | {_key(model): [round(speed.prefill, 1), round(speed.decode, 1)]}
    with suppress(OSError, StoreError):
        write_private(_memory(), json.dumps(known, indent=1))


def _key(model: InstalledModel) -> str:
    return f"{model.path.resolve()} {model.size_bytes}"


def _memory() -> Path:
    return cache_dir() / "speeds.json"


def _remembered() -> dict[str, object]:
    try:
        values = json.loads(_memory().read_text(encoding="utf-8"))
    except (OSError, ValueError, StoreError):
        return {}
    return values if isinstance(values, dict) else {}
