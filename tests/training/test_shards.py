"""Token shards: which tokens are trained on, and that rows are dealt out exactly once."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training.batches import IGNORED, Batches
from training.settings import StageSettings
from training.shards import Shard, encode_conversation, write_shards

SETTINGS = StageSettings(steps=10, batch_size=4, sequence_length=24, seed=3)


@pytest.fixture
def data(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    for stage in ("pretrain", "sft"):
        (tmp_path / stage).mkdir()
    documents = [{"text": f"Document {i}: the weather is fine. 今天天气很好。"} for i in range(60)]
    conversations = [
        {
            "messages": [
                {"role": "user", "content": f"你好 {i}"},
                {"role": "assistant", "content": f"hello {i}"},
            ]
        }
        for i in range(40)
    ]
    for path, records in (
        ("pretrain/a", documents),
        ("pretrain/b", documents),
        ("sft/c", conversations),
    ):
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        (tmp_path / f"{path}.jsonl").write_text(lines, encoding="utf-8")
    write_shards(tmp_path, tokenizer)
    return tmp_path


def _batches(folder: Path, shares: dict[str, float] | None = None) -> Batches:
    return Batches(folder, shares or {}, SETTINGS, bos_token_id=1, pad_token_id=3)


def test_only_the_assistants_words_and_its_stop_are_trained_on(tokenizer: Tokenizer) -> None:
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    messages = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "two <|user|>"},
    ]
    ids, mask = encode_conversation(messages, template)
    learnt = [token for token, keep in zip(ids, mask, strict=True) if keep]
    end = tokenizer.control_tokens["</s>"]
    assert learnt == [*tokenizer.encode("one"), end, *tokenizer.encode("two <|user|>"), end]
    assert ids.count(tokenizer.control_tokens["<|user|>"]) == 2


def test_an_epoch_deals_out_every_row_once(data: Path) -> None:
    shard = Shard(data / "pretrain/a.tokens.npy", 24, seed=0)
    rows = shard.rows()
    first = [next(rows)[0].tobytes() for _ in range(len(shard))]
    second = [next(rows)[0].tobytes() for _ in range(len(shard))]
    assert sorted(first) == sorted(second)
    assert first != second


def test_conversations_are_never_cut_in_the_middle_of_a_row(
    data: Path, tokenizer: Tokenizer
) -> None:
    shard = Shard(data / "sft/c.tokens.npy", 64, seed=0)
    rows = shard.rows()
    seen = 0
    for _ in range(len(shard)):
        tokens, loss = next(rows)
        assert len(tokens) <= 65
        assert tokens[0] == tokenizer.control_tokens["<s>"]
        assert tokens[-1] == tokenizer.control_tokens["</s>"]
        assert loss is not None
        assert loss.any()
        seen += int((tokens == tokens[0]).sum())
    assert seen == 40


def test_batches_mark_documents_and_never_learn_their_first_token(data: Path) -> None:
    batch = _batches(data / "pretrain").next()
    starts = batch.input_ids == 1
    assert batch.input_ids.shape == (4, 24)
    assert (batch.document_ids.diff(dim=1) == starts[:, 1:].long()).all()
    assert (batch.targets[:, :-1][starts[:, 1:]] == IGNORED).all()


def test_shares_set_the_mixture(data: Path) -> None:
    batches = _batches(data / "pretrain", {"a": 0.9, "b": 0.1})
    for _ in range(100):
        batches.next()
    cursors = batches.state()["cursors"]
    assert cursors["a"] + cursors["b"] == 400
    assert 330 < cursors["a"] < 390


def test_a_restored_state_continues_with_the_same_batches(data: Path) -> None:
    whole = _batches(data / "pretrain")
    for _ in range(5):
        whole.next()
    state = json.loads(json.dumps(whole.state()))
    resumed = _batches(data / "pretrain")
    resumed.load_state(state)
    for _ in range(30):
        a, b = whole.next(), resumed.next()
        assert np.array_equal(a.input_ids, b.input_ids)
        assert np.array_equal(a.targets, b.targets)


def test_missing_and_truncated_shards_are_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"training\.tokenizer"):
        _batches(tmp_path / "nothing")
    path = data / "pretrain/a.tokens.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="damaged"):
        _batches(data / "pretrain")
