"""The training loop that pretraining and instruction tuning share."""

import json
import math
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.batches import Batch, Batches
from training.command import write_atomically
from training.evaluation.bpb import bits_per_byte_by_language
from training.loss import chunked_cross_entropy, sequence_nats
from training.model import GEB
from training.optimizer import build_optimizers, learning_rate_scale
from training.settings import StageSettings

_HELDOUT_DOCUMENTS = 24
"""Of each language, scored while training."""


@dataclass(frozen=True)
class Run:
    """Where a stage reads and writes, and what its model card will say."""

    stage: str
    data: Path
    out: Path
    tokenizer: Tokenizer
    card: dict[str, Any]
    resume: bool = False


class Trainer:
    """One stage of training. `train()` returns the folder of its last checkpoint."""

    def __init__(self, model: GEB, batches: Batches, settings: StageSettings, run: Run) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device)
        self.batches, self.settings, self.run = batches, settings, run
        self.optimizers = build_optimizers(model, settings)
        self.autocast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=_wants_bfloat16(settings, self.device)
        )
        self.body = torch.compile(model.model) if _wants_compile(settings) else model.model
        self.step = self.tokens = 0
        self.metrics: dict[str, float] = {}
        """What `loss` measured besides, for the log."""
        self._stopping = False

    def train(self) -> Path:
        """Run to the last step, or to a stop request (Ctrl-C), and write a checkpoint.

        Raises DataError if the loss stops being a number; the last checkpoint stays.
        """
        if self.run.resume:
            folder = checkpoint.resolve(self.run.out)
            progress = checkpoint.load_progress(folder, self.optimizers)
            self.step, self.tokens = progress.step, progress.tokens
            self.batches.load_state(progress.batches)
        settings = {"stage": self.run.stage, **asdict(self.settings)}
        write_atomically(self.run.out / "settings.json", json.dumps(settings, indent=1))
        previous = [
            (number, signal.signal(number, self._request_stop))
            for number in (signal.SIGINT, signal.SIGTERM)
        ]
        try:
            return self._loop()
        finally:
            for number, handler in previous:
                signal.signal(number, handler)

    def _loop(self) -> Path:
        saved = time.monotonic()
        with (
            tqdm(total=self.settings.steps, initial=self.step, desc=self.run.stage) as bar,
            (self.run.out / "log.jsonl").open("a", encoding="utf-8") as log,
        ):
            while self.step < self.settings.steps and not self._stopping:
                started = time.monotonic()
                entry = self._train_step(self.batches.next())
                seconds = time.monotonic() - started
                entry["tokens_per_second"] = self.batch_tokens / seconds
                if self.step % self.settings.evaluate_steps == 0:
                    entry.update(self._evaluate())
                log.write(json.dumps({"step": self.step, "tokens": self.tokens, **entry}) + "\n")
                log.flush()
                bar.update()
                bar.set_postfix(
                    loss=f"{entry['loss']:.3f}", tokens_s=f"{entry['tokens_per_second']:.0f}"
                )
                if time.monotonic() - saved > 60 * self.settings.checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()
            return self._save()

    @property
    def batch_tokens(self) -> int:
        """Tokens per step."""
        return self.settings.batch_size * self.settings.sequence_length

    def _train_step(self, batch: Batch) -> dict[str, float]:
        scale = learning_rate_scale(self.step, self.settings)
        for optimizer, peak in zip(
            self.optimizers,
            (self.settings.matrix_learning_rate, self.settings.learning_rate),
            strict=True,
        ):
            for group in optimizer.param_groups:
                group["lr"] = peak * scale
        loss = self.loss(batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        if not math.isfinite(loss.item()) or not math.isfinite(norm.item()):
            raise DataError(
                "Training diverged at step {step} (loss {loss}); the last checkpoint is intact, "
                "resume it with a lower learning rate.",
                step=self.step + 1,
                loss=loss.item(),
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += self.batch_tokens
        return {
            "loss": loss.item(),
            "gradient_norm": norm.item(),
            "learning_rate_scale": scale,
            **self.metrics,
        }

    def hidden(self, batch: Batch, body: Callable[..., Tensor]) -> Tensor:
        """Return the hidden states [batch_size, sequence_length, hidden_size] of a decoder."""
        # The flash kernels on CPU take no mask; the plain one fuses well when compiled.
        kernel = SDPBackend.MATH if self.device.type == "cpu" else SDPBackend.EFFICIENT_ATTENTION
        with self.autocast, sdpa_kernel([kernel, SDPBackend.MATH]):
            return body(batch.input_ids.to(self.device), batch.document_ids.to(self.device))

    def loss(self, batch: Batch) -> Tensor:
        """Return what a step lowers: here the mean cross-entropy of the targets, in nats."""
        hidden = self.hidden(batch, self.body)
        return chunked_cross_entropy(
            hidden.flatten(0, 1),
            self.model.lm_head.weight.to(hidden.dtype),
            batch.targets.to(self.device).flatten(),
        )

    def _evaluate(self) -> dict[str, float]:
        heldout = self.run.data / "heldout.jsonl"
        if not heldout.is_file():
            return {}
        scores = bits_per_byte_by_language(
            heldout,
            _HELDOUT_DOCUMENTS,
            partial(sequence_nats, self.model),
            self.run.tokenizer,
            self.model.config.max_position_embeddings,
        )
        return {f"bits_per_byte_{language}": score for language, score in scores.items()}

    def _save(self) -> Path:
        card = {**self.run.card, "training": {**self.run.card.get("training", {})}}
        card["training"][self.run.stage] = {
            "steps": self.step,
            "tokens": self.tokens,
            **self._evaluate(),
        }
        progress = checkpoint.Progress(self.step, self.tokens, self.batches.state())
        return checkpoint.save(
            self.run.out, self.model, self.run.tokenizer, card, progress, self.optimizers
        )

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _wants_bfloat16(settings: StageSettings, device: torch.device) -> bool:
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _wants_compile(settings: StageSettings) -> bool:
    if settings.compile != "auto":
        return settings.compile == "on"
    return shutil.which("g++") is not None or shutil.which("clang++") is not None
