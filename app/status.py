"""The line at the bottom: which model, and what it is doing."""

from collections.abc import Callable
from time import perf_counter
from typing import Final

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from app import theme
from app.context_meter import ContextMeter
from app.message_view import trimmed_text
from app.models.chooser import ModelButton
from app.texts import follow_language, show_text
from engine.events import PrefillProgress
from engine.i18n import tr
from engine.store import Message

_SPEED_SECONDS: Final = 0.5
"""So often the speed is shown anew: more often nobody could read it."""


class StatusLine(QWidget):
    """Model name on the left; progress, speed and use of the context on the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ModelButton()
        self.activity = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.meter = ContextMeter()
        self._context_length = 0
        self._prompt_tokens = 0
        self._tokens = 0
        self._first = self._shown = 0.0
        self._trimmed = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        row.setSpacing(theme.SPACE)
        self.server = QPushButton()
        self.server.setProperty("link", True)
        self.server.hide()
        row.addWidget(self.model)
        row.addStretch(1)
        row.addWidget(self.server)
        row.addWidget(self.activity)
        row.addWidget(self.meter)
        self.activity.setProperty("muted", True)
        show_text(self.model.setAccessibleName, "Model")
        show_text(self.activity.setAccessibleName, "Activity")
        self._activity: Callable[[], str] = str
        follow_language(self._show_activity)

    def show_server(self, address: str | None) -> None:
        """Say that other programs are answered at `address`; None: they are not."""
        self.server.setVisible(address is not None)
        if address is not None:
            port = address.removesuffix("/v1").rpartition(":")[2]
            show_text(self.server.setText, "Answers other programs: port {port}", port=port)

    def show_loading(self) -> None:
        """Say that the model is being opened."""
        show_text(self.model.setText, "Loading model…")

    def show_model(self, name: str, context_length: int) -> None:
        """Say which model answers; `context_length` is in tokens."""
        self._context_length = context_length
        show_text(self.model.setText, name)

    def show_no_model(self) -> None:
        """Say that nothing can answer."""
        show_text(self.model.setText, "No model")

    def show_trimmed(self, dropped_messages: int) -> None:
        """Remember that the oldest messages were left out of this answer's context."""
        self._trimmed = trimmed_text(dropped_messages)

    def show_prefill(self, progress: PrefillProgress) -> None:
        """Show how much of the prompt the model has read."""
        self._prompt_tokens, self._tokens = progress.total, 0
        self._say(
            lambda: tr(
                "Reading {done} of {total} tokens…",
                done=_number(progress.done),
                total=_number(progress.total),
            )
        )
        self._show_use(progress.total)

    def show_answering(self, tokens: int) -> None:
        """Show the speed at which words come; `tokens` more have come."""
        now = perf_counter()
        if not self._tokens:
            self._first = self._shown = now
            self._say(lambda: tr("Answering…"))
        self._tokens += tokens
        if now - self._shown >= _SPEED_SECONDS:
            self._shown = now
            speed = self._tokens / (now - self._first)
            self._say(lambda: _speed(speed))
            self._show_use(self._prompt_tokens + self._tokens)

    def show_answer(self, message: Message) -> None:
        """Show the speed of a finished answer and how much of the context it filled."""
        used = None
        if message.prompt_tokens and message.completion_tokens is not None:
            used = message.prompt_tokens + message.completion_tokens
        self._say(lambda: self._costs(message.decode_tokens_per_second, used))
        if used and self._context_length:
            self._show_use(used)
        else:
            self.meter.hide()
        self._trimmed = ""

    def clear_activity(self) -> None:
        """Show nothing on the right."""
        self._say(str)
        self.meter.hide()
        self._tokens = 0
        self._trimmed = ""

    def _costs(self, speed: float | None, used: int | None) -> str:
        parts = [_speed(speed)] if speed else []
        if used and self._context_length:
            parts.append(self._use(used))
        return " · ".join(parts)

    def _say(self, activity: Callable[[], str]) -> None:
        self._activity = activity
        self._show_activity()

    def _show_activity(self) -> None:
        self.activity.setText(self._activity())

    def _show_use(self, used: int) -> None:
        if self._context_length:
            text = " ".join(part for part in (self._use(used), self._trimmed) if part)
            self.meter.show_share(used / self._context_length, text)

    def _use(self, used: int) -> str:
        return tr(
            "Context: {used} of {total} tokens",
            used=_number(used),
            total=_number(self._context_length),
        )


def _speed(tokens_per_second: float) -> str:
    return tr("{speed} tokens/s", speed=QLocale().toString(tokens_per_second, "f", 1))


def _number(value: int) -> str:
    return QLocale().toString(value)
