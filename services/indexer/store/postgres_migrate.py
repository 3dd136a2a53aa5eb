"""How a PostgreSQL store is made and brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.indexer.store.postgres_pool import SCHEMA
from services.indexer.store.postgres_schema import MIGRATIONS

if TYPE_CHECKING:
    from services.indexer.store.postgres_pool import Connection, Connections

_HAS_VERSIONS = "SELECT to_regclass(%s) IS NOT NULL"

_HAS_TABLES = """
    SELECT EXISTS (SELECT 1 FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(%s))
"""

_FIRST = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    """
    CREATE TABLE schema_versions (
        version integer PRIMARY KEY,
        made_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)

_VERSION = "SELECT coalesce(max(version), 0) FROM schema_versions"


def prepare(connections: Connections, *, read_only: bool) -> None:
    """Check the store's version; make or migrate it where needed, unless ``read_only``."""
    with connections.reading() as db:
        version = _version(db, connections.place)
    if version == len(MIGRATIONS):
        return
    if read_only:
        raise StopWorking(
            f"Store {connections.place} has version {version}, this Wiredesk needs "
            f"{len(MIGRATIONS)}. Start the indexer once: it brings the store up to date"
        )
    with connections.writing("indexer.store.migrate") as db:
        # Another process may have been first, so look again now that nobody else writes.
        _migrate(db, _version(db, connections.place))


def _version(db: Connection, place: str) -> int:
    """The version of the store, 0 where there is none; refuses what isn't ours or is newer."""
    if not _asked(db, _HAS_VERSIONS, f"{SCHEMA}.schema_versions"):
        if _asked(db, _HAS_TABLES, SCHEMA):
            raise StopWorking(
                f"Store {place}: its schema '{SCHEMA}' is another program's. "
                "Name another database in WIREDESK_STORE_URL"
            )
        return 0
    row = db.execute(_VERSION).fetchone()
    version = 0 if row is None else int(row[0])
    if version > len(MIGRATIONS):
        raise StopWorking(
            f"Store {place} has version {version}, this Wiredesk knows up to {len(MIGRATIONS)}. "
            "Start the newer Wiredesk again, or restore the store's backup from before it"
        )
    return version


def _asked(db: Connection, question: str, value: str) -> bool:
    row = db.execute(question, (value,)).fetchone()
    return row is not None and bool(row[0])


def _migrate(db: Connection, version: int) -> None:
    """Bring the store from ``version`` to the newest, within the open transaction."""
    for statement in _FIRST if version == 0 else ():
        db.execute(statement)
    for number in range(version, len(MIGRATIONS)):
        for step in MIGRATIONS[number]:
            if callable(step):
                step(db)
            else:
                db.execute(step)
        db.execute("INSERT INTO schema_versions (version) VALUES (%s)", (number + 1,))
