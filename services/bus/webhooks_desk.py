"""The queues of webhooks as an operator sees them: state, dead letters, removal; and who serves.

Nothing here delivers; see :mod:`services.bus.webhooks`.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from services.bus.connect import probe, server_url
from services.bus.groups import group_info
from services.bus.keys import DATA_FIELD, Keys, webhook_group
from services.bus.lines import key_of, lines_of
from services.bus.positions import EntryId, entry_id, just_before, point_of
from services.bus.webhooks import (
    AGAIN,
    OFFERED_STREAMS,
    WebhookQueue,
    WebhookScripts,
    asked,
    tries_of,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from redis.asyncio import Redis

    from services.bus.keys import Stream
    from services.bus.positions import Start
    from services.settings import Settings

SHOWN = 1000
"""Dead letters read at once at most: they come with their bytes, some 20 kB each."""

MOVED_AT_ONCE = 100
"""Dead letters that one script moves: the server does nothing else meanwhile."""

PARTS = ("lease", "tries", "state", "dead", AGAIN)


@dataclass(frozen=True, slots=True)
class QueueState:
    """How a webhook's queue stands. Times are in seconds since 1970, ages in seconds.

    ``lag``: events not read yet, matching or not, None where the server can't tell.
    ``waiting``: events read and not delivered; ``attempts``: the most that one of them has had.
    ``held_until``: while failures follow each other, nothing is sent before.
    """

    delivering: bool
    lag: int | None
    waiting: int
    oldest_seconds: float | None
    attempts: int
    delivered: int
    failed: int
    success_at: float | None
    failure_at: float | None
    failure: str | None
    held_until: float | None
    dead: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that its receiver didn't take; ``died_at`` in seconds since 1970."""

    id: str
    event_id: str
    event_type: str
    attempts: int
    reason: str
    died_at: float
    bytes: int


class WebhookDesk:
    """What an operator does with the queues of one desk. Raises ``Unavailable``."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._scripts = WebhookScripts(redis)

    async def point(self, start: Start) -> EntryId:
        """The point in the streams where a webhook that starts so begins."""
        if start == "beginning":
            return (0, 0)
        if start != "now":
            return point_of(start)
        with asked():
            seconds, microseconds = await self._redis.time()
        return just_before(int(seconds) * 1000 + int(microseconds) // 1000 + 1)

    async def state(self, name: str) -> QueueState:
        """How the queue stands now."""
        with asked():
            seconds, _ = await self._redis.time()
            noted: Any = await self._redis.hgetall(self._keys.webhook(name, "state"))
            tries: Any = await self._redis.hvals(self._keys.webhook(name, "tries"))
            lag, pending, oldest = await self._groups(name)
            again: Any = await self._redis.xlen(self._keys.webhook(name, AGAIN))
            dead: Any = await self._redis.xlen(self._keys.webhook(name, "dead"))
            leased = await self._redis.exists(self._keys.webhook(name, "lease"))
        held = _number(noted, b"held_until")
        return QueueState(
            delivering=bool(leased),
            lag=lag,
            waiting=pending + int(again),
            oldest_seconds=None if oldest is None else max(0.0, int(seconds) - oldest / 1000),
            attempts=max((tries_of(value).counted for value in tries), default=0),
            delivered=int(_number(noted, b"delivered") or 0),
            failed=int(_number(noted, b"failed") or 0),
            success_at=_seconds(noted, b"success_at"),
            failure_at=_seconds(noted, b"failure_at"),
            failure=noted[b"failure"].decode() if b"failure" in noted else None,
            held_until=held if held and held > int(seconds) else None,
            dead=int(dead),
        )

    async def _groups(self, name: str) -> tuple[int | None, int, int | None]:
        """Lag, pending, and the time in ms of the oldest entry that isn't done with."""
        lag: int | None = 0
        pending, oldest = 0, None
        for line in lines_of(self._keys, OFFERED_STREAMS):
            key = key_of(self._keys, line)
            for group in await group_info(self._redis, key):
                if group["name"].decode() != webhook_group(name):
                    continue
                lag = None if lag is None or group["lag"] is None else lag + int(group["lag"])
                pending += int(group["pending"])
                for ms in await self._undone(key, group):
                    oldest = ms if oldest is None else min(oldest, ms)
        return lag, pending, oldest

    async def _undone(self, key: str, group: dict[str, Any]) -> list[int]:
        """Times in ms of the oldest pending entry and of the first one that wasn't read."""
        ids: list[bytes] = []
        if group["pending"]:
            pending: Any = await self._redis.xpending(key, group["name"])
            ids += [pending["min"]] if pending["min"] else []
        unread: Any = await self._redis.xrange(key, b"(" + group["last-delivered-id"], count=1)
        return [entry_id(entry)[0] for entry in [*ids, *(entry for entry, _ in unread)]]

    async def letters(self, name: str, limit: int = SHOWN) -> list[DeadLetter]:
        """The dead letters, oldest first."""
        with asked():
            found: Any = await self._redis.xrange(self._keys.webhook(name, "dead"), count=limit)
        return [_letter(entry, fields) for entry, fields in found]

    async def retry(self, name: str, ids: Sequence[str]) -> int:
        """Send dead letters again, with a new count of attempts; how many there were."""
        keys = [self._keys.webhook(name, "dead"), self._keys.webhook(name, AGAIN)]
        life = await self._redis.ttl(keys[0])
        moved = 0
        for first in range(0, len(ids), MOVED_AT_ONCE):
            some = ids[first : first + MOVED_AT_ONCE]
            args = [DATA_FIELD, max(int(life), 1), *some]
            moved += int(await self._scripts.run("revive", keys, args))
        return moved

    async def drop(self, name: str, ids: Sequence[str]) -> int:
        """Forget dead letters for good; how many there were."""
        with asked():
            dropped: Any = await self._redis.xdel(self._keys.webhook(name, "dead"), *ids)
        return int(dropped)

    async def destroy(self, name: str) -> None:
        """Remove the queue with all that waits in it."""
        with asked():
            for line in lines_of(self._keys, OFFERED_STREAMS):
                key = key_of(self._keys, line)
                try:
                    await self._redis.xgroup_destroy(key, webhook_group(name))
                except ResponseError as error:
                    if "requires the key to exist" not in str(error):
                        raise
            await self._redis.delete(*(self._keys.webhook(name, part) for part in PARTS))

    async def ensure(self, name: str, streams: Sequence[Stream], start: EntryId) -> None:
        """Make the groups, so that from now on nothing behind ``start`` is trimmed away."""
        await WebhookQueue(self._redis, self._keys, name, streams, "", 0).ensure(start)


