"""What a stage and a publisher count, where it happens, and the spans that they make of it.

Only what crossed is counted as done: a message that is delivered again, and finds that it had
gone on, isn't counted a second time.  (Where the answer of a crossing was lost on the way, it
isn't counted at all; the ledger, which is kept with the data, is what must balance.)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.article import EnrichedArticle
from schemas.events import Outcome
from services import metrics
from services.bus.spans import NO_SPANS, Spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from schemas.events import Payload
    from services.bus.keys import StageSpec
    from services.bus.messages import Fault, Item

REASONS = {"Reject": "rejected", "WorkerDied": "worker_died", "Unreadable": "unreadable"}
"""The kinds of faults that are named; any other is that of an exception."""

ERROR = "error"

_published = metrics.HOP_SECONDS.labels("published")
_enriched = metrics.HOP_SECONDS.labels("enriched")
_searchable = metrics.HOP_SECONDS.labels("searchable")
_end_to_end = metrics.HOP_SECONDS.labels("end_to_end")


def reason_of(fault: Fault) -> str:
    """The label of a dead letter: one of a closed set."""
    return REASONS.get(fault.kind, ERROR)


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds from one time to the other; 0 where a clock was set back in between."""
    return max(0.0, (later - earlier).total_seconds())


class Measured:
    """Of one stage; called in its loop, in the order in which things happen."""

    def __init__(self, spec: StageSpec, spans: Spans = NO_SPANS) -> None:
        self._spans = spans
        self._stage = spec.name
        # Bound once: finding a label's value takes longer than counting.
        self._attempts = metrics.ATTEMPTS.labels(spec.name)
        self._attempts_failed = metrics.ATTEMPTS_FAILED.labels(spec.name)
        self._processed = metrics.PROCESSED.labels(spec.name)
        self._outcomes = {
            outcome: metrics.OUTCOMES.labels(spec.name, outcome)
            for outcome in metrics.OUTCOMES_OF_ARTICLES
        }
        self._batch_seconds = metrics.BATCH_SECONDS.labels(spec.name)
        self._batch_articles = metrics.BATCH_ARTICLES.labels(spec.name)

    def began(self, number: int) -> None:
        """So many attempts were counted and are about to be made."""
        self._spans.forget_batch()
        if number:
            self._attempts.inc(number)

    def worked(self, items: Sequence[Item], seconds: float) -> None:
        """The handler gave its results for a batch after ``seconds``."""
        self._batch_seconds.observe(seconds)
        self._batch_articles.observe(len(items))
        self._spans.batch(self._stage, items, seconds, None)

    def raised(self, items: Sequence[Item], seconds: float, error: Exception) -> None:
        """The handler raised on a batch after ``seconds``."""
        self._batch_seconds.observe(seconds)
        self._batch_articles.observe(len(items))
        self._attempts_failed.inc(len(items))
        self._spans.batch(self._stage, items, seconds, error)

    def unwritable(self) -> None:
        """What the handler gave for one message can't be written: as if it had raised."""
        self._attempts_failed.inc()

    def acknowledged(self, item: Item) -> None:
        """The stage is done with a message that nothing follows from."""
        self._processed.inc()
        self._came_back(item)
        self._spans.acknowledged(self._stage, item)

    def crossed(self, item: Item, payload: Payload) -> None:
        """A message was handed off as ``payload``, by us and for the first time."""
        self._processed.inc()
        self._came_back(item)
        drop = item.payload.drop
        if isinstance(payload, Outcome):
            if drop.reenrichment is None:
                self._outcomes[payload.outcome].inc()
            else:
                # No part of the ledger: nothing was received.
                metrics.REENRICHED.labels(payload.outcome).inc()
        if drop.reenrichment is None and drop.retry is None:
            # What was sent again, by whoever, has waited for that: it says nothing of the desk.
            _timed(payload)
        self._spans.crossed(self._stage, item, payload)

    def _came_back(self, item: Item) -> None:
        """Count a dead letter that was sent again, in the stage that it had died in."""
        retry = item.payload.drop.retry
        if retry is not None and retry.stage == self._stage:
            metrics.RETRIED.labels(self._stage).inc()

    def buried(self, item: Item | None, fault: Fault, *, reported: bool) -> None:
        """A message became a dead letter; ``reported``: with the outcome of an article."""
        metrics.DEAD_LETTERS.labels(self._stage, reason_of(fault)).inc()
        if reported:
            self._outcomes["rejected"].inc()
        if item is not None:
            self._spans.buried(self._stage, item, fault)


def _timed(payload: Payload) -> None:
    """Observe how long the hop took that ends with ``payload``."""
    if isinstance(payload, EnrichedArticle):
        _enriched.observe(seconds_between(payload.ingested_at, payload.enriched_at))
    elif isinstance(payload, Outcome):
        times = payload.timings
        if times.enriched_at is not None:
            _searchable.observe(seconds_between(times.enriched_at, times.filed_at))
        _end_to_end.observe(seconds_between(times.received_at, times.filed_at))


def published(article: RawArticle, spans: Spans) -> None:
    """An article was put on the raw stream for the first time."""
    metrics.PUBLISHED.inc()
    _published.observe(seconds_between(article.drop.received_at, datetime.now(UTC)))
    spans.published(article)


def reported(outcome: Outcome, spans: Spans) -> None:
    """Ingest put an outcome that it decided itself on its stream, for the first time."""
    metrics.OUTCOMES.labels("ingest", outcome.outcome).inc()
    spans.reported(outcome)
