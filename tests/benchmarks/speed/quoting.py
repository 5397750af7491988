"""Answers that quote: a passage of about 1,500 tokens, a question, and what was answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from engine.bundle import Bundle
from engine.document_prompt import PromptLanguage, ask_about_passage

_TEXTS = Path(__file__).parent / "texts"
_DIVIDER = "\n---\n"


@dataclass(frozen=True)
class Recording:
    """One question and its recorded answer, as token ids."""

    language: PromptLanguage
    prompt: list[int]
    answer: list[int]


def recordings(bundle: Bundle) -> Iterator[Recording]:
    """Yield the recordings in the bundle's tokens."""
    for language in get_args(PromptLanguage):
        text = (_TEXTS / f"{language}.md").read_text(encoding="utf-8")
        passage, question, answer = text.split(_DIVIDER)
        message = {"role": "user", "content": ask_about_passage(passage, question, language)}
        yield Recording(
            language,
            bundle.chat_template.encode([message]),
            bundle.tokenizer.encode(answer.rstrip(), continues=True),
        )
