"""Subscribers that read a stream with a consumer group of their own: made, listed, protected.

A registered subscriber is a consumer group with a promise: the janitor trims nothing that it
has not acknowledged, up to its limit (:mod:`services.bus.retention`).

Registration and group are in Redis, beside the events that they are about: a desk with several
partitions has both in each of them.  A group that is gone while its registration is there (a
stream deleted by hand) is made anew by the janitor, at the beginning.  A server that has lost
everything has lost the registration with the events: ``add`` it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.bus.groups import group_info
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENTITY_STREAM,
    OUTCOME_STREAM,
    STORY_STREAM,
    Keys,
    is_ours,
)
from services.bus.overview import oldest_seconds, server_ms
from services.bus.positions import FIRST, entry_id, point_of, time_of, written
from services.bus.registered import Registered, registered
from services.bus.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from services.bus.keys import Stream
    from services.bus.positions import Start
    from services.settings import Settings

SUBSCRIBED = (ENRICHED_STREAM, OUTCOME_STREAM, STORY_STREAM, ENTITY_STREAM, DEAD_STREAM)
"""Streams that may be subscribed to. ``raw`` isn't among them: it is a queue between two of our
own stages, kept for an hour."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_OURS = re.compile(r"(enrichment|indexer|ingest|webhook|wiredesk)s?([._-].*)?", re.IGNORECASE)


class NotDone(ValueError):  # noqa: N818  (named for what happened; nothing is broken)
    """A change to subscribers that isn't made; the message says why, and what would do."""


