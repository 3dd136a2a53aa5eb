"""The PostgreSQL store's own parts: texts, months, plans, many at once."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from services.indexer.store import postgres_partitions
from services.indexer.store.base import Query
from services.indexer.store.places import BITS, place_at
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.postgres_pool import given, stored
from tests import postgres
from tests.conformance.stores import filed, found, naming, version
from tests.factories import NOON, article_id, drop_id, make_drop, make_enriched, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import Change


@pytest.fixture
def url() -> Iterator[str]:
    """A store with nothing in it."""
    new = postgres.new_database()
    yield new
    postgres.recycle(new)


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with PostgresStore(url) as opened:
        yield opened


def rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO wiredesk")
        return connection.execute(sql.SQL(statement)).fetchall()


def of_text(number: int, text: str, **over: Any) -> EnrichedArticle:
    """An article that consists of ``text``."""
    drop = make_drop(drop_id=drop_id(number), file=f"{number}.txt")
    fields = {"entities": (), "content_hash": sha256(f"{number}"), "headline": f"Quay {number}"}
    return make_enriched(drop=drop, article_id=article_id(number), text=text, **(fields | over))


# --- texts that PostgreSQL doesn't take as they are ----------------------------------------------


@pytest.mark.parametrize("text", ["", "plain", "a\0b", "\ufffe", "\ufffe0\0\ufffe1", "é\u202e北"])
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert given(stored(text)) == text
    assert b"\0" not in stored(text)


def test_nuls_in_names_headlines_and_documents_are_kept(store: PostgresStore) -> None:
    article = of_text(1, "Ana\0Bea said \ufffe no", headline="Quay\0 \ufffe0", provider="A\0 wire")
    store.file([article])
    assert store.get(article_id(1)) == article
    (hit,) = store.search(Query(source="a\0 wire"))
    assert (hit.headline, hit.source) == ("Quay\0 \ufffe0", "A\0 wire")
    assert store.put("token", "a\0b", '{"x": "\0"}')
    assert store.entries("token") == {"a\0b": '{"x": "\0"}'}


def test_keys_names_and_words_of_any_length_are_filed_and_found(store: PostgresStore) -> None:
    """An entry of an index has 2,704 bytes at most."""
    long = "é" * 9000
    word = "w" * 9000
    store.file([naming(1, f"person:{long}1", f"person:{long}2"), of_text(2, f"{word} quay")])
    assert found(store, entity=f"person:{long}1") == [article_id(1)]
    assert found(store, entity=f"person:{long}3") == []
    assert found(store, word) == [article_id(2)]
    known = store.entity(f"person:{long}2")
    assert known is not None
    assert known.articles == 1
    store.file([of_text(3, "x", provider=long)])
    assert found(store, source=long.upper()) == [article_id(3)]


# --- long articles ---------------------------------------------------------------------------


def test_eight_megabytes_of_text_are_filed_and_found_by_any_of_their_words(
    store: PostgresStore,
) -> None:
    words = [f"w{number:x}" for number in range(60_000)]
    text = "\n".join([*words, "a quay wall moved by the ferries " * 240_000, "very last bridge"])
    assert len(text) > 8_000_000
    store.file([of_text(1, text), of_text(2, "the bridge w5")])
    for word in ("w0", "w3e8", "wea5f", "wea5*", '"w3e7 w3e8"', '"very last bridge"'):
        assert found(store, word) == [article_id(1)], word
    assert set(found(store, "bridge")) == {article_id(1), article_id(2)}
    # What is asked for together may stand far apart.
    assert found(store, "w1 wea5f bridge") == [article_id(1)]
    assert found(store, "bridge NOT wea5f") == [article_id(2)]
    assert found(store, "(nothing OR wbbbb) quay") == [article_id(1)]


def test_a_phrase_with_a_very_frequent_word_is_found_wherever_it_stands(
    store: PostgresStore,
) -> None:
    """The server keeps 255 places of a word."""
    store.file([of_text(1, "the quay " * 2000 + "the bridge " + "the toll " * 2000)])
    for phrase in ('"the bridge"', '"quay the bridge the toll"', '"the toll the toll"'):
        assert found(store, phrase) == [article_id(1)], phrase
    assert found(store, '"bridge toll"') == []


def test_a_long_article_that_became_short_is_found_by_what_it_says_now(
    store: PostgresStore,
) -> None:
    first = of_text(1, "storm " * 9000, revision=1, revision_basis="version")
    drop = make_drop(drop_id=drop_id(2), file="2.txt")
    now = {"drop": drop, "revision": 2, "content_hash": sha256("2"), "text": "calm", "sections": ()}
    store.file([first])
    store.file([first.model_copy(update=now)])
    assert found(store, "storm") == []
    assert found(store, "calm") == [article_id(1)]


# --- months ----------------------------------------------------------------------------------


def dated(number: int, days: float) -> EnrichedArticle:
    """An article that was published so many days before noon."""
    return of_text(number, f"quay {number}", published_at=NOON - timedelta(days=days))


def test_each_month_has_a_partition_and_all_versions_lie_in_the_first_ones(
    url: str, store: PostgresStore
) -> None:
    store.file([dated(1, 0), dated(2, 40), dated(3, 365 * 60)])
    held = "SELECT tableoid::regclass::text, count(*) FROM versions GROUP BY 1 ORDER BY 1"
    months = ["versions_2026_01", "versions_2026_03", "versions_before_1995_01"]
    assert rows(url, held) == [(month, 1) for month in months]

    later = dated(2, 0).model_copy(
        update={
            "drop": make_drop(drop_id=drop_id(9), file="9.txt"),
            "revision": 2**50,
            "content_hash": sha256("9"),
        }
    )
    assert filed(store, later) == ["updated"]
    assert dict(rows(url, held)) == dict.fromkeys(months, 1) | {"versions_2026_01": 2}


def test_a_search_between_two_times_looks_at_the_months_between_them_only(
    url: str, store: PostgresStore
) -> None:
    store.file([dated(number, 31 * number) for number in range(24)])
    words = Query(words="quay", since=NOON - timedelta(days=70), until=NOON - timedelta(days=40))
    plans = explained(url, lambda: store.page(words))
    searched = [plan for plan in plans if "found_by_words" in plan]
    assert searched
    for plan in searched:
        assert "found_by_words_2025_12" in plan or "found_by_words_2026_01" in plan
        assert "found_by_words_2026_03" not in plan
        assert "found_by_words_2025_06" not in plan


def test_a_month_can_be_detached_and_the_others_are_found_as_before(
    url: str, store: PostgresStore
) -> None:
    store.file([dated(1, 0), dated(2, 40)])
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("versions", "found_by_words"):
            old = f"wiredesk.{table}_2026_01"
            connection.execute(f"ALTER TABLE wiredesk.{table} DETACH PARTITION {old}")
    assert found(store, "quay") == [article_id(1)]
    assert found(store) == [article_id(1)]
    assert store.get(article_id(2)) is None
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("versions", "found_by_words"):
            connection.execute(f"DROP TABLE wiredesk.{table}_2026_01")


# --- plans -----------------------------------------------------------------------------------


@contextmanager
def noting() -> Iterator[list[tuple[Any, Any]]]:
    """Every statement that is executed, with its values."""
    noted: list[tuple[Any, Any]] = []
    original = psycopg.Cursor.execute

    def execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        noted.append((query, params))
        return original(self, query, params, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        yield noted


def explained(url: str, ask: Callable[[], object]) -> list[str]:
    """The plans of every query that ``ask`` makes, with the values that it was made with."""
    with noting() as noted:
        ask()
    queries = [(text, values) for text, values in noted if "SELECT" in str(text)]
    assert queries
    plans = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO wiredesk")
        connection.execute("SET random_page_cost TO 1.1")
        for text, values in queries:
            plan = connection.execute(sql.SQL("EXPLAIN " + text), values)
            plans.append("\n".join(row[0] for row in plan))
    return plans


LARGE = ("articles", "versions", "outcomes", "found_by_words", "entities", "lineage", "topics")


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[str, PostgresStore]]:
    """Some thousands of articles with names that are frequent, rare, and everything between."""
    url = postgres.copied_database()
    with PostgresStore(url) as store:
        for start in range(0, FILED, 500):
            store.file([spread(number) for number in range(start, start + 500)])
        _multiply(url)
        yield url, store
    postgres.drop_database(url)


FILED, TIMES = 1000, 40
"""The articles that are filed are written again so often by SQL, each time a day earlier."""


def _multiply(url: str) -> None:
    """Forty thousand articles: in small tables the server rightly reads all."""
    day = FILED * 60_000 << BITS
    places = range(place_at(NOON, 0) - TIMES * day, place_at(NOON, 0), day)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO wiredesk")
        postgres_partitions.ensure(connection, places)
        for table, columns in MULTIPLIED.items():
            names = [row[0] for row in connection.execute(COLUMNS, (table,))]
            chosen = ", ".join(columns.get(name, SHIFTED.get(name, name)) for name in names)
            connection.execute(
                sql.SQL(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} "  # noqa: S608  (all is ours)
                    f"FROM {table}, generate_series(1, {TIMES}) AS k"
                ),
                {"day": day},
            )
        connection.execute("ANALYZE")


COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
"""

