"""The open conversation: the last messages at once, earlier ones when the reader scrolls up."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from app import theme
from app.icons import IconButton
from app.message_view import MessageView
from app.selection import Selection
from app.texts import show_text
from engine.store import Message

PAGE: Final = 24
"""Messages that are built at once."""
_BOTTOM_TOLERANCE: Final = 8
_EDGE: Final = 40
"""Pixels at the top and the bottom of the view where a found word would be overlooked."""
_LAYOUT_LEVELS: Final = 7
"""Text, code block, section, answer, message, column, scroll area."""
_TOP_MARGIN: Final = 400
"""Pixels: how near the top the reader comes before earlier messages are built."""


class Anchor(NamedTuple):
    """Where the reader is: a message, and how far its top is below that of the view (pixels)."""

    message_id: int
    offset: int


class Transcript(QScrollArea):
    """A column of messages. The view follows new text only while the reader is at the bottom."""

    edited = Signal(int, str)
    """A message was written anew."""
    regenerate_requested = Signal(int)
    continue_requested = Signal(int)
    version_requested = Signal(int, int)
    """Of a message: the version before (-1) or after (1)."""
    source_opened = Signal(object)
    rebuilt = Signal()
    """Messages were built or are gone."""
    scrolled = Signal()
    """The reader is at another place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        show_text(self.setAccessibleName, "List of messages")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.messages: list[Message] = []
        """Of the branch that is shown; the last ones are built."""
        self._versions: Mapping[int, Sequence[int]] = {}
        self._quiet = True
        self._views: dict[int, MessageView] = {}
        self._edits: dict[int, str] = {}
        """What was being written in place of messages that are not shown now, by their id."""
        self.selection = Selection(self)
        self._following = True
        self._building = False
        self._later: Anchor | None = None
        self._content = QWidget()
        self._column = QVBoxLayout(self._content)
        self._column.setSpacing(theme.SPACE)
        self._column.addStretch(1)
        self.setWidget(self._content)
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
        self._later = None
        self._remove(self.messages)
        self.messages = list(messages)
        for message in messages[-PAGE:]:
            self._insert(self._column.count() - 1, message)
        self._settle()
        self.scroll_to_end()
        self._build_while_near_top()
        self.rebuilt.emit()

    def update_messages(self, messages: Sequence[Message]) -> None:
        """Show another branch: what it has in common with the one that is shown stays built."""
        pairs = enumerate(zip(self.messages, messages, strict=False))
        shared = min(len(self.messages), len(messages))
        same = next((n for n, (old, new) in pairs if old.id != new.id), shared)
        if same <= len(self.messages) - len(self._views):
            self.show_messages(messages)
            return
        self._remove(self.messages[same:])
        self.messages[same:] = messages[same:]
        for message in messages[same:]:
            self._insert(self._column.count() - 1, message)
        self._settle()
        self.rebuilt.emit()

    def add(self, message: Message) -> MessageView:
        """Add a message below the last one."""
        self.messages.append(message)
        view = self._insert(self._column.count() - 1, message)
        self._settle()
        self.rebuilt.emit()
        return view

    def finish(self, message: Message) -> MessageView | None:
        """Show how an answer ended; None if it is not built, or of another conversation."""
        for place, known in enumerate(self.messages):
            if known.id == message.id:
                self.messages[place] = message
        view = self._views.get(message.id)
        if view is not None:
            view.finish(message)
        return view

    def view(self, message_id: int) -> MessageView | None:
        """Return the widget of a message; None if it is not built, or of another conversation."""
        return self._views.get(message_id)

    def views(self) -> list[MessageView]:
        """Return the widgets that are built, in the order of reading."""
        first = len(self.messages) - len(self._views)
        return [self._views[message.id] for message in self.messages[first:]]

    def built_count(self) -> int:
        """Return how many messages are built."""
        return len(self._views)

    def show_versions(self, versions: Mapping[int, Sequence[int]]) -> None:
        """Show which messages have other versions beside them: see Store.versions."""
        self._versions = versions
        for view in self._views.values():
            self._show_version(view)

    def show_quiet(self, quiet: bool) -> None:
        """Allow what makes new versions only while no answer is being written."""
        self._quiet = quiet
        for view in self._views.values():
            view.show_quiet(quiet)

    def current(self) -> MessageView | None:
        """Return the message that has the focus."""
        widget = QApplication.focusWidget()
        while widget is not None and not isinstance(widget, MessageView):
            widget = widget.parentWidget()
        return widget if widget in self._views.values() else None

    def focus_beside(self, step: int) -> None:
        """Go from the message that has the focus to its neighbour, or to the last message."""
        views, current = self.views(), self.current()
        if not views:
            return
        place = len(views) - 1 if current is None else views.index(current) + step
        if place < 0 and self._has_earlier():
            self._build_page()
            self.focus_beside(step)
            return
        view = views[max(0, min(place, len(views) - 1))]
        view.take_focus()
        self.show_place(view, 0)

    def scroll_to_end(self) -> None:
        """Show the last line and follow what comes."""
        self._following = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def reveal(self, message_id: int) -> MessageView | None:
        """Build a message, if it is not built yet; None if it is not in this branch."""
        if any(message.id == message_id for message in self.messages):
            while message_id not in self._views:
                self._build_page()
        return self._views.get(message_id)

    def build_all(self) -> None:
        """Build every message."""
        while self._has_earlier():
            self._build_page()

    def anchor(self) -> Anchor | None:
        """Return where the reader is; None at the end."""
        if self._later is not None or self._following:
            return self._later
        for view in self.views():
            if self._top_of(view) + view.height() > 0:
                return self.place_of(view.message.id)
        return None

    def place_of(self, message_id: int) -> Anchor | None:
        """Return where a message is; None if it is not built."""
        view = self._views.get(message_id)
        return None if view is None else Anchor(message_id, self._top_of(view))

    def go_to(self, anchor: Anchor) -> None:
        """Bring the reader to a place; to the end, if it is in no message of this branch.

        Before the transcript is shown nothing has its height: it goes there later, then.
        """
        self._later = None if self.isVisible() else anchor
        if self._later is not None:
            return
        view = self.reveal(anchor.message_id)
        if view is None:
            self.scroll_to_end()
            return
        self._settle()
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + self._top_of(view) - anchor.offset)
        self._following = bar.value() >= bar.maximum() - _BOTTOM_TOLERANCE
        self._show_down_button()

    def show_place(self, widget: QWidget, y: int) -> None:
        """Scroll so that `y` of a widget inside is seen, if it is not; in the upper half then."""
        place = widget.mapTo(self._content, QPoint(0, y)).y()
        bar = self.verticalScrollBar()
        if not bar.value() + _EDGE <= place <= bar.value() + self.viewport().height() - _EDGE:
            bar.setValue(place - self.viewport().height() // 3)

    def _top_of(self, view: MessageView) -> int:
        return view.mapTo(self.viewport(), QPoint(0, 0)).y()

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
        if self._later is not None:
            self.go_to(self._later)
        self._build_while_near_top()

    def _insert(self, index: int, message: Message) -> MessageView:
        view = MessageView(message)
        number = message.id
        view.edited.connect(lambda text: self.edited.emit(number, text))
        view.source_opened.connect(self.source_opened)
        view.regenerate_requested.connect(lambda: self.regenerate_requested.emit(number))
        view.continue_requested.connect(lambda: self.continue_requested.emit(number))
        view.version_requested.connect(lambda step: self.version_requested.emit(number, step))
        view.show_quiet(self._quiet)
        self._views[number] = view
        self._show_version(view)
        self._column.insertWidget(index, view)
        if (edit := self._edits.pop(number, None)) is not None:
            view.start_editing(edit)
        if self.isVisible():
            view.show()  # now, not in the next turn of the event loop: it must have its height
        return view

    def _remove(self, messages: Sequence[Message]) -> None:
        for message in messages:
            view = self._views.pop(message.id, None)
            if view is not None:
                if (edit := view.unfinished_edit()) is not None:
                    self._edits[message.id] = edit
                self._column.removeWidget(view)
                view.hide()
                view.deleteLater()

    def _show_version(self, view: MessageView) -> None:
        versions = self._versions.get(view.message.id)
        if versions is None:
            view.show_versions(0, 1)
        else:
            view.show_versions(versions.index(view.message.id), len(versions))

    def _build_while_near_top(self) -> None:
        """Build earlier messages until enough of them lie above what is seen."""
        if self._building or not self.isVisible():
            return
        while self._has_earlier() and self.verticalScrollBar().value() < _TOP_MARGIN:
            self._build_page()

    def _has_earlier(self) -> bool:
        return len(self._views) < len(self.messages)

    def _build_page(self) -> None:
        """Build some earlier messages; what is seen stays where it is."""
        self._building = True
        bar = self.verticalScrollBar()
        below = bar.maximum() - bar.value()
        end = len(self.messages) - len(self._views)
        for index, message in enumerate(self.messages[max(0, end - PAGE) : end]):
            self._insert(index, message)
        self._settle()
        bar.setValue(bar.maximum() - below)
        self._building = False
        self.rebuilt.emit()

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
        self.scrolled.emit()

    def _show_down_button(self) -> None:
        self._down.setVisible(not self._following)


def side_margin(width: int) -> int:
    """Return the margin in pixels that centres a column of readable lines in `width` pixels."""
    return max(3 * theme.SPACE, (width - theme.scaled(theme.COLUMN_WIDTH)) // 2)
