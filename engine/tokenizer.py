"""Text to token ids and back, control tokens apart from it."""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import sentencepiece as spm

from engine.errors import BundleError

# SentencePiece writes a space as U+2581, so a real U+2581 must travel as bytes to survive.
_SPACE_MARK = "\u2581"


class BaseTokenizer(ABC):
    """What the engine needs of a tokenizer, whichever form its file has.

    `encode` never yields a control token, whatever the text spells; `decode` shows none.
    """

    vocab_size: int
    control_tokens: dict[str, int]
    """The names and ids of the tokens that no text can become."""
    adds_space: bool = False
    """Text is encoded as if a space came before it, which decoding takes away again."""

    @abstractmethod
    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Return the token ids of `text`; lone surrogates become question marks.

        `continues`: a control token comes before it. To some models it is then no new text.
        """

    @abstractmethod
    def token_bytes(self, token_id: int) -> bytes:
        """Return the UTF-8 bytes that a token stands for (none for a control or padding id)."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; control tokens are left out, broken UTF-8 becomes U+FFFD."""
        text = b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")
        return text.removeprefix(" ") if self.adds_space else text

    def stream_decoder(self, *, continues: bool = False) -> "StreamDecoder":
        """Return a decoder for tokens that arrive one at a time.

        `continues`: text came before them, so that a space at their start is a real one.
        """
        return StreamDecoder(self, continues=continues)


class Tokenizer(BaseTokenizer):
    """A SentencePiece model: the form of GEB's, which any Unicode text survives.

    `legacy` is Hugging Face's name for a space that is put before text that continues, too.
    Raises BundleError if the file is no SentencePiece model.
    """

    def __init__(self, path: Path, *, legacy: bool = True) -> None:
        try:
            self._processor = spm.SentencePieceProcessor()
            # Unlike the constructor's argument, this refuses an empty file.
            self._processor.LoadFromSerializedProto(path.read_bytes())
            self._read(legacy=legacy)
        except (OSError, RuntimeError, ValueError) as error:  # ValueError: pieces are no text
            raise BundleError(
                "The tokenizer {path} cannot be read; the model folder is incomplete or damaged.",
                path=path,
            ) from error

    def _read(self, *, legacy: bool) -> None:
        processor = self._processor
        size = processor.get_piece_size()
        self.vocab_size: int = size
        self.control_tokens: dict[str, int] = {
            processor.id_to_piece(i): i for i in range(size) if processor.is_control(i)
        }
        self._token_bytes = [self._bytes_of(i) for i in range(size)]
        first = processor.encode("a")
        self.adds_space = bool(first) and self._token_bytes[first[0]].startswith(b" ")
        # What text that continues is encoded behind, to be cut off again.
        self._lead = "" if legacy or not self.adds_space else processor.id_to_piece(0)
        self._lead_ids: list[int] = processor.encode(self._lead)
        self._space_mark_ids = [
            processor.piece_to_id(f"<0x{byte:02X}>") for byte in _SPACE_MARK.encode()
        ]

    def serialized(self) -> bytes:
        """Return the contents of the model file."""
        model: bytes = self._processor.serialized_model_proto()
        return model

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """See BaseTokenizer."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        if self.adds_space:  # a real space mark would be given one, too
            lead, lead_ids = (self._lead, self._lead_ids) if continues else ("", [])
            return list(self._processor.encode(lead + text)[len(lead_ids) :])
        head, *rest = text.split(_SPACE_MARK)
        ids: list[int] = self._processor.encode(head)
        for part in rest:
            ids += self._space_mark_ids
            ids += self._processor.encode(part)
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        """See BaseTokenizer."""
        return self._token_bytes[token_id] if token_id < len(self._token_bytes) else b""

    def _bytes_of(self, token_id: int) -> bytes:
        processor = self._processor
        if processor.is_control(token_id) or processor.is_unknown(token_id):
            return b""
        piece: str = processor.id_to_piece(token_id)
        if processor.is_byte(token_id):
            return bytes([int(piece[3:5], 16)])
        return piece.replace(_SPACE_MARK, " ").encode()


class StreamDecoder:
    """Turns tokens into text as they arrive, never splitting a multi-byte character.

    A space before the first word belongs to its token, not to the text.
    """

    def __init__(self, tokenizer: BaseTokenizer, *, continues: bool = False) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = not continues

    def push(self, token_id: int) -> str:
        """Return the text that `token_id` completes; empty while a character is unfinished."""
        text = self._decoder.decode(self._tokenizer.token_bytes(token_id))
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text

    def finish(self) -> str:
        """Return what is left: U+FFFD if the last character never became whole."""
        return self._decoder.decode(b"", final=True)
