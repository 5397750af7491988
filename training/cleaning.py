"""Cleaning: each record in the form that its stage trains on, and every text only once."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from training.recipe import Source

Record = dict[str, Any]
_MINIMUM_CHARACTERS = 40


@dataclass
class Counts:
    """What happened to the records of one source."""

    read: int = 0
    too_short: int = 0
    too_long: int = 0
    duplicate: int = 0
    held_out: int = 0
    kept: int = 0
    kept_bytes: int = 0


@dataclass
class Cleaner:
    """Cleans records and remembers those seen, across all sources."""

    seen: set[bytes] = field(default_factory=set)

    def clean(self, record: Record, source: Source, counts: Counts) -> tuple[bytes, Record] | None:
        """Return the hash and the clean form of a record, or None if it is left out."""
        counts.read += 1
        record, text = _CLEANERS[source.stage](record, source)
        minimum = _MINIMUM_CHARACTERS if source.stage == "pretrain" else 1
        if len(text) < minimum:
            counts.too_short += 1
            return None
        if len(text) > source.max_characters:
            counts.too_long += 1
            return None
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        if digest in self.seen:
            counts.duplicate += 1
            return None
        self.seen.add(digest)
        return digest, record


def clean_text(text: str) -> str:
    """Return `text` in NFC without control characters, trailing blanks or runs of blank lines."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(
        c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Co")
    )
    text = re.sub(r"[ \t\u00a0]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _clean_document(record: Record, _source: Source) -> tuple[Record, str]:
    text = clean_text(record["text"])
    return {**record, "text": text}, text


def _clean_conversation(record: Record, source: Source) -> tuple[Record, str]:
    messages = record["messages"][: source.max_turns]
    if messages and messages[-1]["role"] != "assistant":
        messages.pop()
    messages = _clean_messages(messages)
    return {**record, "messages": messages}, _text_of(messages)


def _clean_preference(record: Record, _source: Source) -> tuple[Record, str]:
    prompt = _clean_messages(record["prompt"])
    chosen, rejected = clean_text(record["chosen"]), clean_text(record["rejected"])
    clean = {**record, "prompt": prompt, "chosen": chosen, "rejected": rejected}
    # A pair without a difference teaches nothing; no text means that it is left out.
    text = "\n".join([_text_of(prompt), chosen, rejected]) if chosen != rejected else ""
    return clean, text


_CLEANERS = {
    "pretrain": _clean_document,
    "sft": _clean_conversation,
    "dpo": _clean_preference,
}


def _clean_messages(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"role": m["role"], "content": clean_text(m["content"])} for m in messages]


def _text_of(messages: list[dict[str, str]]) -> str:
    return "\n".join(message["content"] for message in messages)
