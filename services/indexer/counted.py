"""What the store has counted, for the indexer's sign of life: ingest balances its ledger by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.indexer.store.tallies import Tallies
    from services.settings import Settings

WINDOW_DAYS = 30
"""Days of receipt that are counted: enough for an alarm, and the same work in every year.
``wiredesk ledger`` counts all. Shorter than a journal remembers its drops."""

DAY = 86_400


class CountedStore:
    """Counts anew once in ``ledger_interval``; of the thread that makes the sign of life."""

    def __init__(
        self,
        settings: Settings,
        store: Callable[[], Tallies],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._interval = settings.ledger_interval
        self._store = store
        self._clock = clock
        self._told: dict[str, object] = {}
        self._due = 0.0

    def details(self) -> Mapping[str, object]:
        """``tally``: ``at`` (s since 1970), ``since`` (hours since 1970), outcomes by inbox.

        While the store can't be asked, what it said last.
        """
        # Also due where the clock was set back.
        if not self._due - self._interval <= self._clock() < self._due:
            self._count()
        return self._told

    def _count(self) -> None:
        now = self._clock()
        since = (int(now) // DAY - WINDOW_DAYS) * 24
        try:
            inboxes = self._store().totals(since)
        except (Unavailable, StopWorking):
            return
        self._told = {"tally": {"at": now, "since": since, "inboxes": inboxes}}
        self._due = now + self._interval