@dataclass(frozen=True, slots=True)
class Added:
    """A subscriber that was registered, or moved.

    ``adopted``: its group was there and stays where it is.  ``first``: when the first event
    that it will be given was added; None where there is none yet.  ``trimmed``: what it asked
    for began earlier, and is gone.  ``pending``: events given out and not acknowledged.
    """

    name: str
    stream: Stream
    adopted: bool
    first: datetime | None
    trimmed: bool
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Where a subscriber's group stands.

    ``registered`` is None for groups that somebody made by hand.  ``lag``: events not given out
    yet, None where the server can't tell.  ``read_up_to``: when the last one given out was
    added.  ``there``: False where the group is gone; the janitor makes it anew.
    """

    name: str
    stream: Stream
    registered: Registered | None
    lag: int | None = None
    pending: int = 0
    oldest_seconds: float | None = None
    read_up_to: datetime | None = None
    there: bool = True


def checked_name(name: str) -> str:
    """``name`` where a subscriber may be called so; else :class:`NotDone`."""
    if _OURS.fullmatch(name) or is_ours(name):
        raise NotDone(f"'{name[:64]}' is a name of Wiredesk's own; choose another")
    if not _NAME.fullmatch(name):
        raise NotDone(
            "a name has up to 64 letters, digits, dots, dashes and underscores, a letter first"
        )
    return name


class Subscribers:
    """The subscribers of one desk."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._keys = Keys.of(settings)
        self._scripts = Scripts(redis, self._keys, settings.marker_ttl)

    async def add(
        self, name: str, stream: Stream, start: Start | None = None, limit: int | None = None
    ) -> Added:
        """Register a subscriber that begins at ``start``, with a group made for it.

        Without a start it begins now; or a group of this name that is there already is taken
        as it stands.  Raises :class:`NotDone`.
        """
        entry = Registered(
            limit or self._settings.subscriber_limit,
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        checked_name(name)
        done: list[str] = []
        for here in self._keys.each(stream):
            done.append(await self._register(here, name, stream, entry, start))
            if done[0] == "exists":
                break
        if all(each == "registered" for each in done):
            raise NotDone(
                f"{name} is a subscriber of {stream.name} already; "
                f"`wiredesk subscribers move {name} --to ...` lets it begin elsewhere"
            )
        if "exists" in done:
            raise NotDone(
                f"a group {name} is there already, made by hand; without --from it is registered "
                "as it stands, and `wiredesk subscribers move` moves it"
            )
        return await self._told(name, stream, start, adopted="adopted" in done)

    async def _register(
        self, here: Keys, name: str, stream: Stream, entry: Registered, start: Start | None
    ) -> str:
        """Register in one partition, and begin there; what ``Scripts.subscribe`` says."""
        point = await self._point(here, stream, start or "now")
        done = await self._scripts.at(here).subscribe(
            stream, name, entry.as_json(), point, adopt=start is None
        )
        if done == "made":
            await self._set(here, name, stream, point)
        return done

    async def move(self, name: str, stream: Stream, start: Start) -> Added:
        """Let a subscriber go on from another point. What is pending stays pending."""
        if not await self._has(name, stream):
            raise self._nobody(name, stream)
        for here in self._keys.each(stream):
            await self._set(here, name, stream, await self._point(here, stream, start))
        return await self._told(name, stream, start, adopted=False)

    async def remove(self, name: str, stream: Stream) -> None:
        """Forget a subscriber, and its group with what it has not acknowledged."""
        if is_ours(name):
            raise self._nobody(name, stream)
        gone = [
            await self._scripts.at(here).unsubscribe(stream, name)
            for here in self._keys.each(stream)
        ]
        if not any(gone):
            raise self._nobody(name, stream)

    async def streams_of(self, name: str) -> Sequence[Stream]:
        """The streams on which there is a subscriber of this name."""
        return [stream for stream in SUBSCRIBED if await self._has(name, stream)]

    async def states(self) -> Sequence[Subscriber]:
        """Every subscriber of every stream: the registered ones, and groups made by hand."""
        now_ms = await server_ms(self._redis)
        found: list[Subscriber] = []
        for stream in SUBSCRIBED:
            parts: dict[str, list[Subscriber]] = {}
            for here in self._keys.each(stream):
                for state in await self._states(here, stream, now_ms):
                    parts.setdefault(state.name, []).append(state)
            found += [_together(states) for states in parts.values()]
        return found

    async def _states(self, here: Keys, stream: Stream, now_ms: int) -> Sequence[Subscriber]:
        """The subscribers of a stream in one partition."""
        known = await registered(self._redis, here, stream)
        found = []
        for group in await group_info(self._redis, here.stream(stream)):
            name = group["name"].decode()
            if not is_ours(name):
                entry = known.pop(name, None)
                found.append(await self._state(here, stream, entry, group, now_ms))
        return [*found, *(Subscriber(n, stream, e, there=False) for n, e in known.items())]

    async def _state(
        self, here: Keys, stream: Stream, entry: Registered | None, group: Any, now_ms: int
    ) -> Subscriber:
        last = entry_id(group["last-delivered-id"])
        return Subscriber(
            group["name"].decode(),
            stream,
            entry,
            lag=group["lag"],
            pending=group["pending"],
            oldest_seconds=await oldest_seconds(self._redis, here.stream(stream), group, now_ms),
            read_up_to=None if last == FIRST else time_of(last),
        )

    async def _point(self, here: Keys, stream: Stream, start: Start) -> str:
        """The id behind which a group begins that starts there."""
        if start == "beginning":
            return written(FIRST)
        if isinstance(start, datetime):
            return written(point_of(start))
        info = await self._info(here, stream)
        return written(FIRST) if info is None else info["last-generated-id"].decode()

    async def _set(self, here: Keys, name: str, stream: Stream, point: str) -> None:
        """Put a group behind an id, and tell the server how many entries it has left behind.

        Without that the server can't tell the lag of a group that begins in the middle.
        """
        info = await self._info(here, stream)
        read = None
        if info is not None:
            last = info["last-generated-id"].decode()
            left = await self._scripts.at(here).count_entries(stream, point, last)
            read = info["entries-added"] - left
        await self._redis.xgroup_setid(here.stream(stream), name, point, entries_read=read)

    async def _told(
        self, name: str, stream: Stream, start: Start | None, *, adopted: bool
    ) -> Added:
        parts = [await self._begins(here, name, stream) for here in self._keys.each(stream)]
        firsts = [first for first, _, _ in parts if first is not None]
        return Added(
            name,
            stream,
            adopted,
            first=min(firsts, default=None),
            trimmed=start is not None and any(trimmed for _, trimmed, _ in parts),
            pending=sum(pending for _, _, pending in parts),
        )

    async def _begins(
        self, here: Keys, name: str, stream: Stream
    ) -> tuple[datetime | None, bool, int]:
        """When its first event in a partition is from, whether some are trimmed; and pending."""
        key = here.stream(stream)
        (group,) = [g for g in await group_info(self._redis, key) if g["name"] == name.encode()]
        last = entry_id(group["last-delivered-id"])
        following: Any = await self._redis.xrange(key, min=f"({written(last)}", count=1)
        record: Any = await self._redis.hget(here.trimmed(), stream.name)
        first = time_of(entry_id(following[0][0])) if following else None
        return first, record is not None and last < entry_id(record), int(group["pending"])

    async def _info(self, here: Keys, stream: Stream) -> Any:
        """``XINFO STREAM``; None where the stream doesn't exist."""
        key = here.stream(stream)
        return await self._redis.xinfo_stream(key) if await self._redis.exists(key) else None

    async def _has(self, name: str, stream: Stream) -> bool:
        if is_ours(name):
            return False
        for here in self._keys.each(stream):
            groups = await group_info(self._redis, here.stream(stream))
            known = await registered(self._redis, here, stream)
            if name in known or any(group["name"].decode() == name for group in groups):
                return True
        return False

    @staticmethod
    def _nobody(name: str, stream: Stream) -> NotDone:
        return NotDone(f"{stream.name} has no subscriber {name}; see `wiredesk subscribers list`")


def _together(parts: Sequence[Subscriber]) -> Subscriber:
    """A subscriber over all partitions; it has read up to where the last of them is."""
    lags = [part.lag for part in parts if part.lag is not None]
    ages = [part.oldest_seconds for part in parts if part.oldest_seconds is not None]
    points = [part.read_up_to for part in parts if part.read_up_to is not None]
    known = [part.registered for part in parts if part.registered is not None]
    lost = [each for each in known if each.lost is not None]
    return replace(
        parts[0],
        registered=next(iter((*lost, *known)), None),
        lag=sum(lags) if len(lags) == len(parts) else None,
        pending=sum(part.pending for part in parts),
        oldest_seconds=max(ages, default=None),
        read_up_to=max(points, default=None),
        there=all(part.there for part in parts),
    )
