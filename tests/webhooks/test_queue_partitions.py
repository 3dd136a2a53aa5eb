"""The queue of a webhook of a desk with several partitions: events of all, each taken off once."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from services.bus.connect import client, server_url
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, Keys
from services.bus.webhooks import AGAIN, Letter, WebhookQueue
from services.bus.webhooks_desk import Queues, WebhookDesk
from tests.bus.desk import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from redis import Redis

    from services.settings import Settings

pytestmark = pytest.mark.anyio

KEYS = Keys("news", 3)
LETTER = Letter(b"{}", "id", "type", 3, "status 500")


@pytest.fixture
def several(redis: Redis, settings: Settings) -> Iterator[Settings]:
    """Settings of a desk with three partitions, whose keys go again."""
    yield changed(settings, partitions=3)
    redis.flushall()


@asynccontextmanager
async def begun(settings: Settings) -> AsyncIterator[tuple[WebhookQueue, WebhookDesk]]:
    """A queue that has its lease, and what an operator sees of it."""
    async with client(server_url(settings)) as redis:
        queue = Queues(redis, settings).queue("archive", (ENRICHED_STREAM,))
        await queue.ensure((0, 0))
        await queue.lease(30)
        yield queue, WebhookDesk(redis, Keys.of(settings))


def put(redis: Redis, *partitions: int) -> None:
    """An event in each of these partitions; its bytes name it."""
    for partition in partitions:
        key = KEYS.at(partition).stream(ENRICHED_STREAM)
        redis.xadd(key, {DATA_FIELD: f"of {partition}".encode()})


async def test_events_of_all_partitions_come_in_the_order_of_time(
    redis: Redis, several: Settings
) -> None:
    async with begun(several) as (queue, _):
        put(redis, 2, 0, 1)
        found = await queue.fresh(10, 500)
        assert sorted(event for _, event in found) == [b"of 0", b"of 1", b"of 2"]
        assert [slot.entry for slot, _ in found] == sorted(slot.entry for slot, _ in found)
        assert {slot.stream for slot, _ in found} == {"enriched", "enriched/1", "enriched/2"}
        assert await queue.size() == 3
        assert list(await queue.waiting()) == sorted(slot for slot, _ in found)
        assert await queue.event(found[0][0]) == found[0][1]


async def test_a_partition_that_is_silent_holds_up_no_other(
    redis: Redis, several: Settings
) -> None:
    async with begun(several) as (queue, _):
        put(redis, 1)
        started = time.monotonic()
        assert len(await queue.fresh(10, 5000)) == 1
        assert time.monotonic() - started < 2
        assert await queue.fresh(10, 5000) == []
        assert time.monotonic() - started < 4, "and is asked again soon"


async def test_what_was_delivered_or_buried_is_taken_off(redis: Redis, several: Settings) -> None:
    now = time.time()
    async with begun(several) as (queue, desk):
        put(redis, 0, 1, 2)
        first, second, third = [slot for slot, _ in await queue.fresh(10, 0)]
        for slot in (first, second, third):
            assert await queue.begin(slot, counted=True)
        await queue.delivered(first, now)
        await queue.delivered(second, now)
        await queue.delivered(second, now)
        assert await queue.buried(third, LETTER, now)
        assert await queue.waiting() == {}
        state = await desk.state("archive")
        assert (state.delivered, state.failed, state.dead, state.lag) == (2, 1, 1, 0)
        (letter,) = await desk.letters("archive")
        assert await desk.retry("archive", [letter.id]) == 1
        assert [slot.stream for slot in await queue.waiting()] == [AGAIN]


async def test_without_the_lease_nothing_is_buried(redis: Redis, several: Settings) -> None:
    now = time.time()
    async with begun(several) as (queue, desk):
        put(redis, 2)
        ((slot, _),) = await queue.fresh(10, 0)
        await queue.release()
        assert not await queue.buried(slot, LETTER, now)
        assert list(await queue.waiting()) == [slot]
        await queue.passed_over([slot])
        assert (await desk.state("archive")).waiting == 0


async def test_it_is_removed_everywhere(redis: Redis, several: Settings) -> None:
    put(redis, 0, 1, 2)
    async with begun(several) as (_, desk):
        assert (await desk.state("archive")).lag == 3
        await desk.destroy("archive")
    for partition in range(3):
        assert redis.xinfo_groups(KEYS.at(partition).stream(ENRICHED_STREAM)) == []
