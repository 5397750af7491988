"""The dialog of all settings: pages by name, a search over them, changes that work at once."""

from typing import Final

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QScreen
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.notice import NoticeBar
from app.settings.page import SettingsPage
from app.texts import follow_language, show_text
from engine.errors import GebError
from engine.i18n import tr

_SIZE: Final = (760, 560)


class SettingsDialog(QDialog):
    """Pages are added with `add_page`; it shows the one that is chosen on the left."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        show_text(self.setWindowTitle, "Settings")
        self.notice = NoticeBar()
        self.search = QLineEdit(clearButtonEnabled=True)
        show_text(self.search.setPlaceholderText, "Search settings")
        show_text(self.search.setAccessibleName, "Search settings")
        self.search.textChanged.connect(self._search)
        self.pages = QListWidget()
        self.pages.setObjectName("pages")
        show_text(self.pages.setAccessibleName, "Pages")
        self.stack = QStackedWidget()
        self.pages.currentRowChanged.connect(self._show_page)
        self._nothing = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._nothing.setProperty("muted", True)
        show_text(self._nothing.setText, "No setting has these words.")
        self.stack.addWidget(self._nothing)
        self._messages: list[str] = []
        self._pages: list[SettingsPage] = []
        self._lay_out()
        theme.follow_scale(self._fit_size)

    def add_page(self, message: str, page: SettingsPage) -> None:
        """Add a page under its English name."""
        self._messages.append(message)
        self._pages.append(page)
        QListWidgetItem(tr(message), self.pages)
        self.stack.addWidget(scrolled(page))
        page.failed.connect(self.show_error)
        if self.pages.count() == 1:
            follow_language(self._name_pages)
            self.pages.setCurrentRow(0)
            self._show_page(0)
        self._name_pages()

    def page(self, row: int) -> SettingsPage:
        """Return a page by its place in the list."""
        return self._pages[row]

    def show_error(self, error: GebError) -> None:
        """Say what could not be done, above the page."""
        self.notice.tell(error)

    def done(self, result: int) -> None:
        """Keep what was typed, and close."""
        for page in self._pages:
            page.flush()
        super().done(result)

    def _show_page(self, row: int) -> None:
        self.notice.dismiss()
        self.stack.setCurrentIndex(row + 1)

    def _search(self, words: str) -> None:
        """Leave the pages that have what is searched for."""
        first = -1
        for row in range(self.pages.count()):
            found = self.page(row).search(words)
            self.pages.item(row).setHidden(not found)
            if found and first < 0:
                first = row
        if first < 0:
            self.stack.setCurrentIndex(0)
        elif self.pages.currentItem() is None or self.pages.currentItem().isHidden():
            self.pages.setCurrentRow(first)
        else:
            self.stack.setCurrentIndex(self.pages.currentRow() + 1)

    def _name_pages(self) -> None:
        for row, message in enumerate(self._messages):
            self.pages.item(row).setText(tr(message))
        self.pages.setFixedWidth(self._list_width())

    def _list_width(self) -> int:
        return min(self.pages.sizeHintForColumn(0) + theme.scaled(20), theme.scaled(200))

    def _fit_size(self) -> None:
        screen: QScreen = self.screen()
        room = screen.availableSize() - QSize(40, 60)
        self.resize(QSize(*map(theme.scaled, _SIZE)).boundedTo(room))
        if self.isVisible():  # it has grown where it stands
            seen = screen.availableGeometry()
            corner = seen.bottomRight() - QPoint(self.width(), self.height())
            self.move(
                max(seen.left(), min(self.x(), corner.x())),
                max(seen.top(), min(self.y(), corner.y())),
            )
        if self.pages.count():
            self._name_pages()

    def _lay_out(self) -> None:
        close = QPushButton()
        show_text(close.setText, "Close")
        close.clicked.connect(self.accept)
        close.setAutoDefault(False)
        left = QVBoxLayout()
        left.addWidget(self.pages, 1)
        right = QVBoxLayout()
        right.setSpacing(theme.SPACE)
        right.addWidget(self.notice)
        right.addWidget(self.stack, 1)
        middle = QHBoxLayout()
        middle.setSpacing(2 * theme.SPACE)
        middle.addLayout(left)
        middle.addLayout(right, 1)
        bottom = QHBoxLayout()
        bottom.addStretch(1)
        bottom.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE + 4)
        column.addWidget(self.search)
        column.addLayout(middle, 1)
        column.addLayout(bottom)
        self.pages.setFocus()


def scrolled(page: SettingsPage) -> QScrollArea:
    """Return `page` in an area that scrolls where large text needs more room."""
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
