"""The conversation store: durable, shared, migrated; every failure one sentence, nothing lost."""

import hashlib
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from store_helpers import contents, run_python

from engine.errors import StoreError
from engine.events import Usage
from engine.store import Store, set_aside_damaged_store
from engine.store_schema import FUNCTIONS, MIGRATIONS


def test_a_conversation_is_read_back_by_another_connection(store: Store) -> None:
    conversation = store.create_conversation("Title", "Be brief.")
    question = store.add_message(conversation.id, "user", "你好 \0 🌍", parent_id=None)
    answer = store.add_message(
        conversation.id, "assistant", "", parent_id=question.id, status="streaming"
    )
    store.update_message(
        answer.id,
        content="您好",
        status="complete",
        finish_reason="stop",
        model="nano",
        usage=Usage(7, 2, 12.5, 30.0, 9),
    )
    with Store(store.path) as other:
        [listed] = other.list_conversations()
        assert (listed.title, listed.system_prompt) == ("Title", "Be brief.")
        assert listed.updated_at >= conversation.updated_at
        first, second = other.thread(conversation.id)
    assert first == question
    assert second.content == "您好"
    assert second.parent_id == question.id
    assert (second.status, second.finish_reason, second.model) == ("complete", "stop", "nano")
    assert (second.prompt_tokens, second.completion_tokens) == (7, 2)
    assert (second.prefill_ms, second.decode_tokens_per_second) == (12.5, 30.0)


def test_a_second_branch_leaves_the_first_whole(store: Store) -> None:
    conversation = store.create_conversation()
    question = store.add_message(conversation.id, "user", "q", parent_id=None)
    first = store.add_message(conversation.id, "assistant", "a1", parent_id=question.id)
    store.add_message(conversation.id, "assistant", "a2", parent_id=question.id)
    assert [message.content for message in store.thread(conversation.id)] == ["q", "a2"]
    assert store.message(first.id) == first


def test_a_message_cannot_hang_below_another_conversations(store: Store) -> None:
    one, other = store.create_conversation(), store.create_conversation()
    message = store.add_message(one.id, "user", "q", parent_id=None)
    with pytest.raises(StoreError, match=f"There is no message {message.id}"):
        store.add_message(other.id, "assistant", "a", parent_id=message.id)
    assert store.thread(other.id) == []


def test_delete_undo_and_purge(store: Store) -> None:
    kept, deleted = store.create_conversation("kept"), store.create_conversation("deleted")
    message = store.add_message(deleted.id, "user", "q", parent_id=None)
    store.add_message(deleted.id, "assistant", "a", parent_id=message.id)
    store.delete(deleted.id)
    assert [conversation.id for conversation in store.list_conversations()] == [kept.id]
    with pytest.raises(StoreError, match="There is no conversation"):
        store.thread(deleted.id)
    store.undelete(deleted.id)
    assert [message.content for message in store.thread(deleted.id)] == ["q", "a"]
    store.delete(deleted.id)
    store.purge(deleted_before=time.time() - 60)
    store.undelete(deleted.id)
    store.delete(deleted.id)
    store.purge(deleted_before=time.time() + 1)
    with pytest.raises(StoreError, match="There is no conversation"):
        store.undelete(deleted.id)
    with pytest.raises(StoreError, match="There is no message"):
        store.message(message.id)
    assert store.conversation(kept.id).title == "kept"


def test_drafts_titles_and_system_prompts_are_kept(store: Store) -> None:
    conversation = store.create_conversation()
    store.set_draft(conversation.id, "half a thou")
    store.rename(conversation.id, "旅行")
    store.set_system_prompt(conversation.id, "Answer in verse.")
    with Store(store.path) as other:
        assert other.draft(conversation.id) == "half a thou"
        assert other.conversation(conversation.id).title == "旅行"
        assert other.conversation(conversation.id).system_prompt == "Answer in verse."


