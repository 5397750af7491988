"""Byte-level BPE as `tokenizer.json` describes it (GPT-2's scheme; Qwen, Llama 3).

A regular expression cuts the text into words, whose UTF-8 bytes are then merged pair by pair,
the earliest learnt pair first. Format: that of Hugging Face's tokenizers library.
"""

import json
import unicodedata
from functools import lru_cache
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import regex

from engine.errors import BundleError
from engine.tokenizer import BaseTokenizer

_GPT2_WORDS = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LONGEST_PATTERN = 2000
_SECONDS_FOR_WORDS = 10.0  # a hostile pattern must not hang the application
_CACHED_WORDS = 65_536
_NOT_AS_DESCRIBED = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    OverflowError,  # JSON says Infinity
)


class ByteLevelTokenizer(BaseTokenizer):
    """Raises BundleError if the file is damaged, or describes another scheme."""

    def __init__(self, path: Path) -> None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            self._read(values)
        except _NOT_AS_DESCRIBED as error:
            raise BundleError(
                "The tokenizer {path} cannot be read; the model folder is incomplete or damaged.",
                path=path,
            ) from error
        except (_UnknownSchemeError, regex.error) as error:
            raise BundleError(
                "The tokenizer {path} is of a kind that GEB Chat does not know: {detail}.",
                path=path,
                detail=error,
            ) from error
        # A cache of its own, so that it goes when the tokenizer goes.
        self._merge = lru_cache(_CACHED_WORDS)(self._merge_word)

    def encode(self, text: str, *, continues: bool = False) -> list[int]:  # noqa: ARG002
        """See BaseTokenizer."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        if self._normal_form:
            text = unicodedata.normalize(self._normal_form, text)
        ids: list[int] = []
        for part in self._visible.split(text) if self._visible else [text]:
            if part in self._added:
                ids.append(self._added[part])
            elif part:
                for word in self._words(part):
                    ids += self._merge(word)
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        """See BaseTokenizer."""
        return self._bytes.get(token_id, b"")

    def _words(self, text: str) -> list[str]:
        try:
            return [m.group() for m in self._pattern.finditer(text, timeout=_SECONDS_FOR_WORDS)]
        except TimeoutError as error:
            raise BundleError(
                "The model's tokenizer takes far too long on this text; the model is damaged or "
                "forged."
            ) from error

    def _merge_word(self, word: str) -> list[int]:
        letters = [_BYTE_LETTERS[byte] for byte in word.encode()]
        if self._whole_words and (known := self._vocabulary.get("".join(letters))) is not None:
            return [known]
        return [self._vocabulary[part] for part in merge_pairs(letters, self._ranks)]

    def _read(self, values: dict[str, Any]) -> None:
        model = values["model"]
        if model.get("type", "BPE") != "BPE" or model.get("byte_fallback"):
            raise _UnknownSchemeError(f"model {model.get('type')}")
        self._vocabulary: dict[str, int] = {str(k): int(v) for k, v in model["vocab"].items()}
        missing = [letter for letter in _BYTE_LETTERS if letter not in self._vocabulary]
        if missing:
            raise _UnknownSchemeError("a vocabulary without every byte")
        self._ranks: dict[tuple[str, str], int] = {}
        for rank, merge in enumerate(model["merges"]):
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            if left + right not in self._vocabulary:
                raise _UnknownSchemeError("a merge without a token")
            self._ranks[left, right] = rank
        self._whole_words = bool(model.get("ignore_merges"))
        self._normal_form = _normal_form(values.get("normalizer"))
        self._pattern = regex.compile(_word_pattern(values["pre_tokenizer"]))
        self._read_added(values.get("added_tokens") or [])
        self._bytes = {
            token_id: bytes(_LETTER_BYTES[letter] for letter in piece)
            for piece, token_id in self._vocabulary.items()
            if token_id not in self._control_ids and all(c in _LETTER_BYTES for c in piece)
        }
        self._bytes |= {token_id: text.encode() for text, token_id in self._added.items()}
        self.vocab_size = 1 + max(
            *self._vocabulary.values(), *self._added.values(), *self.control_tokens.values(), 0
        )

    def _read_added(self, added: list[dict[str, Any]]) -> None:
        """Tokens beside the vocabulary: special ones mark turns, others are ordinary text."""
        special = {str(t["content"]): int(t["id"]) for t in added if t.get("special")}
        self._added = {str(t["content"]): int(t["id"]) for t in added if not t.get("special")}
        self.control_tokens = special
        self._control_ids = frozenset(special.values())
        names = sorted(self._added, key=len, reverse=True)
        self._visible = (
            regex.compile("(" + "|".join(map(regex.escape, names)) + ")") if names else None
        )


def merge_pairs(parts: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """Return `parts` after all merges: the lowest rank first, of equal ones the leftmost.

    Takes n log n steps: a word may be a whole document without a space.
    """
    parts = list(parts)
    after = [*range(1, len(parts)), -1]
    before = [-1, *range(len(parts) - 1)]
    heap: list[tuple[int, int, str, str]] = []

    def offer(left: int) -> None:
        if left >= 0 and after[left] >= 0:
            pair = parts[left], parts[after[left]]
            if (rank := ranks.get(pair)) is not None:
                heappush(heap, (rank, left, *pair))

    for left in range(len(parts) - 1):
        offer(left)
    while heap:
        _, left, first, second = heappop(heap)
        right = after[left]
        # One of the two may have been merged with another neighbour since.
        if right < 0 or (parts[left], parts[right]) != (first, second):
            continue
        parts[left], parts[right] = first + second, ""
        after[left] = after[right]
        if after[right] >= 0:
            before[after[right]] = left
        after[right] = -1
        offer(before[left])
        offer(left)
    return [part for part in parts if part]


class _UnknownSchemeError(Exception):
    """Something that this file does not implement."""


def _normal_form(normalizer: dict[str, Any] | None) -> Any:
    if normalizer is None:
        return None
    if normalizer.get("type") not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise _UnknownSchemeError(f"normalizer {normalizer.get('type')}")
    return normalizer["type"]


def _word_pattern(pre_tokenizer: dict[str, Any]) -> str:
    """Return the pattern whose matches are the words: one Split, or GPT-2's own."""
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    pattern = None
    for step in steps:
        kind = step.get("type")
        if kind == "Split" and pattern is None and step.get("behavior") == "Isolated":
            pattern = str(step["pattern"]["Regex"])
        elif kind == "ByteLevel" and not step.get("add_prefix_space"):
            if step.get("use_regex", True):
                if pattern is not None:
                    raise _UnknownSchemeError("two patterns")
                pattern = _GPT2_WORDS
        else:
            raise _UnknownSchemeError(f"pre_tokenizer {kind}")
    if pattern is None or len(pattern) > _LONGEST_PATTERN:
        raise _UnknownSchemeError("no usable pattern of words")
    # What a pattern leaves out is a word, too.
    return f"(?:{pattern})|(?:(?!{pattern})(?s:.))+"


def _byte_letters() -> list[str]:
    """Return GPT-2's printable letter for each byte: itself, or one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


_BYTE_LETTERS = _byte_letters()
_LETTER_BYTES = {letter: byte for byte, letter in enumerate(_BYTE_LETTERS)}
