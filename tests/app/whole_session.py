"""A person who uses everything that the window has, one thing after the other.

The tests that nothing leaves this computer, and that nobody else reads what is kept, watch it.
"""

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QPushButton
from window_helpers import answering, views

from app.documents.preview import Preview
from app.edit_box import EditBox
from app.errors.log_window import LogWindow
from app.models.page import ModelsPage
from app.palette.palette import CommandPalette
from app.quick_ask import QuickAsk
from app.serving.dialog import ApiDialog
from app.settings.form import SettingRow
from app.window import MainWindow
from engine.api.key import read_key
from engine.bundle import default_bundle_path
from engine.settings.table import SYSTEM_PROMPT

SECRET = "Zwetschgenknödel"
"""A word in messages, documents and imports that nothing else contains."""
DOCUMENT = f"The {SECRET} recipe is old. It was written in 1882 by the cook. It feeds four people."
_CHATGPT = [
    {
        "title": "From elsewhere",
        "create_time": 1700000000.0,
        "update_time": 1700000000.0,
        "current_node": "a",
        "mapping": {
            "root": {"id": "root", "parent": None, "children": ["q"], "message": None},
            "q": {
                "id": "q",
                "parent": "root",
                "children": ["a"],
                "message": {
                    "id": "q",
                    "author": {"role": "user"},
                    "create_time": 1700000000.0,
                    "content": {"content_type": "text", "parts": [f"About {SECRET}?"]},
                },
            },
            "a": {
                "id": "a",
                "parent": "q",
                "children": [],
                "message": {
                    "id": "a",
                    "author": {"role": "assistant"},
                    "create_time": 1700000001.0,
                    "content": {"content_type": "text", "parts": ["It is sweet."]},
                },
            },
        },
    }
]

Wait = Callable[[Callable[[], object]], object]


