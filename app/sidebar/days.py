"""Under which heading of the list a conversation stands."""

from collections.abc import Sequence
from datetime import date, datetime

from PySide6.QtCore import QDate, QLocale

from engine.i18n import tr
from engine.store import Conversation


def with_headings(conversations: Sequence[Conversation], today: date) -> list[Conversation | str]:
    """Return the conversations as they come, with a heading before each new group."""
    rows: list[Conversation | str] = []
    texts: dict[date, str] = {}  # thousands share a few days
    last = None
    for conversation in conversations:
        day = datetime.fromtimestamp(conversation.updated_at).date()
        if conversation.pinned:
            text = tr("Pinned")
        else:
            text = texts.get(day) or texts.setdefault(day, _heading(day, today))
        if text != last:
            rows.append(text)
            last = text
        rows.append(conversation)
    return rows


def _heading(day: date, today: date) -> str:
    days = (today - day).days
    if days <= 0:  # of tomorrow, too: a clock was set back
        return tr("Today")
    if days == 1:
        return tr("Yesterday")
    if days <= 7:
        return tr("Previous 7 days")
    return QLocale().toString(QDate(day.year, day.month, day.day), tr("MMMM yyyy"))
