"""The ledger's metrics: beside the desk, ingest balances and counts what is lost.

``wiredesk ledger`` looks at everything at once.  Here only what ingest can see is looked at: its
journal, the streams, and the store's count in the indexer's sign of life.  That count is from
another moment, so it is compared with bounds: everything that had an outcome well before it was
filed by then, and nothing was filed that isn't received by now.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services import metrics
from services.bus.errors import StopWorking, Unavailable
from services.bus.ledger import NOWHERE
from services.ingest.ledger import Circumstances, standing
from services.ingest.ledger_book import LedgerBook
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.bus.ledger import Filed, Glance, Whereabouts
    from services.bus.scripts import ArticleRef
    from services.ingest.ledger_book import OpenEntry
    from services.settings import Settings

log = get_logger("ingest")

LOOKS_KEPT = 16
"""Looks remembered, to hold a count of the store against: it changes with nearly every look, and
one that doesn't for so long is the indexer's trouble."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One look: counts by state, and how many articles are unaccounted for."""

    counts: Mapping[str, int]
    unaccounted: int
    lost: Mapping[ArticleRef, str]


class LedgerWatch:
    """Looks once in ``ledger_interval``; see the module."""

    def __init__(
        self,
        settings: Settings,
        whereabouts: Whereabouts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._whereabouts = whereabouts
        self._clock = clock
        self._owned_at = clock()
        self._looks: deque[tuple[Filed, int]] = deque(maxlen=LOOKS_KEPT)
        self._was_off = 0
        self._told: frozenset[ArticleRef] = frozenset()
        self._away = False

    def details(self) -> Mapping[str, object]:
        """For the sign of life: since when (s since 1970) this ingest owns the inbox."""
        return {"owned_at": self._owned_at}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop`` is set; what can't be looked at now is looked at the next time."""
        while not stop.is_set():
            try:
                self._tell(await self.look())
            except (Unavailable, StopWorking) as error:
                if not self._away:
                    log.warning("ledger.not_taken", reason=str(error))
                self._away = True
            else:
                self._away = False
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.ledger_interval)

    async def look(self) -> Balance:
        """One look; raises ``Unavailable`` where something doesn't answer."""
        # Before the journal: what the store has counted was received by then.
        filed = await self._whereabouts.filed()
        counts, filed_here, opened = await asyncio.to_thread(self._read, filed)
        suspects = await self._suspects(opened)
        lost = await asyncio.to_thread(self._still_open, suspects)
        off = 0 if filed is None else self._off(filed, filed_here, opened)
        return Balance(counts, len(lost) + off, lost)

    # --- the journal, in a thread ----------------------------------------------------------
    def _book(self) -> LedgerBook:
        return LedgerBook(self._settings.state / "journal.sqlite3")

    def _read(self, filed: Filed | None) -> tuple[Mapping[str, int], int, list[OpenEntry]]:
        since = 0 if filed is None else filed.since
        with self._book() as book:
            counts: dict[str, int] = {}
            for (decided, outcome), number in book.totals().items():
                state = "received" if decided == "received" else outcome
                counts[state] = counts.get(state, 0) + number
            opened = book.open_entries()
            recent = book.tally(since) if filed is not None else []
        counts["in_flight"] = len(opened)
        return counts, sum(c.articles for c in recent if c.decided == "store"), opened

    def _still_open(self, suspects: Mapping[ArticleRef, str]) -> Mapping[ArticleRef, str]:
        """Those of which the journal, later than the streams, has no outcome either."""
        if not suspects:
            return {}
        with self._book() as book:
            return {
                ref: trouble
                for ref, trouble in suspects.items()
                if (noted := book.one(ref)) is not None and noted.outcome is None
            }

    # --- the streams -------------------------------------------------------------------------
    async def _suspects(self, opened: list[OpenEntry]) -> dict[ArticleRef, str]:
        glance = await self._whereabouts.glance([entry.ref for entry in opened])
        at = self._circumstances(glance, opened)
        found = {e.ref: standing(e, glance.places.get(e.ref, NOWHERE), at).trouble for e in opened}
        return {ref: trouble for ref, trouble in found.items() if trouble is not None}

    def _circumstances(self, glance: Glance, opened: list[OpenEntry]) -> Circumstances:
        places = glance.places
        absent = {e.ref.drop_id for e in opened if places.get(e.ref, NOWHERE).state == "gone"}
        return Circumstances(
            now=self._clock(),
            redrive_interval=self._settings.redrive_interval,
            ingest_since=self._owned_at,
            has_room=glance.has_room,
            due=len(absent),
        )

    # --- the store ---------------------------------------------------------------------------
    def _off(self, filed: Filed, filed_here: int, opened: list[OpenEntry]) -> int:
        """How many more or fewer the store has than it can have, in this look and the last."""
        # A dead letter that was sent again is filed shortly before its receipt says so: what was
        # off once only isn't told.
        was, self._was_off = self._was_off, self._off_now(filed, filed_here, opened)
        return min(was, self._was_off)

    def _off_now(self, filed: Filed, filed_here: int, opened: list[OpenEntry]) -> int:
        most = filed_here + sum(entry.hour >= filed.since for entry in opened)
        least = self._least(filed)
        self._looks.append((filed, filed_here))
        return max(0, least - filed.articles) + max(0, filed.articles - most)

    def _least(self, filed: Filed) -> int:
        """What the journal had as filed before the store counted; 0 where that isn't known.

        The store counted after its count before had been read here, and well after the look
        before that.
        """
        known = [look for look in self._looks if look[0].since == filed.since]
        earlier = [here for other, here in known if other.at != filed.at]
        return earlier[-2] if len(earlier) > 1 else 0

    # --- telling -----------------------------------------------------------------------------
    def _tell(self, balance: Balance) -> None:
        for state, number in balance.counts.items():
            metrics.LEDGER_ARTICLES.labels(state).set(number)
        metrics.LEDGER_UNACCOUNTED.set(balance.unaccounted)
        metrics.LEDGER_CHECKED.set(self._clock())
        for ref in balance.lost.keys() - self._told:
            log.error(
                "article.unaccounted",
                article_id=str(ref.article_id),
                drop_id=str(ref.drop_id),
                reason=balance.lost[ref],
                advice="`wiredesk ledger` says where it was last seen and what to do",
            )
        self._told = frozenset(balance.lost)
