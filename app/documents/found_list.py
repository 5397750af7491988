"""Passages that a search found, each with its place and the sentence that fits best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.marked_text import lay_out, line_height
from app.texts import follow_language, show_text
from engine.documents.answering.sources import Citation, place_of
from engine.documents.passages import RetrievedPassage
from engine.documents.sentences import sentences_of
from engine.i18n import tr
from engine.search_text import Span, find_words, fold, snippet

_FOUND: Final = Qt.ItemDataRole.UserRole
_LINES: Final = 2


@dataclass(frozen=True)
class _Found:
    """A sentence of a passage, what is shown of it, and where the words stand in that."""

    citation: Citation
    line: str
    marks: tuple[Span, ...]

    @property
    def place(self) -> str:
        return place_of(self.citation.passage, self.citation.start)


class FoundList(QWidget):
    """A list of passages; Enter or a double click opens one in its document."""

    opened = Signal(object)
    """A Citation: the sentence of the passage that fits best."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.summary = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.summary.setProperty("muted", True)
        self.list = QListWidget()
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setSpacing(2)
        show_text(self.list.setAccessibleName, "Passages found")
        self.list.itemActivated.connect(lambda item: self.opened.emit(item.data(_FOUND).citation))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.summary)
        column.addWidget(self.list, 1)
        follow_language(self._show_texts)

    def show_passages(self, passages: Sequence[RetrievedPassage], query: str) -> None:
        """Show what was found for `query`."""
        self.list.clear()
        for passage in passages:
            QListWidgetItem(self.list).setData(_FOUND, _found(passage, query))
        self._count = len(passages)
        self._show_texts()
        if passages:
            self.list.setCurrentRow(0)
            self.list.setFocus()

    def _show_texts(self) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            found: _Found = item.data(_FOUND)
            item.setText(f"{found.place}\n{found.line}")
        self.summary.setText(
            tr("Passages found: {count}", count=self._count)
            if self._count
            else tr("Nothing in your documents fits this.")
        )


def _found(passage: RetrievedPassage, query: str) -> _Found:
    """Return the sentence of a passage that holds most words of the query."""

    def words(span: Span) -> int:
        text = passage.text[slice(*span)]
        return len({fold(text[start:end]) for start, end in find_words(text, query)})

    spans = sentences_of(passage.text)
    start, end = max(spans, key=words) if spans else (0, len(passage.text))
    line, marks = snippet(passage.text[start:end], query)
    citation = Citation(
        number=1, passage=passage, start=passage.start + start, end=passage.start + end
    )
    return _Found(citation, line, marks)


class _Delegate(QStyledItemDelegate):
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        found: _Found = index.data(_FOUND)
        title = QFont(option.font)
        title.setWeight(QFont.Weight.DemiBold)
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        place = option.rect.adjusted(theme.SPACE, theme.SPACE // 2, -theme.SPACE, 0)
        height = line_height(option.font)
        name = option.fontMetrics.elidedText(
            found.place, Qt.TextElideMode.ElideMiddle, place.width()
        )
        painter.save()
        painter.setPen(QColor(theme.colors().text))
        lay_out(name, (), title, place.width(), 1).draw(painter, QPointF(place.topLeft()))
        painter.setPen(QColor(theme.colors().muted))
        text = lay_out(found.line, found.marks, option.font, place.width(), _LINES)
        text.draw(painter, QPointF(place.x(), place.y() + height))
        painter.restore()

    def sizeHint(
        self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, (1 + _LINES) * line_height(option.font) + theme.SPACE)
