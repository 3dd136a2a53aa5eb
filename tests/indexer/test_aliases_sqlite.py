"""What is SQLite's own about merged entities and stories: plans, speed, tidiness."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from schemas.annotations import StoryRef
from services import effects
from services.indexer.store import (
    sqlite_aliases,
    sqlite_entities,
    sqlite_stories,
)
from services.indexer.store.base import Query
from services.indexer.store.entities import Refused
from services.indexer.store.sqlite import SqliteStore
from tests.conformance.stores import found, naming, shown
from tests.factories import article_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = "person:ana", "person:bea"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.sqlite3") as opened:
        yield opened


def plan(store: SqliteStore, sql: str, values: object) -> str:
    rows = store._db.execute(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]  # a tuple or a dict
    return "\n".join(str(row[3]) for row in rows)


NAMED = {"keys": "[]", "folded": "x", "root": "x", "root_folded": "x", "story": "x"}
LOOKUPS: dict[str, tuple[str, object]] = {
    "root": (sqlite_entities.ROOT, ("x",)),
    "newest with": (sqlite_entities.NEWEST_WITH, ("x", "x")),
    "counts": (sqlite_entities.COUNTS, ("x",)),
    "beginning with": (sqlite_entities.BEGINNING_WITH, {"start": "x", "end": "y", "limit": 1}),
    "story": (sqlite_stories.ROOT, ("x",)),
    "stories": (sqlite_stories.REKEY, NAMED),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups_use_an_index(store: SqliteStore, name: str) -> None:
    steps = plan(store, *LOOKUPS[name])
    assert "SEARCH" in steps
    assert "SCAN" not in steps


KEYED = {
    "articles with": (sqlite_aliases.ARTICLES_WITH, NAMED),
    "rekey": (sqlite_aliases.REKEY, NAMED),
    "move": (sqlite_aliases.MOVE, NAMED),
    "holding": (sqlite_entities.HOLDING, ("[]",)),
}


@pytest.mark.parametrize("name", KEYED)
def test_only_the_list_of_keys_is_read_from_end_to_end(store: SqliteStore, name: str) -> None:
    steps = plan(store, *KEYED[name])
    scans = [step for step in steps.splitlines() if step.startswith("SCAN")]
    assert all(step.startswith("SCAN json_each") for step in scans)
    assert "SEARCH" in steps


def test_what_is_pending_is_found_without_reading_what_was_published(store: SqliteStore) -> None:
    assert "changes_pending" in plan(store, sqlite_aliases.PENDING, (1,))


def test_a_merge_of_many_articles_takes_milliseconds_each_at_most(store: SqliteStore) -> None:
    """Measured: 20 to 30 µs for each; so 100,000 take seconds, while an indexer waits for 10."""
    store.file([naming(n, A) for n in range(1000)])
    store.file([naming(1000, B)])
    started = time.process_time()
    change = store.merge([A], B)
    assert change is not None
    assert change.articles == 1000
    assert time.process_time() - started < 1.0
    assert len(store.search(Query(entity=B, limit=2000))) == 1001


def test_searches_outside_the_store_see_the_key_that_holds(store: SqliteStore) -> None:
    """The file can be read with any SQLite tool; the document's own key stays beside it."""
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    rows = store._db.execute("SELECT key, key_folded FROM entities ORDER BY article").fetchall()
    assert rows == [(A, B), (B, B)]


def test_after_a_split_nothing_of_the_merge_is_left(store: SqliteStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    store.split(A)
    left = "SELECT (SELECT count(*) FROM aliases), (SELECT count(*) FROM targets)"
    assert store._db.execute(left).fetchone() == (0, 0)
    assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_refused_merge_leaves_no_transaction_open(store: SqliteStore) -> None:
    store.file([naming(1, A)])
    with pytest.raises(ValueError, match="into itself"):
        store.merge([A], A)
    assert not store._db.in_transaction
    assert [outcome.outcome for outcome in store.file([naming(2, A)])] == ["indexed"]


def test_each_change_is_announced_before_its_commit(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.file([naming(1, A), naming(2, B)])
    log = tmp_path / "effects"
    monkeypatch.setattr(effects, "_active", [effects.EffectLog(record=log)])
    change = store.merge([A], B)
    assert change is not None
    store.mark_published([change.change_id])
    store.split(A)
    assert log.read_text(encoding="utf-8").splitlines() == [
        "1 indexer.store.change",
        "2 indexer.store.published",
        "3 indexer.store.change",
    ]


def test_a_reader_sees_a_merge_whole_or_not_at_all(store: SqliteStore) -> None:
    store.file([naming(n, A) for n in range(20)])
    store.file([naming(20, B)])
    with SqliteStore(store.path, read_only=True) as reader:
        reader._db.execute("BEGIN")
        assert len(found(reader, entity=B)) == 1
        store.merge([A], B)
        assert len(found(reader, entity=B)) == 1
        reader._db.execute("ROLLBACK")
        assert len(reader.search(Query(entity=B, limit=50))) == 21


def test_keys_that_only_case_tells_apart_are_two(store: SqliteStore) -> None:
    """Enrichment makes no such keys; a foreign producer may."""
    text = naming(1, A).text
    entity = naming(1, A).entities[0]
    store.file(
        [
            naming(1, text=text, entities=(entity.model_copy(update={"key": "x:Ana"}),)),
            naming(2, text=text, entities=(entity.model_copy(update={"key": "x:ana"}),)),
            naming(3, B),
        ]
    )
    change = store.merge(["x:Ana"], B)
    assert change is not None
    assert change.articles == 1
    assert (shown(store, 1), shown(store, 2)) == ([B], ["x:ana"])


def test_a_document_is_kept_as_it_was_filed(store: SqliteStore) -> None:
    gone = StoryRef(id=article_id(50), articles=1)
    first = naming(1, A, story=gone)
    merged = StoryRef(id=article_id(51), articles=2, merged=(gone.id,))
    store.file([first, naming(2, B), naming(3, B, story=merged)])
    store.merge([A], B)
    (document,) = store._db.execute("SELECT document FROM versions WHERE article = 1").fetchone()
    assert json.loads(document) == json.loads(first.model_dump_json())
    assert store.get(article_id(1)) != first


@pytest.mark.parametrize("key", ["person:\u202e", "person:'; --", "💥", "$.x[0]"])
def test_any_key_can_be_merged_and_split(store: SqliteStore, key: str) -> None:
    entity = naming(1, A).entities[0].model_copy(update={"key": key})
    first = naming(1, text="Ana", entities=(entity,))
    store.file([first, naming(2, B)])
    change = store.merge([key], B)
    assert change is not None
    assert (change.keys, change.articles, shown(store, 1)) == ((key,), 1, [B])
    assert set(found(store, entity=key)) == {article_id(1), article_id(2)}
    store.split(key)
    assert store.get(article_id(1)) == first


def test_a_key_with_a_nul_is_nobody_elses_and_refused(store: SqliteStore) -> None:
    entity = naming(1, A).entities[0].model_copy(update={"key": f"{A}\0x"})
    first = naming(1, text="Ana", entities=(entity,))
    store.file([first, naming(2, A), naming(3, B)])
    change = store.merge([A], B)
    assert change is not None
    assert change.articles == 1
    assert store.get(article_id(1)) == first
    with pytest.raises(Refused, match="NUL"):
        store.merge([f"{A}\0x"], B)


def test_the_database_holds_what_the_code_says(store: SqliteStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    with pytest.raises(sqlite3.IntegrityError):
        store._db.execute("INSERT INTO aliases SELECT * FROM aliases")
