"""A page of settings: for each row of the table its name, its control and what it means."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app import theme
from app.icons import IconButton
from app.settings.fields import Field, Shown, first_matching, make_field
from app.settings.page import SettingsPage
from app.settings.source import Source
from app.texts import follow_language
from engine.errors import GebError
from engine.i18n import tr
from engine.settings.setting import Setting, Switch, Value

FieldMaker = Callable[[Setting[Value]], Field]


class SettingRow(QWidget):
    """One setting with the button that takes a choice back."""

    failed = Signal(object)
    changed = Signal()

    def __init__(self, field: Field, source: Source, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.setting = field.setting
        self._source = source
        self.reset_button = IconButton("reset", "Back to the usual value")
        self.reset_button.clicked.connect(self.reset)
        self._label = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._label.setObjectName("settingName")
        self._label.setBuddy(field.control)
        self._help = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._help.setProperty("muted", True)
        self.below = QVBoxLayout()
        self._lay_out()
        field.edited.connect(self._change)
        follow_language(self.refresh)

    def refresh(self) -> None:
        """Show what the source holds now."""
        setting = self.setting
        self._label.setText(tr(setting.label))
        help_text = tr(setting.help)
        if setting.needs_restart:
            help_text += " " + tr("Works after the next start.")
        self._help.setText(help_text)
        try:
            value, is_set = self._source.value(setting), self._source.is_set(setting)
        except GebError as error:
            self.failed.emit(error)
            return
        source = self._source
        self.field.show_value(
            Shown(value, source.otherwise(setting), source.otherwise_text(setting))
        )
        self.reset_button.setVisible(is_set)

    def reset(self) -> None:
        """Take the choice back."""
        self._do(lambda: self._source.reset(self.setting))
        self.field.control.setFocus()

    def matches(self, words: str) -> bool:
        """Tell whether the row is what a person searches for, in either language."""
        texts = [self.setting.label, self.setting.help, self.setting.name]
        return first_matching(words, [*texts, *map(tr, texts)])

    def _change(self, value: Value) -> None:
        self._do(lambda: self._source.change(self.setting, value))

    def _do(self, change: Callable[[], None]) -> None:
        try:
            change()
        except GebError as error:
            self.failed.emit(error)
        self.refresh()
        self.changed.emit()

    def _lay_out(self) -> None:
        keep = self.reset_button.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(keep)
        row = QHBoxLayout()
        row.addWidget(self.field.control, 1)
        row.addWidget(self.reset_button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.SPACE)
        column.setSpacing(theme.SPACE // 2)
        if not isinstance(self.setting, Switch):  # a box to tick says it itself
            column.addWidget(self._label)
        column.addLayout(row)
        column.addLayout(self.below)
        column.addWidget(self._help)


class SettingsForm(SettingsPage):
    """Rows below each other, and a line that says so where a search finds none of them."""

    changed = Signal(object)
    """A setting was changed or taken back."""

    def __init__(
        self,
        settings: Sequence[Setting[Value]],
        source: Source,
        make: FieldMaker = make_field,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.rows = {setting.name: SettingRow(make(setting), source) for setting in settings}
        self.column = QVBoxLayout(self)
        self.column.setSpacing(theme.SPACE)
        self.column.setContentsMargins(0, 0, 2 * theme.SPACE, 0)
        for row in self.rows.values():
            self.column.addWidget(row)
            row.failed.connect(self.failed)
            row.changed.connect(lambda row=row: self.changed.emit(row.setting))
        self.column.addStretch(1)

    def refresh(self) -> None:
        """Show what the source holds now."""
        for row in self.rows.values():
            row.refresh()

    def flush(self) -> None:
        for row in self.rows.values():
            row.field.flush()

    def search(self, words: str) -> int:
        shown = 0
        for row in self.rows.values():
            matching = row.matches(words)
            row.setVisible(matching)
            shown += matching
        return shown
