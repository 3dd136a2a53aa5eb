"""Every metric of Wiredesk: one closed list, from which docs/metrics.md is made.

Each process keeps its own values in :data:`REGISTRY` and serves them at ``/metrics``.  Names and
units follow Prometheus's conventions (base units, ``_total`` for counters); labels have few
values, so that an article, a file or a source never is one.  A metric that isn't here can't be
made elsewhere: a test compares the source with this list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from schemas.events import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY = CollectorRegistry()
"""The values of this process. Not prometheus_client's own, which any library may add to."""

ProcessCollector(registry=REGISTRY)  # process_…: memory, processor time, file descriptors, start

LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)
"""Seconds: from a hop of an idle desk to an article that waited for a day."""

OUTCOMES_OF_ARTICLES: tuple[str, ...] = get_args(OutcomeKind)

LABEL_VALUES: Mapping[str, tuple[str, ...]] = {
    "stage": ("ingest", "enrichment", "indexer", "api", "receiver"),
    "stream": ("raw", "enriched", "outcomes", "dead", "stories", "entities"),
    "hop": ("published", "enriched", "searchable", "end_to_end"),
    "outcome": OUTCOMES_OF_ARTICLES,
    "reason": ("rejected", "error", "worker_died", "unreadable"),
    "result": ("delivered", "failed", "dead"),
    "ending": ("received", "repeated", "refused", "cut_off", "failed"),
    "folder": ("done", "rejected", "gone", "inbox", "state", "store"),
    "state": ("waiting", "on_their_way", "received", "in_flight", *OUTCOMES_OF_ARTICLES),
}
"""What a label may say. A receipt's folder ``gone``: its original was gone. The other labels name
what an installation has few of: ``group`` (its subscribers), ``event`` (of docs/logs.md), ``model``
and ``version``."""

BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 100, 128, 256)
"""Articles: powers of two, and the indexer's default of 100."""


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


# --- What passes: counted where it happens ---------------------------------------------------
RECEIVED = _counter(
    "wiredesk_articles_received",
    "Records taken out of dropped files, also those that could not be read. Ingest.",
)
PUBLISHED = _counter(
    "wiredesk_articles_published", "Articles put on the raw stream for the first time. Ingest."
)
PROCESSED = _counter(
    "wiredesk_articles_processed",
    "Articles that a stage is done with: crossed to the next stream, or acknowledged where "
    "nothing follows. Dead letters aren't among them.",
    "stage",
)
OUTCOMES = _counter(
    "wiredesk_outcomes",
    "Outcomes of articles, counted where they are decided: ingest, enrichment or indexer.",
    "stage",
    "outcome",
)
RECEIPTS = _counter(
    "wiredesk_receipts", "Receipts written, by the folder that the file went to. Ingest.", "folder"
)
RECEIPT_ARTICLES = _counter(
    "wiredesk_receipt_articles", "Lines of receipts, by outcome. Ingest.", "outcome"
)
DEAD_LETTERS = _counter(
    "wiredesk_dead_letters",
    "Messages that became dead letters. reason: rejected (the stage said why), error (an "
    "exception), worker_died, unreadable (no event of this release).",
    "stage",
    "reason",
)
RETRIED = _counter(
    "wiredesk_dead_letters_retried", "Dead letters that came back and were processed.", "stage"
)
ATTEMPTS = _counter("wiredesk_attempts", "Attempts begun on messages.", "stage")
ATTEMPTS_FAILED = _counter(
    "wiredesk_attempts_failed", "Attempts that ended in an exception.", "stage"
)
REENRICHED = _counter(
    "wiredesk_reenriched",
    "Stored articles that were enriched anew, by outcome. Indexer.",
    "outcome",
)

# --- How long it takes --------------------------------------------------------------------------
HOP_SECONDS = _histogram(
    "wiredesk_hop_seconds",
    "Seconds of one article on one hop: published (drop to raw stream), enriched (raw stream to "
    "enriched stream), searchable (enriched stream to store), end_to_end (drop to store).",
    LATENCY_BUCKETS,
    "hop",
)
BATCH_SECONDS = _histogram(
    "wiredesk_batch_seconds", "Seconds of a stage's work on one batch.", LATENCY_BUCKETS, "stage"
)
BATCH_ARTICLES = _histogram(
    "wiredesk_batch_articles", "Articles that a stage worked on together.", BATCH_BUCKETS, "stage"
)

