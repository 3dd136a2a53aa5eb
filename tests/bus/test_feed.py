"""The feed: every event that passes once, from memory or from Redis, for any number of clients."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from services.bus import tail as ring
from services.bus.feed import Delivery, Feed, Passed
from services.bus.filters import EventFilter, Traits, traits_of
from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    ENTITY_STREAM,
    OUTCOME_STREAM,
    RAW_STREAM,
    STORY_STREAM,
)
from services.bus.positions import Position, entry_id
from tests.bus.desk import Desk, at_server, changed, eventually
from tests.bus.feed_kit import ALL, about, event, feeding, gaps, heard, numbers, put_many, taken

if TYPE_CHECKING:
    from services.bus.positions import Start
    from services.bus.server import EmbeddedServer
    from services.settings import Settings

pytestmark = pytest.mark.anyio

STREAMS = (ENRICHED_STREAM, OUTCOME_STREAM, STORY_STREAM, ENTITY_STREAM)


async def test_from_now_on_only_what_comes_is_given(desk: Desk, settings: Settings) -> None:
    put_many(desk, range(3))
    async with feeding(settings) as feed:
        found = await taken(feed, 2, "now", started=lambda: put_many(desk, [3, 4]))
    assert numbers(found) == [3, 4]


async def test_the_bytes_are_those_that_are_stored(desk: Desk, settings: Settings) -> None:
    odd = (
        b'{ "type":"wiredesk.article.enriched.v1",\n "data": {"a": 1.50, "b": "\xc3\xbc \\u00fc"} }'
    )
    desk.put(odd, ENRICHED_STREAM)
    async with feeding(settings) as feed:
        (found,) = await taken(feed, 1)
    assert found.raw == odd


async def test_what_is_no_event_of_its_stream_is_passed_over(
    desk: Desk, settings: Settings
) -> None:
    for raw in (b"", b"no JSON", b"[1]", b'{"type": 3}', event(1, RAW_STREAM), b"[" * 5000):
        desk.put(raw, ENRICHED_STREAM)
    desk.redis.xadd(desk.keys.stream(ENRICHED_STREAM), {"other": "field"})
    desk.put(event(2), ENRICHED_STREAM)
    async with feeding(settings) as feed:
        assert numbers(await taken(feed, 1)) == [2]


async def test_one_that_was_away_for_an_hour_goes_on_without_a_gap_or_a_double(
    desk: Desk, settings: Settings
) -> None:
    """Far more than the ring holds comes meanwhile, and goes on coming while it catches up."""
    put_many(desk, range(5))
    async with feeding(settings) as feed:
        seen = await taken(feed, 3)
    put_many(desk, range(5, 5_000))

    async def goes_on(feed: Feed) -> None:
        for first in range(5_000, 6_000, 100):
            put_many(desk, range(first, first + 100))
            await eventually(lambda: feed.tail.end, "the reader turns")

    async with feeding(settings) as feed:
        writing = asyncio.create_task(goes_on(feed))
        seen += await taken(feed, 5_997, seen[-1].position)
        await writing
    assert numbers(seen) == list(range(6_000))


async def test_several_streams_come_as_one_in_the_order_of_time(
    desk: Desk, settings: Settings
) -> None:
    order = [STREAMS[n % 4] for n in (0, 1, 1, 2, 3, 0, 2, 1, 0, 3)]
    for number, stream in enumerate(order):
        desk.redis.xadd(
            desk.keys.stream(stream), {DATA_FIELD: event(number, stream)}, id=f"{1000 + number}-0"
        )
    async with feeding(settings) as feed:
        found = await taken(feed, 10)
    assert numbers(found) == list(range(10))
    assert [each.type for each in found] == [stream.event.full_name for stream in order]


@pytest.mark.parametrize("pieces", [1, 3, 50])
async def test_replay_from_any_point_gives_the_same_bytes_twice(
    desk: Desk, settings: Settings, pieces: int
) -> None:
    bodies = []
    for first, stream in zip(range(0, 200, 10), itertools.cycle(STREAMS), strict=False):
        bodies += put_many(desk, range(first, first + 10), stream)
    async with feeding(settings) as feed:
        whole = await taken(feed, 200)
        assert sorted(each.raw for each in whole) == sorted(bodies)
        for point in range(0, 200, 200 // pieces):
            for _ in range(2):
                again = await taken(feed, 199 - point, whole[point].position)
                assert again == whole[point + 1 :]


async def test_live_and_replay_give_the_same(desk: Desk, settings: Settings) -> None:
    """Each stream in its order; between streams, what came within one millisecond may swap."""
    async with feeding(settings) as feed:
        live = asyncio.create_task(taken(feed, 400, "now"))
        await eventually(lambda: feed.clients, "the client is there")
        for first, stream in zip(range(0, 400, 20), itertools.cycle(STREAMS), strict=False):
            put_many(desk, range(first, first + 20), stream)
        replayed = await taken(feed, 400)
        for kind in ALL.types:
            of_kind = [[e.raw for e in run if e.type == kind] for run in (await live, replayed)]
            assert len(of_kind[0]) == 100
            assert of_kind[0] == of_kind[1]


async def test_a_client_that_reads_nothing_hurts_nobody(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept for it is one position; it reads on from Redis when it wakes up."""
    monkeypatch.setattr(ring, "RING_ENTRIES", 50)
    async with feeding(settings) as feed, aclosing(feed.follow(ALL, "now")) as slow:
        assert isinstance(await anext(slow), Passed)
        prompt = asyncio.create_task(taken(feed, 2_000, "now"))
        await eventually(lambda: feed.clients == 2, "both are there")
        put_many(desk, range(2_000), pad=1_000)
        assert numbers(await prompt) == list(range(2_000))
        assert feed.tail.end - feed.tail.first == 50
        assert feed.tail.bytes < 50 * 1_200
        late = [await anext(slow) for _ in range(2_000)]
    assert numbers(late) == list(range(2_000))


