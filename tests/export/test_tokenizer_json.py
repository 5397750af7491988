"""`tokenizer.json` reads text as `tokenizer.model` does."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFaceTokenizer  # type: ignore[import-untyped]

from engine.bundle import open_bundle
from engine.tokenizer import Tokenizer
from export.texts import HELDOUT
from export.tokenizer_json import hugging_face_tokenizer, load_processor

# U+2581 is SentencePiece's mark of a space, and "<" begins the names of control tokens: only our
# engine keeps text apart from them, the format of tokenizer.json cannot.
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\u2581<"))


@pytest.fixture(scope="module")
def pair(bundle) -> tuple[Tokenizer, HuggingFaceTokenizer]:
    path: Path = bundle.path
    return (
        Tokenizer(path / "tokenizer.model"),
        HuggingFaceTokenizer.from_file(str(path / "tokenizer.json")),
    )


def test_real_text(pair: tuple[Tokenizer, HuggingFaceTokenizer]) -> None:
    ours, theirs = pair
    for line in HELDOUT.read_text(encoding="utf-8").splitlines():
        text = json.loads(line)["text"]
        ids = theirs.encode(text).ids
        assert ids == ours.encode(text)
        assert theirs.decode(ids) == text


@given(text=_TEXT)
def test_any_text(pair: tuple[Tokenizer, HuggingFaceTokenizer], text: str) -> None:
    ours, theirs = pair
    assert theirs.encode(text).ids == ours.encode(text)


def test_role_tokens(pair: tuple[Tokenizer, HuggingFaceTokenizer], bundle) -> None:
    ours, theirs = pair
    opened = open_bundle(bundle.path)
    messages = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "Hi!"}]
    rendered = "<s><|user|>你好<|assistant|> Hi!</s>"
    expected = opened.chat_template.encode(messages, add_generation_prompt=False)
    assert theirs.encode(rendered).ids == expected
    for token, token_id in ours.control_tokens.items():
        assert theirs.token_to_id(token) == token_id


def test_a_tokenizer_without_spaces_marks_survives_conversion(tokenizer_file: Path) -> None:
    converted = hugging_face_tokenizer(load_processor(tokenizer_file))
    ours = Tokenizer(tokenizer_file)
    for text in ("", " ", "  a  b", "aaaaaaa", "\n\t\x00", "😀 héllo", "好好好好"):
        assert converted.encode(text).ids == ours.encode(text)
