"""The chat service with the real store, the real engine thread and a tiny real bundle."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest

from engine.answer_recorder import AnswerRecorder
from engine.bundle import open_bundle
from engine.chat import (
    KEEP_DELETED_SECONDS,
    AnswerEvent,
    AnswerNotSaved,
    ChatEvent,
    ChatService,
)
from engine.conversation_text import title_of, turns_of
from engine.errors import GenerationError, StoreError
from engine.events import Cancelled, Done, Failed, ModelLoaded, Started, Token
from engine.sampling import SamplingParams
from engine.store import Store

ROOT = Path(__file__).parents[2]
GREEDY = SamplingParams(temperature=0, max_new_tokens=24)
LONG = SamplingParams(seed=1, max_new_tokens=400, repetition_penalty=1.3)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.queue: Queue[ChatEvent] = Queue()
        self.slow_seconds = 0.0

    def __call__(self, event: ChatEvent) -> None:
        self.queue.put(event)
        time.sleep(self.slow_seconds)

    def until(self, *kinds: type) -> list[object]:
        """Return what was heard up to an event of these kinds, answers' steps unwrapped."""
        events: list[object] = []
        while not events or not isinstance(events[-1], kinds):
            event = self.queue.get(timeout=30)
            events.append(event.event if isinstance(event, AnswerEvent) else event)
        return events

    def answer(self) -> tuple[str, object]:
        """Return the text of one answer and its last event."""
        events = self.until(Done, Cancelled, Failed)
        return "".join(event.text for event in events if isinstance(event, Token)), events[-1]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def service(tmp_path: Path, heard: Heard, tiny_bundle: Path) -> Iterator[ChatService]:
    with closing(ChatService(tmp_path / "store.sqlite3", heard)) as service:
        service.load_model(tiny_bundle)
        heard.until(ModelLoaded)
        yield service


def test_an_answer_is_on_the_disk_when_its_end_is_heard(service: ChatService, heard: Heard) -> None:
    conversation = service.store.create_conversation()
    service.store.set_draft(conversation.id, "Hello")
    user, assistant = service.send(conversation.id, "Hello", GREEDY)
    assert (user.content, user.status) == ("Hello", "complete")
    assert (assistant.parent_id, assistant.status) == (user.id, "streaming")
    text, done = heard.answer()
    assert isinstance(done, Done)
    assert service.running_answer(conversation.id) is None
    stored_user, answer = service.store.thread(conversation.id)
    assert stored_user == user
    assert (answer.id, answer.content, answer.status) == (assistant.id, text, "complete")
    assert (answer.finish_reason, answer.model) == (done.finish_reason, "tiny")
    assert answer.completion_tokens == done.usage.completion_tokens > 0
    assert service.store.draft(conversation.id) == ""
    assert service.store.conversation(conversation.id).title == "Hello"


def test_the_user_message_is_on_the_disk_before_the_engine_starts(
    service: ChatService, heard: Heard
) -> None:
    conversation = service.store.create_conversation()
    heard.slow_seconds = 0.2
    user, assistant = service.send(conversation.id, "Hello", GREEDY)
    with Store(service.store.path) as other:
        assert [m.id for m in other.thread(conversation.id)] == [user.id, assistant.id]
    assert isinstance(heard.until(Started)[-1], Started)


def test_the_model_reads_the_whole_branch(
    service: ChatService, heard: Heard, tiny_bundle: Path
) -> None:
    conversation = service.store.create_conversation(system_prompt="简短回答。")
    service.send(conversation.id, "One", GREEDY)
    first, _ = heard.answer()
    service.send(conversation.id, "Two")
    _, done = heard.answer()
    assert isinstance(done, Done)
    expected = open_bundle(tiny_bundle).chat_template.encode(
        [
            {"role": "system", "content": "简短回答。"},
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": first},
            {"role": "user", "content": "Two"},
        ]
    )
    assert done.usage.prompt_tokens == len(expected)
    assert service.store.conversation(conversation.id).title == "One"


def test_stop_keeps_what_is_written(service: ChatService, heard: Heard) -> None:
    conversation = service.store.create_conversation()
    heard.slow_seconds = 0.01
    _, assistant = service.send(conversation.id, "Hello", LONG)
    heard.until(Token)
    assert service.running_answer(conversation.id) == assistant.id
    service.stop(assistant.id)
    _, last = heard.answer()
    assert isinstance(last, Cancelled)
    answer = service.store.thread(conversation.id)[-1]
    assert (answer.status, answer.finish_reason) == ("cancelled", "cancelled")
    assert answer.content
    service.send(conversation.id, "And now?", GREEDY)
    assert isinstance(heard.answer()[1], Done)


