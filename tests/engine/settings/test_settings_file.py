"""The settings file against every kind of content, and against being changed."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.settings import table
from engine.settings.file import Settings, open_settings
from engine.settings.migrations import Document, newest_version
from engine.settings.prompts import add_prompt, own_prompts
from engine.settings.setting import Setting
from engine.settings.table import BY_NAME, SETTINGS

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


WORDS = ["system", "dark", "zh_CN", "en", "简短回答。", ""]
VALUES = st.sampled_from(WORDS) | st.integers(-1, 300) | st.floats(-1, 11) | JSON
"""Good values of one setting or another, and some that are not."""
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1) | st.just(1) | JSON,
        "settings": st.dictionaries(
            st.sampled_from([*BY_NAME, "of_the_future"]), VALUES, max_size=4
        ),
        "prompts": JSON,
        "another part": JSON,
    },
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


@pytest.fixture
def written(path: Path) -> Callable[..., Settings]:
    """Return a function that opens settings of this content."""

    def write(content: object) -> Settings:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Settings(path)

    return write


def test_a_change_is_in_the_file_for_its_user_alone(path: Path) -> None:
    settings = Settings(path)
    assert settings.get(table.FONT_SCALE) == 100
    settings.set(table.FONT_SCALE, 150)
    settings.set(table.SYSTEM_PROMPT, "简短回答。")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Settings(path)
    assert (again.get(table.FONT_SCALE), again.get(table.SYSTEM_PROMPT)) == (150, "简短回答。")
    assert not again.problems
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_default_is_not_kept(path: Path) -> None:
    settings = Settings(path)
    settings.set(table.FONT_SCALE, 150)
    settings.set(table.FONT_SCALE, table.FONT_SCALE.default)
    assert not settings.is_set(table.FONT_SCALE)
    assert json.loads(path.read_text())["settings"] == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("font_scale", 79),
        ("font_scale", 251),
        ("font_scale", 100.5),
        ("font_scale", True),
        ("font_scale", None),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", "hot"),
        ("seed", 2**64),
        ("scheme", "purple"),
        ("system_prompt", "x" * 20_001),
        ("system_prompt", "\ud800"),
    ],
)
def test_an_impossible_value_is_refused_and_nothing_changes(
    path: Path, name: str, value: object
) -> None:
    settings = Settings(path)
    settings.set(table.THREADS, 2)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="must be"):
        settings.change({"threads": 1, name: value})
    assert path.read_bytes() == before
    assert settings.get(table.THREADS) == 2


def test_a_bad_value_is_told_and_kept_until_it_is_changed(written: Callable[..., Settings]) -> None:
    settings = written({"version": 1, "settings": {"font_scale": 900, "threads": 2}})
    assert settings.get(table.FONT_SCALE) == 100
    assert settings.get(table.THREADS) == 2
    assert [str(p) for p in settings.problems] == [
        "“Text size” must be between 80 and 250, not 900."
    ]
    settings.set(table.THREADS, 3)
    assert json.loads(settings._path.read_text())["settings"]["font_scale"] == 900
    settings.set(table.FONT_SCALE, 120)
    assert Settings(settings._path).problems == []


def test_a_newer_file_is_used_and_left_as_it_is(
    written: Callable[..., Settings], path: Path
) -> None:
    values = {"font_scale": 120, "language": "tlh", "new": [1]}
    settings = written({"version": newest_version() + 1, "settings": values})
    before = path.read_bytes()
    assert settings.get(table.FONT_SCALE) == 120
    assert settings.get(table.LANGUAGE) == "system"
    assert "newer version" in str(settings.problems[0])
    for change in (
        lambda: settings.set(table.FONT_SCALE, 150),
        lambda: settings.set_part("prompts", []),
    ):
        with pytest.raises(SettingsError, match="newer version"):
            change()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"version": 0}', '{"version": "1"}', '{"settings": []}', "[" * 9999],
)
def test_a_damaged_file_is_set_aside(
    written: Callable[..., Settings], path: Path, content: str
) -> None:
    settings = written(content)
    kept = path.with_name("settings.damaged-1.json")
    assert kept.read_text() == content
    assert str(kept) in str(settings.problems[0])
    settings.set(table.FONT_SCALE, 150)
    assert Settings(path).get(table.FONT_SCALE) == 150
    written("again damaged")
    assert path.with_name("settings.damaged-2.json").exists()


def test_what_can_be_read_of_a_damaged_file_is_saved(path: Path) -> None:
    settings = Settings(path)
    settings.change({"font_scale": 150, "threads": 3, "language": "en", "seed": 12345})
    add_prompt(settings, "Poet 诗人", 'Write "verse".\nNothing else, not "threads": 9.')
    add_prompt(settings, "Cut", "off")
    whole = path.read_text()
    path.write_text(whole.replace('"language": "en"', '"language": "e\0n", ')[:-40])
    settings = Settings(path)
    assert settings.get(table.FONT_SCALE) == 150
    assert settings.get(table.THREADS) == 3
    assert settings.get(table.LANGUAGE) == "system"
    assert own_prompts(settings)[0].name == "Poet 诗人"
    assert "4 of them could be saved" in str(settings.problems[0])
    assert stat.S_IMODE(path.with_name("settings.damaged-1.json").stat().st_mode) == 0o600
    assert Settings(path).problems == []
    assert Settings(path).get(table.SEED) == 12345
    path.write_text('{"version": 1, "settings": {"seed": 12')  # of 12345
    assert Settings(path).get(table.SEED) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(written: Callable[..., Settings], path: Path) -> None:
    written({})
    path.chmod(0)
    assert "cannot be read" in str(Settings(path).problems[0])


def test_a_disk_that_refuses_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "gone" / "settings.json")
    with pytest.raises(SettingsError, match="cannot be written"):
        settings.set(table.FONT_SCALE, 150)
    assert settings.get(table.FONT_SCALE) == 100


def test_what_another_process_changed_meanwhile_stays(path: Path) -> None:
    ours, theirs = Settings(path), Settings(path)
    theirs.set(table.THREADS, 2)
    heard: list[frozenset[str]] = []
    ours.watch(heard.append)
    ours.set(table.FONT_SCALE, 150)
    assert heard == [{"font_scale", "threads"}]
    assert ours.get(table.THREADS) == 2
    assert Settings(path).get(table.THREADS) == 2


def test_a_linked_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "geb.json"
    target.parent.mkdir()
    target.write_text("{}")
    path.symlink_to(target)
    Settings(path).set(table.FONT_SCALE, 150)
    assert path.is_symlink()
    assert json.loads(target.read_text())["settings"] == {"font_scale": 150}


def test_steps_lead_from_each_earlier_version(written: Callable[..., Settings], path: Path) -> None:
    def to_percent(document: Document) -> Document:
        settings = dict(document["settings"])
        settings["font_scale"] = round(settings.pop("zoom", 1) * 100)
        return {**document, "settings": settings}

    def to_two_schemes(document: Document) -> Document:
        settings = dict(document["settings"])
        if settings.get("scheme") == "contrast":
            settings["scheme"] = "high-contrast-dark"
        return {**document, "settings": settings}

    steps = (to_percent, to_two_schemes)
    first = {"settings": {"zoom": 1.5, "scheme": "contrast", "other": 1}, "kept": [1]}
    for version, values in enumerate(
        (first, {"settings": {"font_scale": 150, "scheme": "contrast", "other": 1}, "kept": [1]}), 1
    ):
        path.write_text(json.dumps({"version": version, **values}))
        settings = Settings(path, steps)
        assert settings.get(table.FONT_SCALE) == 150
        assert settings.get(table.SCHEME) == "high-contrast-dark"
        settings.set(table.THREADS, 2)
        document = json.loads(path.read_text())
        assert document["version"] == newest_version(steps) == 3
        assert (document["settings"]["other"], document["kept"]) == (1, [1])
    assert Settings(path).problems  # for a version without these steps it is a newer file


@given(DOCUMENTS)
def test_any_file_can_be_used_and_loses_nothing(document: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(document))
        before = path.read_bytes()
        settings = Settings(path)
        for setting in SETTINGS:
            setting.check(settings.get(setting))
        try:
            settings.set(table.THREADS, 7)
        except SettingsError:
            assert path.read_bytes() == before
            return
        if (kept := path.with_name("settings.damaged-1.json")).exists():
            assert kept.read_bytes() == before
            return
        after = json.loads(path.read_text())
        old = document.get("settings", {})
        assert after["settings"] == {**old, "threads": 7}
        assert {k: v for k, v in after.items() if k not in ("version", "settings")} == {
            k: v for k, v in document.items() if k not in ("version", "settings")
        }
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(st.binary(max_size=200))
def test_any_bytes_are_kept(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_bytes(content)
        settings = Settings(path)
        settings.set(table.THREADS, 7)
        kept = path.with_name("settings.damaged-1.json")
        assert not kept.exists() or kept.read_bytes() == content


@given(st.sampled_from(SETTINGS), VALUES)
def test_a_value_is_taken_as_it_is_or_refused(setting: Setting[Any], value: object) -> None:
    try:
        good = setting.check(value)
    except SettingsError:
        return
    assert good == value


@given(st.sampled_from(SETTINGS), VALUES)
def test_a_typed_value_is_the_value(setting: Setting[Any], value: object) -> None:
    try:
        good = setting.check(value)
    except SettingsError:
        return
    if good is None:
        return
    text = {True: "on", False: "off"}[good] if isinstance(good, bool) else str(good)
    assert setting.parse(text) == good


def test_names_are_unique_and_texts_complete() -> None:
    assert len(BY_NAME) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.label
        assert setting.help.endswith(".")
        assert setting.check(setting.default) == setting.default
        assert bool(setting.automatic) == (setting.default is None)


def test_settings_without_a_folder_live_as_long_as_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("GEB_CHAT_HOME", str(blocked))
    settings = open_settings()
    assert len(settings.problems) == 1
    settings.set(table.FONT_SCALE, 150)
    assert settings.get(table.FONT_SCALE) == 150
