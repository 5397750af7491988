"""The line at the bottom: which model, and what it is doing."""

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app import theme
from engine.events import PrefillProgress
from engine.i18n import tr
from engine.store import Message


class StatusLine(QWidget):
    """Model name on the left; progress, speed and use of the context on the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.activity = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._context_length = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        row.addWidget(self.model, 1)
        row.addWidget(self.activity)
        for label, name in ((self.model, tr("Model")), (self.activity, tr("Activity"))):
            label.setProperty("muted", True)
            label.setAccessibleName(name)

    def show_loading(self) -> None:
        """Say that the model is being opened."""
        self.model.setText(tr("Loading model…"))

    def show_model(self, name: str, context_length: int) -> None:
        """Say which model answers; `context_length` is in tokens."""
        self._context_length = context_length
        self.model.setText(name)

    def show_no_model(self) -> None:
        """Say that nothing can answer."""
        self.model.setText(tr("No model"))

    def show_prefill(self, progress: PrefillProgress) -> None:
        """Show how much of the prompt the model has read."""
        self.activity.setText(
            tr(
                "Reading {done} of {total} tokens…",
                done=_number(progress.done),
                total=_number(progress.total),
            )
        )

    def show_answering(self) -> None:
        """Say that words are coming."""
        self.activity.setText(tr("Answering…"))

    def show_answer(self, message: Message) -> None:
        """Show the speed of a finished answer and how much of the context it filled."""
        parts = []
        if message.decode_tokens_per_second:
            speed = QLocale().toString(message.decode_tokens_per_second, "f", 1)
            parts.append(tr("{speed} tokens/s", speed=speed))
        if message.prompt_tokens and message.completion_tokens is not None and self._context_length:
            used = message.prompt_tokens + message.completion_tokens
            parts.append(
                tr(
                    "Context: {used} of {total} tokens",
                    used=_number(used),
                    total=_number(self._context_length),
                )
            )
        self.activity.setText(" · ".join(parts))

    def clear_activity(self) -> None:
        """Show nothing on the right."""
        self.activity.clear()


def _number(value: int) -> str:
    return QLocale().toString(value)
