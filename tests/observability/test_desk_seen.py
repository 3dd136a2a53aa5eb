"""A whole desk as its operators see it: every metric is told, and every article is one trace."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from services.bus.keys import RAW_STREAM, Keys
from services.indexer.store.opening import open_store
from services.indexer.webhooks.document import keep
from services.metrics import LABEL_VALUES, all_metrics
from services.settings import Settings
from tests.bus.processes import Workers
from tests.bus.worker import Control
from tests.observability.collector import Collector
from tests.observability.stalling import enrichment_main, indexer_main, ingest_main
from tests.wait import wait_until
from tests.webhooks.kit import make_webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.metrics import MetricWrapperBase

    from tests.bus.processes import Worker

GOOD = 12
BY_COMMAND = {"RETRIED", "REENRICHED"}
"""Counted once an operator has given a command; see the tests of those."""

BY_RECEIVER = {"DROP_UPLOADS", "DROP_BYTES", "DROP_OPEN"}
"""Counted where files come by HTTP; see tests/receiver/test_uploads.py."""

TEXT = "{headline}\n\nThe harbour of Riverton was closed on Monday. Ferries stop for nine days.\n"


@dataclass(frozen=True)
class Seen:
    """What a desk told: the samples of each service by its name, its receipts, its spans."""

    texts: dict[str, str]
    samples: dict[str, dict[str, list[dict[str, str]]]]
    receipts: list[dict[str, Any]]
    spans: list[tuple[str, Any]]
    alive: list[dict[str, Any]]


@pytest.fixture(scope="module")
def seen(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A desk of three processes after a small run with a little of everything."""
    folder = tmp_path_factory.mktemp("desk")
    with Collector() as collector, Redis.from_url(redis_url) as redis:
        redis.flushall()
        settings = _settings(redis_url, folder, collector.url)
        control = Control(folder / "control")
        workers = Workers(settings, folder, control)
        try:
            yield _ran(settings, workers, redis, collector, folder / "inbox")
        finally:
            workers.end()
            redis.flushall()


def _settings(redis_url: str, folder: Path, collector: str) -> Settings:
    given = {
        "redis_url": redis_url,
        "inbox": folder / "inbox",
        "state_dir": folder / "state",
        "claim_after": 0.3,
        "max_attempts": 2,
        "poll_interval": 50,
        "settle_time": 0.0,
        "scan_interval": 0.1,
        "ledger_interval": 0.3,
        "log_rate": 0.1,  # so that lines are left out on the slowest machine, too
        "annotators": '["language"]',
        "health": True,
        "health_port": 0,
        "otlp_endpoint": collector,
        "webhook_private_targets": True,
        "api": True,
        "api_port": 0,
    }
    settings = Settings.model_validate({**given, "annotators": ("language",)})
    with open_store(settings) as store:
        keep(store, make_webhook("http://127.0.0.1:1/refused"))
    return settings


def _ran(
    settings: Settings, workers: Workers, redis: Redis, collector: Collector, inbox: Path
) -> Seen:
    environ = {"WIREDESK_ANNOTATORS": '["language"]'}
    mains = (indexer_main, enrichment_main, ingest_main)
    services = [workers.start(settings, main, **environ) for main in mains]
    for service in services:
        service.ready()
    keys = Keys(settings.namespace)
    redis.xadd(keys.stream(RAW_STREAM), {"__data__": b"no event"})
    for number in range(GOOD):
        headline = "raise this" if number == 0 else f"Report {number} of the harbour"
        # All but the first are good; a receipt follows each.
        (inbox / f"{number}.txt").write_text(TEXT.format(headline=headline), encoding="utf-8")
    (inbox / "empty.txt").write_text("", encoding="utf-8")
    wait_until(lambda: len(_receipts(inbox)) == GOOD + 1, "every file has its receipt", 40)
    urls = [str(service.lines("health.serving")[0]["url"]) for service in services]
    texts: dict[str, str] = {}

    def all_told() -> bool:
        for name, url in zip(("indexer", "enrichment", "ingest"), urls, strict=True):
            with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310  (ours)
                texts[name] = answer.read().decode()
        told = {name for text in texts.values() for name in _samples(text)}
        return expected_names() <= told

    with suppress(AssertionError):  # the test below says which are missing
        wait_until(all_told, "the gauges were looked at", 12)
    alive = [json.loads(redis.get(key)) for key in redis.keys(keys.alive_pattern())]  # type: ignore[arg-type]
    _stop(services)
    samples = {name: _samples(text) for name, text in texts.items()}
    return Seen(texts, samples, _receipts(inbox), collector.spans(), alive)


def _stop(services: list[Worker]) -> None:
    for service in reversed(services):
        assert service.stop() == 0, service.output()


