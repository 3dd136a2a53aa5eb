"""While many messages are on their way, a stage that fills its batches waits for some of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError as Away

from services.bus import reading
from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, INDEXER
from services.bus.stage import Stage
from tests.bus.desk import Desk, changed, eventually, put_before, put_enriched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.settings import Settings

pytestmark = pytest.mark.anyio

FOR_EVER = 60.0
"""Seconds: a test in which something is gathered for so long fails by its patience."""

PATIENCE = 10.0


@dataclass
class Line:
    """The indexer's stage, whose handler notes what it was given."""

    desk: Desk
    stage: Stage = field(init=False)
    batches: list[list[str]] = field(default_factory=list)

    def handle(self, given: Sequence[Any]) -> list[None]:
        """Note a batch's headlines."""
        self.batches.append([payload.headline for payload in given])
        return [None] * len(given)

    def put(self, *numbers: int) -> None:
        """Hand on these articles, as enrichment does."""
        for number in numbers:
            put_enriched(self.desk, number)

    async def read(self) -> None:
        """Read one message, as FastStream does, and work until that is done."""
        key = self.desk.keys.stream(ENRICHED_STREAM)
        found: Any = self.desk.redis.xreadgroup(
            INDEXER.group, self.stage.consumers[0], {key: ">"}, count=1
        )
        ((entry, fields),) = found[0][1]
        raw = fields[DATA_FIELD.encode()]
        async with asyncio.timeout(PATIENCE):
            await self.stage.receive(0, [(entry.decode(), raw)], self.stage.consumers[0], more=True)

    async def gathering(self) -> asyncio.Task[None]:
        """Begin to read a message; its task, once the batch is being gathered."""
        task = asyncio.create_task(self.read())
        await eventually(lambda: self.desk.group(INDEXER)["pending"] == 1, "it is read")
        await eventually(self.stage._turn.locked, "it is its turn")
        return task


@asynccontextmanager
async def a_line(desk: Desk, settings: Settings, batch_size: int = 100) -> AsyncIterator[Line]:
    """A line whose first batch, of one article, is done."""
    line = Line(desk)
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, desk.keys, INDEXER)
        line.stage = Stage(INDEXER, line.handle, settings, redis, "worker", batch_size)
        line.put(0)
        await line.read()
        yield line


@pytest.fixture
def no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gathers waits for ever, unless something ends it."""
    monkeypatch.setattr(reading, "GATHER", 2 * FOR_EVER)
    monkeypatch.setattr(reading, "GATHER_STEP", FOR_EVER)


async def test_in_a_backlog_what_comes_within_a_while_shares_a_batch_in_its_order(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GATHER", 0.6)
    monkeypatch.setattr(reading, "GATHER_STEP", 0.1)
    async with a_line(desk, settings) as line:
        put_before(desk, reading.MANY_BEFORE)
        line.put(1, 2)
        task = asyncio.create_task(line.read())
        for number in (3, 4, 5):
            await asyncio.sleep(0.1)
            line.put(number)
        await task
    assert line.batches == [["n0"], ["n1", "n2", "n3", "n4", "n5"]]
    assert desk.settled(INDEXER)


@pytest.mark.usefixtures("no_end")
async def test_the_first_of_a_backlog_waits_for_nothing(desk: Desk, settings: Settings) -> None:
    put_before(desk, reading.MANY_BEFORE)
    async with a_line(desk, settings) as line:
        assert line.batches == [["n0"]]


@pytest.mark.usefixtures("no_end")
async def test_with_few_on_their_way_nothing_is_waited_for(desk: Desk, settings: Settings) -> None:
    async with a_line(desk, settings) as line:
        put_before(desk, reading.MANY_BEFORE - 1)
        line.put(1)
        await line.read()
    assert line.batches == [["n0"], ["n1"]]


async def test_what_comes_some_time_after_the_last_batch_waits_for_nothing(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GATHER", 0.05)
    monkeypatch.setattr(reading, "GATHER_STEP", FOR_EVER)
    async with a_line(desk, settings) as line:
        put_before(desk, reading.MANY_BEFORE)
        line.put(1)
        await asyncio.sleep(0.06)
        await line.read()
    assert line.batches == [["n0"], ["n1"]]


@pytest.mark.usefixtures("no_end")
async def test_a_batch_that_is_half_full_waits_for_nothing(desk: Desk, settings: Settings) -> None:
    async with a_line(desk, settings, batch_size=4) as line:
        put_before(desk, reading.MANY_BEFORE)
        line.put(1, 2)
        await line.read()
    assert line.batches == [["n0"], ["n1", "n2"]]


@pytest.mark.usefixtures("no_end")
async def test_a_server_that_cannot_tell_what_is_on_its_way_keeps_nobody(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: Any) -> int:
        raise Away("gone")

    monkeypatch.setattr(reading, "waiting_for", away)
    async with a_line(desk, settings) as line:
        line.put(1)
        await line.read()
    assert line.batches == [["n0"], ["n1"]]


@pytest.mark.usefixtures("no_end")
async def test_a_stop_ends_the_gathering_and_what_there_is_is_worked_on(
    desk: Desk, settings: Settings
) -> None:
    async with a_line(desk, settings) as line:
        put_before(desk, reading.MANY_BEFORE)
        line.put(1)
        task = await line.gathering()
        line.put(2)
        line.stage.facts.stopping.set()
        await task
    assert line.batches == [["n0"], ["n1"]]
    assert desk.group(INDEXER)["lag"] == 1  # the other one is still for whoever comes next


async def test_leases_are_renewed_while_a_batch_is_gathered(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GATHER_STEP", 0.5)
    monkeypatch.setattr(reading, "GATHER", 0.5)
    async with a_line(desk, changed(settings, claim_after=0.2)) as line:
        put_before(desk, reading.MANY_BEFORE)
        line.put(1)
        task = await line.gathering()
        await asyncio.sleep(0.3)
        (held,) = desk.pending(INDEXER)
        await task
    assert held["idle"] < 200
    assert line.batches == [["n0"], ["n1"]]
