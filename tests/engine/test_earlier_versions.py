"""Files that earlier versions wrote, kept in tests/data/stores, become what today's would be.

Each was written by the code of its time. A new version of a file adds its own here.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.database import Database
from engine.documents.library.library import Library
from engine.documents.library.schema import MIGRATIONS as LIBRARY
from engine.documents.search.retrieval import Retriever
from engine.settings import table
from engine.settings.file import Settings
from engine.settings.migrations import newest_version
from engine.settings.prompts import own_prompts
from engine.store import Store
from engine.store_schema import FUNCTIONS
from engine.store_schema import MIGRATIONS as STORE

STORES = Path(__file__).parents[1] / "data" / "stores"


def tables(path: Path) -> set[str]:
    """Return what SQLite knows of a file's tables, without spaces and the order of columns."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        columns = [
            (name, *column[1:])
            for kind, name, _ in rows
            if kind == "table"
            for column in connection.execute(f"PRAGMA table_info({name})")
        ]
        found = {f"{kind} {name} {' '.join((sql or '').split())}" for kind, name, sql in rows}
    return {text for text in found if not text.startswith("table ")} | set(map(str, columns))


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def test_every_version_has_its_file() -> None:
    names = [path.name for path in STORES.iterdir()]
    for kind, newest in (
        ("conversations-v{}.sqlite3", len(STORE)),
        ("library-v{}.sqlite3", len(LIBRARY)),
        ("settings-v{}.json", newest_version()),
    ):
        for version in range(1, newest + 1):
            assert kind.format(version) in names


@pytest.mark.parametrize("version", range(1, len(STORE) + 1))
def test_conversations_of_an_earlier_version(tmp_path: Path, version: int) -> None:
    old = STORES / f"conversations-v{version}.sqlite3"
    path = Path(shutil.copy(old, tmp_path / "conversations.sqlite3"))
    with Store(path) as store:
        river, empty = sorted(store.list_conversations(), key=lambda one: one.id)
        assert (river.title, empty.title) == ("长江 The river", "")
        assert river.system_prompt == "Answer briefly. 简短回答。"
        assert store.draft(river.id) == "一封没写完的信 a draft"
        messages = store.tree(river.id).messages
        assert [message.content for message in messages] == [
            "中国最长的河流是什么？",
            "长江，全长约 6300 公里。",
            "And in Europe?",
            "The Volga",
            "The Volga, 3531 km.",
        ]
        assert [message.parent_id for message in messages] == [None, 1, 2, 3, 3]
        assert (messages[1].model, messages[1].finish_reason) == ("geb-nano", "stop")
        assert [c.title for c, _ in store.list_deleted()] == ["deleted, not purged"]
        assert {hit.message_id for hit in store.search("长江") if hit.message_id} == {2}
        # What came with later versions is as it was, or as it is at first.
        newer = version > 1
        assert store.settings(river.id) == ({"temperature": 0.25} if newer else {})
        assert river.pinned == newer
        assert store.thread(river.id)[-1].id == (4 if newer else 5)
        assert store.collections(river.id) == ((3, 4) if version > 2 else ())
        # And life goes on.
        store.recover()
        store.add_message(river.id, "user", "再见", parent_id=4)
        assert store.search("再见")
    fresh = tmp_path / "fresh.sqlite3"
    Database(fresh, STORE, FUNCTIONS).close()
    assert tables(path) == tables(fresh)
    copies = list(tmp_path.glob("backups/*"))
    assert [version_of(copy) for copy in copies] == ([version] if version < len(STORE) else [])
    assert all(tables(copy) == tables(old) for copy in copies)


@pytest.mark.parametrize("version", range(1, len(LIBRARY) + 1))
def test_a_library_of_an_earlier_version(tmp_path: Path, version: int) -> None:
    old = STORES / f"library-v{version}.sqlite3"
    path = Path(shutil.copy(old, tmp_path / "library.sqlite3"))
    with Library(path) as library:
        papers, later = library.collections()
        assert (papers.name, papers.roots[0].path) == ("Papers 论文", Path("/home/me/Papers"))
        assert later.paused
        by_name = {file.path.name: file for file in library.files(papers.id)}
        assert by_name["broken.pdf"].failure is not None
        for question, name in (
            ("When was the lighthouse built?", "lighthouse.txt"),
            ("深海鱼类能做什么？", "深海.md"),
        ):
            [passage] = Retriever(library).retrieve(question).passages
            assert passage.file.name == name
            assert passage.heading_path(0) == (("深海鱼类",) if name == "深海.md" else ())
    fresh = tmp_path / "fresh.sqlite3"
    Library(fresh).close()
    assert tables(path) == tables(fresh)


@pytest.mark.parametrize("version", range(1, newest_version() + 1))
def test_settings_of_an_earlier_version(tmp_path: Path, version: int) -> None:
    path = Path(shutil.copy(STORES / f"settings-v{version}.json", tmp_path / "settings.json"))
    settings = Settings(path)
    assert settings.problems == []
    assert settings.get(table.TEMPERATURE) == 0.35
    assert settings.get(table.LANGUAGE) == "zh_CN"
    assert settings.get(table.MAX_NEW_TOKENS) == 300
    assert settings.get(table.SYSTEM_PROMPT) == "Be kind. 友善一点。"
    assert [(p.name, p.text) for p in own_prompts(settings)] == [
        ("Poet 诗人", "Answer in verse. 用诗回答。")
    ]


def test_settings_are_copied_before_they_are_migrated(tmp_path: Path) -> None:
    path = Path(shutil.copy(STORES / "settings-v1.json", tmp_path / "settings.json"))
    before = path.read_bytes()
    settings = Settings(path, migrations=(lambda document: {**document, "kept": True},))
    assert path.read_bytes() == before  # reading alone changes nothing
    for threads in (1, 2):
        settings.set(table.THREADS, threads)
    [copy] = (tmp_path / "backups").iterdir()
    assert copy.name.startswith("settings-v1-")
    assert copy.read_bytes() == before
    assert Settings(path, migrations=(dict,)).get(table.TEMPERATURE) == 0.35
