"""A document at the place that an answer cites: the page with the passage marked."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPixmap,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.blocks import line_format
from app.documents.opening import open_in_system
from app.documents.waiting import Waiting
from app.texts import show_text
from engine.documents.answering.sources import Citation, place_of
from engine.documents.document import Document
from engine.documents.passages import RetrievedPassage
from engine.documents.picture import PagePicture, PictureRequest
from engine.documents.sandbox import DocumentReader
from engine.errors import GebError
from engine.i18n import to_translate, tr

T = TypeVar("T")

_SIZE: Final = (640, 760)
_MAXIMUM_TEXT: Final = 200_000
"""Characters of a page that are shown; of longer ones the part around the passage."""


class Preview(QDialog):
    """Shows one place at a time. The file is read in a process of its own, as for the index."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("preview")
        self._reader = DocumentReader()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="preview")
        self._file: Path | None = None
        self.place = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.place.setObjectName("title")
        self.remark = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.remark.setProperty("muted", True)
        self.text = QTextEdit(readOnly=True)
        show_text(self.text.setAccessibleName, "Text of the page")
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        show_text(self.picture.setAccessibleName, "Picture of the page")
        self.page_area = QScrollArea()
        self.page_area.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.page_area.setWidget(self.picture)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.text)
        self.pages.addWidget(self.page_area)
        self.system_button = QPushButton(autoDefault=False)
        show_text(self.system_button.setText, "Open in the system's viewer")
        self.system_button.clicked.connect(self._open_outside)
        self.switch_button = QPushButton(autoDefault=False)
        self.switch_button.clicked.connect(self._switch)
        self._lay_out()
        theme.follow_scale(self._fit_size)

    def show_citation(self, citation: Citation) -> None:
        """Show the page of a citation with its sentence marked."""
        self._show(citation.passage, citation.start, citation.end)

    def show_passage(self, passage: RetrievedPassage) -> None:
        """Show the page of a passage with all of it marked."""
        self._show(passage, passage.start, passage.end)

    def shutdown(self) -> None:
        """End what is being read, and the process that reads."""
        self._reader.close()
        self._thread.shutdown()

    def _show(self, passage: RetrievedPassage, start: int, end: int) -> None:
        self._file = passage.file
        quote = passage.text[start - passage.start : end - passage.start]
        place = place_of(passage)
        self.setWindowTitle(place)
        self.place.setText(place)
        self.remark.setText(tr("Reading…"))
        self.text.clear()
        self.pages.setCurrentWidget(self.text)
        self.switch_button.hide()
        self.show()
        self.raise_()
        is_pdf = passage.file.suffix.lower() == ".pdf"
        self._wait(
            self._thread.submit(self._reader.read, passage.file),
            lambda document: self._show_text(document, passage, start, quote),
        )
        if is_pdf:
            bar = self.page_area.verticalScrollBar().sizeHint().width()
            width = round((self.pages.width() - bar - 4) * self.devicePixelRatio())
            request = PictureRequest(passage.page_index, max(width, 400), quote, start)
            self._wait(
                self._thread.submit(self._reader.draw, passage.file, request), self._show_picture
            )

    def _wait(self, future: Future[T], on_done: Callable[[T], None]) -> None:
        Waiting(future, self, on_done, self._show_failure)

    def _show_failure(self, error: GebError) -> None:
        self.remark.setText(str(error))

    def _show_text(
        self, document: Document, passage: RetrievedPassage, start: int, quote: str
    ) -> None:
        pages = document.pages
        page = pages[passage.page_index].text if passage.page_index < len(pages) else ""
        if page[start : start + len(quote)] != quote:
            self.remark.setText(
                tr("The file has changed since it was read. This is the passage as it was:")
            )
            page, start = quote, 0
        else:
            self.remark.clear()
        first = max(0, start - _MAXIMUM_TEXT // 2)
        self._fill(page[first : first + _MAXIMUM_TEXT], start - first, len(quote))

    def _fill(self, page: str, start: int, length: int) -> None:
        self.text.setFont(theme.message_font())
        self.text.setPlainText(page)
        document = self.text.document()
        whole = QTextCursor(document)
        whole.select(QTextCursor.SelectionType.Document)
        whole.setBlockFormat(line_format(self.text.font()))
        marked = QTextCharFormat()
        marked.setBackground(QColor(theme.colors().selection))
        # Qt counts in UTF-16.
        before = len(page[:start].encode("utf-16-le")) // 2
        size = len(page[start : start + length].encode("utf-16-le")) // 2
        cursor = QTextCursor(document)
        cursor.setPosition(before)
        cursor.setPosition(before + size, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(marked)
        cursor.setPosition(before)
        self.text.setTextCursor(cursor)
        QTimer.singleShot(0, self, self._centre_cursor)

    def _centre_cursor(self) -> None:
        bar = self.text.verticalScrollBar()
        below = self.text.cursorRect().top() - self.text.viewport().height() // 3
        bar.setValue(bar.value() + below)

    def _show_picture(self, page: PagePicture) -> None:
        image = QImage(
            page.pixels, page.width, page.height, 4 * page.width, QImage.Format.Format_RGB32
        ).copy()
        painter = QPainter(image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
        mark = QColor(theme.LIGHT.selection)
        for box in page.boxes:
            painter.fillRect(QRectF(box.x, box.y, box.width, box.height), mark)
        painter.end()
        ratio = self.devicePixelRatio()
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)
        self.picture.adjustSize()
        self._show_page(self.page_area)
        self.switch_button.show()
        if page.boxes:
            first = min(page.boxes, key=lambda box: box.y)
            top = round(first.y / ratio) - self.page_area.viewport().height() // 3
            QTimer.singleShot(0, self, lambda: self.page_area.verticalScrollBar().setValue(top))

    def _switch(self) -> None:
        if self.pages.currentWidget() is self.page_area:
            self._show_page(self.text)
        else:
            self._show_page(self.page_area)

    def _show_page(self, page: QWidget) -> None:
        self.pages.setCurrentWidget(page)
        is_picture = page is self.page_area
        as_text, as_picture = to_translate("Show the text"), to_translate("Show the page")
        show_text(self.switch_button.setText, as_text if is_picture else as_picture)

    def _open_outside(self) -> None:
        if self._file is not None:
            open_in_system(self._file)

    def _fit_size(self) -> None:
        room = self.screen().availableSize()
        width, height = map(theme.scaled, _SIZE)
        self.resize(min(width, room.width() - 40), min(height, room.height() - 60))

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.addWidget(self.switch_button)
        foot.addStretch(1)
        foot.addWidget(self.system_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.place)
        column.addWidget(self.remark)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)
