"""The queue of one webhook in Redis: what waits, what was tried, who delivers, what is dead.

The queue is a consumer group ``webhook:NAME`` on each stream that the webhook is sent, so that
its position and what is pending outlive every process, and the janitor trims nothing that it
needs.  An event stays pending until its receiver has taken it or it is a dead letter.

One worker delivers at a time: the one that holds the lease.  Each change that needs it checks it
in the same script, so a worker that lost its lease changes nothing more; only that an event has
arrived is noted in any case.

Every method raises :class:`Unavailable` while the server can't be asked, and :class:`QueueGone`
where the group is gone (the webhook was removed, or the server emptied).
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from services.bus.errors import Unavailable
from services.bus.groups import group_info
from services.bus.keys import (
    CHANGE_STREAMS,
    DATA_FIELD,
    ENRICHED_STREAM,
    OUTCOME_STREAM,
    Keys,
    Stream,
    webhook_group,
)
from services.bus.lines import by_partition, key_of, keys_of, lines_of, stream_of
from services.bus.positions import EntryId, entry_id, written
from services.bus.scripts import Scripts
from services.effects import effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from redis.asyncio import Redis
    from redis.commands.core import AsyncScript

CONSUMER = "courier"
"""The one consumer of each group: with the lease, whoever reads is its only reader."""

STATE_TTL = 90 * 24 * 3600
"""Seconds that tries and state outlive their last change: longer than anything is retried."""

PAGE = 1000
"""Pending entries asked for at once: about 100 kB."""

AGAIN_PAGE = 100
"""Events sent again that are looked at at once: they come with their bytes, some 20 kB each."""

AGAIN = "again"
"""Name of the stream of events that are sent again, where the others have that of a stream."""

ELSEWHERE = "-"
"""Stands for the group in a script where the event lies in another partition than the queue's
notes: it is acknowledged by a call of its own, since in a cluster no script reaches both."""

TURN_MS = 250
"""Milliseconds that partitions without news are waited for together: as long as an event may have
to wait for the next turn."""

OFFERED_STREAMS = (ENRICHED_STREAM, OUTCOME_STREAM, *CHANGE_STREAMS)
"""What a webhook may be sent; each stream carries one type of event."""


class QueueGone(Exception):  # noqa: N818  (named for the state)
    """The webhook's group isn't there: it was removed, or the server was emptied."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """Where an event waits. Slots sort by when their events were added."""

    entry: EntryId
    stream: str

    @property
    def id(self) -> str:
        """The entry's id as the server writes it."""
        return written(self.entry)

    @property
    def field(self) -> bytes:
        """Its field in the hash of tries."""
        return f"{self.stream}|{self.id}".encode()


@dataclass(frozen=True, slots=True)
class Tries:
    """What is known of an event that waits: attempts counted, times sent, when it is due.

    ``due`` is in seconds since 1970; 0 where it was never tried.
    """

    counted: int = 0
    sent: int = 0
    due: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """An event on its way to the dead letters."""

    event: bytes
    event_id: str
    event_type: str
    attempts: int
    reason: str


def streams_of(types: Iterable[str]) -> tuple[Stream, ...]:
    """The streams that carry these types (full names)."""
    wanted = set(types)
    return tuple(stream for stream in OFFERED_STREAMS if stream.event.full_name in wanted)


@contextmanager
def asked() -> Iterator[None]:
    """Errors of the server as those that the caller can act on."""
    try:
        yield
    except ResponseError as error:
        if "NOGROUP" in str(error) or "no such key" in str(error):
            raise QueueGone(str(error)) from error
        raise Unavailable(f"server: {error}") from error
    except (RedisError, OSError) as error:
        raise Unavailable(f"server: {error}") from error


def tries_of(value: bytes) -> Tries:
    """What a field of the hash of tries says."""
    counted, sent, due, reason = value.decode().split(" ", 3)
    return Tries(int(counted), int(sent), int(due) / 1000, reason)


class WebhookScripts:
    """The scripts of the webhooks, loaded once a connection pool."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._loaded: dict[str, AsyncScript] = {}

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script ``name`` answers."""
        if name not in self._loaded:
            path = files("services.bus").joinpath("scripts", "webhook", f"{name}.lua")
            self._loaded[name] = self._redis.register_script(path.read_text(encoding="utf-8"))
        effect(f"bus.webhook.{name}")
        with asked():
            return await self._loaded[name](keys=list(keys), args=list(args))


