"""The months by which a PostgreSQL store's large tables are parted.

An article's row in them goes by its ``place``, which begins with the time under which the
article is listed and never changes.  So all versions of an article lie in one partition, a
search with ``since`` and ``until`` looks at the months between them alone, and an old month
can be detached whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from psycopg import sql

from services.indexer.store.places import LATEST, first_place, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.indexer.store.postgres_pool import Connection

PARTED = ("versions", "found_by_words")
"""The tables that have partitions, each named ``TABLE_YYYY_MM``."""

FIRST_MONTH = datetime(1995, 1, 1, tzinfo=UTC)
"""What is listed before lies in one partition, ``TABLE_before_1995_01``: few articles are, and
wrong dates in them must not make a thousand tables."""

_HELD = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)
"""


def ensure(db: Connection, places: Iterable[int]) -> None:
    """Make the partitions that rows at ``places`` need, within the open transaction."""
    months = {_month(place) for place in places}
    wanted = {f"{table}_{_suffix(month)}": (table, month) for month in months for table in PARTED}
    if not wanted:
        return
    held = {row[0] for row in db.execute(_HELD, (list(wanted),))}
    for name in sorted(wanted.keys() - held):
        _make(db, name, *wanted[name])


def _month(place: int) -> datetime | None:
    """The first moment of the month of ``place``; None before ``FIRST_MONTH``."""
    month = time_of(place).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return None if month < FIRST_MONTH else month


def _suffix(month: datetime | None) -> str:
    return f"before_{FIRST_MONTH:%Y_%m}" if month is None else f"{month:%Y_%m}"


def _make(db: Connection, name: str, table: str, month: datetime | None) -> None:
    """One partition; made first and attached then, which locks out neither readers nor writers."""
    new, parent = sql.Identifier(name), sql.Identifier(table)
    if month is None:
        start: sql.Composable = sql.SQL("MINVALUE")
        end: sql.Composable = sql.Literal(first_place(FIRST_MONTH))
    else:
        after = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
        start = sql.Literal(first_place(month))
        # Behind the last month that places tell apart there is nothing.
        end = sql.SQL("MAXVALUE") if after > LATEST else sql.Literal(first_place(after))
    db.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(new, parent))
    db.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, new, start, end
        )
    )
