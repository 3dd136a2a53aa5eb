"""How many partitions there are: noted in Redis, so that all services mean the same ones.

What an article's partition is follows from their number: two services that differ in it would
look for an article in two places.  So the number is noted at home and told to every partition
(its *fence*).  A service whose setting differs refuses to start, unless nothing is on its
way anywhere: then it notes the new number.  What was on its way under the old number is done
by then, so that no message is lost in a partition that nobody reads any more, and none can
cross again because its marker lies in another one.

Whoever publishes names the number that it knows of, and a fence with another one takes
nothing: also not from a service that still runs with the old setting.  While the number is
being changed every fence is closed.

A note says ``CHANGE NUMBER``, while it is being changed ``CHANGE OLD>NEW``; changes are counted,
so that of two at once one is made whole or not at all.  Without a note there is one partition.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError, ResponseError

from services.bus.errors import StopWorking
from services.bus.groups import group_info
from services.bus.keys import (
    CHANGE_STREAMS,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    INDEXER,
    OUTCOME_STREAM,
    RAW_STREAM,
    STREAMS,
    Keys,
    is_ours,
)
from services.bus.partitions import in_each
from services.bus.scripts import Scripts
from services.observability import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = get_logger(__name__)

FENCED = "PARTITIONS"
"""The code of the error with which a fence refuses."""

PAUSE = 0.1
"""Seconds until a change that somebody else is making is looked at again."""

LIFE = 1.0
"""Seconds that a marker would live: no script that is used here writes one."""

_NOTE = re.compile(r"(\d+) (\d+)(?:>(\d+))?")

_READ_BY = ((RAW_STREAM, ENRICHMENT.group), (ENRICHED_STREAM, INDEXER.group), (OUTCOME_STREAM, ""))
"""What articles pass, and whose groups must be done with it: '': every inbox's."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted. ``change``: how often it was changed; ``to``: what it is being changed to."""

    change: int = 0
    number: int = 1
    to: int | None = None

    @classmethod
    def read(cls, raw: bytes | str | None) -> Note:
        """What is written there."""
        text = raw.decode() if isinstance(raw, bytes) else raw or ""
        found = _NOTE.fullmatch(text)
        if found is None:
            return cls()
        return cls(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)

    def __str__(self) -> str:
        """As it is written; nothing where there never was one."""
        if not self.change:
            return ""
        return f"{self.change} {self.number}" + ("" if self.to is None else f">{self.to}")


async def noted(redis: Redis, keys: Keys) -> Note:
    """What is noted at home."""
    return Note.read(await redis.get(keys.at(0).noted()))


async def confirm(redis: Redis, keys: Keys) -> None:
    """Look that the setting is what is noted; :class:`StopWorking` where it isn't.

    Partitions that have lost what they were told (a server came back with less) are told again.
    """
    note = await noted(redis, keys)
    if note.to is None and note.number == keys.partitions:
        await _tell(redis, keys, note)
    elif note.change:
        raise StopWorking(
            f"this desk has {_partitions(note.number)}, and WIREDESK_PARTITIONS says "
            f"{keys.partitions}: set it to {note.number}"
        )


async def agree(redis: Redis, keys: Keys) -> None:
    """Look that the setting is what is noted; note it where nothing is on its way.

    Raises :class:`StopWorking` where something is, and redis-py's errors.
    """
    scripts = Scripts(redis, keys, LIFE)
    while True:
        note = await noted(redis, keys)
        if note.to is None and note.number == keys.partitions:
            await _tell(redis, keys, note)
            return
        changing = Note(note.change + 1, note.number, keys.partitions)
        if not await scripts.note(str(note), str(changing)):
            await asyncio.sleep(PAUSE)
            continue
        every = Keys(keys.namespace, max(note.number, keys.partitions))
        await _tell(redis, every, changing)
        hindrance = await _hindrance(redis, every, note.number, keys.partitions)
        if hindrance is not None:
            before = Note(changing.change + 1, note.number)
            if await scripts.note(str(changing), str(before)):
                await _tell(redis, Keys(keys.namespace, note.number), before)
            raise StopWorking(_advice(note.number, keys.partitions, hindrance))
        await _register(redis, every, note.number)
        after = Note(changing.change + 1, keys.partitions)
        if await scripts.note(str(changing), str(after)):
            await _tell(redis, keys, after)
            await _leave(redis, every, keys.partitions)
            log.warning("partitions.changed", before=note.number, now=keys.partitions)
            return


