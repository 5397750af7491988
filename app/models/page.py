"""The page of models: what is installed, adding one, checking, choosing and deleting."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.job import Job
from app.models.describe import facts, summary
from app.settings.page import SettingsPage
from app.texts import follow_language, show_text
from engine.bundle import open_bundle
from engine.checksums import has_sums
from engine.errors import GebError
from engine.i18n import tr
from engine.models.checkpoint import import_checkpoint, is_checkpoint
from engine.models.describe import InstalledModel, list_models
from engine.models.importing import delete_model, import_folder
from engine.models.speed import Speed, known_speed, measure_speed, remember_speed
from engine.priority import yield_to_other_threads

_MODEL: Final = Qt.ItemDataRole.UserRole
_LIST_HEIGHT: Final = 80
"""Pixels: so much of the list is always seen."""
_STEPS: Final = 1000


class ModelsPage(SettingsPage):
    """A list, what is known of the chosen model, and buttons; one long job at a time."""

    told = Signal(str)
    """A sentence of success."""
    chosen = Signal(str)
    """The name of the model that answers wherever a conversation names no other."""
    deleted = Signal(str)

    def __init__(
        self,
        default: Callable[[], str],
        speed: Callable[[str], float | None],
        threads: Callable[[], int | None],
        parent: QWidget | None = None,
    ) -> None:
        """`default` names the model for all; `speed` gives tokens/s of a model's answers, if
        there are any; `threads` says how many a model computes with.
        """
        super().__init__(parent)
        self._default = default
        self._speed = speed
        self._threads = threads
        self.job: Job | None = None
        self.list = QListWidget()
        show_text(self.list.setAccessibleName, "Models")
        self.facts = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.use_button, self.measure_button, self.verify_button = (QPushButton() for _ in "123")
        self.delete_button, self.add_button, self.stop_button = (QPushButton() for _ in "123")
        show_text(self.use_button.setText, "Use by default")
        show_text(self.measure_button.setText, "Measure speed")
        show_text(self.verify_button.setText, "Check files")
        show_text(self.delete_button.setText, "Delete…")
        show_text(self.add_button.setText, "Add model…")
        show_text(self.stop_button.setText, "Stop")
        self.progress = QProgressBar(textVisible=False)
        self.step = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.step.setProperty("muted", True)
        show_text(self.progress.setAccessibleName, "Progress")
        self._lay_out()
        self._connect()
        follow_language(self.refresh)

    def refresh(self) -> None:
        """Read what is installed, with the same model chosen."""
        chosen = self._current()
        self.list.clear()
        try:
            models = list_models()
        except GebError as error:
            models = []
            self.failed.emit(error)
        for model in models:
            item = QListWidgetItem(summary(model, self._default()), self.list)
            item.setData(_MODEL, model)
            if chosen is not None and model.path == chosen.path:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None:
            self.list.setCurrentRow(0)
        self._show_current()

    def add(self) -> None:
        """Ask for a folder and add the model in it."""
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of the model or checkpoint"))
        if folder:
            self.add_folder(Path(folder))

    def add_folder(self, folder: Path) -> None:
        """Add the model or the checkpoint in `folder`, in the background."""

        def work(job: Job) -> object:
            if is_checkpoint(folder):
                return import_checkpoint(folder, job.tell, job.cancelled)
            return import_folder(folder, lambda done, total: job.tell((done, total)), job.cancelled)

        self._start(work, tr("Adding {name}…", name=folder.name), self._added)

    def verify(self) -> None:
        """Compare every file of the chosen model with its checksum, in the background."""
        model = self._current()
        if model is not None:
            path = model.path
            what = tr("Checking {name}…", name=model.name)
            self._start(lambda _job: open_bundle(path, verify=True), what, self._verified)

    def measure(self) -> None:
        """Time the chosen model on this computer, in the background."""
        model = self._current()
        if model is None:
            return

        threads = self._threads()

        def work(job: Job) -> object:
            yield_to_other_threads()  # as the engine does when it answers
            return measure_speed(model.path, threads, lambda *done: job.tell(done), job.cancelled)

        def keep(speed: object) -> None:
            assert isinstance(speed, Speed)  # noqa: S101 what `work` returns
            remember_speed(model, speed)
            self.refresh()

        self._start(work, tr("Measuring {name}…", name=model.name), keep)

    def delete(self) -> None:
        """Ask, and delete the chosen model."""
        model = self._current()
        if model is None or not model.own:
            return
        box = QMessageBox(self.window())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Delete model"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("Delete the model {name}?", name=model.name))
        box.setInformativeText(tr("Its files are erased. Conversations stay."))
        agree = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        agree.clicked.connect(lambda: self._delete(model))
        box.open()

    def use(self) -> None:
        """Let the chosen model answer wherever a conversation names no other."""
        model = self._current()
        if model is not None:
            self.chosen.emit(model.name)
            self.refresh()

    def stop(self) -> None:
        """Stop what runs."""
        if self.job is not None:
            self.job.cancel()

    def flush(self) -> None:
        """Stop what runs: the page is closing."""
        if self.job is not None:
            self.job.cancel()
            self.job.wait()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.doItemsLayout()  # only now the style sheet says how high an item is

    def _current(self) -> InstalledModel | None:
        item = self.list.currentItem()
        return None if item is None else item.data(_MODEL)

    def _delete(self, model: InstalledModel) -> None:
        try:
            delete_model(model.path)
        except GebError as error:
            self.failed.emit(error)
            return
        self.deleted.emit(model.name)
        self.refresh()
        self.told.emit(tr("The model {name} is deleted.", name=model.name))

    def _start(
        self, work: Callable[[Job], object], what: str, on_done: Callable[[object], None]
    ) -> None:
        if self.job is not None:
            return
        self.job = Job(work, self)
        self.job.progressed.connect(self._show_progress)
        self.job.done.connect(lambda result: self._finish(lambda: on_done(result)))
        self.job.failed.connect(lambda error: self._finish(lambda: self.failed.emit(error)))
        self.step.setText(what)
        self.progress.setRange(0, 0)
        self._show_running()
        self.job.start()

    def _finish(self, tell: Callable[[], object]) -> None:
        if self.job is not None:
            self.job.deleteLater()
        self.job = None
        self._show_running()
        self.refresh()
        tell()

    def _added(self, path: object) -> None:
        name = Path(str(path)).name
        for row in range(self.list.count()):
            if self.list.item(row).data(_MODEL).path == path:
                self.list.setCurrentRow(row)
        self.told.emit(tr("The model {name} is added.", name=name))

    def _verified(self, _bundle: object) -> None:
        model = self._current()
        if model is None:
            return
        if model.signed:
            self.told.emit(tr("{name}: every file matches its checksum.", name=model.name))
        elif not has_sums(model.path):
            self.told.emit(
                tr("{name}: usable, but it has no checksums to compare with.", name=model.name)
            )
        else:
            self.told.emit(
                tr("{name}: every file is as it was when it was added.", name=model.name)
            )

    def _show_progress(self, progress: object) -> None:
        if isinstance(progress, tuple):
            done, total = progress
            self.progress.setRange(0, _STEPS)
            self.progress.setValue(round(_STEPS * done / max(1, total)))
        else:
            self.step.setText(str(progress)[:200])

    def _show_running(self) -> None:
        running = self.job is not None
        for widget in (self.progress, self.step, self.stop_button):
            widget.setVisible(running)
        self._show_current()

    def _show_current(self) -> None:
        model, free = self._current(), self.job is None
        self.add_button.setEnabled(free)
        usable = model is not None and model.error is None
        default = model is not None and model.name == self._default()
        self.use_button.setEnabled(free and usable and not default)
        self.verify_button.setEnabled(free and model is not None)
        self.delete_button.setEnabled(free and model is not None and model.own)
        self.measure_button.setEnabled(free and usable)
        self.facts.setText("" if model is None else self._facts(model))

    def _facts(self, model: InstalledModel) -> str:
        return facts(model, known_speed(model), self._speed(model.name))

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._show_current)
        self.use_button.clicked.connect(self.use)
        self.measure_button.clicked.connect(self.measure)
        self.verify_button.clicked.connect(self.verify)
        self.delete_button.clicked.connect(self.delete)
        self.add_button.clicked.connect(self.add)
        self.stop_button.clicked.connect(self.stop)

    def _lay_out(self) -> None:
        buttons = QGridLayout()  # two rows: large text leaves no room for one
        buttons.addWidget(self.use_button, 0, 0)
        buttons.addWidget(self.measure_button, 0, 1)
        buttons.addWidget(self.delete_button, 1, 0)
        buttons.addWidget(self.verify_button, 1, 1)
        buttons.setColumnStretch(2, 1)
        bottom = QHBoxLayout()
        bottom.addWidget(self.add_button)
        bottom.addWidget(self.progress, 1)
        bottom.addWidget(self.stop_button)
        bottom.addStretch(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 2 * theme.SPACE, 0)
        column.setSpacing(theme.SPACE)
        theme.follow_scale(self._fit_list)
        column.addWidget(self.list, 1)
        column.addWidget(self.facts)
        column.addLayout(buttons)
        column.addLayout(bottom)
        column.addWidget(self.step)
        for widget in (self.progress, self.step, self.stop_button):
            widget.hide()

    def _fit_list(self) -> None:
        self.list.setMinimumHeight(theme.scaled(_LIST_HEIGHT))
