"""The log, viewed inside: its last pages, to read, copy, or find in its folder."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.errors.report import scrub
from engine.i18n import tr

_MOST_BYTES: Final = 200_000


class LogWindow(QDialog):
    """Shows the end of the log file at `path`; what is copied names neither user nor home."""

    def __init__(self, path: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Log"))
        self._path = path
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName(tr("Log"))
        self.text.setFont(theme.code_font())
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        hint = QLabel(tr("It stays on this computer. Copying leaves out your name and folder."))
        hint.setProperty("muted", True)
        hint.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(hint)
        column.addWidget(self.text)
        column.addWidget(self._make_buttons())
        self.resize(760, 520)
        self.refresh()

    def refresh(self) -> None:
        """Read the file again and show its end."""
        self.text.setPlainText(_end_of(self._path) or tr("The log is empty."))
        self.text.moveCursor(self.text.textCursor().MoveOperation.End)
        self.text.moveCursor(self.text.textCursor().MoveOperation.StartOfLine)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(scrub(self.text.toPlainText()))

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path.parent)))

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for text, act in (
            (tr("Copy"), self._copy),
            (tr("Refresh"), self.refresh),
            (tr("Open folder"), self._open_folder),
        ):
            button = QPushButton(text)
            button.clicked.connect(act)
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        return buttons


def _end_of(path: Path) -> str:
    """Return the last whole lines of a file; nothing if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _MOST_BYTES))
            end = file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return tr("{path} cannot be read: {detail}.", path=path, detail=error.strerror)
    if size > _MOST_BYTES:
        _, _, end = end.partition(b"\n")
    return end.decode(errors="replace").strip()
