"""Where events are gone a gap is told, once, and nowhere else."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from services.bus import tail as ring
from services.bus.connect import client, server_url
from services.bus.feed import Delivery, Gap, Passed
from services.bus.filters import EventFilter
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, INDEXER, OUTCOME_STREAM
from services.bus.positions import Position, entry_id, time_of
from services.bus.retention import Janitor
from services.bus.scripts import Scripts
from tests.bus.desk import Desk, at_server, changed, eventually
from tests.bus.feed_kit import ALL, event, feeding, gaps, heard, numbers, put_many, taken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.bus.feed import Feed, Item
    from services.bus.server import EmbeddedServer
    from services.settings import Settings

pytestmark = pytest.mark.anyio

ONE = EventFilter()


async def trim(desk: Desk, *, keep: int, settings: Settings) -> None:
    """The janitor's round, when all but the last ``keep`` events are past their time."""
    ids = [entry_id(each) for each in desk.ids(ENRICHED_STREAM)]
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        horizon = f"{ids[-keep][0]}-{ids[-keep][1]}" if keep else f"{ids[-1][0] + 1}-0"
        await scripts.trim(ENRICHED_STREAM, horizon, 0, ())


def spread(desk: Desk, *numbers: int) -> None:
    """Events a minute apart."""
    for number in numbers:
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(number)}, id=f"{60_000 * (1 + number)}-0")


async def resumed(feed: Feed, start: Position | datetime, count: int) -> list[Item]:
    return await heard(feed, lambda items: len(numbers(items)) >= count, start, ONE)


async def test_a_position_that_was_trimmed_away_is_answered_with_a_gap_first(
    desk: Desk, settings: Settings
) -> None:
    spread(desk, *range(10))
    async with feeding(settings) as feed:
        seen = await taken(feed, 3, wanted=ONE)
        await trim(desk, keep=4, settings=settings)
        found = await resumed(feed, seen[-1].position, 4)
        assert numbers(found) == [6, 7, 8, 9]
        first, gap, *_ = found
        assert isinstance(first, Passed)
        assert isinstance(gap, Gap)
        assert gap.type == ENRICHED_STREAM.event.full_name
        assert (gap.since, gap.until) == (time_of((180_000, 0)), time_of((360_000, 0)))
        assert len(gaps(found)) == 1
        again = await resumed(feed, gap.position, 4)
        assert gaps(again) == []
        assert numbers(again) == [6, 7, 8, 9]


async def test_no_gap_is_told_where_only_what_was_seen_is_gone(
    desk: Desk, settings: Settings
) -> None:
    spread(desk, *range(10))
    async with feeding(settings) as feed:
        seen = await taken(feed, 6, wanted=ONE)
        await trim(desk, keep=4, settings=settings)
        found = await resumed(feed, seen[-1].position, 4)
    assert gaps(found) == []
    assert numbers(found) == [6, 7, 8, 9]


async def test_a_time_before_what_is_kept_is_answered_with_a_gap_and_the_beginning_is_not(
    desk: Desk, settings: Settings
) -> None:
    spread(desk, *range(10))
    await trim(desk, keep=4, settings=settings)
    async with feeding(settings) as feed:
        found = await resumed(feed, time_of((120_000, 0)), 4)
        (gap,) = gaps(found)
        assert gap.since == time_of((120_000, 0)) - timedelta(milliseconds=1)
        beginning = await heard(feed, lambda items: len(numbers(items)) == 4, "beginning", ONE)
    assert gaps(beginning) == []


async def test_an_event_that_came_and_went_on_an_empty_stream_while_one_was_away_is_a_gap(
    desk: Desk, settings: Settings
) -> None:
    async with feeding(settings) as feed:
        (start,) = await heard(feed, lambda items: len(items) == 1, "now", ONE)
        put_many(desk, range(3))
        await trim(desk, keep=0, settings=settings)
        put_many(desk, [7])
        assert start.position is not None
        found = await resumed(feed, start.position, 1)
    assert len(gaps(found)) == 1
    assert numbers(found) == [7]


async def test_a_slow_client_that_is_trimmed_over_while_it_is_connected_is_told(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "RING_ENTRIES", 5)
    async with feeding(settings) as feed, aclosing(feed.follow(ONE, "now")) as slow:
        await anext(slow)
        put_many(desk, range(100))
        await eventually(lambda: feed.tail.end == 100, "the ring has moved on")
        await asyncio.sleep(0)
        # Entry ids within one millisecond: the janitor's horizon is the last entry but ten.
        await trim(desk, keep=10, settings=settings)
        items = [await anext(slow) for _ in range(11)]
    assert isinstance(items[0], Gap)
    assert numbers(items) == list(range(90, 100))


