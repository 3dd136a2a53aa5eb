"""The gauges of streams, groups, the server and the disks."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import ConnectionError  # noqa: A004  (redis-py's name)

from services import metrics
from services.bus import sampler as sampler_module
from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHMENT, INDEXER, RAW_STREAM, StageSpec
from services.bus.sampler import Sampler, tell_free
from services.bus.vitals import Vitals
from tests.bus.desk import articles, eventually, publish
from tests.observability.counting import value

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings
    from tests.bus.desk import Desk

OF = {"stream": "raw", "group": "enrichment"}


async def sampled(settings: Settings, spec: StageSpec = ENRICHMENT) -> None:
    """One look."""
    async with client(server_url(settings)) as redis:
        await Sampler(spec, settings, redis, Vitals(spec.name)).sample()


def has_sample(name: str, **labels: str) -> bool:
    return metrics.REGISTRY.get_sample_value(name, labels) is not None


@pytest.mark.anyio
async def test_a_group_s_lag_pending_and_oldest_age_are_told(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *articles("a", "b", "c"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xreadgroup(ENRICHMENT.group, "somebody", {key: ">"}, count=1)
    await sampled(settings)
    assert value("wiredesk_stream_length", stream="raw") == 3
    assert value("wiredesk_group_lag_entries", **OF) == 2
    assert value("wiredesk_group_pending_entries", **OF) == 1
    assert value("wiredesk_group_oldest_seconds", **OF) >= 0
    assert value("wiredesk_server_up") == 1
    assert value("wiredesk_server_memory_bytes") > 100_000
    assert has_sample("wiredesk_server_memory_limit_bytes")


@pytest.mark.anyio
async def test_subscribers_groups_are_told_and_forgotten_when_they_go(
    desk: Desk, settings: Settings
) -> None:
    theirs = {"stream": "enriched", "group": "their-search"}
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, desk.keys)
        sampler = Sampler(INDEXER, settings, redis, Vitals("indexer"))
        desk.redis.xgroup_create(desk.keys.stream(INDEXER.reads), "their-search", id="0")
        await sampler.sample()
        assert has_sample("wiredesk_group_lag_entries", **theirs)
        desk.redis.xgroup_destroy(desk.keys.stream(INDEXER.reads), "their-search")
        await sampler.sample()
    for name in ("lag_entries", "pending_entries", "oldest_seconds"):
        assert not has_sample(f"wiredesk_group_{name}", **theirs), name


@pytest.mark.anyio
async def test_a_lag_that_the_server_can_t_tell_is_at_most_the_stream(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *articles("a", "b", "c", "d"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xdel(key, desk.ids(RAW_STREAM)[1])
    assert desk.group()["lag"] is None
    await sampled(settings)
    assert value("wiredesk_group_lag_entries", **OF) == 3


@pytest.mark.anyio
async def test_a_server_that_is_away_or_hangs_is_down_and_nothing_raises(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_sampler: Sampler) -> None:
        raise ConnectionError("gone")

    async def hangs(_sampler: Sampler) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(sampler_module, "LOOK_TIMEOUT", 0.1)
    for trouble in (away, hangs):
        await sampled(settings)
        assert value("wiredesk_server_up") == 1
        with monkeypatch.context() as broken:
            broken.setattr(Sampler, "_look_at_the_server", trouble)
            await sampled(settings)
        assert value("wiredesk_server_up") == 0
    assert desk.redis.ping()


@pytest.mark.anyio
async def test_a_disk_that_hangs_holds_up_no_other_look_and_is_not_asked_again(
    desk: Desk, settings: Settings
) -> None:
    asked: list[int] = []
    free = threading.Event()

    def hangs() -> None:
        asked.append(1)
        free.wait(10)

    vitals = Vitals("enrichment")
    vitals.gauge(hangs)
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, desk.keys)
        sampler = Sampler(ENRICHMENT, settings, redis, vitals)
        for _ in range(3):
            await sampler.sample()
        await eventually(lambda: asked, "the disk was asked")
        assert value("wiredesk_server_up") == 1
        assert asked == [1]
        free.set()


def test_free_bytes_are_told_also_where_the_folder_is_not_made_yet(tmp_path: Path) -> None:
    (free,) = tell_free({"done": tmp_path / "inbox" / "done"})
    assert free > 0
    assert value("wiredesk_disk_free_bytes", folder="done") == free
