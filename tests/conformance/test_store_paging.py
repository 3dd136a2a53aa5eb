"""Pages miss nothing and repeat nothing, whatever is written between them, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from schemas.article import Language, Topic
from services.indexer.store.base import BadQuery, Position, Query
from tests.conformance.stores import filed, naming
from tests.factories import NOON, article_id, at, drop_id, make_drop, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore, Hit

SIZES = [1, 2, 7, 1000]
STORY = StoryRef(id=article_id(900), articles=40)
COPY = NearDuplicate(article_id=article_id(901), share=0.9, direction="same")
TOPIC = Topic(code="medtop:20000170", name="business", score=0.8, assigned_by="model")


def article(number: int, *, revision: int = 1, days: float | None = None, **over: Any) -> Any:
    """An article that every condition below meets; its time is unlike its number."""
    when = NOON - timedelta(days=(number * 7) % 11 if days is None else days)
    fields: dict[str, Any] = {
        "drop": make_drop(drop_id=drop_id(number * 1000 + revision), received_at=at(number)),
        "published_at": when,
        "text": f"Ana saw the toll bridge and quay {number} twice.",
        "content_hash": sha256(f"{number} {revision}"),
        "story": STORY,
        "near_duplicate_of": COPY,
        "topics": (TOPIC,),
        "provider": "Wire" if number % 2 else "WIRE",
        "detected_language": Language(code="en", confidence=1),
    }
    ana = naming(number, "person:ana").entities
    return naming(number, "person:ana", revision=revision, **(fields | {"entities": ana} | over))


QUERIES: dict[str, Query] = {
    "everything": Query(),
    "key": Query(entity="person:ana"),
    "name": Query(entity="Ana"),
    "topic": Query(topic="medtop:20000170"),
    "broader topic": Query(topic="medtop:04000000"),
    "source": Query(source="wire"),
    "language": Query(language="en"),
    "story": Query(story=STORY.id),
    "copies": Query(copy_of=COPY.article_id),
    "times": Query(since=NOON - timedelta(days=9000), until=NOON + timedelta(days=1)),
    "a word": Query(words="quay", order="newest"),
    "a phrase or a beginning": Query(words='"toll bridge" OR tw*', order="newest"),
    "words and no others": Query(words="quay -nobody", order="newest"),
    "all of it": Query(
        words="quay",
        entity="Ana",
        topic="medtop:04000000",
        source="WIRE",
        language="EN",
        story=STORY.id,
        copy_of=COPY.article_id,
        since=NOON - timedelta(days=9000),
        order="newest",
    ),
}


def pages(
    store: ArticleStore, query: Query, size: int, meanwhile: Callable[[int], None] = lambda _: None
) -> Iterator[Sequence[Hit]]:
    """Every page in turn; ``meanwhile`` is called with its number after each has been read."""
    after: Position | None = None
    number = 0
    while True:
        page = store.page(replace(query, limit=size), after)
        yield page.hits
        meanwhile(number)
        number += 1
        if page.next is None:
            return
        after = page.next


def ids(hits: Sequence[Hit]) -> list[UUID]:
    return [hit.article_id for hit in hits]


class Writer:
    """What happens to a store between pages: everything that can happen to an article.

    ``all``: every article but those taken away; ``later``: those first filed since ``begin``.
    """

    def __init__(self, store: ArticleStore) -> None:
        self._store = store
        self._revision = 1
        self._new: set[int] = set()
        self.all: set[UUID] = set()
        self.later: set[UUID] = set()
        self._file(*(article(number) for number in range(1, HELD + 1)))

    def begin(self) -> set[UUID]:
        """Make live what was withdrawn or hidden, and take away what came later; what is live."""
        self._revision += 1
        back = [article(n, revision=self._revision) for n in (*WITHDRAWN, *HIDDEN)]
        gone = [article(n, revision=2, status="withdrawn") for n in sorted(self._new)]
        self._file(*back, *gone)
        self.all = {article_id(number) for number in range(1, HELD + 1)}
        self.later, self._new = set(), set()
        return self.live()

    def live(self) -> set[UUID]:
        """What a search may find."""
        records = {one: self._store.record(one) for one in self.all}
        return {one for one, record in records.items() if record and record.state == "live"}

    def __call__(self, page: int) -> None:
        """Write behind some of the pages, so that a long list comes to an end."""
        if page > 2:
            return
        self._revision += 1
        new = 100 + 3 * self._revision
        updated = 1 + page * 3
        self._file(
            article(new, days=-1),
            article(new + 1, days=5.5),
            article(new + 2, days=5000),
            # Old ones get other times, and other words.
            article(updated, revision=self._revision, days=page * 3),
            article(updated + 1, revision=self._revision, days=5000),
            article(WITHDRAWN[page], revision=self._revision, status="withdrawn"),
            # Hidden behind an article that stays.
            article(HIDDEN[page], revision=self._revision, content_hash=FIRST),
        )
        self._new |= set(range(new, new + 3))
        self.later |= {article_id(number) for number in range(new, new + 3)}

    def _file(self, *articles: EnrichedArticle) -> None:
        self._store.file(articles)
        self.all |= {each.article_id for each in articles}


HELD = 16
"""Articles at first: those from 9 on are withdrawn, from 12 on hidden, the others updated."""
WITHDRAWN = range(9, 12)
HIDDEN = range(12, 15)
FIRST = sha256("16 1")


@pytest.mark.parametrize("size", SIZES)
def test_pages_during_writes_give_every_article_once(store: ArticleStore, size: int) -> None:
    """Exactly: all that are live from the first page to the end, none of later, none twice."""
    writer = Writer(store)
    for name, query in QUERIES.items():
        before = writer.begin()
        seen = [one for hits in pages(store, query, size, writer) for one in ids(hits)]
        assert len(seen) == len(set(seen)), name
        assert not writer.later & set(seen), name
        assert before & writer.live() <= set(seen) <= before, name
        # Whoever starts over finds what is there now.
        again = [one for hits in pages(store, query, 100) for one in ids(hits)]
        assert (len(again), set(again)) == (len(writer.live()), writer.live()), name
        assert writer.later <= set(again), name


def test_an_article_that_is_let_in_between_pages_may_come_and_comes_once(
    store: ArticleStore,
) -> None:
    store.file([article(number) for number in range(1, 6)])
    hidden = article(6, days=20, content_hash=sha256("5 1"))
    assert filed(store, hidden) == ["duplicate"]
    first = store.page(Query(limit=2))
    store.file([article(5, revision=2, status="withdrawn")])
    rest = store.page(Query(limit=10), first.next)
    assert ids(rest.hits).count(hidden.article_id) == 1
    assert sorted(ids(first.hits) + ids(rest.hits)) == sorted(article_id(n) for n in range(1, 7))


@pytest.mark.parametrize("size", SIZES)
def test_without_writes_pages_are_the_list_in_pieces(store: ArticleStore, size: int) -> None:
    store.file([article(number) for number in range(1, HELD + 1)])
    for name, query in QUERIES.items():
        whole = store.page(replace(query, limit=500))
        assert whole.next is None
        pieces = list(pages(store, query, size))
        assert [hit for hits in pieces for hit in hits] == list(whole.hits), name
        assert all(len(hits) == size for hits in pieces[:-1]), name
        times = [hit.listed_at for hit in whole.hits]
        assert times == sorted(times, reverse=True), name


def test_an_article_keeps_its_place_whatever_its_versions_say(store: ArticleStore) -> None:
    store.file([article(1, days=3), article(2, days=2), article(3, days=1)])
    before = store.page(Query()).hits
    store.file([article(1, revision=2, days=0), article(3, revision=2, days=9)])
    after = store.page(Query()).hits
    assert ids(after) == ids(before) == [article_id(3), article_id(2), article_id(1)]
    assert [hit.listed_at for hit in after] == [hit.listed_at for hit in before]
    # Also one that was away.
    store.file([article(2, revision=2, status="withdrawn"), article(2, revision=3, days=0)])
    assert ids(store.page(Query()).hits) == ids(before)


def test_articles_of_one_moment_all_have_a_page(store: ArticleStore) -> None:
    store.file([article(number, days=1) for number in range(1, 31)])
    seen = [one for hits in pages(store, Query(), 4) for one in ids(hits)]
    assert sorted(seen) == sorted(article_id(number) for number in range(1, 31))


@pytest.mark.parametrize("years", [-2000, -1000, 7000])
def test_any_time_has_a_place(store: ArticleStore, years: int) -> None:
    """Dates before 1700 are listed as that; those in the future as their receipt."""
    odd = NOON.replace(year=NOON.year + years) if years > -2000 else NOON.replace(year=26)
    drop = make_drop(drop_id=drop_id(1), received_at=max(odd, NOON))
    store.file([article(1, published_at=odd, drop=drop), article(2)])
    seen = [one for hits in pages(store, Query(), 1) for one in ids(hits)]
    assert set(seen) == {article_id(1), article_id(2)}
    everything = Query(since=NOON.replace(year=1), until=NOON.replace(year=9999))
    assert len(store.search(everything)) == 2


@pytest.mark.parametrize("limit", [0, -5])
def test_a_page_of_nothing_ends_there(store: ArticleStore, limit: int) -> None:
    store.file([article(1)])
    page = store.page(Query(limit=limit))
    assert (list(page.hits), page.next) == ([], None)


def test_the_last_page_says_so_also_when_it_is_full(store: ArticleStore) -> None:
    store.file([article(number) for number in range(1, 5)])
    first = store.page(Query(limit=2))
    assert first.next is not None
    assert store.page(Query(limit=2), first.next).next is None


def test_the_best_have_no_next_page(store: ArticleStore) -> None:
    """Ranks move while articles are written; who wants all asks for the newest first."""
    store.file([article(number) for number in range(1, 5)])
    by_rank = Query(words="quay", limit=2)
    assert store.page(by_rank).next is None
    assert store.page(replace(by_rank, order="relevance")).next is None
    goes_on = store.page(replace(by_rank, order="newest")).next
    assert goes_on is not None
    with pytest.raises(BadQuery, match="newest"):
        store.page(by_rank, goes_on)


def test_any_position_is_taken(store: ArticleStore) -> None:
    """Positions come from cursors, which anybody can make up."""
    store.file([article(1)])
    assert ids(store.page(Query(), Position(2**63 - 1, 2**63 - 1)).hits) == [article_id(1)]
    assert not store.page(Query(), Position(2**63 - 1, 0)).hits
    for odd in (
        Position(-(2**63), 1),
        Position(0, -1),
        Position(10**30, 1),
        Position(1, -(10**30)),
    ):
        store.page(Query(), odd)
        store.page(Query(words="quay", order="newest"), odd)