def test_closing_stops_and_keeps_every_answer(
    tmp_path: Path, heard: Heard, tiny_bundle: Path
) -> None:
    path = tmp_path / "store.sqlite3"
    heard.slow_seconds = 0.01
    with closing(ChatService(path, heard)) as service:
        service.load_model(tiny_bundle)
        running, waiting = (service.store.create_conversation() for _ in range(2))
        service.send(running.id, "Hello", LONG)
        service.send(waiting.id, "Hello", LONG)
        heard.until(Token)
    with Store(path) as store:
        begun, unbegun = (store.thread(chat.id)[-1] for chat in (running, waiting))
    assert begun.status == unbegun.status == "cancelled"
    assert begun.content
    assert not unbegun.content


def test_a_conversation_erased_while_it_is_answered_is_no_error(
    service: ChatService, heard: Heard
) -> None:
    erased, kept = (service.store.create_conversation() for _ in range(2))
    heard.slow_seconds = 0.01
    service.send(erased.id, "Hello", LONG)
    heard.until(Token)
    service.store.delete(erased.id)
    service.store.purge(deleted_before=time.time() + 1)
    service.stop()
    assert not [event for event in heard.until(Cancelled) if isinstance(event, AnswerNotSaved)]
    service.send(kept.id, "Hello", GREEDY)
    assert isinstance(heard.answer()[1], Done)


def test_a_conversation_answers_one_message_at_a_time(service: ChatService, heard: Heard) -> None:
    conversation = service.store.create_conversation()
    heard.slow_seconds = 0.01
    service.send(conversation.id, "Hello", LONG)
    with pytest.raises(GenerationError, match="still being written"):
        service.send(conversation.id, "Hello?")
    assert len(service.store.thread(conversation.id)) == 2
    service.stop()
    assert isinstance(heard.answer()[1], Cancelled)


@pytest.mark.parametrize("text", ["", " \n\t　"])
def test_an_empty_message_is_refused(service: ChatService, text: str) -> None:
    conversation = service.store.create_conversation()
    with pytest.raises(GenerationError, match="Type a message first"):
        service.send(conversation.id, text)
    assert service.store.thread(conversation.id) == []


def test_a_failed_answer_is_stored_and_the_chat_goes_on(
    tmp_path: Path, heard: Heard, tiny_bundle: Path
) -> None:
    with closing(ChatService(tmp_path / "store.sqlite3", heard)) as service:
        conversation = service.store.create_conversation()
        service.load_model(tmp_path / "nowhere")
        service.send(conversation.id, "Hello")
        failed = heard.answer()[1]
        assert isinstance(failed, Failed)
        answer = service.store.thread(conversation.id)[-1]
        assert (answer.status, answer.finish_reason) == ("failed", "error")
        assert answer.error == str(failed.error)
        service.load_model(tiny_bundle)
        service.send(conversation.id, "Again", GREEDY)
        assert isinstance(heard.answer()[1], Done)
        turns = turns_of("", service.store.thread(conversation.id)[:-1])
    assert turns == [{"role": "user", "content": "Hello\n\nAgain"}]


