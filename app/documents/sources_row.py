"""What an answer rests on, below it: a chip for each citation, and where it stands."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.texts import follow_language
from engine.document_prompt import cite
from engine.documents.answering.sources import Citation, Sources, place_of
from engine.i18n import tr

_NEAREST: Final = 3
"""Passages that are offered where none answers the question."""


class SourcesRow(QFrame):
    """Shows the citations of an answer; a click asks to open one in its document."""

    opened = Signal(object)
    """A Citation, or a RetrievedPassage that was only near."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sources")
        self._sources: Sources | None = None
        self.heading = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.heading.setProperty("muted", True)
        self.buttons: list[QPushButton] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, theme.SPACE // 2, 0, 0)
        self._column.setSpacing(theme.SPACE // 2)
        self._column.addWidget(self.heading)
        self.hide()
        follow_language(self._show)

    def show_sources(self, sources: Sources) -> None:
        """Show what an answer rests on."""
        self._sources = sources
        self._show()

    def _show(self) -> None:
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons.clear()
        sources = self._sources
        if sources is None:
            return
        if sources.citations:
            self.heading.setText(tr("Sources"))
            for citation in sources.citations:
                self._add_citation(citation)
        elif sources.passages:
            self.heading.setText(tr("The documents do not say it. The nearest passages:"))
            for passage in sources.passages[:_NEAREST]:
                button = self._add(place_of(passage), passage.text)
                button.clicked.connect(lambda _=False, found=passage: self.opened.emit(found))
        else:
            self.heading.setText(tr("Nothing in the documents fits the question."))
        self.show()

    def _add_citation(self, citation: Citation) -> None:
        place = place_of(citation.passage, citation.start)
        button = self._add(f"{cite(citation.number)} {place}", citation.text)
        button.clicked.connect(lambda _=False, found=citation: self.opened.emit(found))

    def _add(self, text: str, quote: str) -> QPushButton:
        line = " ".join(quote.split())
        button = _SourceButton(f"{text} — {line}")
        button.setToolTip(quote[:800])
        button.setAccessibleName(f"{text}: {line[:200]}")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._column.addWidget(button)
        self.buttons.append(button)
        return button


class _SourceButton(QPushButton):
    """Its text is cut with an ellipsis where it does not fit."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setObjectName("source")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole = text.replace("&", "&&")
        self.setText(self._whole)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        part = QStyle.SubElement.SE_PushButtonContents
        room = self.style().subElementRect(part, option, self).width()
        self.setText(
            self.fontMetrics().elidedText(
                self._whole, Qt.TextElideMode.ElideRight, room, Qt.TextFlag.TextShowMnemonic.value
            )
        )
