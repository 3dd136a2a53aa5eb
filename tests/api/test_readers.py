"""The pool of stores: opened when needed, kept, opened anew after errors, closed at the end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import StopWorking, Unavailable
from services.indexer.api import readers as module
from services.indexer.api.problems import ProblemError
from services.indexer.api.readers import Readers
from services.indexer.store.base import BadQuery
from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.api.client import asking, serving
from tests.api.library import BRIDGE, articles
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.indexer.store.base import ArticleStore


class Watched:
    """A pool, and every store that it opened."""

    def __init__(self, settings: Settings, size: int) -> None:
        self.opened: list[ArticleStore] = []
        self.closed: list[ArticleStore] = []
        self.readers = Readers(settings, size)
        self.settings = settings

    def open(self, settings: Settings, *, read_only: bool = False) -> ArticleStore:
        """In place of the real one: the same, and noted."""
        assert read_only
        store = open_store(settings, read_only=True)
        self.opened.append(store)
        close = store.close

        def closing() -> None:
            self.closed.append(store)
            close()

        store.close = closing  # type: ignore[method-assign]  # noted, then done
        return store

    def read(self, work: Callable[[ArticleStore], Any]) -> Any:
        """What ``work`` makes of a store, in a loop of its own."""
        return asyncio.run(self.readers.read(work))


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Two stores at most, over one that holds all articles."""
    settings = Settings(state_dir=tmp_path)
    with open_store(settings) as store:
        store.file(articles())
    watched = Watched(settings, size=2)
    monkeypatch.setattr(module, "open_store", watched.open)
    yield watched
    watched.readers.close()
    assert {id(store) for store in watched.closed} == {id(store) for store in watched.opened}


def count(store: ArticleStore) -> int:
    return store.count()


def failing(error: Exception) -> Callable[[ArticleStore], None]:
    def work(_store: ArticleStore) -> None:
        raise error

    return work


def test_a_store_is_opened_when_it_is_first_needed_and_kept(pool: Watched) -> None:
    assert pool.opened == []
    assert [pool.read(count) for _ in range(3)] == [5, 5, 5]
    assert len(pool.opened) == 1


def test_reads_happen_in_other_threads_at_once(pool: Watched) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def met(store: ArticleStore) -> int:
        meeting.wait()
        assert threading.current_thread() is not threading.main_thread()
        return store.count()

    async def both() -> list[int]:
        return list(await asyncio.gather(pool.readers.read(met), pool.readers.read(met)))

    assert asyncio.run(both()) == [5, 5]
    assert len(pool.opened) == 2


@pytest.mark.parametrize("error", [Unavailable("x"), StopWorking("x"), KeyError("x")])
def test_after_an_error_the_store_is_opened_anew(pool: Watched, error: Exception) -> None:
    pool.read(count)
    with pytest.raises(type(error)):
        pool.read(failing(error))
    assert pool.read(count) == 5
    assert pool.closed == pool.opened[:-1]


@pytest.mark.parametrize("error", [BadQuery("x"), ProblemError(404, "not-found")])
def test_an_error_of_the_request_costs_no_store(pool: Watched, error: Exception) -> None:
    with pytest.raises(type(error)):
        pool.read(failing(error))
    assert pool.read(count) == 5
    assert len(pool.opened) == 1


def test_a_store_that_was_left_open_and_went_away_is_tried_once_more(pool: Watched) -> None:
    pool.read(count)
    stale = pool.opened[0]

    def work(store: ArticleStore) -> int:
        if store is stale:
            raise Unavailable("the server was started anew")
        return store.count()

    assert pool.read(work) == 5
    assert pool.closed == [stale]


def test_a_store_that_was_put_in_its_place_is_the_one_that_is_read(
    pool: Watched, tmp_path: Path
) -> None:
    assert pool.read(count) == 5
    other = Settings(state_dir=tmp_path / "other")
    with open_store(other) as store:
        store.file(articles()[4:5])
    for name in ("-wal", "-shm"):
        pool.settings.store.with_name(pool.settings.store.name + name).unlink(missing_ok=True)
    other.store.replace(pool.settings.store)
    assert pool.read(count) == 1
    assert pool.closed == pool.opened[:1]


def test_more_than_can_be_answered_soon_are_told_to_come_back(
    pool: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    small = Readers(pool.settings, 1)
    go = threading.Event()

    async def crowd() -> list[Any]:
        some = [small.read(lambda _store: go.wait(20)) for _ in range(2)]
        tasks = [asyncio.ensure_future(each) for each in some]
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refused:
            await small.read(count)
        assert refused.value.status == 503
        assert "retry-after" in refused.value.headers
        go.set()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(crowd()) == [True, True]
    assert asyncio.run(small.read(count)) == 5
    small.close()


def test_closing_waits_for_reads_in_work_and_then_refuses(pool: Watched) -> None:
    started, go = threading.Event(), threading.Event()

    def work(store: ArticleStore) -> int:
        started.set()
        go.wait(20)
        return store.count()

    results: list[int] = []
    reading = threading.Thread(target=lambda: results.append(pool.read(work)))
    reading.start()
    assert started.wait(20)
    closing = threading.Thread(target=pool.readers.close)
    closing.start()
    wait_until(lambda: pool.readers._closed, "the pool to close")
    go.set()
    closing.join(20)
    reading.join(20)
    assert results == [5]
    with pytest.raises(Unavailable):
        pool.read(count)
    pool.readers.close()


def test_before_anything_was_stored_the_api_says_so_and_works_as_soon_as_it_was(
    tmp_path: Path,
) -> None:
    settings = Settings(state_dir=tmp_path)
    with serving(settings) as app, asking(app) as client:
        told = client.problem(503, "/v1/articles")
        assert told["detail"] == "No article has been stored yet."
        assert client.get("/v1/articles").headers["retry-after"]
        assert client.get("/v1").status_code == 200
        with open_store(settings) as store:
            assert client.json("/v1/articles")["items"] == []
            store.file(articles()[4:5])
            (shown,) = client.json("/v1/articles")["items"]
    assert shown["id"] == str(BRIDGE)


def test_a_store_that_is_none_is_unavailable_until_it_is_mended(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    settings.store.write_text("no database", encoding="utf-8")
    with serving(settings) as app, asking(app) as client:
        told = client.problem(503, "/v1/articles")
        assert str(tmp_path) not in str(told)
        settings.store.unlink()
        open_store(settings).close()
        assert client.json("/v1/articles")["items"] == []
