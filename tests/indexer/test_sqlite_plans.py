"""No statement of the SQLite store's reading half goes through a table from end to end."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import Topic
from services.indexer.store import sqlite_search, sqlite_write
from services.indexer.store.base import Position, Query
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_conditions import FEW
from tests.conformance.stores import naming
from tests.factories import NOON, article_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


A, B = "person:ana", "person:bea"
COPY = NearDuplicate(article_id=article_id(1), share=0.9, direction="same")
STORY = StoryRef(id=article_id(900), articles=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """More articles than are few, so that every way of reading is gone."""
    with SqliteStore(tmp_path_factory.mktemp("plans") / "store.sqlite3") as opened:
        opened.file([naming(n, A, B, story=STORY) for n in range(1, FEW + 20)])
        opened.file([naming(n, B, near_duplicate_of=COPY) for n in range(1000, 1010)])
        ports = Topic(code="user:ports", name="Ports", score=1, assigned_by="model")
        opened.file([naming(2000, B, topics=(ports,))])
        opened.merge([A], B)
        opened.split(A)
        yield opened


def steps(store: SqliteStore, sql: str, values: object = ()) -> list[str]:
    rows = store._db.execute(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]  # a tuple or a dict
    return [str(row[3]) for row in rows]


HARMLESS = (
    # Rows that the statement itself brings, or that another step has found.
    r"SCAN CONSTANT ROW",
    r"SCAN (p|json_each) VIRTUAL TABLE INDEX.*",
    r"SCAN (t|\(subquery-\d+\))",
    # FTS5 calls every look-up a scan; M: it is one by a MATCH, =: of one row.
    r"SCAN (found_by_words|f) VIRTUAL TABLE INDEX \d+:[=<>]*M.*",
)


def scans(plan: list[str]) -> list[str]:
    """What is read from its beginning to its end."""
    scanned = [step for step in plan if step.startswith("SCAN")]
    return [step for step in scanned if not any(re.fullmatch(one, step) for one in HARMLESS)]


def statements(store: SqliteStore, read: Callable[[SqliteStore], object]) -> list[str]:
    """What is asked of the database while ``read`` runs, with the values in it."""
    said: list[str] = []
    store._db.set_trace_callback(said.append)
    try:
        read(store)
    finally:
        store._db.set_trace_callback(None)
    # FTS5 asks its own tables for single rows, by number.
    return [sql for sql in said if not sql.startswith(("BEGIN", "ROLLBACK", "--"))]


CONDITIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "few": {"copy_of": article_id(1)},
    "story": {"story": STORY.id},
    "name": {"entity": "Ana"},
    "key": {"entity": B},
    "topic": {"topic": "medtop:04000000"},
    "topic by name": {"topic": "economy, business and finance"},
    "language": {"language": "en"},
    "source": {"source": "example wire"},
    "times": {"since": NOON - timedelta(days=9), "until": NOON},
    "all": {"entity": "Ana", "topic": "medtop:04000000", "language": "en", "source": "x"},
}
QUERIES = [
    Query(words=words, order=order, **given)
    for words in (None, "quay", "quay -nobody", '"quay 12" OR q*')
    for order in (None, "newest")
    for given in CONDITIONS.values()
]


@pytest.mark.parametrize("after", [None, Position(2**62, 2**40)])
def test_no_list_scans(store: SqliteStore, after: Position | None) -> None:
    read = 0
    for query in QUERIES:
        if after is not None and query.words is not None and query.order is None:
            continue
        for sql in statements(store, partial(SqliteStore.page, query=query, after=after)):
            assert scans(steps(store, sql)) == [], sql
            read += 1
    assert read > len(QUERIES)


def test_no_facets_scan(store: SqliteStore) -> None:
    names: Any = ["topic", "entity", "source", "language", "day"]
    for query in QUERIES:
        for sql in statements(store, partial(SqliteStore.facets, query=query, names=names)):
            assert scans(steps(store, sql)) == [], sql


READS: dict[str, Callable[[SqliteStore], object]] = {
    "get": lambda store: store.get(article_id(1)),
    "record": lambda store: store.record(article_id(1)),
    "version": lambda store: store.version(article_id(1), 1),
    "resolve": lambda store: store.resolve("a"),
    "outcomes": lambda store: list(store.outcomes()),
    "changes": lambda store: store.changes(3, 5),
    "count": lambda store: store.count(),
    "story": lambda store: store.story(STORY.id),
    "stories": lambda store: store.stories(),
    "every story": lambda store: store.stories(articles=1),
    "topics": lambda store: store.topic_counts(),
    "entity": lambda store: store.entity(A),
    "nobody": lambda store: store.entity("person:nobody"),
    "find": lambda store: store.find_entities("be"),
    "suggest": lambda store: store.suggest_entities("a b", kind="PERSON"),
    "co-mentions": lambda store: store.co_mentions(A),
    "timeline": lambda store: store.timeline(A),
    "a part of it": lambda store: store.timeline(A, NOON),
    "registry": lambda store: store.entries("token"),
}


@pytest.mark.parametrize("name", READS)
def test_nothing_else_scans_either(store: SqliteStore, name: str) -> None:
    said = statements(store, READS[name])
    assert said
    for sql in said:
        assert scans(steps(store, sql)) == [], sql


def test_a_scan_would_be_seen(store: SqliteStore) -> None:
    for sql in (
        "SELECT * FROM articles",
        "SELECT count(*) FROM entities WHERE mentions > 3",
        "SELECT rowid FROM found_by_words",
        "SELECT place FROM articles WHERE state = 'live' ORDER BY place DESC LIMIT 2",
    ):
        assert scans(steps(store, sql)) != [], sql


@pytest.mark.parametrize("given", [{}, *({name: "x"} for name in ("source", "language"))])
def test_a_page_is_read_in_the_order_of_its_index(
    store: SqliteStore, given: dict[str, Any]
) -> None:
    (sql,) = [s for s in statements(store, lambda s: s.page(Query(**given))) if "LIMIT 21" in s]
    assert not any("TEMP B-TREE" in step for step in steps(store, sql))


@pytest.mark.parametrize("given", [{"entity": A}, {"entity": "Ana"}, {"topic": "Ports"}])
def test_several_indexes_are_merged_and_not_sorted(
    store: SqliteStore, given: dict[str, Any]
) -> None:
    (sql,) = [s for s in statements(store, lambda s: s.page(Query(**given))) if "LIMIT 21" in s]
    plan = steps(store, sql)
    assert "MERGE (UNION)" in plan
    assert not any("TEMP B-TREE" in step for step in plan)


LOOKUPS = {
    "get": (sqlite_search.DOCUMENT, 1),
    "standing": (sqlite_search.STANDING, 1),
    "versions": (sqlite_search.VERSIONS, 1),
    "version": (sqlite_search.VERSION, 2),
    "outcomes": (sqlite_search.OUTCOMES, 2),
    "changes": (sqlite_search.CHANGES, 2),
    "resolve": (sqlite_search.RESOLVE, 3),
    "reported": (sqlite_write.REPORTED, 2),
    "held": (sqlite_write.HELD, 1),
    "twin": (sqlite_write.TWIN, 2),
    "taken": (sqlite_write.TAKEN, 1),
    "last change": (sqlite_write.LAST_CHANGE, 0),
    "live with": (sqlite_write.LIVE_WITH, 1),
    "first hidden": (sqlite_write.FIRST_HIDDEN, 1),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups_use_an_index_and_sort_nothing(store: SqliteStore, name: str) -> None:
    sql, values = LOOKUPS[name]
    plan = steps(store, sql, ("x",) * values)
    assert any(step.startswith("SEARCH") for step in plan)
    assert not any(step.startswith(("SCAN", "USE TEMP B-TREE")) for step in plan)
