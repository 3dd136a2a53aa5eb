"""The server's clock is set: what it holds is neither thrown away too early nor held for ever."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.connect import client, server_url
from services.bus.keys import ENRICHMENT, RAW_STREAM
from services.bus.retention import Janitor
from services.bus.scripts import Scripts
from tests.bus.desk import Desk, articles, publish
from tests.chaos.redis_dump import delivered_later
from tests.wait import until, wait_until

if TYPE_CHECKING:
    from redis import Redis as SyncRedis

    from services.settings import Settings

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def desk(redis: SyncRedis, settings: Settings) -> Desk:
    return Desk(redis, settings.model_copy(update={"claim_after": 0.05}))


def left_alone(desk: Desk) -> int:
    """Messages that have been idle for the claim time."""
    key, idle = desk.keys.stream(RAW_STREAM), int(desk.settings.claim_after * 1000)
    rows: Any = desk.redis.xpending_range(key, ENRICHMENT.group, "-", "+", 10, idle=idle)
    return len(rows)


def take(desk: Desk) -> list[str]:
    """Have a worker read everything; the entry ids."""
    key = desk.keys.stream(RAW_STREAM)
    answer: Any = desk.redis.xreadgroup(ENRICHMENT.group, "dead", {key: ">"}, count=10)
    return [entry_id.decode() for entry_id, _ in answer[0][1]]


def age(desk: Desk, entry_id: str, milliseconds: int) -> None:
    """As if ``entry_id`` had been delivered so long ago, or so far ahead."""
    key = desk.keys.stream(RAW_STREAM)
    dump = desk.redis.dump(key)
    assert isinstance(dump, bytes)
    desk.redis.restore(key, 0, delivered_later(dump, entry_id, milliseconds), replace=True)


@pytest.mark.parametrize("jump", [HOUR_MS, DAY_MS])
async def test_messages_of_dead_workers_age_again_after_the_clock_was_set_back(
    desk: Desk, jump: int
) -> None:
    """Else their idle time stands at 0 for as long as the clock was set back."""
    async with client(server_url(desk.settings)) as redis:
        await publish(desk.settings, *articles("one", "two", "three"))
        *ahead, usual = take(desk)
        for entry_id in ahead:
            age(desk, entry_id, jump)
        wait_until(lambda: left_alone(desk) > 0, "the claim time of the third")
        assert left_alone(desk) == 1, f"{usual} alone"
        scripts = Scripts(redis, desk.keys, desk.settings.marker_ttl)
        janitor = Janitor(ENRICHMENT, desk.settings, redis, scripts)

        async def all_left_alone() -> bool:
            # Looked at again and again: that must not make them young again.
            await janitor.sweep()
            return left_alone(desk) == 3

        await until(all_left_alone, "the claim time of all")
        key, idle = desk.keys.stream(RAW_STREAM), int(desk.settings.claim_after * 1000)
        taken: Any = desk.redis.xautoclaim(key, ENRICHMENT.group, "other", idle, justid=True)
    assert len(taken) == 3


async def test_what_may_be_trimmed_is_told_by_the_clock_that_made_the_ids(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker's host whose clock is a year ahead must not empty the streams."""
    ahead = time.time() + 365 * 24 * 3600
    async with client(server_url(desk.settings)) as redis:
        await publish(desk.settings, *articles("one", "two"))
        key = desk.keys.stream(RAW_STREAM)
        desk.redis.xack(key, ENRICHMENT.group, *take(desk))
        monkeypatch.setattr(time, "time", lambda: ahead)
        scripts = Scripts(redis, desk.keys, desk.settings.marker_ttl)
        assert await Janitor(ENRICHMENT, desk.settings, redis, scripts).sweep() == 0
    assert desk.redis.xlen(key) == 2
