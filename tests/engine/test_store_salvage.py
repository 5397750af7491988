"""What a damaged store gives back, and what is kept before a migration changes one."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import database
from engine.backup import KEEP_BACKUPS, back_up
from engine.errors import StoreError
from engine.store import Store, set_aside_damaged_store
from engine.store_salvage import Salvage, rescue_store, salvage
from engine.store_schema import MIGRATIONS

PAGE = 4096


def fill(path: Path, conversations: int = 30, messages: int = 20) -> None:
    with Store(path) as store, store.transaction():
        for number in range(conversations):
            conversation = store.create_conversation(f"title {number}")
            parent = None
            for turn in range(messages):
                role = "assistant" if turn % 2 else "user"
                text = f"message {turn} of {number} " + "text " * 40
                parent = store.add_message(conversation.id, role, text, parent_id=parent).id


def damage(path: Path, pages: list[int]) -> None:
    data = bytearray(path.read_bytes())
    for page in pages:
        data[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


def test_most_messages_survive_a_few_bad_pages(path: Path) -> None:
    fill(path)
    pages = path.stat().st_size // PAGE
    damage(path, [pages // 3, pages // 2, pages - 5])
    kept = set_aside_damaged_store(path)
    assert kept is not None
    saved = salvage(kept, path)
    assert saved.messages > 400  # of 600
    with Store(path) as store:
        listed = store.list_conversations()
        assert len(listed) == saved.conversations
        texts = [m.content for c in listed for m in store.thread(c.id)]
        assert texts
        assert all(text.startswith("message ") for text in texts)
        assert store.search("message 3")  # and can be found
        # Life goes on in what was saved.
        store.add_message(listed[0].id, "user", "more", parent_id=store.thread(listed[0].id)[-1].id)
    assert set_aside_damaged_store(path) is None


@given(st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True))
def test_whatever_is_damaged_the_fresh_store_is_sound(
    tmp_path_factory: pytest.TempPathFactory, pages: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("salvage")
    path = folder / "conversations.sqlite3"
    fill(path, 10, 12)
    damage(path, [page % (path.stat().st_size // PAGE) for page in pages])
    kept = set_aside_damaged_store(path)
    if kept is None:
        return  # a page that nothing used
    saved = salvage(kept, path)
    assert saved.messages <= 120
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with Store(path) as store:
        for conversation in store.list_conversations():
            store.thread(conversation.id)


def test_nothing_can_be_saved_of_what_is_no_database(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 500)
    kept = set_aside_damaged_store(path)
    assert kept is not None
    assert salvage(kept, path) == Salvage(0, 0)


def old_store(path: Path) -> None:
    """A store as version 1 left it, with one conversation."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        MIGRATIONS[0](connection)
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            "INSERT INTO conversations (title, system_prompt, created_at, updated_at)"
            " VALUES ('old', '', 1, 1)"
        )


def test_a_store_is_copied_before_it_is_migrated(path: Path) -> None:
    old_store(path)
    with Store(path) as store:
        assert [c.title for c in store.list_conversations()] == ["old"]
    [copy] = (path.parent / "backups").iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT title FROM conversations").fetchall() == [("old",)]
    Store(path).close()  # up to date: no other copy
    assert list((path.parent / "backups").iterdir()) == [copy]


def test_only_the_newest_copies_are_kept(path: Path) -> None:
    old_store(path)
    with closing(sqlite3.connect(path)) as connection:
        copies = [back_up(connection, path, version) for version in range(1, 7)]
    left = sorted((path.parent / "backups").iterdir())
    assert left == sorted(copies[-KEEP_BACKUPS:])


def test_without_room_for_a_copy_nothing_is_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_store(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(database, "back_up", full)
    with pytest.raises(StoreError, match="no copy of it can be made: No space left on device"):
        Store(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_start_that_was_killed_while_it_saved_is_completed_by_the_next(path: Path) -> None:
    fill(path)
    damage(path, [path.stat().st_size // PAGE // 2])
    kept = set_aside_damaged_store(path)
    assert kept is not None
    path.with_name(path.name + ".part").write_bytes(b"half a new store")
    found = rescue_store(path)
    assert found is not None
    assert found[0] == kept
    assert found[1].conversations == 30
    assert found[1].messages > 500
    assert rescue_store(path) is None
    assert not list(path.parent.glob("*.part*"))
