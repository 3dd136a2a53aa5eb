"""From what readers find to what the store holds: versions, whichever formats bring them."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from schemas.article import Drop, EnrichedArticle, Language, ReaderInfo
from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_migrations import MIGRATIONS
from services.indexer.store.sqlite_schema import APPLICATION_ID
from services.ingest.identity import assemble
from services.ingest.readers.base import ReadArticle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
URN = "urn:newsml:wire.example:20261120:LAMP"
PAGE = "https://news.example/2026/lighthouse-lit-again"
STORY = ReadArticle(
    position=1,
    headline="Lighthouse lit again",
    body=("The lamp turns.",),
    info=ReaderInfo(name="test", version="1", format="test"),
    provider="Example Wire",
)


def minutes(number: float) -> datetime:
    """The time so many minutes after noon."""
    return NOON + timedelta(minutes=number)


class Wire:
    """Drops articles one after the other, a minute apart, and files them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path)
        self._number = count(1)

    def drop(self, article: ReadArticle, *, received: datetime | None = None) -> str:
        """The outcome of one article in a file of its own."""
        number = next(self._number)
        drop = Drop(
            drop_id=UUID(int=number),
            inbox_id=UUID(int=0),
            file=f"{number}.xml",
            content_sha256=hashlib.sha256(repr(article).encode()).hexdigest(),
            size=10,
            position=1,
            received_at=received or minutes(number),
        )
        raw = assemble(article, drop, drop.received_at + timedelta(seconds=1))
        fields = {name: getattr(raw, name) for name in type(raw).model_fields}
        enriched = EnrichedArticle(
            **fields,
            detected_language=Language(code="en", confidence=1.0),
            provenance=(),
            enriched_at=drop.received_at + timedelta(seconds=2),
        )
        (outcome,) = self.store.file([enriched])
        return outcome.outcome

    def drops(self, *articles: ReadArticle) -> list[str]:
        """The outcomes of articles, each in a file of its own."""
        return [self.drop(article) for article in articles]

    def found(self) -> list[str | None]:
        """The headlines that a search finds."""
        return [hit.headline for hit in self.store.search(Query())]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    opened = Wire(tmp_path / "store.sqlite3")
    with opened.store:
        yield opened


def story(version: int | None = None, *, text: str = "The lamp turns.", **more: Any) -> ReadArticle:
    """The story under its guid, as NewsML-G2 and ninjs give it."""
    return replace(STORY, body=(text,), **{"provider_id": URN, "version": version} | more)


# --- The same story in several formats --------------------------------------------------------


def test_a_story_in_five_formats_is_one_article_that_is_indexed_once(wire: Wire) -> None:
    formats = [
        story(provider_id=f"{URN}:2U", provider="wire.example"),
        story(2),
        story(2, provider="Example Wire Ltd"),
        story(updated_at=minutes(0)),
        story(provider_id=f"{URN}:2", version=2),
    ]
    outcomes = wire.drops(*formats)
    assert outcomes[:3] == ["indexed", "unchanged", "unchanged"]
    # What was made at noon is no news beside version 2, which came a minute later.
    assert outcomes[3:] == ["superseded", "unchanged"]
    assert wire.found() == ["Lighthouse lit again"]


def test_a_feed_whose_guid_is_the_permalink_is_the_article_of_the_page(wire: Wire) -> None:
    feed = replace(STORY, provider_id=PAGE, url=f"{PAGE}?utm_source=rss")
    page = replace(STORY, url=PAGE)
    assert wire.drops(feed, page) == ["indexed", "unchanged"]


def test_a_wire_and_a_feed_of_one_article_correct_each_other(wire: Wire) -> None:
    """One gives numbers, the other times: both are heard in the order in which they were made."""
    assert wire.drops(
        story(1, updated_at=minutes(-30)),
        story(updated_at=minutes(-20), text="The lamp turns slowly."),
        story(2, updated_at=minutes(-10), text="The lamp stands."),
        story(updated_at=minutes(-15), text="The lamp flickers."),
    ) == ["indexed", "updated", "updated", "superseded"]


# --- Versions ---------------------------------------------------------------------------------


def test_a_second_version_is_an_update_and_the_first_again_is_superseded(wire: Wire) -> None:
    first, second = story(1), story(2, text="The lamp stands.")
    assert wire.drops(first, second, first) == ["indexed", "updated", "superseded"]


def test_only_another_title_is_an_update(wire: Wire) -> None:
    retitled = replace(STORY, headline="Lighthouse lit at last")
    assert wire.drops(STORY, retitled) == ["indexed", "updated"]


def test_another_title_of_the_same_guid_is_an_update(wire: Wire) -> None:
    assert wire.drops(story(1), story(2, headline="Another")) == ["indexed", "updated"]
    assert wire.found() == ["Another"]


@pytest.mark.parametrize(
    "article",
    [STORY, story(2), story(updated_at=minutes(-5)), replace(STORY, url=PAGE)],
    ids=["text", "version", "time", "page"],
)
def test_the_same_bytes_twice_are_unchanged(wire: Wire, article: ReadArticle) -> None:
    assert wire.drops(article, article) == ["indexed", "unchanged"]


