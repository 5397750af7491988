"""What a search found: under each conversation its messages, with the words marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app import theme
from app.marked_text import lay_out, line_height
from app.sidebar.model import Index
from app.sidebar.searcher import MOST_FOUND
from app.texts import show_text
from engine.i18n import tr
from engine.store import SearchHit

_ROW: Final = Qt.ItemDataRole.UserRole
_LINES: Final = 2


@dataclass(frozen=True)
class Row:
    """A conversation, one of its messages, or (no conversation) a remark."""

    text: str
    conversation_id: int | None
    message_id: int | None = None
    highlights: tuple[tuple[int, int], ...] = ()


def rows_of(hits: Sequence[SearchHit]) -> list[Row]:
    """Group hits by conversation, in the order in which each first appears."""
    groups: dict[int, list[Row]] = {}
    for hit in hits:
        number = hit.conversation_id
        marks = hit.highlights if hit.message_id is None else ()
        group = groups.setdefault(
            number, [Row(hit.title or tr("New conversation"), number, highlights=marks)]
        )
        if hit.message_id is not None:
            group.append(Row(hit.snippet, number, hit.message_id, hit.highlights))
    rows = [row for group in groups.values() for row in group]
    if sum(hit.message_id is not None for hit in hits) >= MOST_FOUND:
        rows.append(Row(tr("Only the {count} newest messages are shown.", count=MOST_FOUND), None))
    return rows


class ResultModel(QAbstractListModel):
    """The rows of the last search."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def show(self, hits: Sequence[SearchHit]) -> None:
        """Replace the rows."""
        self.beginResetModel()
        self.rows = rows_of(hits)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == _ROW:
            return row
        shown = role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
        return row.text if shown else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.rows[index.row()].conversation_id is None:
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)


class ResultList(QListView):
    """Conversations in one line each, messages in two."""

    def __init__(self, model: ResultModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        show_text(self.setAccessibleName, "Search results")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)


class _Delegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(_ROW)
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        is_title = row.conversation_id is not None and row.message_id is None
        left = theme.SPACE + 2 + (0 if is_title else theme.SPACE)
        place = option.rect.adjusted(left, theme.SPACE // 2, -theme.SPACE, 0)
        colors = theme.colors()
        painter.save()
        painter.setPen(QColor(colors.text if is_title else colors.muted))
        font = QFont(option.font)
        if row.message_id is None:
            font.setWeight(QFont.Weight.DemiBold)
        lines = 1 if is_title else _LINES
        layout = lay_out(row.text, row.highlights, font, place.width(), lines)
        layout.draw(painter, QPointF(place.topLeft()))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: Row = index.data(_ROW)
        lines = 1 if row.message_id is None and row.conversation_id is not None else _LINES
        return QSize(0, lines * line_height(option.font) + theme.SPACE)
