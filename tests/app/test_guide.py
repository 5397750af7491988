"""The guide, as the window shows it, says and shows what there is."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from guide_pictures import PICTURES, pictures
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QLocale
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QApplication
from window_helpers import OpenWindow

from app.desktop import translate_qt
from app.fonts import can_show_chinese
from app.guide import GUIDE, GuideWindow
from engine.i18n import LANGUAGES, language, set_language
from engine.resources import RESOURCES

ROOT = Path(__file__).parents[2]
_SHADES = 1.0
"""Of 255: another line of text differs less, another picture more."""
_NO_TEXTS = {"GEB Chat", "version", "版本"}
_OF_TEXT_BOXES = {"Shift+Enter", "Enter"}
"""Keys that no action has."""


def text(name: str) -> str:
    return (GUIDE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_guide_opens_at_every_chapter(open_window: OpenWindow, name: str) -> None:
    before = language()
    window = open_window(model=None)
    try:
        set_language(name)
        window.findChild(QAction, "guide").trigger()
        guide = window.findChild(GuideWindow)
        headings = re.findall(r"^## (.+)$", text(name), re.M)
        listed = [guide.chapters.item(row).text() for row in range(guide.chapters.count())]
        assert listed == headings
        guide.chapters.setCurrentRow(len(headings) - 1)
        bar = guide.page.verticalScrollBar()
        assert bar.value() > bar.maximum() / 2
        guide.chapters.setCurrentRow(0)
        assert bar.value() < bar.maximum() / 4
        guide.close()
    finally:
        set_language(before)


def test_both_languages_tell_the_same() -> None:
    one, other = (text(name) for name in LANGUAGES)
    for pattern in (r"^#+ ", r"^- ", r"^!\[", r"^\|", r"`[^`]+`", r"(?:Ctrl|Alt|Shift)\+[\w+,]+"):
        assert len(re.findall(pattern, one, re.M)) == len(re.findall(pattern, other, re.M)), pattern


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_the_guide_names_is_in_the_window(open_window: OpenWindow, name: str) -> None:
    catalogue = RESOURCES / "translations/zh_CN.json"
    chinese = json.loads(catalogue.read_text(encoding="utf-8"))
    known = set(chinese if name == "en" else chinese.values()) | _NO_TEXTS
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text(name)))
    assert named
    assert named <= known
    actions = open_window(model=None).findChildren(QAction)
    keys = {key.toString() for action in actions for key in action.shortcuts()}
    told = set(re.findall(r"(?:(?:Ctrl|Alt|Shift)\+)+(?:\w+|,)|\bF\d+", text(name)))
    assert {key.replace("Enter", "Return") for key in told - _OF_TEXT_BOXES} <= keys


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown: set[str] = set()
    for name in LANGUAGES:
        shown |= set(re.findall(r"\]\(pictures/([^)]+)\)", text(name)))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown |= set(re.findall(r"\]\(resources/guide/pictures/([^)]+)\)", readme))
    assert {path.name for path in PICTURES.iterdir()} == shown
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 1_500_000


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_pictures_are_those_of_this_window(qapp: QApplication, name: str) -> None:
    """A new one of each is made: what looks otherwise by now needs `make guide-pictures`."""
    if not can_show_chinese():
        pytest.skip("needs a Chinese font")
    before, numbers = language(), QLocale()
    made = set()
    try:
        for kind, picture in pictures(qapp, name):
            path = PICTURES / f"{name}-{kind}.png"
            made.add(path)
            assert path.exists(), f"{path.name} is new: run `make guide-pictures`"
            difference = np.abs(_small(path) - _small_of(picture.toImage())).mean()
            assert difference < _SHADES, f"{path.name} is stale: run `make guide-pictures`"
    finally:
        set_language(before)
        translate_qt(qapp)
        QLocale.setDefault(numbers)
    assert made == set(PICTURES.glob(f"{name}-*.png"))


def _small(path: Path) -> NDArray[np.float32]:
    return np.asarray(Image.open(path).convert("L").resize((64, 48)), np.float32)


def _small_of(picture: QImage) -> NDArray[np.float32]:
    grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), grey.bytesPerLine())
    return np.asarray(Image.fromarray(rows[:, : grey.width()].copy()).resize((64, 48)), np.float32)
