"""A wrong configuration is refused in one sentence that names the field."""

import re
from pathlib import Path

import pytest

from engine.errors import ConfigError
from training.recipe import load_recipe
from training.settings import load_settings
from training.toml_file import FOLDER

TEST = (FOLDER / "configs" / "test.toml").read_text(encoding="utf-8")
NONCOMMERCIAL = re.compile(r"\bnc\b|non-?commercial", re.IGNORECASE)


def _written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("hidden_size", "hiden_size", "hiden_size"),
        ("[sft]", "[sfl]", "[sft]"),
        ("batch_size = 8", "batch_size = 0", "batch_size"),
        ("sequence_length = 128", "sequence_length = 4096", "sequence_length"),
        ("num_key_value_heads = 2", "num_key_value_heads = 3", "3 key-value heads"),
        ("vocab_size = 4096", "vocab_size = ", "TOML"),
        ("[model]", "[model]\nvocab_size = 300", "vocab_size"),
        ('compile = "off"', 'compile = "maybe"', "compile"),
        ("batch_size = 8", "batch_size = 8.5", "batch_size"),
        ("steps = 60", 'steps = "60"', "steps"),
        ("steps = 60", "steps = 60\nlearning_rate = nan", "learning_rate"),
        ("steps = 60", "steps = 60\nmicro_batch_size = true", "micro_batch_size"),
        ("steps = 60", "steps = 60\ngradient_clip = 0", "gradient_clip"),
        ("steps = 60", "steps = 60\nmixture.targets.a = '2'", "targets"),
        ("decay_fraction = 0.6", "decay_fraction = 60", "decay_fraction"),
        ("embeddings = true", 'embeddings = "false"', "tie_word_embeddings"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings(_written(tmp_path, TEST.replace(old, new, 1)))
    assert named in str(error.value)
    assert "\n" not in str(error.value).strip()


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="nano"):
        load_settings("giant")


def test_no_shipped_recipe_trains_on_non_commercial_text() -> None:
    for path in (FOLDER / "recipes").glob("*.toml"):
        recipe, _ = load_recipe(path.stem)
        assert not NONCOMMERCIAL.search(recipe.licence)
        for source in recipe.commercial().sources:
            assert not NONCOMMERCIAL.search(" ".join((source.licence, *source.files)))
