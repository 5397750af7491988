"""The training loop that all stages share."""

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training import checkpoint, monitor
from training.batches import Batch, BatchStream
from training.calibration import calibrate
from training.command import write_atomically
from training.distributed import Processes, release, whole
from training.execution import compiles, prepare
from training.logs import TrainingLog
from training.loss import chunked_cross_entropy
from training.model import GEB
from training.optimizer import build_optimizers, learning_rate_scale, set_learning_rate
from training.rounding import Scales, load_scales
from training.settings import StageSettings
from training.sharded_checkpoint import ShardedCheckpoints
from training.spikes import SpikeGuard
from training.time_box import TimeBox

_SHARES_STEPS = 50
"""Steps after which the shares of the sources are logged again, though they stayed."""


@dataclass(frozen=True)
class Run:
    """Where a stage reads and writes, and what its model card will say."""

    stage: str
    data: Path
    out: Path
    tokenizer: Tokenizer
    card: dict[str, Any]
    resume: bool = False
    tensorboard: bool = False
    minutes: float | None = None
    """Time after which the run ends, with as many of its steps as fit."""


class Trainer:
    """One stage of training. `train()` returns the folder of its last checkpoint."""

    log: TrainingLog

    def __init__(
        self,
        model: GEB,
        batches: BatchStream,
        settings: StageSettings,
        run: Run,
        processes: Processes | None = None,
    ) -> None:
        self.processes = processes or Processes()
        self.batches, self.settings, self.run = batches, settings, run
        prepare(model, settings, self.processes)
        self.model = model
        self.optimizers = build_optimizers(model, settings)
        self.spikes = SpikeGuard(settings.spikes)
        self.step = self.tokens = self.drawn = 0
        self.steps = settings.steps
        """Steps of the whole run, as far as is known."""
        self._started = time.monotonic()
        self._scores: dict[str, float] = {}
        self._shares: dict[str, float] = {}
        self._saves, self._saved_step = 0, -1
        self._stopping = False
        self._shards: ShardedCheckpoints | None = None
        if self.processes.mesh is not None:
            self._shards = ShardedCheckpoints(
                run.out, self.processes, background=settings.asynchronous_checkpoints
            )

    def train(self) -> Path:
        """Run to the last step, or to a stop request (Ctrl-C), and write a checkpoint.

        Raises DataError if the loss stops being a number; the last checkpoint stays.
        """
        out, settings = self.run.out, self.settings
        out.mkdir(parents=True, exist_ok=True)
        if self.processes.rank == 0:
            described = {"stage": self.run.stage, **asdict(settings)}
            write_atomically(out / "settings.json", json.dumps(described, indent=1))
        if self.run.resume:
            progress = self._restore(checkpoint.resolve(out))
            self.spikes.load_state(progress.spikes)
            self._started = time.monotonic() - progress.seconds
            self._saves = settings.keep_checkpoints
        self.log = TrainingLog(
            out,
            self.run.stage,
            settings.steps,
            self.step,
            self.drawn,
            first=self.processes.rank == 0,
            tensorboard=self.run.tensorboard,
        )
        with self.log, self._stop_requests():
            if self._saves == 0 and "skip" in settings.spikes.remedies:
                self._save()
            self._loop()
        return checkpoint.resolve(out)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what a step lowers, and what else to log, of some of a batch's rows.

        Both are summed over the rows and divided by what the whole batch counts: the sum over
        all parts and processes is the batch's mean, however it was split. Here it is the
        cross-entropy of the targets, in nats.
        """
        return self.forward(self.model, batch, partial(self.nats, batch)), {}

    def nats(self, batch: Batch, hidden: Tensor, head: Tensor) -> Tensor:
        """Return the part of a batch's weighted cross-entropy, in nats, that its rows here make.

        `hidden` [rows, length, hidden_size], `head` [vocab_size, hidden_size].
        """
        return chunked_cross_entropy(
            hidden.flatten(0, 1),
            head,
            batch.targets.to(hidden.device).flatten(),
            batch.weights.to(hidden.device).flatten(),
            compiled=compiles(self.settings),
        )

    def parts(self, batch: Batch) -> Iterator[Batch]:
        """Yield a batch in parts that fit through the model at once."""
        count, length = batch.input_ids.shape
        size = count
        if self.settings.micro_batch_size:
            # A staged mixture's longer rows take as much memory as several of the usual ones.
            size = max(1, self.settings.micro_batch_size * self.settings.sequence_length // length)
        for start in range(0, count, size):
            yield rows(batch, torch.arange(start, min(start + size, count)))

    def forward(
        self, model: GEB, batch: Batch, reduce: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Run a model over a batch and return what `reduce` makes of it."""
        device = self.processes.device
        return model(batch.input_ids.to(device), batch.document_ids.to(device), reduce)

    def _loop(self) -> None:
        saved = time.monotonic()
        box = TimeBox(self.settings.steps, self.run.minutes)
        while self.step < self._plan(box):
            self._train_step()
            due = time.monotonic() - saved > 60 * self.settings.checkpoint_minutes
            stopping, due = self.processes.any([self._stopping, due])
            if stopping:
                break
            if due and self.step < self.settings.steps:
                self._save()
                saved = time.monotonic()
        self._save(final=True)

    def _plan(self, box: TimeBox) -> int:
        """Set after how many steps the run will end, the same in all processes, and return it."""
        planned = self.processes.total(torch.tensor([box.planned_steps(self.step)]))
        self.steps = int(planned.item()) // self.processes.count
        return self.steps

    def _train_step(self) -> None:
        """Draw a batch, apply its gradients and log the step; or answer a spike."""
        started = time.monotonic()
        batch = self._draw()
        self._begin_rounding(batch)
        values = self._backward(batch)
        self._scale_embedding_gradient(self.spikes.embedding_gradient_scale)
        norm = self._gradient_norm()
        loss, gradient_norm = values["loss"], whole(norm).item()
        if self.spikes.is_spike(loss, gradient_norm):
            shrunk = self.spikes.embedding_gradient_scale
            if self._leaves_out(loss, gradient_norm):
                return
            self._scale_embedding_gradient(self.spikes.embedding_gradient_scale / shrunk)
            norm = self._gradient_norm()
        self._refuse_divergence(loss, gradient_norm)
        self.spikes.record(loss, gradient_norm)
        torch.nn.utils.clip_grads_with_norm_(
            self.model.parameters(), self.settings.gradient_clip, norm
        )
        scale = learning_rate_scale(self.step, self.steps, self.settings)
        scale *= self.spikes.learning_rate_scale
        set_learning_rate(self.optimizers, scale)
        for optimizer in self.optimizers:
            optimizer.step()
        self._drop_gradients()
        self.step += 1
        tokens = batch.input_ids.numel() * self.processes.count
        self.tokens += tokens
        values["gradient_norm"] = gradient_norm
        values["learning_rate"] = self.settings.learning_rate * scale
        values["tokens_per_second"] = tokens / (time.monotonic() - started)
        self._log_step(values)

    def _begin_rounding(self, batch: Batch) -> None:
        """Round to int8 from here on, if it is time."""
        wanted = self.settings.quantization
        if wanted is None or self.model.scales is not None:
            return
        if self.step < round(wanted.start * self.steps):
            return
        # A stage before had scales, too, but activations have moved on since.
        scales = calibrate(self.model, batch, self.processes)
        release(self.model)
        self.round(scales)
        self._log_event("rounding")

    def round(self, scales: Scales | None) -> None:
        """Round to int8 with these scales, or not at all."""
        self.model.round(scales)

    def _draw(self) -> Batch:
        if skipped := self.spikes.batches_to_skip(self.drawn):
            self.batches.skip(skipped)
        self.drawn += skipped + 1
        return self.batches.next()

    def _backward(self, batch: Batch) -> dict[str, float]:
        """Add up the gradients of all parts; return the batch's loss and what goes with it."""
        sums: dict[str, Tensor] = {}
        for part in self.parts(batch):
            loss, values = self.loss(part)
            # FSDP averages gradients over the processes, but they belong added up.
            (loss * self.processes.count).backward()
            for name, value in {"loss": loss, **values}.items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach()
        total = self.processes.total(torch.stack(list(sums.values())))
        return dict(zip(sums, total.tolist(), strict=True))

    def _gradient_norm(self) -> Tensor:
        return torch.nn.utils.get_total_norm(
            [p.grad for p in self.model.parameters() if p.grad is not None]
        )

    def _scale_embedding_gradient(self, scale: float) -> None:
        gradient = self.model.model.embed_tokens.weight.grad
        if scale != 1 and gradient is not None:
            gradient.mul_(scale)

    def _drop_gradients(self) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _refuse_divergence(self, loss: float, gradient_norm: float) -> None:
        if not math.isfinite(loss) or not math.isfinite(gradient_norm):
            raise DataError(
                "Training diverged at step {step} (loss {loss}, gradient norm {norm}); earlier "
                "checkpoints are intact, resume with a lower learning rate.",
                step=self.step + 1,
                loss=f"{loss:.4g}",
                norm=f"{gradient_norm:.4g}",
            )

    def _leaves_out(self, loss: float, gradient_norm: float) -> bool:
        """Log and answer a spike; return whether its step is not to be applied."""
        batch, remedies = self.drawn - 1, self.settings.spikes.remedies
        self.spikes.react(batch)
        details = {"batch": batch, "loss": loss, "gradient_norm": gradient_norm}
        self._log_event("spike", remedies=remedies, **details)
        if self.spikes.exhausted(batch):
            raise DataError(
                "More than {limit} loss spikes within {window} batches, the last at step {step}: "
                "no remedy helps. The last checkpoint is intact.",
                limit=self.settings.spikes.limit,
                window=self.settings.spikes.window,
                step=self.step + 1,
            )
        if not {"replace", "skip"} & set(remedies):
            return False
        self._drop_gradients()
        if "skip" in remedies:
            self._roll_back(batch)
        return True

    def _roll_back(self, batch: int) -> None:
        """Go back to the newest checkpoint before the batches to skip, else to the oldest."""
        if self._shards is not None:
            self._shards.finish()
        folders = checkpoint.finished(self.run.out)
        first = batch - self.settings.spikes.skip_before
        early = [f for f in folders if checkpoint.read_progress(f).drawn <= first]
        folder = early[-1] if early else folders[0]
        self.spikes.load_window(self._restore(folder).spikes)
        self.processes.first_does(partial(checkpoint.rewind, self.run.out, folder))
        self.log.rewind(self.step)
        last = batch + self.settings.spikes.skip_after
        self._log_event("skip", batch=batch, first=max(0, first), last=last)

    def _restore(self, folder: Path) -> checkpoint.Progress:
        release(self.model)
        progress = checkpoint.resume(folder, self.model, self.optimizers)
        self.step, self.tokens, self.drawn = progress.step, progress.tokens, progress.drawn
        self._saved_step = progress.step
        self.batches.load_state(progress.batches)
        self.round(load_scales(folder))
        return progress

    def _log_step(self, values: dict[str, Any]) -> None:
        shares = self.batches.shares
        if shares != self._shares or self.step % _SHARES_STEPS == 0:
            self._shares = values["shares"] = shares
        if self.step % self.settings.evaluate_steps == 0:
            values |= self._evaluate()
        mixture = self.settings.mixture
        updates = mixture.kind == "adaptive" and self.step % mixture.update_steps == 0
        # The last losses of any run can be another one's targets.
        if updates or self.step == self.settings.steps:
            values["loss_by_source"] = losses = self._loss_by_source()
            self.batches.reweigh(losses)
        self.log.step(self._place() | values)

    def _log_event(self, event: str, **details: Any) -> None:
        self.log.event(self._place() | {"event": event, **details})

    def _place(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._started
        return {"step": self.step, "tokens": self.tokens, "seconds": round(seconds, 3)}

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        """Run the model over single texts: their lengths differ, so nothing is compiled."""
        # Sharded weights are whole in a forward pass only.
        alone = self.processes.mesh is None
        fixed = self.model.unchanging() if alone else nullcontext()
        with torch.compiler.set_stance("force_eager"), fixed:
            yield

    def _evaluate(self) -> dict[str, Any]:
        """Score held-out text and log samples."""
        heldout = self.run.data / monitor.HELDOUT
        with self._measuring():
            scores = monitor.bits_per_byte(self.model, heldout, self.run.tokenizer)
            samples = monitor.continuations(self.model, self.run.tokenizer, self.run.stage)
        release(self.model)
        self.log.samples(self.step, samples)
        self._scores = {"evaluated_step": self.step, **scores}
        return scores

    def _loss_by_source(self) -> dict[str, float]:
        """Return the same held-out losses in every process."""
        with self._measuring():
            losses = monitor.loss_by_source(
                self.model, self.run.data / monitor.HELDOUT, self.run.tokenizer
            )
        release(self.model)
        # The last digits may differ between processes, and the shares must not.
        total = self.processes.total(torch.tensor(list(losses.values()), dtype=torch.float64))
        return dict(zip(losses, (total / self.processes.count).tolist(), strict=True))

    def _save(self, *, final: bool = False) -> None:
        whole_weights_missing = final and self._shards is not None
        if self.step == self._saved_step and not whole_weights_missing:
            return
        if final and self._scores.get("evaluated_step") != self.step:
            self._evaluate()
        card = {**self.run.card, "training": {**self.run.card.get("training", {})}}
        card["training"][self.run.stage] = {
            "steps": self.step,
            "tokens": self.tokens,
            **self._scores,
        }
        progress = checkpoint.Progress(
            self.step,
            self.tokens,
            self.batches.state(),
            self.drawn,
            self.spikes.state(),
            time.monotonic() - self._started,
        )
        # Checkpoints of an earlier run in the same folder go with this run's first.
        self._saves, self._saved_step = self._saves + 1, self.step
        keep = min(self._saves, self.settings.keep_checkpoints)
        about = self.model, self.run.tokenizer, card, progress, self.optimizers, keep
        if self._shards is None:
            checkpoint.save(self.run.out, *about)
        else:
            self._shards.save(*about, final=final)

    @contextmanager
    def _stop_requests(self) -> Iterator[None]:
        """Turn the first Ctrl-C, or a SIGTERM, into a request; a second Ctrl-C kills."""

        def request(number: int, _frame: FrameType | None) -> None:
            self._stopping = True
            if number == signal.SIGINT:
                signal.signal(signal.SIGINT, signal.SIG_DFL)

        before = [(s, signal.signal(s, request)) for s in (signal.SIGINT, signal.SIGTERM)]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)


def rows(batch: Batch, chosen: Tensor) -> Batch:
    """Return some rows of a batch; their weights stay those in the whole."""
    return replace(
        batch,
        input_ids=batch.input_ids[chosen],
        targets=batch.targets[chosen],
        weights=batch.weights[chosen],
        document_ids=batch.document_ids[chosen],
        source_ids=batch.source_ids[chosen],
    )
