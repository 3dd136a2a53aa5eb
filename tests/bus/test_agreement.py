"""How many partitions there are is agreed on, and changes only while nothing is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.bus.agreement import Note, agree, confirm, noted
from services.bus.connect import client, server_url
from services.bus.errors import StopWorking, Unavailable
from services.bus.groups import ensure_groups
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    INDEXER,
    RAW_STREAM,
    Keys,
)
from services.bus.patience import Facts
from services.bus.publisher import Publisher
from services.bus.scripts import Scripts
from services.bus.watchdog import Exit, Watchdog
from tests.bus.desk import RECEIPTS, article, changed, publish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from services.settings import Settings
    from tests.bus.desk import Desk
    from tests.bus.processes import Workers

HOME = Keys("news")


@pytest.fixture
async def connection(desk: Desk, settings: Settings) -> AsyncIterator[Redis]:
    """A client on the desk's server."""
    del desk
    async with client(server_url(settings)) as redis:
        yield redis


def keys(number: int) -> Keys:
    return Keys("news", number)


@pytest.mark.parametrize("said", ["", "1 4", "12 1", "3 1>4"])
def test_a_note_is_read_as_it_was_written(said: str) -> None:
    assert str(Note.read(said)) == said


@pytest.mark.anyio
async def test_a_desk_with_one_partition_notes_nothing(connection: Redis) -> None:
    await agree(connection, keys(1))
    assert await connection.keys("*") == []


@pytest.mark.anyio
async def test_an_empty_desk_takes_any_number_and_tells_every_partition(connection: Redis) -> None:
    await agree(connection, keys(3))
    assert (await noted(connection, HOME)).number == 3
    told = [await connection.get(each.noted()) for each in keys(3).each()]
    assert told == [b"2 3"] * 3
    await agree(connection, keys(3))
    await confirm(connection, keys(3))
    assert (await noted(connection, HOME)).change == 2, "the same number is no change"


@pytest.mark.anyio
async def test_another_number_is_refused_while_an_article_waits(
    connection: Redis, settings: Settings
) -> None:
    await publish(settings, article(1))
    with pytest.raises(StopWorking) as refused:
        await agree(connection, keys(4))
    told = str(refused.value)
    assert "this desk has 1 partition, and WIREDESK_PARTITIONS says 4" in told
    assert "{news}:raw holds messages that enrichment isn't done with" in told
    assert "WIREDESK_PARTITIONS=1" in told
    await publish(settings, article(2))
    await agree(connection, keys(1))


@pytest.mark.anyio
@pytest.mark.parametrize("stage", [ENRICHMENT, INDEXER, RECEIPTS], ids=lambda spec: spec.name)
async def test_another_number_is_refused_while_a_message_is_in_work_in_any_partition(
    connection: Redis, stage: object
) -> None:
    await agree(connection, keys(4))
    await ensure_groups(connection, keys(4), RECEIPTS)
    key = keys(4).at(2).stream(stage.reads)  # type: ignore[attr-defined]  # a stage
    entry = await connection.xadd(key, {"x": "y"})
    await connection.xreadgroup(stage.group, "worker", {key: ">"})  # type: ignore[attr-defined]  # see above
    for number in (1, 5):
        with pytest.raises(StopWorking, match=r"\{news/2\}"):
            await agree(connection, keys(number))
    await connection.xack(key, stage.group, entry)  # type: ignore[attr-defined]  # see above
    await agree(connection, keys(5))


@pytest.mark.anyio
async def test_a_stream_without_its_group_waits_for_it(connection: Redis) -> None:
    await connection.xadd(HOME.stream(RAW_STREAM), {"x": "y"})
    with pytest.raises(StopWorking, match="waits for enrichment"):
        await agree(connection, keys(2))


@pytest.mark.anyio
async def test_who_knows_another_number_publishes_nothing(
    connection: Redis, settings: Settings
) -> None:
    await agree(connection, keys(4))
    for number in (1, 3, 5):
        publisher = Publisher(changed(settings, partitions=number), connection, RECEIPTS)
        with pytest.raises(StopWorking, match="this desk has 4 partitions"):
            await publisher.publish([article(1)])
    lengths = [await connection.xlen(each.stream(RAW_STREAM)) for each in keys(5).each()]
    assert lengths == [0] * 5


@pytest.mark.anyio
async def test_nobody_publishes_while_the_number_is_being_changed(
    connection: Redis, settings: Settings
) -> None:
    for each in keys(4).each():
        await connection.set(each.noted(), "7 1>4")
    for number in (1, 4):
        publisher = Publisher(changed(settings, partitions=number), connection, RECEIPTS)
        with pytest.raises((StopWorking, Unavailable)):
            await publisher.publish([article(1)])
    lengths = [await connection.xlen(each.stream(RAW_STREAM)) for each in keys(4).each()]
    assert lengths == [0] * 4


