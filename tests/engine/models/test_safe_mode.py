"""A model during whose work a process died is not loaded again by itself."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest

from engine.chat import AnswerEvent, ChatEvent, ChatService
from engine.errors import BundleError
from engine.events import Done, ModelLoaded
from engine.safe_mode import SuspectedModelError, native_work, suspected_models, trust_again
from engine.settings import table
from engine.settings.file import Settings

ROOT = Path(__file__).parents[3]
_DIES = """
import os, signal, sys, time
from pathlib import Path
import onnxruntime
from engine.chat import ChatService
from engine.settings.file import Settings

how, store, model = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)
if how == "load":
    onnxruntime.InferenceSession = die
def listener(event):
    if how == "answer" and "Token" in repr(event):
        die()
service = ChatService(store, listener)
service.load_model(model)
number = service.store.create_conversation().id
service.send(number, "Hello")
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def events() -> Queue[ChatEvent]:
    return Queue()


@pytest.fixture
def settings(tiny_bundle: Path) -> Settings:
    settings = Settings(None)
    settings.change({"model": str(tiny_bundle), "max_new_tokens": 3})
    return settings


def crash(how: str, folder: Path, model: Path) -> None:
    command = [sys.executable, "-c", _DIES, how, str(folder / "store.sqlite3"), str(model)]
    result = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert result.returncode == -signal.SIGKILL


def wait_for(events: Queue[ChatEvent], kind: type) -> Iterator[object]:
    while True:
        event = events.get(timeout=30)
        yield (found := event.event if isinstance(event, AnswerEvent) else event)
        if isinstance(found, kind):
            return


@pytest.mark.parametrize("how", ["load", "answer"])
def test_a_model_whose_process_was_killed_waits_for_a_word(
    how: str, tmp_path: Path, tiny_bundle: Path, settings: Settings, events: Queue[ChatEvent]
) -> None:
    crash(how, tmp_path, tiny_bundle)
    for _ in range(2):  # starting again and again does not forget it
        with closing(ChatService(tmp_path / "store.sqlite3", events.put, settings=settings)) as s:
            with pytest.raises(SuspectedModelError, match="not loaded again by itself"):
                s.load_for(None)
            number = s.store.create_conversation().id
            with pytest.raises(SuspectedModelError):
                s.send(number, "Hello")
            assert s.store.thread(number) == []
    assert events.empty()
    with closing(ChatService(tmp_path / "store.sqlite3", events.put, settings=settings)) as s:
        s.trust_again(None)
        assert s.load_for(None)
        list(wait_for(events, ModelLoaded))
        s.send(s.store.create_conversation().id, "Hello")
        list(wait_for(events, Done))
    assert suspected_models() == set()


def test_the_default_model_works_while_another_is_suspected(
    tmp_path: Path, tiny_bundle: Path, settings: Settings, events: Queue[ChatEvent]
) -> None:
    crash("load", tmp_path, tiny_bundle)
    with closing(ChatService(tmp_path / "store.sqlite3", events.put, settings=settings)) as service:
        service.use_by_default(None)
        assert service.load_for(None)
        loaded = list(wait_for(events, ModelLoaded))[-1]
        assert isinstance(loaded, ModelLoaded)
        assert loaded.name == "geb-nano"
    assert suspected_models() == {tiny_bundle}


def test_a_model_that_is_named_is_trusted(tmp_path: Path, tiny_bundle: Path) -> None:
    crash("load", tmp_path, tiny_bundle)
    with closing(ChatService(tmp_path / "store.sqlite3", lambda _event: None)) as service:
        service.load_model(tiny_bundle)
    assert suspected_models() == set()


def test_work_that_goes_on_or_ends_well_is_no_crash(tiny_bundle: Path) -> None:
    with native_work(tiny_bundle):
        assert suspected_models() == set()
    with pytest.raises(BundleError), native_work(tiny_bundle):
        raise BundleError("an error is no crash")
    assert suspected_models() == set()


def test_nonsense_in_the_folder_harms_nobody(own_home: Path, tiny_bundle: Path) -> None:
    folder = own_home / "cache" / "models-at-work"
    folder.mkdir(parents=True)
    (folder / "running-1-2").write_text("[")
    (folder / "suspected-3").write_text("{}")
    assert suspected_models() == set()
    trust_again(tiny_bundle)
    assert list(folder.iterdir()) == []


def test_the_terminal_says_so(tmp_path: Path, tiny_bundle: Path) -> None:
    crash("load", tmp_path, tiny_bundle)
    run = [sys.executable, "-m", "app.cli"]
    subprocess.run([*run, "settings", table.MODEL.name, tiny_bundle], cwd=ROOT, check=True)
    for command in (["chat"], ["chat", "--prompt", "Hello"], ["serve", "--port", "0"]):
        result = subprocess.run(
            [*run, *command], cwd=ROOT, input="", capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
        assert "tiny" in result.stderr
