"""Links of an answer open in the system's browser, once the person has seen the whole address."""

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QTextBrowser, QWidget

from app.markdown.syntax import is_web_link
from engine.i18n import tr

_LINE_LENGTH = 56


def open_links(text: QTextBrowser) -> None:
    """Let the links of `text` be clicked, or reached with Tab once it has the focus."""
    text.setTextInteractionFlags(
        text.textInteractionFlags()
        | Qt.TextInteractionFlag.LinksAccessibleByMouse
        | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    )
    text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    text.anchorClicked.connect(lambda url: ask_to_open(url, text))


def ask_to_open(url: QUrl, parent: QWidget) -> None:
    """Show the address of `url` and open it if the person agrees; ignore other kinds of links."""
    # Encoded, so that no look-alike letter and no reversed text can hide where it leads.
    address = bytes(url.toEncoded().data()).decode("ascii")
    if not is_web_link(address):
        return
    box = QMessageBox(parent.window())
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setWindowTitle(tr("Open link"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(tr("Open this address outside GEB Chat?"))
    box.setInformativeText(_broken(address))
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    agree = box.addButton(tr("Open"), QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    agree.clicked.connect(lambda: QDesktopServices.openUrl(url))
    box.open()


def _broken(address: str) -> str:
    """Return `address` in lines: a label does not break a long word."""
    return "\n".join(
        address[start : start + _LINE_LENGTH] for start in range(0, len(address), _LINE_LENGTH)
    )
