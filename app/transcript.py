"""The open conversation: the last messages at once, earlier ones when the reader scrolls up."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.icons import IconButton
from app.message_view import MessageView
from app.texts import show_text
from engine.store import Message

PAGE: Final = 24
"""Messages that are built at once."""
_BOTTOM_TOLERANCE: Final = 8
_LAYOUT_LEVELS: Final = 6
"""Text, code block, answer, message, column, scroll area."""
_TOP_MARGIN: Final = 400
"""Pixels: how near the top the reader comes before earlier messages are built."""


class Transcript(QScrollArea):
    """A column of messages. The view follows new text only while the reader is at the bottom."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        show_text(self.setAccessibleName, "Messages")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._earlier: list[Message] = []
        self._views: dict[int, MessageView] = {}
        self._following = True
        self._building = False
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setSpacing(theme.SPACE)
        self._column.addStretch(1)
        self.setWidget(content)
        self._down = IconButton("down", "Go to the end", self)
        self._down.setProperty("floating", True)
        self._down.clicked.connect(self.scroll_to_end)
        self._down.hide()
        bar = self.verticalScrollBar()
        bar.setEnabled(False)
        bar.rangeChanged.connect(self._range_changed)
        bar.valueChanged.connect(self._value_changed)

    def show_messages(self, messages: Sequence[Message]) -> None:
        """Replace what is shown; only the last messages are built now."""
        for view in self._views.values():
            self._column.removeWidget(view)
            view.hide()
            view.deleteLater()
        self._views.clear()
        self._earlier = list(messages[:-PAGE])
        for message in messages[-PAGE:]:
            self._insert(self._column.count() - 1, message)
        self._settle()
        self.scroll_to_end()
        self._build_while_near_top()

    def add(self, message: Message) -> MessageView:
        """Add a message below the last one."""
        view = self._insert(self._column.count() - 1, message)
        self._settle()
        return view

    def view(self, message_id: int) -> MessageView | None:
        """Return the widget of a message; None if it is not built, or of another conversation."""
        return self._views.get(message_id)

    def built_count(self) -> int:
        """Return how many messages are built."""
        return len(self._views)

    def scroll_to_end(self) -> None:
        """Show the last line and follow what comes."""
        self._following = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = side_margin(self.viewport().width())
        self._column.setContentsMargins(side, 2 * theme.SPACE, side, 2 * theme.SPACE)
        self._down.move(
            (self.viewport().width() - self._down.width()) // 2,
            self.height() - self._down.height() - theme.SPACE,
        )
        self._build_while_near_top()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._settle()
        self._build_while_near_top()

    def _insert(self, index: int, message: Message) -> MessageView:
        view = MessageView(message)
        self._views[message.id] = view
        self._column.insertWidget(index, view)
        if self.isVisible():
            view.show()  # now, not in the next turn of the event loop: it must have its height
        return view

    def _build_while_near_top(self) -> None:
        """Build earlier messages until enough of them lie above what is seen."""
        if self._building or not self.isVisible():
            return
        self._building = True
        bar = self.verticalScrollBar()
        while self._earlier and bar.value() < _TOP_MARGIN:
            page, self._earlier = self._earlier[-PAGE:], self._earlier[:-PAGE]
            below = bar.maximum() - bar.value()
            for index, message in enumerate(page):
                self._insert(index, message)
            self._settle()
            bar.setValue(bar.maximum() - below)
        self._building = False

    def _settle(self) -> None:
        """Do all pending layout now, so that the scroll range is true."""
        for _ in range(_LAYOUT_LEVELS):  # a pass settles one level and asks the next one
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)

    def _range_changed(self, _minimum: int, maximum: int) -> None:
        self.verticalScrollBar().setEnabled(maximum > 0)
        if self._following and not self._building:
            self.verticalScrollBar().setValue(maximum)
        self._show_down_button()

    def _value_changed(self, value: int) -> None:
        if self._building:
            return
        self._following = value >= self.verticalScrollBar().maximum() - _BOTTOM_TOLERANCE
        self._show_down_button()
        if value < _TOP_MARGIN:
            self._build_while_near_top()

    def _show_down_button(self) -> None:
        self._down.setVisible(not self._following)


def side_margin(width: int) -> int:
    """Return the margin in pixels that centres a column of readable lines in `width` pixels."""
    return max(3 * theme.SPACE, (width - theme.scaled(theme.COLUMN_WIDTH)) // 2)
