"""Passages that a search found, each with its place."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app import theme
from app.texts import show_text
from engine.documents.answering.sources import place_of
from engine.documents.passages import RetrievedPassage
from engine.i18n import tr
from engine.search_text import snippet

_PASSAGE: Final = Qt.ItemDataRole.UserRole


class FoundList(QWidget):
    """A list of passages; Enter or a double click opens one in its document."""

    opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.summary.setProperty("muted", True)
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        show_text(self.list.setAccessibleName, "Passages found")
        self.list.itemActivated.connect(lambda item: self.opened.emit(item.data(_PASSAGE)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.summary)
        column.addWidget(self.list, 1)

    def show_passages(self, passages: Sequence[RetrievedPassage], query: str) -> None:
        """Show what was found for `query`."""
        self.list.clear()
        for passage in passages:
            line, _places = snippet(passage.text, query)
            item = QListWidgetItem(f"{place_of(passage)}\n{line}", self.list)
            item.setData(_PASSAGE, passage)
        self.summary.setText(
            tr("Passages found: {count}", count=len(passages))
            if passages
            else tr("Nothing in your documents fits this.")
        )
        if passages:
            self.list.setCurrentRow(0)
            self.list.setFocus()
