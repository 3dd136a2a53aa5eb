"""A tape holds all that a store writes: done again by the bare driver, it makes the same store."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests import postgres
from tests.bench.generator import Newsroom
from tests.bench.store_tape import PostgresTape, SqliteTape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.bench.store_tape import Tape

BATCHES, BATCH = 6, 60
"""Enough for versions, copies, doubles and stories among them."""


def filed(tape: Tape) -> int:
    """File all batches and do each again; how many statements that were."""
    room, count = Newsroom(1000), 0
    for number in range(BATCHES):
        steps = tape.record(list(room.articles(number * BATCH, (number + 1) * BATCH)))
        tape.replay(steps)
        count += len(steps)
    return count


def contents(tables: list[str], rows: Callable[[str], list[Any]]) -> dict[str, list[Any]]:
    """What is in each table."""
    return {table: sorted(map(repr, rows(table))) for table in tables}


def sqlite_contents(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        found = contents(tables, lambda table: db.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608  (our own names)
    db.close()
    return found


def test_the_bare_sqlite_driver_makes_the_same_file(tmp_path: Path) -> None:
    tape = SqliteTape(tmp_path)
    assert filed(tape) > BATCHES * BATCH
    tape.close()
    recorded, bare = (
        sqlite_contents(tmp_path / f"{name}.sqlite3") for name in ("recorded", "bare")
    )
    assert bare == recorded
    assert len(bare["outcomes"]) == BATCHES * BATCH
    assert any(bare[name] for name in bare if name.startswith("found_by_words"))


@pytest.fixture
def databases() -> Iterator[list[str]]:
    urls = [postgres.copied_database() for _ in range(2)]
    yield urls
    for url in urls:
        postgres.drop_database(url)


def postgres_contents(url: str) -> dict[str, list[Any]]:
    with psycopg.connect(url) as db:
        db.execute("SET search_path = wiredesk")
        tables = [
            row[0]
            for row in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'wiredesk'")
        ]
        return contents(tables, lambda table: db.execute(f'SELECT * FROM "{table}"').fetchall())  # noqa: S608  (our own names)


def test_the_bare_postgresql_driver_makes_the_same_tables(databases: list[str]) -> None:
    tape = PostgresTape(*databases)
    assert filed(tape) > BATCHES * 5
    tape.close()
    recorded, bare = map(postgres_contents, databases)
    assert bare == recorded
    assert len(bare["outcomes"]) == BATCHES * BATCH
