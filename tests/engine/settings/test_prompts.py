"""System prompts with names."""

import pytest

from engine.errors import SettingsError
from engine.i18n import set_language
from engine.settings.file import Settings
from engine.settings.prompts import (
    Prompt,
    add_prompt,
    built_in_prompts,
    delete_prompt,
    free_name,
    own_prompts,
    replace_prompt,
)


@pytest.fixture
def settings() -> Settings:
    return Settings(None)


def test_prompts_are_made_changed_and_deleted(settings: Settings) -> None:
    assert add_prompt(settings, "  诗人 ", "写诗。") == Prompt("诗人", "写诗。")
    add_prompt(settings, "Cook", "You cook.")
    replace_prompt(settings, "诗人", "李白", "写唐诗。")
    assert own_prompts(settings) == [Prompt("李白", "写唐诗。"), Prompt("Cook", "You cook.")]
    replace_prompt(settings, "Cook", "Cook", "You bake.")
    delete_prompt(settings, "李白")
    assert own_prompts(settings) == [Prompt("Cook", "You bake.")]


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "Cook", "Translator"])
def test_a_bad_or_taken_name_is_refused(settings: Settings, name: str) -> None:
    add_prompt(settings, "Cook", "You cook.")
    add_prompt(settings, "Poet", "You write.")
    with pytest.raises(SettingsError):
        add_prompt(settings, name, "text")
    with pytest.raises(SettingsError):
        replace_prompt(settings, "Poet", name, "text")
    assert [prompt.name for prompt in own_prompts(settings)] == ["Cook", "Poet"]


def test_a_free_name_is_found(settings: Settings) -> None:
    assert free_name(settings, "Poet") == "Poet"
    add_prompt(settings, "Poet", "")
    assert free_name(settings, "Poet") == "Poet 2"
    assert len(free_name(settings, "Translator")) <= 60


def test_what_is_no_prompt_stays_in_the_file(settings: Settings) -> None:
    odd = ["text", {"name": "no text"}, {"name": "Poet", "text": "old", "colour": "red"}, None]
    settings.set_part("prompts", odd)
    assert own_prompts(settings) == [Prompt("Poet", "old")]
    replace_prompt(settings, "Poet", "Poet", "new")
    add_prompt(settings, "Cook", "You cook.")
    kept = settings.part("prompts")
    assert kept[:2] == odd[:2]
    assert kept[2] == {"name": "Poet", "text": "new", "colour": "red"}
    settings.set_part("prompts", "nonsense")
    add_prompt(settings, "Cook", "You cook.")
    assert settings.part("prompts")[0] == "nonsense"


def test_built_in_prompts_speak_the_language_in_use() -> None:
    assert [prompt.name for prompt in built_in_prompts()][1] == "Translator"
    set_language("zh_CN")
    try:
        assert built_in_prompts()[1] == Prompt(
            "翻译", "翻译用户写的内容：中文译成英文，英文译成中文。只写译文。", built_in=True
        )
    finally:
        set_language("en")