@pytest.mark.parametrize("number", [0, -1, 7, 2**63, 10**40])
def test_an_unknown_conversation_is_one_sentence(store: Store, number: int) -> None:
    with pytest.raises(StoreError, match=f"There is no conversation {number}"):
        store.thread(number)
    with pytest.raises(StoreError, match=f"There is no conversation {number}"):
        store.add_message(number, "user", "q", parent_id=None)


def test_lone_surrogates_are_stored_as_question_marks(store: Store) -> None:
    conversation = store.create_conversation("\ud800")
    message = store.add_message(conversation.id, "user", "a\udfffb", parent_id=None)
    assert (conversation.title, message.content) == ("?", "a?b")


def test_recovery_marks_what_was_being_written_and_a_living_writer_wins(store: Store) -> None:
    conversation = store.create_conversation()
    question = store.add_message(conversation.id, "user", "q", parent_id=None)
    answer = store.add_message(
        conversation.id, "assistant", "par", parent_id=question.id, status="streaming"
    )
    with Store(store.path) as other:
        other.recover()
        statuses = [message.status for message in other.thread(conversation.id)]
        assert statuses == ["complete", "interrupted"]
    store.update_message(answer.id, content="partial, then whole", status="complete")
    assert store.message(answer.id).status == "complete"


def test_a_failed_step_leaves_nothing_behind(store: Store) -> None:
    conversation = store.create_conversation("before")

    def fail_half_way() -> None:
        with store.transaction():
            store.rename(conversation.id, "after")
            store.add_message(conversation.id, "user", "q", parent_id=None)
            store.conversation(0)

    with pytest.raises(StoreError):
        fail_half_way()
    assert store.conversation(conversation.id).title == "before"
    assert store.thread(conversation.id) == []


def test_what_was_committed_survives_kill_9(path: Path) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from engine.store import Store
store = Store(Path(sys.argv[1]))
conversation = store.create_conversation()
message = store.add_message(conversation.id, "user", "committed", parent_id=None)
with store.transaction():
    store.add_message(conversation.id, "assistant", "not committed", parent_id=message.id)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_python(script, path).returncode == -9
    assert set_aside_damaged_store(path) is None
    assert contents(path) == ["committed"]


def test_processes_that_start_at_once_share_a_new_store(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from engine.store import Store
with Store(Path(sys.argv[1])) as store:
    for number in range(10):
        with store.transaction():
            conversation = store.create_conversation(sys.argv[2])
            store.add_message(conversation.id, "user", str(number), parent_id=None)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, path, str(number)], cwd=Path(__file__).parents[2]
        )
        for number in range(6)
    ]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert sorted(contents(path)) == sorted(str(number) for number in range(10) for _ in range(6))


def test_threads_with_a_store_each_write_at_once(path: Path) -> None:
    with Store(path) as store:
        conversation = store.create_conversation()
        question = store.add_message(conversation.id, "user", "q", parent_id=None)

        def write(name: str) -> None:
            with Store(path) as own:
                for number in range(20):
                    own.add_message(
                        conversation.id, "assistant", f"{name}{number}", parent_id=question.id
                    )

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (61,)


