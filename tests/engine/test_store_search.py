"""Search finds what a person would, marks it, and stays current through crashes and upgrades."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search_text import find_text, find_words, snippet
from engine.store import Store
from engine.store_schema import MIGRATIONS

TEXT = "The Café in 北京 opens at ９ o'clock；全文搜索很快。foo_bar"


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("cafe", ["Café"]),
        ("CAFÉ", ["Café"]),
        ("caf", ["Caf"]),
        ("afe", None),
        ("北京", ["北京"]),
        ("北", ["北"]),
        ("京", ["京"]),
        ("文搜", ["文搜"]),
        ("文索", None),
        ("9", ["９"]),
        ("很快 the", ["The", "很快"]),
        ("北京cafe", ["Café", "北京"]),
        ("bar", ["bar"]),
        ("cafe 上海", None),
        ("", None),
        ('"*^:-() AND', None),
        ("OR NEAR(", None),
        ("x" * 100_000, None),
    ],
)
def test_words_and_chinese_are_found_and_marked(
    store: Store, query: str, marked: list[str] | None
) -> None:
    chat = store.create_conversation("title")
    message = store.add_message(chat.id, "user", TEXT, parent_id=None)
    hits = store.search(query)
    assert [hit.message_id for hit in hits] == ([] if marked is None else [message.id])
    if marked is not None:
        [hit] = hits
        assert sorted(hit.snippet[start:end] for start, end in hit.highlights) == sorted(marked)


def test_a_hit_leads_to_its_branch(store: Store) -> None:
    chat = store.create_conversation("海水")
    question = store.add_message(chat.id, "user", "why", parent_id=None)
    hidden = store.add_message(
        chat.id, "assistant", "x" * 500 + " 海水 salt", parent_id=question.id
    )
    store.add_message(chat.id, "assistant", "other", parent_id=question.id)
    title, hit = store.search("海水")
    assert (title.message_id, title.snippet, title.highlights) == (None, "海水", ((0, 2),))
    assert (hit.conversation_id, hit.message_id, hit.role) == (chat.id, hidden.id, "assistant")
    assert hit.snippet.startswith("…")
    assert len(hit.snippet) < 130
    store.show_version(hidden.id)
    assert store.thread(chat.id)[-1].id == hidden.id
    store.rename(chat.id, "湖")
    store.delete(chat.id)
    assert store.search("海水") == []
    store.undelete(chat.id)
    assert [hit.message_id for hit in store.search("海水")] == [hidden.id]
    assert [hit.message_id for hit in store.search("湖")] == [None]


def test_an_answer_is_indexed_once_when_it_ends(store: Store) -> None:
    chat = store.create_conversation()
    answer = store.add_message(chat.id, "assistant", "", parent_id=None, status="streaming")
    writes = []
    store._database._connection.set_trace_callback(writes.append)
    for length in range(5):
        store.update_message(answer.id, content="salt " * length, status="streaming")
    assert not [sql for sql in writes if "message_search" in sql]
    assert store.search("salt") == []
    store.recover()
    assert len(store.search("salt")) == 1
    # A living writer goes on after another process took its answer for lost.
    store.update_message(answer.id, content="salt water", status="streaming")
    assert store.search("salt") == []
    store.update_message(answer.id, content="water", status="complete")
    assert store.search("salt") == []
    assert len(store.search("water")) == 1


CRASH = """
import os, signal, sys
from pathlib import Path
from engine.store import Store
store = Store(Path(sys.argv[1]))
chat = store.create_conversation("committed title")
message = store.add_message(chat.id, "user", "committed", parent_id=None)
answer = store.add_message(chat.id, "assistant", "", parent_id=message.id, status="streaming")
store.update_message(answer.id, content="half an answer", status="streaming")
with store.transaction():
    store.rename(chat.id, "lost title")
    store.add_message(chat.id, "user", "lost", parent_id=answer.id)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_search_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    subprocess.run([sys.executable, "-c", CRASH, path], cwd=Path(__file__).parents[2], check=False)
    with Store(path) as store:
        store.recover()
        found = {word: len(store.search(word)) for word in ("committed", "half", "lost", "title")}
    assert found == {"committed": 2, "half": 1, "lost": 0, "title": 1}


def test_a_store_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        MIGRATIONS[0](old)
        old.execute("PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO conversations VALUES (7, '海水', 'Be brief.', 'dr', 1, 2, NULL, NULL)"
        )
        old.execute(
            "INSERT INTO messages"
            " (id, conversation_id, parent_id, role, content, status, created_at)"
            " VALUES (1, 7, NULL, 'user', '为什么是咸的', 'complete', 1),"
            " (2, 7, 1, 'assistant', 'salt', 'complete', 2),"
            " (3, 7, 1, 'assistant', 'half', 'streaming', 3)"
        )
        old.execute("UPDATE conversations SET active_leaf_id = 2")
        old.commit()
    for _ in range(2):
        with Store(path) as store:
            store.recover()
            [chat] = store.list_conversations()
            assert (chat.id, chat.title, chat.pinned) == (7, "海水", False)
            assert (store.draft(7), store.settings(7)) == ("dr", {})
            assert [m.content for m in store.thread(7)] == ["为什么是咸的", "salt"]
            assert store.versions(7) == {2: [2, 3]}
            found = {word: len(store.search(word)) for word in ("海水", "咸的", "salt", "half")}
            assert found == {"海水": 1, "咸的": 1, "salt": 1, "half": 1}


def test_settings_and_window_state_are_kept(store: Store) -> None:
    chat = store.create_conversation()
    assert (store.settings(chat.id), store.state("layout")) == ({}, None)
    store.set_settings(chat.id, {"temperature": 0.5, "model": None})
    store.set_state("layout", {"宽": 1})
    store.set_state("layout", [1, "二"])
    with Store(store.path) as other:
        assert other.settings(chat.id) == {"temperature": 0.5, "model": None}
        assert other.state("layout") == [1, "二"]


@given(text=st.text(), query=st.text(max_size=5))
def test_marks_are_within_the_text_and_in_order(text: str, query: str) -> None:
    line, highlights = snippet(text + query, query)
    for spans, whole in (
        (find_words(text + query, query), text + query),
        (find_text(text + query, query), text + query),
        (highlights, line),
    ):
        assert all(0 <= start < end <= len(whole) for start, end in spans)
        assert list(spans) == sorted(spans)


def test_finding_in_a_conversation_looks_inside_words() -> None:
    assert find_text("Concatenate CAT", "cat") == [(3, 6), (12, 15)]
    assert find_text("Straße", "SS") == [(4, 5)]
    assert find_text("任何", "") == []
