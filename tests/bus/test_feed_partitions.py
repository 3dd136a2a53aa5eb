"""The feed of a desk with several partitions: nothing is missed, nothing comes twice.

Positions of a desk that had one go on being understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.bus.filters import EventFilter
from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    OUTCOME_STREAM,
    STORY_STREAM,
    Keys,
    Stream,
)
from services.bus.lines import by_partition, key_of, line_of, lines_of, stream_of
from services.bus.positions import BadPosition, Position
from tests.bus.desk import changed
from tests.bus.feed_kit import event, feeding, gaps, heard, numbers, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from services.settings import Settings

PARTITIONS = 3
KEYS = Keys("news", PARTITIONS)
ENRICHED_ONLY = EventFilter(types=frozenset({ENRICHED_STREAM.event.full_name}))


@pytest.fixture
def several(redis: Redis, settings: Settings) -> Iterator[Settings]:
    """Settings of a desk with several partitions, whose streams go again."""
    yield changed(settings, partitions=PARTITIONS)
    redis.flushall()


def put(redis: Redis, number: int, partition: int, stream: Stream = ENRICHED_STREAM) -> str:
    """An event in a partition; its entry's id."""
    key = KEYS.at(partition).stream(stream)
    entry: Any = redis.xadd(key, {DATA_FIELD: event(number, stream)})
    return str(entry.decode())


def spread(redis: Redis, first: int, count: int) -> list[int]:
    """Events over all partitions, by turns."""
    return [number for number in range(first, first + count) if put(redis, number, number % 3)]


# --- lines --------------------------------------------------------------------------------------
def test_a_line_is_a_stream_in_a_partition() -> None:
    lines = lines_of(KEYS, (ENRICHED_STREAM, STORY_STREAM))
    assert [line.name for line in lines] == ["enriched", "enriched/1", "enriched/2", "stories"]
    assert lines[0] is ENRICHED_STREAM, "at home it is the stream itself"
    assert {stream_of(line) for line in lines[:3]} == {ENRICHED_STREAM}
    keys = [key_of(KEYS, line) for line in lines]
    assert keys == ["{news}:enriched", "{news/1}:enriched", "{news/2}:enriched", "{news}:stories"]


def test_lines_of_one_partition_are_asked_for_together() -> None:
    parts = by_partition(KEYS, lines_of(KEYS, (ENRICHED_STREAM, OUTCOME_STREAM, STORY_STREAM)))
    assert [keys.partition for keys, _ in parts] == [0, 1, 2]
    assert [line.name for line in parts[0][1]] == ["enriched", "outcomes", "stories"]
    assert [line.name for line in parts[2][1]] == ["enriched/2", "outcomes/2"]


# --- positions ----------------------------------------------------------------------------------
def test_a_position_names_the_partition_but_at_home() -> None:
    word = "e5-1_e2.7-0_e12.9-3_o6-0"
    at = {"enriched": (5, 1), "enriched/2": (7, 0), "enriched/12": (9, 3), "outcomes": (6, 0)}
    assert Position.parse(word) == Position(at)
    assert str(Position(at)) == word


@pytest.mark.parametrize("word", ["e0.5-1", "e01.5-1", "e.5-1", "e2.", "e99999.1-1", "e2.x-1"])
def test_what_names_no_partition_is_no_position(word: str) -> None:
    with pytest.raises(BadPosition):
        Position.parse(word)


def test_a_position_of_one_partition_begins_the_others_at_its_own_time() -> None:
    found = Position.parse("e5000-1").over(lines_of(KEYS, (ENRICHED_STREAM,)))
    assert found.at["enriched"] == (5000, 1)
    assert found.at["enriched/1"][0] == found.at["enriched/2"][0] == 4999


def test_a_partition_that_is_no_more_is_left_out() -> None:
    found = Position.parse("e5-1_e2.7-0").over(lines_of(Keys("news"), (ENRICHED_STREAM,)))
    assert found == Position({"enriched": (5, 1)})


# --- following ----------------------------------------------------------------------------------
@pytest.mark.anyio
async def test_everything_of_all_partitions_comes_once_live_and_from_before(
    redis: Redis, several: Settings
) -> None:
    spread(redis, 0, 40)
    async with feeding(several) as feed:
        found = await taken(feed, 40)
        live = await taken(
            feed, 20, found[-1].position, started=lambda: spread(redis, 40, 20) and None
        )
    assert sorted(numbers(found)) == list(range(40))
    assert sorted(numbers(live)) == list(range(40, 60))
    for partition in range(PARTITIONS):
        mine = [n for n in numbers([*found, *live]) if n % 3 == partition]
        assert mine == sorted(mine), "in the order of each partition, so of each article"


@pytest.mark.anyio
async def test_each_position_is_enough_to_go_on_with(redis: Redis, several: Settings) -> None:
    spread(redis, 0, 12)
    seen: list[int] = []
    async with feeding(several) as feed:
        position: Any = "beginning"
        for _ in range(12):
            (found,) = await taken(feed, 1, position)
            seen += numbers([found])
            position = Position.parse(str(found.position))
    assert sorted(seen) == list(range(12))


@pytest.mark.anyio
async def test_somebody_who_came_before_there_were_partitions_misses_nothing(
    redis: Redis, several: Settings
) -> None:
    last = put(redis, 1, 0)
    after = [put(redis, 2, 1), put(redis, 3, 2), put(redis, 4, 0)]
    assert min(after) >= last
    async with feeding(several) as feed:
        found = await taken(feed, 3, Position.parse(f"e{last}"), ENRICHED_ONLY)
    assert sorted(numbers(found)) == [2, 3, 4]


@pytest.mark.anyio
async def test_what_a_partition_has_lost_is_a_gap_of_that_one_alone(
    redis: Redis, several: Settings
) -> None:
    spread(redis, 0, 6)
    async with feeding(several) as feed:
        first = await taken(feed, 3, wanted=ENRICHED_ONLY)
    behind = line_of(ENRICHED_STREAM, 1).name
    newest: Any = redis.xrevrange(KEYS.at(1).stream(ENRICHED_STREAM), count=1)
    gone = newest[0][0].decode()
    redis.xtrim(KEYS.at(1).stream(ENRICHED_STREAM), maxlen=0)
    redis.hset(KEYS.at(1).trimmed(), ENRICHED_STREAM.name, gone)
    put(redis, 7, 1)
    async with feeding(several) as feed:
        items = await heard(
            feed, lambda found: 7 in numbers(found), first[-1].position, ENRICHED_ONLY
        )
    (gap,) = gaps(items)
    assert gap.type == ENRICHED_STREAM.event.full_name
    assert str(gap.position.at[behind][0]) == gone.split("-")[0]
    others = {0, 2, 3, 5} - {*numbers(first)}
    assert others == {*numbers(items)} - {7}, "the other partitions have lost nothing"


@pytest.mark.anyio
async def test_a_partition_whose_events_the_server_lost_begins_anew(
    redis: Redis, several: Settings
) -> None:
    spread(redis, 0, 6)
    async with feeding(several) as feed:
        seen = await taken(feed, 6, wanted=ENRICHED_ONLY)
    redis.delete(KEYS.at(2).stream(ENRICHED_STREAM))
    put(redis, 8, 2)
    async with feeding(several) as feed:
        items = await heard(
            feed, lambda found: 8 in numbers(found), seen[-1].position, ENRICHED_ONLY
        )
    assert numbers(items) == [8]
