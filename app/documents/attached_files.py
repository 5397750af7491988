"""The files that a conversation's questions ask, each a chip above the text of the message."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QWidget

from app import theme
from app.icons import IconButton

_WIDEST: Final = 200
"""Pixels of a name; the middle of a longer one is left out, since its end tells the kind."""
_TALLEST: Final = 120
"""Pixels of all rows, so that large text leaves room for the message; more are scrolled to."""


class AttachedFiles(QScrollArea):
    """Shows files until each is removed: by its button, or by Del while that has the focus."""

    changed = Signal()
    """A file was added or removed by the person."""

    def __init__(self, text: QWidget, parent: QWidget | None = None) -> None:
        """Tab leads here from `text`, and the keyboard returns there from the last file."""
        super().__init__(parent)
        self._text = text
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chips: list[FileChip] = []
        self._body = QWidget()
        self.setWidget(self._body)
        for surface in (self.viewport(), self._body):
            surface.setAutoFillBackground(False)
        self.hide()

    @property
    def files(self) -> tuple[Path, ...]:
        """What is attached, in the order in which it was."""
        return tuple(chip.file for chip in self.chips)

    def add(self, files: Sequence[Path]) -> None:
        """Attach more files; those that are attached already stay as they are."""
        self.show_files([*self.files, *files])
        self.changed.emit()

    def show_files(self, files: Sequence[Path]) -> None:
        """Show these files, and no others."""
        for chip in self.chips:
            chip.hide()
            chip.deleteLater()
        self.chips.clear()
        before = self._text
        for file in dict.fromkeys(files):
            chip = FileChip(file, self._body)
            chip.removed.connect(lambda file=file: self._remove(file))
            chip.show()
            self.setTabOrder(before, chip.button)
            before = chip.button
            self.chips.append(chip)
        self.setVisible(bool(self.chips))
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._body and event.type() == QEvent.Type.LayoutRequest:
            self._arrange()  # letters have another size
        return super().eventFilter(watched, event)

    def _remove(self, file: Path) -> None:
        place = self.files.index(file)
        by_key = self.chips[place].button.hasFocus()
        self.show_files([other for other in self.files if other != file])
        self.changed.emit()
        if by_key and self.chips:
            self.chips[min(place, len(self.chips) - 1)].button.setFocus()
        elif by_key:
            self._text.setFocus()

    def _arrange(self) -> None:
        """Put the chips side by side, in as many rows as they need."""
        room, space = self.viewport().width(), theme.SPACE // 2
        x = y = height = 0
        for chip in self.chips:
            chip.fit(room)
            size = chip.sizeHint()
            if x and x + size.width() > room:
                x, y = 0, y + size.height() + space
            chip.setGeometry(x, y, size.width(), size.height())
            x += size.width() + space
            height = size.height()
        self._body.setFixedSize(room, y + height)
        rows = max(1, _TALLEST // (height + space))
        self.setFixedHeight(min(y + height, rows * (height + space) - space))


class FileChip(QFrame):
    """A file's name with a button that removes it."""

    removed = Signal()

    def __init__(self, file: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("attachedFile")
        self.file = file
        self.label = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.label.setToolTip(str(file))
        self.label.setAccessibleName(file.name)
        self.button = IconButton("close", "Remove")
        self.button.show_as("close", "Remove {name}", name=file.name)
        self.button.clicked.connect(self.removed)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE + 2, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.label)
        row.addWidget(self.button)

    def fit(self, room: int) -> None:
        """Shorten the name so that the chip fits into `room` pixels."""
        margins = self._row.contentsMargins()
        other = margins.left() + margins.right() + self._row.spacing() + self.button.width()
        width = min(theme.scaled(_WIDEST), room - other - 2 * self.frameWidth())
        middle = Qt.TextElideMode.ElideMiddle
        self.label.setText(self.label.fontMetrics().elidedText(self.file.name, middle, width))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)
