"""What a program needs to ask the model: switch, port, address and key."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.serving.switch import ApiSwitch
from engine.api.key import read_key
from engine.errors import GebError
from engine.i18n import tr
from engine.settings.file import Settings
from engine.settings.table import API, API_PORT


class ApiDialog(QDialog):
    """Changes the settings at once, and shows what became of it."""

    def __init__(self, settings: Settings, switch: ApiSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Other programs"))
        self._settings = settings
        self._switch = switch
        self.on = QCheckBox(tr("Answer other programs on this computer"))
        self.port = QSpinBox(minimum=API_PORT.low, maximum=API_PORT.high)
        self.port.setKeyboardTracking(False)
        self.port.setAccessibleName(tr("Port"))
        self.address = _read_only(tr("Address"))
        self.key = _read_only(tr("Key"))
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.state = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._lay_out()
        self._show()
        self.on.toggled.connect(lambda on: self._change(API.name, on))
        self.port.valueChanged.connect(lambda port: self._change(API_PORT.name, port))
        switch.changed.connect(self._show)

    def _change(self, name: str, value: object) -> None:
        try:
            self._settings.change({name: value})
        except GebError as error:
            self.state.setText(str(error))

    def _show(self) -> None:
        for widget, show in (
            (self.on, lambda: self.on.setChecked(self._settings.get(API))),
            (self.port, lambda: self.port.setValue(self._settings.get(API_PORT))),
        ):
            widget.blockSignals(True)
            show()
            widget.blockSignals(False)
        problem = self._switch.problem
        if problem is not None:
            state = str(problem)
        elif self._switch.address is not None:
            state = tr("On. Programs on this computer that show the key are answered.")
        else:
            state = tr("Off. No program can connect.")
        self.state.setText(state)
        self.address.setText(self._switch.address or "")
        try:
            self.key.setText(read_key())
        except GebError as error:
            self.key.clear()
            self.state.setText(str(error))

    def _renew(self) -> None:
        try:
            self._switch.renew_key()
        except GebError as error:
            self.state.setText(str(error))
        else:
            self._show()

    def _show_key(self, shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        self.key.setEchoMode(mode)

    def _lay_out(self) -> None:
        hint = QLabel(
            tr(
                "Programs written for OpenAI's API can use the model of this window: give them "
                "the address and the key. Nothing outside this computer can connect."
            ),
            wordWrap=True,
        )
        hint.setProperty("muted", True)
        copy_address = _button(tr("Copy"), tr("Copy the address"), lambda: _copy(self.address))
        show = QCheckBox(tr("Show"))
        show.setAccessibleName(tr("Show the key"))
        show.toggled.connect(self._show_key)
        copy_key = _button(tr("Copy"), tr("Copy the key"), lambda: _copy(self.key))
        renew = _button(tr("Renew"), tr("Make a new key; the old one stops working"), self._renew)
        form = QFormLayout()
        form.setVerticalSpacing(theme.SPACE)
        form.addRow(tr("Port"), self.port)
        form.addRow(tr("Address"), _row(self.address, copy_address))
        form.addRow(tr("Key"), _row(self.key, show, copy_key, renew))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(2 * theme.SPACE)
        for widget in (hint, self.on):
            column.addWidget(widget)
        column.addLayout(form)
        column.addWidget(self.state)
        column.addStretch(1)
        column.addWidget(buttons)
        self.resize(560, self.sizeHint().height())


def _read_only(name: str) -> QLineEdit:
    edit = QLineEdit(readOnly=True)
    edit.setAccessibleName(name)
    return edit


def _button(text: str, name: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(name)
    button.setToolTip(name)
    button.setAutoDefault(False)
    button.clicked.connect(act)
    return button


def _copy(edit: QLineEdit) -> None:
    QGuiApplication.clipboard().setText(edit.text())


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.SPACE)
    for widget in widgets:
        row.addWidget(widget)
    return row
