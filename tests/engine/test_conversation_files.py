"""Conversations to files and back: nothing lost, nothing half-done, nothing obeyed."""

import json
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conversation_samples import SCOPE, SOURCES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.conversation_files import geb_json, limits
from engine.conversation_files.exporting import Format, export_conversations
from engine.conversation_files.importing import import_conversations
from engine.errors import DataError, StoreError
from engine.store import ConversationTree, Store

TEXT = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\n\r\\<!->#\u2028"), max_size=30
) | st.sampled_from(
    ["<!-- geb-chat message {} -->", "\\<!-- geb-chat x\n\\\\<!-- geb-chat \n", "--"]
)


def for_people(tree: ConversationTree) -> ConversationTree:
    """What Markdown brings back: no words but those that people see in it."""
    numbers = {"temperature": tree.settings["temperature"]}
    return replace(
        tree,
        conversation=replace(tree.conversation, system_prompt=""),
        settings=numbers,
        messages=[replace(message, sources=None) for message in tree.messages],
    )


def essence(tree: ConversationTree) -> object:
    """What must survive a file: everything but the numbers."""
    places = {message.id: place for place, message in enumerate(tree.messages)}
    conversation = tree.conversation
    return (
        (conversation.title, conversation.system_prompt, conversation.pinned),
        (conversation.created_at, conversation.updated_at),
        tree.settings,
        places.get(tree.shown_id or 0),
        [
            (
                places.get(m.parent_id or 0),
                (m.role, m.content, m.status, m.created_at, m.finish_reason, m.model, m.error),
                (m.prompt_tokens, m.completion_tokens, m.prefill_ms, m.decode_tokens_per_second),
                # Which files a question asked stays where it was asked.
                m.sources if m.role == "assistant" else None,
            )
            for m in tree.messages
        ],
    )