async def _tell(redis: Redis, keys: Keys, note: Note) -> None:
    """Set the fence of every partition but home, whose fence is the note."""
    scripts = Scripts(redis, keys, LIFE)
    others = keys.each()[1:]
    if others:
        await in_each(others, lambda here: scripts.at(here).fence(note.change, str(note)))


async def _hindrance(redis: Redis, every: Keys, before: int, now: int) -> str | None:
    """What keeps the number from being changed; None where nothing does."""
    if before == now:  # a change that somebody began and did not make is taken back
        return None
    for found in await in_each(every.each(), lambda here: _on_its_way(redis, here)):
        if found is not None:
            return found
    going = [keys for keys in every.each() if keys.partition >= now]
    if going:
        for found in await in_each(going, lambda here: _left_there(redis, here)):
            if found is not None:
                return found
    return None


async def _on_its_way(redis: Redis, here: Keys) -> str | None:
    for stream, reader in _READ_BY:
        key = here.stream(stream)
        groups = {g["name"].decode(): g for g in await group_info(redis, key)}
        if reader and reader not in groups and await redis.xlen(key):
            return f"{key} waits for {reader}"
        for name, group in groups.items():
            if is_ours(name) and await _unread(redis, key, group):
                return f"{key} holds messages that {name} isn't done with"
    return None


async def _left_there(redis: Redis, here: Keys) -> str | None:
    """Of a partition that is to go: what would be lost with it."""
    if await redis.xlen(here.stream(DEAD_STREAM)):
        return f"{here.stream(DEAD_STREAM)} holds dead letters (wiredesk dead retry, or drop)"
    for stream in STREAMS:
        for group in await group_info(redis, here.stream(stream)):
            if await _unread(redis, here.stream(stream), group):
                name = group["name"].decode()
                return f"{here.stream(stream)} holds events that {name} has yet to read"
    return None


async def _unread(redis: Redis, key: str, group: dict[str, Any]) -> bool:
    if group["lag"] is not None:
        return bool(group["lag"] or group["pending"])
    last: bytes = group["last-delivered-id"]
    return bool(group["pending"] or await redis.xrange(key, min=f"({last.decode()}", count=1))


async def _register(redis: Redis, every: Keys, before: int) -> None:
    """Register the subscribers in partitions that are new; the janitor makes their groups.

    At the beginning, and nothing is there yet: they miss nothing.
    """
    home: Any = await redis.hgetall(every.subscribers())
    changes = tuple(f"{stream.name}/" for stream in CHANGE_STREAMS)
    of_articles = {n: v for n, v in home.items() if not n.decode().startswith(changes)}
    for keys in every.each()[before:]:
        for name, document in of_articles.items():
            # What is there is of an earlier change that was begun, and says the same.
            await redis.hset(keys.subscribers(), name, document)


async def _leave(redis: Redis, every: Keys, now: int) -> None:
    """Delete what was kept for replay in partitions that are there no more.

    It stays where this service's user may not: memory is all that it costs.
    """
    for keys in every.each()[now:]:
        for key in (keys.subscribers(), keys.trimmed(), *(keys.stream(s) for s in STREAMS)):
            with suppress(NoPermissionError):
                await redis.unlink(key)


def refused(error: BaseException) -> bool:
    """Whether an answer of the server is that of a fence."""
    return isinstance(error, ResponseError) and FENCED in str(error)


def _partitions(number: int) -> str:
    return "1 partition" if number == 1 else f"{number} partitions"


def _advice(before: int, now: int, hindrance: str) -> str:
    return (
        f"this desk has {_partitions(before)}, and WIREDESK_PARTITIONS says {now}. The number can "
        f"change while nothing is on its way, but {hindrance}. Start all services with "
        f"WIREDESK_PARTITIONS={before}, wait until `wiredesk status` shows that nothing waits, "
        f"stop them, and start them with {now}. See docs/partitions.md"
    )