@pytest.mark.anyio
@pytest.mark.parametrize("number", [1, 4])
async def test_a_change_that_somebody_began_and_did_not_make_is_made_or_taken_back(
    connection: Redis, settings: Settings, number: int
) -> None:
    for each in keys(4).each():
        await connection.set(each.noted(), "7 1>4")
    await agree(connection, keys(number))
    await Publisher(changed(settings, partitions=number), connection).publish([article(1)])
    assert (await noted(connection, HOME)).number == number


@pytest.mark.anyio
async def test_a_partition_that_forgot_the_number_is_told_again(
    connection: Redis, settings: Settings
) -> None:
    """A server of a cluster came back with less."""
    four = changed(settings, partitions=4)
    await agree(connection, keys(4))
    here = keys(4).holding(article(1).article_id)
    if here.partition:
        await connection.delete(here.noted())
        with pytest.raises(Unavailable):
            await Publisher(four, connection).publish([article(1)])
    await Publisher(four, connection).publish([article(1)])
    assert await connection.xlen(here.stream(RAW_STREAM)) == 1


@pytest.mark.anyio
async def test_a_change_that_comes_late_to_a_partition_changes_nothing(connection: Redis) -> None:
    scripts = Scripts(connection, keys(4).at(3), 1)
    assert await scripts.fence(8, "8 4")
    assert not await scripts.fence(7, "7 2")
    assert await connection.get(keys(4).at(3).noted()) == b"8 4"


@pytest.mark.anyio
async def test_subscribers_are_registered_in_new_partitions_too(connection: Redis) -> None:
    document = b'{"limit": 10, "since": "2026-03-02"}'
    await connection.hset(HOME.subscribers(), "enriched/mine", document)
    await connection.hset(HOME.subscribers(), "stories/mine", document)
    await agree(connection, keys(3))
    for each in keys(3).each()[1:]:
        assert await connection.hgetall(each.subscribers()) == {b"enriched/mine": document}


@pytest.mark.anyio
async def test_a_partition_goes_only_without_dead_letters_and_events_to_be_read(
    connection: Redis,
) -> None:
    await agree(connection, keys(3))
    leaving = keys(3).at(2)
    letter = await connection.xadd(leaving.stream(DEAD_STREAM), {"x": "y"})
    with pytest.raises(StopWorking, match="holds dead letters"):
        await agree(connection, keys(2))
    await connection.xdel(leaving.stream(DEAD_STREAM), letter)
    await ensure_groups(connection, keys(3))
    await connection.xgroup_create(leaving.stream(ENRICHED_STREAM), "mine", id="0")
    await connection.xadd(leaving.stream(ENRICHED_STREAM), {"x": "y"})
    await connection.xgroup_setid(leaving.stream(ENRICHED_STREAM), INDEXER.group, "$")
    with pytest.raises(StopWorking, match="events that mine has yet to read"):
        await agree(connection, keys(2))
    await connection.xgroup_setid(leaving.stream(ENRICHED_STREAM), "mine", "$")
    await agree(connection, keys(2))
    assert not await connection.exists(leaving.stream(ENRICHED_STREAM))


def test_a_service_with_another_number_refuses_to_start_and_says_what_to_do(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    desk.publish(article(1))
    worker = workers.start(changed(settings, partitions=4))
    assert worker.code() == Exit.CONFIG
    (line,) = worker.lines("service.cannot_work")
    assert "WIREDESK_PARTITIONS=1" in line["reason"]
    assert desk.ids(RAW_STREAM)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("2 1", Exit.CONFIG),
        ("2 1>2", Exit.CONFIG),
        ("1 1>4", Exit.TEMPFAIL),
        ("1 2>1", Exit.CONFIG),
    ],
)
async def test_who_runs_while_his_own_number_is_noted_anew_is_only_to_start_again(
    connection: Redis, settings: Settings, said: str, code: Exit
) -> None:
    """A server was emptied, and another worker, the first to start again, notes the number."""
    four = changed(settings, partitions=4)
    await connection.set(HOME.noted(), said)
    failure = await Watchdog(ENRICHMENT, four, connection, Facts()).look(())
    assert failure is not None
    assert failure.code == code


def test_a_service_that_runs_ends_when_the_number_was_changed(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    old = workers.start(settings).ready()
    new = workers.start(changed(settings, partitions=2)).ready()
    assert old.code() == Exit.CONFIG
    assert "this desk has 2 partitions now" in old.lines("service.failed")[0]["reason"]
    assert new.stop() == 0
    assert desk.redis.get(HOME.noted()) == b"2 2"
