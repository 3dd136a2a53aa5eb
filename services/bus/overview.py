"""What the streams look like from outside: for ``status`` and for following events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from services.bus.budget import halt_of
from services.bus.envelope import Unreadable, read
from services.bus.groups import group_info
from services.bus.keys import DATA_FIELD, SCAN_COUNT, STREAMS, Keys, Stream, is_ours
from services.bus.partitions import in_each

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
    """One stream as it stands, over all its partitions; ``now_ms`` is the server's time."""

    async def state(here: Keys) -> StreamState:
        return await _state(redis, here.stream(stream), stream, now_ms)

    states = await in_each(keys.each(stream), state)
    if len(states) == 1:
        return states[0]
    names = dict.fromkeys(group.name for each in states for group in each.groups)
    groups = {name: [g for each in states for g in each.groups if g.name == name] for name in names}
    length = sum(each.length for each in states)
    return StreamState(stream, length, tuple(_together(found) for found in groups.values()))


def _together(groups: Sequence[GroupState]) -> GroupState:
    """A group over several partitions, as one."""
    lags = [group.lag for group in groups if group.lag is not None]
    ages = [group.oldest_seconds for group in groups if group.oldest_seconds is not None]
    return GroupState(
        name=groups[0].name,
        ours=groups[0].ours,
        lag=sum(lags) if len(lags) == len(groups) else None,
        pending=sum(group.pending for group in groups),
        oldest_seconds=max(ages, default=None),
    )


async def _state(redis: Redis, key: str, stream: Stream, now_ms: int) -> StreamState:
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
    over; the stages have put it among the dead letters.  Events about one article come in order.
    """
    places, last = keys.each(stream), dict.fromkeys(range(keys.partitions), start)

    async def begin(here: Keys) -> None:
        # "$" again after a read that timed out would miss what came in between.
        newest: Any = await redis.xrevrange(here.stream(stream), count=1)
        last[here.partition] = newest[0][0].decode() if newest else "0"

    async def more(here: Keys) -> list[dict[bytes, bytes]]:
        where: Any = {here.stream(stream): last[here.partition]}
        answer: Any = await redis.xread(where, count=FOLLOW_COUNT, block=FOLLOW_BLOCK)
        entries = [entry for _, found in answer for entry in found]
        if entries:
            last[here.partition] = entries[-1][0].decode()
        return [fields for _, fields in entries]

    if start == "$":
        await in_each(places, begin)
    while True:
        # Each by itself: what lies in several slots of a cluster can't be read as one.
        for found in await in_each(places, more):
            for fields in found:
                event = read(fields.get(DATA_FIELD.encode(), b""), stream.event)
                if not isinstance(event, Unreadable):
                    yield event
