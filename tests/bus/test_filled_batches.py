"""A stage to which a batch costs more than its messages reads along what came right behind."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError as Away

from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHMENT, RAW_STREAM, Keys
from services.bus.stage import Stage
from tests.bus.desk import Desk, articles, changed, enrich_all, publish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.bus.stage import Result
    from services.settings import Settings

pytestmark = pytest.mark.anyio


class Noting:
    """A handler that notes how many it was given at a time; each call takes ``seconds``."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.sizes: list[int] = []

    def __call__(self, given: Sequence[Any]) -> Sequence[Result]:
        self.sizes.append(len(given))
        time.sleep(self.seconds)
        return enrich_all(given)


@asynccontextmanager
async def five_waiting(
    settings: Settings, handler: Noting, batch_size: int | None
) -> AsyncIterator[Stage]:
    """A stage of which a group has five messages that nobody has read."""
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, Keys(settings.namespace), ENRICHMENT)
        await publish(settings, *articles(*(f"good {number}" for number in range(5))))
        yield Stage(ENRICHMENT, handler, settings, redis, "worker", batch_size)


async def receive_one(desk: Desk, stage: Stage, consumer: str, *, more: bool = True) -> None:
    """What a read does that was woken by the first message."""
    key = desk.keys.stream(RAW_STREAM)
    found: Any = desk.redis.xreadgroup(ENRICHMENT.group, consumer, {key: ">"}, count=1)
    ((entry, fields),) = found[0][1]
    await stage.receive(0, [(entry.decode(), fields[b"__data__"])], consumer, more=more)


@pytest.mark.parametrize(("batch_size", "sizes"), [(8, [5]), (3, [3]), (1, [1]), (None, [1])])
async def test_a_batch_is_filled_up_to_its_size_where_the_stage_has_one_of_its_own(
    desk: Desk, settings: Settings, batch_size: int | None, sizes: list[int]
) -> None:
    handler = Noting()
    async with five_waiting(settings, handler, batch_size) as stage:
        await receive_one(desk, stage, stage.consumers[0])
    assert handler.sizes == sizes
    assert len(desk.enriched()) == sum(sizes)


async def test_nothing_is_read_along_with_what_was_abandoned_or_is_left_over(
    desk: Desk, settings: Settings
) -> None:
    handler = Noting()
    async with five_waiting(settings, handler, 8) as stage:
        await receive_one(desk, stage, stage.consumers[1])
        await receive_one(desk, stage, stage.consumers[0], more=False)
    assert handler.sizes == [1, 1]


async def test_nothing_is_read_along_from_a_partition_that_is_no_longer_held(
    desk: Desk, settings: Settings
) -> None:
    async def lost(_partition: int) -> bool:
        return False

    handler = Noting()
    async with five_waiting(settings, handler, 8) as stage:
        stage.holds = lost
        await receive_one(desk, stage, stage.consumers[0])
    assert handler.sizes == []
    pending: Any = desk.redis.xpending(desk.keys.stream(RAW_STREAM), ENRICHMENT.group)
    assert pending["pending"] == 1  # that of the read itself; the others can be read by whom it is


async def test_where_the_server_is_away_for_the_second_read_the_first_is_worked_on(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: Any, **_options: Any) -> None:
        raise Away("gone")

    handler = Noting()
    async with five_waiting(settings, handler, 8) as stage:
        monkeypatch.setattr(stage._redis, "xreadgroup", away)
        await receive_one(desk, stage, stage.consumers[0])
    assert handler.sizes == [1]
    assert stage.facts.fatal is None


async def test_what_was_read_along_has_its_lease_renewed_like_the_rest(
    desk: Desk, settings: Settings
) -> None:
    handler, short = Noting(seconds=0.8), changed(settings, claim_after=0.4)
    key = desk.keys.stream(RAW_STREAM)
    async with five_waiting(short, handler, 8) as stage:
        work = asyncio.create_task(receive_one(desk, stage, stage.consumers[0]))
        await asyncio.sleep(0.6)
        rows: Any = desk.redis.xpending_range(key, ENRICHMENT.group, "-", "+", 10)
        await work
    assert handler.sizes == [5]
    assert len(rows) == 5
    assert max(row["time_since_delivered"] for row in rows) < 400
