"""The page of named system prompts: make, rename, change, copy and delete them."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.settings.fields import PlainEdit
from app.settings.page import SettingsPage
from app.texts import follow_language, show_text
from engine.errors import SettingsError
from engine.i18n import tr
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

_LIST_HEIGHT = 120
"""Pixels: so much of the list is always seen."""
_PROMPT = Qt.ItemDataRole.UserRole


class PromptsPage(SettingsPage):
    """The list, and below it name and text of the chosen one."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.list = QListWidget()
        self.list.setObjectName("prompts")
        show_text(self.list.setAccessibleName, "System prompts")
        self.name = QLineEdit()
        self.text = PlainEdit()
        self.new_button, self.copy_button, self.delete_button = (QPushButton() for _ in range(3))
        self._hint = QLabel(wordWrap=True)
        self._hint.setProperty("muted", True)
        self._lay_out()
        self.list.currentItemChanged.connect(self._show_current)
        self.name.editingFinished.connect(self.flush)
        self.text.left.connect(self.flush)
        self.new_button.clicked.connect(self.new)
        self.copy_button.clicked.connect(self.copy)
        self.delete_button.clicked.connect(self.delete)
        follow_language(self.refresh)

    def refresh(self) -> None:
        """Show the prompts that there are now, with the same one chosen."""
        self._fill(self._current().name if self.list.currentItem() else "")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.doItemsLayout()  # only now the style sheet says how high an item is

    def new(self) -> None:
        """Add an empty prompt and let its name be written."""
        self._add(tr("New prompt"), "")

    def copy(self) -> None:
        """Add a copy of the chosen prompt, which can be changed."""
        prompt = self._current()
        self._add(prompt.name, prompt.text)

    def delete(self) -> None:
        """Remove the chosen prompt; conversations that use its text keep that."""
        row = self.list.currentRow()
        try:
            delete_prompt(self._settings, self._current().name)
        except SettingsError as error:
            self.failed.emit(error)
            return
        self._fill("")
        self.list.setCurrentRow(min(row, self.list.count() - 1))

    def flush(self) -> None:
        if self.list.currentItem() is None:
            return
        prompt, name, text = self._current(), self.name.text(), self.text.toPlainText()
        if prompt.built_in or (name, text) == (prompt.name, prompt.text):
            return
        try:
            kept = replace_prompt(self._settings, prompt.name, name, text)
        except SettingsError as error:
            self.name.setText(prompt.name)
            self.failed.emit(error)
            return
        item = self.list.currentItem()
        item.setText(kept.name)
        item.setData(_PROMPT, kept)

    def _add(self, wished: str, text: str) -> None:
        self.flush()
        try:
            prompt = add_prompt(self._settings, free_name(self._settings, wished), text)
        except SettingsError as error:
            self.failed.emit(error)
            return
        self._fill(prompt.name)
        self.name.setFocus()
        self.name.selectAll()

    def _current(self) -> Prompt:
        prompt: Prompt = self.list.currentItem().data(_PROMPT)
        return prompt

    def _fill(self, chosen: str) -> None:
        self.list.clear()
        for prompt in [*own_prompts(self._settings), *built_in_prompts()]:
            item = QListWidgetItem(prompt.name, self.list)
            item.setData(_PROMPT, prompt)
            if prompt.name == chosen:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None:
            self.list.setCurrentRow(0)

    def _show_current(self, item: QListWidgetItem | None, former: QListWidgetItem | None) -> None:
        if item is None:
            return
        if former is not None and former is not item:
            self.name.setModified(False)
        prompt: Prompt = item.data(_PROMPT)
        self.name.setText(prompt.name)
        self.text.setPlainText(prompt.text)
        for edit in (self.name, self.text):
            edit.setReadOnly(prompt.built_in)
        self.delete_button.setEnabled(not prompt.built_in)
        self._hint.setVisible(prompt.built_in)

    def _lay_out(self) -> None:
        show_text(self.name.setAccessibleName, "Name")
        show_text(self.text.setAccessibleName, "Text of the prompt")
        show_text(self.new_button.setText, "New")
        show_text(self.copy_button.setText, "Copy")
        show_text(self.delete_button.setText, "Delete")
        show_text(self._hint.setText, "This one comes with the application. Copy it to change it.")
        buttons = QHBoxLayout()
        for button in (self.new_button, self.copy_button, self.delete_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 2 * theme.SPACE, 0)
        column.setSpacing(theme.SPACE)
        theme.follow_scale(self._fit_list)
        column.addWidget(self.list, 1)
        column.addLayout(buttons)
        column.addWidget(self.name)
        column.addWidget(self.text)
        column.addWidget(self._hint)

    def _fit_list(self) -> None:
        self.list.setMinimumHeight(theme.scaled(_LIST_HEIGHT))
