"""The SQLite store's registry of small documents; each function runs in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

ENTRIES = "SELECT name, document FROM registry WHERE kind = ? ORDER BY name"

# Compared byte by byte, so only the very document that was read is replaced.
_REPLACE = "UPDATE registry SET document = ? WHERE kind = ? AND name = ? AND document = ?"

_ADD = "INSERT OR IGNORE INTO registry (document, kind, name) VALUES (?, ?, ?)"

_REMOVE = "DELETE FROM registry WHERE kind = ? AND name = ?"


def entries(db: sqlite3.Connection, kind: str) -> dict[str, str]:
    """Every document of a kind by name, in the order of names."""
    return dict(db.execute(ENTRIES, (kind,)).fetchall())


def put(db: sqlite3.Connection, kind: str, name: str, document: str, expected: str | None) -> bool:
    """Keep a document; False where what is there isn't as expected."""
    if expected is None:
        return db.execute(_ADD, (document, kind, name)).rowcount > 0
    return db.execute(_REPLACE, (document, kind, name, expected)).rowcount > 0


def remove(db: sqlite3.Connection, kind: str, name: str) -> bool:
    """Forget a document; False where there was none."""
    return db.execute(_REMOVE, (kind, name)).rowcount > 0