async def test_the_ring_is_bounded_by_bytes_too(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "RING_BYTES", 10_000)
    async with feeding(settings) as feed:
        put_many(desk, range(100), pad=1_000)
        await eventually(lambda: feed.tail.end == 100, "all are read")
        assert feed.tail.bytes <= 10_000
        put_many(desk, [100], pad=20_000)
        await eventually(lambda: feed.tail.end == 101, "the large one is read")
        assert feed.tail.end - feed.tail.first == 1
        assert numbers(await taken(feed, 101)) == list(range(101))


async def test_a_hundred_clients_at_once_all_get_everything(desk: Desk, settings: Settings) -> None:
    put_many(desk, range(50))
    async with feeding(settings) as feed:
        clients = [asyncio.create_task(taken(feed, 100)) for _ in range(100)]
        await eventually(lambda: feed.clients == 100, "all are there")
        put_many(desk, range(50, 100))
        for client in clients:
            assert numbers(await client) == list(range(100))
        assert feed.clients == 0


async def test_no_event_is_parsed_twice_for_many_clients(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counting(document: dict[str, Any]) -> Traits:
        # An API that other tests have left running, in a thread of its own, parses for itself.
        if threading.current_thread() is threading.main_thread():
            parsed.append(document["id"])
        return traits_of(document)

    monkeypatch.setattr(ring, "traits_of", counting)
    put_many(desk, range(30))
    async with feeding(settings) as feed:
        await asyncio.gather(*(taken(feed, 30) for _ in range(10)))
    assert sorted(parsed, key=int) == [str(number) for number in range(30)]


async def test_positions_go_on_while_a_filter_holds_everything_back(
    desk: Desk, settings: Settings
) -> None:
    """So that a client that comes back doesn't read an hour of what it never wanted again."""
    nothing = EventFilter.of(entities=["Q184"])
    last = entry_id(desk.put(event(0), ENRICHED_STREAM))
    async with feeding(settings, beat=0.05) as feed:
        beats = await heard(feed, lambda items: len(items) == 3, "beginning", nothing)
        assert beats[-1].position == Position({"enriched": last})
        last = entry_id(desk.put(event(1), ENRICHED_STREAM))

        def arrived(items: list[Any]) -> bool:
            return bool(items[-1].position == Position({"enriched": last}))

        assert numbers(await heard(feed, arrived, beats[-1].position, nothing)) == []


async def test_only_what_passes_every_condition_is_given(desk: Desk, settings: Settings) -> None:
    fits = {"entity": "wd:Q184", "topic": "medtop:20000344", "source": "Wire", "language": "en"}
    others = {"entity": "wd:Q1", "topic": "medtop:01000000", "source": "Else", "language": "de"}
    desk.put(event(0, **about(**fits)), ENRICHED_STREAM)
    for number, name in enumerate(fits, start=1):
        desk.put(event(number, **about(**{**fits, name: others[name]})), ENRICHED_STREAM)
    desk.put(event(5, **about(**fits)), ENRICHED_STREAM)
    wanted = EventFilter.of(
        entities=["Q184"], topics=["medtop:04000000"], sources=["wire"], languages=["en"]
    )
    async with feeding(settings) as feed:
        assert numbers(await taken(feed, 2, wanted=wanted)) == [0, 5]


async def test_a_further_type_begins_where_the_client_is(desk: Desk, settings: Settings) -> None:
    """Whoever asks for outcomes too, from its old position on, gets those since then."""
    put_many(desk, [0], OUTCOME_STREAM)
    desk.redis.xadd(desk.keys.stream(ENRICHED_STREAM), {DATA_FIELD: event(1)})
    async with feeding(settings) as feed:
        (first,) = await taken(feed, 1, wanted=EventFilter())
        put_many(desk, [2], OUTCOME_STREAM)
        assert numbers(await taken(feed, 1, first.position))[-1] in {0, 2}
        both = await heard(feed, lambda items: 2 in numbers(items), first.position, ALL)
    assert 1 not in numbers(both)


async def test_a_time_begins_with_what_was_added_then(desk: Desk, settings: Settings) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    for number in range(4):
        ms = int((noon + timedelta(minutes=number)).timestamp() * 1000)
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(number)}, id=f"{ms}-0")
    async with feeding(settings) as feed:
        assert numbers(await taken(feed, 2, noon + timedelta(minutes=2))) == [2, 3]
        assert numbers(await taken(feed, 1, noon + timedelta(minutes=2, seconds=1))) == [3]


