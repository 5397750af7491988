"""Asks before everything is deleted, and says what that is."""

from collections.abc import Sequence

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from engine.erasing import Kept
from engine.i18n import tr


class EraseDialog(QMessageBox):
    """Names every folder that will be emptied. `agreed` is the button that does it."""

    def __init__(self, kept: Sequence[Kept], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle(tr("Delete everything"))
        self.setText(
            tr(
                "Delete all conversations, settings, added models and the index of your "
                "documents, then quit? This cannot be undone. The documents themselves stay."
            )
        )
        self.setInformativeText(erased_text(kept))
        self.agreed = self.addButton(
            tr("Delete everything and quit"), QMessageBox.ButtonRole.DestructiveRole
        )
        self.setDefaultButton(self.addButton(QMessageBox.StandardButton.Cancel))


def erased_text(kept: Sequence[Kept]) -> str:
    """Name the folders, a line each, with what is in them."""
    return "\n".join(
        tr(
            "{folder}: {files} files, {size}",
            folder=one.folder,
            files=QLocale().toString(one.files),
            size=QLocale().formattedDataSize(one.size_bytes),
        )
        for one in kept
    )
