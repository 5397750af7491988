"""Any sequence of operations leaves in the store what a plain model of it holds."""

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.errors import StoreError
from engine.store import Status, Store

WORDS = ("salt", "海水", "水")
TEXT = st.text("ab \0é", max_size=8) | st.lists(
    st.sampled_from([*WORDS, "river", "海", "淡水湖"]), max_size=4
).map(" ".join)
STATUS = st.sampled_from(["complete", "streaming", "interrupted", "cancelled", "failed"])
PICK = st.integers(min_value=0, max_value=1_000)


@dataclass
class Chat:
    title: str
    system_prompt: str
    draft: str = ""
    deleted: bool = False
    leaf: int | None = None
    # id: (parent, content, status)
    messages: dict[int, tuple[int | None, str, Status]] = field(default_factory=dict)
    # The child of each message that was shown last.
    shown: dict[int, int] = field(default_factory=dict)
    pinned: bool = False

    def branch(self) -> list[tuple[int, str, Status]]:
        branch: list[tuple[int, str, Status]] = []
        number = self.leaf
        while number is not None:
            parent, content, status = self.messages[number]
            branch.insert(0, (number, content, status))
            number = parent
        return branch

    def show(self, leaf: int) -> None:
        """Show the branch that ends with `leaf`."""
        self.leaf = leaf
        branch = [number for number, _, _ in self.branch()]
        self.shown.update(pairwise(branch))

    def versions(self) -> dict[int, list[int]]:
        found = {}
        for number, _, _ in self.branch():
            parent = self.messages[number][0]
            same = sorted(n for n, message in self.messages.items() if message[0] == parent)
            if len(same) > 1:
                found[number] = same
        return found


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.chats: dict[int, Chat] = {}
        self.order: list[int] = []

    @initialize()
    def open(self) -> None:
        self.store = Store(self.folder / "store.sqlite3")

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def shown(self, pick: int) -> tuple[int, Chat]:
        shown = [item for item in self.chats.items() if not item[1].deleted]
        return shown[pick % len(shown)]

    def has_shown(self) -> bool:
        return any(not chat.deleted for chat in self.chats.values())

    def has_deleted(self) -> bool:
        return any(chat.deleted for chat in self.chats.values())

    @rule(title=TEXT, prompt=TEXT)
    def create(self, title: str, prompt: str) -> None:
        number = self.store.create_conversation(title, prompt).id
        assert number not in self.chats
        self.chats[number] = Chat(title, prompt)
        self.order.insert(0, number)

    @precondition(has_shown)
    @rule(pick=PICK, title=TEXT, draft=TEXT, prompt=TEXT)
    def edit(self, pick: int, title: str, draft: str, prompt: str) -> None:
        number, chat = self.shown(pick)
        self.store.rename(number, title)
        self.store.set_draft(number, draft)
        self.store.set_system_prompt(number, prompt)
        chat.title, chat.draft, chat.system_prompt = title, draft, prompt

    @precondition(has_shown)
    @rule(pick=PICK, below=PICK, content=TEXT, status=STATUS, follow=st.booleans())
    def add(self, pick: int, below: int, content: str, status: Status, follow: bool) -> None:
        number, chat = self.shown(pick)
        parents = [None, *chat.messages]
        parent = chat.leaf if follow else parents[below % len(parents)]
        message = self.store.add_message(number, "user", content, parent_id=parent, status=status)
        chat.messages[message.id] = (parent, content, status)
        chat.show(message.id)
        self.order.remove(number)
        self.order.insert(0, number)

    @precondition(has_shown)
    @rule(pick=PICK, place=PICK)
    def show_version(self, pick: int, place: int) -> None:
        _, chat = self.shown(pick)
        if not chat.messages:
            return
        number = sorted(chat.messages)[place % len(chat.messages)]
        self.store.show_version(number)
        if number not in [shown for shown, _, _ in chat.branch()]:
            while number in chat.shown:
                number = chat.shown[number]
            chat.show(number)

    @precondition(has_shown)
    @rule(pick=PICK, pinned=st.booleans())
    def pin(self, pick: int, pinned: bool) -> None:
        number, chat = self.shown(pick)
        self.store.set_pinned(number, pinned=pinned)
        chat.pinned = pinned

    @precondition(has_shown)
    @rule(pick=PICK, title=TEXT)
    def duplicate(self, pick: int, title: str) -> None:
        number, chat = self.shown(pick)
        copy = self.store.duplicate(number, title)
        ids = dict(
            zip(
                sorted(chat.messages),
                (m.id for m in self.store.tree(copy.id).messages),
                strict=True,
            )
        )
        copied = Chat(title, chat.system_prompt)
        for old, (parent, content, status) in sorted(chat.messages.items()):
            status = "interrupted" if status == "streaming" else status
            new_parent = None if parent is None else ids[parent]
            copied.messages[ids[old]] = (new_parent, content, status)
            if new_parent is not None:  # of branches that are not shown, the youngest
                copied.shown[new_parent] = ids[old]
        if chat.leaf is not None:
            copied.show(ids[chat.leaf])
        self.chats[copy.id] = copied
        self.order.insert(0, copy.id)

    @precondition(lambda self: any(chat.messages for chat in self.chats.values()))
    @rule(pick=PICK, content=TEXT, status=STATUS)
    def update(self, pick: int, content: str, status: Status) -> None:
        places = [(chat, number) for chat in self.chats.values() for number in chat.messages]
        chat, number = places[pick % len(places)]
        self.store.update_message(number, content=content, status=status)
        chat.messages[number] = (chat.messages[number][0], content, status)

    @precondition(has_shown)
    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        number, chat = self.shown(pick)
        self.store.delete(number)
        chat.deleted = True

    @precondition(has_deleted)
    @rule(pick=PICK)
    def undelete(self, pick: int) -> None:
        deleted = [number for number, chat in self.chats.items() if chat.deleted]
        number = deleted[pick % len(deleted)]
        self.store.undelete(number)
        self.chats[number].deleted = False

    @precondition(has_deleted)
    @rule()
    def purge(self) -> None:
        self.store.purge(deleted_before=time.time() + 1)
        for number in [number for number, chat in self.chats.items() if chat.deleted]:
            del self.chats[number]
            self.order.remove(number)

    @rule()
    def recover(self) -> None:
        self.store.recover()
        for chat in self.chats.values():
            for number, (parent, content, status) in chat.messages.items():
                if status == "streaming":
                    chat.messages[number] = (parent, content, "interrupted")

    @precondition(has_shown)
    @rule(pick=PICK)
    def fail_in_a_transaction(self, pick: int) -> None:
        number, chat = self.shown(pick)

        def fail_half_way() -> None:
            with self.store.transaction():
                self.store.set_draft(number, "never")
                self.store.add_message(number, "user", "never", parent_id=chat.leaf)
                self.store.conversation(0)

        with pytest.raises(StoreError):
            fail_half_way()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def equals_the_model(self) -> None:
        shown = [number for number in self.order if not self.chats[number].deleted]
        shown.sort(key=lambda number: not self.chats[number].pinned)
        assert [conversation.id for conversation in self.store.list_conversations()] == shown
        self.search_finds_what_is_there()
        for number in shown:
            chat, stored = self.chats[number], self.store.conversation(number)
            assert (stored.title, stored.system_prompt) == (chat.title, chat.system_prompt)
            assert self.store.draft(number) == chat.draft
            thread = self.store.thread(number)
            assert [(m.id, m.content, m.status) for m in thread] == chat.branch()
            assert self.store.versions(number) == chat.versions()
        for chat in self.chats.values():
            for number, (parent, content, _) in chat.messages.items():
                message = self.store.message(number)
                assert (message.parent_id, message.content) == (parent, content)

    def search_finds_what_is_there(self) -> None:
        for word in WORDS:
            found = {
                (hit.conversation_id, hit.message_id)
                for hit in self.store.search(word, limit=10_000)
            }
            expected = {
                (number, message)
                for number, chat in self.chats.items()
                if not chat.deleted
                for message, text, status in [
                    (None, chat.title, "complete"),
                    *((n, content, status) for n, (_, content, status) in chat.messages.items()),
                ]
                if word in text and status != "streaming"
            }
            assert found == expected


StoreMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
test_store_equals_its_model = StoreMachine.TestCase
