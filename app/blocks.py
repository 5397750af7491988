"""What the blocks of a message share, and the plain text of the user's own messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QFontInfo,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextFormat,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QMenu, QSizePolicy, QTextBrowser, QWidget

from app import theme
from app.selection import Selection
from app.texts import show_text
from engine.i18n import tr

SOURCE_PROPERTY: Final = QTextFormat.Property.UserProperty.value + 1
"""Of a character that stands for something drawn: what is copied in its place."""
_OBJECT: Final = "\ufffc"


class TextBlock(QTextBrowser):
    """Selectable text as high as its content. It fetches nothing and follows no link by itself.

    `label` is English text: the accessible name, which follows the language.
    """

    copy_text_requested = Signal()
    copy_markdown_requested = Signal()

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        show_text(self.setAccessibleName, label)
        self.setOpenLinks(False)
        self.setUndoRedoEnabled(False)
        self.setAcceptDrops(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self.fit_height)

    @contextmanager
    def writing(self) -> Iterator[QTextCursor]:
        """Yield a cursor to write with; what the reader has selected stays selected."""
        reader = self.textCursor()
        anchor, position = reader.anchor(), reader.position()
        writer = QTextCursor(self.document())
        writer.beginEditBlock()
        yield writer
        writer.endEditBlock()
        reader = self.textCursor()
        if (reader.anchor(), reader.position()) != (anchor, position):
            end = self.document().characterCount() - 1
            reader.setPosition(min(anchor, end))
            reader.setPosition(min(position, end), QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(reader)
        self.fit_height()

    def fit_height(self) -> None:
        """Be as high as the text."""
        height = ceil(self.document().size().height()) + self._extra_height()
        if height != self.minimumHeight():
            self.setFixedHeight(height)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.minimumHeight())

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not its blocks

    def selected_text(self) -> str:
        """Return what is selected here, as it is copied."""
        return plain_text(self.textCursor())

    def createMimeDataFromSelection(self) -> QMimeData:
        selection = self._selection()
        spans = selection is not None and selection.spans()
        data = QMimeData()
        data.setText(selection.text() if selection and spans else self.selected_text())
        return data

    def mousePressEvent(self, event: QMouseEvent) -> None:
        selection = self._selection()
        if selection is not None and event.button() == Qt.MouseButton.LeftButton:
            extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if selection.press(self, event.position().toPoint(), extend=extend):
                return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        selection = self._selection() if event.buttons() & Qt.MouseButton.LeftButton else None
        if selection is None or not selection.drag(event.globalPosition().toPoint()):
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if (selection := self._selection()) is not None:
            selection.release()
        super().mouseReleaseEvent(event)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        selection = self._selection()
        if selection is not None:
            if event.matches(QKeySequence.StandardKey.Copy) and selection.spans():
                QGuiApplication.clipboard().setText(selection.text())
                return
            if selection.press_key(self, event):
                return
        super().keyPressEvent(event)

    def _selection(self) -> Selection | None:
        """Return the selection that goes on over blocks, where there are others."""
        widget: QWidget | None = self.parentWidget()
        while widget is not None:
            if isinstance(selection := getattr(widget, "selection", None), Selection):
                return selection
            widget = widget.parentWidget()
        return None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu(event)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def make_menu(self, event: QContextMenuEvent) -> QMenu:
        """Return the menu for a right click: what Qt offers, and copying the whole message."""
        menu = self.createStandardContextMenu(event.pos())
        menu.addSeparator()
        self._add_copy_actions(menu)
        return menu

    def _add_copy_actions(self, menu: QMenu) -> None:
        menu.addAction(tr("Copy message as text"), self.copy_text_requested.emit)
        menu.addAction(tr("Copy message as Markdown"), self.copy_markdown_requested.emit)

    def _extra_height(self) -> int:
        """Return the pixels that are needed beside those of the text."""
        return 0


class WideBlock(TextBlock):
    """Text that scrolls sideways where it is wider than the column."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.horizontalScrollBar().rangeChanged.connect(self.fit_height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        if self.horizontalScrollBar().maximum() > 0 and abs(delta.x()) > abs(delta.y()):
            super(TextBlock, self).wheelEvent(event)
        else:
            event.ignore()

    def _extra_height(self) -> int:
        bar = self.horizontalScrollBar()
        return bar.sizeHint().height() if bar.maximum() > 0 else 0


class PlainBlock(TextBlock):
    """Text exactly as it was written; no markup in it is ever interpreted."""

    def __init__(self, text: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self._natural_width = 0
        self.setPlainText(text)
        theme.follow_scale(self._fit_scale)

    def sizeHint(self) -> QSize:
        if not self._natural_width:
            metrics = QFontMetricsF(self.font())
            lines = self.toPlainText().split("\n")
            self._natural_width = ceil(max(metrics.horizontalAdvance(line) for line in lines)) + 4
        return QSize(self._natural_width, self.height())

    def _fit_scale(self) -> None:
        self.setFont(theme.message_font())
        self._natural_width = 0
        with self.writing() as cursor:
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.setBlockFormat(line_format(self.font()))
        self.updateGeometry()

    def _add_copy_actions(self, menu: QMenu) -> None:
        menu.addAction(tr("Copy message"), self.copy_text_requested.emit)


def line_format(
    font: QFont, *, fixed: bool = True, em: float = theme.LINE_HEIGHT_EM
) -> QTextBlockFormat:
    """Return a format with lines of `em`; where not `fixed`, high things get more room."""
    kinds = QTextBlockFormat.LineHeightTypes
    kind = kinds.FixedHeight if fixed else kinds.MinimumHeight
    block_format = QTextBlockFormat()
    block_format.setLineHeight(round(em * QFontInfo(font).pixelSize()), kind.value)
    return block_format


def plain_text(selection: QTextCursor) -> str:
    """Return the selected text, with the source of what is drawn in it."""
    text = selection.selection().toPlainText()
    if _OBJECT not in text:
        return text
    at = QTextCursor(selection)
    parts = []
    position = selection.selectionStart()
    for part in selection.selectedText().split(_OBJECT)[:-1]:
        position += len(part.encode("utf-16-le")) // 2 + 1
        at.setPosition(position)
        parts.append(str(at.charFormat().property(SOURCE_PROPERTY) or _OBJECT))
    pieces = text.split(_OBJECT)
    return pieces[0] + "".join(a + b for a, b in zip(parts, pieces[1:], strict=True))