SHIFTED = {"article": "article + 1000 * k", "place": "place - %(day)s * k"}

MULTIPLIED = {
    "articles": {
        "seq": "seq + 1000 * k",
        "change": "change + 1000 * k",
        "current": "current + 1000 * k",
        "article_id": "md5(article_id || k)",
        "content_hash": "md5(content_hash || k)",
    },
    "versions": {"seq": "seq + 1000 * k"},
    "outcomes": {"seq": "seq + 1000 * k", "article_id": "md5(article_id || k)"},
    "found_by_words": {},
    "entities": {},
    "lineage": {},
    "topics": {},
}


def spread(number: int) -> EnrichedArticle:
    keys = [f"person:p{number % 10}", f"person:q{number % 700}", f"org:o{number}"]
    return naming(
        number,
        *keys,
        published_at=NOON - timedelta(minutes=number),
        headline=f"Quay {number % 30} storm{number % 300}",
        provider=f"Wire {number % 40}",
    )


ASKED: dict[str, Query] = {
    "all": Query(),
    "frequent word": Query(words="quay", order="newest"),
    "frequent word, best": Query(words="quay"),
    "rare word": Query(words="storm7"),
    "phrase": Query(words='"quay 7"'),
    "beginning": Query(words="storm7*"),
    "frequent entity": Query(entity="person:p3"),
    "rare entity": Query(entity="org:o500"),
    "name": Query(entity="P3"),
    "topic": Query(topic="medtop:04000000"),
    "source": Query(source="wire 7"),
    "language": Query(language="en"),
    "span": Query(since=NOON - timedelta(days=3), until=NOON - timedelta(days=2)),
    "entity and word": Query(words="storm7", entity="person:p7"),
}


