"""Looks every few seconds how the streams, the server and the disks stand, for the metrics.

Each service looks at the streams that it trims, so that each is looked at by somebody; several
workers of one stage tell the same.  Whatever can't be told keeps no stage from its work.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from services import metrics
from services.bus.keys import Keys
from services.bus.overview import server_ms, stream_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from redis.asyncio import Redis

    from services.bus.keys import StageSpec
    from services.bus.overview import StreamState
    from services.bus.vitals import Vitals
    from services.settings import Settings

SAMPLE_EVERY = 5.0
"""Seconds between two looks: a third of Prometheus's usual interval."""

LOOK_TIMEOUT = 3.0
"""Seconds after which a server that doesn't answer counts as down."""

OF_A_GROUP = (metrics.GROUP_LAG, metrics.GROUP_PENDING, metrics.GROUP_OLDEST)


class Sampler:
    """Sets the gauges of one service."""

    def __init__(self, spec: StageSpec, settings: Settings, redis: Redis, vitals: Vitals) -> None:
        self._streams = spec.trims
        self._redis = redis
        self._keys = Keys.of(settings)
        self._vitals = vitals
        self._told: set[tuple[str, str]] = set()
        self._own: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(SAMPLE_EVERY)

    async def sample(self) -> None:
        """One look."""
        self._look_at_our_own()
        try:
            async with asyncio.timeout(LOOK_TIMEOUT):
                await self._look_at_the_server()
        except (RedisError, OSError, TimeoutError):
            metrics.SERVER_UP.set(0)
        else:
            metrics.SERVER_UP.set(1)

    def _look_at_our_own(self) -> None:
        # A look at a disk that hangs must not hold up the others, nor be begun again and again.
        if self._own is None or self._own.done():
            self._own = asyncio.ensure_future(asyncio.to_thread(self._vitals.sample))

    async def _look_at_the_server(self) -> None:
        memory: Any = await self._redis.info("memory")
        metrics.SERVER_MEMORY.set(memory["used_memory"])
        metrics.SERVER_MEMORY_LIMIT.set(memory.get("maxmemory", 0))
        now_ms = await server_ms(self._redis)
        states = [
            await stream_state(self._redis, self._keys, stream, now_ms) for stream in self._streams
        ]
        self._tell(states)

    def _tell(self, states: list[StreamState]) -> None:
        there: set[tuple[str, str]] = set()
        for state in states:
            name = state.stream.name
            metrics.STREAM_LENGTH.labels(name).set(state.length)
            for group in state.groups:
                there.add((name, group.name))
                # The lag is unknown after entries were deleted by hand: then at most all.
                lag = state.length if group.lag is None else group.lag
                metrics.GROUP_LAG.labels(name, group.name).set(lag)
                metrics.GROUP_PENDING.labels(name, group.name).set(group.pending)
                metrics.GROUP_OLDEST.labels(name, group.name).set(group.oldest_seconds or 0.0)
        for gone in self._told - there:
            for metric in OF_A_GROUP:
                metric.remove(*gone)
        self._told = there


def tell_free(folders: Mapping[str, Path]) -> list[int]:
    """Set how many bytes are free where each folder lies, and give them.

    Of a folder that isn't there: where it would be made.  Raises ``OSError``.
    """
    free = []
    for name, folder in folders.items():
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        free.append(shutil.disk_usage(there).free)
        metrics.DISK_FREE.labels(name).set(free[-1])
    return free
