"""Finding merged entities, and what is known of them, on every store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.stores import done, filed, found, naming, shown
from tests.factories import article_id

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore

A, B, C, D = "person:ana", "person:bea", "person:cleo", "person:dora"
BELARUS, BELARUSIA = "wd:Q184", "gpe:belarusia"


# --- Searching --------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [A, B, "ANA", "bea", "Person:Ana"])
def test_an_entity_is_found_by_every_key_and_name_that_it_has(
    store: ArticleStore, wanted: str
) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A], B)
    store.file([naming(4, A)])
    assert set(found(store, entity=wanted)) == {article_id(1), article_id(2), article_id(4)}


def called(number: int, key: str, name: str, **over: Any) -> EnrichedArticle:
    """An article that calls an entity so."""
    article = naming(number, key, **over)
    (entity,) = article.entities
    return article.model_copy(update={"entities": (entity.model_copy(update={"name": name}),)})


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (BELARUS, ("Belarus", "Belorussia")),
        ("person:ana lee", ("Ana Lee", "ANA LEIGH")),
        ("date:2024-01-01", ("Monday", "New Year")),
        ("money:usd 5", ("$5", "five dollars")),
    ],
)
def test_a_name_finds_the_articles_that_call_it_so_and_no_others(
    store: ArticleStore, key: str, names: tuple[str, str]
) -> None:
    usual, other = names
    store.file([called(1, key, usual), called(2, key, other), called(3, key, usual)])
    assert set(found(store, entity=usual.upper())) == {article_id(1), article_id(3)}
    assert found(store, entity=other) == [article_id(2)]
    assert set(found(store, entity=key)) == {article_id(n) for n in (1, 2, 3)}
    store.file([called(2, key, usual, revision=2)])
    assert found(store, entity=other) == []
    assert set(found(store, entity=usual)) == {article_id(n) for n in (1, 2, 3)}


@pytest.mark.parametrize(
    "keys", [("person:ana", "org:ana", "wd:Q1"), ("date:2024-01-01", "date:2024-01-08")]
)
def test_a_name_finds_all_that_are_called_so(store: ArticleStore, keys: tuple[str, ...]) -> None:
    store.file([called(n, key, "Monday") for n, key in enumerate(keys, start=1)])
    assert set(found(store, entity="monday")) == {article_id(n + 1) for n in range(len(keys))}
    assert found(store, entity=keys[0]) == [article_id(1)]


@pytest.mark.parametrize("wanted", ["Q184", "q184", "wd:Q184", "WD:q184", " wd:Q184 "])
def test_a_qid_finds_the_articles(store: ArticleStore, wanted: str) -> None:
    store.file([naming(1, BELARUS), naming(2, "wd:Q1844"), naming(3, BELARUSIA)])
    store.merge([BELARUSIA], BELARUS)
    assert set(found(store, entity=wanted)) == {article_id(1), article_id(3)}


def test_after_a_split_each_is_found_by_its_own(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    store.split(A)
    for wanted, expected in ((A, 1), ("Ana", 1), (B, 2), ("Bea", 2)):
        assert found(store, entity=wanted) == [article_id(expected)]


def test_hidden_and_withdrawn_articles_come_back_under_the_key_that_holds(
    store: ArticleStore,
) -> None:
    same: dict[str, Any] = {"content_hash": "a" * 64}
    store.file([naming(1, A, **same), naming(2, A, **same), naming(3, B)])
    assert done(store.merge([A], B)).articles == 1
    store.file([naming(1, A, revision=2, status="withdrawn")])
    assert set(found(store, entity=B)) == {article_id(2), article_id(3)}
    assert shown(store, 2) == [B]


def test_an_update_keeps_to_the_key_that_holds(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    assert filed(store, naming(1, A, D, revision=2)) == ["updated"]
    assert shown(store, 1) == [B, D]
    assert done(store.split(A)).articles == 1


# --- What is known ----------------------------------------------------------------------------


def test_an_entity_is_told_with_its_names_and_numbers(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, A, B), naming(3, B, C)])
    store.merge([A, C], B)
    known = store.entity(A)
    assert known is not None
    assert (known.key, known.name, known.type) == (B, "Bea", "PERSON")
    assert (known.articles, known.mentions) == (3, 5)
    assert known.names == (("Ana", 2), ("Bea", 2), ("Cleo", 1))
    assert known.merged == (A, C)


def test_nobody_knows_an_unknown_entity(store: ArticleStore) -> None:
    assert store.entity(A) is None
    store.file([naming(1, A), naming(1, A, revision=2, status="withdrawn")])
    assert store.entity(A) is None
    assert store.find_entities("ana") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("price", ["person:ned price", "org:price council"]),
        ("PRI", ["person:ned price", "org:price council"]),
        ("coun pri", ["org:price council"]),
        ("rice", []),
        ("person:ned price", ["person:ned price"]),
        ("price nobody", []),
        ("", []),
        ("%", []),
        ("'\"*", []),
    ],
)
def test_entities_are_found_by_beginnings_of_words(
    store: ArticleStore, words: str, expected: list[str]
) -> None:
    store.file([naming(1, "person:ned price"), naming(2, "person:ned price", "org:price council")])
    assert [entity.key for entity in store.find_entities(words)] == expected


def test_a_merged_entity_is_found_once_by_any_of_its_names(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    for words in ("ana", "bea", A, B):
        (only,) = store.find_entities(words)
        assert (only.key, only.articles) == (B, 2)


def test_the_most_frequent_come_first_and_no_more_than_wanted(store: ArticleStore) -> None:
    keys = [f"person:ana {n}" for n in range(5)]
    store.file([naming(n, *keys[n:]) for n in range(5)])
    assert [entity.key for entity in store.find_entities("ana", limit=2)] == [keys[4], keys[3]]
    assert store.find_entities("ana", limit=0) == []
