"""Both stores give the same answers: a few hundred varied articles, filed in both."""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import Topic
from services.indexer.store.base import FacetName, Query
from tests.conformance.stores import STORES, desk
from tests.factories import (
    NOON,
    article_id,
    at,
    drop_id,
    make_drop,
    make_enriched,
    make_entity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore, Page

ARTICLES = 240
BATCH = 40
SEED = 5

PEOPLE = ("Ana Petrova", "Ivo Marin", "Noor Haddad", "Élodie Roy", "Ned Price", "Ana Roy")
PLACES = ("Riverton", "Kežmarok", "Port Alder", "Lower Quay")
SUBJECTS = ("bridge", "strike", "harbour", "toll", "storm", "budget", "café", "vote")
TOPICS = ("medtop:20000523", "medtop:15000000", "medtop:20000129", "medtop:04000000", "own:ferries")
SOURCES = ("Example Wire", "EXAMPLE WIRE", "Riverton Post", None)


def varied(number: int, chance: random.Random) -> EnrichedArticle:
    """An article of one of ninety ids: new, changed, withdrawn, or a copy of what another has."""
    name = chance.randrange(90)
    people = chance.sample(PEOPLE, chance.randint(0, 3))
    places = chance.sample(PLACES, chance.randint(0, 2))
    words = chance.choices(SUBJECTS, k=8)
    text = "\n".join([f"The {words[0]} and the {words[1]}", *people, *places, " ".join(words)])
    if chance.random() < 0.1:
        text = "The same words again"
        people = places = []
    entities = [make_entity(text, each, "PERSON") for each in people]
    entities += [make_entity(text, each, "GPE") for each in places]
    fields: dict[str, Any] = {
        "drop": make_drop(
            drop_id=drop_id(number), received_at=at(number * 60), file=f"{number}.txt"
        ),
        "article_id": article_id(name),
        "revision": chance.randint(1, 4),
        "revision_basis": "version",
        "headline": f"On the {words[2]} {chance.randint(1, 20)}",
        "text": text,
        "status": "withdrawn" if chance.random() < 0.05 else "usable",
        "published_at": NOON - timedelta(hours=chance.randint(0, 24 * 90)),
        "provider": chance.choice(SOURCES),
        "entities": tuple(entities),
        "topics": tuple(
            Topic(code=code, name=f"topic {code[-3:]}", score=0.9, assigned_by="model")
            for code in chance.sample(TOPICS, chance.randint(0, 3))
        ),
    }
    if chance.random() < 0.5:
        gone = (story(chance),) if chance.random() < 0.1 else ()
        fields["story"] = StoryRef(id=story(chance), articles=1, merged=gone)
    if chance.random() < 0.2:
        of = article_id(chance.randrange(90))
        fields["near_duplicate_of"] = NearDuplicate(article_id=of, share=0.8, direction="same")
    return make_enriched(**fields)


def story(chance: random.Random) -> UUID:
    """One of a dozen stories."""
    return article_id(2000 + chance.randrange(12))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ArticleStore]]:
    """Every store, with the same articles and merges in it."""
    with ExitStack() as desks:
        stores = []
        for name in STORES:
            place = desks.enter_context(desk(name, tmp_path_factory.mktemp(name)))
            stores.append(place.open())
            _fill(stores[-1])
        yield stores


def _fill(store: ArticleStore) -> None:
    chance = random.Random(SEED)  # noqa: S311  (no secret hangs on it)
    articles = [varied(number, chance) for number in range(ARTICLES)]
    for start in range(0, ARTICLES, BATCH):
        store.file(articles[start : start + BATCH])
        if start == 2 * BATCH:
            store.merge(["person:ana roy"], "person:ana petrova")
            store.merge(["person:ana petrova"], "person:noor haddad")
    store.split("person:ana petrova")
    store.alias("Ned", ["person:ned"], "person:ned price")


