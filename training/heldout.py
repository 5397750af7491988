"""Bits per byte on held-out text: comparable between models with different tokenizers."""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

from engine.tokenizer import Tokenizer
from training.model import GEB
from training.shards import encode_document

DOCUMENTS_PER_LANGUAGE = 24
_MAXIMUM_TOKENS = 512


@torch.no_grad()
def bits_per_byte(
    model: GEB, tokenizer: Tokenizer, heldout: Path, documents: int = DOCUMENTS_PER_LANGUAGE
) -> dict[str, float]:
    """Return bits per UTF-8 byte by language, over the start of the first documents of each."""
    device = next(model.parameters()).device
    bits: dict[str, float] = {}
    size: dict[str, int] = {}
    count: dict[str, int] = {}
    limit = min(_MAXIMUM_TOKENS, model.config.max_position_embeddings)
    with heldout.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            language = record["lang"]
            if count.get(language, 0) >= documents:
                continue
            count[language] = count.get(language, 0) + 1
            ids = encode_document(record["text"], tokenizer)[:limit]
            tokens = torch.tensor([ids], device=device)
            logits = model(tokens[:, :-1]).float()
            nats = F.cross_entropy(logits[0], tokens[0, 1:], reduction="sum").item()
            bits[language] = bits.get(language, 0.0) + nats / math.log(2)
            size[language] = size.get(language, 0) + sum(
                len(tokenizer.token_bytes(token)) for token in ids[1:]
            )
    return {language: bits[language] / max(1, size[language]) for language in sorted(bits)}
