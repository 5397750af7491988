"""Full-text search over all conversations; engine/store_schema.py keeps the indexes current."""

from engine.database import Database
from engine.search_text import find_words, match_expression, snippet
from engine.store_types import SearchHit


def search(database: Database, query: str, limit: int) -> list[SearchHit]:
    """Return conversations by title, then messages, each the newest first; deleted ones left out.

    At most `limit` titles and `limit` messages. A query without a letter or digit finds nothing.
    """
    expression = match_expression(query)
    if not expression:
        return []
    return [
        *_titles(database, expression, query, limit),
        *_messages(database, expression, query, limit),
    ]


def _titles(database: Database, expression: str, query: str, limit: int) -> list[SearchHit]:
    rows = database.execute(
        "SELECT conversations.id, title, updated_at FROM title_search"
        " CROSS JOIN conversations ON conversations.id = title_search.rowid"
        " WHERE title_search MATCH ? AND deleted_at IS NULL"
        " ORDER BY updated_at DESC, conversations.id DESC LIMIT ?",
        (expression, limit),
    )
    hits = []
    for row in rows:
        text, highlights = row["title"], tuple(find_words(row["title"], query))
        hits.append(
            SearchHit(
                conversation_id=row["id"],
                title=text,
                message_id=None,
                role=None,
                created_at=row["updated_at"],
                snippet=text,
                highlights=highlights,
            )
        )
    return hits


def _messages(database: Database, expression: str, query: str, limit: int) -> list[SearchHit]:
    rows = database.execute(
        # By number, the order in which FTS5 finds them: it can end at the limit.
        "SELECT messages.id, conversation_id, title, role, content, messages.created_at"
        " FROM message_search CROSS JOIN messages ON messages.id = message_search.rowid"
        " CROSS JOIN conversations ON conversations.id = messages.conversation_id"
        " WHERE message_search MATCH ? AND deleted_at IS NULL"
        " ORDER BY message_search.rowid DESC LIMIT ?",
        (expression, limit),
    )
    hits = []
    for row in rows:
        line, highlights = snippet(row["content"], query)
        hits.append(
            SearchHit(
                conversation_id=row["conversation_id"],
                title=row["title"],
                message_id=row["id"],
                role=row["role"],
                created_at=row["created_at"],
                snippet=line,
                highlights=highlights,
            )
        )
    return hits
