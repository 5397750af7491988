"""kill -9 at random moments of a scripted session loses nothing that was stored."""

from pathlib import Path

import pytest
from kills import Journal, check, torture

from engine.store import Store


@pytest.mark.slow
@pytest.mark.parametrize("kills", [2, 200])
def test_kills_lose_nothing(tmp_path: Path, tiny_bundle: Path, kills: int) -> None:
    journal, wrong = torture(tmp_path, tiny_bundle, kills, seed=7)
    assert wrong == []
    assert {what for what, _ in journal.kept} == {"message", "draft", "title"}


def test_losses_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with Store(path) as store:
        conversation = store.create_conversation("title")
        message = store.add_message(conversation.id, "user", "here", parent_id=None)
    journal = Journal()
    for line in (
        f'["kept", "message", {message.id}, "something else"]',
        f'["kept", "title", {conversation.id}, "title"]',
        f'["kept", "draft", {conversation.id}, "old"]',
        f'["try", "draft", {conversation.id}, ""]',
        '["kept", "message", 1, "cut off by the ki',
    ):
        journal.note(line)
    assert check(path, journal) == [f"message {message.id}: 'something else' is 'here'"]
    assert journal.kept["draft", conversation.id] == ""
    path.write_bytes(b"damaged" * 1000)
    assert "was damaged" in check(path, journal)[0]
