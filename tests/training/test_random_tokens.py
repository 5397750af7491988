"""The stages before pretraining: random tokens that come twice, and questions about them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import TINY_CONFIG, TINY_STAGE, write_data

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint, lookup, prepretrain, pretrain
from training.batches import IGNORED
from training.distributed import Processes
from training.gap_questions import gap_questions
from training.random_lookups import Lookups
from training.random_tokens import RandomTokenBatches
from training.repetition import Repetition
from training.settings import StageSettings, load_settings
from training.state import weights

_SETTINGS = StageSettings(steps=1, batch_size=4, sequence_length=96)

Run = Callable[..., None]


def _repetitions(config: ModelConfig, processes: Processes) -> RandomTokenBatches:
    return RandomTokenBatches([[Repetition(config)]], _SETTINGS, processes)


def test_what_counts_can_be_looked_up(tiny_config: ModelConfig) -> None:
    batch = _repetitions(tiny_config, Processes()).next()
    assert batch.weights.sum().item() == pytest.approx(1)
    assert torch.equal(batch.weights > 0, batch.targets != IGNORED)
    for ids, targets, documents in zip(
        batch.input_ids.numpy(), batch.targets.numpy(), batch.document_ids.numpy(), strict=True
    ):
        assert np.count_nonzero(targets != IGNORED) > 20
        for place in np.flatnonzero(targets != IGNORED):
            seen = ids[: place + 1][documents[: place + 1] == documents[place]]
            before = np.flatnonzero(seen[:-1] == seen[-1])
            assert targets[place] in seen[before + 1]
    special = [tiny_config.bos_token_id, tiny_config.eos_token_id, tiny_config.pad_token_id]
    assert not np.isin(batch.targets.numpy(), special).any()


def test_repeated_tokens_are_found_by_several_in_a_row(tiny_config: ModelConfig) -> None:
    make = Repetition(tiny_config, 80, repeated=True)
    generator = np.random.default_rng(0)
    lengths, counted, by_three, by_one = set(), 0, 0, 0
    for _ in range(60):
        ids, counts = make(generator)
        half = len(ids) // 2
        first, second = ids[1 : half + 1], ids[half + 1 :]
        assert first == second
        lengths.add(half)
        assert len(set(first)) <= max(4, half // 2)
        for place in np.flatnonzero(counts).tolist():
            counted += 1
            by_three += _places(ids[:place], ids[place - 3 : place]) == 2
            by_one += _places(ids[:place], ids[place - 1 : place]) == 2
    assert min(lengths) < 15
    assert 60 < max(lengths) <= 80
    assert by_three > 0.9 * counted
    assert by_one < 0.4 * counted


def test_rows_weigh_the_same_however_many_of_their_tokens_count(tiny_config: ModelConfig) -> None:
    makers = [lambda _generator, counts=counts: ([8, 9], counts) for counts in ([True] * 2, [0, 1])]
    weights = RandomTokenBatches([makers], _SETTINGS, Processes()).next().weights
    counted = (weights > 0).sum(1)
    assert len(counted.unique()) == 2
    assert weights.sum(1).tolist() == pytest.approx([1 / len(weights)] * len(weights))


def test_phases_follow_one_another(tiny_config: ModelConfig) -> None:
    settings = replace(_SETTINGS, steps=4)
    phases = [[lambda _generator, token=token: ([token], [True])] for token in (8, 9)]
    batches = RandomTokenBatches(phases, settings, Processes())
    seen = [batches.next().input_ids.unique().tolist() for _ in range(5)]
    assert seen == [[8], [8], [9], [9], [9]]


@pytest.mark.parametrize("plain", [True, False])
def test_a_question_about_random_tokens_has_one_answer(
    tiny_config: ModelConfig, tokenizer: Tokenizer, plain: bool
) -> None:
    make = Lookups(tiny_config, tokenizer, 40, plain=plain)
    generator = np.random.default_rng(0)
    control, line_end = tokenizer.control_tokens, tokenizer.encode("\n")
    kinds, repeats, most = set(), set(), 0
    for _ in range(40):
        ids, counts = make(generator)
        bos, user, *talk = ids
        assert (bos, user) == (control["<s>"], control["<|user|>"])
        end = talk.index(line_end[0])
        passage, turns = talk[:end], _split(talk[end + len(line_end) :], control["<|user|>"])
        assert len(set(passage)) == len(passage) or not plain
        repeats.add(len(set(passage)) < len(passage))
        most = max(most, len(turns))
        for asked, answer in (_split(turn, control["<|assistant|>"]) for turn in turns):
            *words, last = answer
            assert last == control["</s>"]
            assert 1 <= len(words) <= (1 if plain else 3)
            lead, gap, rest = [*_runs(asked, passage), [], []][:3]
            assert _places(passage, [*lead, *words, *rest]) == 1
            kinds.add((rest != [], rest != [] or _spells_a_gap(tokenizer.decode(gap))))
        answers = [number for number, counted in enumerate(counts) if counted]
        assert [ids[number - 1] for number in answers] == [control["<|assistant|>"]] * len(turns)
        assert len(ids) == len(counts)
    # Without a gap, with one behind, and with one between.
    assert kinds == {(False, False), (False, True), (True, True)}
    assert repeats == ({False} if plain else {False, True})
    assert most > 5


@given(length=st.integers(3, 40), kinds=st.integers(1, 40), seed=st.integers(0, 999))
def test_a_gap_in_any_passage_has_one_answer(length: int, kinds: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    passage = generator.integers(kinds, size=length).tolist()
    for question, answer in gap_questions(passage, [-1], generator):
        split = question.index(-1) if -1 in question else len(question)
        lead, rest = question[:split], question[split + 1 :]
        fits = {
            passage[at]
            for at in range(len(lead), length - len(rest))
            if passage[at - len(lead) : at] == lead and passage[at + 1 :][: len(rest)] == rest
        }
        assert fits == {answer}
        assert _places(passage, [*lead, answer, *rest]) == 1


def _runs(ids: list[int], known: list[int]) -> list[list[int]]:
    """Cut token ids wherever known ones and others meet."""
    return [[*run] for _, run in groupby(ids, known.__contains__)]


def _places(ids: list[int], part: list[int]) -> int:
    """Count where `part` stands in `ids`."""
    return sum(ids[at : at + len(part)] == part for at in range(len(ids)))


def _split(ids: list[int], mark: int) -> list[list[int]]:
    """Cut token ids at every `mark`."""
    parts: list[list[int]] = [[]]
    for token in ids:
        if token == mark:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _spells_a_gap(text: str) -> bool:
    return text.strip(" ?？") != ""


def test_processes_share_a_batch_and_a_place_is_found_again(tiny_config: ModelConfig) -> None:
    whole = _repetitions(tiny_config, Processes())
    parts = [_repetitions(tiny_config, replace(Processes(), rank=r, count=2)) for r in (0, 1)]
    for _ in range(2):
        batch, shared = whole.next(), [part.next() for part in parts]
        for rank in (0, 1):
            assert torch.equal(batch.input_ids[rank::2], shared[rank].input_ids)
            assert torch.equal(batch.weights[rank::2], shared[rank].weights)
    skipped = _repetitions(tiny_config, Processes())
    skipped.skip(1)
    resumed = _repetitions(tiny_config, Processes())
    resumed.load_state(skipped.state())
    assert torch.equal(resumed.next().input_ids, batch.input_ids)
    with pytest.raises(ConfigError, match="4 rows cannot be shared evenly by 3 processes"):
        _repetitions(tiny_config, replace(Processes(), count=3))


@pytest.fixture
def run(tmp_path: Path, tokenizer_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a stage with a configuration."""
    data, file = write_data(tmp_path / "data", Tokenizer(tokenizer_file)), tmp_path / "tiny.toml"

    def start(config: str, stage: ModuleType, out: str, *words: str) -> None:
        file.write_text(config)
        line = ["x", "--config", str(file), "--data", str(data), "--out", str(tmp_path / out)]
        monkeypatch.setattr(sys, "argv", [*line, *words])
        stage.main()

    return start


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return weights(checkpoint.load_model(folder)[0])


