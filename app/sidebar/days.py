"""Under which heading of the list a conversation stands."""

from collections.abc import Sequence
from datetime import date, datetime

from PySide6.QtCore import QDate, QLocale

from engine.i18n import tr
from engine.store import Conversation


def heading(conversation: Conversation, today: date) -> str:
    """Return the heading in the user's language, by the day of the last message."""
    if conversation.pinned:
        return tr("Pinned")
    day = datetime.fromtimestamp(conversation.updated_at).date()
    days = (today - day).days
    if days <= 0:  # of tomorrow, too: a clock was set back
        return tr("Today")
    if days == 1:
        return tr("Yesterday")
    if days <= 7:
        return tr("Previous 7 days")
    return QLocale().toString(QDate(day.year, day.month, day.day), tr("MMMM yyyy"))


def with_headings(conversations: Sequence[Conversation], today: date) -> list[Conversation | str]:
    """Return the conversations as they come, with a heading before each new group."""
    rows: list[Conversation | str] = []
    last = None
    for conversation in conversations:
        text = heading(conversation, today)
        if text != last:
            rows.append(text)
            last = text
        rows.append(conversation)
    return rows
