"""What the palette lists: actions, then conversations; the best fits first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from PySide6.QtGui import QKeySequence

from app.actions import Action
from app.palette.matching import forms, score
from engine.i18n import tr
from engine.settings.table import SETTINGS
from engine.store import Conversation

MOST_SHOWN: Final = 50


@dataclass(frozen=True)
class Entry:
    """One line: a title, a remark at its right, and what choosing it does."""

    title: str
    remark: str
    run: Callable[[], object]
    texts: tuple[str, ...] = field(repr=False)
    """What it is found by."""
    place: int
    """Lower comes first where two fit equally well."""


def action_entries(actions: Iterable[Action]) -> list[Entry]:
    """Return an entry for each action that can be done now, found in both languages."""
    return [
        Entry(
            title=action.text(),
            remark=action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            or action.group.title,
            run=action.trigger,
            texts=forms(action.text(), action.message),
            place=place,
        )
        for place, action in enumerate(actions)
        if action.isEnabled()
    ]


def setting_entries(open_setting: Callable[[str], object]) -> list[Entry]:
    """Return an entry for each setting, found in both languages; its label opens it."""
    return [
        Entry(
            title=tr(setting.label),
            remark=tr("Settings"),
            run=partial(open_setting, tr(setting.label)),
            texts=forms(tr(setting.label), setting.label, setting.name),
            place=place,
        )
        for place, setting in enumerate(SETTINGS)
    ]


def conversation_entries(
    conversations: Sequence[Conversation], open_conversation: Callable[[int], object]
) -> list[Entry]:
    """Return an entry for each conversation that has a title, last used first."""
    return [
        Entry(
            title=conversation.title,
            remark=tr("Conversation"),
            run=partial(open_conversation, conversation.id),
            texts=forms(conversation.title),
            place=place,
        )
        for place, conversation in enumerate(conversations)
        if conversation.title
    ]


def best(query: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that fit `query`, the best ones first, at most MOST_SHOWN."""
    rated = [(score(query, entry.texts), entry) for entry in entries]
    fitting = [(points, entry) for points, entry in rated if points]
    fitting.sort(key=lambda pair: (-pair[0], pair[1].place))
    return [entry for _, entry in fitting[:MOST_SHOWN]]
