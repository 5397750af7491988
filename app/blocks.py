"""The blocks that a message is made of: so far only prose, shown exactly as it was written."""

from math import ceil

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontInfo,
    QFontMetricsF,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from app import theme
from engine.i18n import tr


class ProseBlock(QTextEdit):
    """Selectable plain text, as high as its content. No markup in it is ever interpreted.

    `append_text` lays out and repaints only the paragraph that grows, so a long answer
    costs no more per token than a short one.
    """

    copy_message_requested = Signal()

    def __init__(self, text: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(label)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setAcceptDrops(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(theme.message_font())
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
        self._set_line_height()
        self._natural_width = 0
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self.append_text(text)

    def append_text(self, text: str) -> None:
        """Add `text` at the end; the reader's selection stays."""
        reader = self.textCursor()
        anchor, position = reader.anchor(), reader.position()
        end = QTextCursor(self.document())
        end.movePosition(QTextCursor.MoveOperation.End)
        end.insertText(text)
        if anchor != position:  # a selection that reaches the end would grow with the text
            reader.setPosition(anchor)
            reader.setPosition(position, QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(reader)
        self._natural_width = 0
        self._fit_height()

    def sizeHint(self) -> QSize:
        if not self._natural_width:
            metrics = QFontMetricsF(self.font())
            lines = self.toPlainText().split("\n")
            self._natural_width = ceil(max(metrics.horizontalAdvance(line) for line in lines)) + 4
        return QSize(self._natural_width, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.minimumHeight())

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not its blocks

    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()
        data.setText(self.textCursor().selection().toPlainText())
        return data

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.createStandardContextMenu(event.pos())
        menu.addSeparator()
        menu.addAction(tr("Copy message"), self.copy_message_requested.emit)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def _set_line_height(self) -> None:
        block_format = QTextBlockFormat()
        height = round(theme.LINE_HEIGHT_EM * QFontInfo(self.font()).pixelSize())
        block_format.setLineHeight(height, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        QTextCursor(self.document()).setBlockFormat(block_format)

    def _fit_height(self) -> None:
        height = ceil(self.document().size().height())
        if height != self.minimumHeight():
            self.setFixedHeight(height)
