"""The pictures of the guide and the README, in both languages, under resources/guide/pictures.

    python tests/app/guide_pictures.py [--out DIR]

A fresh window answers real questions with the model that ships; seeds are fixed, so the same code
and model give the same pictures (fonts differ between computers).
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if __name__ == "__main__":
    os.environ.setdefault("QT_SCALE_FACTOR", "2")

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication
from screenshots import DIALOG_SIZE, SIZE, ask, settle, wait
from window_helpers import views

from app import theme
from app.bridge import EventBridge
from app.desktop import make_application, translate_qt
from app.documents.preview import Preview
from app.guide import GUIDE
from app.layout_file import open_layout
from app.window import MainWindow
from engine.bundle import default_bundle_path
from engine.chat import ChatService
from engine.documents.finder import DocumentFinder
from engine.i18n import set_language
from engine.settings.table import SEED

PICTURES = GUIDE / "pictures"
_COLOURS = 128


@dataclass(frozen=True)
class Script:
    """What is written in the pictures of one language."""

    others: tuple[str, ...]
    """Questions of conversations that stand in the list."""
    talk: tuple[str, ...]
    folder: str
    files: dict[str, str]
    question: str
    """What the files answer."""
    also_dark: bool = False
    """For the README, which shows the window in Chinese that way."""


SCRIPTS = {
    "en": Script(
        ("Tell me a joke.", "Tell me about dogs.", "How can I sleep better?"),
        ("Hello!", "Who are you?", "What can you do?"),
        "Lighthouse",
        {
            "History.md": "# History\n\nThe lighthouse stands on a rock off the northern coast. "
            "It was built in 1882 by the city, and its keeper lived in it until 1961.\n\n"
            "The old lamp burned oil. An electric one replaced it in 1924.\n",
            "Visiting.txt": "The lighthouse is open from April to October, every day from nine to "
            "five. A boat leaves the harbour every hour. Children under six enter free of charge.",
            "Repairs.csv": "year,work,cost\n1924,electric lamp,1200\n1987,new roof,56000\n",
        },
        "When was the lighthouse built?",
    ),
    "zh_CN": Script(
        ("给我讲个笑话", "介绍一下狗", "怎样才能睡得更好？"),
        ("你好！", "你叫什么名字？", "谢谢你！"),
        "灯塔",
        {
            "历史.md": "# 历史\n\n灯塔建在北部海岸外的一块礁石上。灯塔由城市于一八八二年建成，"
            "看守人在里面一直住到一九六一年。\n\n旧灯烧的是油，一九二四年换成了电灯。\n",
            "参观.txt": "灯塔四月至十月开放，每天九点到十七点。每小时有一班船从港口出发。"
            "六岁以下儿童免费。",
            "维修.csv": "年份,工程,费用\n1924,电灯,1200\n1987,新屋顶,56000\n",
        },
        "灯塔是哪一年建成的？",
        also_dark=True,
    ),
}


def main() -> int:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    app = make_application()
    for language in SCRIPTS:
        for name, picture in pictures(app, language):
            target = options.out / f"{language}-{name}.png"
            target.write_bytes(small(picture))
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
    app.clipboard().clear()
    return 0


def pictures(app: QApplication, language: str) -> Iterator[tuple[str, QPixmap]]:
    """Yield the name and the picture of everything that the guide in `language` shows."""
    set_language(language)
    translate_qt(app)
    theme.choose("light", 100)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        window = _open(app, folder)
        try:
            yield from _talk(app, window, SCRIPTS[language])
            yield from _documents(app, window, SCRIPTS[language], folder)
            yield from _settings(app, window)
        finally:
            theme.choose("system", 100)
            window.close()
            window.deleteLater()


def small(picture: QPixmap) -> bytes:
    """Return a PNG of few colours."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub knows only bytes
    image = Image.open(BytesIO(buffer.data().data())).convert("RGB")
    packed = BytesIO()
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _open(app: QApplication, folder: Path) -> MainWindow:
    bridge = EventBridge(app)
    finder = DocumentFinder(folder / "library.sqlite3")
    service = ChatService(folder / "conversations.sqlite3", bridge.post, finder=finder)
    window = MainWindow(service, bridge, open_layout(folder / "window.ini"))
    window.destroyed.connect(bridge.deleteLater)
    window.resize(*SIZE)
    window.show()
    service.settings.set(SEED, 1)
    window.load_model(default_bundle_path())
    wait(app, lambda: service.worker.loaded is not None)
    return window


def _talk(app: QApplication, window: MainWindow, script: Script) -> Iterator[tuple[str, QPixmap]]:
    for question in script.others:
        window.sidebar.new()
        ask(app, window, question)
    window.sidebar.new()
    for question in script.talk:
        ask(app, window, question)
    yield "window", window.grab()
    if script.also_dark:
        theme.choose("dark", 100)
        settle(app)
        yield "window-dark", window.grab()
        theme.choose("light", 100)


def _documents(
    app: QApplication, window: MainWindow, script: Script, folder: Path
) -> Iterator[tuple[str, QPixmap]]:
    papers = folder / script.folder
    papers.mkdir()
    for name, text in script.files.items():
        (papers / name).write_text(text, encoding="utf-8")
    documents = window.desk.open()
    assert documents is not None
    documents.add([papers])
    library = window.desk._library
    assert library is not None

    def indexed() -> bool:
        return any(library.progress(one.id).indexed == 3 for one in library.collections())

    wait(app, indexed)
    documents.resize(*DIALOG_SIZE)
    for _ in range(3):  # the list is refreshed a few times a second
        settle(app)
    yield "documents", documents.grab()
    documents.close()
    window.sidebar.new()
    window.desk.scope.add_collection(library.collections()[0].id)
    ask(app, window, script.question)
    yield "sources", window.grab()
    sources = views(window)[-1].sources
    assert sources is not None
    sources.buttons[0].click()
    preview = window.findChild(Preview)
    assert preview is not None
    preview.resize(*DIALOG_SIZE)
    wait(app, lambda: bool(preview.text.toPlainText()))
    settle(app)
    yield "preview", preview.grab()
    preview.close()


def _settings(app: QApplication, window: MainWindow) -> Iterator[tuple[str, QPixmap]]:
    dialog = window.settings.open()
    dialog.resize(*DIALOG_SIZE)
    settle(app)
    yield "settings", dialog.grab()
    dialog.accept()


if __name__ == "__main__":
    sys.exit(main())
