"""The mixture: shares as the recipe, the stages or the losses say; contradictions are refused."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, DataError
from training.mixture import Mixture, MixtureSettings, MixtureStage
from training.settings import StageSettings, load_settings
from training.toml_file import FOLDER

SOURCES: dict[str, dict[str, Any]] = {
    "books": {"language": "en", "share": 0.3},
    "web": {"language": "en", "share": 0.1},
    "news": {"language": "zh", "share": 0.4},
    "wiki": {"language": "zh", "share": 0.2},
}
SIZES = dict.fromkeys(SOURCES, 1000)


def _mixture(
    sources: dict[str, dict[str, Any]] | None = None,
    sizes: dict[str, int] | None = None,
    **mixture: Any,
) -> Mixture:
    settings = StageSettings(
        steps=100, batch_size=8, sequence_length=64, mixture=MixtureSettings(**mixture)
    )
    return Mixture(settings, sources or SOURCES, sizes or SIZES)


def _shares(mixture: Mixture, step: int = 0) -> dict[str, float]:
    return dict(zip(mixture.sources, mixture.shares(step).tolist(), strict=True))


def _staged(**shares: float) -> Mixture:
    return _mixture(kind="staged", stages=(MixtureStage(until=1.0, shares=shares),))


def test_a_fixed_mixture_is_the_recipes() -> None:
    mixture = _mixture()
    mixture.reweigh({"books": 9.0})
    assert _shares(mixture, 99) == pytest.approx({n: s["share"] for n, s in SOURCES.items()})


def test_sources_without_a_share_divide_the_rest_by_size_and_empty_ones_are_left_out() -> None:
    sources = {"a": {"share": 0.4}, "b": {"share": 0.0}, "c": {}, "empty": {"share": 0.9}}
    mixture = _mixture(sources, {"a": 7, "b": 100, "c": 200, "empty": 0})
    assert _shares(mixture) == pytest.approx({"a": 0.4, "b": 0.2, "c": 0.4})


def test_stages_change_the_shares_by_language_and_by_source() -> None:
    stages = (
        MixtureStage(until=0.2),
        MixtureStage(until=0.6, shares={"zh": 0.9}),
        MixtureStage(until=1.0, shares={"en": 0.5, "web": 0.4}),
    )
    mixture = _mixture(kind="staged", stages=stages)
    assert _shares(mixture, 19)["books"] == pytest.approx(0.3)
    assert _shares(mixture, 20) == pytest.approx(
        {"books": 0.075, "web": 0.025, "news": 0.6, "wiki": 0.3}
    )
    last = {"books": 0.1, "web": 0.4, "news": 1 / 3, "wiki": 1 / 6}
    assert _shares(mixture, 60) == pytest.approx(last)
    # Skipped batches move on past the last step.
    assert _shares(mixture, 130) == pytest.approx(last)


def test_shares_follow_the_excess_losses() -> None:
    """By hand: 0.3·e, 0.1·1 and 0.4·e^0.5 over their sum; wiki has no target and keeps 0.2."""
    mixture = _mixture(kind="adaptive", targets={"books": 2.0, "web": 3.0, "news": 1.5})
    mixture.reweigh({"books": 3.0, "web": 2.0, "news": 2.0, "wiki": 9.0})
    raised = {"books": 0.3 * math.e, "web": 0.1, "news": 0.4 * math.exp(0.5)}
    expected = {name: 0.8 * value / sum(raised.values()) for name, value in raised.items()}
    assert _shares(mixture) == pytest.approx({**expected, "wiki": 0.2})
    # The next update starts from these shares.
    mixture.reweigh({"books": 2.0, "web": 3.0, "news": 2.5})
    again = {**expected, "news": expected["news"] * math.e}
    scale = 0.8 / sum(again.values())
    assert _shares(mixture)["news"] == pytest.approx(again["news"] * scale)


def test_no_share_falls_below_the_floor() -> None:
    mixture = _mixture(kind="adaptive", minimum_share=0.15, targets=dict.fromkeys(SOURCES, 1.0))
    assert _shares(mixture)["web"] == pytest.approx(0.15)
    for _ in range(5):
        mixture.reweigh({"books": 1.0, "web": 1.0, "news": 4.0, "wiki": 1.0})
    assert _shares(mixture) == pytest.approx(
        {"books": 0.15, "web": 0.15, "news": 0.55, "wiki": 0.15}
    )


@given(
    losses=st.lists(
        st.fixed_dictionaries({name: st.floats(0, 500) for name in SOURCES}), max_size=8
    ),
    floor=st.floats(0, 0.25),
)
def test_shares_always_add_up_and_keep_the_floor(
    losses: list[dict[str, float]], floor: float
) -> None:
    mixture = _mixture(kind="adaptive", minimum_share=floor, targets=dict.fromkeys(SOURCES, 2.0))
    for measured in losses:
        mixture.reweigh(measured)
        shares = mixture.shares(0)
        assert shares.sum() == pytest.approx(1)
        assert (shares >= floor - 1e-9).all()


def test_an_adaptive_mixture_goes_on_from_its_state() -> None:
    mixture = _mixture(kind="adaptive", targets={"books": 2.0, "web": 2.0})
    mixture.reweigh({"books": 2.9, "web": 2.1})
    resumed = _mixture(kind="adaptive", targets={"books": 2.0, "web": 2.0})
    resumed.load_state(json.loads(json.dumps(mixture.state())))
    assert _shares(resumed) == _shares(mixture)


def test_targets_come_from_the_last_losses_of_a_reference_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    entries = [
        {"step": 1, "loss_by_source": {"books": 9.0}},
        {"step": 2, "loss_by_source": {"books": 2.0, "web": 3.0, "elsewhere": 1.0}},
        {"step": 3, "loss": 2.5},
    ]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    logged = _mixture(kind="adaptive", reference_log=str(log))
    given = _mixture(kind="adaptive", targets={"books": 2.0, "web": 3.0})
    for mixture in (logged, given):
        mixture.reweigh({"books": 3.0, "web": 3.0, "news": 5.0})
    assert _shares(logged) == _shares(given)


@pytest.mark.parametrize("text", ["", '{"step": 1}\n', '{"loss_by_source": 3}\n', "{"])
def test_a_reference_log_without_losses_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=r"log\.jsonl holds no loss_by_source"):
        _mixture(kind="adaptive", reference_log=str(tmp_path / "log.jsonl"))


def test_losses_that_cannot_be_followed_are_said() -> None:
    mixture = _mixture(kind="adaptive", targets={"books": 2.0})
    with pytest.raises(DataError, match="No source with a target has a held-out loss: books"):
        mixture.reweigh({"web": 2.0})
    with pytest.raises(DataError, match="not a number"):
        mixture.reweigh({"books": math.nan})


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"latin": 0.5}, "names latin, which is no source and no language"),
        ({"books": 0.8, "zh": 0.4}, "exceed the whole, or a language's, by 0.2"),
        ({"web": 0.5, "en": 0.3}, "exceed the whole, or a language's, by 0.2"),
        ({"en": 0.3, "zh": 0.3}, "leave 0.4 of the rows to no source"),
    ],
)
def test_shares_that_contradict_one_another_are_refused(
    shares: dict[str, float], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        _staged(**shares)


def test_sources_and_shards_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match="differ in old, wiki"):
        _mixture(sizes={"books": 1, "web": 1, "news": 1, "old": 1})
    with pytest.raises(DataError, match="no tokens"):
        _mixture(sizes=dict.fromkeys(SOURCES, 0))
    with pytest.raises(ConfigError, match="leave nothing for b"):
        _mixture({"a": {"share": 1.0}, "b": {}}, {"a": 1, "b": 1})


CONFIG = (FOLDER / "configs" / "test.toml").read_text(encoding="utf-8")


def _load(tmp_path: Path, mixture: str) -> MixtureSettings:
    path = tmp_path / "mine.toml"
    path.write_text(CONFIG.replace("[sft]", f"[pretrain.mixture]\n{mixture}\n[sft]", 1))
    return load_settings(str(path)).pretrain.mixture


def test_a_configuration_says_its_mixture(tmp_path: Path) -> None:
    mixture = _load(
        tmp_path,
        'kind = "staged"\n'
        "[[pretrain.mixture.stages]]\nuntil = 0.8\nsequence_length = 64\n"
        "[[pretrain.mixture.stages]]\nuntil = 1.0\nshares = { zh = 0.7 }\n",
    )
    assert mixture.stages == (
        MixtureStage(until=0.8, sequence_length=64),
        MixtureStage(until=1.0, shares={"zh": 0.7}),
    )
    assert mixture.sequence_lengths(128) == [64, 128]


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ('kind = "random"', "mixture.kind must be one of"),
        ('kind = "staged"', "needs its stages"),
        ("stages = 3", "stages must be a list of tables"),
        ("stages = [3]", "stages must be a list of tables"),
        ("stages = [{ until = 1.0 }]", '"fixed" has no stages'),
        ('kind = "staged"\nstages = [{ until = 1.0, untill = 2 }]', "untill"),
        ('kind = "staged"\nstages = [{ until = 0.5 }, { until = 0.5 }]', "increasing"),
        ('kind = "staged"\nstages = [{ until = 0.5 }]', "the last at 1, not at 0.5"),
        ('kind = "staged"\nstages = [{ until = 0.0 }, { until = 1.0 }]', "increasing"),
        ('kind = "staged"\nstages = [{ until = 1, shares = { zh = -1 } }]', "zh must not be"),
        ('kind = "staged"\nstages = [{ until = 1, sequence_length = 0 }]', "sequence_length"),
        ('kind = "staged"\nstages = [{ until = 1, sequence_length = 1024 }]', "exceeds"),
        ('kind = "adaptive"', "either targets or a reference_log"),
        ('kind = "adaptive"\ntargets = { a = 1.0 }\nreference_log = "x"', "either targets"),
        ('kind = "adaptive"\ntargets = { a = 1.0 }\nupdate_steps = 0', "update_steps"),
        ('kind = "adaptive"\ntargets = { a = 1.0 }\nminimum_share = -0.1', "minimum_share"),
        ("minimum_share = 0.1", '"fixed" has no minimum_share'),
        ("", ""),
    ],
)
def test_a_contradictory_configuration_is_refused_in_one_sentence(
    tmp_path: Path, mixture: str, said: str
) -> None:
    if not said:
        assert _load(tmp_path, mixture) == MixtureSettings()
        return
    with pytest.raises(ConfigError, match=said):
        _load(tmp_path, mixture)


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ({"kind": "adaptive", "targets": {"latin": 1.0}}, "target for latin"),
        (
            {"kind": "adaptive", "targets": {"web": 1.0}, "minimum_share": 0.3},
            "0.3 is too much for 4 sources",
        ),
        (
            {
                "kind": "staged",
                "stages": (
                    MixtureStage(until=0.5, sequence_length=48),
                    MixtureStage(until=1.0),
                ),
            },
            "48 does not divide the mixture's longest, 64",
        ),
    ],
)
def test_what_contradicts_the_recipe_is_refused(mixture: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _mixture(**mixture)