# --- How it stands: looked at every few seconds ------------------------------------------------
STREAM_LENGTH = _gauge("wiredesk_stream_length", "Entries in a stream.", "stream")
GROUP_LAG = _gauge(
    "wiredesk_group_lag_entries",
    "Entries that a consumer group hasn't been given yet. Subscribers' groups too.",
    "stream",
    "group",
)
GROUP_PENDING = _gauge(
    "wiredesk_group_pending_entries",
    "Entries that a consumer group was given and hasn't acknowledged.",
    "stream",
    "group",
)
GROUP_OLDEST = _gauge(
    "wiredesk_group_oldest_seconds",
    "Age in seconds of the oldest entry that a consumer group isn't done with; 0 where it is done "
    "with all.",
    "stream",
    "group",
)
INBOX_FILES = _gauge(
    "wiredesk_inbox_files", "Files in the inbox: waiting, or on their way.", "state"
)
INBOX_OLDEST = _gauge(
    "wiredesk_inbox_oldest_seconds", "Age in seconds of the oldest file that has no receipt yet."
)
LEDGER_ARTICLES = _gauge(
    "wiredesk_ledger_articles",
    "The ledger's totals: received, in_flight, and one for each outcome. Ingest.",
    "state",
)
LEDGER_UNACCOUNTED = _gauge(
    "wiredesk_ledger_unaccounted_articles",
    "Articles received that are neither on their way nor have an outcome, or that were counted "
    "twice. Not 0: something was lost; `wiredesk ledger` names them. Ingest.",
)
LEDGER_CHECKED = _gauge(
    "wiredesk_ledger_checked_timestamp_seconds", "When the ledger was last balanced."
)
SERVER_UP = _gauge("wiredesk_server_up", "1 while the Redis server answers this process, else 0.")
SERVER_MEMORY = _gauge("wiredesk_server_memory_bytes", "Memory that the Redis server uses.")
SERVER_MEMORY_LIMIT = _gauge(
    "wiredesk_server_memory_limit_bytes", "The Redis server's maxmemory; 0: no limit."
)
DISK_FREE = _gauge("wiredesk_disk_free_bytes", "Bytes free where a folder of ours lies.", "folder")
STORE_ARTICLES = _gauge("wiredesk_store_articles", "Articles in the store that can be found.")

# --- The process ---------------------------------------------------------------------------------
BUILD = _gauge("wiredesk_build_info", "Always 1; the labels say what runs.", "stage", "version")
MODEL = _gauge(
    "wiredesk_model_info", "Always 1; the labels say which model is loaded.", "model", "version"
)
MODEL_LOAD_SECONDS = _gauge(
    "wiredesk_model_load_seconds", "Seconds that loading models and knowledge took at the start."
)
READY = _gauge("wiredesk_ready", "1 while /readyz is green, else 0.", "stage")
WAITING = _gauge(
    "wiredesk_waiting", "1 while the stage waits for something outside, else 0.", "stage"
)
HALTED = _gauge(
    "wiredesk_halted", "1 while the stage is stopped by its failure budget, else 0.", "stage"
)
LOOP_AGE = _gauge(
    "wiredesk_loop_age_seconds", "Seconds since the event loop last turned: its stall, if it grows."
)
LOG_LINES_LEFT_OUT = _counter(
    "wiredesk_log_lines_left_out", "Lines that the log's rate limit left out, by event.", "event"
)
WEBHOOK_DELIVERIES = _counter(
    "wiredesk_webhook_deliveries",
    "Requests made to webhooks' receivers. result: delivered, failed, dead.",
    "result",
)
DROP_UPLOADS = _counter(
    "wiredesk_drop_uploads",
    "Files sent to the receiver by HTTP. ending: received (safe in the inbox), repeated (it was so "
    "already), refused (for the sender to mend), cut_off (the sender left), failed. Receiver.",
    "ending",
)
DROP_BYTES = _counter("wiredesk_drop_received_bytes", "Bytes of files that came by HTTP. Receiver.")
DROP_OPEN = _gauge("wiredesk_drop_open_uploads", "Files that the receiver takes in now. Receiver.")
EVENT_CLIENTS = _gauge("wiredesk_event_clients", "Clients reading /v1/events now.")


def all_metrics() -> dict[str, MetricWrapperBase]:
    """Every metric of this module by its name in the source, in the order of the source."""
    return {name: made for name, made in globals().items() if isinstance(made, MetricWrapperBase)}
