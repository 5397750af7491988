"""SQLite files that survive: private, durable, migrated, shared by processes; damage set aside.

Every failure is a StoreError whose sentence says what is wrong and what to do.
"""

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from engine.backup import back_up
from engine.errors import StoreError

Migration = Callable[[sqlite3.Connection], None]

BUSY_SECONDS = 5.0
"""How long one that writes waits for another."""
_READ_AT_START = 32 << 20
"""Bytes of a file that is read through at every start, in some 0.1 s."""
_STEPS_BETWEEN_LOOKS = 50_000
"""Of SQLite's machine, whether the reading is cancelled: some milliseconds."""
_READ_AT_ONCE = 1 << 20
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Database:
    """One connection to a file, for the thread that opened it; close it there.

    Creates the file if there is none and brings its tables up to date, after a copy of it was
    put aside (see engine.backup). A file that a newer version wrote is opened for reading only.
    Raises StoreError if it cannot be opened. `functions` of one text each can be used in SQL,
    and by the triggers of the tables.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        functions: Mapping[str, Callable[[str], str]],
    ) -> None:
        self.path = path
        self.read_only = False
        """The file is of a newer version: it can be read as far as its tables are the same."""
        create_file(path)
        with sqlite_errors(path):
            self._connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)
            try:
                for name, function in functions.items():
                    self._connection.create_function(name, 1, function, deterministic=True)
                self._prepare(migrations)
            except BaseException:
                self._connection.close()
                raise

    @property
    def in_transaction(self) -> bool:
        """Whether what is written now is part of a transaction that has begun."""
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Run one statement and return its rows."""
        with sqlite_errors(self.path, newer=self.read_only):
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[None]:
        """Commit all that happens inside durably, or nothing of it. May be nested.

        Without `writes` it only makes several reads see the same state, and waits for nobody.
        """
        if self._connection.in_transaction:
            yield
            return
        # IMMEDIATE: two writers wait for each other here instead of failing half-way.
        self.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                self.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with sqlite_errors(self.path):
            self._connection.close()

    def _prepare(self, migrations: Sequence[Migration]) -> None:
        self._connection.row_factory = sqlite3.Row
        if self._version() > len(migrations):
            self.read_only = True
            self.execute("PRAGMA query_only = ON")
            return
        self._use_write_ahead_log()
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync stops at the disk's cache
        self.execute("PRAGMA foreign_keys = ON")
        if self._version() < len(migrations):
            if (version := self._version()) > 0:
                self._back_up(version)
            with self.transaction():
                # Read again: another process may have migrated while this one waited.
                for version in range(self._version(), len(migrations)):
                    migrations[version](self._connection)
                    self.execute(f"PRAGMA user_version = {version + 1}")

    def _back_up(self, version: int) -> None:
        try:
            back_up(self._connection, self.path, version)
        except OSError as error:
            raise StoreError(
                "{path} must be changed for this version of GEB Chat, but no copy of it can be "
                "made: {detail}. Nothing was changed.",
                path=self.path,
                detail=error.strerror,
            ) from error

    def _version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _use_write_ahead_log(self) -> None:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself where two processes create the file at once.
                if _primary_code(error) not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def set_aside_if_damaged(path: Path, migrations: Sequence[Migration]) -> Path | None:
    """Rename a damaged file, with its log, and return its new name; None if `path` is sound.

    Call it once, when the application starts. Nobody waits until a file of more than 32 MB has
    been read: only its beginning is, unless `find_damage` or any other reader met damage before.
    """
    if not path.is_file():
        return None
    whole = path.stat().st_size <= _READ_AT_START or _suspicion(path).exists()
    if not _is_damaged(path, len(migrations), whole=whole):
        _trust(path)
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{path.stem}-damaged-{stamp}-{n}{path.suffix}" for n in itertools.count(1))
    kept = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    try:
        # The log first: left alone beside a new file, it would be replayed into that.
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise StoreError(
            "{path} is damaged and cannot be set aside: {detail}. Move it to another folder "
            "yourself, then start again.",
            path=path,
            detail=error.strerror,
        ) from error
    _trust(path)
    return kept


def find_damage(
    path: Path, migrations: Sequence[Migration], is_cancelled: Callable[[], bool]
) -> None:
    """Read what a start has left unread of a large file (1 s for 200 MB), from any thread.

    Raises StoreError if it is damaged: the next start sets it aside.
    """
    if path.stat().st_size <= _READ_AT_START:
        return
    if _is_damaged(path, len(migrations), whole=True, is_cancelled=is_cancelled):
        _suspect(path)
        raise _damaged(path)


