"""Spans as OpenTelemetry has them, sent by OTLP over HTTP; see :mod:`services.bus.spans`.

Loaded only where the settings say where to send them: it needs the extra ``tracing``.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
)

from schemas.article import EnrichedArticle, RawArticle
from schemas.events import DEAD, ENRICHED, FILED, Outcome
from services.bus import tracing
from services.bus.errors import StopWorking
from services.bus.messages import software_version
from services.bus.spans import Spans
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan

    from schemas.events import Payload
    from services.bus.messages import Fault, Item
    from services.settings import Settings

log = get_logger(__name__)

PATH = "/v1/traces"
"""Where OTLP over HTTP takes spans, below the address of a collector."""

QUEUE = 8192
"""Spans that wait to be sent at most, about 1 kB each; then the oldest go."""

AT_ONCE = 512
"""Spans sent together, about 200 kB."""

SEND_EVERY = 1.0
"""Seconds that a span waits to be sent at most: an operator who looks for one waits with it."""

SEND_TIMEOUT = 5.0
"""Seconds that one request to the collector may take, with its repetitions."""

CLOSE_WITHIN = 2.0
"""Seconds that sending what is left may hold up a stop: one for sending, one for giving up."""

MAX_LINKS = 1024
"""Links of one span at most: far above any batch."""

_NS = 1_000_000_000
_TRACE_IDS = 1 << 64
"""OpenTelemetry samples by the lower half of the trace id."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """The batch that was worked on last: its span, and when it began in ns since 1970."""

    context: SpanContext
    began: int


class ForcedIds(IdGenerator):
    """Gives the ids that it was told to, once; else random ones. Of one thread at a time."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._next: tuple[int, int] | None = None

    def force(self, context: SpanContext) -> None:
        """The next span has these ids."""
        self._next = (context.trace_id, context.span_id)

    def generate_trace_id(self) -> int:
        """The forced one, where a root is begun; the SDK asks for the span's id first."""
        return self._random.generate_trace_id() if self._next is None else self._next[0]

    def generate_span_id(self) -> int:
        """The forced one, else a random one."""
        return self._random.generate_span_id() if self._next is None else self._next[1]

    def release(self) -> None:
        """From here on ids are random again."""
        self._next = None