def same(stores: list[ArticleStore], ask: Callable[[ArticleStore], Any]) -> Any:
    """What the stores answer, which must be the same, and something."""
    first, *others = [ask(store) for store in stores]
    for other in others:
        assert other == first
    return first


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"entity": "Ana Petrova"},
    {"entity": "person:noor haddad"},
    {"entity": "elodie roy"},
    {"topic": "medtop:15000000"},
    {"topic": "sport"},
    {"topic": "own:ferries"},
    {"topic": "topic 523"},
    {"language": "EN"},
    {"source": "example wire"},
    {"story": article_id(2003)},
    {"copy_of": article_id(5)},
    {"since": NOON - timedelta(days=40), "until": NOON - timedelta(days=10)},
    {"since": NOON - timedelta(days=70), "entity": "Riverton", "source": "Riverton Post"},
)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("words", [None, "bridge", "harbour NOT toll", '"the strike" OR caf*'])
def test_pages_by_time_are_the_same(
    both: list[ArticleStore], words: str | None, filters: dict[str, Any]
) -> None:
    query = Query(words=words, order="newest", limit=7, **filters)

    def pages(store: ArticleStore) -> list[Page]:
        found = [store.page(query)]
        while found[-1].next is not None:
            found.append(store.page(query, found[-1].next))
        return found

    shown = same(both, pages)
    assert sum(len(page.hits) for page in shown) == len({h for page in shown for h in page.hits})


@pytest.mark.parametrize("words", ["bridge", "cafe", "storm -vote", "(toll OR vote) budget"])
def test_the_best_are_the_same_set(both: list[ArticleStore], words: str) -> None:
    found = same(both, lambda store: set(store.search(Query(words=words, limit=200))))
    assert len(found) > 5


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_facets_are_the_same(both: list[ArticleStore], filters: dict[str, Any]) -> None:
    names = get_args(FacetName)
    for words in (None, "bridge"):
        query = Query(words=words, **filters)
        same(both, lambda store, query=query: store.facets(query, names, 50))  # type: ignore[misc]  # the query is bound
        same(both, lambda store, query=query: store.facets(query, names, 3))  # type: ignore[misc]  # the query is bound


def test_changes_and_standings_are_the_same(both: list[ArticleStore]) -> None:
    changes = same(both, lambda store: [replace(c, filed_at=NOON) for c in store.changes()])
    assert len(changes) == len({change.article_id for change in changes})
    for change in changes:
        same(both, lambda store, name=change.article_id: store.get(name))  # type: ignore[misc]  # the id is bound
        same(both, lambda store, name=change.article_id: store.record(name))  # type: ignore[misc]  # the id is bound


def test_stories_are_the_same(both: list[ArticleStore]) -> None:
    stories = same(both, lambda store: list(store.stories(50, articles=1)))
    assert len(stories) > 2
    for number in range(2000, 2012):
        same(both, lambda store, number=number: store.story(article_id(number)))  # type: ignore[misc]  # the number is bound


def test_entities_are_the_same(both: list[ArticleStore]) -> None:
    for prefix in ("a", "an", "ana p", "ana ", "roy", "riv", "kez", "ned", "", "xyz"):
        same(both, lambda store, prefix=prefix: list(store.suggest_entities(prefix)))  # type: ignore[misc]  # the prefix is bound
        same(both, lambda store, prefix=prefix: list(store.find_entities(prefix)))  # type: ignore[misc]  # the prefix is bound
    for key in ("person:ana petrova", "person:noor haddad", "person:ana roy", "gpe:riverton", "x"):
        same(both, lambda store, key=key: store.entity(key))  # type: ignore[misc]  # the key is bound
        same(both, lambda store, key=key: store.co_mentions(key))  # type: ignore[misc]  # the key is bound
        same(both, lambda store, key=key: list(store.timeline(key)))  # type: ignore[misc]  # the key is bound


def test_counts_of_topics_are_the_same(both: list[ArticleStore]) -> None:
    assert same(both, lambda store: dict(store.topic_counts()))
    assert same(both, lambda store: store.count())