async def test_what_somebody_deleted_by_hand_at_the_old_end_is_told_where_no_record_is(
    desk: Desk, settings: Settings
) -> None:
    spread(desk, *range(5))
    async with feeding(settings) as feed:
        (first, *_) = await taken(feed, 1, wanted=ONE)
        for entry in desk.ids(ENRICHED_STREAM)[:3]:
            desk.redis.xdel(desk.keys.stream(ENRICHED_STREAM), entry)
        found = await resumed(feed, first.position, 2)
    assert len(gaps(found)) == 1
    assert numbers(found) == [3, 4]


async def test_the_gap_of_one_stream_leaves_the_others_alone(
    desk: Desk, settings: Settings
) -> None:
    spread(desk, *range(4))
    async with feeding(settings) as feed:
        (first, *_) = await taken(feed, 1)
        await trim(desk, keep=1, settings=settings)
        put_many(desk, [50], OUTCOME_STREAM)
        found = await heard(feed, lambda items: len(numbers(items)) == 2, first.position, ALL)
    assert [gap.type for gap in gaps(found)] == ["wiredesk.article.enriched.v1"]
    assert numbers(found) == [3, 50]


async def test_a_server_that_has_lost_everything_is_told_of_not_passed_over(
    desk: Desk, settings: Settings
) -> None:
    put_many(desk, range(3))
    async with feeding(settings) as feed:
        (*_, last) = await taken(feed, 3, wanted=ONE)
        desk.redis.flushall()
        put_many(desk, [7])
        found = await resumed(feed, last.position, 1)
        assert len(gaps(found)) == 1
        assert numbers(found) == [7]
        desk.redis.flushall()
        told = await heard(feed, gaps_of_one, last.position, ONE)
        put_many(desk, [8])
        assert told[-1].position is not None
        assert numbers(await resumed(feed, told[-1].position, 1)) == [8]


def gaps_of_one(items: list[Item]) -> bool:
    return len(gaps(items)) == 1


async def test_a_server_that_has_lost_its_last_events_is_told_of(
    settings: Settings, own_server: EmbeddedServer
) -> None:
    """A client has seen what the server no longer knows; both go on from what it does know."""
    settings = at_server(settings, own_server)
    with Redis.from_url(own_server.url) as connection:
        desk = Desk(connection, settings)
        put_many(desk, range(3))
        async with feeding(settings, beat=0.05) as feed, aclosing(feed.follow(ONE, "now")) as live:
            await anext(live)
            put_many(desk, [3, 4])
            assert numbers([await _next(live), await _next(live)]) == [3, 4]
            ids = desk.ids(ENRICHED_STREAM)
            key = desk.keys.stream(ENRICHED_STREAM)
            entries: Any = connection.xrange(key)
            connection.delete(key)
            for raw_id, entry_fields in entries[:3]:
                connection.xadd(key, entry_fields, id=raw_id)
            assert desk.ids(ENRICHED_STREAM) == ids[:3]
            before = feed.connections
            connection.client_kill_filter(_type="normal", skipme=True)
            await eventually(lambda: feed.connections > before, "the feed connects again")
            gap = await _next(live)
            put_many(desk, [5])
            assert isinstance(gap, Gap)
            assert numbers([await _next(live)]) == [5]


async def _next(live: AsyncIterator[Item]) -> Item:
    """The next item that is no sign of life."""
    async with asyncio.timeout(30):
        while True:
            item = await anext(live)
            if not isinstance(item, Passed):
                return item


async def test_the_janitor_remembers_what_it_took(desk: Desk, settings: Settings) -> None:
    spread(desk, *range(4))
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="$")
    quick = changed(settings, retain_enriched=1.0)
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        assert await Janitor(INDEXER, quick, redis, scripts).sweep() == 3
        assert await Janitor(INDEXER, quick, redis, scripts).sweep() == 0
    assert desk.redis.hgetall(desk.keys.trimmed()) == {b"enriched": b"180000-0"}


async def test_a_position_far_in_the_future_is_not_waited_for(
    desk: Desk, settings: Settings
) -> None:
    """Somebody else's position, or made up: told, and from then on events come."""
    put_many(desk, [1])
    far = Position({"enriched": (int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1000, 0)})
    async with feeding(settings) as feed, aclosing(feed.follow(ONE, far)) as items:
        assert isinstance(await anext(items), Passed)
        assert isinstance(await anext(items), Gap)
        put_many(desk, [2])
        assert isinstance(await _next(items), Delivery)