@pytest.mark.parametrize("query", ASKED.values(), ids=ASKED)
def test_no_search_reads_a_large_table_from_end_to_end(
    filled: tuple[str, PostgresStore], query: Query
) -> None:
    url, store = filled
    for plan in explained(url, lambda: store.page(query)):
        assert scanned(plan) == [], plan


def test_neither_does_anything_else_that_reads(filled: tuple[str, PostgresStore]) -> None:
    url, store = filled
    asks = (
        lambda: store.get(article_id(7)),
        lambda: store.record(article_id(7)),
        lambda: store.version(article_id(7), 1),
        lambda: store.resolve("8f1"),
        lambda: store.changes(900, 50),
        lambda: store.entity("person:p3"),
        lambda: store.find_entities("p3"),
        lambda: store.suggest_entities("o15"),
        store.stories,
        store.count,
        lambda: store.facets(Query(), ["topic", "entity", "source"]),
        lambda: next(store.outcomes()),
    )
    for ask in asks:
        for plan in explained(url, ask):
            assert scanned(plan) == [], plan


def scanned(plan: str) -> list[str]:
    """The large tables that a plan reads from end to end."""
    lines = [line.partition("Seq Scan on ")[2] for line in plan.splitlines()]
    return [line for line in lines if line.startswith(LARGE)]


# --- several at once ---------------------------------------------------------------------------


def test_changes_that_are_read_while_two_write_are_all_of_them(url: str) -> None:
    """Positions are committed in their order, so whoever reads on misses none."""
    seen: list[Change] = []
    with closing(PostgresStore(url)) as one, closing(PostgresStore(url)) as other:
        threads = [
            threading.Thread(target=_file_some, args=(store, first))
            for store, first in ((one, 0), (other, 1000))
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) or len(seen) < 120:
            after = seen[-1].position if seen else 0
            seen += one.changes(after, 7)
    assert {change.article_id for change in seen} == {
        article_id(first + number) for first in (0, 1000) for number in range(60)
    }
    assert len(seen) == 120


def _file_some(store: PostgresStore, first: int) -> None:
    for number in range(60):
        store.file([version(first + number, content=f"{first + number}")])


def test_readers_do_not_wait_for_a_writer(store: PostgresStore) -> None:
    store.file([version(1)])
    with store._connections.writing("test") as db:
        db.execute("UPDATE articles SET revision = 7")
        assert [hit.revision for hit in store.search(Query())] == [1]


def test_a_batch_takes_few_round_trips(store: PostgresStore) -> None:
    """A hundred new articles of one month cost about as many statements as one."""
    counted = []
    for start, size in ((0, 1), (1000, 100)):
        with noting() as noted:
            store.file([version(start + n, content=f"{start + n}") for n in range(size)])
        counted.append(len(noted))
    assert counted[0] > 5
    assert counted[1] < 40