def _changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


def test_only_attention_learns_and_the_stage_resumes(tmp_path: Path, run: Run) -> None:
    with pytest.raises(SystemExit, match=r"lacks the section \[prepretrain\]"):
        run(TINY_CONFIG, prepretrain, "first")
    config = f"{TINY_CONFIG}[prepretrain]{TINY_STAGE}"
    run(config, prepretrain, "first")
    run(config, prepretrain, "longer", "--steps", "4")
    first, longer = _weights(tmp_path / "first"), _weights(tmp_path / "longer")
    learning = {name for name in first if "mlp" not in name and "post_att" not in name}
    assert _changed(first, longer) == learning
    # What did not learn has no optimiser's state to go on from.
    run(config, prepretrain, "first", "--steps", "4", "--resume")
    assert not _changed(_weights(tmp_path / "first"), longer)


def test_lookup_and_pretraining_go_on_from_it(tmp_path: Path, run: Run) -> None:
    config = f"{TINY_CONFIG}[prepretrain]{TINY_STAGE}[lookup]{TINY_STAGE}"
    first, second, trunk = (str(tmp_path / name) for name in ("first", "second", "trunk"))
    run(config, prepretrain, first)
    run(config, lookup, second, "--checkpoint", first)
    begun, gone_on = _weights(Path(first)), _weights(Path(second))
    assert not {name for name in _changed(begun, gone_on) if "mlp" in name or "post_att" in name}
    assert "model.layers.0.self_attn.q_proj.weight" in _changed(begun, gone_on)
    run(config, pretrain, trunk, "--checkpoint", second)
    card = checkpoint.read_card(checkpoint.resolve(Path(trunk)))
    assert list(card["training"]) == ["prepretrain", "lookup", "pretrain"]
    assert "model.norm.weight" in _changed(gone_on, _weights(Path(trunk)))
    run(config, pretrain, trunk, "--checkpoint", second, "--steps", "5", "--resume")
    assert checkpoint.read_progress(checkpoint.resolve(Path(trunk))).step == 5


def test_lookup_needs_the_stage_before_it(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(f"{TINY_CONFIG}[lookup]{TINY_STAGE}")
    with pytest.raises(ConfigError, match=r"\[lookup\] needs \[prepretrain\] before it"):
        load_settings(str(path))
