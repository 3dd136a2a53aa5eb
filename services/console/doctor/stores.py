"""Checks of what is kept in databases: the store and ingest's journal."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.bus.errors import StopWorking, Unavailable
from services.console.doctor.checks import LocalCheck
from services.console.doctor.figures import bytes_of
from services.console.doctor.findings import Finding, failure, merged, ok, unknown, warning
from services.indexer.store import sqlite_migrations
from services.indexer.store.opening import open_store
from services.indexer.store.sqlite_schema import APPLICATION_ID
from services.ingest import journal_schema

if TYPE_CHECKING:
    from pathlib import Path

    from services.console.doctor.checks import Surroundings
    from services.settings import Settings

BUSY = 2.0
"""Seconds to wait for a writer: the longest transaction is well under one."""

QUICK_SECONDS = 5.0
"""Seconds that the look for damage may take: about 2 GB; a larger file is looked at in part."""

STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock: some milliseconds."""

SHOWN = 3
"""Faults of a damaged file that are shown; the first says enough."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A SQLite file of ours: what it is called, where, the version it should have, whose it is."""

    name: str
    path: Path
    version: int
    made_by: str
    application_id: int | None
    lost: str


def _store(settings: Settings) -> Kept:
    return Kept(
        "store",
        settings.store,
        len(sqlite_migrations.MIGRATIONS),
        "indexer",
        APPLICATION_ID,
        "stop the indexer and put the store's backup in its place, or move the file away and drop "
        "the archived files again",
    )


def _journal(settings: Settings) -> Kept:
    return Kept(
        "journal",
        settings.state / "journal.sqlite3",
        len(journal_schema.MIGRATIONS),
        "ingest",
        None,
        "stop ingest and move the file away: unsettled files still lie in the inbox and are taken "
        "anew",
    )


def inbox_id_of(settings: Settings) -> UUID | None:
    """Which inbox this is, by its journal; None where there is none that can be read."""
    try:
        with closing(_opened(_journal(settings).path)) as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'inbox_id'").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else UUID(row[0])


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing and makes no file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY)


# --- versions ---------------------------------------------------------------------------------
def _store_version(scene: Surroundings) -> Finding:
    if scene.settings.store_url is not None:
        return _server_store(scene.settings)
    return _version(_store(scene.settings))


def _journal_version(scene: Surroundings) -> Finding:
    return _version(_journal(scene.settings))


def _version(kept: Kept) -> Finding:
    if not kept.path.exists():
        return warning(f"no {kept.name} at {kept.path} yet", f"{kept.made_by} makes it: start it")
    try:
        with closing(_opened(kept.path)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (application,) = db.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        return failure(f"the {kept.name} {kept.path} can't be read: {error}", kept.lost)
    return _judged(kept, version, application)


def _judged(kept: Kept, version: int, application: int) -> Finding:
    if kept.application_id is not None and version and application != kept.application_id:
        return failure(
            f"{kept.path} is another program's database", "set WIREDESK_STORE_PATH to another file"
        )
    found = f"{kept.name} version {version}, {bytes_of(_size(kept.path))} ({kept.path})"
    if version > kept.version:
        return failure(
            f"{found}: a newer Wiredesk made it, this one knows up to {kept.version}",
            "start the newer Wiredesk again",
        )
    if version < kept.version:
        return warning(
            f"{found}: this Wiredesk needs {kept.version}",
            f"start {kept.made_by} of this release once: it brings it up to date",
        )
    return ok(found)


def _size(path: Path) -> int:
    """Bytes of a database with what its write-ahead log holds."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _server_store(settings: Settings) -> Finding:
    """The store on a PostgreSQL server: reached, ours, migrated."""
    try:
        with open_store(settings, read_only=True) as store:
            return ok(f"PostgreSQL store up to date, {store.count():,} articles to be found")
    except StopWorking as error:
        return failure(str(error), "do what the line above says, then run doctor again")
    except Unavailable as error:
        return failure(str(error), "start the PostgreSQL server, or mend WIREDESK_STORE_URL")


# --- damage -----------------------------------------------------------------------------------
def _integrity(scene: Surroundings) -> Finding:
    kept = [_journal(scene.settings)]
    if scene.settings.store_url is None:
        kept.append(_store(scene.settings))
    there = [each for each in kept if each.path.exists()]
    return merged([_undamaged(each) for each in there], "no file yet")


def _undamaged(kept: Kept) -> Finding:
    deadline = time.monotonic() + QUICK_SECONDS / 2  # two files at most
    try:
        with closing(_opened(kept.path)) as db:
            db.set_progress_handler(lambda: int(time.monotonic() > deadline), STEPS)
            rows = db.execute(f"PRAGMA quick_check({SHOWN:d})").fetchall()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            whole = f"sqlite3 {kept.path} 'PRAGMA quick_check'"
            return ok(
                f"{kept.name}: no damage found in {QUICK_SECONDS / 2:g} s; all of it: {whole}"
            )
        return unknown(f"{kept.name} {kept.path}: {error}", "run it again when nothing holds it")
    except sqlite3.DatabaseError as error:
        return failure(f"the {kept.name} {kept.path} is damaged: {error}", kept.lost)
    if rows != [("ok",)]:
        faults = "; ".join(str(row[0]) for row in rows)
        return failure(f"the {kept.name} {kept.path} is damaged: {faults}", kept.lost)
    return ok(f"{kept.name}: no damage found")


CHECKS = (
    LocalCheck(
        name="stores.store",
        looks_at="the store: there, ours, of this release's version; on PostgreSQL also whether "
        "the server answers",
        limits="fails where it can't be read, isn't ours or is newer; warns where it is older or "
        "not there yet",
        why="The indexer ends at the start where it can't use its store; an older one is migrated "
        "then.",
        look=_store_version,
        seconds=15.0,
    ),
    LocalCheck(
        name="stores.journal",
        looks_at="ingest's journal: there, and of this release's version",
        limits="fails where it can't be read or is newer; warns where it is older or not there yet",
        why="Without its journal ingest doesn't know what it has taken, and takes nothing.",
        look=_journal_version,
    ),
    LocalCheck(
        name="stores.integrity",
        looks_at="the files of journal and store, page by page (SQLite's quick_check), for "
        f"{QUICK_SECONDS:g} s at most",
        limits="fails with the first damaged page",
        why="A damaged page is met when it is read: that may be weeks later, and backups are "
        "damaged by then, too.",
        look=_integrity,
    ),
)
