"""`geb settings`, and settings that the terminal's chat obeys."""

import json
from pathlib import Path

import pytest

from app.cli import main
from engine.i18n import set_language
from engine.paths import config_dir
from engine.settings import table
from engine.settings.file import open_settings
from engine.settings.table import SETTINGS

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "C")


def test_every_setting_is_listed(capsys: Output) -> None:
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    for setting in SETTINGS:
        assert f"{setting.name}: " in shown
        assert setting.help in shown


def test_a_setting_is_changed_and_reset(capsys: Output) -> None:
    assert main(["settings", "temperature", "0.25"]) == 0
    assert "temperature: 0.25\n" in capsys.readouterr().out
    assert open_settings().get(table.TEMPERATURE) == 0.25
    assert main(["settings", "temperature"]) == 0
    assert "0.25" in capsys.readouterr().out
    assert main(["settings", "temperature", "default"]) == 0
    assert "as the model recommends (default)" in capsys.readouterr().out


def test_what_is_printed_can_be_typed(capsys: Output) -> None:
    for name, value, shown in (
        ("scheme", "high-contrast-light", "high-contrast-light (High contrast, light)"),
        ("language", "en", "en (English)"),
        ("tray", "on", "on"),
        ("font_scale", "120 %", "120 %"),
        ("scheme", "default", "system (default)"),
    ):
        assert main(["settings", name, value]) == 0
        assert f"{name}: {shown}\n" in capsys.readouterr().out


def test_the_list_reads_well_in_chinese(capsys: Output) -> None:
    try:
        assert main(["settings", "language", "zh_CN"]) == 0
        set_language("zh_CN")
        assert main(["settings", "tray", "on"]) == 0
        assert "tray: on（开）\n" in capsys.readouterr().out
        assert main(["settings"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert main(["settings", "font_scale", "7"]) == 1
        refusal = capsys.readouterr().err
    finally:
        set_language("en")
    scheme, scale = (n for n, line in enumerate(lines) if line.startswith(("scheme", "font_scale")))
    assert lines[scheme + 1].startswith("    配色。")
    assert lines[scale + 2] == "    在 80 到 250 之间"
    assert refusal == "“font_scale”不能是 7；可取的值：在 80 到 250 之间。\n"
    assert not [line for line in lines if ". " in line]


@pytest.mark.parametrize("arguments", [["colour"], ["colour", "red"], ["threads", "many"]])
def test_what_is_wrong_is_said_in_one_sentence(arguments: list[str], capsys: Output) -> None:
    assert main(["settings", *arguments]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert not (config_dir() / "settings.json").exists()


@pytest.mark.parametrize(
    ("name", "typed", "range_"),
    [
        ("font_scale", "abc", "between 80 and 250"),
        ("temperature", "99", "between 0 and 10"),
        ("tray", "maybe", "on or off"),
    ],
)
def test_a_refusal_says_what_was_typed(name: str, typed: str, range_: str, capsys: Output) -> None:
    assert main(["settings", name, typed]) == 1
    assert capsys.readouterr().err == f"“{name}” must be {range_}, not {typed}.\n"


def test_the_commands_speak_the_chosen_language(capsys: Output) -> None:
    try:
        assert main(["settings", "language", "zh_CN"]) == 0
        capsys.readouterr()
        assert main(["settings", "threads"]) == 0
        assert "线程数" in capsys.readouterr().out
    finally:
        set_language("en")


def test_one_answer_in_the_terminal_obeys_the_defaults(tiny_bundle: Path, capsys: Output) -> None:
    open_settings().change({"model": str(tiny_bundle), "max_new_tokens": 3, "temperature": 0.0})
    assert main(["chat", "--prompt", "Hello", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == "tiny"
    assert answer["completion_tokens"] <= 3
    plain = answer["prompt_tokens"]
    open_settings().set(table.SYSTEM_PROMPT, "Answer in one word.")
    assert main(["chat", "--prompt", "Hello", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt_tokens"] > plain