class WholeSession:
    """Uses `window`; files of the person's own go to `folder`.

    `wait` lets the window live until a condition holds. `port` is free, for other programs.
    """

    def __init__(self, window: MainWindow, folder: Path, wait: Wait, port: int) -> None:
        self._window = window
        self._folder = folder
        self._wait = wait
        self._port = port

    def steps(self) -> Iterator[str]:
        """Do everything; yield the name of each thing when it has worked."""
        for step in (
            self.chat,
            self.change,
            self.search,
            self.export_and_import,
            self.ask_documents,
            self.ask_quickly,
            self.change_settings,
            self.add_a_model,
            self.serve,
            self.look_around,
            self.meet_an_error,
            self.delete,
        ):
            step()
            yield step.__name__

    def chat(self) -> None:
        self._ask(f"Hello! Do you know {SECRET}?")
        self._ask("你是谁？")

    def change(self) -> None:
        self._do("regenerate")
        self._until_answered()
        said = [view for view in views(self._window) if view.message.role == "user"]
        [question] = [view for view in said if SECRET in view.message.content]
        question.start_editing()
        box = question.findChild(EditBox)
        box.edit.setPlainText(f"Tell me about {SECRET}.")
        box.agree.click()
        self._until_answered()

    def search(self) -> None:
        field = self._window.sidebar.search.field
        field.setText(SECRET)
        self._wait(lambda: self._window.sidebar.search.model.rowCount() > 0)
        self._window.sidebar.search.end_search()

    def export_and_import(self) -> None:
        for suffix in ("md", "json", "html"):
            path = self._folder / f"exported.{suffix}"
            answer = (str(path), "")
            with patch.object(QFileDialog, "getSaveFileName", lambda *_, chosen=answer: chosen):
                self._do("export")
            self._until_filed()
            assert SECRET in path.read_text(encoding="utf-8")
        path = self._folder / "conversations.json"
        path.write_text(json.dumps(_CHATGPT), encoding="utf-8")
        before = len(self._window._service.store.list_conversations())
        with patch.object(QFileDialog, "getOpenFileNames", lambda *_: ([str(path)], "")):
            self._do("import")
        self._until_filed()
        assert len(self._window._service.store.list_conversations()) == before + 1

    def ask_documents(self) -> None:
        papers = self._folder / "papers"
        papers.mkdir()
        (papers / "recipe.txt").write_text(DOCUMENT, encoding="utf-8")
        (papers / "菜谱.md").write_text("# 菜谱\n厨师写于一八八二年。", encoding="utf-8")
        (papers / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
        documents = self._window.desk.open()
        assert documents is not None
        documents.add([papers])
        self._wait(lambda: "could not be read" in documents.page.state.text())
        documents.page.ask_button.click()
        documents.close()
        self._window.sidebar.new()
        self._window.desk.scope.add_collection(self._window.desk._library.collections()[0].id)
        self._ask(f"When was the {SECRET} recipe written?")
        answer = views(self._window)[-1]
        assert "1882" in answer.text()
        answer.sources.buttons[0].click()
        preview = self._window.findChild(Preview)
        self._wait(lambda: "1882" in preview.text.toPlainText())
        preview.close()

    def ask_quickly(self) -> None:
        self._window.accompany().open_quick_ask()
        quick = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QuickAsk))
        quick.edit.setText(f"What is {SECRET}?")
        quick.edit.returnPressed.emit()
        self._wait(lambda: quick.answer() and quick.edit.isEnabled())
        quick.close()

    def change_settings(self) -> None:
        dialog = self._window.settings.open()
        for page in range(dialog.pages.count()):
            dialog.pages.setCurrentRow(page)
            QApplication.processEvents()
        [row] = [r for r in dialog.findChildren(SettingRow) if r.setting.name == "system_prompt"]
        row.field.control.setPlainText(f"You like {SECRET}.")
        dialog.accept()
        assert SECRET in self._window._service.settings.get(SYSTEM_PROMPT)

    def add_a_model(self) -> None:
        dialog = self._window.settings.open_models()
        [page] = dialog.findChildren(ModelsPage)
        page.add_folder(Path(shutil.copytree(default_bundle_path(), self._folder / "mine")))
        self._wait(lambda: page.job is None)
        assert page.list.currentItem().text() == "mine"
        page.verify()
        self._wait(lambda: page.job is None)
        dialog.accept()

    def serve(self) -> None:
        self._window.accompany().open_api()
        dialog = self._window.findChild(ApiDialog)
        dialog.port.setValue(self._port)
        dialog.on.click()
        body = {"messages": [{"role": "user", "content": f"Eat {SECRET}!"}], "max_tokens": 5}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/v1/chat/completions",
            headers={"Authorization": f"Bearer {read_key()}"},
            data=json.dumps({**body, "model": self._window.chat.status.model.text()}).encode(),
        )
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            assert json.load(reply)["usage"]["completion_tokens"] > 0
        dialog.on.click()
        dialog.close()

    def look_around(self) -> None:
        for name, kind in (("palette", CommandPalette), ("shortcuts", QDialog), ("log", LogWindow)):
            self._do(name)
            self._wait(lambda kind=kind: self._window.findChild(kind) is not None)
            for dialog in self._window.findChildren(kind):
                dialog.close()

    def meet_an_error(self) -> None:
        """An error whose words quote a message: what is told of it must not."""
        clipboard = QGuiApplication.clipboard()
        with _caught() as errors:
            raise ValueError(f"cannot show {SECRET}")
        self._window.show_unexpected(errors[0])
        for button in self._window.findChildren(QPushButton):
            if button.text() == "Copy details":
                button.click()
        assert "ValueError" in clipboard.text()
        assert SECRET not in clipboard.text()
        self._window._errors._open.close()

    def delete(self) -> None:
        self._do("delete")
        self._window.sidebar.undo.dismiss()
        self._do("new")

    def _ask(self, question: str) -> None:
        self._window.chat.composer.edit.setPlainText(question)
        self._window.chat.composer.button.click()
        self._until_answered()
        assert views(self._window)[-1].text().strip()

    def _until_answered(self) -> None:
        self._wait(lambda: not answering(self._window))

    def _until_filed(self) -> None:
        self._wait(lambda: self._window.files._task is None)

    def _do(self, action: str) -> None:
        self._window.findChild(QAction, action).trigger()


@contextmanager
def _caught() -> Iterator[list[Exception]]:
    errors: list[Exception] = []
    try:
        yield errors
    except ValueError as error:
        errors.append(error)
