"""The journal's tables, as numbered migrations, and how SQLite's errors are named."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.effects import effect

if TYPE_CHECKING:
    from pathlib import Path

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
        # dev and inode are text: they are unsigned 64-bit, SQLite's integers are signed.
        """
        CREATE TABLE drops (
            seq INTEGER PRIMARY KEY,
            drop_id TEXT NOT NULL UNIQUE,
            path BLOB NOT NULL,
            file TEXT NOT NULL,
            dev TEXT NOT NULL,
            inode TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            received_at INTEGER NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('taken', 'published', 'settled', 'archived')),
            reader TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            redriven_at INTEGER,
            settled_at INTEGER,
            gone TEXT CHECK (gone IN ('removed', 'replaced')),
            archive_kind TEXT CHECK (archive_kind IN ('done', 'rejected')),
            archive_root BLOB,
            archive_path BLOB,
            archived_at INTEGER
        )
        """,
        "CREATE INDEX drops_state ON drops (state, seq)",
        """
        CREATE UNIQUE INDEX drops_planned ON drops (archive_root, archive_path)
            WHERE archive_path IS NOT NULL AND state != 'archived'
        """,
        """
        CREATE TABLE articles (
            drop_id TEXT NOT NULL REFERENCES drops (drop_id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            article_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            headline TEXT,
            own TEXT CHECK (own IN ('rejected', 'repeat')),
            published INTEGER NOT NULL DEFAULT 0,
            outcome TEXT,
            PRIMARY KEY (drop_id, position)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX articles_by_id ON articles (drop_id, article_id)",
    ),
    (
        # A long file is read in parts, each a drop; see services.ingest.parts. start and more
        # are JSON arrays [position, checkpoint].
        "ALTER TABLE drops ADD COLUMN part_of TEXT REFERENCES drops (drop_id) ON DELETE CASCADE",
        "ALTER TABLE drops ADD COLUMN start TEXT",
        "ALTER TABLE drops ADD COLUMN stop INTEGER",
        "ALTER TABLE drops ADD COLUMN more TEXT",
        "ALTER TABLE articles ADD COLUMN locator TEXT",
        "ALTER TABLE articles ADD COLUMN reader TEXT",
        "CREATE INDEX drops_parts ON drops (part_of, seq) WHERE part_of IS NOT NULL",
        """
        CREATE INDEX drops_open_parts ON drops (part_of)
            WHERE part_of IS NOT NULL AND state IN ('taken', 'published')
        """,
    ),
)
"""One tuple of statements per version; ``user_version`` says how many have run."""

_WAIT = frozenset({"FULL", "IOERR", "READONLY", "BUSY", "LOCKED", "CANTOPEN", "NOMEM", "PERM"})
"""SQLite's primary result codes that pass: no space, no disk, no rights, somebody reads."""


def named(error: sqlite3.Error) -> Exception:
    """The error that says what to do about ``error``."""
    code = getattr(error, "sqlite_errorname", "") or ""
    words = code.removeprefix("SQLITE_").split("_")
    if words[0] in _WAIT:
        return Unavailable(f"journal: {error} ({code})")
    if words[0] in {"CORRUPT", "NOTADB"}:
        return StopWorking(
            f"journal: {error}; move the file away: unsettled files still lie in the inbox "
            "and will be taken anew"
        )
    return error


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal, bring its tables to this version.

    Raises :class:`Unavailable` or :class:`StopWorking`.
    """
    try:
        # Transactions are ours alone; the lock in Journal lets one thread in at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise named(error) from error
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 5000")  # ms; readers hold it for less
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StopWorking(
            f"journal: made by a newer Wiredesk (version {version}, this one knows "
            f"{len(MIGRATIONS)}); start the newer one"
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number:d}")
        effect("ingest.journal.migrate")
        connection.execute("COMMIT")
