"""Enrichment crawls: what is dropped stays in the folder, and nothing else grows.

The long version, with 100,000 articles, is ``tests/bench/bench_bounds.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.ingest.taking import PUBLISH_ARTICLES
from tests.chaos.bounds import bounded
from tests.chaos.conserved import assert_conserved
from tests.chaos.crawling import CRAWL
from tests.chaos.harness import attacked
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.bounds import Bounds

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

SINGLE, LONG, RECORDS = 200, 2, 300
"""Files of one article, long files, and articles in each of these."""

RAW_BACKLOG, BULK_BACKLOG = 100, 30
CRAWLS_FOR = 1.5
"""Seconds, in which a desk without limits would have published everything."""

PROCESS_MIB = 220.0
"""Of each process; they start with 60 to 110."""

SERVER_MIB = 24.0
"""What the server may use: it starts with 1, and everything at once would be 30."""

SMALL = {
    "WIREDESK_RAW_BACKLOG": str(RAW_BACKLOG),
    "WIREDESK_BULK_BACKLOG": str(BULK_BACKLOG),
    "WIREDESK_BATCH_SIZE": "20",
    # What is done is forgotten at once, so that a stream's length is what it still needs.
    "WIREDESK_RETAIN_RAW": "0.2",
    "WIREDESK_RETAIN_ENRICHED": "0.2",
    "WIREDESK_JANITOR_INTERVAL": "0.2",
}


def test_the_folder_is_the_buffer(tmp_path: Path, run_seed: int) -> None:
    wire = Wire(run_seed)
    crawl = tmp_path / "crawl"
    crawl.write_text("0.5")
    environ = {**SMALL, CRAWL: str(crawl)}
    modules = {"enrichment": "tests.chaos.crawling"}
    with attacked(tmp_path, modules, environ=environ) as attack:
        attack.drop(*(wire.dump(RECORDS) for _ in range(LONG)))
        attack.drop(*(wire.article() for _ in range(SINGLE)))
        with bounded(attack.desk) as bounds:
            attack.run_until(lambda: attack.ready("enrichment"), "enrichment crawls")
            attack.run_until(
                lambda: bounds.most["enrichment waiting"] > RAW_BACKLOG * 0.5, "ingest publishes"
            )
            until = time.monotonic() + CRAWLS_FOR
            attack.run_until(lambda: time.monotonic() > until, "a while")
            assert bounds.now["inbox files"] > SINGLE * 0.8
            crawl.unlink()
            attack.settle()
        # Subscribers that read on miss nothing, but the stream's beginning is gone by now.
        assert_conserved(attack, emptied=True)
        stays_within(bounds)


def stays_within(bounds: Bounds) -> None:
    # Whether there is room is asked before each call, not before each article.
    most_waiting = RAW_BACKLOG + PUBLISH_ARTICLES
    assert RAW_BACKLOG * 0.5 < bounds.most["enrichment waiting"] <= most_waiting
    assert bounds.most["server MiB used"] < SERVER_MIB
    for name in ("ingest", "enrichment", "indexer", "reader"):
        assert 0 < bounds.most[f"{name} MiB"] < PROCESS_MIB, name
