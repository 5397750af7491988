"""What an answer uses: a conversation's own values, the defaults, the model's recommendation."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest

from engine.chat import AnswerEvent, ChatEvent, ChatService
from engine.errors import BundleError, SettingsError
from engine.events import Cancelled, Done, Failed, ModelLoaded, ModelLoading
from engine.settings import table
from engine.settings.answer import answer_settings, own_values, reset_own, set_own
from engine.settings.file import Settings
from engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite3") as store:
        yield store


def test_own_values_come_before_defaults_and_those_before_the_model(store: Store) -> None:
    settings = Settings(None)
    number = store.create_conversation().id
    assert answer_settings(settings, own_values(store, number)).sampling == {}
    settings.change({"temperature": 0.5, "top_k": 9, "threads": 2, "system_prompt": "Be brief."})
    set_own(store, number, table.TEMPERATURE, 0.9)
    set_own(store, number, table.CONTEXT_LENGTH, 256)
    chosen = answer_settings(settings, own_values(store, number))
    assert chosen.sampling == {"temperature": 0.9, "top_k": 9}
    assert (chosen.threads, chosen.context_length) == (2, 256)
    assert chosen.system_prompt == "Be brief."
    reset_own(store, number, "temperature", "context_length")
    chosen = answer_settings(settings, own_values(store, number))
    assert chosen.sampling == {"temperature": 0.5, "top_k": 9}
    assert chosen.context_length is None


def test_a_conversation_may_leave_to_the_model_what_the_defaults_set(store: Store) -> None:
    settings = Settings(None)
    settings.set(table.TEMPERATURE, 0.5)
    number = store.create_conversation().id
    set_own(store, number, table.TEMPERATURE, None)
    assert answer_settings(settings, own_values(store, number)).sampling == {}


def test_no_prompt_of_its_own_is_not_an_empty_one(store: Store) -> None:
    settings = Settings(None)
    settings.set(table.SYSTEM_PROMPT, "default")
    number = store.create_conversation().id

    def prompt() -> str:
        return answer_settings(settings, own_values(store, number)).system_prompt

    assert prompt() == "default"
    set_own(store, number, table.SYSTEM_PROMPT, "own")
    assert prompt() == store.conversation(number).system_prompt == "own"
    set_own(store, number, table.SYSTEM_PROMPT, "")
    assert prompt() == ""
    store.set_system_prompt(number, "by the command")
    assert prompt() == "by the command"
    reset_own(store, number, "system_prompt")
    assert prompt() == "default"


def test_values_that_this_version_cannot_use_stay_unused_and_kept(store: Store) -> None:
    number = store.create_conversation().id
    odd = {"temperature": "hot", "font_scale": 120, "of_the_future": [1], "top_k": 3}
    store.set_settings(number, odd)
    assert own_values(store, number) == {"top_k": 3}
    set_own(store, number, table.TOP_K, 4)
    reset_own(store, number, "top_p")
    assert store.settings(number) == odd | {"top_k": 4}
    with pytest.raises(SettingsError):
        set_own(store, number, table.TOP_K, -1)
    assert store.settings(number) == odd | {"top_k": 4}


class Heard:
    """What the engine's thread said."""

    def __init__(self) -> None:
        self.queue: Queue[ChatEvent] = Queue()

    def until_answered(self) -> list[object]:
        events: list[object] = []
        while not events or not isinstance(events[-1], Done | Cancelled | Failed):
            event = self.queue.get(timeout=30)
            events.append(event.event if isinstance(event, AnswerEvent) else event)
        return events


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def second_bundle(tmp_path: Path, tiny_bundle: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "second"))


@pytest.fixture
def service(tmp_path: Path, heard: Heard, tiny_bundle: Path) -> Iterator[ChatService]:
    settings = Settings(tmp_path / "settings.json")
    settings.change({"model": str(tiny_bundle), "max_new_tokens": 4})
    path = tmp_path / "store.sqlite3"
    with closing(ChatService(path, heard.queue.put, settings=settings)) as service:
        yield service