async def test_what_was_deleted_at_the_end_of_a_stream_holds_nobody_up(
    desk: Desk, settings: Settings
) -> None:
    """The ring begins behind an entry that is no more; it is met all the same."""
    put_many(desk, [1])
    for entry in desk.ids(ENRICHED_STREAM):
        desk.redis.xdel(desk.keys.stream(ENRICHED_STREAM), entry)
    async with feeding(settings) as feed:
        found = await taken(feed, 1, started=lambda: put_many(desk, [2]))
        assert numbers(found) == [2]


async def test_a_restart_of_the_server_loses_and_doubles_nothing(
    settings: Settings, own_server: EmbeddedServer
) -> None:
    settings = at_server(settings, own_server)
    with Redis.from_url(own_server.url) as connection:
        desk = Desk(connection, settings)
        async with feeding(settings, beat=0.05) as feed:
            client = asyncio.create_task(taken(feed, 300, "now"))
            await eventually(lambda: feed.clients, "the client is there")
            put_many(desk, range(100))
            await eventually(lambda: feed.tail.end == 100, "the first are read")
            own_server.stop()
            own_server.start()
            connection.connection_pool.disconnect()
            assert own_server.url == str(
                settings.redis_url and settings.redis_url.get_secret_value()
            )
            put_many(desk, range(100, 200))
            await eventually(lambda: feed.tail.end == 200, "it goes on")
            put_many(desk, range(200, 300))
            assert numbers(await client) == list(range(300))


async def test_a_feed_waits_for_a_server_that_is_not_there(settings: Settings) -> None:
    feed = Feed(changed(settings, redis_url=None), beat=0.05)
    feed.start()
    beats = await heard(feed, lambda items: len(items) == 2, "now", ALL)
    assert beats == [Passed(None), Passed(None)]
    beats = await heard(feed, lambda items: len(items) == 2, "beginning", ALL)
    assert str(beats[0].position) == "e0-0_n0-0_o0-0_s0-0"
    await feed.close()


async def test_when_the_feed_ends_all_its_clients_end(desk: Desk, settings: Settings) -> None:
    put_many(desk, [1])
    async with feeding(settings) as feed:
        waiting = [asyncio.create_task(taken(feed, 9, at)) for at in ("now", "beginning")]
        await eventually(lambda: feed.clients == 2, "both are there")
        started = asyncio.get_running_loop().time()
        await asyncio.to_thread(feed.end)
        now, beginning = await asyncio.gather(*waiting)
        assert (len(now), len(beginning)) in {(0, 0), (0, 1)}  # it may end before the first is read
        assert asyncio.get_running_loop().time() - started < 1.0
        assert [item async for item in feed.follow(ALL, "beginning")][1:] == []


async def test_a_position_is_one_word_that_can_be_given_back(
    desk: Desk, settings: Settings
) -> None:
    for stream in STREAMS:
        put_many(desk, [1], stream)
    async with feeding(settings) as feed:
        (*_, last) = await taken(feed, 4)
    assert isinstance(last, Delivery)
    assert Position.parse(str(last.position)) == last.position
    assert str(last.position).isascii()
    assert " " not in str(last.position)


async def test_nothing_is_told_to_be_gone_where_nothing_is(desk: Desk, settings: Settings) -> None:
    put_many(desk, range(10))
    starts: tuple[Start, ...] = ("beginning", "now", datetime(2020, 1, 1, tzinfo=UTC))
    async with feeding(settings, beat=0.02) as feed:
        for start in starts:
            items = await heard(feed, settled, start, ALL)
            assert gaps(items) == []
            assert len(numbers(items)) == (0 if start == "now" else 10)


def settled(items: list[Any]) -> bool:
    """Whether the client is told of nothing new any more."""
    return len(items) > 2 and items[-1] == items[-2]
