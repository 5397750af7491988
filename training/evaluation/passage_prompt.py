"""The prompt for a question about a passage, with room for its answer."""

from dataclasses import dataclass

from engine.document_prompt import ask_about_passage
from engine.errors import DataError
from training.evaluation.language import Language
from training.evaluation.runner import Runner

ANSWER_TOKENS = 96
"""The longest answer, or half the context where that is less."""


@dataclass(frozen=True)
class PassagePrompt:
    """A question about a passage, as the application asks it."""

    text: str
    token_ids: list[int]
    """In the chat template, up to where the answer begins."""
    passage_cut: bool
    """Whether the passage lost its end to fit."""


def answer_tokens(runner: Runner) -> int:
    """Return how many tokens an answer may have."""
    return min(ANSWER_TOKENS, runner.context_length // 2)


def fit_prompt(runner: Runner, passage: str, question: str, language: Language) -> PassagePrompt:
    """Return the prompt. Raises DataError where not even the question fits."""
    room = runner.context_length - answer_tokens(runner)
    left = passage
    while True:
        text = ask_about_passage(left, question, language)
        token_ids = runner.chat_template.encode([{"role": "user", "content": text}])
        if len(token_ids) <= room:
            return PassagePrompt(text, token_ids, len(left) < len(passage))
        if not left:
            raise DataError(
                "The model's context of {limit} tokens is too short for this question: {question}",
                limit=runner.context_length,
                question=question,
            )
        left = left[: -(len(token_ids) - room)]
