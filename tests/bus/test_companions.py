"""Several things beside one stage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.companions import together
from tests.bus.desk import eventually

if TYPE_CHECKING:
    from services.bus.companions import Companion

NO_REDIS: Any = None


class Beside:
    """A companion that does what a test says."""

    def __init__(self, error: Exception | None = None, *, by_itself: bool = False) -> None:
        self.state = "not begun"
        self._error = error
        self._by_itself = by_itself

    async def __call__(self, _redis: object, stop: asyncio.Event) -> None:
        self.state = "running"
        if not self._by_itself:
            await stop.wait()
        self.state = "ended"
        if self._error is not None:
            raise self._error


async def run(*companions: Companion, stop: asyncio.Event | None = None) -> asyncio.Event:
    event = stop or asyncio.Event()
    await asyncio.wait_for(together(*companions)(NO_REDIS, event), 5)
    return event


def test_all_run_until_the_stop_and_end_by_themselves() -> None:
    async def scenario() -> None:
        one, two = Beside(), Beside()
        stop = asyncio.Event()
        running = asyncio.create_task(run(one, two, stop=stop))
        await eventually(lambda: one.state == two.state == "running", "both run")
        assert not running.done()
        stop.set()
        await running
        assert one.state == two.state == "ended"

    asyncio.run(scenario())


def test_one_that_fails_ends_the_others_and_is_told() -> None:
    """The stage's own stop isn't set: it sees who failed, and ends with its code."""

    async def scenario() -> None:
        good, stop = Beside(), asyncio.Event()
        with pytest.raises(OSError, match="port"):
            await run(good, Beside(OSError("port"), by_itself=True), stop=stop)
        assert good.state == "ended"
        assert not stop.is_set()

    asyncio.run(scenario())


def test_one_that_ends_in_peace_ends_all() -> None:
    async def scenario() -> None:
        good = Beside()
        await run(good, Beside(by_itself=True))
        assert good.state == "ended"

    asyncio.run(scenario())


def test_an_error_while_ending_is_told_too() -> None:
    with pytest.raises(ValueError, match="late"):
        asyncio.run(run(Beside(by_itself=True), Beside(ValueError("late"))))


def test_being_cancelled_lets_all_end_first() -> None:
    async def scenario() -> None:
        good = Beside()
        task = asyncio.create_task(run(good))
        await eventually(lambda: good.state == "running", "it runs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert good.state == "ended"

    asyncio.run(scenario())
