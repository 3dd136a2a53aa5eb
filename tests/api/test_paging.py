"""Pages over HTTP while articles are being written: nothing is missed, nothing comes twice."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.api.client import asking, serving
from tests.factories import article_id, at, drop_id, make_drop, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore
    from tests.api.client import Client

BEFORE = 23
"""Articles that are there when the first page is read; a prime, so that no page size fits."""


class Newsroom:
    """A store that is written to while a client reads it."""

    def __init__(self, store: ArticleStore, client: Client) -> None:
        self.store = store
        self.client = client
        self._numbers = count(1)
        self._drops = count(1)

    def version(self, number: int, revision: int = 1, **over: Any) -> EnrichedArticle:
        """A version of an article; many are listed under the very same time."""
        made = next(self._drops)
        fields: dict[str, Any] = {
            "drop": make_drop(
                drop_id=drop_id(made), file=f"{made}.txt", received_at=at(100_000 + made)
            ),
            "article_id": article_id(number),
            "revision": revision,
            "revision_basis": "version",
            "published_at": at(number % 5),
            "body": (f"Ferry {number} of Riverton, report {revision}.",),
        }
        return make_enriched(**(fields | over))

    def add(self, **over: Any) -> str:
        """File a new article; its id."""
        number = next(self._numbers)
        self.store.file([self.version(number, **over)])
        return str(article_id(number))

    def pages(self, limit: int, between: Iterator[object], **given: Any) -> list[list[str]]:
        """The ids of each page, with something written before each next one."""
        pages: list[list[str]] = []
        cursor: dict[str, str] = {}
        for _ in range(10 * BEFORE):
            answer = self.client.json("/v1/articles", limit=limit, **given, **cursor)
            pages.append([item["id"] for item in answer["items"]])
            if answer["next"] is None:
                return pages
            cursor = {"cursor": answer["next"]}
            next(between, None)
        raise AssertionError("the pages don't end")


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    settings = Settings(state_dir=tmp_path)
    with open_store(settings) as store, serving(settings) as app, asking(app) as client:
        yield Newsroom(store, client)


def writing(newsroom: Newsroom) -> Iterator[object]:
    """New articles (older and newer than those there), updates of old ones, for ever."""
    for n in count():
        newsroom.add(published_at=at(-1000 - n))
        newsroom.add(published_at=at(1000 + n))
        newsroom.add()
        old = n % BEFORE + 1
        newsroom.store.file([newsroom.version(old, 2 + n, published_at=at(5000 + n))])
        yield n


@pytest.mark.parametrize(
    ("limit", "given"),
    [
        (1, {}),
        (2, {}),
        (7, {}),
        (1000, {}),
        (2, {"q": "ferry", "order": "newest"}),
        (7, {"q": "ferry", "order": "newest"}),
        (2, {"entity": "gpe:riverton"}),
        (7, {"topic": "medtop:04000000"}),
        (2, {"source": "Example Wire", "language": "en"}),
    ],
    ids=str,
)
def test_the_union_of_all_pages_is_what_was_there_before(
    newsroom: Newsroom, limit: int, given: dict[str, str]
) -> None:
    there = [newsroom.add() for _ in range(BEFORE)]
    pages = newsroom.pages(limit, writing(newsroom), **given)
    read = [article for page in pages for article in page]
    assert len(read) == BEFORE
    assert set(read) == set(there)
    assert all(len(page) == limit for page in pages[:-1])


def test_pages_keep_the_order_of_one_large_page(newsroom: Newsroom) -> None:
    for _ in range(BEFORE):
        newsroom.add()
    (whole,) = newsroom.pages(1000, iter(()))
    assert [one for page in newsroom.pages(4, iter(())) for one in page] == whole


def test_what_is_withdrawn_meanwhile_is_left_out_and_nothing_else(newsroom: Newsroom) -> None:
    there = [newsroom.add() for _ in range(BEFORE)]

    def withdrawing() -> Iterator[object]:
        for number in (2, 9, 17):
            newsroom.store.file([newsroom.version(number, 9, status="withdrawn")])
            yield number

    read = [one for page in newsroom.pages(2, withdrawing()) for one in page]
    gone = {str(article_id(number)) for number in (2, 9, 17)}
    assert len(read) == len(set(read))
    assert set(there) - gone <= set(read) <= set(there)


def test_a_page_may_have_another_size_than_the_one_before(newsroom: Newsroom) -> None:
    there = [newsroom.add() for _ in range(9)]
    first = newsroom.client.json("/v1/articles", limit=2)
    rest = newsroom.client.json("/v1/articles", limit=100, cursor=first["next"])
    assert {one["id"] for one in first["items"] + rest["items"]} == set(there)
    assert len(rest["items"]) == 7


def test_whoever_follows_changes_sees_all_that_is_written_meanwhile(newsroom: Newsroom) -> None:
    copy: dict[str, int] = {}
    after: dict[str, str] = {}
    written = writing(newsroom)
    for _ in range(BEFORE):
        newsroom.add()
    for turn in range(20):
        answer = newsroom.client.json("/v1/changes", limit=7, **after)
        after = {"after": answer["next"]}
        copy |= {one["id"]: one["revision"] for one in answer["items"]}
        if turn < 6:
            next(written)
    assert newsroom.client.json("/v1/changes", **after)["items"] == []
    listed = newsroom.client.json("/v1/articles", limit=1000)["items"]
    assert copy == {one["id"]: one["revision"] for one in listed}
