"""What the streams look like from outside: for ``status`` and for following events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from services.bus.budget import halt_of
from services.bus.envelope import Unreadable, read
from services.bus.groups import group_info
from services.bus.keys import DATA_FIELD, SCAN_COUNT, STREAMS, Keys, Stream, is_ours

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis.asyncio import Redis

    from services.bus.budget import Halt
    from services.bus.envelope import Event
    from services.bus.keys import StageSpec

FOLLOW_BLOCK = 1000
"""Milliseconds that one read waits for new events; well below the socket timeout."""

FOLLOW_COUNT = 100
"""Events read at once while following: bounds memory, and is far above any live rate."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """One consumer group. ``lag``: entries not yet delivered, None where the server can't tell."""

    name: str
    ours: bool
    lag: int | None
    pending: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream: its length and its groups."""

    stream: Stream
    length: int
    groups: tuple[GroupState, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole desk. ``workers``: the last sign of life of each running worker.

    ``halts``: the stages that their failure budget has stopped.
    """

    streams: tuple[StreamState, ...]
    workers: tuple[dict[str, Any], ...]
    halts: tuple[Halt, ...] = ()


async def overview(redis: Redis, keys: Keys, shown: Sequence[Stream] = STREAMS) -> Overview:
    """Look at the streams that are to be ``shown``, their groups, and every worker."""
    now_ms = await server_ms(redis)
    streams = [await stream_state(redis, keys, stream, now_ms) for stream in shown]
    groups = sorted({group.name for each in streams for group in each.groups if group.ours})
    found = [await halt_of(redis, keys, group) for group in groups]
    halts = tuple(halt for halt in found if halt is not None)
    return Overview(tuple(streams), await _signs(redis, keys.alive_pattern()), halts)


async def server_ms(redis: Redis) -> int:
    """The server's time in ms since 1970: entry ids are made of it."""
    seconds, microseconds = await redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


async def workers_of(redis: Redis, keys: Keys, spec: StageSpec) -> tuple[dict[str, Any], ...]:
    """The last sign of life of each running worker of one stage."""
    return await _signs(redis, keys.alive(spec, "*"))


async def _signs(redis: Redis, pattern: str) -> tuple[dict[str, Any], ...]:
    workers = [
        orjson.loads(value)
        async for key in redis.scan_iter(match=pattern, count=SCAN_COUNT)
        if (value := await redis.get(key)) is not None
    ]
    return tuple(sorted(workers, key=lambda w: (w["stage"], w["pid"])))


async def stream_state(redis: Redis, keys: Keys, stream: Stream, now_ms: int) -> StreamState:
    """One stream as it stands; ``now_ms`` is the server's time."""
    key = keys.stream(stream)
    groups = [
        GroupState(
            name=group["name"].decode(),
            ours=is_ours(group["name"].decode()),
            lag=group["lag"],
            pending=group["pending"],
            oldest_seconds=await oldest_seconds(redis, key, group, now_ms),
        )
        for group in await group_info(redis, key)
    ]
    return StreamState(stream, int(await redis.xlen(key)), tuple(groups))


async def oldest_seconds(
    redis: Redis, key: str, group: dict[str, Any], now_ms: int
) -> float | None:
    """Age in seconds of the oldest entry that the group isn't done with."""
    ids: list[bytes] = []
    pending: Any = await redis.xpending(key, group["name"])
    if pending["pending"]:
        ids.append(pending["min"])
    undelivered: Any = await redis.xrange(key, min=b"(" + group["last-delivered-id"], count=1)
    ids += [entry_id for entry_id, _ in undelivered]
    if not ids:
        return None
    return max(0.0, max(now_ms - int(entry_id.split(b"-")[0]) for entry_id in ids) / 1000)


async def follow(
    redis: Redis, keys: Keys, stream: Stream, start: str = "$"
) -> AsyncIterator[Event]:
    """Events of a stream from ``start`` (``$``: from now on; ``0``: from the beginning), for ever.

    Without a group: it takes nothing from anybody.  What can't be read is passed
    over; the stages have put it among the dead letters.
    """
    key, last = keys.stream(stream), start
    if last == "$":
        # "$" again after a read that timed out would miss what came in between.
        newest: Any = await redis.xrevrange(key, count=1)
        last = newest[0][0].decode() if newest else "0"
    while True:
        answer: Any = await redis.xread({key: last}, count=FOLLOW_COUNT, block=FOLLOW_BLOCK)
        for _, entries in answer:
            for entry_id, fields in entries:
                last = entry_id.decode()
                event = read(fields.get(DATA_FIELD.encode(), b""), stream.event)
                if not isinstance(event, Unreadable):
                    yield event
