"""The guide, shown inside: the pages under resources/guide, in the language of the window."""

from typing import Any

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QImage, QResizeEvent, QShowEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app import theme
from engine.i18n import language, tr
from engine.resources import RESOURCES

GUIDE = RESOURCES / "guide"
_PLACE = Qt.ItemDataRole.UserRole
_SIZE = (900, 640)
_LIST_WIDTH = 220
_MARGIN = 24


class GuideWindow(QDialog):
    """Chapters on the left, the text on the right. Made anew each time, in the language in use."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Guide"))
        self.page = _Page()
        self.page.setAccessibleName(tr("Guide"))
        self.page.setSource(QUrl.fromLocalFile(str(GUIDE / f"{language()}.md")))
        self.chapters = QListWidget()
        self.chapters.setAccessibleName(tr("Chapters"))
        self.chapters.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list_chapters()
        self.chapters.currentItemChanged.connect(self._go_to)
        theme.follow_scale(self._fit_chapters)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        row.addWidget(self.chapters)
        row.addWidget(self.page, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addLayout(row, 1)
        column.addWidget(buttons)
        self.resize(*_SIZE)
        self.page.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.chapters.doItemsLayout()  # only now the style sheet says how high an item is

    def _list_chapters(self) -> None:
        block = self.page.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() == 2:
                item = QListWidgetItem(block.text(), self.chapters)
                item.setData(_PLACE, block.position())
            block = block.next()

    def _go_to(self, item: QListWidgetItem) -> None:
        # From the end back, so that the chapter stands at the top.
        self.page.moveCursor(QTextCursor.MoveOperation.End)
        cursor = self.page.textCursor()
        cursor.setPosition(item.data(_PLACE))
        self.page.setTextCursor(cursor)
        bar = self.page.verticalScrollBar()
        bar.setValue(bar.value() + self.page.cursorRect(cursor).top() - theme.SPACE)

    def _fit_chapters(self) -> None:
        self.chapters.setFixedWidth(theme.scaled(_LIST_WIDTH))


class _Page(QTextBrowser):
    """Shows pictures as wide as there is room; reads nothing but the guide's own files."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        if kind != QTextDocument.ResourceType.ImageResource:
            return super().loadResource(kind, name)
        picture = QImage(str(GUIDE / "pictures" / QUrl(name).fileName()))
        room = QSize(max(self.viewport().width() - 2 * _MARGIN, 1), picture.height())
        ratio = self.devicePixelRatioF()
        scaled = picture.scaled(
            room * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        return scaled

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.document().markContentsDirty(0, self.document().characterCount())
