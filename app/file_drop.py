"""Files that are dropped on the window, or named at its start: each goes to who can read it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from app.notice import NoticeBar
from engine.i18n import tr


@dataclass(frozen=True)
class Reader:
    """What takes files with these suffixes; `kinds` names them for people, in their language."""

    suffixes: tuple[str, ...]
    take: Callable[[Sequence[Path]], object]
    kinds: Callable[[], str]
    accepts: Callable[[Path], bool] = lambda _path: True
    """Where the suffix alone does not tell."""

    def takes(self, path: Path) -> bool:
        """Tell whether a file is for this reader; folders have no suffix."""
        suffix = "" if path.is_dir() else path.suffix.lower()
        return suffix in self.suffixes and self.accepts(path)


class FileDrop(QObject):
    """Watches `window`; files that no reader takes are refused with a sentence."""

    def __init__(self, window: QWidget, notice: NoticeBar) -> None:
        super().__init__(window)
        self._notice = notice
        self._readers: list[Reader] = []
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def add(self, reader: Reader) -> None:
        """Let `reader` take files, after those that were added before."""
        self._readers.append(reader)

    def take(self, paths: Sequence[Path]) -> None:
        """Give each file to its reader, and say which ones there is none for."""
        refused = list(paths)
        for reader in self._readers:
            own = [path for path in refused if reader.takes(path)]
            refused = [path for path in refused if path not in own]
            if own:
                reader.take(own)
        if refused:
            self._notice.tell(
                tr(
                    "{name} cannot be opened here. These files can be dropped: {kinds}.",
                    name=refused[0].name,
                    kinds=tr("; ").join(reader.kinds() for reader in self._readers),
                )
            )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent | QDragMoveEvent | QDragEnterEvent):
            paths = [
                Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()
            ]
            if not paths:
                return False
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self.take(paths)
            return True
        return super().eventFilter(watched, event)
