"""Stories that turned out to be one, near-duplicates and their searches, on every store."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest
from hypothesis import strategies as st

from schemas.annotations import NearDuplicate, StoryRef
from services.indexer.store.base import Query
from tests.conformance.stores import desk, naming, on_every_store
from tests.factories import NAMESPACE, article_id, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore


def story(number: int) -> UUID:
    """The id of the ``number``-th story."""
    return uuid5(NAMESPACE, f"story {number}")


def on(article: int, number: int, *merged: int, revision: int = 1, **over: Any) -> EnrichedArticle:
    """An article on a story; ``merged``: stories that it showed to be the same."""
    gone = tuple(story(each) for each in merged)
    ref = StoryRef(id=story(number), articles=1, merged=gone)
    return naming(article, "person:ana", revision=revision, story=ref, **over)


def of_article(store: ArticleStore, article: int) -> UUID:
    """The id of the story that an article shows."""
    held = store.get(article_id(article))
    assert held is not None
    assert held.story is not None
    return held.story.id


def articles_on(store: ArticleStore, number: int) -> set[UUID]:
    return {hit.article_id for hit in store.search(Query(story=story(number)))}


# --- Stories ----------------------------------------------------------------------------------


def test_articles_of_a_story_are_found_by_its_id(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 1), on(3, 2), naming(4, "person:ana")])
    assert articles_on(store, 1) == {article_id(1), article_id(2)}
    assert articles_on(store, 3) == set()


def test_older_articles_follow_when_stories_are_merged(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 2), on(3, 3)])
    store.file([on(4, 2, 1)])
    assert [of_article(store, n) for n in range(1, 5)] == [story(n) for n in (2, 2, 3, 2)]
    assert articles_on(store, 2) == {article_id(1), article_id(2), article_id(4)}


def test_a_late_article_that_still_has_the_gone_id_is_on_the_other(store: ArticleStore) -> None:
    store.file([on(4, 2, 1)])
    store.file([on(1, 1)])
    assert of_article(store, 1) == story(2)


def test_a_gone_id_finds_what_the_other_does(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 2, 1)])
    assert articles_on(store, 1) == articles_on(store, 2) == {article_id(1), article_id(2)}


def test_merges_lead_on(store: ArticleStore) -> None:
    store.file([on(1, 1), on(2, 2, 1), on(3, 3, 2)])
    assert {of_article(store, n) for n in (1, 2, 3)} == {story(3)}


def test_the_rest_of_what_is_said_of_the_story_stays(store: ArticleStore) -> None:
    store.file([on(1, 2, 1), on(2, 3, 2)])
    held = store.get(article_id(1))
    assert held is not None
    assert held.story is not None
    assert (held.story.id, held.story.merged) == (story(3), (story(1),))


@pytest.mark.parametrize("outcome", ["superseded", "duplicate", "withdrawn", "unchanged"])
def test_a_merge_counts_whatever_becomes_of_the_article_that_said_it(
    store: ArticleStore, outcome: str
) -> None:
    said = {
        "superseded": on(2, 2, 1, revision=1),
        "duplicate": on(3, 2, 1, content_hash=sha256("second")),
        "withdrawn": on(2, 2, 1, revision=9, status="withdrawn"),
        "unchanged": on(2, 2, 1, revision=9, content_hash=sha256("second")),
    }[outcome]
    store.file([on(1, 1), on(2, 2, revision=5, content_hash=sha256("second"))])
    (reported,) = store.file([said])
    assert reported.outcome == outcome
    assert of_article(store, 1) == story(2)


def test_a_merge_with_itself_means_nothing(store: ArticleStore) -> None:
    store.file([on(1, 1, 1)])
    assert of_article(store, 1) == story(1)


def test_of_contradicting_merges_the_smallest_id_is_left(store: ArticleStore) -> None:
    store.file([on(1, 1, 2), on(2, 2, 1), on(3, 3, 4), on(5, 5, 4)])
    assert of_article(store, 1) == of_article(store, 2) == min(story(1), story(2))
    assert of_article(store, 3) == of_article(store, 5) == min(story(3), story(5))


def test_an_update_moves_an_article_to_its_new_story(store: ArticleStore) -> None:
    store.file([on(1, 1), on(1, 2, revision=2, content_hash=sha256("second"))])
    assert of_article(store, 1) == story(2)
    assert articles_on(store, 1) == set()


def test_hidden_and_withdrawn_articles_are_not_found(store: ArticleStore) -> None:
    store.file([on(1, 1), on(1, 1, revision=2, status="withdrawn"), on(2, 1)])
    store.file([on(3, 1, content_hash=on(2, 1).content_hash)])
    assert articles_on(store, 1) == {article_id(2)}
    assert of_article(store, 3) == story(1)


FILINGS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.integers(1, 6),
        st.lists(st.integers(1, 6), max_size=2),
    ),
    max_size=10,
)


def filings(drawn: Sequence[tuple[int, int, Sequence[int]]]) -> list[EnrichedArticle]:
    """One version each, numbered as they were drawn, so that any order leads to the same ones."""
    return [
        on(article, number, *merged, revision=place, content_hash=sha256(f"text {place}"))
        for place, (article, number, merged) in enumerate(drawn, start=1)
    ]


@on_every_store(examples=40, data=st.data(), drawn=FILINGS)
def test_whatever_order_articles_arrive_in_they_are_on_the_same_stories(
    name: str, data: st.DataObject, drawn: list[tuple[int, int, list[int]]]
) -> None:
    articles = filings(drawn)
    results = []
    for order in (articles, data.draw(st.permutations(articles))):
        with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
            store = place.open()
            for article in order:
                store.file([article])
            results.append(
                (
                    {number: store.get(article_id(number)) for number in range(1, 6)},
                    [articles_on(store, number) for number in range(1, 7)],
                )
            )
    assert results[0] == results[1]


@on_every_store(examples=40, drawn=FILINGS)
def test_stories_that_hang_together_are_one_and_others_are_not(
    name: str, drawn: list[tuple[int, int, list[int]]]
) -> None:
    groups = {number: {number} for number in range(1, 7)}
    for _, number, merged in drawn:
        together = set[int]().union(groups[number], *(groups[each] for each in merged))
        groups |= dict.fromkeys(together, together)
    latest = {article: number for article, number, _ in drawn}
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        store.file(filings(drawn))
        for number in range(1, 7):
            expected = {a for a, n in latest.items() if n in groups[number]}
            assert articles_on(store, number) == {article_id(a) for a in expected}
        for article, number in latest.items():
            assert of_article(store, article) in {story(each) for each in groups[number]}


# --- Near-duplicates --------------------------------------------------------------------------


def copy(article: int, of: int, **over: Any) -> EnrichedArticle:
    near = NearDuplicate(article_id=article_id(of), share=0.9, direction="shortened")
    return naming(article, "person:ana", near_duplicate_of=near, **over)


def test_copies_of_an_article_are_found(store: ArticleStore) -> None:
    store.file([naming(1, "person:ana"), copy(2, 1), copy(3, 1), copy(4, 2)])
    found = store.search(Query(copy_of=article_id(1)))
    assert {hit.article_id for hit in found} == {article_id(2), article_id(3)}
    assert not store.search(Query(copy_of=article_id(3)))


def test_an_update_that_is_no_copy_any_more_is_not_found(store: ArticleStore) -> None:
    store.file([copy(2, 1), naming(2, "person:bea", revision=2)])
    assert not store.search(Query(copy_of=article_id(1)))


def test_stories_and_copies_go_with_all_other_conditions(store: ArticleStore) -> None:
    near = NearDuplicate(article_id=article_id(1), share=0.9, direction="same")
    store.file([on(1, 1), on(2, 1, near_duplicate_of=near), on(3, 2, near_duplicate_of=near)])
    query = Query(words="quay", entity="Ana", story=story(1), copy_of=article_id(1))
    assert [hit.article_id for hit in store.search(query)] == [article_id(2)]
