"""The message that gives a model numbered passages and a question, within its context."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.chat_template import ChatTemplate, Message
from engine.document_prompt import PromptLanguage, ask_about_passages, join_numbered
from engine.documents.passages import RetrievedPassage
from engine.errors import ContextError


@dataclass(frozen=True)
class Prompt:
    """A prompt that fits."""

    token_ids: list[int]
    passages: tuple[RetrievedPassage, ...]
    """Those that are in it: [1] is the first."""


def assemble(
    template: ChatTemplate,
    question: str,
    passages: Sequence[RetrievedPassage],
    language: PromptLanguage,
    budget_tokens: int,
    system_prompt: str = "",
    begun: str = "",
) -> Prompt:
    """Put as many passages as fit before the question, the first ones first, each whole.

    The answer goes on from what is `begun`. A system prompt gives way before the first passage
    does. Raises ContextError where not even one passage fits.
    """
    prompts = (system_prompt, "") if system_prompt else ("",)
    for system in prompts:
        # Nearly always all of them fit; there are only a few.
        for count in range(len(passages), 0, -1):
            text = ask_about_passages(
                join_numbered([passage.text for passage in passages[:count]]), question, language
            )
            messages = _messages(system, text, begun)
            token_ids = template.encode(messages, continue_answer=bool(begun))
            if len(token_ids) <= budget_tokens:
                return Prompt(token_ids, tuple(passages[:count]))
    raise ContextError(
        "The passage and the question take {tokens} tokens, and the model has room for {budget}. "
        "Choose a model with a longer context.",
        tokens=len(token_ids),
        budget=budget_tokens,
    )


def _messages(system_prompt: str, text: str, begun: str) -> list[Message]:
    turns = (("system", system_prompt), ("user", text), ("assistant", begun))
    return [{"role": role, "content": content} for role, content in turns if content]
