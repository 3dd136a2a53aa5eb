"""What the server knows of articles that have no receipt yet: the ledger's view of the streams.

Everything is looked up by identity (drop and article), never subtracted; so what is on its way
and what was received are two counts that can be held against each other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from redis.exceptions import RedisError

from schemas.events import Outcome
from services.bus.envelope import Unreadable, read
from services.bus.errors import Unavailable
from services.bus.groups import waiting_for
from services.bus.keys import (
    DATA_FIELD,
    ENRICHMENT,
    INDEXER,
    OUTCOME_STREAM,
    Keys,
    receipts_stage,
)
from services.bus.overview import workers_of
from services.bus.partitions import named, place_of
from services.bus.scripts import ArticleRef, Scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redis.asyncio import Redis

    from services.settings import Settings

PlaceState = Literal["waiting", "pending", "done", "gone"]

ASKED_AT_ONCE = 200
"""Articles that one call looks up: the server does nothing else meanwhile, for a millisecond."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an article is: the stream's name and the entry that its marker names.

    ``entry_id`` names the partition, too, where it isn't home: see ``partitions``.

    ``gone``: there is no marker (then ``stream`` is empty) or no such entry; ``done``: whoever
    reads the stream has acknowledged it, although the marker shows that it went nowhere from
    there; outcomes end so, once the journal has them.
    """

    stream: str
    entry_id: str
    state: PlaceState

    @property
    def is_on_its_way(self) -> bool:
        """Whether a worker has it or will get it."""
        return self.state in {"waiting", "pending"}

    @property
    def has_outcome(self) -> bool:
        """Whether it is an outcome by now."""
        return self.stream == OUTCOME_STREAM.name


NOWHERE = Place("", "", "gone")


@dataclass(frozen=True, slots=True)
class Filed:
    """Outcomes that the store kept of what this inbox received from the hour ``since`` on.

    ``at``: when they were counted, by the indexer's clock.
    """

    at: float
    since: int
    articles: int


@dataclass(frozen=True, slots=True)
class Glance:
    """Where articles are; since when (s since 1970) ingest runs, and whether it may publish."""

    places: dict[ArticleRef, Place]
    ingest_since: float | None
    has_room: bool


class Whereabouts:
    """Looks for articles of one inbox. Methods raise redis-py's errors."""

    def __init__(self, settings: Settings, redis: Redis, inbox_id: UUID) -> None:
        self._redis = redis
        self._keys = Keys.of(settings)
        self._inbox_id = inbox_id
        self._backlog = settings.raw_backlog
        self._scripts = Scripts(redis, self._keys, settings.marker_ttl)
        self._receipts = receipts_stage(inbox_id)

    async def places(self, refs: Sequence[ArticleRef]) -> dict[ArticleRef, Place]:
        """Where each of these articles is; those asked for in one call as of one moment."""
        found: dict[ArticleRef, Place] = {}
        for keys in self._keys.each():
            here = [r for r in refs if self._keys.partition_of(r.article_id) == keys.partition]
            found |= await self._places_in(keys, here)
        for keys in self._keys.each():
            # A dead letter that is older than the number of partitions goes on where it died.
            lost = [ref for ref, place in found.items() if place == NOWHERE]
            elsewhere = [r for r in lost if self._keys.partition_of(r.article_id) != keys.partition]
            found |= await self._places_in(keys, elsewhere)
        return {ref: found[ref] for ref in refs}

    async def _places_in(self, keys: Keys, refs: Sequence[ArticleRef]) -> dict[ArticleRef, Place]:
        groups = (ENRICHMENT.group, INDEXER.group, self._receipts.group)
        found: dict[ArticleRef, Place] = {}
        for start in range(0, len(refs), ASKED_AT_ONCE):
            some = refs[start : start + ASKED_AT_ONCE]
            answers = await self._scripts.at(keys).whereabouts(some, groups)
            found |= {ref: _place(keys, *each) for ref, each in zip(some, answers, strict=True)}
        return found

    async def outcomes(self, entry_ids: Iterable[str]) -> dict[str, Outcome]:
        """The outcomes that these entries of the outcome stream hold, as far as they are there.

        By the names of the entries, as :attr:`Place.entry_id` has them.
        """
        found: dict[str, Outcome] = {}
        placed = [place_of(self._keys, name) for name in entry_ids]
        for keys in self._keys.each():
            here = [entry for place, entry in placed if place == keys]
            found |= {named(keys, e): o for e, o in (await self._outcomes_in(keys, here)).items()}
        return found

    async def _outcomes_in(self, keys: Keys, wanted: Sequence[str]) -> dict[str, Outcome]:
        key, found = keys.stream(OUTCOME_STREAM), {}
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            async with self._redis.pipeline(transaction=False) as pipe:
                for entry_id in wanted[start : start + ASKED_AT_ONCE]:
                    pipe.xrange(key, entry_id, entry_id)
                for entries in await pipe.execute():
                    for entry_id, fields in entries:
                        event = read(fields.get(DATA_FIELD.encode(), b""), OUTCOME_STREAM.event)
                        if not isinstance(event, Unreadable) and isinstance(event.payload, Outcome):
                            found[entry_id.decode()] = event.payload
        return found

    async def buried(self, days: Iterable[int]) -> set[ArticleRef]:
        """What stages rejected of what was received on these days, as the server counted it."""
        found: set[ArticleRef] = set()
        each = [keys.buried(self._inbox_id, day) for day in days for keys in self._keys.each()]
        for key in each:
            async for field in self._redis.hscan_iter(key, count=ASKED_AT_ONCE):
                drop_id, _, article_id = field[0].decode().partition(":")
                found.add(ArticleRef(UUID(drop_id), UUID(article_id)))
        return found

    async def ingest_since(self) -> float | None:
        """Since when (s since 1970) an ingest owns this inbox; None where none gives signs of life.

        Of an older release, which doesn't say: since now, so that nothing is overdue.
        """
        signs = await workers_of(self._redis, self._keys, self._receipts)
        return max((float(sign.get("owned_at", time.time())) for sign in signs), default=None)

    async def has_room(self) -> bool:
        """Whether ingest may publish now; while it may not, what isn't sent waits in its folder."""
        return await waiting_for(self._redis, self._keys, ENRICHMENT) < self._backlog

    async def filed(self) -> Filed | None:
        """What the indexer's last sign of life says of the store's tally; None where none does.

        Raises :class:`Unavailable` while the server doesn't answer.
        """
        try:
            workers = await workers_of(self._redis, self._keys, INDEXER)
        except RedisError as error:
            raise Unavailable(f"server: {error}") from error
        tallies = [worker["tally"] for worker in workers if "tally" in worker]
        if not tallies:
            return None
        newest = max(tallies, key=lambda tally: float(tally["at"]))
        counts = newest["inboxes"].get(str(self._inbox_id), {})
        return Filed(float(newest["at"]), int(newest["since"]), sum(counts.values()))

    async def glance(self, refs: Sequence[ArticleRef]) -> Glance:
        """Where articles are, and what else tells whether one is lost.

        Raises :class:`Unavailable` while the server doesn't answer.
        """
        try:
            return Glance(
                places=await self.places(refs),
                ingest_since=await self.ingest_since(),
                has_room=await self.has_room(),
            )
        except RedisError as error:
            raise Unavailable(f"server: {error}") from error


def _place(keys: Keys, at: str, state: PlaceState) -> Place:
    if not at:
        return NOWHERE
    stream, _, entry_id = at.partition(":")
    return Place(stream, named(keys, entry_id), state)
