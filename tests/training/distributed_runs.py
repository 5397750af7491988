"""The runs that one process and two processes have in common."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from training_helpers import SETTINGS as PLAIN
from training_helpers import Workshop

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from training.batches import PairBatches
from training.distributed import Processes
from training.dpo import PreferenceTrainer
from training.mixture import Mixture
from training.settings import DPOSettings, QuantizationSettings, SpikeSettings
from training.shard_files import open_sources, source_sizes
from training.shards import write_shards
from training.trainer import Run

MUON = replace(PLAIN, steps=6, checkpoint_minutes=0.0, evaluate_steps=6)
ADAMW = replace(MUON, optimizer="adamw", micro_batch_size=1)
BACKGROUND = replace(MUON, asynchronous_checkpoints=True, activation_checkpointing=True)
POISONED = frozenset({9})
SPIKED = replace(
    ADAMW,
    steps=12,
    keep_checkpoints=4,
    micro_batch_size=None,
    asynchronous_checkpoints=True,
    spikes=SpikeSettings(remedies=("skip",), sigma=2, window=8, skip_before=2, skip_after=1),
)
ROUNDED = replace(ADAMW, quantization=QuantizationSettings(start=0.5))
DPO = DPOSettings(
    steps=4,
    batch_size=4,
    sequence_length=48,
    micro_batch_size=1,
    warmup_steps=1,
    learning_rate=1e-3,
    matrix_learning_rate=0.01,
    precision="float32",
    compile="off",
)
CONFIG = ModelConfig(
    vocab_size=448,
    hidden_size=64,
    intermediate_size=175,  # not to be shared evenly
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    tie_word_embeddings=True,
)


def workshop(data: Path, processes: Processes) -> Workshop:
    """Return what the runs of `data` are made of."""
    return Workshop(CONFIG, data, Tokenizer(data / "tokenizer.model"), processes)


def write_pairs(data: Path, tokenizer: Tokenizer) -> None:
    """Add a source of preference pairs."""
    (data / "dpo").mkdir()
    pairs = [
        {
            "prompt": [{"role": "user", "content": f"{i} 你好"}],
            "chosen": "Hello, the weather is fine." * (1 + i % 2),
            "rejected": f"{i} park " * 2,
        }
        for i in range(24)
    ]
    lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    (data / "dpo/a.jsonl").write_text(lines, encoding="utf-8")
    write_shards(data, tokenizer)


def dpo_trainer(shop: Workshop, out: Path) -> PreferenceTrainer:
    """Return a run over the pairs, from fixed weights."""
    model, shards = shop.model(), open_sources(shop.data / "dpo")
    batches = PairBatches(
        shards,
        DPO,
        bos_token_id=1,
        pad_token_id=3,
        mixture=Mixture(DPO, {"a": {}}, source_sizes(shards)),
        rank=shop.processes.rank,
        world_size=shop.processes.count,
    )
    run = Run("dpo", shop.data, out, shop.tokenizer, {})
    return PreferenceTrainer(model, deepcopy(model), batches, DPO, run, shop.processes)