def test_the_same_text_under_two_addresses_is_a_duplicate(wire: Wire) -> None:
    pages = (replace(STORY, url=f"https://{host}.example/lamp") for host in ("a", "b"))
    assert wire.drops(*pages) == ["indexed", "duplicate"]
    assert wire.found() == ["Lighthouse lit again"]


def test_a_wrong_year_does_not_hold_the_place_against_corrections(wire: Wire) -> None:
    wrong = story(updated_at=datetime(2062, 11, 20, tzinfo=UTC))
    right = story(updated_at=minutes(1.5), text="The lamp stands.")
    assert wire.drops(wrong, right) == ["indexed", "updated"]


# --- Cancellations ----------------------------------------------------------------------------


def notice(version: int | None = None) -> ReadArticle:
    """A cancellation without a word of text."""
    return replace(story(version, withdrawn=True, headline=None), body=())


def test_a_cancelled_article_is_withdrawn_and_no_longer_found(wire: Wire) -> None:
    assert wire.drops(story(2), notice(3)) == ["indexed", "withdrawn"]
    assert wire.found() == []


def test_a_cancellation_that_comes_first_keeps_the_article_out(wire: Wire) -> None:
    assert wire.drops(notice(3), story(2), story(3)) == ["withdrawn", "superseded", "superseded"]
    assert wire.found() == []
    assert wire.drop(story(4)) == "indexed"


def test_a_cancellation_of_the_very_version_counts_in_either_order(wire: Wire) -> None:
    """``pubStatus`` changes and the version doesn't."""
    assert wire.drops(story(2), notice(2), story(2)) == ["indexed", "withdrawn", "superseded"]


@pytest.mark.parametrize("format_of_notice", ["number", "time", "neither"])
def test_a_notice_in_one_format_withdraws_the_article_of_another(
    wire: Wire, format_of_notice: str
) -> None:
    gone = {
        "number": notice(9),
        "time": replace(notice(), updated_at=minutes(1.5)),
        "neither": notice(),
    }[format_of_notice]
    assert wire.drops(story(updated_at=minutes(-5)), gone) == ["indexed", "withdrawn"]
    assert wire.drop(story(updated_at=minutes(-5))) == "superseded"


def test_a_notice_of_a_page_withdraws_what_the_feed_brought(wire: Wire) -> None:
    gone = replace(notice(), provider_id=None, url=PAGE)
    assert wire.drops(replace(STORY, provider_id=PAGE), gone) == ["indexed", "withdrawn"]


def test_two_empty_notices_are_two_withdrawals_and_no_duplicates(wire: Wire) -> None:
    other = replace(notice(3), provider_id=URN + "-2")
    assert wire.drops(notice(3), other, notice(3)) == ["withdrawn"] * 3


def test_a_withdrawn_article_keeps_its_record_without_a_headline_of_the_notice(
    wire: Wire,
) -> None:
    wire.drops(story(2), notice(3))
    (article_id,) = wire.store.resolve("", limit=2)
    record = wire.store.record(article_id)
    assert record is not None
    assert [(v.revision, v.withdrawn, v.headline) for v in record.versions] == [
        (2, False, "Lighthouse lit again"),
        (3, True, None),
    ]


# --- Stores of before -------------------------------------------------------------------------


def keys(store: SqliteStore) -> list[tuple[object, ...]]:
    ordered = "SELECT article_id, numbered, moment, number FROM articles ORDER BY seq"
    return store._db.execute(ordered).fetchall()


GONE = {"newest_at": "received_at", "code_folded": "lower(code)", "name_folded": "lower(name)"}
"""Columns of version 1 that are there no more, made of those that are."""


def as_version_1(path: Path) -> None:
    """Lay a store out anew as version 1 had it, with the rows that it holds."""
    newer = path.rename(path.with_suffix(".newer"))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for statement in MIGRATIONS[0]:
            assert isinstance(statement, str)
            db.execute(statement)
        db.execute("ATTACH ? AS newer", (str(newer),))
        for table in ("articles", "versions", "outcomes", "entities", "topics"):
            columns = _columns(db, f"main.{table}")
            held = set(_columns(db, f"newer.{table}"))
            given = [name if name in held else GONE[name] for name in columns]
            rows = f"SELECT {', '.join(given)} FROM newer.{table}"  # noqa: S608  (our own names)
            db.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) {rows}")
        db.execute("INSERT INTO found_by_words (found_by_words) VALUES ('rebuild')")
        db.execute("PRAGMA user_version = 1")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    schema, _, name = table.partition(".")
    return [row[1] for row in db.execute(f"PRAGMA {schema}.table_info({name})")]


def test_a_store_of_the_first_version_learns_what_orders_its_versions(wire: Wire) -> None:
    made = datetime(2026, 11, 20, 11, 59, 58, 123_456, tzinfo=UTC)
    wire.drops(
        story(3, updated_at=made),
        story(4, provider_id=URN + "-2", text="Without a time."),
        story(5, provider_id=URN + "-3", updated_at=minutes(300), text="Ahead."),
        replace(STORY, updated_at=made, headline="By its text"),
        replace(STORY, url=PAGE, headline="By its page"),
    )
    before = keys(wire.store)
    assert [row[1] for row in before] == [1, 1, 1, 0, 0]
    wire.store.close()
    as_version_1(wire.path)
    with SqliteStore(wire.path) as migrated:
        assert keys(migrated) == before