@pytest.mark.parametrize("file_format", ["json", "markdown"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=TEXT,
    prompt=TEXT,
    contents=st.lists(TEXT, min_size=1, max_size=6),
    parents=st.lists(st.integers(0, 100), min_size=6, max_size=6),
    pinned=st.booleans(),
)
def test_a_file_brings_back_what_was_written(
    tmp_path: Path,
    file_format: Format,
    title: str,
    prompt: str,
    contents: list[str],
    parents: list[int],
    pinned: bool,
) -> None:
    for name in ("from.sqlite3", "to.sqlite3"):
        for file in tmp_path.glob(name + "*"):
            file.unlink()
    path = tmp_path / "file"
    with Store(tmp_path / "from.sqlite3") as source, Store(tmp_path / "to.sqlite3") as target:
        conversation = source.create_conversation(title, prompt)
        source.set_pinned(conversation.id, pinned=pinned)
        source.set_settings(conversation.id, {"temperature": 0.5, "名": ["a\u2028", None]})
        ids: list[int | None] = [None]
        for place, content in enumerate(contents):
            branching = file_format == "json"
            parent_id = ids[parents[place] % len(ids)] if branching else ids[-1]
            role = "assistant" if place % 2 else "user"
            sources = SOURCES.to_json() if place % 2 else SCOPE.to_json()
            message = source.add_message(
                conversation.id, role, content, parent_id=parent_id, sources=sources
            )
            ids.append(message.id)
        source.set_draft(conversation.id, "a draft is not exported")
        export_conversations(source, None, path, file_format)
        before = source.tree(conversation.id)
        report = import_conversations(target, path)
        wanted = before if file_format == "json" else for_people(before)
        assert essence(target.tree(report.ids[0])) == essence(wanted)
        # Neither a second time, nor where it came from, does it come twice.
        for again in (target, source):
            report = import_conversations(again, path)
            assert (report.ids, report.repeated) == ([], 1)
            assert len(again.list_conversations()) == 1


def node(name: str, parent: str | None, role: str, text: Any, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, "create_time": 1.5} | more
    return {name: {"id": name, "parent": parent, "children": [], "message": message}}


def chatgpt_conversation() -> dict[str, Any]:
    mapping: dict[str, Any] = {"root": {"id": "root", "parent": None, "message": None}}
    mapping |= node("s", "root", "system", "", metadata={"is_visually_hidden_from_conversation": 1})
    mapping |= node("q", "s", "user", "海水为什么是咸的？")
    mapping |= node("t", "q", "assistant", "search()", recipient="browser")
    mapping |= node("r", "t", "tool", "found")
    mapping |= node(
        "a", "r", "assistant", "盐。\ue200cite\ue202turn0\ue201", metadata={"model_slug": "gpt-4o"}
    )
    mapping |= node("b", "r", "assistant", "Rivers bring salt.")
    mapping |= node("p", "b", "user", {"content_type": "image_asset_pointer"})
    return {
        "title": "Sea",
        "create_time": 1_700_000_000.25,
        "update_time": 1_700_000_100,
        "mapping": mapping,
        "current_node": "a",
        "id": "x",
    }


def test_chatgpts_export_is_read_with_its_branches(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    path.write_text("\ufeff" + json.dumps([chatgpt_conversation(), {"mapping": {}}]), "utf-8")
    report = import_conversations(store, path)
    [conversation] = store.list_conversations()
    assert report.ids == [conversation.id]
    assert (conversation.title, conversation.created_at) == ("Sea", 1_700_000_000.25)
    question, answer = store.thread(conversation.id)
    assert (question.role, question.content) == ("user", "海水为什么是咸的？")
    assert (answer.content, answer.model) == ("盐。", "gpt-4o")
    [other] = set(store.versions(conversation.id)[answer.id]) - {answer.id}
    assert store.message(other).content == "Rivers bring salt."
    assert [hit.message_id for hit in store.search("海水")] == [question.id]
    assert import_conversations(store, path).sentence().startswith("Nothing new: all 1")
    # A deleted one can be had again.
    store.delete(conversation.id)
    assert len(import_conversations(store, path).ids) == 1


GOOD = json.dumps(chatgpt_conversation())
OURS = '{"format": "geb-chat", "version": %s, "conversations": [%s]}'


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "holds no conversations"),
        (b"not JSON", "holds no conversations"),
        (b"\x89PNG\r\n", "holds no conversations"),
        (b'{"a": [1, 2]}', "holds no conversations"),
        (b"{}", "holds no conversations"),
        (f"[{GOOD}, 5]".encode(), "holds no conversations"),
        (f"[{GOOD}".encode(), "not valid JSON"),
        (f"[{GOOD}] x".encode(), "not valid JSON"),
        (f"[{GOOD}, ".encode() + b'"\xff"]', "not valid JSON"),
        (f"[{GOOD}, {'[' * 1000}".encode(), "far too large"),
        (f"[{GOOD}, [{'0,' * 1_000_001}0]]".encode(), "far too large"),
        ((OURS % (2, "")).encode(), "newer version"),
        ((OURS % (1, "{}")).encode(), "is damaged"),
        ((OURS % (1, "[]")).encode(), "is damaged"),
        (b'<!-- geb-chat message {"id": 1} -->\n', "holds no conversations"),
        (b"<!-- geb-chat conversation {} -->\n", "is damaged"),
        (b"<!-- geb-chat conversation {oops} -->\n", "is damaged"),
        (b"<!-- geb-chat conversation\xff -->\n", "not valid JSON or UTF-8"),
    ],
)
def test_a_bad_file_is_one_sentence_and_changes_nothing(
    store: Store, tmp_path: Path, data: bytes, sentence: str
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=sentence):
        import_conversations(store, path)
    assert store.list_conversations() == []
    assert store._database.execute("SELECT * FROM messages") == []


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_garbled_export_is_imported_or_refused_whole(
    store: Store, tmp_path: Path, chance: random.Random
) -> None:
    """Random bytes of a good file are changed; any outcome but a sentence or a tree is a fault."""
    data = bytearray(f"[{GOOD}, {GOOD.replace('Sea', 'Lake')}]".encode())
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.choice(b'{}[]",:0nt\\e-\xff')
    path = tmp_path / "garbled.json"
    path.write_bytes(data)
    before = len(store.list_conversations())
    try:
        ids = import_conversations(store, path).ids
    except DataError:
        ids = []
    assert len(store.list_conversations()) == before + len(ids)
    for number in ids:
        store.thread(number)


def test_nodes_in_a_circle_are_left_out(store: Store, tmp_path: Path) -> None:
    values = chatgpt_conversation()
    values["mapping"] |= node("c1", "c2", "user", "one") | node("c2", "c1", "user", "two")
    values["current_node"] = "c1"
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([values]))
    [number] = import_conversations(store, path).ids
    assert {m.content for m in store.tree(number).messages}.isdisjoint({"one", "two"})
    assert store.thread(number)


