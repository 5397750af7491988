"""Which reading of an ambiguous checkpoint makes sense of text.

GEB-1.3B's published layout leaves open how its heads are rotated and whether keys or values
come first. Only the right reading predicts text, so each is tried on a few bundled sentences.
"""

import math
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, tensor
from tqdm import tqdm

from engine.errors import DataError
from engine.i18n import tr
from export.chat_format import ChatFormat
from export.families import Family
from export.reference import logits
from export.texts import HELDOUT, Sample, read_samples
from export.weights import CheckpointWeights

_TOKENS_PER_LANGUAGE = 192
_LONGEST = 128
_WORST_BITS_PER_BYTE = 4.0
"""Worse than this, a model knows no more of text than how often its letters occur."""


def choose_family(folder: Path, families: list[Family], chat: ChatFormat) -> Family:
    """Return the reading with the lowest bits per byte on bundled Chinese and English text.

    Raises DataError where none makes sense of it.
    """
    samples = read_samples(HELDOUT, chat, _LONGEST, tokens_per_language=_TOKENS_PER_LANGUAGE)
    scores = []
    for family in tqdm(families, desc=tr("Trying the readings of this checkpoint")):
        scores.append(_bits_per_byte(folder, family, chat, samples))
    best = min(range(len(families)), key=scores.__getitem__)
    if not scores[best] < _WORST_BITS_PER_BYTE:
        raise DataError(
            "No known reading of the checkpoint {path} makes sense of text: the best needs {bits} "
            "bits per byte. Its weights are damaged, or laid out in another way.",
            path=folder,
            bits=f"{scores[best]:.2f}",
        )
    print(
        tr(
            "{variant}: {bits} bits per byte",
            variant=families[best].variant,
            bits=f"{scores[best]:.3f}",
        ),
        flush=True,
    )
    return families[best]


def _bits_per_byte(folder: Path, family: Family, chat: ChatFormat, samples: list[Sample]) -> float:
    sequences = [sample.token_ids for sample in samples]
    rows = logits(family.config, CheckpointWeights(folder, family), sequences)
    nats = sum(_nats(found, ids) for found, ids in zip(rows, sequences, strict=True))
    num_bytes = sum(len(chat.tokenizer.token_bytes(i)) for ids in sequences for i in ids[1:])
    return nats / math.log(2) / num_bytes


def _nats(found: Tensor, token_ids: list[int]) -> float:
    return F.cross_entropy(found[:-1], tensor(token_ids[1:]), reduction="sum").item()