def loaded(events: list[object]) -> list[str]:
    return [event.name for event in events if isinstance(event, ModelLoaded)]


def test_an_answer_obeys_the_settings(service: ChatService, heard: Heard) -> None:
    number = service.store.create_conversation().id
    service.send(number, "Hello")
    done = heard.until_answered()[-1]
    assert isinstance(done, Done)
    assert done.usage.completion_tokens <= 4
    set_own(service.store, number, table.MAX_NEW_TOKENS, 1)
    service.send(number, "Hello again")
    done = heard.until_answered()[-1]
    assert isinstance(done, Done)
    assert (done.usage.completion_tokens, done.finish_reason) == (1, "length")


def test_each_conversation_is_answered_by_its_own_model(
    service: ChatService, heard: Heard, second_bundle: Path
) -> None:
    first = service.store.create_conversation().id
    second = service.store.create_conversation().id
    set_own(service.store, second, table.MODEL, str(second_bundle))
    for number, expected in (
        (first, ["tiny"]),
        (first, []),
        (second, ["second"]),
        (first, ["tiny"]),
    ):
        service.send(number, "Hello")
        events = heard.until_answered()
        assert loaded(events) == expected
        assert isinstance(events[-1], Done)
        name = "second" if number == second else "tiny"
        assert service.store.thread(number)[-1].model == name


def test_another_context_opens_the_model_anew(service: ChatService, heard: Heard) -> None:
    number = service.store.create_conversation().id
    service.send(number, "Hello")
    heard.until_answered()
    set_own(service.store, number, table.CONTEXT_LENGTH, 128)
    assert service.load_for(number)
    assert not service.load_for(number)
    service.send(number, "Hello")
    [opened] = [e for e in heard.until_answered() if isinstance(e, ModelLoaded)]
    assert opened.context_length == 128


def test_a_model_that_is_gone_is_told_before_anything_is_stored(service: ChatService) -> None:
    number = service.store.create_conversation().id
    set_own(service.store, number, table.MODEL, "gone")
    with pytest.raises(BundleError, match="gone is not installed any more"):
        service.send(number, "Hello")
    assert service.store.thread(number) == []


def test_no_other_model_answers_for_a_broken_one(
    service: ChatService, heard: Heard, second_bundle: Path
) -> None:
    first = service.store.create_conversation().id
    service.send(first, "Hello")
    heard.until_answered()
    second = service.store.create_conversation().id
    set_own(service.store, second, table.MODEL, str(second_bundle))
    config = second_bundle / "config.json"
    good = config.read_text()
    config.write_text("{}")
    for _ in range(2):
        service.send(second, "Hello")
        events = heard.until_answered()
        assert any(isinstance(event, ModelLoading) for event in events)  # tried again each time
        assert isinstance(events[-1], Failed)
        assert "second could not be loaded" in str(events[-1].error)
    config.write_text(good)
    service.send(second, "Hello")
    assert isinstance(heard.until_answered()[-1], Done)
    service.send(first, "Hello")
    assert isinstance(heard.until_answered()[-1], Done)


def test_the_model_of_the_command_line_takes_the_default_s_place(
    service: ChatService, heard: Heard, second_bundle: Path, tiny_bundle: Path
) -> None:
    plain, own = (service.store.create_conversation().id for _ in range(2))
    set_own(service.store, own, table.MODEL, str(tiny_bundle))
    service.load_model(second_bundle)
    answered: list[str | None] = []
    send: Callable[[int], object] = lambda number: service.send(number, "Hello")  # noqa: E731
    for always in (False, True):
        service.load_model(second_bundle, always=always)
        for number in (plain, own):
            send(number)
            assert isinstance(heard.until_answered()[-1], Done)
            answered.append(service.store.thread(number)[-1].model)
    assert answered == ["second", "tiny", "second", "second"]
