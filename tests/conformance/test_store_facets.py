"""How articles are spread, on every store: counts are those of the articles that a search finds."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from schemas.article import Language, Topic
from services.indexer.store.base import BadQuery, FacetName, Query
from services.media_topics import media_topics
from tests.conformance.stores import naming
from tests.factories import NOON, article_id, at, drop_id, make_drop, sha256

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore

NAMES: tuple[FacetName, ...] = get_args(FacetName)
A, B, C = "person:ana", "person:bea", "gpe:cleo"
BUSINESS, SHIPPING, SPORT = "medtop:20000170", "medtop:20000337", "medtop:15000000"


def about(*codes: str) -> tuple[Topic, ...]:
    tree = media_topics()
    return tuple(
        Topic(code=code, name=tree.name(code) or code, score=0.8, assigned_by="model")
        for code in codes
    )


def article(number: int, *keys: str, revision: int = 1, **over: Any) -> EnrichedArticle:
    when = NOON - timedelta(days=number % 4)
    fields: dict[str, Any] = {
        "drop": make_drop(drop_id=drop_id(number * 1000 + revision), received_at=at(number)),
        "published_at": when,
        "content_hash": sha256(f"{number} {revision}"),
        "topics": about(BUSINESS),
        "provider": "Wire",
        "detected_language": Language(code="en", confidence=1),
    }
    return naming(number, *keys, revision=revision, **(fields | over))


def counts(
    store: ArticleStore, query: Query | None = None, **how: Any
) -> dict[str, dict[str, int]]:
    """The counts of every facet by key."""
    found = store.facets(query or Query(), NAMES, **how)
    return {name: {value.key: value.count for value in found.values[name]} for name in NAMES}


@pytest.fixture
def spread(store: ArticleStore) -> ArticleStore:
    store.file(
        [
            article(1, A, B),
            article(2, A, topics=about(BUSINESS, SPORT), provider="Other"),
            article(3, A, C, topics=about("medtop:04000000"), provider="WIRE"),
            article(4, B, topics=(), provider=None),
            article(5, A, detected_language=Language(code="de", confidence=1)),
        ]
    )
    return store


def test_every_value_has_the_articles_that_have_it(spread: ArticleStore) -> None:
    found = counts(spread)
    assert found["entity"] == {A: 4, B: 2, C: 1}
    assert found["language"] == {"en": 4, "de": 1}
    assert found["day"] == {"2026-02-27": 1, "2026-02-28": 1, "2026-03-01": 2, "2026-03-02": 1}
    assert found["topic"]["medtop:04000000"] == 4
    assert (found["topic"][BUSINESS], found["topic"][SPORT]) == (3, 1)


def test_sources_that_case_tells_apart_are_one(spread: ArticleStore) -> None:
    found = {key.lower(): count for key, count in counts(spread)["source"].items()}
    assert found == {"wire": 3, "other": 1}


def test_everything_and_a_condition_that_all_meet_count_alike(spread: ArticleStore) -> None:
    """Totals that are kept, and articles that are looked at: two ways to one result."""
    everything = spread.facets(Query(), NAMES)
    looked_at = spread.facets(Query(until=at(10**6)), NAMES)
    assert (everything.counted, everything.complete) == (looked_at.counted, True) == (5, True)
    assert everything.values == looked_at.values


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (Query(entity="Ana"), {1, 2, 3, 5}),
        (Query(topic=SPORT), {2}),
        (Query(source="wire"), {1, 3, 5}),
        (Query(language="de"), {5}),
        (Query(words="quay"), {1, 2, 3, 4, 5}),
        (Query(words="ana -cleo", source="WIRE"), {1, 5}),
        (Query(words="nobody"), set()),
        (Query(words="!!!"), set()),
        (Query(since=NOON - timedelta(days=1)), {1, 4, 5}),
        (Query(until=NOON - timedelta(days=1)), {2, 3}),
    ],
)
def test_a_query_is_spread_as_the_articles_that_it_finds(
    spread: ArticleStore, query: Query, numbers: set[int]
) -> None:
    hits = spread.search(query)
    assert {hit.article_id for hit in hits} == {article_id(number) for number in numbers}
    found = spread.facets(query, NAMES)
    assert (found.counted, found.complete) == (len(numbers), True)
    days = Counter(f"{hit.listed_at:%Y-%m-%d}" for hit in hits)
    languages = Counter(hit.language for hit in hits)
    assert {v.key: v.count for v in found.values["day"]} == days
    assert {v.key: v.count for v in found.values["language"]} == languages


def test_each_key_finds_as_many_articles_as_are_counted(spread: ArticleStore) -> None:
    found = counts(spread, limit=100)
    for name in ("entity", "topic", "source", "language"):
        for key, count in found[name].items():
            given: dict[str, Any] = {name: key}
            assert len(spread.search(Query(**given))) == count, key


def test_the_most_frequent_come_first_then_by_key_and_days_in_order(spread: ArticleStore) -> None:
    found = spread.facets(Query(), NAMES, limit=2)
    assert [value.key for value in found.values["entity"]] == [A, B]
    assert [value.count for value in found.values["topic"]] == [4, 3]
    assert len(found.values["day"]) == 4
    assert list(spread.facets(Query(), ["entity"], limit=0).values["entity"]) == []
    assert set(spread.facets(Query(), ["entity"]).values) == {"entity"}


def test_values_have_names_to_show(spread: ArticleStore) -> None:
    found = spread.facets(Query(), NAMES).values
    assert [value.name for value in found["entity"]] == ["Ana", "Bea", "Cleo"]
    economy = next(value for value in found["topic"] if value.key == "medtop:04000000")
    assert economy.name == media_topics().name("medtop:04000000")


def test_counts_follow_updates_withdrawals_and_what_is_let_in(spread: ArticleStore) -> None:
    spread.file(
        [
            article(1, B, revision=2, topics=about(SPORT), provider="Other"),
            article(6, A, C, content_hash=sha256("2 1")),  # hidden
            article(5, A, revision=2, status="withdrawn"),
        ]
    )
    found = counts(spread)
    assert found["entity"] == {A: 2, B: 2, C: 1}
    assert found["language"] == {"en": 4}
    spread.file([article(2, A, revision=2, status="withdrawn")])
    found = counts(spread)
    assert found["entity"] == {A: 2, B: 2, C: 2}
    assert found == counts(spread, Query(until=at(10**6)))


def test_what_nobody_has_any_more_is_in_no_list(spread: ArticleStore) -> None:
    for number in range(1, 6):
        spread.file([article(number, A, revision=2, status="withdrawn")])
    assert counts(spread) == {name: {} for name in NAMES}
    assert dict(spread.topic_counts()) == {}
    assert spread.facets(Query(), NAMES).counted == spread.count() == 0


def test_merged_entities_are_counted_once_for_each_article(spread: ArticleStore) -> None:
    spread.merge([A], B)
    for query in (Query(), Query(until=at(10**6))):
        assert counts(spread, query)["entity"] == {B: 5, C: 1}
    spread.split(A)
    for query in (Query(), Query(until=at(10**6))):
        assert counts(spread, query)["entity"] == {A: 4, B: 2, C: 1}


def test_a_search_that_cant_be_made_has_no_facets_either(spread: ArticleStore) -> None:
    with pytest.raises(BadQuery):
        spread.facets(Query(words="-ana"), NAMES)


# --- Topics -----------------------------------------------------------------------------------


def test_topics_are_counted_with_those_below_them(spread: ArticleStore) -> None:
    found = dict(spread.topic_counts())
    assert found["medtop:04000000"] == 4
    assert found[BUSINESS] == 3
    assert found[SPORT] == 1
    assert sum(code not in media_topics() for code in found) == 0


@pytest.mark.parametrize("wanted", ["medtop:04000000", "Economy, business and finance"])
def test_a_topic_finds_those_below_it(spread: ArticleStore, wanted: str) -> None:
    hits = {hit.article_id for hit in spread.search(Query(topic=wanted))}
    assert hits == {article_id(number) for number in (1, 2, 3, 5)}


def test_a_topic_below_finds_none_of_those_above(spread: ArticleStore) -> None:
    hits = {hit.article_id for hit in spread.search(Query(topic=BUSINESS))}
    assert hits == {article_id(number) for number in (1, 2, 5)}


def test_a_desks_own_topic_is_found_and_counted(store: ArticleStore) -> None:
    own = Topic(code="user:Ports", name="Ports & piers", score=1, assigned_by="user")
    store.file([article(1, A, topics=(own, *about(SPORT)))])
    for wanted in ("user:Ports", "USER:ports", "ports & PIERS"):
        assert [hit.article_id for hit in store.search(Query(topic=wanted))] == [article_id(1)]
    assert store.topic_counts()["user:Ports"] == 1
    (value,) = [v for v in store.facets(Query(), ["topic"]).values["topic"] if "user" in v.key]
    assert (value.key, value.name, value.count) == ("user:Ports", "Ports & piers", 1)


def test_a_topic_under_another_name_is_found_by_both(store: ArticleStore) -> None:
    foreign = Topic(code=BUSINESS, name="Unternehmen", score=1, assigned_by="provider")
    store.file([article(1, A, topics=(foreign,))])
    for wanted in (BUSINESS, "Unternehmen", media_topics().name(BUSINESS) or ""):
        assert [hit.article_id for hit in store.search(Query(topic=wanted))] == [article_id(1)]
