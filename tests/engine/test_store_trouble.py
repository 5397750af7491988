"""What a store does on a bad day: damage, full and failing disks, folders in its place."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from store_helpers import contents, run_python

from engine.errors import StoreError
from engine.store import Store, find_store_damage, set_aside_damaged_store


def damage_header(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 500)


def damage_pages(path: Path) -> None:
    """Noise in the middle, as a failing disk leaves it; the header stays."""
    data = bytearray(path.read_bytes())
    data[4096:-4096] = os.urandom(len(data) - 8192)
    path.write_bytes(data)


def damage_end(path: Path) -> None:
    """Noise where only conversations are: nothing that is read when a store is opened."""
    data = bytearray(path.read_bytes())
    start = len(data) * 2 // 3 // 4096 * 4096
    data[start:] = os.urandom(len(data) - start)
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_header, damage_pages, truncate])
def test_a_damaged_store_is_set_aside_and_a_new_one_begun(
    path: Path, damage: Callable[[Path], None]
) -> None:
    with Store(path) as store:
        for _ in range(50):
            conversation = store.create_conversation()
            store.add_message(conversation.id, "user", "text " * 100, parent_id=None)
    damage(path)
    damaged = path.read_bytes()
    kept = set_aside_damaged_store(path)
    assert kept is not None
    assert kept.parent == path.parent
    assert kept.read_bytes() == damaged
    assert contents(path) == []
    assert set_aside_damaged_store(path) is None
    # A second one does not take the first one's place.
    damage_header(path)
    assert set_aside_damaged_store(path) not in (kept, None)
    assert kept.read_bytes() == damaged


def test_damage_in_a_large_store_is_found_later_and_set_aside_by_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits at a start until a large file has been read."""
    monkeypatch.setattr("engine.database._READ_AT_START", 1000)
    monkeypatch.setattr("engine.database._STEPS_BETWEEN_LOOKS", 1)
    with Store(path) as store:
        for _ in range(200):
            store.create_conversation("title " * 50)
    find_store_damage(path, lambda: False)  # nothing is said of a sound one
    assert set_aside_damaged_store(path) is None
    damage_end(path)
    assert set_aside_damaged_store(path) is None  # not looked at in full
    find_store_damage(path, lambda: True)  # cancelled before it met the damage
    with pytest.raises(StoreError, match=r"is damaged. Start GEB Chat again"):
        find_store_damage(path, lambda: False)
    assert set_aside_damaged_store(path) is not None
    assert contents(path) == []
    assert set_aside_damaged_store(path) is None


def test_damage_met_in_a_large_store_makes_the_next_start_look(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.database._READ_AT_START", 1000)
    with Store(path) as store:
        for _ in range(200):
            store.create_conversation("title " * 50)
    damage_end(path)
    with Store(path) as store, pytest.raises(StoreError, match="is damaged"):
        store.list_conversations()
    assert set_aside_damaged_store(path) is not None


def test_a_damaged_stores_log_goes_with_it(path: Path, tmp_path: Path) -> None:
    """A log left beside the new store would be replayed into it."""
    with Store(path) as store:
        for _ in range(50):
            store.create_conversation("title " * 50)
    crashed = tmp_path / "crashed.sqlite3"
    with Store(path) as store:
        store.create_conversation("only in the log")
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(path.with_name(path.name + suffix), f"{crashed}{suffix}")
    damage_pages(crashed)
    kept = set_aside_damaged_store(crashed)
    assert kept is not None
    parts = [file for file in tmp_path.iterdir() if file.is_file()]
    assert all(file.name.startswith(kept.name) for file in parts)
    assert any(b"only in the log" in file.read_bytes() for file in parts)
    assert contents(crashed) == []


def test_damage_met_while_running_is_one_sentence(path: Path) -> None:
    Store(path).close()
    damage_header(path)
    with pytest.raises(StoreError, match=r"is damaged. Start GEB Chat again"):
        Store(path)


def test_a_folder_in_the_stores_place_is_one_sentence(path: Path) -> None:
    path.mkdir(parents=True)
    assert set_aside_damaged_store(path) is None
    with pytest.raises(StoreError, match="is a folder, but a file is needed there"):
        Store(path)


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(
    run_on_small_disk: Callable[..., str],
) -> None:
    script = """
import sys
from pathlib import Path
from engine.errors import StoreError
from engine.store import Store
path = Path(sys.argv[1]) / "store.sqlite3"
with Store(path) as store:
    conversation = store.create_conversation()
    stored = []
    try:
        while True:
            text = f"{len(stored)} " * 500
            parent_id = stored[-1] if stored else None
            stored.append(
                store.add_message(conversation.id, "user", text, parent_id=parent_id).id
            )
    except StoreError as error:
        print(error)
    # The connection goes on working.
    assert [message.id for message in store.thread(conversation.id)] == stored
with Store(path) as store:
    assert [message.id for message in store.thread(conversation.id)] == stored
    assert len(stored) > 5
"""
    assert run_on_small_disk(script).startswith("The disk is full: ")


def test_a_read_only_folder_is_one_sentence(run_on_small_disk: Callable[..., str]) -> None:
    script = """
import sys
from pathlib import Path
from engine.errors import StoreError
from engine.store import Store
try:
    Store(Path(sys.argv[1]) / "new")
except StoreError as error:
    print(error)
"""
    output = run_on_small_disk(script, read_only=True)
    assert output.endswith("/new cannot be opened for writing: Read-only file system.\n")
    assert output.count("\n") == 1


def test_a_failing_disk_is_one_sentence_and_nothing_is_lost(path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from engine.errors import StoreError
from engine.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Store(Path(sys.argv[1])) as store:
    conversation = store.create_conversation()
    store.add_message(conversation.id, "user", "before", parent_id=None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        store.add_message(conversation.id, "user", "x" * 1_000_000, parent_id=None)
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    parent_id = store.thread(conversation.id)[-1].id
    store.add_message(conversation.id, "user", "after", parent_id=parent_id)
"""
    result = run_python(script, path)
    assert result.stderr == ""
    assert "cannot be read or written" in result.stdout
    assert contents(path) == ["before", "after"]


def test_a_store_locked_by_another_program_is_one_sentence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.database.BUSY_SECONDS", 0.1)
    with Store(store.path) as other, store.transaction():
        store.create_conversation()
        with pytest.raises(StoreError, match="is in use by another program"):
            other.create_conversation()


def test_nothing_is_lost_when_another_process_ends_while_two_connections_are_open(
    store: Store,
) -> None:
    script = """
import sys
sys.path.insert(0, "tests/engine")
from pathlib import Path
from store_helpers import contents
print(contents(Path(sys.argv[1])))
"""
    with Store(store.path):  # as the engine's thread does, to keep an answer
        assert run_python(script, store.path).stdout == "[]\n"
        conversation = store.create_conversation()
        store.add_message(conversation.id, "user", "kept", parent_id=None)
        assert run_python(script, store.path).stdout == "['kept']\n"