def _receipts(inbox: Path) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in [
            *inbox.glob("done/**/*.receipt.json"),
            *inbox.glob("rejected/**/*.receipt.json"),
        ]
    ]


def _samples(text: str) -> dict[str, list[dict[str, str]]]:
    """Labels of the samples of each family that has any."""
    return {
        family.name: [sample.labels for sample in family.samples]
        for family in text_string_to_metric_families(text)
        if family.samples
    }


def family_of(metric: MetricWrapperBase) -> str:
    """The name that a scraper knows it by, without the endings of its samples."""
    (family,) = metric.describe()
    return family.name


def expected_names() -> set[str]:
    """The families that a small run tells."""
    elsewhere = BY_COMMAND | BY_RECEIVER
    return {family_of(metric) for name, metric in all_metrics().items() if name not in elsewhere}


def test_every_metric_of_the_list_is_told_by_some_service(seen: Seen) -> None:
    told = {name for samples in seen.samples.values() for name in samples}
    assert expected_names() - told == set()


def test_nothing_else_is_told_but_what_the_process_is(seen: Seen) -> None:
    listed = {family_of(metric) for metric in all_metrics().values()}
    for samples in seen.samples.values():
        others = {name for name in samples if name.removesuffix("_created") not in listed}
        assert all(name.startswith("process_") for name in others), others
        assert "process_resident_memory_bytes" in others


def test_labels_say_only_what_their_list_says(seen: Seen) -> None:
    for samples in seen.samples.values():
        for name, labelled in samples.items():
            for labels in labelled:
                for label, value in labels.items():
                    assert value in LABEL_VALUES.get(label, (value,)), (name, label, value)


def test_promtool_has_nothing_to_say(seen: Seen) -> None:
    promtool = which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: the package prometheus)")
    for text in seen.texts.values():
        done = subprocess.run(
            [promtool, "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _sum(seen: Seen, service: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(seen.texts[service])
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_the_counts_are_those_of_the_receipts(seen: Seen) -> None:
    outcomes = [each["outcome"] for receipt in seen.receipts for each in receipt["articles"]]
    for outcome in set(outcomes):
        told = _sum(seen, "ingest", "wiredesk_receipt_articles_total", outcome=outcome)
        assert told == outcomes.count(outcome), outcome
        decided = sum(
            _sum(seen, service, "wiredesk_outcomes_total", outcome=outcome)
            for service in seen.texts
        )
        assert decided == outcomes.count(outcome), outcome
    assert _sum(seen, "ingest", "wiredesk_receipts_total") == len(seen.receipts)
    assert _sum(seen, "ingest", "wiredesk_articles_published_total") == GOOD
    assert _sum(seen, "enrichment", "wiredesk_articles_processed_total") == GOOD - 1
    assert _sum(seen, "enrichment", "wiredesk_dead_letters_total", reason="error") == 1
    assert _sum(seen, "enrichment", "wiredesk_dead_letters_total", reason="unreadable") == 1
    assert _sum(seen, "indexer", "wiredesk_hop_seconds_count", hop="end_to_end") == GOOD - 1


def test_the_signs_of_life_say_where_health_is(seen: Seen) -> None:
    assert {each["stage"] for each in seen.alive} == {"ingest", "enrichment", "indexer"}
    assert all(each["health"].startswith("http://127.0.0.1:") for each in seen.alive)


def test_every_article_is_one_trace_over_three_processes(seen: Seen) -> None:
    articles = [span for _, span in seen.spans if not span.name.endswith(" batch")]
    traces: dict[bytes, list[Any]] = {}
    for span in articles:
        traces.setdefault(span.trace_id, []).append(span)
    named = {
        bytes.fromhex(each["trace_id"]) for receipt in seen.receipts for each in receipt["articles"]
    }
    assert set(traces) == named, "the trace ids are those of the receipts"
    for spans in traces.values():
        ids = [span.span_id for span in spans]
        assert len(ids) == len(set(ids))
        roots = [span for span in spans if not span.parent_span_id]
        assert [root.name for root in roots] == ["ingest"]
        assert {span.parent_span_id for span in spans if span.parent_span_id} <= set(ids)
        assert sum(span.name == "receipt" for span in spans) == 1
    assert sum(any(span.name == "index" for span in spans) for spans in traces.values()) == GOOD - 1


def test_each_service_sends_its_own_spans_and_its_batches_link_to_articles(seen: Seen) -> None:
    assert {service for service, _ in seen.spans} == {
        "wiredesk-ingest",
        "wiredesk-enrichment",
        "wiredesk-indexer",
    }
    known = {(span.trace_id, span.span_id) for _, span in seen.spans}
    links = [(link.trace_id, link.span_id) for _, span in seen.spans for link in span.links]
    assert links
    assert set(links) <= known
