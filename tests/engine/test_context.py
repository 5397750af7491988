"""A long conversation loses its oldest turns whole, and never its system message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.context import fit
from engine.errors import GenerationError
from engine.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def template(tokenizer: Tokenizer) -> ChatTemplate:
    return ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


_CHAT = [
    _message("system", "Be brief."),
    _message("user", "One?"),
    _message("assistant", "1"),
    _message("user", "Two?"),
    _message("assistant", "2"),
    _message("assistant", "and a half"),
    _message("user", "Three?"),
]


def test_what_fits_is_kept(template: ChatTemplate) -> None:
    fitted = fit(template, _CHAT, 512)
    assert fitted.token_ids == template.encode(_CHAT)
    assert fitted.dropped_messages == 0


def test_turns_go_whole_oldest_first(template: ChatTemplate) -> None:
    for kept_from, dropped in ((3, 2), (6, 5)):
        kept = [_CHAT[0], *_CHAT[kept_from:]]
        budget = len(template.encode(kept))
        fitted = fit(template, _CHAT, budget)
        assert fitted.token_ids == template.encode(kept)
        assert fitted.dropped_messages == dropped


def test_the_last_message_must_fit(template: ChatTemplate) -> None:
    needed = len(template.encode([_CHAT[0], _CHAT[-1]]))
    with pytest.raises(GenerationError, match=f"takes {needed} tokens, and .* {needed - 1}"):
        fit(template, _CHAT, needed - 1)
    with pytest.raises(GenerationError, match="too long"):
        fit(template, [_message("user", "x" * 100)], 50)


def test_nothing_to_answer(template: ChatTemplate) -> None:
    with pytest.raises(GenerationError, match="no message"):
        fit(template, [], 50)


@settings(max_examples=50)
@given(
    roles=st.lists(st.sampled_from(["system", "user", "assistant"]), min_size=1, max_size=12),
    lengths=st.lists(st.integers(0, 30), min_size=12, max_size=12),
    budget=st.integers(5, 200),
)
def test_no_more_than_necessary_is_dropped(
    template: ChatTemplate, roles: list[str], lengths: list[int], budget: int
) -> None:
    messages = [_message(role, "a" * size) for role, size in zip(roles, lengths, strict=False)]
    head = next((i for i, role in enumerate(roles) if role != "system"), len(roles) - 1)
    starts = [head, *(i for i in range(head + 1, len(roles)) if roles[i] == "user")]
    choices = [template.encode([*messages[:head], *messages[start:]]) for start in starts]
    fitting = [i for i, ids in enumerate(choices) if len(ids) <= budget]
    if not fitting:
        with pytest.raises(GenerationError):
            fit(template, messages, budget)
        return
    fitted = fit(template, messages, budget)
    assert fitted.token_ids == choices[fitting[0]]
    assert fitted.dropped_messages == starts[fitting[0]] - head
