"""kill -9 at random moments loses nothing that was stored."""

import json
import random
from pathlib import Path

import pytest
from checks import Stored
from journal import Journal
from kills import Moment, kill_a_migration, torture

from engine.store import Store


def test_kills_lose_nothing(tmp_path: Path, tiny_bundle: Path) -> None:
    """Two kills, and the orderly end after them; `make torture` kills more."""
    journal, wrong = torture(tmp_path, tiny_bundle, 2, seed=7, moment=Moment(12, 0.2, early=0))
    assert wrong == []
    assert "message" in {what for what, _ in journal.kept}


@pytest.mark.parametrize("version", [1, 2])
def test_a_kill_during_a_migration_loses_nothing(tmp_path: Path, version: int) -> None:
    chance = random.Random(version)  # noqa: S311 (no secret)
    assert kill_a_migration(tmp_path, version, chance) == []


@pytest.mark.slow
def test_many_kills_lose_nothing(tmp_path: Path, tiny_bundle: Path) -> None:
    _, wrong = torture(tmp_path, tiny_bundle, 40, seed=100)
    assert wrong == []


def test_losses_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "data" / "conversations.sqlite3"
    with Store(path) as store:
        conversation = store.create_conversation("title")
        message = store.add_message(conversation.id, "user", "here", parent_id=None)
    journal = Journal()
    for line in (
        ["kept", "message", message.id, "something else"],
        ["kept", "title", conversation.id, "title"],
        ["kept", "draft", conversation.id, "old"],
        ["try", "draft", conversation.id, ""],
        ["kept", "setting", "temperature", 0.5],
        ["kept", "import", "file", 3],
        ["kept", "collection", "papers", "/papers"],
    ):
        journal.note(json.dumps(line))
    journal.note('["kept", "message", 1, "cut off by the ki')
    assert list(Stored(tmp_path).wrong(journal)) == [
        f"message {message.id}: 'something else' is 'here'",
        "setting temperature: 0.5 is None",
        "import file: 3 is None",
        "collection papers: '/papers' is None",
    ]
    assert journal.kept["draft", str(conversation.id)] == ""
    path.write_bytes(b"damaged" * 1000)
    with pytest.raises(Exception, match="not a database"):
        list(Stored(tmp_path).wrong(journal))