class Queues:
    """Makes the queues that one worker serves, over one connection pool."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._keys = Keys.of(settings)

    def queue(self, name: str, streams: Sequence[Stream]) -> WebhookQueue:
        """The queue of a webhook that is sent these streams, for one who holds its lease alone."""
        holder, retain = secrets.token_hex(8), self._settings.retain_dead
        return WebhookQueue(self._redis, self._keys, name, streams, holder, retain)

    async def destroy(self, name: str) -> None:
        """Remove a queue (its webhook went while it was being made)."""
        await WebhookDesk(self._redis, self._keys).destroy(name)


def beside_a_stage(
    settings: Settings, serve: Callable[[Queues, asyncio.Event], Awaitable[None]]
) -> Callable[[Redis, asyncio.Event], Awaitable[None]]:
    """``serve`` as a companion of a stage, which is given a connection and the stop event."""

    async def companion(redis: Redis, stop: asyncio.Event) -> None:
        await serve(Queues(redis, settings), stop)

    return companion


@asynccontextmanager
async def webhook_desk(settings: Settings) -> AsyncIterator[WebhookDesk]:
    """The queues for a command; a server that is away is an error at once."""
    async with probe(server_url(settings)) as redis:
        yield WebhookDesk(redis, Keys.of(settings))


def _letter(entry: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id=entry.decode(),
        event_id=fields[b"id"].decode(),
        event_type=fields[b"type"].decode(),
        attempts=int(fields[b"attempts"]),
        reason=fields[b"reason"].decode(),
        died_at=int(fields[b"died_at"]) / 1000,
        bytes=len(fields.get(DATA_FIELD.encode(), b"")),
    )


def _number(noted: dict[bytes, bytes], name: bytes) -> float | None:
    return float(noted[name]) if name in noted else None


def _seconds(noted: dict[bytes, bytes], name: bytes) -> float | None:
    ms = _number(noted, name)
    return None if ms is None else ms / 1000
