"""How a SQLite store's file is opened and brought up to date."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.bus.errors import StopWorking, Unavailable
from services.effects import effect
from services.indexer.store.sqlite_errors import named_errors
from services.indexer.store.sqlite_migrations import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID = 0x57444B53
"""``WDKS``: tells our store from any other SQLite file. Never change it."""

CACHE_KIB = 65_536
"""KiB of pages that a writer keeps in memory, as it comes to need them. A hundred articles change
thousands of pages of 4 KiB, most of indexes of entities: those that don't fit are written in the
middle of a transaction, read again and written once more. SQLite's own 2 MiB hold a third of what
eight articles change."""

CHECKPOINT_PAGES = 16_000
"""Pages in the write-ahead log (64 MB) from which a commit copies them to the file. At SQLite's own
1,000 every batch does so, each time the same pages of indexes, with two more waits for the disk.
With 100,000 articles an article costs 119 kB of reads and 238 kB of writes so; at 4,000, and a
quarter of the cache, 223 and 282."""

_TRANSIENT_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def open_file(path: Path, busy_timeout: float, *, read_only: bool) -> sqlite3.Connection:
    """A connection to the store at ``path``, which is made and migrated where needed.

    ``busy_timeout`` is in seconds.  ``read_only`` changes nothing and makes no
    file.  Raises ``Unavailable`` and ``StopWorking`` as the contract says.
    """
    _check_place(path, read_only=read_only)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    with named_errors(path):
        # Calls come from whichever worker thread the stage has; the store's lock orders them.
        connection = sqlite3.connect(
            uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path, read_only=read_only)
        except BaseException:
            connection.close()
            raise
    return connection


def _check_place(path: Path, *, read_only: bool) -> None:
    if path.is_dir():
        raise StopWorking(f"Store {path} is a folder. Point WIREDESK_STORE_PATH to a file")
    if read_only and not path.exists():
        raise StopWorking(f"No store at {path}. Start the indexer once, or set WIREDESK_STORE_PATH")
    if not read_only:
        _make_folder(path)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = Unavailable if error.errno in _TRANSIENT_ERRNOS else StopWorking
        raise kind(f"Store {path}: its folder can't be made ({error})") from error


def _prepare(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        _check_version(connection, path)
        _require_current(connection, path)
        return
    _check_version(connection, path)
    # Readers go on while a writer writes; the journal mode stays in the file.
    if _pragma(connection, "journal_mode") != "wal":
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StopWorking(
                f"Store {path}: its file system can't share memory between processes, as SQLite's "
                "WAL needs. Point WIREDESK_STORE_PATH to a local disk"
            )
    # FULL: in WAL mode, NORMAL may lose committed transactions when the power goes,
    # and an article is acknowledged to Redis as soon as it is committed.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    if _pragma(connection, "user_version") < len(MIGRATIONS):
        _migrate(connection, path)


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that isn't ours, or that a later Wiredesk has made."""
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and _pragma(connection, "application_id") != APPLICATION_ID:
        raise StopWorking(
            f"{path} is another program's database. Point WIREDESK_STORE_PATH elsewhere"
        )
    if version > len(MIGRATIONS):
        raise StopWorking(
            f"Store {path} has version {version}, this Wiredesk knows up to {len(MIGRATIONS)}. "
            "Start the newer Wiredesk again, or restore the store's backup from before it"
        )


def _require_current(connection: sqlite3.Connection, path: Path) -> None:
    version = _pragma(connection, "user_version")
    if version < len(MIGRATIONS):
        raise StopWorking(
            f"Store {path} has version {version}, this Wiredesk needs {len(MIGRATIONS)}. "
            "Start the indexer once: it brings the store up to date"
        )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the store to the newest version, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been first, so look again now that nobody else writes.
        _check_version(connection, path)
        for statements in MIGRATIONS[_pragma(connection, "user_version") :]:
            for step in statements:
                if isinstance(step, str):
                    connection.execute(step)
                else:
                    step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        effect("indexer.store.migrate")
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction, if one is open, without a trace; never raises."""
    if connection.in_transaction:
        # After a disk error SQLite may have rolled back already; the first error is the news.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
