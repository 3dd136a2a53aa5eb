"""Evidence of loss on a stream: what was passed over, what was removed before it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.article import RawArticle
from services.bus.envelope import Unreadable, read
from services.bus.keys import DATA_FIELD

if TYPE_CHECKING:
    from services.bus.keys import StageSpec, Stream
    from services.console.doctor.checks import Server

LOOKED_AT = 200
"""Of the oldest entries behind a group: about 1 MB, and those are what a group at $ passes over."""


class Removed(NamedTuple):
    """``unread``: entries removed before the group read them, None where that can't be told.

    ``hollow``: entries that it has in work and that are gone.
    """

    unread: int | None
    hollow: int


async def passed_over(
    server: Server, spec: StageSpec, group: dict[str, Any]
) -> tuple[list[str], int]:
    """Ids of entries behind a group that it neither has nor handed on; how many were looked at.

    An entry's article carries a marker of where it is; whoever hands it on moves the marker in
    the same step.  So one that is behind the group, not pending, and still marked as being here
    was never given out.  Only the oldest entries are looked at.
    """
    key, last = server.keys.stream(spec.reads), group["last-delivered-id"]
    # In this order: what is acknowledged meanwhile has moved its marker before we read it.
    entries: Any = await server.redis.xrange(key, min="-", max=last, count=LOOKED_AT)
    if not entries or last == b"0-0":
        return [], 0
    held = await _held(server, key, spec.group, entries[-1][0])
    articles = [
        (i.decode(), _article(spec.reads, fields)) for i, fields in entries if i not in held
    ]
    marked = [(entry_id, article) for entry_id, article in articles if article is not None]
    places = await _places(server, [article for _, article in marked])
    return [
        entry_id
        for (entry_id, _), place in zip(marked, places, strict=True)
        if place == f"{spec.reads.name}:{entry_id}".encode()
    ], len(marked)


async def _held(server: Server, key: str, group: str, last: bytes) -> set[bytes]:
    """Ids of what a group has in work, up to one id."""
    pending: Any = await server.redis.xpending_range(
        key, group, min="-", max=last.decode(), count=LOOKED_AT
    )
    return {entry["message_id"] for entry in pending}


def _article(stream: Stream, fields: dict[bytes, bytes]) -> RawArticle | None:
    event = read(fields.get(DATA_FIELD.encode(), b""), stream.event)
    payload = None if isinstance(event, Unreadable) else event.payload
    return payload if isinstance(payload, RawArticle) else None


async def _places(server: Server, articles: list[RawArticle]) -> list[bytes | None]:
    if not articles:
        return []
    keys = [server.keys.marker(each.drop.drop_id, each.article_id) for each in articles]
    found: Any = await server.redis.mget(keys)
    return list(found)


async def lost_before_read(server: Server, spec: StageSpec) -> Removed:
    """What was removed from a stage's stream that its group had not read, or has in work.

    A group knows how many entries it was given in all, a stream how many it was ever given and
    how many it has: where more are gone than the group has read, it missed the rest.
    """
    key = server.keys.stream(spec.reads)
    # At one moment: what is read and trimmed in between would look lost.
    async with server.redis.pipeline(transaction=True) as pipe:
        pipe.xinfo_stream(key)
        pipe.xinfo_groups(key)
        info, groups = await pipe.execute()
    read_by = {group["name"].decode(): group["entries-read"] for group in groups}
    hollow = await _hollow(server, key, spec.group)
    count = read_by.get(spec.group)
    if count is None:
        return Removed(None, hollow)
    gone = int(info["entries-added"]) - int(info["length"])
    return Removed(max(0, gone - int(count)), hollow)


async def _hollow(server: Server, key: str, group: str) -> int:
    """How many of the oldest entries in work aren't on the stream any more."""
    pending: Any = await server.redis.xpending_range(key, group, min="-", max="+", count=LOOKED_AT)
    if not pending:
        return 0
    async with server.redis.pipeline(transaction=False) as pipe:
        for entry in pending:
            pipe.xrange(key, min=entry["message_id"], max=entry["message_id"])
        found = await pipe.execute()
    missing = [p["message_id"] for p, entries in zip(pending, found, strict=True) if not entries]
    if not missing:
        return 0
    # What was acknowledged meanwhile may have been trimmed, rightly.
    still = await _held(server, key, group, missing[-1])
    return len(still.intersection(missing))
