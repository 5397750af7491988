"""Batches: packing loses and crosses nothing, processes share one batch, resuming is exact."""

import json
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_helpers import BOS, PAD, numbered, write_source

from engine.errors import ConfigError, DataError
from training.batches import (
    ANSWER,
    IGNORED,
    PROMPT,
    TEXT,
    Batch,
    Batches,
    PairBatches,
    target_weights,
)
from training.mixture import Mixture, MixtureSettings, MixtureStage
from training.rows import ContiguousRows, ConversationRows, PairRows, pack
from training.settings import BlendSettings, StageSettings
from training.shard_files import SourceShards, open_sources, source_sizes
from training.shuffle import Permutation

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30)
SHARD_BYTES = st.integers(20, 4000)
STAGED = MixtureSettings(
    kind="staged",
    stages=(
        MixtureStage(until=0.25, sequence_length=4, shares={"b": 0.5}),
        MixtureStage(until=0.5),
        MixtureStage(until=1.0, sequence_length=16, shares={"a": 0.1}),
    ),
)
ADAPTIVE = MixtureSettings(kind="adaptive", targets={"a": 2.0, "b": 2.0}, minimum_share=0.1)


def _open(
    folder: Path,
    kind: type[Batches] = Batches,
    *,
    shares: dict[str, float] | None = None,
    rank: int = 0,
    world_size: int = 1,
    **fields: Any,
) -> Batches:
    stage = StageSettings(**{"steps": 40, "batch_size": 8, "sequence_length": 8, **fields})
    shards = open_sources(folder)
    sizes = source_sizes(shards)
    sources = {name: {"share": (shares or {}).get(name, 0.0)} for name in sizes}
    return kind(
        shards,
        stage,
        bos_token_id=BOS,
        pad_token_id=PAD,
        mixture=Mixture(stage, sources, sizes),
        rank=rank,
        world_size=world_size,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of documents, ten times as much in the second."""
    folder = tmp_path_factory.mktemp("shards")
    write_source(folder, "a", numbered([50] * 40))
    write_source(folder, "b", numbered([50] * 400, first=20_000), shard_bytes=10_000)
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    documents = numbered([4, 6] * 30)
    write_source(folder, "a", documents, [[0, 0, *[1] * (len(ids) - 2)] for ids in documents])
    return folder


def _equal(one: Batch, other: Batch) -> bool:
    return (
        torch.equal(one.input_ids, other.input_ids)
        and torch.equal(one.targets, other.targets)
        and torch.equal(one.document_ids, other.document_ids)
        and torch.equal(one.source_ids, other.source_ids)
        and torch.equal(one.weights, other.weights)
    )


@settings(max_examples=40)
@given(lengths=LENGTHS, length=st.integers(1, 20), shard_bytes=SHARD_BYTES)
def test_an_epoch_trains_on_every_token_once_and_documents_stay_apart(
    lengths: list[int], length: int, shard_bytes: int
) -> None:
    documents = numbered(lengths)
    document_of = {token: n for n, ids in enumerate(documents) for token in ids[1:]}
    following = {a: b for ids in documents for a, b in pairwise(ids[1:])}
    with TemporaryDirectory() as name:
        write_source(Path(name), "a", documents, shard_bytes=shard_bytes)
        batches = _open(Path(name), batch_size=1, sequence_length=length)
        rows = len(ContiguousRows(open_sources(Path(name))[0], length, seed=0))
        epoch = [batches.next() for _ in range(rows)]
    targets = torch.cat([batch.targets.flatten() for batch in epoch])
    assert sorted(targets[targets != IGNORED].tolist()) == sorted(document_of)
    for batch in epoch:
        row = zip(batch.input_ids[0].tolist(), batch.targets[0].tolist(), strict=True)
        places: dict[int, set[int]] = {}
        for (token, target), place in zip(row, batch.document_ids[0].tolist(), strict=True):
            if token == BOS:
                assert target in {ids[1] for ids in documents}
            else:
                assert target == following.get(token, IGNORED)
            if token in document_of:
                places.setdefault(document_of[token], set()).add(place)
        # One number for all of a document, another for each other document.
        assert all(len(numbers) == 1 for numbers in places.values())
        assert len(set.union(set(), *places.values())) == len(places)


@settings(max_examples=40)
@given(lengths=LENGTHS, length=st.integers(1, 60), shard_bytes=SHARD_BYTES)
def test_conversations_are_packed_whole_and_their_answers_trained_on(
    lengths: list[int], length: int, shard_bytes: int
) -> None:
    documents = numbered(lengths)
    masks = [[token % 2 for token in ids] for ids in documents]
    with TemporaryDirectory() as name:
        write_source(Path(name), "a", documents, masks, shard_bytes)
        rows = ConversationRows(open_sources(Path(name))[0], length, seed=0)
        packed = [rows.read(*rows.advance(length)[0])[0].tolist() for _ in range(len(rows))]
        batches = _open(Path(name), batch_size=1, sequence_length=length)
        epoch = [batches.next() for _ in range(len(rows))]
    found = []
    for row in packed:
        assert len(row) <= length + 1
        starts = [i for i, token in enumerate(row) if token == BOS]
        assert starts[0] == 0
        found += [row[a:b] for a, b in zip(starts, [*starts[1:], len(row)], strict=True)]
    cut = [ids[: length + 1] for ids in documents]
    assert sorted(found) == sorted(cut)
    trained = Counter(t for batch in epoch for t in batch.targets[0].tolist() if t != IGNORED)
    assert trained == Counter(t for ids in cut for t in ids[1:] if t % 2)


@settings(max_examples=40)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1), data=st.data()
)
def test_pairs_stay_pairs_and_those_that_fit_are_dealt_out_once(
    lengths: list[tuple[int, int]], data: st.DataObject
) -> None:
    documents = numbered([length for pair in lengths for length in pair])
    length = data.draw(st.integers(min(max(pair) for pair in lengths), 10))
    with TemporaryDirectory() as name:
        write_source(Path(name), "a", documents, [[1] * len(ids) for ids in documents], 50)
        rows = PairRows(open_sources(Path(name))[0], length, seed=0)
        drawn = [rows.advance(length) for _ in range(len(rows))]
        found = [tuple(rows.read(*span)[0].tolist() for span in spans) for spans in drawn]
    whole = zip(documents[::2], documents[1::2], strict=True)
    fitting = [pair for pair in whole if max(map(len, pair)) <= length + 1]
    assert sorted(found) == sorted(fitting)


@given(st.lists(st.integers(2, 20), min_size=1), st.integers(2, 25))
def test_a_row_ends_only_where_the_next_conversation_does_not_fit(
    lengths: list[int], longest: int
) -> None:
    bounds = np.cumsum([0, *lengths])
    rows = pack(bounds, longest)
    following = dict(zip(bounds.tolist(), lengths, strict=False))
    for (start, end), (opener, _) in pairwise(rows.tolist()):
        assert end - start + following[opener] > longest


def test_no_pair_that_fits_is_said(pairs: Path) -> None:
    with pytest.raises(DataError, match="No preference pair of a fits into 3 tokens"):
        _open(pairs, PairBatches, sequence_length=3)


@pytest.mark.parametrize("world_size", [1, 2, 4])
@pytest.mark.parametrize("mixture", [MixtureSettings(), STAGED, ADAPTIVE])
def test_the_processes_rows_together_are_the_global_batch(
    folder: Path, mixture: MixtureSettings, world_size: int
) -> None:
    whole = _open(folder, mixture=mixture)
    parts = [
        _open(folder, mixture=mixture, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    for _ in range(40):
        expected, drawn = whole.next(), [part.next() for part in parts]
        assert len(expected.input_ids) == sum(len(batch.input_ids) for batch in drawn)
        for rank, batch in enumerate(drawn):
            for field in ("input_ids", "targets", "weights", "document_ids", "source_ids"):
                rows = getattr(expected, field)[rank::world_size]
                assert torch.equal(getattr(batch, field), rows)
        assert expected.weights.sum().item() == pytest.approx(1)
        assert torch.equal(expected.weights > 0, expected.targets != IGNORED)


def test_a_process_has_the_rejected_answers_of_its_chosen_ones(pairs: Path) -> None:
    whole = _open(pairs, PairBatches).next()
    chosen, rejected = whole.input_ids.chunk(2)
    assert torch.equal(chosen[:, 1:].amax(dim=1) + 1, rejected[:, 1])
    for rank in range(4):
        batch = _open(pairs, PairBatches, rank=rank, world_size=4).next()
        assert torch.equal(batch.input_ids, torch.cat((chosen[rank::4], rejected[rank::4])))
        assert (whole.targets != IGNORED).sum() == 8 * (3 + 5)
        assert batch.source_ids.tolist() == [0] * 4


@settings(max_examples=30)
@given(
    mixture=st.sampled_from([MixtureSettings(), STAGED, ADAPTIVE]),
    stop=st.integers(0, 45),
    skipped=st.integers(0, 5),
    before=st.sampled_from([1, 2, 4]),
    after=st.sampled_from([1, 2, 4]),
)
def test_a_resumed_run_sees_the_same_batches_with_any_number_of_processes(
    folder: Path, mixture: MixtureSettings, stop: int, skipped: int, before: int, after: int
) -> None:
    whole = _open(folder, mixture=mixture)
    stopped = _open(folder, mixture=mixture, rank=before - 1, world_size=before)
    for step in range(stop):
        whole.next()
        stopped.next()
        if step % 10 == 9:
            for batches in (whole, stopped):
                batches.reweigh({"a": 2.0 + step / 10, "b": 2.5})
    whole.skip(skipped)
    for _ in range(skipped):
        stopped.next()
    state = json.loads(json.dumps(stopped.state()))
    resumed = [_open(folder, mixture=mixture, rank=rank, world_size=after) for rank in range(after)]
    for batches in resumed:
        batches.load_state(state)
        assert batches.shares == whole.shares
    for _ in range(8):
        expected = whole.next()
        for rank, batches in enumerate(resumed):
            batch = batches.next()
            assert torch.equal(batch.input_ids, expected.input_ids[rank::after])
            assert torch.equal(batch.targets, expected.targets[rank::after])
            assert torch.equal(batch.weights, expected.weights[rank::after])


def test_batches_depend_on_the_seed_and_epochs_on_their_number(folder: Path) -> None:
    assert _equal(_open(folder, seed=1).next(), _open(folder, seed=1).next())
    assert not _equal(_open(folder, seed=1).next(), _open(folder, seed=2).next())
    rows = ContiguousRows(open_sources(folder)[0], 8, seed=0)
    first, second = ([rows.advance(8) for _ in range(len(rows))] for _ in range(2))
    assert sorted(first) == sorted(second)
    assert first != second


def test_longer_sequences_come_later_and_a_batch_has_as_many_tokens(folder: Path) -> None:
    batches = _open(folder, mixture=STAGED)
    shapes = [tuple(batches.next().input_ids.shape) for _ in range(45)]
    assert shapes == [(16, 4)] * 10 + [(8, 8)] * 10 + [(4, 16)] * 25


@given(st.lists(st.sampled_from([2, 4, 8]), max_size=60), SHARD_BYTES)
def test_a_change_of_length_repeats_nothing_within_an_epoch(
    lengths: list[int], shard_bytes: int
) -> None:
    with TemporaryDirectory() as name:
        write_source(Path(name), "a", numbered([7, 30, 1, 90]), shard_bytes=shard_bytes)
        rows = ContiguousRows(open_sources(Path(name))[0], 8, seed=0)
        seen: set[tuple[int, int]] = set()
        for length in lengths:
            ((shard, start, end),) = rows.advance(length)
            if rows.cursor > 8 * len(rows):
                break
            places = {(shard, place) for place in range(start + 1, end)}
            assert places
            assert not places & seen
            seen |= places


@pytest.mark.parametrize("batch_size", [8, 100])
def test_every_batch_has_its_shares(folder: Path, batch_size: int) -> None:
    batches = _open(folder, shares={"a": 0.73, "b": 0.27}, batch_size=batch_size)
    assert batches.sources == ["a", "b"]
    assert batches.shares == {"a": pytest.approx(0.73), "b": pytest.approx(0.27)}
    counts = []
    for _ in range(200):
        batch = batches.next()
        # What a row says of its source is true: the second one's tokens begin at 20,000.
        assert torch.equal(batch.input_ids.amax(dim=1) >= 20_000, batch.source_ids == 1)
        counts.append(int((batch.source_ids == 0).sum()))
    assert all(abs(count - 0.73 * batch_size) < 1 for count in counts)
    # Each count is one of two neighbours: its variance is at most 1/4.
    assert sum(counts) / 200 == pytest.approx(0.73 * batch_size, abs=4 * 0.5 / 200**0.5)


def test_a_rare_source_comes_as_often_as_its_share_says(folder: Path) -> None:
    batches = _open(folder, shares={"a": 0.02, "b": 0.98})
    count = sum(int((batches.next().source_ids == 0).sum()) for _ in range(500))
    assert 40 < count < 120  # 80 expected, 9 the standard deviation


def test_what_does_not_fit_is_said(folder: Path, pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch of 8 rows cannot be shared evenly by 3"):
        _open(folder, world_size=3)
    with pytest.raises(ConfigError, match="batch of 4 rows cannot be shared evenly by 8"):
        _open(folder, world_size=8, mixture=STAGED)
    stages = (MixtureStage(until=0.5, sequence_length=4), MixtureStage(until=1.0))
    with pytest.raises(ConfigError, match="conversations cannot change"):
        _open(pairs, mixture=MixtureSettings(kind="staged", stages=stages))
    state = _open(folder).state()
    write_source(tmp_path, "a", numbered([50] * 40))
    with pytest.raises(DataError, match="data changed"):
        _open(tmp_path).load_state(state)


def test_a_hundred_million_rows_cost_no_memory(tmp_path: Path) -> None:
    source = SourceShards(
        name="a",
        folder=tmp_path,
        shards=tuple(f"a-{i:03d}" for i in range(800)),
        tokens=(2**28,) * 800,
        has_loss=False,
        vocab_size=64_896,
        tokenizer_sha256="",
    )
    tracemalloc.start()
    rows = ContiguousRows(source, 2048, seed=0)
    assert len(rows) == 800 * 2**17
    spans = [rows.advance(2048)[0] for _ in range(2000)]
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()
    assert len(set(spans)) == 2000
    assert len({span.shard for span in spans}) > 600


@settings(max_examples=40)
@given(st.integers(1, 3000), st.integers(0, 2**32))
def test_a_permutation_has_every_number_once(count: int, seed: int) -> None:
    order = Permutation(count, (seed, 0))
    assert sorted(order[i] for i in range(count)) == list(range(count))


def test_a_permutation_prefers_no_order() -> None:
    orders = Counter(tuple(Permutation(4, (seed, 0))[i] for i in range(4)) for seed in range(4800))
    assert len(orders) == 24
    # 200 of each expected, 14 the standard deviation.
    assert all(130 < count < 270 for count in orders.values())


def test_answers_have_their_share_of_a_blends_loss_and_prompts_count_as_text() -> None:
    kinds = np.array([[TEXT, TEXT, TEXT, 0], [PROMPT, ANSWER, ANSWER, 0]], dtype=np.uint8)
    blend = BlendSettings(conversations=0.5, answers=0.4)
    expected = [[0.15, 0.15, 0.15, 0], [0.15, 0.2, 0.2, 0]]
    np.testing.assert_allclose(target_weights(kinds, blend), expected, rtol=1e-6)
    plain = target_weights(kinds, None)
    np.testing.assert_allclose(plain, [[0.2, 0.2, 0.2, 0], [0, 0.2, 0.2, 0]], rtol=1e-6)
    # Where one of both is missing the other makes up all.
    assert target_weights(kinds[:1], blend).sum() == pytest.approx(1)
    assert target_weights(kinds[1:, 1:], blend).sum() == pytest.approx(1)
    assert not target_weights(np.zeros((1, 2), dtype=np.uint8), blend).any()


def test_a_blends_rows_are_of_both_kinds_and_every_token_of_them_counts(tmp_path: Path) -> None:
    write_source(tmp_path, "text", numbered([7] * 40))
    chats = numbered([7] * 40, first=20_000)
    write_source(tmp_path, "chat", chats, [[0] * 5 + [1] * 3 for _ in chats])
    blend = BlendSettings(conversations=0.25, answers=0.5)
    batches = _open(tmp_path, shares={"text": 0.75, "chat": 0.25}, blend=blend)
    for _ in range(12):
        batch = batches.next()
        chat = batch.source_ids == batches.sources.index("chat")
        assert chat.sum() == 2
        assert (batch.targets[chat] != IGNORED).sum() == 2 * 7
        # The last three of each conversation are the answer.
        assert batch.weights[chat][:, 4:7].sum().item() == pytest.approx(0.5)
        assert batch.weights.sum().item() == pytest.approx(1)