class Telling(SpanExporter):
    """Sends by another exporter, and says once that the collector is away, and that it is back."""

    def __init__(self, sender: SpanExporter, endpoint: str) -> None:
        self._sender = sender
        self._endpoint = endpoint
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; what isn't taken is lost."""
        try:
            result = self._sender.export(spans)
        except Exception as error:  # noqa: BLE001  (whatever a library raises here, the desk goes on)
            log.debug("tracing.not_sent", error=repr(error))
            result = SpanExportResult.FAILURE
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("tracing.collector_away", endpoint=self._endpoint)
        elif self._away and not away:
            log.info("tracing.collector_back", endpoint=self._endpoint)
        self._away = away
        return result

    def shutdown(self) -> None:
        """Give up what is being sent."""
        self._sender.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held here."""
        return self._sender.force_flush(timeout_millis)


class SentSpans(Spans):
    """Makes the spans of one service. Called in one loop; sending is another thread's."""

    def __init__(self, service: str, exporter: SpanExporter, share: float) -> None:
        """``share`` of the articles are sampled, told by the trace id."""
        self._service = service
        self._bound = round(share * _TRACE_IDS)
        self._ids = ForcedIds()
        self._exporter = exporter
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE,
            schedule_delay_millis=SEND_EVERY * 1000,
            max_export_batch_size=AT_ONCE,
        )
        resource = {
            "service.name": f"wiredesk-{service}",
            "service.namespace": "wiredesk",
            "service.version": software_version(),
        }
        provider = TracerProvider(
            sampler=ALWAYS_ON,  # sampled here, so that a batch goes with its articles
            resource=Resource.create(resource),
            id_generator=self._ids,
            span_limits=SpanLimits(max_links=MAX_LINKS),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("wiredesk", software_version())
        self._last: _Batch | None = None

    # --- ingest ---------------------------------------------------------------------
    def published(self, article: RawArticle) -> None:
        """The root: from the taking of the file to the raw stream."""
        self._root(article, None)

    def reported(self, outcome: Outcome) -> None:
        """The root of an article that goes no further, and why."""
        root = tracing.start_trace(outcome.drop.drop_id, outcome.article_id)
        self._root(outcome, "rejected")
        now = time.time_ns()
        attributes = {"wiredesk.outcome": outcome.outcome}
        end = tracing.child(root, FILED)
        self._span("reject", end, root, (now, now), attributes, error=outcome.outcome)

    def _root(self, about: RawArticle | Outcome, error: str | None) -> None:
        root = tracing.start_trace(about.drop.drop_id, about.article_id)
        times = (_ns(about.drop.received_at), time.time_ns())
        self._span("ingest", root, None, times, _about(about), error=error)

    # --- stages ---------------------------------------------------------------------
    def forget_batch(self) -> None:
        """What comes now belongs to no batch yet."""
        self._last = None

    def batch(
        self, stage: str, items: Sequence[Item], seconds: float, error: Exception | None
    ) -> None:
        """A trace of its own, linked to the span of each article in the batch."""
        sampled = [item.traceparent for item in items if self._sampled(item.traceparent)]
        if not sampled:
            self._last = None
            return
        now = time.time_ns()
        began = now - round(seconds * _NS)
        links = [Link(_context(_of_work(stage, traceparent))) for traceparent in sampled]
        self._ids.release()
        span = self._tracer.start_span(
            f"{stage} batch",
            context=_below(None),
            kind=SpanKind.CONSUMER,
            attributes={"wiredesk.stage": stage, "messaging.batch.message_count": len(items)},
            links=links,
            start_time=began,
        )
        if error is not None:
            span.set_status(StatusCode.ERROR, type(error).__name__)
        span.end(now)
        self._last = _Batch(span.get_span_context(), began)

    def crossed(self, stage: str, item: Item, payload: Payload) -> None:
        """The stage's work on one article, from the beginning of its batch to the hand-off."""
        outcome = payload.outcome if isinstance(payload, Outcome) else None
        self._worked(stage, item, outcome, None)

    def acknowledged(self, stage: str, item: Item) -> None:
        """The last span of an article: its outcome is in the journal, for the receipt."""
        self._worked(stage, item, None, None)

    def buried(self, stage: str, item: Item, fault: Fault) -> None:
        """The stage's span, failed; below it what its two events name: outcome and dead letter."""
        self._worked(stage, item, "rejected", fault.kind)
        own = _of_work(stage, item.traceparent)
        now = time.time_ns()
        attributes = {"wiredesk.stage": stage, "error.type": fault.kind}
        for name, event in _EVENTS_OF_DEATH[stage]:
            named = tracing.child(item.traceparent, event)
            self._span(name, named, own, (now, now), attributes, error=fault.kind)

    def _worked(self, stage: str, item: Item, outcome: str | None, error: str | None) -> None:
        parent = item.traceparent
        if not self._sampled(parent) or parent is None:
            return
        now = time.time_ns()
        last = self._last
        began = now if last is None else last.began
        self._waited(stage, item, parent, began)
        attributes: dict[str, str | int] = {
            **_about(item.payload),
            "wiredesk.stage": stage,
            "wiredesk.attempts": item.attempts,
        }
        if outcome is not None:
            attributes["wiredesk.outcome"] = outcome
        if error is not None:
            attributes["error.type"] = error
        own = _of_work(stage, parent)
        links = [] if last is None else [Link(last.context)]
        self._span(_NAMES.get(stage, stage), own, parent, (began, now), attributes, links, error)

    def _waited(self, stage: str, item: Item, parent: str, began: int) -> None:
        """How long the article lay in the stream before the stage took it up."""
        since = min(_ns(_written_at(item.payload)), began)
        own = tracing.span_of(parent, f"wait {stage}")
        attributes: dict[str, str | int] = {"wiredesk.stage": stage}
        self._span(f"wait for {stage}", own, parent, (since, began), attributes)

    # --- making one -----------------------------------------------------------------
    def _sampled(self, traceparent: str | None) -> bool:
        if traceparent is None:
            return False
        return _context(traceparent).trace_id % _TRACE_IDS < self._bound

    def _span(
        self,
        name: str,
        own: str | None,
        parent: str | None,
        times: tuple[int, int],
        attributes: Mapping[str, str | int],
        links: Sequence[Link] = (),
        error: str | None = None,
    ) -> None:
        """A span with the ids of ``own``, below ``parent``; ``times`` in ns since 1970."""
        if own is None or not self._sampled(own):
            return
        began, ended = times
        self._ids.force(_context(own))
        span = self._tracer.start_span(
            name,
            context=_below(parent),
            kind=SpanKind.PRODUCER if parent is None else SpanKind.CONSUMER,
            attributes=attributes,
            links=links,
            start_time=min(began, ended),
        )
        self._ids.release()
        if error is not None:
            span.set_status(StatusCode.ERROR, error)
        span.end(ended)

    def close(self) -> None:
        """Send what is left; what a collector doesn't take in time is lost."""
        # The SDK would wait for 30 s, and for as long as its requests take.
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_WITHIN / 2)
        if closing.is_alive():
            threading.Thread(target=self._exporter.shutdown, daemon=True).start()
            closing.join(CLOSE_WITHIN / 2)


