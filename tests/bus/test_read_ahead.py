"""A stage to which a batch costs more than its messages reads the next while one is in work."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from services.bus import reading
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER, RAW_STREAM
from tests.bus.desk import (
    Desk,
    articles,
    changed,
    enrich_all,
    eventually,
    publish,
    put_before,
    put_enriched,
    running,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.bus.stage import Result, Stage
    from services.settings import Settings

pytestmark = pytest.mark.anyio

SIZE, PUBLISHED = 2, 7
SOON = 0.3
"""Seconds in which what waits to be read would have been read."""

CLAIM_AFTER = 0.8
"""Seconds; a quarter of it is far above what a busy machine delays a turn of the loop."""


class Held:
    """A handler that waits in a batch until it is let go, and notes what it was given."""

    def __init__(self, number: int = 1) -> None:
        """``number``: of the batch in which it waits first."""
        self.number = number
        self.begun, self.released = threading.Event(), threading.Event()
        self.given: list[list[str]] = []

    def __call__(self, batch: Sequence[Any]) -> Sequence[Result]:
        self.given.append([raw.headline for raw in batch])
        if len(self.given) < self.number:
            return enrich_all(batch)
        self.begun.set()
        assert self.released.wait(60), "nobody let it go: the test has failed meanwhile"
        return enrich_all(batch)


@asynccontextmanager
async def in_work(
    settings: Settings, handler: Held, batch_size: int | None = SIZE
) -> AsyncIterator[Stage]:
    """A stage whose first batch of seven messages is in work."""
    settings = changed(settings, batch_size=SIZE)
    await publish(settings, *articles(*(f"good {number}" for number in range(PUBLISHED))))
    async with running(settings, handler, batch_size=batch_size) as stage:
        try:
            await eventually(handler.begun.is_set, "a batch is in work")
            yield stage
        finally:
            handler.released.set()


def given_out(desk: Desk) -> list[int]:
    """Messages that workers hold, and the attempts that are counted on them."""
    counts: Any = desk.redis.hvals(desk.keys.attempts(ENRICHMENT))
    return [len(desk.pending()), sum(map(int, counts))]


def names(first: int, last: int) -> list[str]:
    """Headlines."""
    return [f"good {number}" for number in range(first, last + 1)]


async def test_one_batch_is_read_ahead_and_no_attempt_is_counted_on_it(
    desk: Desk, settings: Settings
) -> None:
    handler = Held()
    async with in_work(settings, handler):
        await eventually(lambda: given_out(desk) == [2 * SIZE, SIZE], "the next batch is read")
        await asyncio.sleep(SOON)
        assert given_out(desk) == [2 * SIZE, SIZE], "and no other"
        handler.released.set()
        await eventually(desk.settled, "all go on")
    assert handler.given == [names(0, 1), names(2, 3), names(4, 5), names(6, 6)]
    headlines = [event["data"]["headline"] for event in desk.events(ENRICHED_STREAM)]
    assert headlines == names(0, PUBLISHED - 1)


async def test_a_stage_of_which_each_message_takes_long_leaves_the_next_to_others(
    desk: Desk, settings: Settings
) -> None:
    handler, other = Held(), Held()
    other.released.set()
    async with in_work(settings, handler, batch_size=None):
        await asyncio.sleep(SOON)
        assert given_out(desk) == [SIZE, SIZE]
        async with running(changed(settings, batch_size=SIZE), other, consumer="other"):
            done = PUBLISHED - SIZE
            await eventually(lambda: len(desk.enriched()) == done, "another worker does the rest")
    assert sum(map(len, other.given)) == done


async def test_what_was_read_ahead_is_leased_while_it_waits(desk: Desk, settings: Settings) -> None:
    handler, other = Held(), Held()
    other.released.set()
    short = changed(settings, claim_after=CLAIM_AFTER)
    async with in_work(short, handler):
        await eventually(lambda: given_out(desk)[0] == 2 * SIZE, "the next batch is read")
        async with running(short, other, consumer="other"):
            await asyncio.sleep(3 * CLAIM_AFTER)
            assert given_out(desk) == [2 * SIZE, SIZE]
    assert [name for given in other.given for name in given] == names(4, 6)
    assert handler.given == [names(0, 1), names(2, 3)]
    assert len(desk.enriched()) == PUBLISHED


async def test_a_stop_waits_for_both_batches_and_leaves_the_rest(
    desk: Desk, settings: Settings
) -> None:
    handler = Held()
    async with in_work(settings, handler):
        await eventually(lambda: given_out(desk)[0] == 2 * SIZE, "the next batch is read")
    assert handler.given == [names(0, 1), names(2, 3)]
    assert given_out(desk) == [0, 0]
    assert desk.enriched() == names(0, 3)


async def test_a_stop_waits_for_a_batch_behind_which_nothing_was_read(
    desk: Desk, settings: Settings
) -> None:
    handler = Held(2)
    await publish(settings, *articles(*names(0, 2 * SIZE - 1)))
    async with running(changed(settings, batch_size=SIZE), handler, batch_size=SIZE):
        await eventually(handler.begun.is_set, "the last batch is in work")
        await asyncio.sleep(SOON)
        asyncio.get_running_loop().call_later(SOON, handler.released.set)
    assert desk.enriched() == names(0, 2 * SIZE - 1)
    assert given_out(desk) == [0, 0]


async def test_a_stop_waits_no_longer_than_it_may_and_loses_nothing(
    desk: Desk, settings: Settings
) -> None:
    handler = Held()
    await publish(settings, *articles(*names(0, PUBLISHED - 1)))
    impatient = changed(settings, batch_size=SIZE, graceful_timeout=0.3)
    try:
        async with running(impatient, handler, batch_size=SIZE):
            await eventually(lambda: given_out(desk) == [2 * SIZE, SIZE], "the next is read")
        # Both are pending, and as if nobody had tried: a stop is no fault of a message.
        assert given_out(desk) == [2 * SIZE, 0]
    finally:
        handler.released.set()
    assert desk.enriched() == []


async def test_a_stage_whose_handler_fails_deals_with_what_it_had_read_ahead(
    desk: Desk, settings: Settings
) -> None:
    class Failing(Held):
        def __call__(self, batch: Sequence[Any]) -> Sequence[Result]:
            made = super().__call__(batch)
            if "good 0" in self.given[-1]:
                raise ValueError("no")
            return made

    handler = Failing()
    async with in_work(changed(settings, claim_after=CLAIM_AFTER, max_attempts=2), handler):
        await eventually(lambda: given_out(desk)[0] == 2 * SIZE, "the next batch is read")
        handler.released.set()
        await eventually(desk.settled, "all is dealt with")
    assert desk.enriched() == names(1, PUBLISHED - 1)
    assert [letter["stream"] for letter in desk.dead()] == [desk.keys.stream(RAW_STREAM)]


async def test_what_is_gathered_stays_before_what_is_read_ahead(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The indexer, enrichment's backlog before it, and messages that come one by one."""
    monkeypatch.setattr(reading, "GATHER", 0.4)
    monkeypatch.setattr(reading, "GATHER_STEP", 0.02)
    put_before(desk, reading.MANY_BEFORE)
    given: list[list[str]] = []

    def note(batch: Sequence[Any]) -> list[None]:
        given.append([raw.headline for raw in batch])
        return [None] * len(batch)

    async with running(settings, note, spec=INDEXER, batch_size=100):
        for number in range(60):
            put_enriched(desk, number)
            await asyncio.sleep(0.01)
        await eventually(lambda: sum(map(len, given)) == 60, "all are filed")
    assert [name for batch in given for name in batch] == [f"n{number}" for number in range(60)]
    assert max(map(len, given)) > 5, "some were gathered"
