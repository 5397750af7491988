"""How passages of documents and a question become a message: the one wording for it.

The application asks in it, the evaluation suites measure in it, and training/making trains on it
more than on any other.
"""

from collections.abc import Sequence
from typing import Literal

PromptLanguage = Literal["zh", "en"]

_ONE: dict[PromptLanguage, str] = {
    "zh": "阅读下面的文章，回答问题。\n\n{passage}\n\n问题：{question}",
    "en": "Read the passage and answer the question.\n\n{passage}\n\nQuestion: {question}",
}
_NUMBERED: dict[PromptLanguage, str] = {
    "zh": "根据下面编号的资料回答问题，并注明资料的编号。\n\n{passage}\n\n问题：{question}",
    "en": "Answer the question from the numbered passages and give the passage's number.\n\n"
    "{passage}\n\nQuestion: {question}",
}


def ask_about_passage(passage: str, question: str, language: PromptLanguage) -> str:
    """Return a message that asks `question` about one passage."""
    return _ONE[language].format(passage=passage, question=question)


def ask_about_passages(numbered: str, question: str, language: PromptLanguage) -> str:
    """Return a message that asks `question` about the passages that `join_numbered` gave."""
    return _NUMBERED[language].format(passage=numbered, question=question)


def join_numbered(passages: Sequence[str]) -> str:
    """Return the passages one below the other, each behind its number: "[1] …"."""
    return "\n\n".join(f"{cite(place)} {text}" for place, text in enumerate(passages, 1))


def cite(place: int) -> str:
    """Return the mark with which an answer names passage `place`, counted from 1."""
    return f"[{place}]"