@contextmanager
def sqlite_errors(path: Path, *, newer: bool = False) -> Iterator[None]:
    """Turn SQLite's errors into StoreErrors about `path`, which may be of a `newer` version."""
    try:
        yield
    except sqlite3.Error as error:
        code = _primary_code(error)
        if newer and code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_ERROR):
            raise newer_version(path) from error
        if code in (None, sqlite3.SQLITE_CONSTRAINT):
            raise  # not the file's fault but the caller's
        if code in _DAMAGED:
            _suspect(path)
        raise _store_error(path, code, error) from error


def newer_version(path: Path) -> StoreError:
    """Return the sentence about a file that can be read but must not be changed."""
    return StoreError(
        "{path} was written by a newer version of GEB Chat: it can be read, but nothing can be "
        "changed or added. Update the application.",
        path=path,
    )


def _store_error(path: Path, code: int | None, error: sqlite3.Error) -> StoreError:
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            "The disk is full: {path} cannot grow. Free some space and try again; everything "
            "saved before is still there.",
            path=path,
        )
    if code in _NOT_WRITABLE:
        return StoreError(
            "{path} cannot be opened or written. Check the permissions of the file and of its "
            "folder.",
            path=path,
        )
    if code in _BUSY:
        return StoreError("{path} is in use by another program. Try again later.", path=path)
    if code in _DAMAGED:
        return _damaged(path)
    return StoreError(
        "{path} cannot be read or written: {detail}. Check the disk; everything saved before "
        "is still there.",
        path=path,
        detail=error,
    )


def _damaged(path: Path) -> StoreError:
    return StoreError(
        "{path} is damaged. Start GEB Chat again: it keeps the file under another name and "
        "begins a new one.",
        path=path,
    )


def _suspicion(path: Path) -> Path:
    """Return the file that makes the next start read all of `path`."""
    return path.with_name(path.name + "-suspect")


def _suspect(path: Path) -> None:
    with suppress(OSError):  # then the next who meets the damage says so again
        _suspicion(path).touch(0o600)


def _trust(path: Path) -> None:
    with suppress(OSError):  # then the next start reads all of it again
        _suspicion(path).unlink(missing_ok=True)


def _is_damaged(
    path: Path,
    known_version: int,
    *,
    whole: bool,
    is_cancelled: Callable[[], bool] | None = None,
) -> bool:
    """Tell whether a file that can be read holds what is no sound database.

    SQLite takes some failures to read for damage: so every byte must be readable, and a second
    look must find the same. Raises StoreError for a file that cannot be read.
    """

    def looks_damaged() -> bool:
        return _looks_damaged(path, known_version, whole=whole, is_cancelled=is_cancelled)

    if not looks_damaged():
        return False
    try:
        for suffix in ("", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                with part.open("rb") as file:
                    while file.read(_READ_AT_ONCE):
                        pass
    except OSError as error:
        raise StoreError(
            "{path} cannot be read or written: {detail}. Check the disk; everything saved before "
            "is still there.",
            path=path,
            detail=error.strerror,
        ) from error
    return looks_damaged()


def _looks_damaged(
    path: Path, known_version: int, *, whole: bool, is_cancelled: Callable[[], bool] | None
) -> bool:
    with sqlite_errors(path):
        try:
            with closing(sqlite3.connect(path, BUSY_SECONDS)) as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] > known_version:
                    return False  # a newer version may use what this SQLite cannot judge
                connection.set_progress_handler(is_cancelled, _STEPS_BETWEEN_LOOKS)
                if not whole:
                    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                    return False
                verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                return verdict != "ok"
        except sqlite3.DatabaseError as error:
            if _primary_code(error) in _DAMAGED:
                return True
            if _primary_code(error) == sqlite3.SQLITE_INTERRUPT:
                return False  # cancelled: nothing was found so far
            raise


def create_file(path: Path) -> None:
    """Create an empty file that only its owner may read; SQLite gives its log the same mode.

    One that is there is not opened: to close it again would drop all locks of this process on it,
    and the next process that ends would take the log away from under this one.
    See https://www.sqlite.org/howtocorrupt.html, section 2.2.
    """
    if path.is_dir():
        raise StoreError("{path} is a folder, but a file is needed there.", path=path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreError(
            "{path} cannot be opened for writing: {detail}.", path=path, detail=error.strerror
        ) from error


def _primary_code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
