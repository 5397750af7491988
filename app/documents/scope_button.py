"""The sign in the composer that says which collections a question asks, and lets one choose."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app import theme
from app.icons import icon
from app.texts import follow_language
from engine.documents.library.types import Collection
from engine.i18n import tr

_SHOWN: Final = 2
"""Names; of the others only how many there are."""
_LONGEST: Final = 24
"""Characters of a name."""


class ScopeButton(QToolButton):
    """A chip with a menu: collections to tick, and the way to attach files."""

    changed = Signal()
    """Other collections are asked."""
    attach_requested = Signal()
    manage_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scope")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._collections: Sequence[Collection] = ()
        self._chosen: set[int] = set()
        self._choices = QMenu(self)
        self._choices.aboutToShow.connect(self._fill)
        self.setMenu(self._choices)
        follow_language(self._show)
        theme.follow_scale(self._show)

    @property
    def asked(self) -> tuple[int, ...]:
        """The collections that the next question asks: those that are ticked and there."""
        known = {collection.id for collection in self._collections}
        return tuple(sorted(self._chosen & known))

    @property
    def chosen(self) -> tuple[int, ...]:
        """The collections that are ticked."""
        return tuple(sorted(self._chosen))

    def show_collections(self, collections: Sequence[Collection]) -> None:
        """Offer these collections."""
        self._collections = collections
        self._show()

    def choose(self, collections: Sequence[int]) -> None:
        """Tick these collections, as the open conversation has them."""
        self._chosen = set(collections)
        self._show()

    def add_collection(self, number: int) -> None:
        """Tick one more."""
        self._chosen.add(number)
        self._show()
        self.changed.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _fill(self) -> None:
        self._choices.clear()
        for collection in self._collections:
            name = collection.name.replace("&", "&&")  # one alone would mark a key
            entry = self._choices.addAction(name)
            entry.setCheckable(True)
            entry.setChecked(collection.id in self._chosen)
            entry.toggled.connect(lambda checked, number=collection.id: self._tick(number, checked))
        if self._collections:
            self._choices.addSeparator()
        self._choices.addAction(tr("Attach files…"), self.attach_requested.emit)
        self._choices.addAction(tr("Manage documents…"), self.manage_requested.emit)

    def _tick(self, number: int, checked: bool) -> None:
        (self._chosen.add if checked else self._chosen.discard)(number)
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        names = [c.name for c in self._collections if c.id in self._chosen]
        text = ", ".join(map(_shortened, names[:_SHOWN]))
        if len(names) > _SHOWN:
            text += f" +{len(names) - _SHOWN}"
        self.setProperty("active", bool(names))
        self.style().polish(self)
        self.setText(text or tr("Documents"))
        whole = tr("Asks: {names}", names=", ".join(names)) if names else tr("Asks no documents")
        self.setToolTip(whole)
        self.setAccessibleName(whole)
        self._draw()

    def _draw(self) -> None:
        color = theme.colors().accent if self.property("active") else theme.colors().muted
        side = theme.scaled(theme.ICON_SIZE)
        self.setIconSize(QSize(side, side))
        self.setIcon(icon("documents", color, side))


def _shortened(name: str) -> str:
    """Return a name with its middle left out: the end of a file's tells its kind."""
    if len(name) <= _LONGEST:
        return name
    end = _LONGEST // 3
    return f"{name[: _LONGEST - end - 1].rstrip()}…{name[-end:].lstrip()}"
