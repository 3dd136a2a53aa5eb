"""Doctor looks at every partition, and whether it was told how many there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.bus.agreement import agree
from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import DEAD_STREAM, ENRICHMENT, RAW_STREAM, Keys
from tests.bus.desk import Desk, articles, changed
from tests.console.doctor.kit import is_green, is_red, look, said

if TYPE_CHECKING:
    from redis import Redis

    from services.settings import Settings

KEYS = Keys("news", 3)


@pytest.fixture
def desk(redis: Redis, settings: Settings) -> Desk:
    """A desk with three partitions and all groups."""
    settings.inbox.mkdir()

    async def agreed() -> None:
        async with client(server_url(settings)) as connection:
            await agree(connection, KEYS)
            await ensure_groups(connection, KEYS)

    asyncio.run(agreed())
    return Desk(redis, changed(settings, partitions=3))


def test_the_number_that_the_desk_has_is_held_against_the_setting(desk: Desk) -> None:
    assert is_green(look("streams.partitions", desk.settings))
    finding = look("streams.partitions", changed(desk.settings, partitions=2))
    assert is_red(finding, "failure", "the desk has 3, and WIREDESK_PARTITIONS says 2")
    assert "set it to 3" in finding.advice[0]


def test_a_desk_that_never_ran_may_have_any_number(redis: Redis, settings: Settings) -> None:
    del redis
    finding = look("streams.partitions", changed(settings, partitions=5))
    assert is_green(finding)
    assert "it will have 5" in said(finding)


def test_a_desk_without_a_note_that_has_run_has_one_partition(
    redis: Redis, settings: Settings
) -> None:
    Desk(redis, settings).publish(*articles("good 1"))
    finding = look("streams.partitions", changed(settings, partitions=5))
    assert is_red(finding, "failure", "the desk has 1, and WIREDESK_PARTITIONS says 5")


def test_a_group_that_is_gone_from_one_partition_is_missed(desk: Desk) -> None:
    assert is_green(look("streams.groups", desk.settings))
    key = KEYS.at(2).stream(RAW_STREAM)
    desk.redis.xadd(key, {"x": "y"})
    desk.redis.xgroup_destroy(key, ENRICHMENT.group)
    finding = look("streams.groups", desk.settings)
    assert is_red(finding, "failure", "enrichment has no group on {news/2}:raw")


def test_dead_letters_of_every_partition_are_told(desk: Desk) -> None:
    assert is_green(look("streams.dead", desk.settings))
    desk.redis.xadd(KEYS.at(1).stream(DEAD_STREAM), {"x": "y"})
    assert is_red(look("streams.dead", desk.settings), "warning", "1 in the last day")
