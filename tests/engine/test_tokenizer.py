"""Any text survives, and no text becomes a control token."""

import io
import random
import unicodedata
from pathlib import Path

import pytest
import sentencepiece as spm
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BundleError
from engine.tokenizer import Tokenizer

_RANGES = [
    (0x00, 0x7F),
    (0x80, 0x24F),
    (0x300, 0x36F),  # combining marks
    (0x4E00, 0x9FFF),
    (0x200B, 0x200F),  # joiners and direction marks
    (0x2580, 0x2582),  # around SentencePiece's own space mark
    (0xE000, 0xE00F),
    (0xFDD0, 0xFDEF),  # noncharacters, the chat template's guards
    (0xFFF0, 0xFFFF),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0xF0000, 0xF000F),
    (0x10FFF0, 0x10FFFF),
]
_FRAGMENTS = ["<s>", "</s>", "<pad>", "<unk>", "<|user|>", "<|", "|>", "<0xE2>", "▁", "\0", "\r\n"]


def _random_text(rng: random.Random) -> str:
    parts = []
    for _ in range(rng.randrange(24)):
        if rng.random() < 0.25:
            parts.append(rng.choice([*_FRAGMENTS, " ", "  ", "\n", "\t"]))
        else:
            parts.append(chr(rng.randint(*rng.choice(_RANGES))))
    return "".join(parts)


def test_ten_thousand_random_strings_round_trip(tokenizer: Tokenizer) -> None:
    rng = random.Random(2406)  # noqa: S311
    controls = set(tokenizer.control_tokens.values())
    for _ in range(10_000):
        text = _random_text(rng)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert controls.isdisjoint(ids), text


@given(text=st.text())
def test_any_text_round_trips_streamed_token_by_token(tokenizer: Tokenizer, text: str) -> None:
    decoder = tokenizer.stream_decoder()
    pieces = [decoder.push(token) for token in tokenizer.encode(text)]
    assert "".join(pieces) == text.removeprefix(" ")
    assert decoder.finish() == ""


@given(parts=st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=3)))
def test_text_that_spells_control_tokens_stays_text(tokenizer: Tokenizer, parts: list[str]) -> None:
    text = "".join(parts)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert set(tokenizer.control_tokens.values()).isdisjoint(ids)


def test_normal_forms_are_kept_apart(tokenizer: Tokenizer) -> None:
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    assert tokenizer.decode(tokenizer.encode(composed + decomposed)) == composed + decomposed


def test_lone_surrogates_become_question_marks(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a\ud83db")) == "a?b"


def test_a_streamed_character_appears_whole_or_as_replacement(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("🦜")
    assert len(ids) == 4, "the fixture's vocabulary knows no parrot, so it takes four bytes"
    decoder = tokenizer.stream_decoder()
    assert [decoder.push(token) for token in ids] == ["", "", "", "🦜"]
    assert decoder.push(ids[0]) == ""
    assert decoder.finish() == "\ufffd"


def test_control_tokens_and_padding_ids_show_nothing(tokenizer: Tokenizer) -> None:
    controls = list(tokenizer.control_tokens.values())
    assert tokenizer.decode([*controls, tokenizer.vocab_size + 7]) == ""
    assert {"<s>", "</s>", "<|user|>", "<|assistant|>"} <= tokenizer.control_tokens.keys()


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\xff\xff\xff\xff\x0f" * 9])
def test_a_damaged_file_is_one_sentence(tmp_path, content: bytes) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"tokenizer\.model cannot be read"):
        Tokenizer(path)


def test_a_tokenizer_that_puts_a_space_before_text_shows_none(tmp_path: Path) -> None:
    """Llama's and Mistral's do."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello world"] * 20),
        model_writer=model,
        model_type="bpe",
        vocab_size=300,
        byte_fallback=True,
        add_dummy_prefix=True,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    path = tmp_path / "tokenizer.model"
    path.write_bytes(model.getvalue())
    tokenizer = Tokenizer(path)
    assert tokenizer.adds_space
    ids = tokenizer.encode("hello 😀")
    assert tokenizer.token_bytes(ids[0]).startswith(b" ")
    assert tokenizer.decode(ids) == "hello 😀"
    decoder = tokenizer.stream_decoder()
    assert "".join(map(decoder.push, ids)) + decoder.finish() == "hello 😀"


def test_a_piece_that_is_no_text_is_one_sentence(tmp_path: Path, tokenizer_file: Path) -> None:
    """Found by fuzzing: SentencePiece reads such a model, and fails with each use of it."""
    path = tmp_path / "tokenizer.model"
    path.write_bytes(tokenizer_file.read_bytes().replace("。".encode(), b"\xe3\x80\xff"))
    with pytest.raises(BundleError, match=r"tokenizer\.model cannot be read"):
        Tokenizer(path)
