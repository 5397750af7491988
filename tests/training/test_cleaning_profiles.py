"""Profiles: a recipe says what its sources need, and mistakes are found before the work."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from training.cleaning import Record, stages_for
from training.cleaning.profiles import PROFILES
from training.recipe import Source, load_recipe

CLEAN = """水獭

水獭是一种半水栖的哺乳动物，主要以鱼类为食。它的身体细长，四肢短小，趾间有蹼。

The otter is a mammal that lives in rivers and along coasts. It eats fish, crabs and frogs. Its fur
is dense, which keeps it warm in cold water."""
PAGE = """<html><head><title>How to make tea</title><script>track();</script></head><body>
<div>Home</div><div>Log in to your account</div>
<h1>How to make tea</h1><p>First you boil some fresh water in a kettle. Then you warm the pot.</p>
<p>Put one spoon of leaves in the pot for each person &amp; pour the water on them.</p>
<p>Questions? Write to tea@shop.example or call (555) 123-4567 at any time of the day.</p>
<div>© 2020 The Tea House. All rights reserved.</div></body></html>"""


def _source(stage: str = "pretrain", **more: Any) -> Source:
    return Source(name="s", stage=stage, language="en", licence="x", url="x", files=("x",), **more)


def _run(source: Source, record: Record) -> Record | None:
    current: Record | None = record
    for stage in stages_for(source):
        if current is not None:
            current = stage(current)
    return current


@pytest.mark.parametrize("profile", ["clean", "code"])
def test_clean_text_passes_unchanged(profile: str) -> None:
    record = {"text": CLEAN, "lang": "zh"}
    assert _run(_source(cleaning=profile), record) is record


def test_a_raw_page_becomes_text_and_stays_so() -> None:
    web = _source(cleaning="web")
    clean = _run(web, {"text": PAGE})
    assert clean == {
        "text": "First you boil some fresh water in a kettle. Then you warm the pot.\n\n"
        "Put one spoon of leaves in the pot for each person & pour the water on them.\n\n"
        "Questions? Write to [email] or call [phone] at any time of the day."
    }
    assert _run(web, clean) is clean


def test_a_conversation_keeps_its_marks_and_loses_its_numbers() -> None:
    answer = "**Steps**\n\n- Boil water.\n- Call 13812345678."
    messages = [{"role": "user", "content": "Tea?"}, {"role": "assistant", "content": answer}]
    clean = _run(_source("sft", cleaning="dialogue"), {"messages": messages})
    assert clean is not None
    assert clean["messages"][1]["content"] == "**Steps**\n\n- Boil water.\n- Call [phone]."


def test_every_source_is_normalised_and_measured() -> None:
    documents, pairs = _source(cleaning=()), _source("dpo", cleaning=())
    assert [stage.name for stage in stages_for(documents)] == ["normalise", "length"]
    assert [stage.name for stage in stages_for(pairs)] == ["normalise", "pairs", "length"]
    assert _run(_source(), {"text": "short"}) is None
    assert _run(_source(max_characters=50), {"text": "x" * 51}) is None


def test_a_source_that_says_nothing_is_cleaned_as_its_stage_usually_is() -> None:
    for stage, profile in (("pretrain", "clean"), ("sft", "dialogue"), ("dpo", "dialogue")):
        assert stages_for(_source(stage)) == stages_for(_source(stage, cleaning=profile))


def test_stages_run_in_one_order_whatever_the_recipe_lists() -> None:
    stages = stages_for(_source(cleaning=("length", "privacy", "markup")))
    assert [stage.name for stage in stages] == ["normalise", "markup", "privacy", "length"]


def test_a_recipe_sets_the_options_of_a_stage(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("""config = "test"
licence = "cc0-1.0"
[[sources]]
name = "pages"
stage = "pretrain"
language = "en"
licence = "CC0-1.0"
url = "https://example.org"
files = ["*.jsonl"]
cleaning = ["punctuation"]
cleaning_options.punctuation.minimum_sentences = 1
cleaning_options.length.minimum = 10
""")
    source = load_recipe(str(recipe))[0].sources[0]
    assert _run(source, {"text": "This one sentence is enough."}) is not None
    recipe.write_text(recipe.read_text().replace("minimum_sentences = 1", "minimum_sentences = 2"))
    source = load_recipe(str(recipe))[0].sources[0]
    assert _run(source, {"text": "This one sentence is enough."}) is None


@pytest.mark.parametrize(
    ("stage", "values", "named"),
    [
        ("pretrain", {"cleaning": "spotless"}, "spotless"),
        ("pretrain", {"cleaning": ("markup", "polish")}, "polish"),
        ("pretrain", {"cleaning": ("turns",)}, "turns"),
        ("sft", {"cleaning": "web"}, "punctuation"),
        ("pretrain", {"cleaning_options": {"words": {}}}, "words"),
        ("pretrain", {"cleaning_options": {"length": {"minimal": 3}}}, "minimal"),
        ("pretrain", {"cleaning_options": {"length": {"minimum": "3"}}}, "minimum"),
        ("pretrain", {"max_characters": 10}, "maximum of 10"),
    ],
)
def test_mistakes_in_a_recipe_are_named(stage: str, values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as error:
        _source(stage, **values)
    assert named in str(error.value)


def test_every_profile_fits_some_source() -> None:
    for profile in PROFILES:
        assert len(stages_for(_source(cleaning=profile))) > 2
