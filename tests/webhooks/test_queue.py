"""The queue in Redis: who may change it, and what outlives a server or a lost answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from services.bus.connect import client, server_url
from services.bus.errors import Unavailable
from services.bus.keys import ENRICHED_STREAM, INDEXER, Keys
from services.bus.retention import Janitor
from services.bus.scripts import Scripts
from services.bus.webhooks import CONSUMER, Letter, QueueGone, Tries, streams_of
from services.bus.webhooks_desk import Queues
from services.indexer.webhooks import courier as courier_module
from tests.bus.conftest import own_server
from tests.bus.desk import at_server, changed, eventually
from tests.webhooks.kit import Turned, comes, courier, make_webhook, put, settled
from tests.webhooks.receiver import Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.bus.server import EmbeddedServer
    from services.bus.webhooks import WebhookQueue
    from services.settings import Settings
    from tests.bus.desk import Desk
    from tests.webhooks.receiver import Receiver

__all__ = ["own_server"]
pytestmark = pytest.mark.anyio

LETTER = Letter(b"{}", "id", "type", 3, "status 500")


@asynccontextmanager
async def queues(settings: Settings) -> AsyncIterator[tuple[WebhookQueue, WebhookQueue]]:
    """The queue of one webhook, as two workers have it."""
    streams = streams_of(make_webhook("http://127.0.0.1/").wants.types)
    async with client(server_url(settings)) as redis:
        both = Queues(redis, settings)
        mine, theirs = both.queue("archive", streams), both.queue("archive", streams)
        await mine.ensure((0, 0))
        yield mine, theirs


async def test_without_the_lease_only_an_arrival_is_noted(desk: Desk, settings: Settings) -> None:
    """A worker that was frozen for long changes nothing that its successor sees."""
    put(desk, 1, 2)
    now = time.time()
    async with queues(settings) as (mine, theirs):
        assert await mine.lease(30)
        assert not await theirs.lease(30)
        ((first, _), (second, _)) = await mine.fresh(10, 0)
        assert await theirs.begin(first, counted=True) is None
        assert not await theirs.postponed(first, now, "status 500", now)
        assert not await theirs.buried(first, LETTER, now)
        assert await mine.waiting() == {first: Tries(), second: Tries()}
        await theirs.delivered(first, now)
        assert list(await mine.waiting()) == [second]
        await theirs.release()
        assert not await theirs.lease(30), "it has given back what wasn't its own"
        await mine.release()
        assert await theirs.lease(30)


async def test_a_letter_is_buried_once(desk: Desk, settings: Settings) -> None:
    """And dead letters that are too old go, with the key itself at last."""
    put(desk, 1, 2)
    now = time.time()
    async with queues(settings) as (mine, _):
        await mine.lease(30)
        ((first, _), (second, _)) = await mine.fresh(10, 0)
        assert await mine.buried(first, LETTER, now)
        assert not await mine.buried(first, LETTER, now)
        dead = desk.keys.webhook("archive", "dead")
        assert desk.redis.xlen(dead) == 1
        assert 0 < int(str(desk.redis.ttl(dead))) <= settings.retain_dead
        assert await mine.buried(second, LETTER, now + settings.retain_dead + 5)
        assert desk.redis.xlen(dead) == 0, "both are older than what is kept"


async def test_tries_are_counted_before_they_are_made(desk: Desk, settings: Settings) -> None:
    put(desk, 1)
    async with queues(settings) as (mine, _):
        await mine.lease(30)
        ((first, _),) = await mine.fresh(10, 0)
        assert await mine.begin(first, counted=True) == Tries(1, 1)
        assert (await mine.waiting())[first] == Tries(1, 1)
        assert await mine.postponed(first, 50.0, "status 500", 45.0)
        assert await mine.begin(first, counted=False) == Tries(1, 2)
        assert (await mine.waiting())[first] == Tries(1, 2, 50.0, "status 500")


async def test_a_queue_that_is_gone_says_so(desk: Desk, settings: Settings) -> None:
    async with queues(settings) as (mine, _):
        desk.forget()
        for asked in (mine.fresh(1, 0), mine.size(), mine.waiting()):
            with pytest.raises(QueueGone):
                await asked


async def test_a_server_that_is_away_says_so(settings: Settings) -> None:
    streams = streams_of(make_webhook("http://127.0.0.1/").wants.types)
    async with Redis.from_url("redis://127.0.0.1:1/0", retry=None) as nowhere:
        queue = Queues(nowhere, settings).queue("archive", streams)
        for asked in (queue.lease(1), queue.size(), queue.noted(), queue.ensure((0, 0))):
            with pytest.raises(Unavailable):
                await asked


async def test_what_was_read_by_an_answer_that_was_lost_is_found(
    desk: Desk,
    settings: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server gave it out, and nobody got it: the queue knows more than we do."""
    monkeypatch.setattr(courier_module, "COUNT_EVERY", 0.05)
    async with queues(settings):
        put(desk, 1)
        async with courier(settings, make_webhook(receiver.url)):
            await comes(receiver, 1)
            group: Any = "webhook:archive"
            # Reads as the courier does, on a connection that it knows nothing of.
            number = 1
            while not desk.redis.xpending(desk.keys.stream(ENRICHED_STREAM), group)["pending"]:
                number += 1
                put(desk, number)
                desk.redis.xreadgroup(
                    group, CONSUMER, {desk.keys.stream(ENRICHED_STREAM): ">"}, count=1
                )
            await eventually(lambda: len(receiver.numbers) >= number, "all have come")
            await settled(settings)
    assert set(receiver.numbers) == set(range(1, number + 1))


