"""SQLite's errors, named for what the caller must do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PASSES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another process is writing",
    sqlite3.SQLITE_LOCKED: "another connection holds it",
    sqlite3.SQLITE_READONLY: "it can't be written to",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened",
    sqlite3.SQLITE_PERM: "access is denied",
    sqlite3.SQLITE_NOMEM: "memory is short",
    sqlite3.SQLITE_PROTOCOL: "its lock is contended",
    sqlite3.SQLITE_INTERRUPT: "the operation was interrupted",
}
"""What somebody can put right while the process waits."""

_STAYS = {
    sqlite3.SQLITE_CORRUPT: "it is damaged. Restore it from a backup, or move it away and drop "
    "the archived files again",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database. Point WIREDESK_STORE_PATH elsewhere",
    sqlite3.SQLITE_FORMAT: "it is no SQLite database. Point WIREDESK_STORE_PATH elsewhere",
    sqlite3.SQLITE_ERROR: "it isn't laid out as expected. Restore it from a backup, or move it "
    "away and drop the archived files again",
}
"""What no waiting mends."""

_PRIMARY = 0xFF
"""SQLite's extended result codes keep the primary code in their lowest byte."""


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as ``Unavailable`` or ``StopWorking``; bugs stay as they are."""
    try:
        yield
    except sqlite3.Error as error:
        # Errors of the module itself (a closed connection, wrong types) have no code.
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & _PRIMARY
        if primary in _PASSES:
            raise Unavailable(f"Store {path}: {_PASSES[primary]} ({error})") from error
        if primary in _STAYS:
            raise StopWorking(f"Store {path}: {_STAYS[primary]} ({error})") from error
        raise
