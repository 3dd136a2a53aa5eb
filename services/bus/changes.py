"""How subscribers are told that entities were merged, split or aliased.

The store keeps each change with what it changed, in one transaction, until it was
told: an outbox.  Whoever finds something there publishes it, oldest first: the
command that made the change, and every indexer, at start and again and again.
So a change outlives whatever dies in between, and a server that is away.

Each change is on the stream once, however many publish it: a marker goes there with
it, in one script.  (Only where the server loses the marker between the publishing and
the store's note of it, the same event comes again, under the same id.)
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from uuid import uuid5

from redis.exceptions import RedisError

from schemas.events import ENTITIES_CHANGED, EVENT_NAMESPACE
from services.bus.connect import probe, server_url
from services.bus.envelope import Outgoing, write
from services.bus.errors import Unavailable
from services.bus.keys import ENTITY_STREAM, INDEXER, Keys
from services.bus.scripts import Scripts
from services.observability import get_logger, seldom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from redis.asyncio import Redis

    from schemas.events import EntitiesChanged
    from services.settings import Settings

log = get_logger(__name__)

LOOK_EVERY = 3.0
"""Seconds between two looks into the outbox: a subscriber hears of what a command could not
publish itself within that time, and a look is one query on an index of what is pending."""


class Outbox(Protocol):
    """What keeps changes until subscribers were told of them."""

    def pending_changes(self) -> Sequence[EntitiesChanged]:
        """Some changes that nobody has marked as published, oldest first."""

    def mark_published(self, change_ids: Sequence[UUID]) -> None:
        """Take these off the pending ones."""


def change_event(change: EntitiesChanged) -> bytes:
    """The one event of a change: the same bytes whenever it is made."""
    head = Outgoing(
        event=ENTITIES_CHANGED,
        id=str(uuid5(EVENT_NAMESPACE, f"{ENTITIES_CHANGED.full_name}|{change.change_id}")),
        source=INDEXER.source,
        subject=change.into or change.keys[0],
        time=change.at,
        traceparent=None,
    )
    return write(head, change)


async def publish_pending(outbox: Outbox, scripts: Scripts) -> int:
    """Publish all that is pending; how many of them nobody had published yet.

    Raises redis-py's errors and what the outbox raises; calling again is always safe.
    """
    told = 0
    while pending := await asyncio.to_thread(outbox.pending_changes):
        for change in pending:
            event = change_event(change)
            told += await scripts.announce(ENTITY_STREAM, change.change_id, event)
        await asyncio.to_thread(outbox.mark_published, [change.change_id for change in pending])
    return told


def publish_now(outbox: Outbox, settings: Settings) -> None:
    """Publish what is pending from a command; a server that is away is an error at once.

    Raises ``Unavailable`` or ``StopWorking`` with the reason why subscribers weren't told.
    """

    async def publish() -> None:
        async with probe(server_url(settings)) as redis:
            await publish_pending(outbox, _scripts(redis, settings))

    try:
        asyncio.run(publish())
    except (RedisError, OSError) as error:
        raise Unavailable(f"server: {error}") from error


def announcing(
    outbox: Callable[[], Outbox], settings: Settings
) -> Callable[[Redis, asyncio.Event], Awaitable[None]]:
    """What runs beside the indexer: publishes what is pending, until told to stop.

    ``outbox`` is asked for when it runs: by then the store is open.
    """

    async def announce(redis: Redis, stop: asyncio.Event) -> None:
        scripts = _scripts(redis, settings)
        while not stop.is_set():
            try:
                if told := await publish_pending(outbox(), scripts):
                    log.info("changes.published", changes=told)
            except (RedisError, OSError, Unavailable) as error:
                # What passes: the changes stay where they are until the next look.
                if seldom("changes.waiting", str(error)):
                    log.warning("changes.waiting", reason=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)

    return announce


def _scripts(redis: Redis, settings: Settings) -> Scripts:
    return Scripts(redis, Keys.of(settings), settings.marker_ttl)
