"""Which passages a search may find: those that files of the chosen collections show."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.database import Database

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Scope:
    """The documents of some collections, and the ids of their passages."""

    documents: Ids
    starts: Ids
    """The first passage of each document, in rising order."""
    ends: Ids
    """One after its last."""
    is_everything: bool
    """No passage of the library is out of the scope."""

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return int((self.ends - self.starts).sum())

    def only(self, ids: Ids) -> Ids:
        """Return those of `ids` that are in the scope."""
        if self.is_everything:
            return ids
        if not len(self.starts):
            return ids[:0]
        places = np.searchsorted(self.starts, ids, side="right") - 1
        return ids[(places >= 0) & (ids < self.ends[places])]


class Scopes:
    """Keeps the scope used last until the library changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: tuple[int, tuple[int, ...] | None] | None = None
        self._scope: Scope | None = None

    def get(self, collections: Sequence[int] | None) -> Scope:
        """Return the scope of some collections, or (None) of all."""
        version = self._database.execute("PRAGMA data_version")[0][0]
        changes = self._database.execute("SELECT total_changes()")[0][0]
        key = (version + changes, None if collections is None else tuple(collections))
        if self._scope is None or key != self._key:
            self._key, self._scope = key, self._read(collections)
        return self._scope

    def _read(self, collections: Sequence[int] | None) -> Scope:
        condition, parameters = "", []
        if collections is not None:
            condition = " AND collection_id IN (SELECT value FROM json_each(?))"
            parameters = [json.dumps(list(collections))]
        rows = self._database.execute(
            "SELECT id, first_passage, passages FROM documents WHERE EXISTS ("  # noqa: S608
            " SELECT 1 FROM files JOIN roots ON roots.id = root_id"
            f" WHERE document_id = documents.id{condition}) ORDER BY first_passage",
            parameters,
        )
        [total] = self._database.execute("SELECT coalesce(sum(passages), 0) FROM documents")
        table = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 3)
        ends = table[:, 1] + table[:, 2]
        return Scope(table[:, 0], table[:, 1], ends, int(table[:, 2].sum()) == total[0])
