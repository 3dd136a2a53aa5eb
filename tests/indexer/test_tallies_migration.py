"""Stores of the release before are brought up to date: their outcomes are counted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from schemas.events import Outcome, Timings
from services.indexer.store import postgres_migrate, sqlite_schema
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.postgres_pool import SCHEMA, stored
from services.indexer.store.postgres_schema import MIGRATIONS as POSTGRES
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_migrations import MIGRATIONS as SQLITE
from services.indexer.store.tallies import HOUR, TallyRow
from tests import postgres
from tests.factories import NOON, article_id, at, drop_id, make_drop, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    import pytest

    from services.indexer.store.base import ArticleStore

INBOX = make_drop().inbox_id
HOUR_OF_NOON = int(NOON.timestamp()) // HOUR
SQLITE_BEFORE, POSTGRES_BEFORE = 4, 1
"""The versions that counted nothing."""

MANY = 1100
"""More outcomes than are read at once while a server's store is filled."""


def old_outcome(number: int, kind: str = "indexed") -> Outcome:
    """As the release before kept it: without a source."""
    drop = make_drop(drop_id=drop_id(number), received_at=at(number % 2 * 3600 + 0.25))
    return Outcome.model_validate(
        {
            "drop": drop,
            "article_id": article_id(number),
            "revision": 1,
            "outcome": kind,
            "headline": "a\x00b",
            "timings": Timings(received_at=drop.received_at, filed_at=at(1)),
        }
    )


OUTCOMES = [
    *(old_outcome(number) for number in range(1, MANY)),
    old_outcome(MANY, "duplicate"),
]
COUNTED = {
    TallyRow(str(INBOX), HOUR_OF_NOON, "", "indexed", MANY // 2 - 1),
    TallyRow(str(INBOX), HOUR_OF_NOON + 1, "", "indexed", MANY // 2),
    TallyRow(str(INBOX), HOUR_OF_NOON, "", "duplicate", 1),
}


def rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[int, str, str, str, str]]:
    for number, each in enumerate(outcomes, start=1):
        document = each.model_dump_json(exclude={"source"})
        ids = str(each.drop.drop_id), str(each.article_id)
        yield number, *ids, each.outcome, document


def check(store: ArticleStore) -> None:
    assert set(store.tally().rows) == COUNTED
    assert store.tally().last == MANY
    assert [each.outcome for each in store.outcomes()] == [each.outcome for each in OUTCOMES]
    again = make_enriched(drop=OUTCOMES[0].drop, article_id=OUTCOMES[0].article_id)
    assert store.file([again]) == [OUTCOMES[0]], "what was reported first is reported again"
    store.file([make_enriched(drop=make_drop(drop_id=drop_id(MANY + 1)))])
    (new,) = set(store.tally().rows) - COUNTED
    assert new == TallyRow(str(INBOX), HOUR_OF_NOON, "Example Wire", "indexed", 1)


def test_a_sqlite_store_of_version_4_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in (step for steps in SQLITE[:SQLITE_BEFORE] for step in steps):
            if isinstance(step, str):
                db.execute(step)
            else:
                step(db)
        db.execute(f"PRAGMA user_version = {SQLITE_BEFORE}")
        db.execute(f"PRAGMA application_id = {sqlite_schema.APPLICATION_ID}")
        statement = "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)"
        db.execute("BEGIN")
        db.executemany(statement, list(rows(OUTCOMES)))
        db.execute("COMMIT")
    with SqliteStore(path) as store:
        check(store)


def test_a_postgres_store_of_version_1_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.empty_database()
    with monkeypatch.context() as patch:
        patch.setattr(postgres_migrate, "MIGRATIONS", POSTGRES[:POSTGRES_BEFORE])
        PostgresStore(url).close()
    with psycopg.connect(url) as db, db.cursor() as cursor:
        cursor.execute(f"SET search_path = {SCHEMA}")
        statement = "INSERT INTO outcomes VALUES (%s, %s, %s, %s, %s)"
        escaped = [(*row[:-1], stored(row[-1]).decode()) for row in rows(OUTCOMES)]
        cursor.executemany(statement, escaped)
    with PostgresStore(url) as store:
        check(store)


def test_rows_that_are_changed_by_hand_are_counted_on_a_server_too() -> None:
    """Whatever search path whoever does it has: the function of the trigger has its own."""
    url = postgres.new_database()
    with PostgresStore(url) as store:
        store.file(
            [
                make_enriched(
                    drop=make_drop(drop_id=drop_id(n)), article_id=article_id(n), text=f"t {n}"
                )
                for n in (1, 2, 3)
            ]
        )
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("DELETE FROM wiredesk.outcomes WHERE seq = 1")
            db.execute("UPDATE wiredesk.outcomes SET outcome = 'updated' WHERE seq = 2")
        assert store.totals() == {str(INBOX): {"indexed": 1, "updated": 1}}
    postgres.recycle(url)


def test_rows_that_are_changed_by_hand_are_counted_in_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with SqliteStore(path) as store:
        names: list[UUID] = [article_id(n) for n in (1, 2, 3)]
        store.file(
            [
                make_enriched(drop=make_drop(drop_id=drop_id(n)), article_id=name, text=f"t {n}")
                for n, name in enumerate(names)
            ]
        )
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM outcomes WHERE seq = 1")
            db.execute("UPDATE outcomes SET outcome = 'updated' WHERE seq = 2")
        assert store.totals() == {str(INBOX): {"indexed": 1, "updated": 1}}
        assert {row.outcome for row in store.tally().rows} == {"indexed", "updated"}
