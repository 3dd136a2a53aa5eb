"""Entities while their name is typed, beside each other and over time, on every store."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.indexer.store.base import Query
from tests.conformance.stores import naming
from tests.factories import NOON, at, drop_id, make_drop

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore

A, B, C, D = "person:ana", "person:bea", "org:cleo works", "gpe:dora"


def typed(store: ArticleStore, prefix: str, **how: Any) -> list[str]:
    return [entity.key for entity in store.suggest_entities(prefix, **how)]


@pytest.fixture
def named(store: ArticleStore) -> ArticleStore:
    keys = ("person:ned price", "org:price council", "gpe:łódź", "org:al-jazeera", "person:priya")
    store.file([naming(n, *keys[: 6 - n]) for n in range(1, 6)])
    return store


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("p", ["person:ned price", "org:price council", "person:priya"]),
        ("PRI", ["person:ned price", "org:price council", "person:priya"]),
        ("price", ["person:ned price", "org:price council"]),
        ("price c", ["org:price council"]),
        ("pric c", []),
        ("ned pr", ["person:ned price"]),
        ("ned ", ["person:ned price"]),
        ("ne ", []),
        ("lodz", []),
        ("łodz", ["gpe:łódź"]),
        ("ŁÓD", ["gpe:łódź"]),
        ("jaz", ["org:al-jazeera"]),
        ("al-j", ["org:al-jazeera"]),
        ("rice", []),
        ("", []),
        (" ", []),
        ("%", []),
        ("_", []),
        ("'\"*\0", []),
    ],
)
def test_a_word_of_a_name_begins_with_what_was_typed(
    named: ArticleStore, prefix: str, expected: list[str]
) -> None:
    assert typed(named, prefix) == expected


def test_no_more_are_suggested_than_wanted(named: ArticleStore) -> None:
    assert typed(named, "p", limit=2) == ["person:ned price", "org:price council"]
    assert typed(named, "p", limit=0) == []


def test_a_kind_may_be_asked_for(named: ArticleStore) -> None:
    assert typed(named, "p", kind="PERSON") == ["person:ned price", "person:priya"]
    assert typed(named, "p", kind="PERSON", limit=1) == ["person:ned price"]
    assert typed(named, "p", kind="GPE") == []


def test_a_suggestion_shows_what_a_list_needs(named: ArticleStore) -> None:
    (entity,) = named.suggest_entities("ned")
    assert (entity.key, entity.name, entity.type) == ("person:ned price", "Ned Price", "PERSON")
    assert (entity.articles, entity.mentions, entity.names, entity.merged) == (5, 5, (), ())


def test_a_name_that_no_article_has_any_more_is_not_suggested(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.file([naming(1, C, revision=2), naming(2, B, revision=2, status="withdrawn")])
    assert typed(store, "ana") == typed(store, "bea") == []
    assert typed(store, "work") == [C]


def test_a_merged_entity_is_suggested_once_under_the_key_that_holds(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, A, B), naming(3, B)])
    store.merge([A], B)
    for prefix in ("an", "be"):
        (entity,) = store.suggest_entities(prefix)
        assert (entity.key, entity.articles, entity.mentions) == (B, 3, 4)
    store.split(A)
    (entity,) = store.suggest_entities("an")
    assert (entity.key, entity.articles, entity.mentions) == (A, 2, 2)


def test_a_name_that_an_operator_told_is_suggested(store: ArticleStore) -> None:
    store.file([naming(1, A)])
    store.alias("The Mayor", ["person:the mayor"], A)
    assert typed(store, "may") == [A]
    assert [entity.key for entity in store.find_entities("mayor")] == [A]


# --- Beside each other ------------------------------------------------------------------------


def test_who_is_named_beside_an_entity_most_often_first(store: ArticleStore) -> None:
    store.file([naming(1, A, B), naming(2, A, C, B), naming(3, A), naming(4, C, D)])
    beside = store.co_mentions(A)
    assert (beside.counted, beside.complete) == (3, True)
    assert [(e.key, e.name, e.type, e.articles) for e in beside.entities] == [
        (B, "Bea", "PERSON", 2),
        (C, "Cleo Works", "ORG", 1),
    ]
    assert [e.key for e in store.co_mentions(A, limit=1).entities] == [B]
    assert store.co_mentions(A, limit=0).entities == ()


def test_merged_entities_are_one_and_not_beside_themselves(store: ArticleStore) -> None:
    store.file([naming(1, A, B, C), naming(2, A, C), naming(3, B, D)])
    store.merge([A], B)
    for key in (A, B, "PERSON:ana"):
        beside = store.co_mentions(key)
        assert beside.counted == 3
        assert [(e.key, e.articles) for e in beside.entities] == [(C, 2), (D, 1)]
    assert [(e.key, e.articles) for e in store.co_mentions(C).entities] == [(B, 2)]


def test_nobody_is_beside_an_unknown_entity(store: ArticleStore) -> None:
    beside = store.co_mentions(A)
    assert (beside.counted, beside.complete, beside.entities) == (0, True, ())
    assert list(store.timeline(A)) == []


def test_hidden_and_withdrawn_articles_are_not_counted(store: ArticleStore) -> None:
    same: dict[str, Any] = {"content_hash": "a" * 64}
    store.file([naming(1, A, B, **same), naming(2, A, B, **same), naming(3, A, C)])
    store.file([naming(3, A, C, revision=2, status="withdrawn")])
    beside = store.co_mentions(A)
    assert (beside.counted, [(e.key, e.articles) for e in beside.entities]) == (1, [(B, 1)])
    assert sum(n for _, n in store.timeline(A)) == 1


# --- Over time --------------------------------------------------------------------------------


def on_day(number: int, days: float, *keys: str) -> EnrichedArticle:
    when = NOON + timedelta(days=days)
    drop = make_drop(drop_id=drop_id(number * 1000), received_at=max(when, at(0)))
    return naming(number, *keys, published_at=when, drop=drop)


def test_articles_of_an_entity_are_counted_by_day(store: ArticleStore) -> None:
    store.file(
        [
            on_day(1, 0, A),
            on_day(2, 0.49, A, A),
            on_day(3, 0.51, A),
            on_day(4, -3, A),
            on_day(5, 1, B),
            on_day(6, -40_000, A),
        ]
    )
    first = (NOON - timedelta(days=40_000)).date()
    days = [(date(2026, 2, 27), 1), (date(2026, 3, 2), 2), (date(2026, 3, 3), 1)]
    assert list(store.timeline(A)) == [(first, 1), *days]
    assert list(store.timeline(A, NOON - timedelta(days=9))) == days
    assert list(store.timeline(A, NOON)) == days[1:]
    assert list(store.timeline(A, NOON + timedelta(seconds=1))) == [
        (date(2026, 3, 2), 1),
        (date(2026, 3, 3), 1),
    ]


def test_a_merged_entity_has_the_days_of_its_parts(store: ArticleStore) -> None:
    store.file([on_day(1, 0, A), on_day(2, 0, B), on_day(3, 0, A, B)])
    store.merge([A], B)
    assert list(store.timeline(A)) == [(NOON.date(), 3)]


def test_dates_and_amounts_are_no_names(store: ArticleStore) -> None:
    """They can be searched for, and suggested where their type is asked for."""
    store.file([naming(n, A, "date:monday", "money:million dollars") for n in (1, 2)])

    everything, monday = Query(), Query(entity="date:monday")

    for query in (everything, monday):
        found = store.facets(query, ["entity"]).values["entity"]
        assert [value.key for value in found] == [A]
        assert len(store.search(query)) == 2
    assert [each.key for each in store.co_mentions(A).entities] == []
    assert typed(store, "mo") == typed(store, "mil") == []
    assert typed(store, "mo", kind="DATE") == ["date:monday"]
    assert typed(store, "mil", kind="MONEY") == ["money:million dollars"]
