"""Stored articles on their way through the stages again, so that fresh ones go first.

An article goes back onto the raw stream as it was read, with a drop of its own: its ``inbox_id``
is the run's and no inbox's, so no receipt, journal or ledger is concerned; its ``drop_id`` is made
of run and article, so that it is published once however often it is asked for.

**Fresh news goes first.**  Whatever waits at enrichment is counted, whoever sent it: no more is
published while :data:`WAITING_SHARE` of what a long file may have waiting is there.  So a file that
is dropped meanwhile waits behind a few articles of a run at most, and while files or a long one
fill the queue, the run stands still.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal
from uuid import uuid5

from redis.exceptions import RedisError

from schemas.article import KIN_BLOCKS, Kept, RawArticle, Reenrichment
from services.bus.connect import client, server_url
from services.bus.errors import Unavailable
from services.bus.keys import OUTCOME_STREAM, Keys
from services.bus.partitions import in_each
from services.bus.publisher import Publisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from redis.asyncio import Redis

    from schemas.article import EnrichedArticle
    from services.settings import Settings

WAITING_SHARE = 4
"""A quarter of ``bulk_backlog`` (64): 16 articles, two batches of one worker, which keeps it busy.
A long file that is read meanwhile keeps more than that waiting, and so comes before a run."""

Whereabouts = Literal["on its way", "buried", "gone"]
"""Of an article without an outcome in the store: in a stage; among the dead letters, with an
outcome of its own; nowhere, because the server lost it or it never was published."""


def drop_of(run: UUID, article_id: UUID) -> UUID:
    """The drop id of an article in a run."""
    return uuid5(run, str(article_id))


def raw_again(article: EnrichedArticle, run: UUID) -> RawArticle:
    """A stored article as it was read, on its way in ``run``: without annotations, all else kept.

    Fields that this release doesn't know go along, as they do everywhere.
    """
    kept = Kept(
        near_duplicate_of=article.near_duplicate_of,
        near_duplicates=article.near_duplicates,
        story=article.story,
        provenance=tuple(each for each in article.provenance if each.block in KIN_BLOCKS),
    )
    drop = article.drop.model_copy(
        update={
            "drop_id": drop_of(run, article.article_id),
            "inbox_id": run,
            "retry": None,
            "reenrichment": Reenrichment(run=run, kept=kept),
        }
    )
    fields = {name: getattr(article, name) for name in RawArticle.model_fields}
    return RawArticle(**{**(article.model_extra or {}), **fields, "drop": drop})


class Resender:
    """Publishes articles of a run while there is room; everything may raise ``Unavailable``."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._publisher = Publisher(settings, redis)
        self._redis = redis
        self._keys = Keys.of(settings)
        self._most_waiting = max(1, settings.bulk_backlog // WAITING_SHARE)

    async def room(self) -> int:
        """Articles that may be published now: none while that many wait for enrichment."""
        return max(0, self._most_waiting - await self._publisher.waiting())

    async def send(self, articles: Sequence[RawArticle]) -> None:
        """Publish; what is on its way already isn't added again."""
        await self._publisher.publish(articles)

    async def whereabouts(self, run: UUID, article_ids: Sequence[UUID]) -> list[Whereabouts]:
        """Where articles of a run are that have no outcome in the store, in their order."""
        if not article_ids:
            return []

        async def markers(keys: Keys) -> list[bytes | str | None]:
            # In every partition: their number may have changed since the run began.
            return await self._redis.mget(
                [keys.marker(drop_of(run, each), each) for each in article_ids]
            )

        try:
            found = await in_each(self._keys.each(), markers)
        except RedisError as error:
            raise Unavailable(f"server: {error}") from error
        return [_place(next(filter(None, each), None)) for each in zip(*found, strict=True)]


def _place(marker: bytes | str | None) -> Whereabouts:
    if marker is None:
        return "gone"
    at = marker if isinstance(marker, str) else marker.decode()
    return "buried" if at.startswith(f"{OUTCOME_STREAM.name}:") else "on its way"


@asynccontextmanager
async def resending(settings: Settings) -> AsyncIterator[Resender]:
    """A resender over a connection of its own."""
    async with client(server_url(settings)) as redis:
        yield Resender(settings, redis)
