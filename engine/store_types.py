"""What the conversation store takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant"]
Status = Literal["complete", "streaming", "interrupted", "cancelled", "failed"]
"""A message being written is "streaming"; one whose process died is "interrupted"."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A conversation without its messages. Times are seconds since 1970 (UTC)."""

    id: int
    title: str
    system_prompt: str
    created_at: float
    updated_at: float
    pinned: bool = False
    """Pinned conversations come before the others in the list."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message. What follows `created_at` is known only of a finished answer."""

    id: int
    conversation_id: int
    parent_id: int | None
    role: Role
    content: str
    status: Status
    created_at: float
    finish_reason: str | None
    """"stop", "length", "cancelled" or "error"."""
    model: str | None
    """Name of the model that answered."""
    error: str | None
    """The sentence that was shown, in the language of that moment."""
    prompt_tokens: int | None
    completion_tokens: int | None
    prefill_ms: float | None
    decode_tokens_per_second: float | None
    sources: Mapping[str, object] | None = None
    """Of a question the documents that it asks, of an answer what it rests on; opaque to the
    store: engine/documents/answering/sources.py reads it."""


@dataclass(frozen=True, kw_only=True)
class ConversationTree:
    """A whole conversation with all its branches: what is duplicated, exported and imported."""

    conversation: Conversation
    settings: Mapping[str, object]
    """Opaque to the store."""
    messages: Sequence[Message]
    """Every message comes after its parent."""
    shown_id: int | None
    """The last message of the branch that is shown; None where there are no messages."""
    collections: Sequence[int] = ()
    """The library's collections that the next question asks; other computers have others."""


@dataclass(frozen=True, kw_only=True)
class SearchHit:
    """A message, or the title of a conversation, that holds all the words searched for."""

    conversation_id: int
    title: str
    message_id: int | None
    """None where the title matched."""
    role: Role | None
    created_at: float
    snippet: str
    """The words with some text around them, in one line; of a title hit the whole title."""
    highlights: tuple[tuple[int, int], ...]
    """Where the words are in `snippet`: (first character, character after the last)."""
