"""What a store writes, recorded with its values, and done again by the bare driver.

The stores decide, look things up and make documents; the driver alone doing the same inserts
is the least that filing could take.  Recorded are statements that change something, between
the transactions' beginning and end.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import psycopg

from services.indexer.store.postgres import PostgresStore
from services.indexer.store.postgres_pool import SCHEMA
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_schema import open_file
from tests.factories import NOON

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemas.article import EnrichedArticle

Step: TypeAlias = "tuple[str, Any, Any]"
"""How (``execute``, ``executemany``, ``copy``), the statement, its values or rows."""

CHANGES = re.compile(
    r"\s*(WITH\b.*\b)?(INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|COPY)\b", re.DOTALL
)


class Tape(Protocol):
    """A second store, whose writes are recorded, and a bare driver that does them again."""

    def record(self, batch: Sequence[EnrichedArticle]) -> list[Step]:
        """File a batch; what was written."""

    def replay(self, steps: Sequence[Step]) -> None:
        """Do the same in one transaction."""

    def close(self) -> None:
        """Close both."""


class _SqliteRecorder:
    """Stands for the connection of a store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.steps: list[Step] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        if CHANGES.match(statement):
            self.steps.append(("execute", statement, values))
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        rows = list(rows)
        self.steps.append(("executemany", statement, rows))
        return self._connection.executemany(statement, rows)


class SqliteTape:
    """Two files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._store = SqliteStore(folder / "recorded.sqlite3", clock=lambda: NOON)
        self._recorder = _SqliteRecorder(self._store._db)
        self._store._db = self._recorder  # type: ignore[assignment]  # does what is used of one
        self._bare = open_file(folder / "bare.sqlite3", 10.0, read_only=False)

    def record(self, batch: Sequence[EnrichedArticle]) -> list[Step]:
        """File a batch; what was written."""
        self._recorder.steps = []
        self._store.file(batch)
        return self._recorder.steps

    def replay(self, steps: Sequence[Step]) -> None:
        """Do the same in one transaction."""
        bare = self._bare
        bare.execute("BEGIN IMMEDIATE")
        for how, statement, values in steps:
            if how == "executemany":
                bare.executemany(statement, values)
            else:
                # Statements that return rows end when these are read.
                bare.execute(statement, values).fetchall()
        bare.execute("COMMIT")

    def close(self) -> None:
        """Close both."""
        self._store.close()
        self._bare.close()


class _RecordedCopy:
    """Stands for what rows are written to."""

    def __init__(self, sink: psycopg.Copy, rows: list[Any]) -> None:
        self._sink = sink
        self._rows = rows

    def write_row(self, row: Sequence[Any]) -> None:
        self._rows.append(row)
        self._sink.write_row(row)


def _recording(steps: list[Step]) -> type[psycopg.Cursor[Any]]:
    """A kind of cursor that notes in ``steps`` what it is asked to change."""

    class Recorder(psycopg.Cursor[Any]):
        """Such a cursor."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            text = query if isinstance(query, str) else query.as_string(self)
            if CHANGES.match(text):
                steps.append(("execute", query, params))
            return super().execute(query, params, **options)

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            rows = list(params_seq)
            steps.append(("executemany", query, rows))
            super().executemany(query, rows, **options)

        @contextmanager
        def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Any]:
            rows: list[Any] = []
            with super().copy(statement, params, **options) as sink:
                yield _RecordedCopy(sink, rows)
            steps.append(("copy", statement, rows))

    return Recorder


class PostgresTape:
    """Two databases, which are those of ``urls``: empty stores."""

    def __init__(self, recorded: str, bare: str) -> None:
        self._store = PostgresStore(recorded, clock=lambda: NOON)
        self._steps: list[Step] = []
        self._writing = self._store._connections.writing
        self._store._connections.writing = self._recorded  # type: ignore[method-assign]  # the same, recorded
        PostgresStore(bare).close()
        self._bare = psycopg.connect(bare, autocommit=True)
        self._bare.execute(f"SET search_path = {SCHEMA}")

    @contextmanager
    def _recorded(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        with self._writing(name) as connection:
            connection.cursor_factory = _recording(self._steps)
            try:
                yield connection
            finally:
                connection.cursor_factory = psycopg.Cursor

    def record(self, batch: Sequence[EnrichedArticle]) -> list[Step]:
        """File a batch; what was written."""
        self._steps.clear()
        self._store.file(batch)
        return list(self._steps)

    def replay(self, steps: Sequence[Step]) -> None:
        """Do the same in one transaction."""
        with self._bare.transaction(), self._bare.cursor() as cursor:
            for how, statement, values in steps:
                if how == "copy":
                    with cursor.copy(statement) as sink:
                        for row in values:
                            sink.write_row(row)
                elif how == "executemany":
                    cursor.executemany(statement, values)
                else:
                    cursor.execute(statement, values)

    def close(self) -> None:
        """Close both."""
        self._store.close()
        self._bare.close()
