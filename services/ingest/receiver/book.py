"""The book of uploads: which there were, from whom, and under which names they went to the inbox.

SQLite in the state folder, synchronous: what a method has returned from survives a power cut.
Every method may be called from any thread and raises ``Unavailable`` where the disk can't now.
Times are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.effects import effect
from services.ingest.journal import KEEP_ARCHIVED_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

KEEP_MS = KEEP_ARCHIVED_MS
"""Uploads are forgotten after as long as the journal forgets their drops; receipts stay."""

VERSION = 1

_TABLES = (
    """
    CREATE TABLE uploads (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        file TEXT NOT NULL UNIQUE,
        sender TEXT,
        key TEXT,
        target TEXT,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        received_at INTEGER NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX uploads_key ON uploads (sender, key) WHERE key IS NOT NULL",
    "CREATE INDEX uploads_target ON uploads (sender, target, seq) WHERE target IS NOT NULL",
    "CREATE INDEX uploads_received ON uploads (received_at)",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was received whole.

    ``sender``: the token's or key's name, empty for this machine without one, None where the
    book was lost and only the file's name told of it (then there is no ``sha256`` either).
    ``key``: the sender's ``Idempotency-Key``.  ``target``: the name that a PUT gave.
    """

    id: str
    file: str
    sender: str | None
    size: int
    sha256: str
    received_at: int
    key: str | None = None
    target: str | None = None


_COLUMNS = ", ".join(each.name for each in fields(Upload))


class KeyUsed(Exception):  # noqa: N818  (named for what is the case)
    """Another upload of this sender has this key."""


class Book:
    """See the module. Opening raises ``StopWorking`` where the file is of no use.

    ``known`` tells the uploads that a new book begins with: those of one that was lost.
    """

    def __init__(self, path: Path, known: Callable[[], Iterable[Upload]] = tuple) -> None:
        self._known = known
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(path)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise _named(error, path) from error

    def _prepare(self, path: Path) -> None:
        connection = self._connection
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout = 5000")  # ms; another receiver holds it for less
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with self._transaction("make"):
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StopWorking(f"{path} was made by a newer Wiredesk; start the newer one")
            if version < VERSION:
                for statement in _TABLES:
                    connection.execute(statement)
                for upload in self._known():
                    self._insert(upload)
                connection.execute(f"PRAGMA user_version = {VERSION:d}")

    def close(self) -> None:
        """Close the file; further calls raise ``Unavailable``."""
        with self._lock:
            self._connection.close()

    def add(self, upload: Upload) -> None:
        """Keep an upload; :class:`KeyUsed` where another has its key."""
        try:
            with self._transaction("add"):
                self._insert(upload)
        except sqlite3.IntegrityError as error:
            raise KeyUsed from error

    def _insert(self, upload: Upload) -> None:
        self._connection.execute(
            f"INSERT INTO uploads ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (ours)
            astuple(upload),
        )

    def find(self, upload_id: str) -> Upload | None:
        """The upload of an id."""
        return self._one("id = ?", (upload_id,))

    def by_key(self, sender: str, key: str) -> Upload | None:
        """The upload that a sender made with an ``Idempotency-Key``."""
        return self._one("sender = ? AND key = ?", (sender, key))

    def last_to(self, sender: str, target: str) -> Upload | None:
        """What a sender last PUT under a name."""
        return self._one("sender = ? AND target = ? ORDER BY seq DESC LIMIT 1", (sender, target))

    def prune(self, now: int) -> int:
        """Forget uploads of long ago; returns how many."""
        with self._transaction("prune"):
            done = self._connection.execute(
                "DELETE FROM uploads WHERE received_at < ?", (now - KEEP_MS,)
            )
            return done.rowcount

    def _one(self, which: str, values: Sequence[object]) -> Upload | None:
        statement = f"SELECT {_COLUMNS} FROM uploads WHERE {which}"  # noqa: S608  (ours alone)
        with self._lock:
            try:
                found = self._connection.execute(statement, values).fetchone()
            except sqlite3.Error as error:
                raise _named(error) from error
        return None if found is None else Upload(**dict(found))

    @contextmanager
    def _transaction(self, name: str) -> Iterator[None]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    effect(f"receiver.book.{name}")
                    self._connection.execute("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise _named(error) from error


def _named(error: sqlite3.Error, path: Path | None = None) -> Exception:
    code = getattr(error, "sqlite_errorname", None) or ""
    if path is not None and code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StopWorking(
            f"{path}: {error}; move the file away: uploads are found by their names then"
        )
    return Unavailable(f"the book of uploads: {error} ({code})")
