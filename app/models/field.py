"""The control of the setting that names a model."""

from app.settings.fields import Field, QuietComboBox, Shown
from engine.bundle_paths import list_bundle_paths
from engine.errors import GebError
from engine.settings.setting import Setting, Value


class ModelField(Field):
    """The installed models to choose from; the first line leaves the choice to others."""

    def __init__(self, setting: Setting[Value]) -> None:
        self.box = QuietComboBox()
        super().__init__(setting, self.box)
        self.box.activated.connect(lambda: self.edited.emit(self.box.currentData()))

    def show_value(self, shown: Shown) -> None:
        self.box.clear()
        self.box.addItem(shown.otherwise_text, None)
        try:
            names = [path.name for path in list_bundle_paths()]
        except GebError:
            names = []
        if isinstance(shown.value, str) and shown.value not in names:
            names.append(shown.value)  # a folder elsewhere, or one that is gone: said as it is
        for name in names:
            self.box.addItem(name, name)
        self.box.setCurrentIndex(max(0, self.box.findData(shown.value)))
