"""The journal's tables, as numbered migrations, and how SQLite's errors are named."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.effects import effect

if TYPE_CHECKING:
    from pathlib import Path

_COUNT_RECEIVED = """
    INSERT INTO tally SELECT hour, source, 'received', '', {sign} FROM counted
    WHERE drop_id = {row}.drop_id AND position = {row}.position
    ON CONFLICT DO UPDATE SET articles = articles {sign}
"""

_COUNT_OUTCOME = """
    INSERT INTO tally SELECT hour, source, decided, outcome, {sign} FROM counted
    WHERE drop_id = {row}.drop_id AND position = {row}.position AND outcome IS NOT NULL
    ON CONFLICT DO UPDATE SET articles = articles {sign}
"""


def _counting(name: str, when: str, row: str, sign: str) -> str:
    """A trigger that counts ``row`` (NEW, OLD) in (``+1``) or out (``-1``)."""
    both = (each.format(row=row, sign=sign) for each in (_COUNT_RECEIVED, _COUNT_OUTCOME))
    return f"CREATE TRIGGER {name} {when} ON articles BEGIN {';'.join(both)}; END"


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
    (
        # The ledger's side of ingest: how many records were received, and what was decided about
        # them by whom. Triggers count in the transaction in which it happens; whoever changes an
        # outcome needn't know. `hour`: of receipt, since 1970. Counts stay when drops are pruned.
        "ALTER TABLE articles ADD COLUMN source TEXT",
        """
        CREATE TABLE tally (
            hour INTEGER NOT NULL,
            source TEXT NOT NULL,
            decided TEXT NOT NULL CHECK (decided IN ('received', 'ingest', 'stages', 'store')),
            outcome TEXT NOT NULL,
            articles INTEGER NOT NULL,
            PRIMARY KEY (hour, source, decided, outcome)
        ) WITHOUT ROWID
        """,
        """
        CREATE VIEW counted AS
        SELECT a.drop_id, a.position, a.article_id, d.received_at / 3600000 AS hour,
            coalesce(a.source, '') AS source, json_extract(a.outcome, '$.outcome') AS outcome,
            CASE WHEN a.own IS NOT NULL THEN 'ingest'
                WHEN json_extract(a.outcome, '$.outcome') IS NOT 'rejected' THEN 'store'
                WHEN json_extract(a.outcome, '$.stage') = 'ingest' THEN 'ingest'
                ELSE 'stages' END AS decided
        FROM articles a JOIN drops d ON d.drop_id = a.drop_id
        """,
        """
        INSERT INTO tally SELECT hour, source, 'received', '', count(*) FROM counted
        GROUP BY hour, source
        """,
        """
        INSERT INTO tally SELECT hour, source, decided, outcome, count(*) FROM counted
        WHERE outcome IS NOT NULL GROUP BY hour, source, decided, outcome
        """,
        _counting("tally_new", "AFTER INSERT", "NEW", "+1"),
        _counting("tally_before", "BEFORE UPDATE OF outcome, source, own", "OLD", "-1"),
        _counting("tally_after", "AFTER UPDATE OF outcome, source, own", "NEW", "+1"),
        # Where a drop is pruned its row is gone by now, the view has nothing of it, and what was
        # counted stays; records that are read anew (`retake`) are counted out.
        _counting("tally_gone", "BEFORE DELETE", "OLD", "-1"),
        # The first hour that is balanced. Of a journal of an older release, drops older than
        # a quarter (KEEP_ARCHIVED_MS) are forgotten, and can't be counted any more.
        """
        INSERT INTO meta SELECT 'ledger_since', CASE
            WHEN EXISTS (SELECT 1 FROM meta WHERE key = 'inbox_id')
            THEN strftime('%s', 'now') / 3600 - 90 * 24 + 1 ELSE 0 END
        """,
    ),
    (
        # An outcome may be replaced after its file was archived: a dead letter was sent again.
        # revised_at: when one was last; refiled_at: the revision that the receipt shows.
        # archived_from: where the file still is, or was, while it moves to archive_path.
        "ALTER TABLE drops ADD COLUMN revised_at INTEGER",
        "ALTER TABLE drops ADD COLUMN refiled_at INTEGER",
        "ALTER TABLE drops ADD COLUMN archived_from BLOB",
        "DROP INDEX drops_planned",
        """
        CREATE UNIQUE INDEX drops_planned ON drops (archive_root, archive_path)
            WHERE archive_path IS NOT NULL AND (state != 'archived' OR archived_from IS NOT NULL)
        """,
        """
        CREATE INDEX drops_revised ON drops (seq)
            WHERE revised_at IS NOT NULL AND revised_at IS NOT refiled_at
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