class WebhookQueue:
    """See the module's docstring. ``holder`` names the worker; ``retain_dead`` is in seconds."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        name: str,
        streams: Sequence[Stream],
        holder: str,
        retain_dead: float,
    ) -> None:
        self.name = name
        self._redis = redis
        self._keys = keys
        self._lines = {line.name: line for line in lines_of(keys, streams)}
        self._holder = holder
        self._retain_dead = retain_dead
        self._scripts = WebhookScripts(redis)
        self._group = webhook_group(name)

    def _part(self, part: str) -> str:
        return self._keys.webhook(self.name, part)

    def _stream_key(self, name: str) -> str:
        return self._part(AGAIN) if name == AGAIN else key_of(self._keys, self._lines[name])

    def _elsewhere(self, slot: Slot) -> bool:
        """Whether an event lies in another slot of a cluster than what is noted of it."""
        return slot.stream != AGAIN and keys_of(self._keys, self._lines[slot.stream]).partition > 0

    def _group_of(self, slot: Slot) -> str:
        """Empty for events sent again: those are on a stream without groups."""
        return "" if slot.stream == AGAIN else self._group

    async def ensure(self, start: EntryId) -> None:
        """Make the groups that aren't there, behind ``start``."""
        for line in self._lines.values():
            with asked():
                groups = await group_info(self._redis, key_of(self._keys, line))
                if all(group["name"].decode() != self._group for group in groups):
                    await self._make_group(line, written(start))

    async def _make_group(self, line: Stream, start: str) -> None:
        key, read = key_of(self._keys, line), 0
        if await self._redis.exists(key):
            # Without a count the server can't tell the lag of a group that begins in the middle.
            info: Any = await self._redis.xinfo_stream(key)
            last = info["last-generated-id"].decode()
            scripts = Scripts(self._redis, keys_of(self._keys, line), marker_ttl=0)
            left = await scripts.count_entries(stream_of(line), start, last)
            read = info["entries-added"] - left
        try:
            await self._redis.xgroup_create(
                key, self._group, id=start, mkstream=True, entries_read=read
            )
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def lease(self, seconds: float) -> bool:
        """Take or renew the lease; whether it is held."""
        args = [self._holder, max(1, int(seconds * 1000))]
        return bool(await self._scripts.run("lease", [self._part("lease")], args))

    async def release(self) -> None:
        """Give the lease back."""
        await self._scripts.run("release", [self._part("lease")], [self._holder])

    async def size(self) -> int:
        """Events that are pending or to be sent again."""
        with asked():
            total = int(await self._redis.xlen(self._part(AGAIN)))
            for stream in self._lines:
                found: Any = await self._redis.xpending(self._stream_key(stream), self._group)
                total += int(found["pending"])
        return total

    async def waiting(self) -> dict[Slot, Tries]:
        """Every event that is pending or to be sent again, in order."""
        with asked():
            known: Any = await self._redis.hgetall(self._part("tries"))
            slots = [Slot(entry, AGAIN) for entry in await self._again()]
            for stream in self._lines:
                slots += [Slot(entry, stream) for entry in await self._pending(stream)]
        return {
            slot: tries_of(known[slot.field]) if slot.field in known else Tries()
            for slot in sorted(slots)
        }

    async def _again(self) -> list[EntryId]:
        found: Any = await self._redis.xrange(self._part(AGAIN), count=AGAIN_PAGE)
        return [entry_id(entry) for entry, _ in found]

    async def _pending(self, stream: str) -> list[EntryId]:
        ids: list[EntryId] = []
        start = "-"
        while True:
            rows: Any = await self._redis.xpending_range(
                self._stream_key(stream), self._group, start, "+", PAGE
            )
            ids += [entry_id(row["message_id"]) for row in rows]
            if len(rows) < PAGE:
                return ids
            start = f"({written(ids[-1])}"

    async def fresh(self, count: int, block_ms: int) -> list[tuple[Slot, bytes]]:
        """Up to ``count`` new events of each stream, oldest first; they are pending now.

        Waits up to ``block_ms`` where there is none; 0: not at all.
        """
        parts = by_partition(self._keys, self._lines.values())
        if len(parts) > 1:
            # What has something must not wait for what has nothing.
            found = await self._read([lines for _, lines in parts], count, 0)
            if found or not block_ms:
                return found
            block_ms = min(block_ms, TURN_MS)
        return await self._read([lines for _, lines in parts], count, block_ms)

    async def _read(
        self, parts: Sequence[Sequence[Stream]], count: int, block_ms: int
    ) -> list[tuple[Slot, bytes]]:
        """New events of all partitions, which are read side by side."""
        with asked():
            read = [self._read_part(lines, count, block_ms) for lines in parts]
            answers = await asyncio.gather(*read, return_exceptions=True)
            failed = [answer for answer in answers if isinstance(answer, BaseException)]
            if failed:
                # What the others gave is pending, and found again where the queue begins anew.
                raise failed[0]
        found = [each for answer in answers if isinstance(answer, list) for each in answer]
        return sorted(found, key=lambda each: each[0])

    async def _read_part(
        self, lines: Sequence[Stream], count: int, block_ms: int
    ) -> list[tuple[Slot, bytes]]:
        names = {self._stream_key(line.name): line.name for line in lines}
        keys: dict[Any, Any] = dict.fromkeys(names, ">")
        answer: Any = await self._redis.xreadgroup(
            self._group, CONSUMER, keys, count=count, block=block_ms or None
        )
        return [
            (Slot(entry_id(entry), names[key.decode()]), fields.get(DATA_FIELD.encode(), b""))
            for key, entries in answer or []
            for entry, fields in entries
        ]

    async def event(self, slot: Slot) -> bytes | None:
        """The bytes of an event; None where they are gone (trimmed by force)."""
        with asked():
            found: Any = await self._redis.xrange(
                self._stream_key(slot.stream), slot.id, slot.id, count=1
            )
        return found[0][1].get(DATA_FIELD.encode(), b"") if found else None

    async def passed_over(self, slots: Sequence[Slot]) -> None:
        """Take events off that nobody wants sent."""
        with asked():
            for stream in self._lines:
                ids = [slot.id for slot in slots if slot.stream == stream]
                if ids:
                    await self._redis.xack(self._stream_key(stream), self._group, *ids)

    async def begin(self, slot: Slot, *, counted: bool) -> Tries | None:
        """Count a try before it is made; None when the lease is gone."""
        keys = [self._part("lease"), self._part("tries")]
        args = [self._holder, slot.field, int(counted), STATE_TTL]
        attempts, sent = await self._scripts.run("begin", keys, args)
        return Tries(int(attempts), int(sent)) if int(sent) else None

    async def delivered(self, slot: Slot, now: float) -> None:
        """The receiver has taken it."""
        keys = [self._stream_key(slot.stream), self._part("tries"), self._part("state")]
        args = [self._group_of(slot), slot.id, slot.field, int(now * 1000), STATE_TTL]
        if self._elsewhere(slot):
            # Two steps: a process that dies in between leaves a note of tries, which expires.
            with asked():
                gone: Any = await self._redis.xack(keys[0], self._group, slot.id)
            keys[0], args[0], args[1] = self._part("tries"), ELSEWHERE, int(gone)
        await self._scripts.run("delivered", keys, args)

    async def postponed(self, slot: Slot, due: float, reason: str, now: float) -> bool:
        """A try has failed, the next one is due at ``due``; False when the lease is gone."""
        keys = [self._part("lease"), self._part("tries"), self._part("state")]
        times = [int(due * 1000), reason, int(now * 1000)]
        args = [self._holder, slot.field, *times, STATE_TTL]
        return bool(await self._scripts.run("postpone", keys, args))

    async def buried(self, slot: Slot, letter: Letter, now: float) -> bool:
        """Move an event to the dead letters; False when somebody else has dealt with it."""
        keys = [self._part("lease"), self._stream_key(slot.stream)]
        keys += [self._part("tries"), self._part("state"), self._part("dead")]
        args: list[Any] = [self._holder, self._group_of(slot), slot.id, slot.field, DATA_FIELD]
        args += [letter.event, letter.event_id, letter.event_type, letter.attempts, letter.reason]
        horizon = written((max(0, int((now - self._retain_dead) * 1000)), 0))
        args += [int(now * 1000), STATE_TTL, horizon, max(1, int(self._retain_dead))]
        if not self._elsewhere(slot):
            return bool(await self._scripts.run("bury", keys, args))
        # Two steps, the letter first: a process that dies in between writes it once more.
        line, keys[1], args[1] = keys[1], self._part("tries"), ELSEWHERE
        moved = bool(await self._scripts.run("bury", keys, args))
        if moved:
            with asked():
                await self._redis.xack(line, self._group, slot.id)
        return moved

    async def note(self, facts: Mapping[str, str]) -> None:
        """Keep facts of the delivery for the next worker and for who looks."""
        with asked():
            async with self._redis.pipeline(transaction=True) as both:
                fields: dict[Any, Any] = dict(facts)
                both.hset(self._part("state"), mapping=fields)
                both.expire(self._part("state"), STATE_TTL)
                await both.execute()

    async def noted(self) -> dict[str, str]:
        """The facts that were kept."""
        with asked():
            found: Any = await self._redis.hgetall(self._part("state"))
        return {key.decode(): value.decode() for key, value in found.items()}


__all__ = ["Letter", "QueueGone", "Slot", "Tries", "WebhookQueue", "streams_of"]