def test_a_message_that_cannot_be_stored_is_not_sent(service: ChatService, heard: Heard) -> None:
    conversation = service.store.create_conversation()
    service.store.set_draft(conversation.id, "kept")
    database = service.store._database
    [[pages]] = database.execute("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="The disk is full"):
        service.send(conversation.id, "long text " * 10_000)
    database.execute("PRAGMA max_page_count = 1000000")
    assert service.running_answer(conversation.id) is None
    assert service.store.thread(conversation.id) == []
    assert service.store.draft(conversation.id) == "kept"
    assert service.store.conversation(conversation.id).title == ""
    service.send(conversation.id, "short", GREEDY)
    assert isinstance(heard.answer()[1], Done)


def test_a_checkpoint_comes_about_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("engine.answer_recorder.time.monotonic", lambda: now)
    refused: list[StoreError] = []
    with Store(tmp_path / "store.sqlite3") as store:
        conversation = store.create_conversation()
        message = store.add_message(
            conversation.id, "assistant", "", parent_id=None, status="streaming"
        )
        recorder = AnswerRecorder(store.path, message, refused.append)
        saved = []
        for _ in range(25):
            now += 0.1
            recorder.add("x", "nano")
            saved.append(len(store.message(message.id).content))
        assert saved[:9] == [0] * 9
        assert sorted(set(saved)) in ([0, 10, 20], [0, 11, 22])
        assert store.message(message.id).status == "streaming"
        recorder.finish(Failed(1, GenerationError("No.")), "nano")
        assert len(store.message(message.id).content) == 25
    assert not refused


STREAM_UNTIL_KILLED = """
import json, sys, time
from pathlib import Path
import engine.answer_recorder
from engine.chat import AnswerEvent, ChatService
from engine.events import Token
from engine.sampling import SamplingParams
engine.answer_recorder.CHECKPOINT_SECONDS = 0.05
def listener(event):
    if isinstance(event, AnswerEvent) and isinstance(event.event, Token):
        print(json.dumps(event.event.text), flush=True)
        time.sleep(0.02)
service = ChatService(Path(sys.argv[1]), listener)
service.load_model(Path(sys.argv[2]))
conversation = service.store.list_conversations()[0]
service.send(conversation.id, "last question", SamplingParams(max_new_tokens=400, seed=1))
time.sleep(60)
"""


def test_kill_9_in_the_middle_of_an_answer_loses_no_message(
    tmp_path: Path, heard: Heard, tiny_bundle: Path
) -> None:
    path = tmp_path / "store.sqlite3"
    with Store(path) as store:
        conversation = store.create_conversation("earlier")
        store.add_message(conversation.id, "user", "first question", parent_id=None)
    process = subprocess.Popen(
        [sys.executable, "-c", STREAM_UNTIL_KILLED, path, tiny_bundle],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        streamed = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        streamed += process.stdout.readlines()
    with closing(ChatService(path, heard)) as service:
        assert service.set_aside is None
        first, last, answer = service.store.thread(conversation.id)
    assert (first.content, last.content) == ("first question", "last question")
    assert answer.status == "interrupted"
    text = "".join(json.loads(piece) for piece in streamed if piece.endswith("\n"))
    assert len(answer.content) >= 10
    assert text.startswith(answer.content) or answer.content.startswith(text)


FILL_THE_DISK = """
import sys
from pathlib import Path
from queue import Queue
import engine.answer_recorder
from engine.chat import AnswerEvent, AnswerNotSaved, ChatService
from engine.events import Done, Started, Token
from engine.sampling import SamplingParams
engine.answer_recorder.CHECKPOINT_SECONDS = 0.001
folder = Path(sys.argv[1])
filler = folder / "filler"
heard = Queue()
def fill():
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            pass
def listener(event):
    if isinstance(event, AnswerEvent) and isinstance(event.event, Started) and not filler.exists():
        fill()
    heard.put(event)
def answer():
    events = []
    while not events or not isinstance(getattr(events[-1], "event", None), Done):
        events.append(heard.get(timeout=30))
    text = "".join(e.event.text for e in events if isinstance(getattr(e, "event", None), Token))
    return text, [e for e in events if isinstance(e, AnswerNotSaved)]
service = ChatService(folder / "store.sqlite3", listener)
service.load_model(Path(sys.argv[2]))
conversation = service.store.create_conversation()
params = SamplingParams(max_new_tokens=100, seed=1)
service.send(conversation.id, "question", params)
text, refused = answer()
[only] = refused
print(only.error)
user, assistant = service.store.thread(conversation.id)
assert (user.content, assistant.status) == ("question", "streaming"), assistant
assert len(assistant.content) < len(text)
filler.unlink()
filler.touch()
engine.answer_recorder.CHECKPOINT_SECONDS = 10  # its log must not fill the small disk again
service.send(conversation.id, "next", params)
assert service.store.thread(conversation.id)[1].content == text
assert service.store.thread(conversation.id)[1].status == "complete"
text, refused = answer()
assert not refused
service.close()
"""


def test_a_disk_that_fills_up_loses_nothing_of_an_answer(
    tiny_bundle: Path, run_on_small_disk: Callable[..., str]
) -> None:
    output = run_on_small_disk(FILL_THE_DISK, tiny_bundle)
    assert output.startswith("The disk is full: ")
    assert output.count("\n") == 1


def test_a_damaged_store_is_set_aside_at_the_start(tmp_path: Path, heard: Heard) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_text("not a database " * 100)
    with closing(ChatService(path, heard)) as service:
        assert service.set_aside is not None
        assert service.set_aside.read_text() == "not a database " * 100
        assert service.store.list_conversations() == []


def test_a_store_that_cannot_be_used_starts_no_engine(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        ChatService(tmp_path, heard)


def test_what_was_deleted_long_ago_is_erased_at_the_start(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.sqlite3"
    with Store(path) as store:
        old, new = store.create_conversation(), store.create_conversation()
        with monkeypatch.context() as patch:
            past = time.time() - KEEP_DELETED_SECONDS - 10
            patch.setattr("engine.store.time.time", lambda: past)
            store.delete(old.id)
        store.delete(new.id)
    with closing(ChatService(path, heard)) as service:
        service.store.undelete(new.id)
        with pytest.raises(StoreError, match="There is no conversation"):
            service.store.undelete(old.id)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("\n  first   line \nsecond", "first line"),
        ("word " * 20, "word word word word word word word word…"),
        ("x" * 100, "x" * 40 + "…"),
        ("中文标题" * 20, "中文标题" * 10 + "…"),
        ("请解释 " + "很长的中文句子" * 10, "请解释 " + ("很长的中文句子" * 10)[:36] + "…"),
        ("e\u0301" * 50, "e\u0301" * 20 + "…"),
        ("a" + "e\u0301" * 50, "a" + "e\u0301" * 19 + "…"),
        ("x" * 38 + "👩\u200d👩\u200d👧 and more", "x" * 38 + "…"),
    ],
)
def test_titles_end_with_a_whole_word_or_character(text: str, title: str) -> None:
    assert title_of(text) == title


def test_editing_a_question_makes_a_branch_and_keeps_the_old_one(
    service: ChatService, heard: Heard, tiny_bundle: Path
) -> None:
    chat = service.store.create_conversation().id
    first, _ = service.send(chat, "One", GREEDY)
    heard.answer()
    service.send(chat, "Two", GREEDY)
    heard.answer()
    before = service.store.thread(chat)
    edited, answer = service.edit_question(first.id, "Another", GREEDY)
    text, done = heard.answer()
    assert isinstance(done, Done)
    expected = open_bundle(tiny_bundle).chat_template.encode(
        [{"role": "user", "content": "Another"}]
    )
    assert done.usage.prompt_tokens == len(expected)
    shown = service.store.thread(chat)
    assert [(m.id, m.content) for m in shown] == [(edited.id, "Another"), (answer.id, text)]
    assert service.store.versions(chat) == {edited.id: [first.id, edited.id]}
    service.show_version(first.id)
    assert service.store.thread(chat) == before
    service.show_version(edited.id)
    assert service.store.thread(chat) == shown


def test_regenerating_and_editing_an_answer_keep_the_old_one(
    service: ChatService, heard: Heard
) -> None:
    chat = service.store.create_conversation().id
    question, first = service.send(chat, "Hello", GREEDY)
    text, _ = heard.answer()
    second = service.regenerate(first.id, GREEDY)
    assert heard.answer()[0] == text  # the model was asked the same
    third = service.edit_answer(second.id, "Better.")
    fourth = service.regenerate(question.id, GREEDY)
    heard.answer()
    versions = [first.id, second.id, third.id, fourth.id]
    assert service.store.versions(chat) == {fourth.id: versions}
    contents = [service.store.message(number).content for number in versions]
    assert contents == [text, text, "Better.", text]
    assert {service.store.message(number).parent_id for number in versions} == {question.id}


def test_a_stopped_answer_goes_on_as_if_it_had_not_been_stopped(
    service: ChatService, heard: Heard, tiny_bundle: Path
) -> None:
    chat = service.store.create_conversation(system_prompt="Brief.").id
    _, first = service.send(chat, "Hello", GREEDY)
    begun, _ = heard.answer()
    second = service.continue_answer(first.id, GREEDY)
    assert (second.content, second.status, second.parent_id) == (
        begun,
        "streaming",
        first.parent_id,
    )
    more, done = heard.answer()
    assert isinstance(done, Done)
    assert more
    template = open_bundle(tiny_bundle).chat_template
    turns = [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Hello"}]
    prompt = template.encode(
        [*turns, {"role": "assistant", "content": begun}], continue_answer=True
    )
    assert prompt[: len(template.encode(turns))] == template.encode(turns)
    assert done.usage.prompt_tokens == len(prompt)
    assert service.store.thread(chat)[-1].content == begun + more
    assert service.store.message(first.id).content == begun
    assert service.store.versions(chat) == {second.id: [first.id, second.id]}


def test_branches_wait_for_the_answer_and_need_the_right_message(
    service: ChatService, heard: Heard
) -> None:
    chat = service.store.create_conversation().id
    heard.slow_seconds = 0.01
    question, answer = service.send(chat, "Hello", LONG)
    for refused in (
        lambda: service.edit_question(question.id, "Other"),
        lambda: service.edit_answer(answer.id, "Other"),
        lambda: service.regenerate(answer.id),
        lambda: service.continue_answer(answer.id),
        lambda: service.show_version(question.id),
    ):
        with pytest.raises(GenerationError, match="still being written"):
            refused()
    service.stop()
    heard.answer()
    with pytest.raises(GenerationError, match="Only your own messages"):
        service.edit_question(answer.id, "Other")
    with pytest.raises(GenerationError, match="not an answer"):
        service.continue_answer(question.id)
    with pytest.raises(GenerationError, match="not an answer"):
        service.edit_answer(question.id, "Other")
    with pytest.raises(StoreError, match="There is no message"):
        service.regenerate(10**30)
    assert len(service.store.tree(chat).messages) == 2
