"""The settings of one conversation: what differs from the defaults, and the way back to them."""

from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.notice import NoticeBar
from app.settings.dialog import scrolled
from app.settings.form import FieldMaker, SettingsForm
from app.settings.source import ConversationSource
from app.texts import show_text
from engine.errors import GebError
from engine.settings.table import SETTINGS

_SIZE: Final = (560, 620)


class ConversationDialog(QDialog):
    """Every setting that a conversation may have for itself; changes work at the next answer."""

    changed = Signal(object)

    def __init__(self, source: ConversationSource, make: FieldMaker, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("conversationSettings")
        show_text(self.setWindowTitle, "Settings of this conversation")
        self._source = source
        own = [setting for setting in SETTINGS if setting.per_conversation]
        self.form = SettingsForm(own, source, make)
        self.notice = NoticeBar()
        self.form.failed.connect(self.show_error)
        self.form.changed.connect(self._show_count)
        self.form.changed.connect(self.changed)
        self._count = QLabel(wordWrap=True)
        self._count.setProperty("muted", True)
        self.reset_button = QPushButton()
        show_text(self.reset_button.setText, "Reset all")
        self.reset_button.clicked.connect(self.reset_all)
        self._lay_out()
        self._show_count()
        theme.follow_scale(self._fit_size)

    def reset_all(self) -> None:
        """Let the conversation follow the defaults in everything."""
        self.form.flush()
        try:
            self._source.reset_all()
        except GebError as error:
            self.show_error(error)
        self.form.refresh()
        self._show_count()
        self.changed.emit(None)

    def show_error(self, error: GebError) -> None:
        """Say what could not be done, above the rows."""
        self.notice.tell(error)

    def done(self, result: int) -> None:
        """Keep what was typed, and close."""
        self.form.flush()
        super().done(result)

    def _show_count(self) -> None:
        try:
            count = sum(map(self._source.is_set, (r.setting for r in self.form.rows.values())))
        except GebError as error:
            self.show_error(error)
            return
        self.reset_button.setEnabled(count > 0)
        if count == 0:
            show_text(self._count.setText, "This conversation follows the settings for all.")
        elif count == 1:
            show_text(self._count.setText, "One setting differs from those for all.")
        else:
            show_text(
                self._count.setText, "{count} settings differ from those for all.", count=count
            )

    def _fit_size(self) -> None:
        room = self.screen().availableSize() - QSize(40, 60)
        self.resize(QSize(*map(theme.scaled, _SIZE)).boundedTo(room))

    def _lay_out(self) -> None:
        close = QPushButton()
        show_text(close.setText, "Close")
        close.clicked.connect(self.accept)
        for button in (close, self.reset_button):
            button.setAutoDefault(False)
        bottom = QHBoxLayout()
        bottom.addWidget(self.reset_button)
        bottom.addStretch(1)
        bottom.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE + 4)
        column.addWidget(self._count)
        column.addWidget(self.notice)
        column.addWidget(scrolled(self.form), 1)
        column.addLayout(bottom)
