"""What a batch hands on: gathered, sent together, and told once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.article import EnrichedArticle
from services.bus import tracing
from services.bus.messages import event_of, log_fields, time_of
from services.bus.scripts import Crossing
from services.observability import get_logger, left_out

if TYPE_CHECKING:
    from schemas.events import Payload
    from services.bus.keys import StageSpec
    from services.bus.measured import Measured
    from services.bus.messages import Item
    from services.bus.scripts import Scripts

log = get_logger(__name__)


class Onward:
    """Messages of one batch that a stage is done with.

    ``share``: milliseconds that each took.  What :meth:`send` has done stays done where it
    raises: called again it goes on behind that, and :meth:`settle` tells of it in any case.
    """

    def __init__(self, spec: StageSpec, scripts: Scripts, measured: Measured, share: float) -> None:
        self._spec = spec
        self._scripts = scripts
        self._measured = measured
        self._share = share
        self._results: list[tuple[Item, Payload | None]] = []
        self._crossings: list[Crossing] = []
        self._crossed: list[bool] = []

    def __bool__(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._crossings)

    def add(self, item: Item, result: Payload | None) -> None:
        """Something to hand on, or to acknowledge where nothing follows.

        Raises :class:`ValueError` where the result can't be written.
        """
        event = None if result is None else event_of(self._spec, item, result, time_of(result))
        self._crossings.append(Crossing(item.entry_id, item.ref, event, item.partition))
        self._results.append((item, result))

    async def send(self) -> None:
        """Hand off, or acknowledge, each in order; redis-py's errors."""
        await self._scripts.cross_all(self._spec, self._crossings, self._crossed)

    def settle(self) -> int:
        """Count and log what was sent, and forget everything; how many were sent."""
        done = len(self._crossed)
        for (item, result), first in zip(self._results, self._crossed, strict=False):
            self._tell(item, result, first=first)
        self._results, self._crossings, self._crossed = [], [], []
        return done

    def _tell(self, item: Item, result: Payload | None, *, first: bool) -> None:
        """``first``: by us and now, not by somebody else or by a call whose answer was lost."""
        if result is None:
            if first:
                self._measured.acknowledged(item)
            return
        if first:
            self._measured.crossed(item, result)
        enriched = isinstance(result, EnrichedArticle)
        name = "article.enriched" if enriched else "article.filed"
        if left_out(name, tracing.trace_id(item.traceparent)):
            return
        log.info(
            "article.enriched" if enriched else "article.filed",
            **item.context,
            **log_fields(result),
            attempts=item.attempts,
            crossed=first,
            duration_ms=round(self._share, 2),
        )
