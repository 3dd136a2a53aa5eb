"""What each side of the ledger counted, cut at one moment of the journal.

Articles move while the ledger is taken.  The store's counts are read first, with the number of
the last outcome counted; then the journal, which stays as it is at that moment; then the streams;
then what the store has filed since, of which only what the journal knew at that moment counts.
So whatever the journal has as filed, the store has counted; and what it has as open is looked for
on the streams before it is looked for in the store, the way that articles go.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.bus.ledger import NOWHERE, Place, Whereabouts
from services.console.ledger_check import ref_of
from services.ingest.ledger import Circumstances, Standing, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from schemas.events import Outcome
    from services.bus.scripts import ArticleRef
    from services.indexer.store.base import ArticleStore
    from services.indexer.store.tallies import Filed, Tally, TallyRow
    from services.ingest.ledger_book import LedgerBook, OpenEntry
    from services.settings import Settings

DAYS_LISTED = 122
"""Days of which the server's list of rejections is read: as long as it is kept, and two more."""


@dataclass(slots=True)
class StoreSide:
    """What the store filed: ``tally`` with what came ``since``, up to the outcome ``upto``."""

    store: ArticleStore
    tally: Tally
    upto: int = 0
    since: list[Filed] = field(default_factory=list)
    of_open: dict[ArticleRef, Filed] = field(default_factory=dict)

    @classmethod
    def before(cls, store: ArticleStore) -> StoreSide:
        """As it is before the journal is opened."""
        return cls(store, store.tally())

    def after(self, book: LedgerBook, opened: Sequence[OpenEntry]) -> None:
        """What was filed since, as far as the journal knew of it."""
        mine = str(book.inbox_id)
        later = list(self.store.filed_after(self.tally.last))
        self.upto = later[-1].number if later else self.tally.last
        drops = list({str(entry.ref.drop_id) for entry in opened})
        wanted = {entry.ref for entry in opened}
        self.of_open = {ref: each for ref, each in self.filed(drops).items() if ref in wanted}
        self.since = [
            each
            for each in later
            if each.inbox_id == mine and _knows(book, ref_of(each), self.of_open)
        ]

    def filed(self, drops: Sequence[str]) -> dict[ArticleRef, Filed]:
        """What was filed of these drops by then."""
        found = self.store.filed_for(drops)
        return {ref_of(each): each for each in found if each.number <= self.upto}

    def rows(self, book: LedgerBook) -> list[TallyRow]:
        """What was counted of the journal's inbox, since its ledger began."""
        mine = str(book.inbox_id)
        return [r for r in self.tally.rows if r.inbox_id == mine and r.hour >= book.since]


def _knows(book: LedgerBook, ref: ArticleRef, of_open: dict[ArticleRef, Filed]) -> bool:
    if ref in of_open:
        return True
    noted = book.one(ref)
    return noted is not None and not noted.own


@dataclass(slots=True)
class ServerSide:
    """What the server knows: where open articles are, and what stages rejected."""

    whereabouts: Whereabouts
    at: Circumstances
    places: dict[ArticleRef, Place]
    events: dict[ArticleRef, Outcome]
    buried: set[ArticleRef]

    @classmethod
    async def look(
        cls, settings: Settings, redis: Redis, book: LedgerBook, opened: Sequence[OpenEntry]
    ) -> ServerSide:
        """Look for what is open, and at what was rejected."""
        whereabouts = Whereabouts(settings, redis, book.inbox_id)
        places = await whereabouts.places([entry.ref for entry in opened])
        today = int(time.time()) // 86_400
        first = max(today - DAYS_LISTED, book.since // 24)
        return cls(
            whereabouts=whereabouts,
            at=await circumstances(settings, whereabouts, opened, places),
            places=places,
            events=await _events(whereabouts, places),
            buried=await whereabouts.buried(range(first, today + 2)),
        )

    def standing(self, entry: OpenEntry) -> Standing:
        """Where an open article stands."""
        return standing(entry, self.places.get(entry.ref, NOWHERE), self.at)


async def _events(
    whereabouts: Whereabouts, places: dict[ArticleRef, Place]
) -> dict[ArticleRef, Outcome]:
    """The outcomes that are on the outcome stream."""
    ids = {ref: place.entry_id for ref, place in places.items() if place.has_outcome}
    found = await whereabouts.outcomes(ids.values())
    return {ref: found[entry_id] for ref, entry_id in ids.items() if entry_id in found}


async def circumstances(
    settings: Settings,
    whereabouts: Whereabouts,
    opened: Sequence[OpenEntry],
    places: dict[ArticleRef, Place],
) -> Circumstances:
    """Whether and since when ingest could have sent what isn't on its way."""
    absent = {e.ref.drop_id for e in opened if places.get(e.ref, NOWHERE).state == "gone"}
    return Circumstances(
        now=time.time(),
        redrive_interval=settings.redrive_interval,
        ingest_since=await whereabouts.ingest_since(),
        has_room=await whereabouts.has_room(),
        due=len(absent),
    )
