"""The same sentence in the user's language."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import i18n
from engine.errors import BundleError, GebError, StoreError
from engine.i18n import set_language, system_language, tr


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small catalogue of its own; the language is put back afterwards."""
    before = i18n.language()
    monkeypatch.setattr(i18n, "RESOURCES", tmp_path)
    i18n._catalogue.cache_clear()
    path = tmp_path / "translations" / "zh_CN.json"
    path.parent.mkdir()
    path.write_text('{"{path} is gone.": "{path} 不见了。", "Send": "发送"}', encoding="utf-8")
    yield path
    set_language(before)
    i18n._catalogue.cache_clear()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8"}, "zh_CN"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh_CN"),
        ({}, "en"),
    ],
)
def test_the_language_follows_the_system(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert system_language() == expected


@pytest.mark.usefixtures("catalogue")
def test_an_error_is_translated_when_it_is_shown() -> None:
    error = BundleError("{path} is gone.", path="model.onnx")
    set_language("en")
    assert str(error) == "model.onnx is gone."
    set_language("zh_CN")
    assert str(error) == "model.onnx 不见了。"


@pytest.mark.usefixtures("catalogue")
def test_a_missing_translation_stays_readable() -> None:
    set_language("zh_CN")
    assert tr("{count} files", count=2) == "2 files"
    assert tr("Send") == "发送"


def test_a_value_with_braces_is_left_alone() -> None:
    assert str(GebError("{detail}", detail="{0} {x}")) == "{0} {x}"


def test_an_unsupported_language_is_refused() -> None:
    with pytest.raises(ValueError, match="de"):
        set_language("de")


def test_what_the_system_says_is_translated_too() -> None:
    error = StoreError("{path} cannot be opened for writing: {detail}.", path="x", detail="EACCES")
    assert str(error) == "x cannot be opened for writing: EACCES."
    error.values["detail"] = os.strerror(errno.EACCES)
    assert str(error) == "x cannot be opened for writing: Permission denied."
    before = i18n.language()
    set_language("zh_CN")
    words = str(error)
    set_language(before)
    assert words == "无法打开 x 进行写入：没有权限。"
