"""Whether anything but the folder grows while enrichment crawls.

``WIREDESK_BENCH_MESSAGES=100000`` for the whole; without it, ``make bench`` runs a tenth.  Half
of the articles come as single files, half in long ones.  Enrichment crawls until nothing moves
any more, then works at its own speed.  Printed is the most that each stream, each process and the
server held; it fails where an article is missing or a limit was passed.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from services.ingest.taking import PUBLISH_ARTICLES
from tests.bench.measure import record, tell
from tests.chaos.bounds import bounded
from tests.chaos.conserved import assert_conserved
from tests.chaos.crawling import CRAWL
from tests.chaos.harness import attacked
from tests.chaos.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARTICLES = int(os.environ.get("WIREDESK_BENCH_MESSAGES", "10000"))
RECORDS = 1000
"""Articles of a long file."""

CRAWLS_FOR = 20.0
"""Seconds: everything that will be published by then has been."""

RETAIN = 5.0
"""Seconds that streams keep what is done: hours in the field, where streams grow by what comes in
them; here so short that their length shows what they still need."""

BACKLOG = 1000
"""``raw_backlog``: a hundredth of what is dropped."""

PROCESS_MIB, SERVER_MIB = 400.0, 64.0
"""What each process and the server may hold; a desk that had everything in memory would need
more than ten times that."""

ASK_EVERY = 5.0
TIMEOUT = 3600.0
"""Seconds; 100,000 articles take ten minutes or so on two cores."""

ENVIRON = {
    "WIREDESK_RAW_BACKLOG": str(BACKLOG),
    "WIREDESK_RETAIN_RAW": str(RETAIN),
    "WIREDESK_RETAIN_ENRICHED": str(RETAIN),
    "WIREDESK_RETAIN_OUTCOMES": str(RETAIN),
    "WIREDESK_JANITOR_INTERVAL": "1",
    "WIREDESK_REDRIVE_INTERVAL": "60",
}


def seldom(holds: Callable[[], bool]) -> Callable[[], bool]:
    """``holds``, asked every few seconds: to count receipts of 50,000 files takes one."""
    asked = [0.0]

    def ask() -> bool:
        if time.monotonic() - asked[0] < ASK_EVERY:
            return False
        asked[0] = time.monotonic()
        return holds()

    return ask


@pytest.mark.timeout(2 * TIMEOUT)
def test_bounds(tmp_path: Path) -> None:
    wire = Wire(1)
    crawl = tmp_path / "crawl"
    crawl.write_text("5")
    modules = {"enrichment": "tests.chaos.crawling"}
    began = time.perf_counter()
    with attacked(tmp_path, modules, environ={**ENVIRON, CRAWL: str(crawl)}) as attack:
        attack.drop(*(wire.dump(RECORDS) for _ in range(ARTICLES // 2 // RECORDS)))
        attack.drop(*(wire.article() for _ in range(ARTICLES // 2)))
        with bounded(attack.desk) as bounds:
            until = time.monotonic() + CRAWLS_FOR
            attack.run_until(lambda: time.monotonic() > until, "a while")
            held = dict(bounds.now)
            crawl.unlink()
            attack.run_until(seldom(attack.settled), "a receipt for every file", TIMEOUT)
            attack.run_until(attack.quiet, "nothing pending")
        assert_conserved(attack, emptied=True)
    seconds = time.perf_counter() - began
    tell(
        f"Bounds: {ARTICLES} articles, enrichment at a crawl, in {seconds:.0f} s",
        [
            f"{name:<22} {held.get(name, 0.0):>10.0f} at a crawl {most:>10.0f} at most"
            for name, most in sorted(bounds.most.items())
        ],
    )
    record("bounds", {"articles": ARTICLES, "crawling": held, "most": dict(bounds.most)})
    assert bounds.most["enrichment waiting"] <= BACKLOG + PUBLISH_ARTICLES
    assert bounds.most["server MiB used"] < SERVER_MIB
    assert max(most for name, most in bounds.most.items() if name.endswith("MiB")) < PROCESS_MIB
