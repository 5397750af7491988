"""Exporting and importing conversations from the window, in the background."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.actions import Group, add_action
from app.conversation_files.bar import ProgressLine
from app.conversation_files.task import OnProgress, StoreTask, Work
from app.notice import NoticeBar
from engine.errors import DataError, GebError, StoreError
from engine.i18n import tr
from engine.store import Store

if TYPE_CHECKING:
    from engine.conversation_files.exporting import Format
    from engine.conversation_files.importing import ImportReport

IMPORTED_SUFFIXES: Final = (".json", ".md")
_NO_FILE_NAME: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_LONGEST_NAME: Final = 60
_SUCCESS_SECONDS: Final = 10


class FileCommands(QObject):
    """Asks for files and works on them, one piece of work at a time."""

    imported = Signal(object)
    """The numbers of new conversations."""
    failed = Signal(object)

    def __init__(
        self,
        owner: QWidget,
        store: Store,
        line: ProgressLine,
        notice: NoticeBar,
        open_conversation: Callable[[], int | None],
    ) -> None:
        super().__init__(owner)
        self._owner, self._store, self._notice = owner, store, notice
        self._open_conversation = open_conversation
        self._line = line
        self._line.cancel_requested.connect(self.cancel)
        self._task: StoreTask | None = None
        self._on_done: Callable[[Any], object] = self._say
        self._paths: list[Path] = []
        self._make_actions(owner)

    def export_one(self, conversation_id: int | None) -> None:
        """Ask for a file and write one conversation into it."""
        if conversation_id is None:
            return
        try:
            title = self._store.conversation(conversation_id).title
        except StoreError as error:
            self.failed.emit(error)
            return
        self._export([conversation_id], title or tr("Conversation"))

    def export_all(self) -> None:
        """Ask for a file and write all conversations into it."""
        self._export(None, tr("Conversations"))

    def ask_to_import(self) -> None:
        """Ask for files and import them."""
        names, _ = QFileDialog.getOpenFileNames(
            self._owner,
            tr("Import conversations"),
            "",
            f"{tr('Conversations')} (*{' *'.join(IMPORTED_SUFFIXES)})",
        )
        self.import_files([Path(name) for name in names])

    def import_files(self, paths: Sequence[Path]) -> None:
        """Import files of GEB Chat and of ChatGPT, one after the other."""
        self._paths += paths
        self._import_next()

    def cancel(self) -> None:
        """Give up what is being done, and what waits."""
        self._paths.clear()
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Give up and wait for the end: the window closes."""
        self.cancel()
        if self._task is not None:
            self._task.wait()

    def _export(self, ids: Sequence[int] | None, name: str) -> None:
        # Not before it is needed, so that a window opens sooner.
        from engine.conversation_files.exporting import SUFFIXES, export_conversations

        filters: dict[str, Format] = {
            f"Markdown (*{SUFFIXES['markdown']})": "markdown",
            f"JSON (*{SUFFIXES['json']})": "json",
            f"HTML (*{SUFFIXES['html']})": "html",
        }
        suggestion = file_name(name) + SUFFIXES["markdown"]
        chosen, chosen_filter = QFileDialog.getSaveFileName(
            self._owner, tr("Export"), suggestion, ";;".join(filters)
        )
        if not chosen:
            return
        path = Path(chosen)
        by_suffix = {suffix: kind for kind, suffix in SUFFIXES.items()}
        kind = filters.get(chosen_filter, "markdown")
        if path.suffix.lower() in by_suffix:
            kind = by_suffix[path.suffix.lower()]
        else:
            path = path.with_name(path.name + SUFFIXES[kind])

        def work(store: Store, on_progress: OnProgress) -> str:
            export_conversations(store, ids, path, kind, on_progress)
            return tr("Exported to {path}.", path=path)

        self._start(tr("Exporting…"), work, self._say)

    def _import_next(self) -> None:
        if not self._paths or self._task is not None:
            return
        path = self._paths.pop(0)

        def work(store: Store, on_progress: OnProgress) -> "ImportReport":
            from engine.conversation_files.importing import import_conversations

            return import_conversations(store, path, on_progress)

        self._start(tr("Importing {name}…", name=path.name), work, self._finish_import)

    def _finish_import(self, report: "ImportReport") -> None:
        self._say(report.sentence())
        if report.ids:
            self.imported.emit(report.ids)

    def _start(self, text: str, work: Work, on_done: Callable[[Any], object]) -> None:
        if self._task is not None:
            self.failed.emit(
                DataError(
                    "Another export or import is not finished yet. Wait for it, or cancel it."
                )
            )
            return
        self._line.begin(text)
        self._on_done = on_done
        self._task = StoreTask(self._store.path, work, self)
        self._task.progressed.connect(self._line.show_share)
        self._task.done.connect(self._take_result)
        self._task.failed.connect(self._take_failure)
        self._task.cancelled.connect(self._take_end)
        self._task.start()

    def _take_result(self, result: object) -> None:
        self._end_task()
        self._on_done(result)
        self._import_next()

    def _take_failure(self, error: GebError) -> None:
        self._end_task()
        self.failed.emit(error)
        self._import_next()

    def _take_end(self) -> None:
        self._end_task()
        self._say(tr("Cancelled: nothing was changed."))

    def _say(self, text: str) -> None:
        """Say what went well; it need not stay."""
        self._notice.tell(text, seconds=_SUCCESS_SECONDS)

    def _end_task(self) -> None:
        if self._task is not None:
            self._task.wait()
            self._task.deleteLater()
            self._task = None
        self._line.hide()

    def _make_actions(self, owner: QWidget) -> None:
        group = Group.CONVERSATION
        add_action(
            owner,
            "export",
            "Export conversation…",
            lambda: self.export_one(self._open_conversation()),
            "Ctrl+Shift+E",
            group=group,
        )
        add_action(owner, "export-all", "Export all conversations…", self.export_all, group=group)
        add_action(
            owner, "import", "Import conversations…", self.ask_to_import, "Ctrl+O", group=group
        )


def file_name(title: str) -> str:
    """Return a title as the name of a file, without its suffix."""
    name = " ".join(_NO_FILE_NAME.sub(" ", title).split())[:_LONGEST_NAME].strip(" .")
    return name or "geb-chat"
