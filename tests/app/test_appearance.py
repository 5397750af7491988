"""Colours, size of text and language, changed while the window is open."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, views

from app import theme
from app.blocks import PlainBlock
from app.markdown.code import CodeBlock
from app.settings.live import follow_settings, speak
from app.window import MainWindow
from engine.errors import BundleError
from engine.i18n import language
from engine.resources import RESOURCES
from engine.settings import table
from engine.settings.file import Settings

MARKDOWN = "# Title\n\ntext\n\n- one\n\n```python\nx = 1\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n$$x^2$$\n"


@pytest.fixture
def settings(qapp: QApplication) -> Iterator[Settings]:
    settings = Settings(None)
    follow_settings(qapp, settings)
    yield settings
    theme.choose("system", 100)
    speak(qapp, "en")


def luminance(color: str) -> float:
    parts = QColor(color).getRgbF()[:3]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", theme.SCHEMES)
def test_text_stands_out_from_its_ground(name: str) -> None:
    c = theme.SCHEMES[name]
    least = 7 if name.startswith("high-contrast") else 4.5
    code = [c.code_keyword, c.code_string, c.code_number, c.code_comment, c.code_name]
    pairs = [
        *product([c.text], [c.page, c.sidebar, c.hover, c.selected, c.bubble, c.selection, c.code]),
        *product([c.muted], [c.page, c.sidebar]),
        *product(code, [c.code]),
        (c.on_accent, c.accent),
        (c.on_notice, c.notice),
        (c.accent, c.page),
    ]
    assert not [(a, b, contrast(a, b)) for a, b in pairs if contrast(a, b) < least]
    if name.startswith("high-contrast"):
        assert contrast(c.border, c.page) >= 3
        assert c.outline == c.border


def ground(window: MainWindow) -> str:
    return window.chat.transcript.viewport().grab().toImage().pixelColor(5, 5).name()


def test_the_scheme_changes_while_the_window_is_open(
    open_window: OpenWindow, settings: Settings
) -> None:
    window = open_window(model=None)
    window.chat._pages.setCurrentIndex(1)
    seen = {}
    for name, colors in theme.SCHEMES.items():
        settings.set(table.SCHEME, name)
        seen[name] = ground(window)
        assert seen[name] == colors.page
    settings.set(table.SCHEME, "system")
    assert ground(window) == theme.colors().page


@pytest.mark.parametrize("percent", [80, 250])
def test_everything_grows_with_the_size_of_text(
    open_window: OpenWindow, settings: Settings, qtbot: QtBot, percent: int, qapp: QApplication
) -> None:
    window = open_window(model=None)
    store = window._service.store
    number = window.chat.conversation_id
    assert number is not None
    user = store.add_message(number, "user", "question", parent_id=None)
    store.add_message(number, "assistant", MARKDOWN, parent_id=user.id)
    window.chat._conversation_id = None
    window.chat.open(number)
    question, answer = views(window)

    def sizes() -> list[float]:
        texts = [b.text if isinstance(b, CodeBlock) else b for b in answer._answer.blocks]
        fonts = [w.font().pointSizeF() for w in (*texts, window.chat.composer.edit)]
        labels = [label.font().pointSizeF() for label in window.findChildren(QLabel)]
        prose = answer._answer.blocks[0]
        char = prose.document().begin().charFormat().fontPointSize()  # type: ignore[union-attr]
        return [
            *fonts,
            *labels,
            char,
            question.findChild(PlainBlock).height(),
            float(window.chat.composer.button.width()),
        ]

    before = sizes()
    settings.set(table.FONT_SCALE, percent)
    qapp.processEvents()
    for old, new in zip(before, sizes(), strict=True):
        assert new == pytest.approx(old * percent / 100, rel=0.25)
    settings.set(table.FONT_SCALE, 100)
    qapp.processEvents()
    assert sizes() == before


def test_the_language_changes_while_the_window_is_open(
    open_window: OpenWindow, settings: Settings
) -> None:
    window = open_window(model=None)
    store, number = window._service.store, window.chat.conversation_id
    assert number is not None
    user = store.add_message(number, "user", "苹果是什么？", parent_id=None)
    answer = store.add_message(number, "assistant", "水果", parent_id=user.id, status="cancelled")
    window.chat._conversation_id = None
    window.chat.open(number)
    window.chat.show_no_model(BundleError("The model {name} is installed already.", name="x"))
    english = texts(window)
    assert views(window)[1].message.id == answer.id
    settings.set(table.LANGUAGE, "zh_CN")
    assert language() == "zh_CN"
    catalogue = json.loads((RESOURCES / "translations" / "zh_CN.json").read_text(encoding="utf-8"))
    shown = [*texts(window), *(a.text() for a in window.findChildren(QAction))]
    left = [text for text in shown if catalogue.get(text, text) != text]
    assert not left
    assert window.chat.composer.edit.placeholderText() == "输入消息"
    assert window.chat.notice.text() == "模型 x 已经安装。"
    settings.set(table.LANGUAGE, "en")
    assert texts(window) == english


def test_large_text_needs_a_larger_window(open_window: OpenWindow, settings: Settings) -> None:
    window = open_window(model=None)
    settings.set(table.FONT_SCALE, 100)
    window.resize(640, 420)
    assert window.width() == 640
    settings.set(table.FONT_SCALE, 200)
    room = window.screen().availableSize()
    assert window.width() >= min(1280, room.width() - 80)
    dialog = window.settings.open()
    settings.set(table.FONT_SCALE, 250)
    seen = window.screen().availableGeometry()
    assert seen.contains(dialog.geometry().topLeft())
    assert dialog.width() <= max(seen.width(), dialog.minimumSizeHint().width())
    if dialog.minimumSizeHint().width() <= seen.width():
        assert seen.contains(dialog.geometry())
    dialog.close()
    settings.set(table.FONT_SCALE, 100)


def texts(window: QWidget) -> list[str]:
    """Return everything that widgets show or say of themselves."""
    getters: list[Callable[[QWidget], object]] = [
        lambda w: w.text() if isinstance(w, QLabel | QAbstractButton) else "",
        lambda w: w.toolTip(),
        lambda w: w.accessibleName(),
        lambda w: w.accessibleDescription(),
    ]
    return [str(get(widget)) for widget in window.findChildren(QWidget) for get in getters]


def test_the_window_follows_what_a_command_changes(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    follow_settings(qapp, settings)
    try:
        Settings(path).change({"language": "zh_CN", "scheme": "high-contrast-dark"})
        qtbot.waitUntil(lambda: language() == "zh_CN", timeout=20_000)
        assert theme.colors() == theme.SCHEMES["high-contrast-dark"]
        path.write_text('{"settings": {"scheme": "no such", "language": "en"}}')  # in place
        qtbot.waitUntil(lambda: language() == "en", timeout=20_000)
        assert settings.get(table.SCHEME) == "system"
    finally:
        theme.choose("system", 100)
        speak(qapp, "en")


def test_a_damaged_file_leaves_the_settings_as_they_are(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.json")
    settings.set(table.FONT_SCALE, 120)
    (tmp_path / "settings.json").write_text("{half")
    settings.reload()
    assert settings.get(table.FONT_SCALE) == 120
