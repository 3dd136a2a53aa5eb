"""``/v1/desk``: what operators are shown, and that nothing of it is what articles say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.bus.board import Board
from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, INDEXER, OUTCOME_STREAM, RAW_STREAM
from services.indexer.api.app import create_app
from services.indexer.api.context import ApiContext
from services.indexer.api.models import DeskView
from services.indexer.api.readers import Readers
from services.indexer.store.opening import open_store
from tests.api.client import Client, problem_of
from tests.bus.desk import Desk, articles
from tests.bus.test_board import dead_letter, noting
from tests.factories import NOON, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis as SyncRedis

    from services.settings import Settings


@pytest.fixture
def desk(redis: SyncRedis, settings: Settings) -> Desk:
    """A desk with three articles on their way, a worker, a dead letter and a receipt."""
    made = Desk(redis, settings)
    made.publish(*articles("one", "two", "three"))
    made.put(dead_letter(3), DEAD_STREAM)
    noting(settings, 7)
    sign = {
        "stage": "indexer",
        "pid": os.getpid(),
        "host": "desk-1",
        "version": "0.1.0",
        "done": 5,
        "failed": 1,
        "waiting_for": None,
        "busy_seconds": 0.5,
        "progress": [{"file": "in-work.jsonl"}],
        "api": "http://127.0.0.1:1",
    }
    redis.set(made.keys.alive(INDEXER, "desk-1-1"), orjson.dumps(sign), ex=60)
    return made


class View:
    """The desk view of an API over the settings, looked at anew each time."""

    def __init__(self, settings: Settings) -> None:
        self.readers = Readers(settings)
        self.board = Board(settings, fresh_for=0.0)
        context = ApiContext(settings, self.readers, board=self.board, clock=lambda: NOON)
        self.client = Client(create_app(context))

    def look(self) -> DeskView:
        answer = self.client.get("/v1/desk")
        assert answer.status_code == 200, answer.text
        return DeskView.model_validate_json(answer.content)

    def close(self) -> None:
        self.client._runner.run(self.board.close())
        self.client.close()
        self.readers.close()


@pytest.fixture
def view(settings: Settings) -> Iterator[View]:
    made = View(settings)
    yield made
    made.close()


def test_all_that_operators_look_at_is_there(desk: Desk, view: View, settings: Settings) -> None:
    with open_store(settings) as store:
        store.file([make_enriched()])
    seen = view.look()
    assert (seen.at, seen.server, seen.interval_seconds) == (NOON, "up", 30.0)
    names = ["raw", "enriched", "outcomes", "dead", "stories", "entities"]
    assert [stream.name for stream in seen.streams] == names
    raw = seen.streams[0]
    assert (raw.length, raw.added, raw.recent) == (3, 3, (0,))
    assert raw.per_minute is None
    (worker,) = seen.workers
    assert (worker.stage, worker.host, worker.done, worker.failed) == ("indexer", "desk-1", 5, 1)
    assert worker.busy_seconds == 0.5
    assert (seen.dead_letters, [dead.attempts for dead in seen.dead]) == (1, [3])
    assert [receipt.file for receipt in seen.receipts] == ["7.txt"]
    assert seen.receipts[0].summary == {"indexed": 1}
    assert seen.articles == 1
    assert desk.ids(DEAD_STREAM) == [seen.dead[0].entry_id]


def test_groups_are_told_apart_by_their_names(desk: Desk, view: View) -> None:
    for group in ("webhook:paging", "archive"):
        desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), group, id="0")
    desk.redis.xgroup_create(desk.keys.stream(OUTCOME_STREAM), "ingest:7", id="0", mkstream=True)
    kinds = {group.name: group.kind for stream in view.look().streams for group in stream.groups}
    assert kinds["archive"] == "subscriber"
    assert kinds["webhook:paging"] == "webhook"
    assert {kinds[name] for name in ("enrichment", "indexer", "ingest:7")} == {"stage"}


def test_lag_pending_and_age_are_of_what_a_group_isnt_done_with(desk: Desk, view: View) -> None:
    def raw_group() -> Any:
        (found,) = view.look().streams[0].groups
        return found

    fresh = raw_group()
    assert (fresh.lag, fresh.pending) == (3, 0)
    assert fresh.oldest_seconds is not None
    desk.redis.xreadgroup("enrichment", "w", {desk.keys.stream(RAW_STREAM): ">"}, count=1)
    taken = raw_group()
    assert (taken.lag, taken.pending) == (2, 1)


def test_nothing_of_what_articles_say_is_shown(desk: Desk, view: View) -> None:
    """Nor of what an error quotes, nor which files a worker has in hand."""
    desk.put(dead_letter(4), DEAD_STREAM)
    body = view.client.get("/v1/desk").text
    for content in ("three", "words", "in-work.jsonl", "original", "stack"):
        assert content not in body


def test_a_desk_without_its_server_is_still_shown(view: View, settings: Settings) -> None:
    """What the store knows is there; the rest says that the server is down."""
    with open_store(settings) as store:
        store.file([make_enriched()])
    view.board._settings = settings.model_copy(update={"redis_url": None})
    seen = view.look()
    assert (seen.server, seen.streams, seen.workers, seen.receipts) == ("down", (), (), ())
    assert seen.articles == 1


def test_without_a_store_the_number_of_articles_is_unknown(desk: Desk, view: View) -> None:
    assert desk.redis.ping()
    assert view.look().articles is None


def test_an_api_that_doesnt_look_says_so(settings: Settings) -> None:
    readers = Readers(settings)
    client = Client(create_app(ApiContext(settings, readers)))
    try:
        problem_of(client.get("/v1/desk"), 503)
    finally:
        client.close()
        readers.close()


def test_a_view_that_hasnt_changed_isnt_sent_again(desk: Desk, view: View) -> None:
    assert desk.redis.ping()
    view.board._fresh_for = 60.0
    first = view.client.get("/v1/desk")
    again = view.client.get("/v1/desk", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
