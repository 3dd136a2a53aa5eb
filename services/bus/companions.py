"""What runs beside a stage: several things, as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from services.bus.connect import cancel

if TYPE_CHECKING:
    from redis.asyncio import Redis

Companion = Callable[["Redis", asyncio.Event], Awaitable[None]]
"""Runs beside a stage until the event is set, and ends by itself then."""


def together(*companions: Companion) -> Companion:
    """All of them as one: when one ends, the others are told to, and the first error is raised."""

    async def run(redis: Redis, stop: asyncio.Event) -> None:
        # Of its own: the stage must see who ended before it was told to stop.
        ending = asyncio.Event()
        told = asyncio.create_task(stop.wait())
        running = [asyncio.ensure_future(each(redis, ending)) for each in companions]
        waited: set[asyncio.Future[object]] = {told, *running}  # type: ignore[arg-type]  # futures of anything
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.set()
            await cancel(told)
            ended = await asyncio.gather(*running, return_exceptions=True)
        for result in ended:
            if isinstance(result, BaseException):
                raise result

    return run
