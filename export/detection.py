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
from export.texts import CALIBRATION, Sample, read_samples
from export.weights import CheckpointWeights

_TOKENS_PER_LANGUAGE = 192
_LONGEST = 128
_WORST_SHARE = 0.8
"""Of the bits that a model without any knowledge needs, to which all tokens are as likely."""


def choose_family(folder: Path, families: list[Family], chat: ChatFormat) -> Family:
    """Return the reading with the lowest bits per byte on bundled Chinese and English text.

    Raises DataError where none makes sense of it.
    """
    samples = read_samples(CALIBRATION, chat, _LONGEST, tokens_per_language=_TOKENS_PER_LANGUAGE)
    scores = []
    for family in tqdm(families, desc=tr("Trying the readings of this checkpoint")):
        scores.append(_bits_per_byte(folder, family, chat, samples))
    best = min(range(len(families)), key=scores.__getitem__)
    if not scores[best] < _WORST_SHARE * _ignorant_bits_per_byte(families[0], chat, samples):
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
    return nats / math.log(2) / _num_bytes(chat, samples)


def _ignorant_bits_per_byte(family: Family, chat: ChatFormat, samples: list[Sample]) -> float:
    tokens = sum(len(sample.token_ids) - 1 for sample in samples)
    return tokens * math.log2(family.config.vocab_size) / _num_bytes(chat, samples)


def _num_bytes(chat: ChatFormat, samples: list[Sample]) -> int:
    ids = (token for sample in samples for token in sample.token_ids[1:])
    return sum(len(chat.tokenizer.token_bytes(token)) for token in ids)


def _nats(found: Tensor, token_ids: list[int]) -> float:
    return F.cross_entropy(found[:-1], tensor(token_ids[1:]), reduction="sum").item()