_EVENTS_OF_DEATH = {
    "enrichment": (("reject", FILED), ("dead letter", DEAD)),
    "indexer": (("dead letter", DEAD),),  # its own span is the one that an outcome names
    "ingest": (("dead letter", DEAD),),  # of an outcome there is no other outcome
}

_NAMES = {"indexer": "index", "ingest": "receipt"}
"""What a stage's span is called, where not as the stage."""


def _of_work(stage: str, traceparent: str | None) -> str | None:
    """The span of a stage's work on an article: the one that its event names."""
    if traceparent is None:
        return None
    if stage == "ingest":
        return tracing.span_of(traceparent, "receipt")
    return tracing.child(traceparent, ENRICHED if stage == "enrichment" else FILED)


def _context(traceparent: str | None) -> SpanContext:
    assert traceparent is not None  # noqa: S101  (asked of those only that have one)
    _, trace_id, span_id, _ = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(TraceFlags.SAMPLED))


def _below(parent: str | None) -> Context:
    if parent is None:
        return trace.set_span_in_context(trace.INVALID_SPAN)
    return trace.set_span_in_context(NonRecordingSpan(_context(parent)))


def _about(about: RawArticle | Outcome) -> dict[str, str | int]:
    """Which article of which drop; nothing of what it says."""
    return {
        "wiredesk.article_id": str(about.article_id),
        "wiredesk.drop_id": str(about.drop.drop_id),
        "wiredesk.position": about.drop.position,
        "wiredesk.revision": about.revision,
    }


def _written_at(payload: RawArticle | Outcome) -> datetime:
    """When the event was made that the stage was given."""
    if isinstance(payload, Outcome):
        return payload.timings.filed_at
    return payload.enriched_at if isinstance(payload, EnrichedArticle) else payload.ingested_at


def _ns(time_: datetime) -> int:
    """Nanoseconds since 1970."""
    since = time_ - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * _NS + since.microseconds * 1000


def endpoint_of(settings: Settings) -> str:
    """Where spans are sent to; :class:`StopWorking` where that is no address."""
    given = settings.otlp_endpoint or ""
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StopWorking(
            "WIREDESK_OTLP_ENDPOINT is no address of a collector; write one like "
            "http://collector:4318"
        )
    return given.rstrip("/") + ("" if parts.path.strip("/") else PATH)


def sent_spans(settings: Settings, service: str) -> Spans:
    """Spans that are sent where the settings say."""
    endpoint = endpoint_of(settings)
    # Its own lines come at each try; one of ours says that the collector is away.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    sender = OTLPSpanExporter(endpoint, timeout=SEND_TIMEOUT)
    return SentSpans(service, Telling(sender, endpoint), settings.otlp_sample)
