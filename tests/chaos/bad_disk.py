"""A disk that takes no write for a while, beginning with any chosen one.

Every write is counted: those of the file layer and the archive where they call ``os``, those of
the journal and the store where they call SQLite.  The chosen one fails, and so do the next few;
then somebody has made space.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MethodType
from typing import TYPE_CHECKING, Any

from services.ingest import archive, files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.small_desk import SmallDesk

FAILS_FOR = 3
"""Writes that fail one after the other: each part of the desk tries again, and must not give up."""

SQLITE_NAMES = {
    errno.ENOSPC: ("SQLITE_FULL", sqlite3.SQLITE_FULL),
    errno.EIO: ("SQLITE_IOERR_WRITE", sqlite3.SQLITE_IOERR_WRITE),
    errno.EROFS: ("SQLITE_READONLY", sqlite3.SQLITE_READONLY),
}
"""What SQLite makes of the system's errors."""

WRITERS = ("write", "fsync", "rename", "link", "unlink", "mkdir", "utime")
WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN IMMEDIATE", "COMMIT")


@dataclass
class BadDisk:
    """``first``: which write fails first, from 1; None: none, they are only counted."""

    first: int | None
    code: int
    names: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def fails(self, name: str) -> bool:
        """Count a write; whether it fails."""
        self.names.append(name)
        bad = self.first is not None and 0 <= len(self.names) - self.first < FAILS_FOR
        if bad:
            self.failed.append(name)
        return bad

    def error(self) -> OSError:
        return OSError(self.code, os.strerror(self.code))


class BadOs:
    """``os`` on that disk."""

    def __init__(self, disk: BadDisk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        whole: Callable[..., Any] = getattr(os, name)
        if name not in (*WRITERS, "open"):
            return whole

        def call(*args: Any, **kwargs: Any) -> Any:
            writes = name != "open" or args[1] & (os.O_CREAT | os.O_TRUNC)
            if writes and self._disk.fails(f"os.{name}"):
                raise self._disk.error()
            return whole(*args, **kwargs)

        return call


class BadConnection:
    """A connection to a database on that disk."""

    def __init__(self, disk: BadDisk, whole: sqlite3.Connection, name: str) -> None:
        self._disk, self._whole, self._name = disk, whole, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def execute(self, statement: str, *values: Any) -> Any:
        self._check(statement)
        return self._whole.execute(statement, *values)

    def executemany(self, statement: str, *values: Any) -> Any:
        self._check(statement)
        return self._whole.executemany(statement, *values)

    def _check(self, statement: str) -> None:
        word = statement.lstrip().upper()
        if word.startswith(WRITING) and self._disk.fails(f"{self._name} {word.split()[0]}"):
            name, code = SQLITE_NAMES[self._disk.code]
            error = sqlite3.OperationalError(os.strerror(self._disk.code))
            error.sqlite_errorname, error.sqlite_errorcode = name, code
            raise error


@contextmanager
def on_a_bad_disk(desk: SmallDesk, disk: BadDisk) -> Iterator[None]:
    """Everything that ``desk`` writes goes to ``disk``."""
    journal, store = desk.desk._owned(), desk.store
    whole = (journal._connection, store._db)
    journal._connection = BadConnection(disk, whole[0], "journal")  # type: ignore[assignment]  # stands for it
    store._db = BadConnection(disk, whole[1], "store")  # type: ignore[assignment]  # stands for it
    # Here each write counts, also to have it on the disk.
    desk.desk._files.sync = MethodType(files.Files.sync, desk.desk._files)  # type: ignore[method-assign]
    files.os = archive.os = BadOs(disk)  # type: ignore[assignment,attr-defined]  # stands for it
    try:
        yield
    finally:
        files.os = archive.os = os  # type: ignore[attr-defined]  # as it was
        journal._connection, store._db = whole
