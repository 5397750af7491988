"""The button that puts one of the named prompts into a text box."""

from PySide6.QtWidgets import QMenu, QPushButton

from app.settings.fields import LinesField
from app.texts import show_text
from engine.settings.file import Settings
from engine.settings.prompts import built_in_prompts, own_prompts


class PromptButton(QPushButton):
    """Lists the person's own prompts and those that come with the application."""

    def __init__(self, field: LinesField, settings: Settings) -> None:
        super().__init__()
        self._field = field
        self._settings = settings
        show_text(self.setText, "Use a prompt")
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for prompt in [*own_prompts(self._settings), *built_in_prompts()]:
            action = menu.addAction(prompt.name.replace("&", "&&"))
            action.setToolTip(prompt.text)
            action.triggered.connect(lambda _checked=False, text=prompt.text: self._use(text))

    def _use(self, text: str) -> None:
        self._field.edit.setPlainText(text)
        self._field.flush()
