"""Registered subscribers: where they begin, how they are listed, what is kept for them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from services.bus.connect import client, server_url
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    INDEXER,
    OUTCOME_STREAM,
    RAW_STREAM,
)
from services.bus.retention import Janitor
from services.bus.scripts import Scripts
from services.bus.subscribers import NotDone, Subscriber, Subscribers
from tests.bus.desk import Desk, changed
from tests.bus.feed_kit import event, put_many

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.settings import Settings

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def subscribing(settings: Settings) -> AsyncIterator[Subscribers]:
    async with client(server_url(settings)) as redis:
        yield Subscribers(redis, settings)


def hours(desk: Desk, *numbers: int) -> None:
    """Events at these hours of a day long past."""
    for hour in numbers:
        ms = int(datetime(2026, 3, 2, hour, tzinfo=UTC).timestamp() * 1000)
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(hour)}, id=f"{ms}-0")


def given(desk: Desk, name: str, count: int = 100, *, ack: bool = True) -> list[int]:
    """The numbers of the next events of a group."""
    key = desk.keys.stream(ENRICHED_STREAM)
    answer: Any = desk.redis.xreadgroup(name, "one", {key: ">"}, count=count)
    entries = answer[0][1] if answer else []
    if ack and entries:
        desk.redis.xack(key, name, *(entry_id for entry_id, _ in entries))
    return [int(entry_id.split(b"-")[0]) // 3_600_000 % 24 for entry_id, _ in entries]


async def sweep(settings: Settings, **over: Any) -> int:
    """A round of the janitor that finds everything old."""
    old = changed(settings, retain_enriched=1.0, **over)
    async with client(server_url(settings)) as redis:
        desk = Desk(redis, settings)  # type: ignore[arg-type]  # only its keys are used
        return await Janitor(INDEXER, old, redis, Scripts(redis, desk.keys, 60)).sweep()


async def only(desk: Subscribers) -> Subscriber:
    (state,) = await desk.states()
    return state


@pytest.mark.parametrize(
    ("start", "begins", "lag"),
    [
        ("beginning", [1, 2, 3, 4], 4),
        ("now", [], 0),
        (datetime(2026, 3, 2, 3, tzinfo=UTC), [3, 4], 2),
        (datetime(2026, 3, 2, 3, 0, 1, tzinfo=UTC), [4], 1),
        (datetime(2020, 1, 1, tzinfo=UTC), [1, 2, 3, 4], 4),
    ],
)
async def test_a_subscriber_begins_where_it_asked_to_and_its_lag_is_known(
    desk: Desk, settings: Settings, start: Any, begins: list[int], lag: int
) -> None:
    hours(desk, 1, 2, 3, 4)
    async with subscribing(settings) as subscribers:
        added = await subscribers.add("dashboard", ENRICHED_STREAM, start)
        assert added.first == (datetime(2026, 3, 2, begins[0], tzinfo=UTC) if begins else None)
        assert not added.trimmed
        state = await only(subscribers)
        assert (state.lag, state.pending, state.there) == (lag, 0, True)
        assert given(desk, "dashboard") == begins
        assert (await only(subscribers)).lag == 0


async def test_a_subscriber_may_come_before_the_first_event(desk: Desk, settings: Settings) -> None:
    async with subscribing(settings) as subscribers:
        for start in ("now", "beginning", datetime(2026, 3, 2, tzinfo=UTC)):
            added = await subscribers.add(f"s{str(start)[0]}", ENRICHED_STREAM, start)
            assert (added.first, added.adopted) == (None, False)
    hours(desk, 5)
    assert [given(desk, name) for name in ("sn", "sb", "s2")] == [[5]] * 3


@pytest.mark.parametrize(
    "name",
    "enrichment|Indexer|ingest:3|webhook:x|webhooks|wiredesk-1|ingest.a"
    f"|| |1st|a b|a/b|ü|{'a' * 65}|-a|a\n|{{news}}".split("|"),
)
async def test_names_of_our_own_and_odd_ones_are_refused(
    desk: Desk, settings: Settings, name: str
) -> None:
    async with subscribing(settings) as subscribers:
        with pytest.raises(NotDone):
            await subscribers.add(name, ENRICHED_STREAM, "now")
        with pytest.raises(NotDone):
            await subscribers.remove(name or "nobody", ENRICHED_STREAM)
    assert desk.redis.keys("*") == []


async def test_a_name_is_taken_once_per_stream(desk: Desk, settings: Settings) -> None:
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "now")
        with pytest.raises(NotDone, match="already; `wiredesk subscribers move"):
            await subscribers.add("dashboard", ENRICHED_STREAM, "beginning")
        await subscribers.add("dashboard", DEAD_STREAM, "now")
        assert await subscribers.streams_of("dashboard") == [ENRICHED_STREAM, DEAD_STREAM]
        assert await subscribers.streams_of("indexer") == []
    assert RAW_STREAM.name not in desk.keys.subscribers()


async def test_a_group_made_by_hand_is_taken_where_it_stands(
    desk: Desk, settings: Settings
) -> None:
    hours(desk, 1, 2, 3)
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), "mine", id="0")
    assert given(desk, "mine", 1) == [1]
    async with subscribing(settings) as subscribers:
        assert (await only(subscribers)).registered is None
        with pytest.raises(NotDone, match="made by hand; without --from"):
            await subscribers.add("mine", ENRICHED_STREAM, "now")
        added = await subscribers.add("mine", ENRICHED_STREAM)
        assert added.adopted
        assert added.first == datetime(2026, 3, 2, 2, tzinfo=UTC)
        assert (await only(subscribers)).registered is not None
    assert given(desk, "mine") == [2, 3]


async def test_the_list_tells_how_far_each_is(desk: Desk, settings: Settings) -> None:
    hours(desk, 1, 2, 3, 4)
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "beginning", limit=7)
        given(desk, "dashboard", 2, ack=False)
        state = await only(subscribers)
        assert (state.name, state.stream, state.lag, state.pending) == (
            "dashboard",
            ENRICHED_STREAM,
            2,
            2,
        )
        assert state.read_up_to == datetime(2026, 3, 2, 2, tzinfo=UTC)
        assert state.oldest_seconds is not None
        assert state.oldest_seconds > 3600
        assert state.registered is not None
        assert (state.registered.limit, state.registered.lost) == (7, None)


async def test_a_subscriber_is_moved_back_and_forth(desk: Desk, settings: Settings) -> None:
    hours(desk, 1, 2, 3, 4)
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "now")
        moved = await subscribers.move(
            "dashboard", ENRICHED_STREAM, datetime(2026, 3, 2, 3, tzinfo=UTC)
        )
        assert moved.first == datetime(2026, 3, 2, 3, tzinfo=UTC)
        assert (await only(subscribers)).lag == 2
        assert given(desk, "dashboard", ack=False) == [3, 4]
        assert (await subscribers.move("dashboard", ENRICHED_STREAM, "beginning")).pending == 2
        assert given(desk, "dashboard") == [1, 2, 3, 4]
        with pytest.raises(NotDone, match="no subscriber nobody"):
            await subscribers.move("nobody", ENRICHED_STREAM, "now")


async def test_a_removed_subscriber_is_gone_with_its_group(desk: Desk, settings: Settings) -> None:
    hours(desk, 1)
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "beginning")
        await subscribers.remove("dashboard", ENRICHED_STREAM)
        assert await subscribers.states() == []
        with pytest.raises(NotDone):
            await subscribers.remove("dashboard", ENRICHED_STREAM)
    assert desk.redis.hlen(desk.keys.subscribers()) == 0


async def test_what_a_subscriber_has_not_acknowledged_is_not_trimmed_up_to_its_limit(
    desk: Desk, settings: Settings
) -> None:
    """Its own limit counts, not the general one, and what it was given counts as not seen."""
    hours(desk, *range(1, 11))
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="$")
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "beginning", limit=8)
        given(desk, "dashboard", 2)
        given(desk, "dashboard", 3, ack=False)
        assert await sweep(settings, subscriber_limit=1) == 2
        assert len(desk.ids(ENRICHED_STREAM)) == 8


async def test_half_the_limit_is_warned_of_and_trimming_over_it_is_told_once(
    desk: Desk, settings: Settings
) -> None:
    hours(desk, *range(1, 11))
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="$")
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "beginning", limit=10)
        with structlog.testing.capture_logs() as logs:
            assert await sweep(settings) == 0
        (behind,) = (line for line in logs if line["event"] == "subscriber.behind")
        assert (behind["group"], behind["entries"], behind["limit"]) == ("dashboard", 10, 10)
        hours(desk, 12)
        with structlog.testing.capture_logs() as logs:
            assert await sweep(settings) == 9
            hours(desk, *range(13, 24))
            desk.redis.xgroup_setid(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, "$")
            assert await sweep(settings) == 12
        (told,) = (line for line in logs if line["event"] == "subscriber.trimmed_over")
        assert (told["group"], told["stream"], told["log_level"]) == (
            "dashboard",
            "enriched",
            "error",
        )
        state = await only(subscribers)
        assert state.registered is not None
        assert state.registered.lost is not None
        given(desk, "dashboard")
        await sweep(settings)
        state = await only(subscribers)
        assert state.registered is not None
        assert state.registered.lost is None
        assert state.registered.limit == 10


async def test_one_that_is_far_behind_and_loses_nothing_is_not_said_to_have(
    desk: Desk, settings: Settings
) -> None:
    """Its unread events are young: more than its limit, and all still there."""
    put_many(desk, range(20))
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="$")
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "beginning", limit=5)
        with structlog.testing.capture_logs() as logs:
            async with client(server_url(settings)) as redis:
                scripts = Scripts(redis, desk.keys, 60)
                assert await Janitor(INDEXER, settings, redis, scripts).sweep() == 0
    assert "subscriber.trimmed_over" not in {line["event"] for line in logs}


async def test_whoever_asks_for_what_is_gone_is_told_from_when_on_there_is_something(
    desk: Desk, settings: Settings
) -> None:
    hours(desk, 1, 2, 3, 4)
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="$")
    assert await sweep(settings) == 3
    async with subscribing(settings) as subscribers:
        for name, start in (("a", "beginning"), ("b", datetime(2026, 3, 2, 2, tzinfo=UTC))):
            added = await subscribers.add(name, ENRICHED_STREAM, start)  # type: ignore[arg-type]  # both are starts
            assert added.trimmed
            assert added.first == datetime(2026, 3, 2, 4, tzinfo=UTC)
        later = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
        assert not (await subscribers.add("c", ENRICHED_STREAM, later)).trimmed
        assert not (await subscribers.add("d", ENRICHED_STREAM, "now")).trimmed


async def test_a_group_that_is_gone_is_made_anew_from_the_beginning(
    desk: Desk, settings: Settings
) -> None:
    """A stream that was deleted by hand: what comes then is given, nothing is passed over."""
    async with subscribing(settings) as subscribers:
        await subscribers.add("dashboard", ENRICHED_STREAM, "now")
        desk.redis.delete(desk.keys.stream(ENRICHED_STREAM))
        hours(desk, 1)
        desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), INDEXER.group, id="0")
        assert not (await only(subscribers)).there
        with structlog.testing.capture_logs() as logs:
            await sweep(settings)
            await sweep(settings)
        assert [line["event"] for line in logs].count("subscriber.restored") == 1
        assert (await only(subscribers)).there
    assert given(desk, "dashboard") == [1]


async def test_other_streams_have_subscribers_of_their_own(desk: Desk, settings: Settings) -> None:
    async with subscribing(settings) as subscribers:
        await subscribers.add("audit", OUTCOME_STREAM, "beginning", limit=3)
        put_many(desk, range(2), OUTCOME_STREAM)
        (state,) = await subscribers.states()
        assert (state.stream, state.lag) == (OUTCOME_STREAM, 2)
