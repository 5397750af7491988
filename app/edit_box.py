"""A message being written anew, in its own place."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.composer import ComposerEdit
from app.texts import show_text

_MAXIMUM_LINES = 18


class EditBox(QFrame):
    """The text with two buttons. A question is sent with Enter; an answer, which has lines of its
    own, is stored with Ctrl+Enter; Escape gives up."""

    finished = Signal(str)
    cancelled = Signal()

    def __init__(self, text: str, *, is_question: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composerFrame")
        self.edit = ComposerEdit(maximum_lines=_MAXIMUM_LINES, enter_sends=is_question)
        show_text(self.edit.setAccessibleName, "Edit message")
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self.edit.send_pressed.connect(self._finish)
        self.edit.textChanged.connect(self._enable)
        self.agree = QPushButton()
        self.agree.setProperty("primary", True)
        if is_question:
            show_text(self.agree.setText, "Send")
            show_text(self.agree.setToolTip, "Send as a new version (Enter)")
        else:
            show_text(self.agree.setText, "Save")
            show_text(self.agree.setToolTip, "Save as a new version (Ctrl+Enter)")
        self.agree.clicked.connect(self._finish)
        cancel = QPushButton()
        show_text(cancel.setText, "Cancel")
        cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.agree)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE + 4, theme.SPACE, theme.SPACE, theme.SPACE)
        column.addWidget(self.edit)
        column.addLayout(row)
        self.setFocusProxy(self.edit)
        self._enable()

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()  # it ends the editing, not the answer
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def _finish(self) -> None:
        if text := self.edit.toPlainText().strip():
            self.finished.emit(text)

    def _enable(self) -> None:
        self.agree.setEnabled(bool(self.edit.toPlainText().strip()))
