"""What every store's search finds, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.indexer.store.base import Query
from tests.conformance.stores import filed, found
from tests.factories import article_id, at, drop_id, make_drop, make_enriched, make_entity

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore


def story(number: int, headline: str, *body: str, **over: object) -> EnrichedArticle:
    return make_enriched(
        drop=make_drop(drop_id=drop_id(number), received_at=at(number)),
        article_id=article_id(number),
        headline=headline,
        standfirst=None,
        body=body,
        **over,
    )


@pytest.fixture
def shelf(store: ArticleStore) -> ArticleStore:
    store.file(
        [
            story(1, "Bridge over the Lene reopens", "Cars crossed at noon. The toll is gone."),
            story(2, "Toll bridge sold", "The buyer of the bridge paid nine million."),
            story(3, "Café owners protest", "A toll on terraces angers déjà vu regulars."),
        ]
    )
    return store


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("bridge", {1, 2}),
        ("BRIDGE toll", {1, 2}),
        ("bridge noon", {1}),
        ("bridge million noon", set()),
        ('"toll bridge"', {2}),
        ('"bridge toll"', set()),
        ('"toll bridge', {2}),
        ("terr*", {3}),
        ("terr", set()),
        ("cafe deja", {3}),
        ("cross* lene", {1}),
        ("bridge OR café", {1, 2, 3}),
        ("bridge NOT sold", {1}),
        ("bridge -sold", {1}),
        ("bridge AND NOT sold", {1}),
        ("(bridge OR terraces) toll -million", {1, 3}),
        ("bridge OR café noon", {1, 2}),
        ('toll -"toll bridge"', {1, 3}),
        ("toll -terr*", {1, 2}),
        ("toll -(bridge OR nobody)", {3}),
        ('"cars cro"*', {1}),
        ("bridge or café", set()),
        ("bridge OR", set()),
        ("bridge NOT", set()),
        ("headline:bridge", set()),
        ("(bridge)", {1, 2}),
        ("bridge, toll!", {1, 2}),
        ("!!! bridge", {1, 2}),
        ("!!!", set()),
        ('""', set()),
        ("*", set()),
        ("NEAR(bridge toll)", set()),
    ],
)
def test_words(shelf: ArticleStore, words: str, numbers: set[int]) -> None:
    assert set(found(shelf, words)) == {article_id(number) for number in numbers}


def test_a_match_in_the_headline_counts_more_than_one_in_the_text(store: ArticleStore) -> None:
    store.file(
        [
            story(1, "Morning notes", "A ferry left. The harbour was quiet and the sea was flat."),
            story(2, "Ferry leaves", "It went at noon, and the harbour was quiet after that."),
        ]
    )
    assert found(store, "ferry") == [article_id(2), article_id(1)]


@pytest.mark.parametrize("words", [None, "", " \n"])
def test_without_words_the_newest_come_first(store: ArticleStore, words: str | None) -> None:
    days = {1: at(-9000), 2: at(-100), 3: at(-500)}
    store.file([story(n, f"Story {n}", "Text.", published_at=day) for n, day in days.items()])
    assert found(store, words) == [article_id(2), article_id(3), article_id(1)]


def test_a_date_in_the_future_doesnt_keep_an_article_on_top(store: ArticleStore) -> None:
    store.file(
        [
            story(1, "From the future", "Text.", published_at=at(10**8)),
            story(2, "From today", "Text.", published_at=at(2)),
            story(3, "Undated", "Text.", published_at=None),
        ]
    )
    assert found(store) == [article_id(3), article_id(2), article_id(1)]


def test_a_hit_shows_what_a_list_needs(shelf: ArticleStore) -> None:
    (hit,) = shelf.search(Query(words="noon"))
    article = shelf.get(article_id(1))
    assert article is not None
    assert (hit.headline, hit.revision) == (article.headline, article.revision)
    assert (hit.published_at, hit.filed_at) == (article.published_at, at(1000))
    assert hit.snippet == "Cars crossed at [noon]. The toll is gone."


def test_without_words_the_snippet_is_the_beginning_of_the_text(shelf: ArticleStore) -> None:
    snippets = [hit.snippet for hit in shelf.search(Query())]
    assert "Cars crossed at noon. The toll is gone." in snippets


def test_a_long_article_has_a_short_snippet_on_one_line(store: ArticleStore) -> None:
    store.file([story(1, "Long", *[f"Paragraph {n} of the needle hunt." for n in range(500)])])
    for words in ("needle", None):
        (hit,) = store.search(Query(words=words))
        assert 20 < len(hit.snippet) < 400
        assert "\n" not in hit.snippet


@pytest.mark.parametrize("limit", [0, 1, 2, 10**30])
def test_limit(shelf: ArticleStore, limit: int) -> None:
    assert len(shelf.search(Query(words="toll", limit=limit))) == min(limit, 3)
    assert len(shelf.search(Query(limit=limit))) == min(limit, 3)


def test_a_negative_limit_gives_nothing(shelf: ArticleStore) -> None:
    assert not shelf.search(Query(limit=-1))


@pytest.fixture
def tagged(store: ArticleStore) -> ArticleStore:
    text = "ANA PETROVA met the Łódź council."
    person = make_entity(text, "ANA PETROVA", "PERSON").model_copy(
        update={"key": "person:ana petrova", "name": "Ana Petrova"}
    )
    store.file(
        [
            story(1, "Meeting", text, entities=(person, make_entity(text, "Łódź", "GPE"))),
            story(2, "Ana Petrova the ship", "Launched.", entities=(), topics=()),
        ]
    )
    return store


@pytest.mark.parametrize(
    "entity", ["Ana Petrova", "ana petrova", "person:ana petrova", "Person:Ana Petrova", " ŁÓDŹ "]
)
def test_entities_are_found_by_key_or_name_in_any_case(tagged: ArticleStore, entity: str) -> None:
    assert found(tagged, entity=entity) == [article_id(1)]


@pytest.mark.parametrize("entity", ["Petrova", "Ana%", "", "x", "person:"])
def test_a_part_of_a_name_is_no_entity(tagged: ArticleStore, entity: str) -> None:
    assert found(tagged, entity=entity) == []


@pytest.mark.parametrize("topic", ["medtop:04000000", "Economy, business and finance"])
def test_topics_are_found_by_code_or_name(tagged: ArticleStore, topic: str) -> None:
    assert found(tagged, topic=topic) == [article_id(1)]
    assert found(tagged, topic=topic[:-1]) == []


def test_languages_are_those_that_were_detected(tagged: ArticleStore) -> None:
    assert set(found(tagged, language="EN")) == {article_id(1), article_id(2)}
    assert found(tagged, language="de") == []


def test_every_condition_must_hold(tagged: ArticleStore) -> None:
    by_all = {"entity": "Ana Petrova", "topic": "medtop:04000000", "language": "en"}
    assert found(tagged, "council", **by_all) == [article_id(1)]
    assert found(tagged, "ship", **by_all) == []
    assert found(tagged, "council", **(by_all | {"language": "pl"})) == []


def test_an_update_replaces_words_entities_and_topics(tagged: ArticleStore) -> None:
    update = story(
        1,
        "Harbour",
        "The quay.",
        revision=10**15,
        entities=(),
        topics=(),
    )
    assert filed(tagged, update.model_copy(update={"drop": make_drop(drop_id=drop_id(9))})) == [
        "updated"
    ]
    assert found(tagged, "quay") == [article_id(1)]
    assert found(tagged, "council") == found(tagged, entity="Ana Petrova") == []
    assert found(tagged, topic="medtop:04000000") == []