async def test_the_janitor_keeps_what_a_webhook_still_needs(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """However old: what waits for another try, and what wasn't read yet."""
    old = changed(settings, retain_enriched=0.001)
    receiver.answer = lambda request: Reply(422 if request.number == 2 else 204)
    put(desk, 1, 2, 3)
    key = desk.keys.stream(ENRICHED_STREAM)
    async with client(server_url(settings)) as redis:
        keys = Keys(settings.namespace)
        janitor = Janitor(INDEXER, old, redis, Scripts(redis, keys, 60))
        turned = Turned()
        async with courier(settings, make_webhook(receiver.url), turned.clock):
            await comes(receiver, 1, 2, 3)
            await asyncio.to_thread(desk.redis.xgroup_create, key, "indexer", "$")
            await janitor.sweep()
            assert desk.redis.xlen(key) == 2, "only the first may go"
            receiver.answer = lambda _request: Reply()
            turned.turn(10)
            await settled(settings)
        put(desk, 4)
        await janitor.sweep()
        assert desk.redis.xlen(key) >= 1


async def test_a_server_that_dies_and_comes_back_loses_nothing(
    own_server: EmbeddedServer, settings: Settings, receiver: Receiver
) -> None:
    """What was under way meanwhile may come twice, under the same id."""
    from redis import Redis as SyncRedis  # noqa: PLC0415

    from tests.bus.desk import Desk  # noqa: PLC0415

    moved = at_server(settings, own_server, claim_after=0.5)
    with SyncRedis.from_url(own_server.url) as redis:
        desk = Desk(redis, moved)
        async with courier(moved, make_webhook(receiver.url)):
            put(desk, 1, 2, 3)
            await comes(receiver, 1, 2, 3)
            await asyncio.to_thread(own_server.stop)
            await asyncio.to_thread(own_server.start)
            put(desk, 4, 5)
            await eventually(lambda: {4, 5} <= set(receiver.numbers), "it goes on")
            await settled(moved)
    assert set(receiver.numbers) == {1, 2, 3, 4, 5}
    assert len({request.id for request in receiver.requests}) == 5
