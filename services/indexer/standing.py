"""How the store stands, for operators: whether it answers, can be written, and how large it is."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from services import metrics
from services.bus.sampler import tell_free
from services.bus.vitals import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.indexer.store.base import ArticleStore
    from services.settings import Settings

OLD = 60.0
"""Seconds without a look that went well after which the store counts as not there: a look waits
while the store is changed as a whole (a merge of entities), and those take seconds."""

ROOM = 1024 * 1024
"""Bytes that must be free for a batch to be filed: a hundred articles and their indexes."""


class StoreStanding:
    """Looked at every few seconds; ``opened`` holds the store as soon as it is open."""

    def __init__(self, settings: Settings, opened: Sequence[ArticleStore]) -> None:
        self._settings = settings
        self._opened = opened
        self._trouble: str | None = "not looked at yet"
        self._seen: float | None = None

    def look(self) -> None:
        """Ask the store, and set the gauges. Blocks; raises what the store raises."""
        if not self._opened:
            return
        try:
            self._look(self._opened[0])
        except Exception as error:
            self._trouble = str(error) or type(error).__name__
            raise
        self._seen = time.monotonic()

    def _look(self, store: ArticleStore) -> None:
        metrics.STORE_ARTICLES.set(store.count())
        self._trouble = None if self._settings.store_url is not None else self._unwritable()

    def _unwritable(self) -> str | None:
        """Why nothing can be written to the file; PostgreSQL's disk is its own operator's."""
        path = self._settings.store
        free = tell_free({"store": path.parent})
        if min(free) < ROOM:
            return "the disk is full"
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            return "no right to write to it"
        return None

    def verdict(self) -> Verdict:
        """Whether the last look went well, and lately. From any thread."""
        seen = self._seen
        age = None if seen is None else max(0.0, time.monotonic() - seen)
        if self._trouble is not None:
            return Verdict(ok=False, reason=f"store: {self._trouble}", age=age)
        if age is None or age > OLD:
            return Verdict(ok=False, reason=f"no answer for more than {OLD:g} s", age=age)
        return Verdict(ok=True, age=age)
