"""Small runs that the tests of training share."""

import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from training.batches import Batch, Batches
from training.distributed import Processes
from training.mixture import Mixture
from training.model import GEB
from training.settings import StageSettings
from training.shard_files import open_sources, source_sizes
from training.shards import write_shards
from training.trainer import Run, Trainer

# In float32 on every processor: losses are compared to their last digits.
SETTINGS = StageSettings(
    steps=8,
    batch_size=4,
    sequence_length=32,
    warmup_steps=2,
    precision="float32",
    compile="off",
    evaluate_steps=4,
)
TINY_STAGE = """
steps = 3
batch_size = 2
sequence_length = 32
warmup_steps = 1
compile = "off"
"""
TINY_CONFIG = f"""
[tokenizer]
vocab_size = 300
[model]
vocab_size = 600
hidden_size = 16
intermediate_size = 32
num_hidden_layers = 1
num_attention_heads = 2
num_key_value_heads = 1
head_dim = 8
max_position_embeddings = 64
tie_word_embeddings = true
[pretrain]{TINY_STAGE}
[sft]{TINY_STAGE}
[dpo]{TINY_STAGE}
"""
"""A configuration file of the smallest model that takes the tests' tokenizer."""


def write_data(folder: Path, tokenizer: Tokenizer, *, easy: bool = False) -> Path:
    """Write a small pretraining source, its shard, and held-out text; `easy`: and another."""
    texts = {"a": "天气很好，我们去公园散步。The weather is fine in the park."}
    if easy:
        texts["easy"] = "no no no no no no no no no no no no no no"
    (folder / "pretrain").mkdir(parents=True)
    sources = {}
    with (folder / "heldout.jsonl").open("w", encoding="utf-8") as heldout:
        for name, text in texts.items():
            records = [{"text": f"{i} {text}", "lang": "zh", "source": name} for i in range(50)]
            lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
            (folder / f"pretrain/{name}.jsonl").write_text("".join(lines), encoding="utf-8")
            heldout.writelines(lines[:4])
            sources[f"pretrain/{name}"] = {
                "name": name,
                "stage": "pretrain",
                "share": None,
                "language": "zh",
                "licence": "CC0-1.0",
                "url": "https://example.org",
                "kept": 50,
            }
    prepared = {"recipe": "test", "licence": "CC0-1.0", "sources": sources}
    (folder / "sources.json").write_text(json.dumps(prepared), encoding="utf-8")
    (folder / "tokenizer.model").write_bytes(tokenizer.serialized())
    write_shards(folder, tokenizer)
    return folder


class ScriptedBatches(Batches):
    """Batches of which some are poisoned, and that can ask a run to stop, as Ctrl-C does."""

    place = 0
    """Number of the next batch."""
    poisoned: frozenset[int] = frozenset()
    """Batches of random tokens: they make a loss spike."""
    stop_at: int | None = None

    def next(self) -> Batch:
        if self.place == self.stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        batch = super().next()
        self.place += 1
        if self.place - 1 not in self.poisoned:
            return batch
        noise = torch.Generator().manual_seed(self.place)
        shape = self.settings.batch_size, self.settings.sequence_length
        tokens = torch.randint(4, 448, shape, generator=noise)[self.rank :: self.world_size]
        weights = torch.full(tokens.shape, 1 / (shape[0] * shape[1]))
        return replace(batch, input_ids=tokens, targets=tokens, weights=weights)

    def skip(self, steps: int) -> None:
        super().skip(steps)
        self.place += steps

    def state(self) -> dict[str, Any]:
        return super().state() | {"place": self.place}

    def load_state(self, state: dict[str, Any]) -> None:
        self.place = state["place"]
        super().load_state(state)


@dataclass(frozen=True)
class Workshop:
    """What every small run is made of."""

    config: ModelConfig
    data: Path
    tokenizer: Tokenizer
    processes: Processes = Processes()  # noqa: RUF009 - one process

    def model(self) -> GEB:
        """Return a model of fixed weights."""
        torch.manual_seed(0)
        return GEB(self.config)

    def trainer(
        self,
        out: Path,
        settings: StageSettings = SETTINGS,
        *,
        resume: bool = False,
        stop_at: int | None = None,
        poisoned: frozenset[int] = frozenset(),
        tensorboard: bool = False,
    ) -> Trainer:
        """Return a run from fixed weights, or one that goes on in `out`."""
        shards = open_sources(self.data / "pretrain")
        prepared = json.loads((self.data / "sources.json").read_text(encoding="utf-8"))
        sources = {source["name"]: source for source in prepared["sources"].values()}
        batches = ScriptedBatches(
            shards,
            settings,
            bos_token_id=1,
            pad_token_id=3,
            mixture=Mixture(settings, sources, source_sizes(shards)),
            rank=self.processes.rank,
            world_size=self.processes.count,
        )
        batches.stop_at, batches.poisoned = stop_at, poisoned
        run = Run("pretrain", self.data, out, self.tokenizer, {}, resume, tensorboard)
        return Trainer(self.model(), batches, settings, run, self.processes)


def log_of(out: Path) -> list[dict[str, Any]]:
    """Return the entries of a run's log."""
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def steps_of(out: Path) -> list[dict[str, Any]]:
    """Return the entries of the finished steps."""
    return [entry for entry in log_of(out) if "event" not in entry]


def events_of(out: Path) -> list[dict[str, Any]]:
    """Return the entries of events."""
    return [entry for entry in log_of(out) if "event" in entry]
