"""`tokenizer.json` and `tokenizer_config.json` of a SentencePiece model, for Hugging Face tools."""

import json
from pathlib import Path
from typing import Any

import sentencepiece as spm
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers  # type: ignore[import-untyped]

from engine.chat_template import GEB_CHAT_TEMPLATE
from engine.errors import DataError

_SPACE_MARK = "\u2581"


def write_tokenizer(tokenizer_model: Path, folder: Path, max_length: int) -> None:
    """Write both files for `tokenizer_model` into `folder`.

    Raises DataError if the file is no SentencePiece BPE model with byte fallback.
    """
    processor = load_processor(tokenizer_model)
    hugging_face_tokenizer(processor).save(str(folder / "tokenizer.json"))
    values: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": max_length,
        "chat_template": GEB_CHAT_TEMPLATE,
    }
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def load_processor(tokenizer_model: Path) -> spm.SentencePieceProcessor:
    """Return SentencePiece's reader of a file. Raises DataError if it is none."""
    try:
        return spm.SentencePieceProcessor(model_proto=tokenizer_model.read_bytes())
    except (OSError, RuntimeError) as error:
        raise DataError(
            "The checkpoint's tokenizer {path} cannot be read.", path=tokenizer_model
        ) from error


def hugging_face_tokenizer(processor: spm.SentencePieceProcessor) -> Tokenizer:
    """Return the same BPE as a Hugging Face tokenizer."""
    size = processor.get_piece_size()
    pieces = [processor.id_to_piece(i) for i in range(size)]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    special = [i for i in range(size) if processor.is_control(i) or processor.is_unknown(i)]
    scores = {
        pieces[i]: processor.get_score(i)
        for i in range(size)
        if i not in set(special) and not processor.is_byte(i)
    }
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(scores, vocabulary),
            unk_token=pieces[processor.unk_id()],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE_MARK)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE_MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(
        [AddedToken(pieces[i], special=True, normalized=False) for i in special]
    )
    return tokenizer


def _merges(scores: dict[str, float], vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Return every pair that joins to a piece, the best-scored piece first."""
    merges: list[tuple[str, str]] = []
    for piece in sorted(scores, key=lambda piece: (-scores[piece], vocabulary[piece])):
        pairs = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        known = [(left, right) for left, right in pairs if left in scores and right in scores]
        merges += sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
    return merges