def test_files_are_readable_by_the_user_only(store: Store) -> None:
    store.create_conversation()
    files = sorted(store.path.parent.iterdir())
    assert [file.name.removeprefix(store.path.name) for file in files] == ["", "-shm", "-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_store_of_a_newer_version_can_be_read_and_is_left_untouched(path: Path) -> None:
    with Store(path) as store:
        conversation = store.create_conversation("from the future")
        question = store.add_message(conversation.id, "user", "kept", parent_id=None)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = hashlib.sha256(path.read_bytes()).digest()
    assert set_aside_damaged_store(path) is None
    with Store(path) as store:
        assert store.read_only
        assert [c.title for c in store.list_conversations()] == ["from the future"]
        assert [m.content for m in store.thread(conversation.id)] == ["kept"]
        for write in (
            lambda: store.create_conversation("no"),
            lambda: store.set_draft(conversation.id, "no"),
            lambda: store.add_message(conversation.id, "user", "no", parent_id=question.id),
            lambda: store.delete(conversation.id),
        ):
            with pytest.raises(StoreError, match="newer version of GEB Chat: it can be read"):
                write()
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_work_does_not_grow_with_the_store(path: Path) -> None:
    """10,000 conversations with 200,000 messages; SQLite's own steps are counted, not seconds."""
    with Store(path) as store, closing(sqlite3.connect(path)) as connection:
        connection.create_function("index_text", 1, FUNCTIONS["index_text"])
        with connection:
            connection.executemany(
                "INSERT INTO conversations (title, system_prompt, created_at, updated_at)"
                " VALUES (?, '', ?, ?)",
                ((f"chat {number}", number, number) for number in range(10_000)),
            )
            connection.executemany(
                "INSERT INTO messages"
                " (conversation_id, parent_id, role, content, status, created_at)"
                " VALUES (?, ?, ?, 'a few words of text', 'complete', 0)",
                (
                    (
                        number // 20 + 1,
                        number if number % 20 else None,
                        ("user", "assistant")[number % 2],
                    )
                    for number in range(200_000)
                ),
            )
            connection.execute("UPDATE conversations SET active_leaf_id = id * 20")
        hundreds = 0

        def count() -> None:
            nonlocal hundreds
            hundreds += 1

        store._database._connection.set_progress_handler(count, 100)
        branch = store.thread(5_000)
        store.add_message(5_000, "user", "one more", parent_id=branch[-1].id)
        store.recover()
        assert store.list_conversations(limit=1)[0].id == 5_000
        assert len(branch) == 20
        assert hundreds < 100
        assert len(store.list_conversations()) == 10_000
        assert hundreds < 10_000


def test_deleted_conversations_are_listed_and_erased_one_by_one(store: Store) -> None:
    kept, first, second = (store.create_conversation(title) for title in ("kept", "1", "2"))
    before = time.time()
    store.delete(first.id)
    store.delete(second.id)
    deleted = store.list_deleted()
    assert [conversation for conversation, _ in deleted] == [second, first]
    assert all(before <= at <= time.time() for _, at in deleted)
    store.erase(kept.id)
    store.erase(first.id)
    assert [conversation.id for conversation, _ in store.list_deleted()] == [second.id]
    assert store.conversation(kept.id) == kept
    with pytest.raises(StoreError, match="There is no conversation"):
        store.undelete(first.id)


def test_sources_and_collections_are_kept_and_copied(store: Store) -> None:
    chat = store.create_conversation()
    assert store.collections(chat.id) == ()
    store.set_collections(chat.id, (2, 5))
    question = store.add_message(
        chat.id, "user", "why", parent_id=None, sources={"files": ["海.pdf"]}
    )
    answer = store.add_message(chat.id, "assistant", "", parent_id=question.id, status="streaming")
    assert answer.sources is None
    store.update_message(answer.id, content="salt", status="streaming", sources={"a": [1]})
    store.update_message(answer.id, content="salt [1]", status="complete")
    for number in (chat.id, store.duplicate(chat.id, "copy").id):
        assert store.collections(number) == (2, 5)
        assert [m.sources for m in store.thread(number)] == [{"files": ["海.pdf"]}, {"a": [1]}]


def test_a_store_of_version_2_learns_of_sources(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        for name, function in FUNCTIONS.items():
            old.create_function(name, 1, function, deterministic=True)
        for migrate in MIGRATIONS[:2]:
            migrate(old)
        old.execute("PRAGMA user_version = 2")
        old.execute(
            "INSERT INTO conversations (id, title, system_prompt, created_at, updated_at)"
            " VALUES (1, 't', '', 1, 1)"
        )
        old.execute(
            "INSERT INTO messages (id, conversation_id, role, content, status, created_at)"
            " VALUES (1, 1, 'user', 'q', 'complete', 1)"
        )
        old.commit()
    with Store(path) as store:
        assert store.collections(1) == ()
        assert store.message(1).sources is None
