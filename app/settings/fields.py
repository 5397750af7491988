"""The control of one setting, made from its row of the table. None is "left to others"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from app import theme
from app.texts import show_text
from engine.i18n import tr
from engine.settings.setting import Choice, Real, Setting, Switch, Text, Value, Whole

_TYPING_MS: Final = 500
_LEAST_LETTERS: Final = 6
_MOST_EXACT: Final = 2**53
"""Larger whole numbers do not fit a spin box, which counts in floating point."""


@dataclass(frozen=True)
class Shown:
    """What a field shows: `value`, or where that is None, what counts instead."""

    value: Value
    otherwise: Value
    otherwise_text: str


class Field(QObject):
    """`control` shows a setting; `edited` carries what the person chose, or half a number."""

    edited = Signal(object)

    def __init__(self, setting: Setting[Value], control: QWidget) -> None:
        super().__init__(control)
        self.setting = setting
        self.control = control
        show_text(control.setAccessibleName, setting.label)
        show_text(control.setAccessibleDescription, setting.help)

    def show_value(self, shown: Shown) -> None:
        """Show a value; this is no edit."""
        raise NotImplementedError

    def flush(self) -> None:
        """Say now what was typed a moment ago."""


class ChoiceField(Field):
    """A list to choose from."""

    def __init__(self, setting: Choice) -> None:
        self.box = QuietComboBox()
        super().__init__(setting, self.box)
        self._setting = setting
        self.box.activated.connect(lambda: self.edited.emit(self.box.currentData()))

    def show_value(self, shown: Shown) -> None:
        self.box.clear()
        for known, label in self._setting.choices:
            self.box.addItem(tr(label), known)
        self.box.setCurrentIndex(self.box.findData(shown.value))


class SwitchField(Field):
    """A box to tick."""

    def __init__(self, setting: Switch) -> None:
        self.box = QCheckBox()
        super().__init__(setting, self.box)
        show_text(self.box.setText, setting.label)
        self.box.clicked.connect(lambda: self.edited.emit(self.box.isChecked()))

    def show_value(self, shown: Shown) -> None:
        self.box.setChecked(bool(shown.value))


class NumberField(Field):
    """A number; below the lowest one there is "left to others"."""

    def __init__(self, setting: Whole[int | None] | Real[float | None]) -> None:
        self.box = NumberBox(setting)
        super().__init__(setting, self.box)
        self.box.valueChanged.connect(lambda: self.edited.emit(self.box.chosen()))

    def show_value(self, shown: Shown) -> None:
        self.box.show_number(shown)

    def flush(self) -> None:
        self.box.interpretText()


class LineField(Field):
    """One line of text, or a whole number of any length."""

    def __init__(self, setting: Setting[Value]) -> None:
        self.edit = QLineEdit()
        super().__init__(setting, self.edit)
        self.edit.editingFinished.connect(self.flush)

    def show_value(self, shown: Shown) -> None:
        self.edit.setText("" if shown.value is None else str(shown.value))
        self.edit.setPlaceholderText(shown.otherwise_text)
        self.edit.setModified(False)

    def flush(self) -> None:
        if self.edit.isModified():
            self.edit.setModified(False)
            text = self.edit.text().strip()
            empty = text == "" and self.setting.default is None
            number = int(text) if isinstance(self.setting, Whole) and text.isdecimal() else text
            self.edited.emit(None if empty else number)


class LinesField(Field):
    """Several lines of text."""

    def __init__(self, setting: Text[str]) -> None:
        self.edit = PlainEdit()
        super().__init__(setting, self.edit)
        self._timer = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._timer.timeout.connect(lambda: self.edited.emit(self.edit.toPlainText()))
        self.edit.textChanged.connect(self._timer.start)
        self.edit.left.connect(self.flush)

    def show_value(self, shown: Shown) -> None:
        text = "" if shown.value is None else str(shown.value)
        if text != self.edit.toPlainText():
            with QSignalBlocker(self.edit):
                self.edit.setPlainText(text)
        self.edit.setPlaceholderText(shown.otherwise_text)

    def flush(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self.edited.emit(self.edit.toPlainText())


def make_field(setting: Setting[Value]) -> Field:
    """Return the control that fits a row of the table."""
    match setting:
        case Choice():
            return ChoiceField(setting)
        case Switch():
            return SwitchField(setting)
        case Whole() | Real() if setting.high <= _MOST_EXACT:
            return NumberField(setting)
        case Text() if setting.lines:
            return LinesField(setting)
    return LineField(setting)


class QuietComboBox(QComboBox):
    """The wheel scrolls the page, and changes nothing by the way."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_LEAST_LETTERS)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class NumberBox(QDoubleSpinBox):
    """A number of a setting, without needless zeros."""

    def __init__(self, setting: Whole[int | None] | Real[float | None]) -> None:
        super().__init__()
        self._setting = setting
        self._optional = setting.default is None
        self._otherwise: Value = None
        self.lineEdit().setTextMargins(theme.SPACE - 2, 0, 0, 0)
        self.setMinimumWidth(1)  # a long text for "left to others" is cut rather than the page
        self.setKeyboardTracking(False)
        self.setDecimals(3 if isinstance(setting, Real) else 0)
        self.setSingleStep(setting.step)
        self.setRange(setting.low - setting.step if self._optional else setting.low, setting.high)

    def show_number(self, shown: Shown) -> None:
        """Show a number, or what counts instead."""
        self._otherwise = shown.otherwise
        with QSignalBlocker(self):
            self.setSuffix(f" {tr(self._setting.unit)}" if self._setting.unit else "")
            self.setSpecialValueText(shown.otherwise_text if self._optional else "")
            self.setValue(self.minimum() if shown.value is None else float(shown.value))

    def chosen(self) -> Value:
        """Return the number; None for none."""
        value = self.value()
        if self._optional and value <= self.minimum():
            return None
        value = max(value, self._setting.low)
        return round(value) if isinstance(self._setting, Whole) else value

    def stepBy(self, steps: int) -> None:
        if self.chosen() is None and steps > 0 and isinstance(self._otherwise, int | float):
            with QSignalBlocker(self):
                self.setValue(self._otherwise)
        super().stepBy(steps)

    def textFromValue(self, value: float) -> str:
        return f"{value:.0f}" if self.decimals() == 0 else f"{value:g}"

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class PlainEdit(QPlainTextEdit):
    """Plain text of a few lines; Tab leaves it."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        theme.follow_scale(self._fit_height)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_height()

    def _fit_height(self) -> None:
        self.viewport().setFont(self.font())
        self.setFixedHeight(5 * self.fontMetrics().lineSpacing() + theme.scaled(14))


def first_matching(words: str, texts: Sequence[str]) -> bool:
    """Tell whether every word of `words` is in one of `texts`, case apart."""
    found = " ".join(texts).casefold()
    return all(word in found for word in words.casefold().split())
