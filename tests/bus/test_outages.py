"""A server that is full, or dies and comes back, costs time and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from services.bus.connect import client, server_url
from services.bus.errors import Unavailable
from services.bus.keys import ENRICHED_STREAM, RAW_STREAM
from services.bus.publisher import Publisher
from services.bus.watchdog import Exit
from tests.bus.desk import RECEIPTS, Desk, article, articles, at_server, changed
from tests.bus.test_server import kill
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.bus.server import EmbeddedServer
    from services.settings import Settings
    from tests.bus.processes import Workers
    from tests.bus.worker import Control

FULL, EMPTY = "1", "0"
"""``maxmemory``: one byte, so that every write that needs memory is refused; and no limit."""


@pytest.fixture
def there(own_server: EmbeddedServer, settings: Settings) -> Settings:
    """Settings for a server that the test may do anything to."""
    return at_server(settings, own_server)


@pytest.fixture
def own_desk(there: Settings) -> Iterator[Desk]:
    with Redis.from_url(server_url(there)) as redis:
        yield Desk(redis, there)


def test_a_full_server_makes_the_stage_wait_and_loses_nothing(
    own_desk: Desk, there: Settings, control: Control, workers: Workers
) -> None:
    own_desk.publish(*articles("hold 1", "good 2", "reject 3"))
    worker = workers.start(there)
    wait_until(lambda: control.said("held"), "the batch is in work")
    own_desk.redis.config_set("maxmemory", FULL)
    control.say("go")
    wait_until(lambda: worker.lines("stage.waiting"), "the stage says that it waits")
    (waiting,) = worker.lines("stage.waiting")
    assert "maxmemory" in waiting["reason"]
    assert own_desk.enriched() == []
    assert len(own_desk.pending()) == 3, "acknowledged and not forwarded would be lost"
    own_desk.redis.config_set("maxmemory", EMPTY)
    wait_until(own_desk.settled, "the stage goes on")
    assert worker.lines("stage.resumed")
    assert worker.stop() == 0
    assert own_desk.enriched() == ["good 2", "hold 1"]
    assert len(own_desk.dead()) == len(own_desk.outcomes()) == 1
    assert control.calls() == [["hold 1", "good 2", "reject 3"]], "worked on once"


@pytest.mark.anyio
async def test_a_full_server_makes_the_publisher_say_unavailable_and_takes_nothing_half(
    own_desk: Desk, there: Settings
) -> None:
    async with client(server_url(there)) as redis:
        publisher = Publisher(there, redis, RECEIPTS)
        await publisher.publish([article(1)])
        own_desk.redis.config_set("maxmemory", FULL)
        with pytest.raises(Unavailable, match="server"):
            await publisher.publish([article(2)])
        own_desk.redis.config_set("maxmemory", EMPTY)
        await publisher.publish([article(1), article(2)])
    assert len(own_desk.ids(RAW_STREAM)) == 2


def test_a_stop_while_the_server_is_full_leaves_the_messages_pending(
    own_desk: Desk, there: Settings, control: Control, workers: Workers
) -> None:
    own_desk.publish(*articles("hold 1"))
    worker = workers.start(there)
    wait_until(lambda: control.said("held"), "the batch is in work")
    own_desk.redis.config_set("maxmemory", FULL)
    control.say("go")
    wait_until(lambda: worker.lines("stage.waiting"), "the stage waits")
    assert worker.stop() == 0
    own_desk.redis.config_set("maxmemory", EMPTY)
    assert len(own_desk.pending()) == 1
    heir = workers.start(there)
    wait_until(own_desk.settled, "another worker goes on")
    assert heir.stop() == 0
    assert own_desk.enriched() == ["hold 1"]


def test_a_worker_that_starts_on_a_full_server_ends_with_a_reason(
    own_desk: Desk, there: Settings, workers: Workers
) -> None:
    own_desk.redis.config_set("maxmemory", FULL)
    worker = workers.start(there)
    assert worker.code() == Exit.UNAVAILABLE
    (line,) = worker.lines("service.cannot_work")
    assert "maxmemory" in line["reason"]


def test_a_server_killed_and_started_again_costs_nothing(
    own_server: EmbeddedServer,
    own_desk: Desk,
    there: Settings,
    control: Control,
    workers: Workers,
) -> None:
    """SIGKILL in mid-batch: what was written is in the append-only file; the rest is redone."""
    own_desk.publish(*articles("good 1", "good 2"))
    worker = workers.start(there)
    wait_until(lambda: len(own_desk.enriched()) == 2, "the first ones go on")
    own_desk.publish(article(3, "hold 3"), article(4, "good 4"))
    wait_until(lambda: control.said("held"), "the second batch is in work")
    kill(own_server)
    control.say("go")
    wait_until(lambda: worker.lines("stage.waiting"), "the stage waits for the server")
    assert own_server.ensure()
    own_desk.publish(article(5, "good 5"))
    wait_until(lambda: len(own_desk.ids(ENRICHED_STREAM)) == 5, "all go on")
    wait_until(own_desk.settled, "nothing is left")
    assert worker.stop() == 0
    assert own_desk.enriched() == ["good 1", "good 2", "good 4", "good 5", "hold 3"]


def test_a_message_is_not_doubled_when_the_answer_to_its_hand_off_is_lost(
    own_desk: Desk, there: Settings, workers: Workers
) -> None:
    """Connections cut again and again while two hundred messages of one batch cross."""
    headlines = [f"good {number:03}" for number in range(200)]
    own_desk.publish(*articles(*headlines))
    worker = workers.start(changed(there, batch_size=200))
    wait_until(lambda: own_desk.ids(ENRICHED_STREAM), "the batch is on its way")

    def cut_and_look() -> bool:
        own_desk.redis.client_kill_filter(_type="normal", skipme=True)
        return len(own_desk.ids(ENRICHED_STREAM)) >= 150

    wait_until(cut_and_look, "most cross in spite of it")
    wait_until(own_desk.settled, "the rest crosses in peace")
    assert worker.stop() == 0
    assert own_desk.enriched() == headlines
