"""`tokenizer.json` of one of our SentencePiece models, for Hugging Face tools."""

from pathlib import Path

import sentencepiece as spm
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers  # type: ignore[import-untyped]

from engine.errors import DataError

_SPACE_MARK = "\u2581"


def tokenizer_json(tokenizer_model: Path) -> bytes:
    """Return the contents of the file.

    Raises DataError if `tokenizer_model` is no SentencePiece BPE model with byte fallback.
    """
    text: str = hugging_face_tokenizer(load_processor(tokenizer_model)).to_str(pretty=True)
    return text.encode()


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