def test_a_huge_conversation_is_refused_in_bounded_memory(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_CONVERSATION_BYTES", 1 << 20)
    path = tmp_path / "conversations.json"
    with path.open("wb") as file:
        file.write(f"[{GOOD}, ".encode() + b'{"mapping": {"a": "')
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b'"}}]')
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="far too large"):
            import_conversations(store, path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert store.list_conversations() == []


def test_giving_up_or_a_start_meanwhile_leaves_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    values = chatgpt_conversation()
    many = [values | {"create_time": 1.0 + n} for n in range(700)]
    path.write_text(json.dumps(many))

    class GiveUpError(Exception):
        pass

    def give_up(done: int, total: int) -> None:
        # What is imported already is out of sight, and others can write.
        assert store.list_conversations() == []
        with Store(store.path) as other:
            other.set_state("draft", done)
        if done > total // 2:
            raise GiveUpError

    with pytest.raises(GiveUpError):
        import_conversations(store, path, give_up)
    assert store._database.execute("SELECT id FROM conversations") == []

    def purge(_done: int, _total: int) -> None:
        with Store(store.path) as other:
            other.purge(deleted_before=1.0)

    with pytest.raises(StoreError, match="try again"):
        import_conversations(store, path, purge)
    assert store._database.execute("SELECT id FROM conversations") == []
    assert len(import_conversations(store, path).ids) == 700


def test_markdown_of_an_earlier_version_keeps_its_sources(store: Store, tmp_path: Path) -> None:
    conversation = {
        "id": 4,
        "title": "海",
        "system_prompt": "短",
        "created_at": 1.0,
        "updated_at": 2.0,
        "pinned": False,
        "settings": {},
    }
    answer = {
        "id": 9,
        "conversation_id": 4,
        "parent_id": None,
        "role": "assistant",
        "status": "complete",
        "created_at": 1.5,
        "finish_reason": "stop",
        "model": "geb-nano",
        "error": None,
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "prefill_ms": 1.0,
        "decode_tokens_per_second": 9.0,
        "sources": SOURCES.to_json(),
    }
    hidden = json.dumps(answer).replace("-", "\\u002d")
    path = tmp_path / "old.md"
    path.write_text(
        f"<!-- geb-chat conversation {json.dumps(conversation)} -->\n# 海\n\n"
        f"<!-- geb-chat message {hidden} -->\n"
        "## geb-nano\n\n咸的 [1]\n\n",
        encoding="utf-8",
    )
    [number] = import_conversations(store, path).ids
    [message] = store.thread(number)
    assert (message.content, message.sources) == ("咸的 [1]", SOURCES.to_json())
    assert store.conversation(number).system_prompt == "短"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("citations", [{"passage": 2, "start": 7, "end": 12, "marked": None}]),
        ("citations", [{"passage": 1, "start": 6, "end": 12, "marked": None}]),
        ("citations", [{"passage": 1, "start": 7, "end": 99, "marked": None}]),
        ("citations", [{"passage": 1, "start": 7, "end": 12, "marked": [3, 9]}]),
        ("claims", [{"start": 2, "end": 2, "passages": []}]),
        ("passages", [SOURCES.to_json()["passages"][0] | {"text": "forged"}]),
        ("passages", [SOURCES.to_json()["passages"][0] | {"score": 1e400}]),
        ("mode", "other"),
        ("answerable", 1),
    ],
)
def test_quotes_of_an_import_must_stand_in_its_passages(
    store: Store, tmp_path: Path, field: str, value: object
) -> None:
    conversation = store.create_conversation("海")
    sources = SOURCES.to_json() | {field: value}
    store.add_message(conversation.id, "assistant", "咸的", parent_id=None, sources=sources)
    path = tmp_path / "chat.json"
    with path.open("w", encoding="utf-8") as file:
        geb_json.write([store.tree(conversation.id)], file)
    with pytest.raises(DataError, match=r"damaged|not valid JSON"):
        import_conversations(store, path)


def test_an_export_that_fails_leaves_the_old_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text("old")
    with pytest.raises(StoreError, match="There is no conversation 7"):
        export_conversations(store, [7], path, "json")
    with pytest.raises(DataError, match="cannot be written"):
        export_conversations(store, [], tmp_path / "none" / "all.json", "json")
    assert path.read_text() == "old"
    assert not list(tmp_path.glob(".*"))
