"""What can be done with one message: a row of small buttons below it."""

from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.icons import IconButton
from app.texts import show_text
from engine.i18n import to_translate

_COPIED_MS: Final = 1500


class MessageToolbar(QWidget):
    """Copy, edit and, for answers, regenerate; arrows where there are several versions."""

    copy_requested = Signal()
    edit_requested = Signal()
    regenerate_requested = Signal()
    version_requested = Signal(int)
    """-1: the one before, 1: the one after."""

    def __init__(self, *, is_answer: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._copy_label = (
            to_translate("Copy answer") if is_answer else to_translate("Copy message")
        )
        self.copy_button = IconButton("copy", self._copy_label)
        self.copy_button.clicked.connect(self.copy_requested)
        self.edit_button = IconButton("rename", "Edit")
        self.edit_button.clicked.connect(self.edit_requested)
        self.regenerate_button = IconButton("refresh", "Regenerate")
        self.regenerate_button.clicked.connect(self.regenerate_requested)
        self.back = IconButton("left", "Previous version")
        self.back.clicked.connect(lambda: self.version_requested.emit(-1))
        self.place = QLabel()
        self.place.setProperty("muted", True)
        self.forth = IconButton("right", "Next version")
        self.forth.clicked.connect(lambda: self.version_requested.emit(1))
        self._copied = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._copied.timeout.connect(self._end_confirmation)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        versions = (self.back, self.place, self.forth)
        commands = (self.copy_button, self.edit_button, self.regenerate_button)
        for widget in (*commands, *versions) if is_answer else (*versions, *commands):
            row.addWidget(widget)
        if is_answer:
            self.copy_button.set_flush()
        self.regenerate_button.setVisible(is_answer)  # not before it has a parent
        self.show_versions(0, 1)

    def show_versions(self, place: int, count: int) -> None:
        """Say that the message is number `place`, from 0 on, of `count` versions."""
        for widget in (self.back, self.place, self.forth):
            widget.setVisible(count > 1)
        self.place.setText(f"{place + 1}/{count}")
        show_text(
            self.place.setAccessibleName,
            "Version {place} of {count}",
            place=place + 1,
            count=count,
        )
        self.back.setEnabled(place > 0)
        self.forth.setEnabled(place < count - 1)

    def show_quiet(self, quiet: bool) -> None:
        """Allow what makes a new version only while no answer is being written."""
        self.edit_button.setEnabled(quiet)
        self.regenerate_button.setEnabled(quiet)

    def confirm_copy(self) -> None:
        """Show for a moment that the message is on the clipboard."""
        self.copy_button.show_as("check", "Copied")
        self._copied.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._end_confirmation()

    def _end_confirmation(self) -> None:
        self._copied.stop()
        self.copy_button.show_as("copy", self._copy_label)
