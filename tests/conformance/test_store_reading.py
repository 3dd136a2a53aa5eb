"""Versions, changes, stories, sources and times, on every store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import Topic
from services.indexer.store.base import Query
from tests.conformance.stores import filed, found, naming, version
from tests.factories import NOON, article_id, at, drop_id, make_drop, sha256

if TYPE_CHECKING:
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore
    from tests.conformance.stores import Desk

A, B = "person:ana", "person:bea"


def story(number: int) -> UUID:
    return article_id(900 + number)


def on(number: int, told: int, *gone: int, **over: Any) -> EnrichedArticle:
    """An article of a story, which says that others are the same."""
    ref = StoryRef(id=story(told), articles=1, merged=tuple(story(each) for each in gone))
    return naming(number, A, story=ref, **over)


def dated(number: int, days: float, **over: Any) -> EnrichedArticle:
    drop = make_drop(drop_id=drop_id(number * 1000), received_at=at(number))
    when = NOON + timedelta(days=days)
    return naming(number, A, drop=drop, **({"published_at": when} | over))


# --- Versions ---------------------------------------------------------------------------------


def test_every_version_is_read_as_it_was_filed(store: ArticleStore) -> None:
    versions = [version(1, n, f"number {n}") for n in (1, 2, 3)]
    store.file(versions)
    assert [store.version(article_id(1), n) for n in (1, 2, 3)] == versions
    record = store.record(article_id(1))
    assert record is not None
    assert [each.number for each in record.versions] == [1, 2, 3]
    assert [each.headline for each in record.versions] == [v.headline for v in versions]


@pytest.mark.parametrize("number", [0, -1, 4, 2**31, 2**63, 10**30])
def test_there_is_no_other_version(store: ArticleStore, number: int) -> None:
    store.file([version(1, n, f"number {n}") for n in (1, 2, 3)])
    assert store.version(article_id(1), number) is None
    assert store.version(article_id(9), 1) is None


def test_no_version_of_a_withdrawn_article_is_given(store: ArticleStore) -> None:
    store.file([version(1, 1), version(1, 2, "second"), version(1, 3, withdrawn=True)])
    assert [store.version(article_id(1), n) for n in (1, 2, 3)] == [None] * 3
    store.file([version(1, 4, "fourth")])
    assert store.version(article_id(1), 1) == version(1, 1)


def test_a_version_keeps_its_keys_whatever_was_merged(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    assert store.version(article_id(1), 1) == naming(1, A)
    assert store.get(article_id(1)) != naming(1, A)


def test_the_versions_of_a_duplicate_can_be_read(store: ArticleStore) -> None:
    twin = version(2, 1).model_copy(update={"content_hash": version(1, 1).content_hash})
    assert filed(store, version(1, 1), twin) == ["indexed", "duplicate"]
    assert store.version(article_id(2), 1) == twin


# --- Changes ----------------------------------------------------------------------------------


def told(store: ArticleStore, after: int = 0) -> list[tuple[UUID, str, int]]:
    return [(c.article_id, c.state, c.revision) for c in store.changes(after)]


def test_changes_come_in_the_order_of_filing(store: ArticleStore) -> None:
    store.file([version(1), version(2, content="second")])
    store.file([version(3, content="third")])
    assert told(store) == [(article_id(n), "live", 1) for n in (1, 2, 3)]
    positions = [change.position for change in store.changes()]
    assert positions == sorted(set(positions))
    assert [change.filed_at for change in store.changes()] == [at(1000), at(1000), at(1001)]


def test_of_each_article_the_latest_change_is_told(store: ArticleStore) -> None:
    store.file([version(1), version(2, content="second")])
    last = store.changes()[-1].position
    store.file([version(1, 2, "new")])
    assert told(store, last) == [(article_id(1), "live", 2)]
    assert told(store) == [(article_id(2), "live", 1), (article_id(1), "live", 2)]


def test_withdrawals_duplicates_and_what_is_let_in_are_changes(store: ArticleStore) -> None:
    twin = version(2, 1).model_copy(update={"content_hash": version(1, 1).content_hash})
    store.file([version(1), twin])
    assert told(store) == [(article_id(1), "live", 1), (article_id(2), "duplicate", 1)]
    last = store.changes()[-1].position
    store.file([version(1, 2, withdrawn=True)])
    assert told(store, last) == [(article_id(1), "withdrawn", 2), (article_id(2), "live", 1)]


@pytest.mark.parametrize(
    "again",
    [version(1, 3, drop=77), version(1, 1, "older", drop=78), version(1, 2, drop=1002)],
    ids=["unchanged", "superseded", "filed before"],
)
def test_what_changes_neither_standing_nor_content_is_no_change(
    store: ArticleStore, again: EnrichedArticle
) -> None:
    store.file([version(1, 2)])
    (before,) = store.changes()
    store.file([again])
    (after,) = store.changes()
    assert after.position == before.position


def test_changes_are_read_on_from_any_position(store: ArticleStore) -> None:
    store.file([version(n, content=f"{n}") for n in range(1, 8)])
    seen: list[UUID] = []
    after = 0
    while page := store.changes(after, 3):
        seen += [change.article_id for change in page]
        after = page[-1].position
    assert seen == [article_id(n) for n in range(1, 8)]
    assert list(store.changes(0, 0)) == []
    assert list(store.changes(after)) == []


def test_a_reader_of_changes_misses_none_while_they_are_written(place: Desk) -> None:
    writer, reader = place.open(), place.open()
    latest: dict[UUID, tuple[str, int]] = {}
    after = 0
    for n in range(1, 30):
        kind = {"withdrawn": True} if n % 5 == 0 else {}
        writer.file([version(n % 7, n, f"content {n}", **kind)])
        if n % 3 == 0:
            for change in reader.changes(after, 2):
                latest[change.article_id] = (change.state, change.revision)
                after = change.position
    while page := reader.changes(after, 2):
        latest |= {change.article_id: (change.state, change.revision) for change in page}
        after = page[-1].position
    for one, (state, revision) in latest.items():
        record = writer.record(one)
        assert record is not None
        assert (record.state, record.versions[-1].revision) == (state, revision)
    assert len(latest) == 7


# --- Stories ----------------------------------------------------------------------------------


def test_a_story_is_told_with_its_articles_times_and_sources(store: ArticleStore) -> None:
    ref = StoryRef(id=story(1), articles=3)
    store.file(
        [
            dated(1, -1, story=ref, provider="Wire"),
            dated(2, -3, story=ref, provider="WIRE"),
            dated(3, -2, story=ref, provider="Other"),
            dated(4, -1, story=ref, provider=None),
            dated(5, 0),
        ]
    )
    one = store.story(story(1))
    assert one is not None
    assert (one.story_id, one.articles, one.headline, one.sources) == (story(1), 4, "Quay 2", 2)
    assert (one.first_at, one.last_at) == (NOON - timedelta(days=3), NOON - timedelta(days=1))
    assert store.story(story(2)) is None


def test_stories_come_with_the_newest_article_first(store: ArticleStore) -> None:
    def of(number: int, days: float, which: int) -> EnrichedArticle:
        return dated(number, days, story=StoryRef(id=story(which), articles=1))

    store.file([of(1, -9, 1), of(2, -1, 1), of(3, -2, 2), of(4, -3, 2), of(5, -4, 2), of(6, 0, 3)])
    assert [each.story_id for each in store.stories()] == [story(1), story(2)]
    assert [each.story_id for each in store.stories(articles=3)] == [story(2)]
    every = [each.story_id for each in store.stories(articles=1)]
    assert every == [story(3), story(1), story(2)]
    assert [each.story_id for each in store.stories(1)] == [story(1)]
    assert list(store.stories(0)) == list(store.stories(articles=9)) == []


def test_a_gone_id_tells_the_story_that_it_is_part_of(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 2)])
    store.file([on(3, 2, 1)])
    assert store.story(story(1)) == store.story(story(2))
    one = store.story(story(1))
    assert one is not None
    assert (one.story_id, one.articles) == (story(2), 3)
    assert [each.articles for each in store.stories()] == [3]


def test_stories_follow_what_becomes_of_their_articles(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 1), on(3, 2)])
    store.file([on(2, 2, revision=2, content_hash=sha256("moved"))])
    assert {each.story_id: each.articles for each in store.stories(articles=1)} == {
        story(1): 1,
        story(2): 2,
    }
    store.file([on(1, 1, revision=2, status="withdrawn")])
    assert store.story(story(1)) is None
    store.file([on(4, 1, content_hash=sha256("moved"))])  # hidden
    assert store.story(story(1)) is None


# --- Sources and times ------------------------------------------------------------------------


def test_a_source_is_found_in_any_case_and_whole(store: ArticleStore) -> None:
    store.file([naming(1, A, provider="Ärzte Wire"), naming(2, A, provider="Wire")])
    assert found(store, source="ÄRZTE WIRE") == [article_id(1)]
    assert found(store, source=" wire ") == [article_id(2)]
    for other in ("Wir", "%", "", "Ärzte"):
        assert found(store, source=other) == []


def test_since_is_from_then_on_and_until_is_before(store: ArticleStore) -> None:
    store.file([dated(n, -n) for n in range(1, 5)])

    def between(since: datetime | None, until: datetime | None) -> list[UUID]:
        return [hit.article_id for hit in store.search(Query(since=since, until=until))]

    two, three = NOON - timedelta(days=2), NOON - timedelta(days=3)
    assert between(two, None) == [article_id(1), article_id(2)]
    assert between(None, two) == [article_id(3), article_id(4)]
    assert between(three, two) == [article_id(3)]
    assert between(two, three) == between(two, two) == []
    later = two + timedelta(milliseconds=1)
    assert between(later, None) == [article_id(1)]
    assert between(None, later) == [article_id(n) for n in (2, 3, 4)]


def test_times_may_have_any_zone(store: ArticleStore) -> None:
    store.file([dated(1, 0)])
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    assert [hit.article_id for hit in store.search(Query(since=east))] == [article_id(1)]


def test_a_hit_says_all_that_a_list_shows(store: ArticleStore) -> None:
    copied = NearDuplicate(article_id=article_id(7), share=0.9, direction="same")
    topics = (
        Topic(code="medtop:15000000", name="sport", score=0.4, assigned_by="model"),
        Topic(code="medtop:04000000", name="economy", score=0.9, assigned_by="model"),
    )
    ref = StoryRef(id=story(1), articles=1)
    article = dated(1, -1.5, provider="Wire", topics=topics, story=ref, near_duplicate_of=copied)
    store.file([article])
    (hit,) = store.search(Query())
    assert (hit.source, hit.language, hit.story) == ("Wire", "en", story(1))
    assert hit.copy_of == article_id(7)
    assert hit.topics == (("medtop:04000000", "economy"), ("medtop:15000000", "sport"))
    assert hit.listed_at == article.published_at
    assert hit.listed_at.tzinfo is UTC


def test_a_hit_shows_where_its_excerpt_matches(store: ArticleStore) -> None:
    store.file([naming(1, A, text="Cars crossed the Café at noon.")])
    (hit,) = store.search(Query(words='cafe "AT noon" -boat'))
    assert [hit.excerpt[start:end] for start, end in hit.matches] == ["Café", "at noon"]
    assert hit.snippet == "Cars crossed the [Café] [at noon]."
    (plain,) = store.search(Query())
    assert (plain.matches, plain.snippet) == ((), plain.excerpt)
