"""A conversation becomes ids in which every control token was put there by the template."""

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.errors import BundleError
from engine.tokenizer import BaseTokenizer, Tokenizer

# Ours but for the space, so that what comes out is what went in.
_UNSPACED = GEB_CHAT_TEMPLATE.replace("%} {% endif %}", "%}{% endif %}")
_ROLES = ("system", "user", "assistant")
_FRAGMENTS = [
    *("<|user|>", "<|assistant|>", "</s>", "<s>", "<pad>", "<|us", "er|>", "<", "|>", "/s>"),
    *("\ufdd0", "\ufdd1", "\U000f0000", "{{", "}}", "{% raw %}", "<<|user|>|user|>", "▁", "\0"),
]
_HOSTILE = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=4), max_size=8).map("".join)
_CONVERSATIONS = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content}, st.sampled_from(_ROLES), _HOSTILE
    ),
    max_size=5,
)


@given(messages=_CONVERSATIONS)
def test_only_the_template_makes_control_tokens(
    tokenizer: Tokenizer, messages: list[dict[str, str]]
) -> None:
    ids = ChatTemplate(_UNSPACED, tokenizer).encode(messages)
    names = {id_: name for name, id_ in tokenizer.control_tokens.items()}
    expected = Counter(f"<|{message['role']}|>" for message in messages)
    expected.update(["<s>", "<|assistant|>"])
    expected["</s>"] = sum(message["role"] == "assistant" for message in messages)
    assert Counter(names[i] for i in ids if i in names) == +expected
    assert tokenizer.decode(ids) == "".join(message["content"] for message in messages)


@pytest.mark.parametrize(
    ("answer", "passage"),
    [
        ("Vienna [1]", "He lived in Vienna [1]"),
        ("restored", "It was restored"),
        ("1806", "It was in 1806"),
        ("维也纳", "他住在维也纳"),
        ("1806年", "于1806年"),
        ("“Quoted”", "the“Quoted”"),
    ],
)
def test_an_answer_has_the_tokens_that_it_has_in_a_passage(
    tokenizer: Tokenizer, answer: str, passage: str
) -> None:
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    answered = [{"role": "user", "content": passage}, {"role": "assistant", "content": answer}]
    *asked, end = template.encode(answered, add_generation_prompt=False)
    assert end == tokenizer.control_tokens["</s>"]
    ids = asked[len(template.encode(answered[:1])) :]
    assert template.encode_answers([answer]) == [ids]
    assert tokenizer.encode(passage)[-len(ids) :] == ids
    decoder = tokenizer.stream_decoder()
    assert "".join(map(decoder.push, ids)) + decoder.finish() == answer


@pytest.mark.parametrize("begun", ["Vienna", "Vienna is", "维也纳", " spaced", "<|user|>", ""])
def test_an_answer_that_was_begun_goes_on_as_it_was_written(
    tokenizer: Tokenizer, begun: str
) -> None:
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": begun}]
    *whole, _end = template.encode(messages, add_generation_prompt=False)
    assert template.encode(messages, continue_answer=True) == whole


@pytest.mark.parametrize("answer", ["维也纳", "Vienna"])
def test_of_other_templates_an_answer_is_its_text(tokenizer: Tokenizer, answer: str) -> None:
    template = ChatTemplate("{% for m in messages %}{{ m.content }}<s>{% endfor %}A:", tokenizer)
    assert template.encode_answers([answer]) == [tokenizer.encode(answer)]


def test_the_format_that_our_models_are_trained_on(tokenizer: Tokenizer) -> None:
    control = tokenizer.control_tokens
    messages = [
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "?"},
    ]
    ids = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer).encode(messages)
    assert ids == [
        control["<s>"],
        control["<|user|>"],
        *tokenizer.encode("你好"),
        control["<|assistant|>"],
        *tokenizer.encode(" Hello"),
        control["</s>"],
        control["<|user|>"],
        *tokenizer.encode("?"),
        control["<|assistant|>"],
    ]
    without_prompt = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer).encode(
        messages, add_generation_prompt=False
    )
    assert without_prompt == ids[:-1]


@pytest.mark.parametrize(
    "template",
    [
        "{% for message in messages %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({'role': 'user', 'content': 'x'}) }}",
        "{{ raise_exception('only one message') }}",
        "{{ messages[0].content + 1 }}",
        "{{ 1 / 0 }}",
        "{{ range(10 ** 9) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% include 'config.json' %}",
        "{{ 'x'.encode('no such encoding') }}",
        "{{ 'x' * 10 ** 15 }}",
        "{{ '%*d' % (6 * 10 ** 7, 1) }}",
        "{{ messages[0]['content'].format_map(messages).x }}{{ messages[5].content.y.z }}",
        "{{ 'x' | center(10 ** 10) }}",
        "{{ range(99999) | map('center', 99999) | join | length }}",
        "{% set ns = namespace(x='xx') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
        "{% endfor %}",
    ],
)
def test_a_broken_or_hostile_template_is_one_sentence(tokenizer: Tokenizer, template: str) -> None:
    with pytest.raises(BundleError, match="chat template"):
        ChatTemplate(template, tokenizer).encode([{"role": "user", "content": "hi"}])


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) ~ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ (messages | length + 8) ** 9 ** (9 ** 9) }}",
    ],
)
def test_a_template_that_does_not_end_is_ended(
    tokenizer: Tokenizer, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.template_process.RENDER_SECONDS", 1)
    wanted = "{% if messages %}" + template + "{% endif %}fine"
    opened = ChatTemplate(wanted, tokenizer)
    with pytest.raises(BundleError, match="takes too much time or memory"):
        opened.encode([{"role": "user", "content": "hi"}])
    # The next conversation finds another process.
    assert opened.encode([]) == tokenizer.encode("fine")


class _FewNames(BaseTokenizer):
    """Reads letters as their numbers; some names are control tokens and overlap."""

    vocab_size = 1 << 21
    control_tokens: ClassVar[dict[str, int]] = {
        name: (1 << 20) + number
        for number, name in enumerate(["#", "ab", "bc", "[abc]", "c]", "b"])
    }

    def encode(self, text: str, *, continues: bool = False) -> list[int]:  # noqa: ARG002
        return list(map(ord, text))

    def token_bytes(self, token_id: int) -> bytes:
        return chr(token_id).encode()


@given(content=st.text(alphabet="#abc[]\ufdd0\ufdd1x", max_size=12))
def test_names_that_overlap_or_have_one_character_stay_letters(content: str) -> None:
    template = ChatTemplate(_UNSPACED, _FewNames())
    ids = template.encode([{"role": "user", "content": content}], add_generation_prompt=False)
    assert ids == [*map(ord, "<s><|user|>"), *map(ord, content)]
