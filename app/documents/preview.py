"""A document at the place that an answer cites: the page with the passage marked."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from PySide6.QtCore import QEvent, QLocale, Qt, QTimer
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.actions import add_action
from app.blocks import line_format
from app.documents.opening import open_in_system
from app.documents.page_view import PageView
from app.documents.waiting import Waiting
from app.icons import IconButton
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


@dataclass(frozen=True)
class _Place:
    """What is to be marked, on which page."""

    passage: RetrievedPassage
    start: int
    quote: str

    @property
    def is_pdf(self) -> bool:
        return self.passage.file.suffix.lower() == ".pdf"


class Preview(QDialog):
    """Shows one place at a time, and the pages around it.

    The file is read in a process of its own, as for the index.
    """

    _document: Document | None = None

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("preview")
        self._reader = DocumentReader()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="preview")
        self._place: _Place | None = None
        self._page_index = 0
        self._shown = 0
        """Counts what was asked to be shown: an answer to an earlier one comes too late."""
        self.place = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.place.setObjectName("title")
        self.remark = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.remark.setProperty("muted", True)
        self.text = QTextEdit(readOnly=True)
        show_text(self.text.setAccessibleName, "Text of the page")
        self.page_area = PageView()
        self.page_area.resized.connect(self._draw)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.text)
        self.pages.addWidget(self.page_area)
        self.system_button = QPushButton(autoDefault=False)
        show_text(self.system_button.setText, "Open in the system's viewer")
        self.system_button.clicked.connect(self._open_outside)
        self.switch_button = QPushButton(autoDefault=False)
        self.switch_button.clicked.connect(self._switch)
        self.number = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.number.setProperty("muted", True)
        self.back = add_action(
            self, "previous-page", "Previous page", partial(self._turn, -1), "Ctrl+PgUp"
        )
        self.forth = add_action(
            self, "next-page", "Next page", partial(self._turn, 1), "Ctrl+PgDown"
        )
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

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._document is not None:
            self._show_text()  # marks have colours of their own

    def _show(self, passage: RetrievedPassage, start: int, end: int) -> None:
        quote = passage.text[start - passage.start : end - passage.start]
        self._place = _Place(passage, start, quote)
        self._document = None
        self._page_index = passage.page_index
        place = place_of(passage, start)
        self.setWindowTitle(place)
        self.place.setText(place)
        self.remark.setText(tr("Reading…"))
        self.text.clear()
        self.page_area.clear()
        self.pages.setCurrentWidget(self.text)
        self.switch_button.hide()
        self._show_number()
        self.show()
        self.raise_()
        self.activateWindow()
        self.text.setFocus()  # the keys scroll
        self._shown += 1
        self._wait(self._thread.submit(self._reader.read, passage.file), self._take_document)
        self._draw()

    def _wait(self, future: Future[T], on_done: Callable[[T], None]) -> None:
        asked = self._shown

        def in_time(then: Callable[[T], None]) -> Callable[[T], None]:
            return lambda result: then(result) if asked == self._shown else None

        Waiting(future, self, in_time(on_done), in_time(self._show_failure))  # type: ignore[arg-type]

    def _show_failure(self, error: GebError) -> None:
        place = self._place
        if place is None or self._document is not None:
            self.remark.setText(str(error))
            return
        as_it_was = tr("This is the passage as it was when it was read:")
        self.remark.setText(f"{error} {as_it_was}")
        self._fill(place.passage.text, place.start - place.passage.start, len(place.quote))

    def _take_document(self, document: Document) -> None:
        self._document = document
        self._show_text()
        self._show_number()

    def _show_text(self) -> None:
        place, document = self._place, self._document
        if place is None or document is None:
            return
        pages = document.pages
        page = pages[self._page_index].text if self._page_index < len(pages) else ""
        start, length = place.start, len(place.quote)
        self.remark.clear()
        if self._page_index != place.passage.page_index:
            start, length = 0, 0
        elif page[start : start + length] != place.quote:
            self.remark.setText(
                tr("The file has changed since it was read. This is the passage as it was:")
            )
            page, start = place.quote, 0
        first = max(0, start - _MAXIMUM_TEXT // 2)
        self._fill(page[first : first + _MAXIMUM_TEXT], start - first, length)

    def _fill(self, page: str, start: int, length: int) -> None:
        self.text.setFont(theme.message_font())
        self.text.setPlainText(page)
        document = self.text.document()
        whole = QTextCursor(document)
        whole.select(QTextCursor.SelectionType.Document)
        whole.setBlockFormat(line_format(self.text.font()))
        whole.setCharFormat(QTextCharFormat())  # else new text is marked as the old was
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

    def _draw(self) -> None:
        """Let the page be drawn, where it is one of a PDF."""
        place = self._place
        if place is None or not place.is_pdf:
            return
        is_cited = self._page_index == place.passage.page_index
        request = PictureRequest(
            self._page_index,
            self.page_area.picture_width,
            place.quote if is_cited else "",
            place.start,
        )
        drawing = self._thread.submit(self._reader.draw, place.passage.file, request)
        self._wait(drawing, self._show_picture)

    def _show_picture(self, page: PagePicture) -> None:
        self.page_area.show_picture(page)
        if self.switch_button.isHidden():
            self._show_page(self.page_area)
            self.page_area.setFocus()
            self.switch_button.show()

    def _turn(self, step: int) -> None:
        """Show another page of the document."""
        document = self._document
        if document is None or not 0 <= self._page_index + step < len(document.pages):
            return
        self._page_index += step
        self._shown += 1
        self.page_area.clear()
        self._show_text()
        self._show_number()
        self._draw()

    def _show_number(self) -> None:
        count = len(self._document.pages) if self._document is not None else 0
        for widget in (self.number, *self._turns):
            widget.setVisible(count > 1)
        self.back.setEnabled(self._page_index > 0)
        self.forth.setEnabled(self._page_index < count - 1)
        for button, action in zip(self._turns, (self.back, self.forth), strict=True):
            button.setEnabled(action.isEnabled())
        at, of = (QLocale().toString(number) for number in (self._page_index + 1, count))
        show_text(self.number.setText, "Page {number} of {count}", number=at, count=of)

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
        if self._place is not None:
            file = self._place.passage.file
            if not open_in_system(file):
                self.remark.setText(
                    tr("No program of this computer opened {name}.", name=file.name)
                )

    def _fit_size(self) -> None:
        room = self.screen().availableSize()
        width, height = map(theme.scaled, _SIZE)
        self.resize(min(width, room.width() - 40), min(height, room.height() - 60))

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.addWidget(self.switch_button)
        foot.addStretch(1)
        self._turns = (IconButton("left", "Previous page"), IconButton("right", "Next page"))
        for button, action in zip(self._turns, (self.back, self.forth), strict=True):
            button.clicked.connect(action.trigger)
        foot.addWidget(self._turns[0])
        foot.addWidget(self.number)
        foot.addWidget(self._turns[1])
        foot.addStretch(1)
        foot.addWidget(self.system_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.place)
        column.addWidget(self.remark)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)
