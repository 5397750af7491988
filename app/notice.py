"""A bar with one sentence and, where it helps, one action."""

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from app import theme
from app.icons import IconButton
from app.texts import follow_language
from engine.errors import GebError


class _Sentences:
    """Errors as one text, in the language in which it is shown."""

    def __init__(self, errors: Sequence[GebError]) -> None:
        self._errors = errors

    def __str__(self) -> str:
        return " ".join(map(str, self._errors))


class NoticeBar(QWidget):
    """Hidden until `tell` is called; a later sentence replaces an earlier one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._button, self._second = QPushButton(), QPushButton()
        self._button.clicked.connect(self._act)
        self._second.clicked.connect(self._act_second)
        self._on_second: Callable[[], None] | None = None
        close = IconButton("close", "Dismiss")
        close.clicked.connect(self.dismiss)
        self._on_action: Callable[[], None] | None = None
        self._said: object = ""
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE + 4, 4, 4, 4)
        row.setSpacing(4)
        row.addWidget(self._label)
        row.addWidget(self._button)
        row.addWidget(self._second)
        row.addWidget(close)
        self.hide()
        follow_language(self._show_text)

    def tell(
        self,
        text: object,
        *,
        action: str = "",
        on_action: Callable[[], None] | None = None,
        seconds: float = 0,
    ) -> None:
        """Show `text` until it is dismissed or, where `seconds` is given, that time has passed.

        A GebError follows the language.
        """
        self.dismiss()
        self._said = text
        self._on_action = on_action
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self._second.hide()
        self._show_text()
        self._timer.setInterval(round(seconds * 1000))
        self.show()

    def tell_all(self, errors: Sequence[GebError], behind: str = "") -> object:
        """Show several sentences, then `behind` (English text); they follow the language.

        Return what `withdraw` takes back.
        """
        said = _Sentences([*errors, GebError(behind)] if behind else errors)
        self.tell(said)
        return said

    def withdraw(self, said: object) -> None:
        """Hide the bar if it shows this: it has had its time."""
        if self._said is said:
            self.dismiss()

    def offer(self, text: object, actions: Mapping[str, Callable[[], None]]) -> None:
        """Show `text` with one or two ways to go on."""
        (first, act), *others = actions.items()
        self.tell(text, action=first, on_action=act)
        for second, act_second in others[:1]:
            self._on_second = act_second
            self._second.setText(second)
            self._second.show()

    def text(self) -> str:
        """Return the sentence that is shown."""
        return self._label.text()

    def dismiss(self) -> None:
        """Hide the bar."""
        self._on_action = None
        self._timer.stop()
        self.hide()

    def _show_text(self) -> None:
        self._label.setText(str(self._said))
        self.setAccessibleName(self._label.text())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._timer.interval():
            self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()  # nobody reads it now: it begins anew when it is seen again

    def _act_second(self) -> None:
        self._on_action = self._on_second
        self._act()

    def _act(self) -> None:
        act = self._on_action
        self.dismiss()
        if act is not None:
            act()
