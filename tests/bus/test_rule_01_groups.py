"""Rule 1: the groups are ours, at the beginning of the stream, before the first publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups, has_group
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER, RAW_STREAM, Keys
from services.bus.publisher import received_event
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    enrich_all,
    eventually,
    publish,
    running,
)

if TYPE_CHECKING:
    from services.settings import Settings

pytestmark = pytest.mark.anyio


async def test_what_was_published_before_the_stage_first_ran_is_delivered(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *articles("good 1", "good 2", "good 3"))
    async with running(settings, enrich_all):
        await eventually(lambda: len(desk.enriched()) == 3, "all three come out")
    assert desk.enriched() == ["good 1", "good 2", "good 3"]


async def test_what_lay_on_the_stream_before_any_group_existed_is_delivered(
    desk: Desk, settings: Settings
) -> None:
    """A group made at ``$`` would never see it, and its lag would read 0."""
    desk.put(received_event(article(1)))
    async with running(settings, enrich_all):
        await eventually(lambda: len(desk.enriched()) == 1, "the old entry comes out")


async def test_the_first_publish_finds_every_group_in_place(desk: Desk, settings: Settings) -> None:
    """No stage has ever run: the backlog must be seen as one, and nothing be trimmed."""
    await publish(settings, *articles("good 1", "good 2"))
    group = desk.group(ENRICHMENT)
    assert (group["last-delivered-id"], group["lag"]) == (b"0-0", 2)
    assert desk.group(INDEXER)["last-delivered-id"] == b"0-0"
    assert desk.group(RECEIPTS)["last-delivered-id"] == b"0-0"


async def test_publishing_after_flushall_makes_the_groups_anew(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, article(1))
    desk.redis.flushall()
    await publish(settings, article(2))
    assert desk.group(ENRICHMENT)["lag"] == 1
    async with running(settings, enrich_all):
        await eventually(lambda: len(desk.enriched()) == 1, "the article after the loss comes out")
    assert desk.enriched() == ["good 2"]


async def test_making_a_group_that_exists_leaves_its_position_alone(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *articles("good 1", "good 2"))
    async with running(settings, enrich_all):
        await eventually(lambda: len(desk.enriched()) == 2, "both come out")
    before = desk.group(ENRICHMENT)
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, Keys(settings.namespace))
    assert desk.group(ENRICHMENT)["last-delivered-id"] == before["last-delivered-id"]


async def test_a_missing_group_is_seen_whether_or_not_its_stream_exists(
    desk: Desk, settings: Settings
) -> None:
    keys = Keys(settings.namespace)
    async with client(server_url(settings)) as redis:
        assert not await has_group(redis, keys, ENRICHMENT)
        await ensure_groups(redis, keys)
        assert await has_group(redis, keys, ENRICHMENT)
        desk.redis.xgroup_destroy(keys.stream(RAW_STREAM), ENRICHMENT.group)
        assert not await has_group(redis, keys, ENRICHMENT)
        assert await has_group(redis, keys, INDEXER)
    assert desk.redis.exists(keys.stream(ENRICHED_STREAM))
