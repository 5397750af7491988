"""Pictures of the window, in both languages and colour schemes, under build/screenshots.

    python tests/app/screenshots.py [--model DIR] [--out DIR]

The questions are asked to the real model, with a fixed seed.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if __name__ == "__main__":  # not for the tests that take pictures, too
    os.environ.setdefault("QT_SCALE_FACTOR", "2")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app import theme
from app.bridge import EventBridge
from app.desktop import make_application, translate_qt
from app.window import MainWindow
from engine.bundle import default_bundle_path
from engine.chat import ChatService
from engine.i18n import set_language
from engine.settings.table import SEED

SIZE = (1040, 680)
DIALOG_SIZE = (840, 440)
"""Pixels; dialogs would fit themselves to the small screen of a computer without one."""
WORDS = {"en": "what", "zh_CN": "什么"}
"""Which words are searched for."""
QUESTIONS = {
    "en": [
        ["What is an apple?"],
        ["Write a short poem about rain."],
        ["How do I say “thank you” in Chinese?"],
        ["Who are you?", "What is water made of?"],
    ],
    "zh_CN": [
        ["苹果是什么？"],
        ["写一首关于雨的短诗。"],
        ["“谢谢”用英语怎么说？"],
        ["你是谁？", "水是由什么组成的？"],
    ],
}


def main() -> int:
    """Write one picture for each language, scheme and state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a bundle; without it the default one")
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = options.model or default_bundle_path()
    app = make_application()
    for language in QUESTIONS:
        set_language(language)
        translate_qt(app)
        with tempfile.TemporaryDirectory() as folder:
            photograph(app, language, model, Path(folder), options.out)
    return 0


def photograph(app: QApplication, language: str, model: Path, folder: Path, out: Path) -> None:
    """Open a window on a fresh store in `folder`, ask the questions and take the pictures."""
    bridge = EventBridge(app)
    service = ChatService(folder / "conversations.sqlite3", bridge.post)
    settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
    window = MainWindow(service, bridge, settings)
    window.resize(*SIZE)
    window.show()
    window.load_model(model)
    service.settings.set(SEED, 1)  # the same answers each time
    for questions in QUESTIONS[language]:
        window.sidebar.new()
        for question in questions:
            ask(app, window, question)
    answered = window.chat.conversation_id
    for scheme in theme.SCHEMES:
        theme.choose(scheme, 100)
        window.sidebar.ensure_open(answered)
        for state, (enter, leave) in states(window, language).items():
            enter()
            settle(app)
            window.grab().save(str(out / f"{language}-{scheme}-{state}.png"))
            leave()
        photograph_settings(app, window, out, f"{language}-{scheme}")
    theme.choose("light", 250)
    photograph_settings(app, window, out, f"{language}-large")
    window.grab().save(str(out / f"{language}-large-empty.png"))
    theme.choose("system", 100)
    window.close()
    bridge.deleteLater()
    window.deleteLater()


def states(window: MainWindow, language: str) -> dict[str, tuple[Callable[[], object], ...]]:
    """Return what to look at: for each state how it is entered and left."""
    word = WORDS[language]
    search, bar = window.sidebar.search, window.chat.find_bar

    def edit() -> None:
        window.chat.transcript.views()[0].start_editing()

    return {
        "conversation": (lambda: None, lambda: None),
        "search": (lambda: search.field.setText(word), search.end_search),
        "find": (lambda: bar.open_with(word), bar.end),
        "editing": (edit, lambda: window.chat.transcript.views()[0].stop_editing()),
        "empty": (window.sidebar.new, lambda: None),
    }


def photograph_settings(app: QApplication, window: MainWindow, out: Path, name: str) -> None:
    """Take pictures of every page of the settings, and of those of a conversation."""
    dialog = window.settings.open()
    dialog.resize(*DIALOG_SIZE)
    for row in range(dialog.pages.count()):
        dialog.pages.setCurrentRow(row)
        settle(app)
        dialog.grab().save(str(out / f"{name}-settings-{row}.png"))
    dialog.accept()
    own = window.settings.open_for_conversation()
    if own is not None:
        own.resize(*DIALOG_SIZE)
        settle(app)
        own.grab().save(str(out / f"{name}-conversation-settings.png"))
        own.accept()
    settle(app)


def ask(app: QApplication, window: MainWindow, question: str) -> None:
    """Send a question through the window and wait for the whole answer."""
    window.chat.send(question)
    number = window.chat.conversation_id or 0
    wait(app, lambda: window._service.running_answer(number) is None)
    settle(app)


def wait(app: QApplication, done: Callable[[], bool], seconds: float = 120) -> None:
    """Let the window live until `done`. Raises TimeoutError after `seconds`."""
    end = monotonic() + seconds
    while not done():
        if monotonic() > end:
            raise TimeoutError("the model did not answer")
        app.processEvents()
        sleep(0.01)


def settle(app: QApplication) -> None:
    """Let the last frame arrive and the layout come to rest."""
    end = monotonic() + 0.2
    wait(app, lambda: monotonic() > end)


if __name__ == "__main__":
    sys.exit(main())
