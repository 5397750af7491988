"""What was deleted in the last 30 days: bring it back, or erase it for good."""

from typing import Final

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.sidebar.model import display_title
from engine.errors import StoreError
from engine.i18n import tr
from engine.store import Store

_SIZE: Final = (460, 420)
_ID: Final = Qt.ItemDataRole.UserRole


class DeletedDialog(QDialog):
    """A list with two buttons; one or several conversations can be selected."""

    restored = Signal(int)
    """Asks to bring a conversation back."""
    erased = Signal()
    failed = Signal(object)

    def __init__(self, store: Store, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Recently deleted"))
        self.resize(*_SIZE)
        self._store = store
        self._text = QLabel(wordWrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Recently deleted"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._enable)
        self.list.itemActivated.connect(self.restore)
        buttons = QDialogButtonBox()
        self.restore_button = QPushButton(tr("Restore"))
        self.restore_button.clicked.connect(self.restore)
        self.erase_button = QPushButton(tr("Erase for good…"))
        self.erase_button.clicked.connect(self.ask_to_erase)
        buttons.addButton(self.restore_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.erase_button, QDialogButtonBox.ButtonRole.DestructiveRole)
        close = buttons.addButton(QDialogButtonBox.StandardButton.Close)
        close.clicked.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE + 4)
        for widget in (self._text, self.list, buttons):
            column.addWidget(widget)
        self._show()

    def restore(self) -> None:
        """Bring back what is selected; the last of it is opened."""
        for number in self._selected():
            self.restored.emit(number)
        self._show()

    def ask_to_erase(self) -> None:
        """Erase what is selected, once the person has agreed."""
        count = len(self._selected())
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Erase for good"))
        box.setText(
            tr("Erase this conversation for good? It cannot be brought back.")
            if count == 1
            else tr(
                "Erase these {count} conversations for good? They cannot be brought back.",
                count=count,
            )
        )
        agree = box.addButton(tr("Erase"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        agree.clicked.connect(self._erase)
        box.open()

    def _erase(self) -> None:
        try:
            for number in self._selected():
                self._store.erase(number)
        except StoreError as error:
            self.failed.emit(error)
        self.erased.emit()
        self._show()

    def _selected(self) -> list[int]:
        return [item.data(_ID) for item in self.list.selectedItems()]

    def _show(self) -> None:
        self.list.clear()
        try:
            deleted = self._store.list_deleted()
        except StoreError as error:
            self.failed.emit(error)
            deleted = []
        for conversation, at in deleted:
            day = QDateTime.fromSecsSinceEpoch(int(at)).date()
            when = QLocale().toString(day, QLocale.FormatType.ShortFormat)
            item = QListWidgetItem(f"{when}  {display_title(conversation)}", self.list)
            item.setData(_ID, conversation.id)
        self.list.setCurrentRow(0)
        self._text.setText(
            tr("Deleted conversations are kept for 30 days, then erased for good.")
            if deleted
            else tr("Nothing was deleted in the last 30 days.")
        )
        self._enable()

    def _enable(self) -> None:
        some = bool(self.list.selectedItems())
        self.restore_button.setEnabled(some)
        self.erase_button.setEnabled(some)
