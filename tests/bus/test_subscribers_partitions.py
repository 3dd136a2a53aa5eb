"""Subscribers of a desk with several partitions: a group in each, shown as one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, INDEXER, STORY_STREAM, Keys
from services.bus.registered import registered
from services.bus.retention import Janitor
from services.bus.scripts import Scripts
from services.bus.subscribers import NotDone, Subscribers
from tests.bus.desk import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from redis import Redis

    from services.settings import Settings

pytestmark = pytest.mark.anyio

KEYS = Keys("news", 3)


@pytest.fixture
def several(redis: Redis, settings: Settings) -> Iterator[Settings]:
    """Settings of a desk with three partitions, whose keys go again."""
    yield changed(settings, partitions=3)
    redis.flushall()


@asynccontextmanager
async def subscribers(settings: Settings) -> AsyncIterator[Subscribers]:
    async with client(server_url(settings)) as redis:
        yield Subscribers(redis, settings)


def put(redis: Redis, *partitions: int) -> None:
    """An entry in each of these partitions."""
    for partition in partitions:
        redis.xadd(KEYS.at(partition).stream(ENRICHED_STREAM), {DATA_FIELD: b"{}"})


def read(redis: Redis, partition: int, group: str = "desk") -> int:
    """How many entries a group is given in a partition; they stay pending."""
    key = KEYS.at(partition).stream(ENRICHED_STREAM)
    answer: Any = redis.xreadgroup(group, "one", {key: ">"})
    return sum(len(rows) for _, rows in answer)


async def test_a_group_is_made_in_every_partition(redis: Redis, several: Settings) -> None:
    put(redis, 0, 1, 1, 2)
    async with subscribers(several) as desk:
        added = await desk.add("desk", ENRICHED_STREAM, "beginning")
        assert added.first is not None
        (state,) = await desk.states()
    assert (state.name, state.lag, state.pending, state.there) == ("desk", 4, 0, True)
    assert [read(redis, partition) for partition in range(3)] == [1, 2, 1]


async def test_now_is_now_in_each_partition(redis: Redis, several: Settings) -> None:
    put(redis, 0, 1, 2)
    async with subscribers(several) as desk:
        assert (await desk.add("desk", ENRICHED_STREAM)).first is None
        put(redis, 2)
        (state,) = await desk.states()
    assert state.lag == 1
    assert [read(redis, partition) for partition in range(3)] == [0, 0, 1]


async def test_where_it_stands_is_told_over_all(redis: Redis, several: Settings) -> None:
    put(redis, 0, 1, 1, 2)
    async with subscribers(several) as desk:
        await desk.add("desk", ENRICHED_STREAM, "beginning")
        assert read(redis, 1) == 2
        (state,) = await desk.states()
        assert (state.lag, state.pending) == (2, 2)
        moved = await desk.move("desk", ENRICHED_STREAM, datetime(2020, 1, 1, tzinfo=UTC))
        assert moved.pending == 2
        (state,) = await desk.states()
    assert state.lag == 4


async def test_it_is_registered_once_and_removed_everywhere(
    redis: Redis, several: Settings
) -> None:
    async with subscribers(several) as desk:
        await desk.add("desk", ENRICHED_STREAM)
        with pytest.raises(NotDone, match="is a subscriber of enriched already"):
            await desk.add("desk", ENRICHED_STREAM)
        await desk.remove("desk", ENRICHED_STREAM)
        assert await desk.states() == []
        with pytest.raises(NotDone, match="no subscriber desk"):
            await desk.remove("desk", ENRICHED_STREAM)
    assert [redis.xinfo_groups(KEYS.at(p).stream(ENRICHED_STREAM)) for p in range(3)] == [[]] * 3


async def test_changes_lie_at_home_alone(redis: Redis, several: Settings) -> None:
    async with subscribers(several) as desk:
        await desk.add("desk", STORY_STREAM)
        (state,) = await desk.states()
    assert state.stream == STORY_STREAM
    assert redis.keys("{news/*") == []


async def test_an_adding_that_was_cut_short_is_finished_by_the_next(
    redis: Redis, several: Settings
) -> None:
    async with subscribers(changed(several, partitions=1)) as desk:
        await desk.add("desk", ENRICHED_STREAM)
    async with subscribers(several) as desk:
        await desk.add("desk", ENRICHED_STREAM, "beginning")
        (state,) = await desk.states()
    assert state.there
    put(redis, 2)
    assert read(redis, 2) == 1


async def test_one_from_before_there_were_partitions_is_given_those_too(
    redis: Redis, several: Settings
) -> None:
    async with subscribers(changed(several, partitions=1)) as desk:
        await desk.add("desk", ENRICHED_STREAM, limit=7)
    put(redis, 1, 2)
    async with client(server_url(several)) as connection:
        scripts = Scripts(connection, Keys.of(several), several.marker_ttl)
        await ensure_groups(connection, Keys.of(several), INDEXER)
        await Janitor(INDEXER, several, connection, scripts).sweep()
        for partition in range(3):
            known = await registered(connection, KEYS.at(partition), ENRICHED_STREAM)
            assert known["desk"].limit == 7
    assert [read(redis, partition) for partition in range(3)] == [0, 1, 1]
