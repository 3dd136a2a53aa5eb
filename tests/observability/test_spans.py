"""One trace per article, from its file to its receipt, also through batches."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from schemas.events import ENRICHED, FILED, Outcome, timings_of
from services.bus import spans_sent, tracing
from services.bus.connect import client, server_url
from services.bus.errors import Reject, StopWorking
from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, ENRICHMENT, INDEXER, OUTCOME_STREAM
from services.bus.publisher import Publisher
from services.bus.spans import NO_SPANS, spans_of
from services.bus.spans_sent import CLOSE_WITHIN, SentSpans, Telling, endpoint_of
from services.settings import Settings
from tests.bus.desk import RECEIPTS, article, changed, enrich, eventually, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from schemas.article import EnrichedArticle, RawArticle
    from services.bus.keys import Stream
    from services.bus.stage import Result
    from tests.bus.desk import Desk

ARTICLES = 12
Span = Any
"""A span as it is sent; what is looked at may be None in its type, and isn't in a span of ours."""


class Traces:
    """Everything that was sent, by three services into one place."""

    def __init__(self, share: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        names = ("ingest", "enrichment", "indexer")
        self._spans = {name: SentSpans(name, self._exporter, share) for name in names}

    def __getitem__(self, name: str) -> SentSpans:
        return self._spans[name]

    def all(self) -> list[Span]:
        """Every span, once all are sent."""
        for spans in self._spans.values():
            spans._processor.force_flush()
        return list(self._exporter.get_finished_spans())

    def articles(self) -> dict[str, dict[str, Span]]:
        """Trace id to the spans of an article by name; a name twice in one trace is an error."""
        found: dict[str, dict[str, Span]] = {}
        for span in self.all():
            if not span.name.endswith(" batch"):
                trace = found.setdefault(_hex(span.context.trace_id, 32), {})
                assert span.name not in trace, f"{span.name} twice"
                trace[span.name] = span
        return found

    def batches(self) -> list[Span]:
        return [span for span in self.all() if span.name.endswith(" batch")]

    def close(self) -> None:
        for spans in self._spans.values():
            spans.close()


def _hex(number: int, digits: int) -> str:
    return f"{number:0{digits}x}"


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.close()


def fresh(number: int, headline: str = "") -> RawArticle:
    """An article that was taken a second ago: its spans are of today."""
    now = datetime.now(UTC)
    raw = article(number, headline)
    drop = raw.drop.model_copy(update={"received_at": now - timedelta(seconds=1)})
    return raw.model_copy(update={"drop": drop, "ingested_at": now - timedelta(seconds=0.5)})


def enriched_now(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
    now = datetime.now(UTC)
    return [enrich(raw).model_copy(update={"enriched_at": now}) for raw in batch]


def filed_now(batch: Sequence[EnrichedArticle]) -> list[Result]:
    now = datetime.now(UTC)
    return [
        Outcome(
            drop=each.drop,
            article_id=each.article_id,
            revision=each.revision,
            outcome="indexed",
            timings=timings_of(each, now),
        )
        for each in batch
    ]


async def through_all(
    desk: Desk,
    settings: Settings,
    traces: Traces,
    articles: Sequence[RawArticle],
    enriching: Any = enriched_now,
) -> None:
    """Publish articles and let the three stages work until nothing is left."""
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis, RECEIPTS)
        publisher.spans = traces["ingest"]
        await publisher.publish(articles)
    async with (
        running(settings, enriching, spans=traces["enrichment"]),
        running(settings, filed_now, INDEXER, spans=traces["indexer"]),
        running(settings, lambda batch: [None] * len(batch), RECEIPTS, spans=traces["ingest"]),
    ):
        for spec in (ENRICHMENT, INDEXER, RECEIPTS):
            await eventually(partial(desk.settled, spec), f"{spec.name} is done")


def parents(trace: dict[str, Span]) -> dict[str, str | None]:
    """Each span's name to its parent's; a parent that isn't in the trace is an error."""
    names = {span.context.span_id: name for name, span in trace.items()}
    return {
        name: None if span.parent is None else names[span.parent.span_id]
        for name, span in trace.items()
    }


WHOLE = {
    "ingest": None,
    "wait for enrichment": "ingest",
    "enrichment": "ingest",
    "wait for indexer": "enrichment",
    "index": "enrichment",
    "wait for ingest": "index",
    "receipt": "index",
}


@pytest.mark.anyio
async def test_every_article_is_one_trace_without_orphans(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    articles = [fresh(number) for number in range(1, ARTICLES + 1)]
    await through_all(desk, changed(settings, batch_size=5), traces, articles)
    found = traces.articles()
    expected = {
        tracing.trace_id(tracing.start_trace(each.drop.drop_id, each.article_id))
        for each in articles
    }
    assert set(found) == expected
    for trace in found.values():
        assert parents(trace) == WHOLE
        for name, span in trace.items():
            assert span.start_time <= span.end_time, name
            assert span.status.is_unset, name
        ends = [trace[name].end_time for name in ("ingest", "enrichment", "index", "receipt")]
        assert ends == sorted(ends)
        assert trace["wait for enrichment"].end_time == trace["enrichment"].start_time


@pytest.mark.anyio
async def test_batches_and_articles_are_linked_both_ways(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    articles = [fresh(number) for number in range(1, ARTICLES + 1)]
    await through_all(desk, changed(settings, batch_size=5), traces, articles)
    works = {
        (span.context.trace_id, span.context.span_id): span
        for trace in traces.articles().values()
        for name, span in trace.items()
        if name in {"enrichment", "index", "receipt"}
    }
    batches = {span.context.span_id: span for span in traces.batches()}
    linked = [link.context for batch in batches.values() for link in batch.links]
    assert sorted((each.trace_id, each.span_id) for each in linked) == sorted(works)
    for span in works.values():
        (back,) = span.links
        batch = batches[back.context.span_id]
        assert batch.context.trace_id == back.context.trace_id
        there = {(link.context.trace_id, link.context.span_id) for link in batch.links}
        assert (span.context.trace_id, span.context.span_id) in there
        assert batch.start_time == span.start_time
    sizes = [batch.attributes["messaging.batch.message_count"] for batch in batches.values()]
    assert sum(sizes) == 3 * ARTICLES
    assert max(sizes) > 1, "there were batches"
    traces_of_batches = {batch.context.trace_id for batch in batches.values()}
    assert len(traces_of_batches) == len(batches)
    assert not traces_of_batches & {trace_id for trace_id, _ in works}


@pytest.mark.anyio
async def test_the_ids_are_those_of_the_events_so_that_subscribers_join(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    await through_all(desk, settings, traces, [fresh(1)])
    (trace,) = traces.articles().values()
    assert told(desk, ENRICHMENT.reads) == [ids(trace["ingest"])]
    assert told(desk, ENRICHED_STREAM) == [ids(trace["enrichment"])]
    assert told(desk, OUTCOME_STREAM) == [ids(trace["index"])]


def told(desk: Desk, stream: Stream) -> list[str]:
    return [event["traceparent"] for event in desk.events(stream)]


def ids(span: Span) -> str:
    """A span's ids as a ``traceparent``."""
    return f"00-{_hex(span.context.trace_id, 32)}-{_hex(span.context.span_id, 16)}-01"


@pytest.mark.anyio
async def test_what_a_span_says_is_no_content(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    raw = fresh(1, "A very secret headline")
    await through_all(desk, settings, traces, [raw])
    (trace,) = traces.articles().values()
    attributes = dict(trace["index"].attributes)
    assert attributes == {
        "wiredesk.article_id": str(raw.article_id),
        "wiredesk.drop_id": str(raw.drop.drop_id),
        "wiredesk.position": raw.drop.position,
        "wiredesk.revision": raw.revision,
        "wiredesk.stage": "indexer",
        "wiredesk.attempts": 1,
        "wiredesk.outcome": "indexed",
    }
    assert "secret" not in " ".join(span.to_json() for span in traces.all())
    assert trace["index"].resource.attributes["service.name"] == "wiredesk-indexer"


@pytest.mark.anyio
async def test_a_dead_letter_is_an_error_in_its_trace_and_its_batch(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    def enriching(batch: Sequence[RawArticle]) -> list[Result]:
        if any(raw.headline == "raise" for raw in batch):
            raise ValueError("A very secret headline")
        refused = Reject("no", "send another")
        made = enriched_now(batch)
        return [refused if each.headline == "reject" else each for each in made]

    hurried = changed(settings, max_attempts=2, claim_after=0.2)
    articles = [fresh(1, "raise"), fresh(2, "reject"), fresh(3, "good")]
    await through_all(desk, hurried, traces, articles, enriching)
    found = traces.articles()
    by_article = {
        trace["ingest"].attributes["wiredesk.position"]: trace for trace in found.values()
    }
    assert parents(by_article[3]) == WHOLE
    for position, kind in ((1, "ValueError"), (2, "Reject")):
        trace = by_article[position]
        assert parents(trace) == {
            "ingest": None,
            "wait for enrichment": "ingest",
            "enrichment": "ingest",
            "reject": "enrichment",
            "dead letter": "enrichment",
            "wait for ingest": "reject",
            "receipt": "reject",
        }
        assert trace["enrichment"].status.description == kind
        assert not trace["enrichment"].status.is_ok
        assert trace["enrichment"].attributes["wiredesk.outcome"] == "rejected"
        assert trace["enrichment"].attributes["error.type"] == kind
        assert ids(trace["dead letter"]) in told(desk, DEAD_STREAM)
    works = {span.context.span_id for trace in found.values() for span in trace.values()}
    batches = traces.batches()
    assert {link.context.span_id for batch in batches for link in batch.links} <= works
    assert [batch.status.description for batch in batches].count("ValueError") >= 2
    assert "secret" not in " ".join(span.to_json() for span in traces.all())


@pytest.mark.anyio
async def test_what_ingest_rejects_is_a_whole_trace_too(
    desk: Desk, settings: Settings, traces: Traces
) -> None:
    (outcome,) = filed_now(enriched_now([fresh(1)]))
    assert isinstance(outcome, Outcome)
    rejected = outcome.model_copy(update={"outcome": "rejected", "stage": "ingest", "reason": "no"})
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis, RECEIPTS)
        publisher.spans = traces["ingest"]
        await publisher.report([rejected])
        await publisher.report([rejected])
    async with running(
        settings, lambda batch: [None] * len(batch), RECEIPTS, spans=traces["ingest"]
    ):
        await eventually(partial(desk.settled, RECEIPTS), "it came back")
    (trace,) = traces.articles().values()
    assert parents(trace) == {
        "ingest": None,
        "reject": "ingest",
        "wait for ingest": "reject",
        "receipt": "reject",
    }
    assert not trace["reject"].status.is_ok


@pytest.mark.anyio
async def test_a_share_of_the_articles_is_sent_whole_with_its_batches(
    desk: Desk, settings: Settings
) -> None:
    traces = Traces(share=0.5)
    articles = [fresh(number) for number in range(1, 41)]
    await through_all(desk, settings, traces, articles)
    found = traces.articles()
    assert 5 < len(found) < 35
    for trace in found.values():
        assert parents(trace) == WHOLE
    for batch in traces.batches():
        for link in batch.links:
            assert _hex(link.context.trace_id, 32) in found
    traces.close()


@pytest.mark.anyio
async def test_a_share_of_nothing_sends_nothing(desk: Desk, settings: Settings) -> None:
    traces = Traces(share=0.0)
    await through_all(desk, settings, traces, [fresh(1), fresh(2)])
    assert traces.all() == []
    traces.close()


def test_an_event_without_a_trace_makes_no_span(traces: Traces) -> None:
    """A message that another program put on the stream."""
    from services.bus.messages import Item  # noqa: PLC0415
    from services.bus.publisher import received_event  # noqa: PLC0415

    raw = fresh(1)
    item = Item("1-0", received_event(raw), raw, None, 1)
    spans = traces["enrichment"]
    spans.batch("enrichment", [item], 0.1, None)
    spans.crossed("enrichment", item, enrich(raw))
    assert traces.all() == []


# --- a collector that is away --------------------------------------------------------------------
class Collector(SpanExporter):
    """Takes spans or not, as the test says."""

    def __init__(self) -> None:
        self.takes = True
        self.hangs = threading.Event()
        self.given_up = threading.Event()
        self.hangs.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002  (the contract's)
        self.hangs.wait(30)
        if not self.takes:
            raise ConnectionRefusedError("nobody there")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.given_up.set()


def test_a_collector_that_is_away_is_said_once_and_that_it_is_back_too() -> None:
    collector = Collector()
    telling = Telling(collector, "http://c:4318/v1/traces")
    with capture_logs() as lines:
        for takes in (True, False, False, False, True, True):
            collector.takes = takes
            telling.export([])
    said = [line["event"] for line in lines if line["log_level"] != "debug"]
    assert said == ["tracing.collector_away", "tracing.collector_back"]


def test_a_collector_that_hangs_holds_up_neither_the_stage_nor_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert CLOSE_WITHIN == 2.0
    monkeypatch.setattr(spans_sent, "CLOSE_WITHIN", 0.4)
    collector = Collector()
    collector.hangs.clear()
    spans = SentSpans("ingest", collector, 1.0)
    raw = fresh(1)
    began = time.monotonic()
    for _ in range(1000):
        spans.published(raw)
    assert time.monotonic() - began < 5, "as fast as spans are made"
    began = time.monotonic()
    spans.close()
    assert time.monotonic() - began < 1
    assert collector.given_up.wait(1)
    collector.hangs.set()


def test_more_spans_than_the_queue_holds_are_dropped_and_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spans_sent, "QUEUE", 600)
    collector = Collector()
    collector.hangs.clear()
    spans = SentSpans("ingest", collector, 1.0)
    raw = fresh(1)
    for _ in range(2000):
        spans.published(raw)
    assert len(spans._processor._batch_processor._queue) <= 600
    collector.hangs.set()
    spans.close()


# --- settings -----------------------------------------------------------------------------------
def test_without_an_endpoint_nothing_is_loaded_or_sent() -> None:
    assert spans_of(Settings(), "ingest") is NO_SPANS


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://collector/otlp/v1/traces", "https://collector/otlp/v1/traces"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(given: str, endpoint: str) -> None:
    assert endpoint_of(Settings(otlp_endpoint=given)) == endpoint


@pytest.mark.parametrize("given", ["collector:4318", "grpc://collector:4317", "http://"])
def test_what_is_no_address_stops_the_service_with_advice(given: str) -> None:
    with pytest.raises(StopWorking, match="http://collector:4318"):
        spans_of(Settings(otlp_endpoint=given), "ingest")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        without_opentelemetry(monkeypatch),
        pytest.raises(StopWorking, match=r"wiredesk\[tracing\]"),
    ):
        spans_of(Settings(otlp_endpoint="http://c:4318"), "ingest")


@contextmanager
def without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra isn't installed."""
    import sys  # noqa: PLC0415

    monkeypatch.delitem(sys.modules, "services.bus.spans_sent")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    yield


def test_the_work_s_span_is_the_one_its_event_names() -> None:
    start = tracing.start_trace(article(1).drop.drop_id, article(1).article_id)
    assert spans_sent._of_work("enrichment", start) == tracing.child(start, ENRICHED)
    assert spans_sent._of_work("indexer", start) == tracing.child(start, FILED)
    receipt = spans_sent._of_work("ingest", start)
    assert receipt is not None
    assert tracing.trace_id(receipt) == tracing.trace_id(start)
    assert receipt not in {start, tracing.child(start, FILED)}
