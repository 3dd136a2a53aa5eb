"""Many rows at once: new ones by COPY, changed ones in a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import LiteralString

    from services.indexer.store.postgres_pool import Connection


def rows(db: Connection, statement: LiteralString, *values: Any) -> list[dict[str, Any]]:
    """What a query gives, each row by the names of its columns."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def copy(db: Connection, table: str, new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, which all have the same columns."""
    if not new:
        return
    names = list(new[0])
    copy_rows(db, table, names, ([row[name] for name in names] for row in new))


def copy_rows(
    db: Connection, table: str, names: Sequence[str], new: Iterable[Sequence[Any]]
) -> None:
    """Insert rows as they come, each with a value for each of ``names``."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with db.cursor() as cursor, cursor.copy(statement) as sink:
        for row in new:
            sink.write_row(row)


def update(
    db: Connection, table: str, keys: Sequence[str], changed: Sequence[Mapping[str, Any]]
) -> None:
    """Change rows, which all have the same columns, each found by its ``keys``."""
    if not changed:
        return
    equals = {
        name: sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in changed[0]
    }
    statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(equal for name, equal in equals.items() if name not in keys),
        sql.SQL(" AND ").join(equals[name] for name in keys),
    )
    # Sent in a pipeline, without waiting for each.
    with db.cursor() as cursor:
        cursor.executemany(statement, changed)
