"""Whether memory comes to rest: a fresh enricher's, and each process' of a desk.

Of the enricher with every annotator: every article brings words that no other has.  What is
printed is the resident memory after each mark and the last divided by the first: 1 is flat.  For
a longer run than ``make bench`` makes: ``python -m tests.bench.bench_memory ARTICLES``.

Of a desk: real processes take small messages from long files, enrichment with the language alone.
``WIREDESK_BENCH_MESSAGES=1000000`` for the run that counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from services.bus.keys import INDEXER
from services.console.supervisor import Desk
from services.settings import Settings
from tests.bench.measure import new_names, raw_article, record, resident_mib, shown_mib, tell
from tests.chaos.bounds import Bounds
from tests.chaos.harness import KEYS, quick_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import RawArticle

ARTICLES = 10_000
"""Unless the command line names another number: some minutes' worth."""

SHARES = (0.1, 0.5, 1.0)
"""Of the articles, after which memory is read. The first tenth fills what is kept for good (words
up to a bound, vectors up to another)."""

WORDS = 25
"""At least; one paragraph, so that thousands take half a minute."""

NEW_WORDS = 40
"""In each article. With nothing freed (spaCy's memory zone taken away) memory grows by 20 MiB for
each 1,000 articles, so this bench can see a leak."""

ROOT = Path(__file__).parents[2]

MESSAGES = int(os.environ.get("WIREDESK_BENCH_MESSAGES", "20000"))
"""Small articles that cross a desk. Below some ten thousand, memory still fills what is kept for
good, and the last mark is above the first."""

TENTHS = 10
FILE_RECORDS = 10_000
"""Articles of one long file: what ingest holds of a file must not hang on how long it is."""

ENOUGH_TO_JUDGE = 1_000_000
MOST_GROWTH = 1.10
"""Last mark divided by the first, where there were messages enough to tell a leak from filling."""

DESK_ENVIRON = {
    "WIREDESK_ANNOTATORS": '["language"]',
    "WIREDESK_API": "false",
    "WIREDESK_HEALTH": "true",
    "WIREDESK_HEALTH_PORT": "0",
    "WIREDESK_SETTLE_TIME": "0.1",
    "WIREDESK_LOG_LEVEL": "WARNING",
    "WIREDESK_BATCH_SIZE": "200",
    "WIREDESK_INDEX_BATCH_SIZE": "500",
    "WIREDESK_BULK_BACKLOG": "2000",
    # What is done is forgotten soon, or the server would hold all million messages twice.
    "WIREDESK_RETAIN_RAW": "5",
    "WIREDESK_RETAIN_ENRICHED": "5",
    "WIREDESK_RETAIN_OUTCOMES": "5",
    "WIREDESK_JANITOR_INTERVAL": "2",
    "WIREDESK_MARKER_TTL": "600",
}
SERVICES = ("ingest", "reader", "enrichment", "indexer")
PROCESSES = (*SERVICES, "server")
"""The server's memory follows what it must remember: a marker of each article for its time to
live, here ten minutes' worth. It isn't judged.
"""


def unlike_any(number: int) -> RawArticle:
    """A short article with words that no model and no other article has."""
    cut_off = ", ".join(new_names(number, NEW_WORDS))
    return raw_article(number, WORDS, f"Cut off on Sunday were {cut_off}, Reuters reported.")


def marks(articles: int) -> list[int]:
    """Articles after which memory is read."""
    return [round(articles * share) for share in SHARES]


def resident_after_each_mark(articles: int) -> list[float | None]:
    """MiB that this process holds after each mark. Loads the model: for a fresh process."""
    # Here, so that the test that only starts this process doesn't load it too.
    from services.enrichment.pipeline import Enricher  # noqa: PLC0415
    from services.settings import Settings  # noqa: PLC0415

    settings = Settings()
    enricher = Enricher(settings)
    held, seen = [], 0
    for mark in marks(articles):
        while seen < mark:
            end = min(seen + settings.batch_size, mark)
            enricher.enrich([unlike_any(number) for number in range(seen, end)])
            seen = end
        held.append(resident_mib("self", "VmRSS"))
    return held


def test_memory() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_memory"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    held: list[float | None] = json.loads(shown.splitlines()[-1])
    assert len(held) == len(SHARES)
    report(held)


def report(held: list[float | None]) -> None:
    """Print and keep what was measured."""
    first, last = held[0], held[-1]
    growth = None if first is None or last is None else last / first
    tell(
        "Memory of a fresh enricher, all articles different",
        [
            *(
                f"after {mark:5} articles   {shown_mib(taken):>12}"
                for mark, taken in zip(marks(ARTICLES), held, strict=True)
            ),
            f"last / first           {'not measured' if growth is None else f'{growth:.3f}':>12}",
        ],
    )
    held_after = {str(mark): taken for mark, taken in zip(marks(ARTICLES), held, strict=True)}
    record("memory", {"resident_mib": held_after, "ratios": {"last / first": growth}})


# --- a desk --------------------------------------------------------------------------------


def long_file(first: int) -> str:
    """JSON lines: short articles, each with a word that no other has."""
    lines = (
        {
            "title": f"Notice {number}",
            "text": f"Ferry {number} runs. {new_names(number, 1)[0]} said so.",
        }
        for number in range(first, first + FILE_RECORDS)
    )
    return "\n".join(json.dumps(line) for line in lines)


@pytest.mark.timeout(4 * 3600)  # the million takes about an hour on two cores
def test_memory_of_a_desk(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path / "inbox")
    began = time.perf_counter()
    with (tmp_path / "services.log").open("wb") as log:
        desk = Desk(settings, log, {"*": DESK_ENVIRON})
        desk.start()
        try:
            held = list(memory_after_each_tenth(desk))
        finally:
            desk.stop(drain=False)
    growth = {name: held[-1][name] / held[0][name] for name in PROCESSES}
    report_desk(held, growth, MESSAGES / (time.perf_counter() - began))
    if MESSAGES >= ENOUGH_TO_JUDGE:
        assert max(growth[name] for name in SERVICES) <= MOST_GROWTH


def memory_after_each_tenth(desk: Desk) -> Iterator[dict[str, float]]:
    """MiB of each process when a tenth, two tenths … of the messages are filed."""
    dropped = 0
    for tenth in range(1, TENTHS + 1):
        mark = MESSAGES * tenth // TENTHS
        while filed(desk) < mark:
            # Never more than two files ahead: the folder shall not be what is measured.
            if dropped < min(MESSAGES, filed(desk) + 2 * FILE_RECORDS):
                part = desk.settings.inbox / f"{dropped}.jsonl.part"
                part.write_text(long_file(dropped), encoding="utf-8")
                part.rename(desk.settings.inbox / f"{dropped}.jsonl")
                dropped += FILE_RECORDS
            until = time.monotonic() + LOOK_EVERY
            desk.run(lambda over=until: time.monotonic() > over)  # type: ignore[misc]  # bound now
        yield memory_of(desk)


LOOK_EVERY = 0.5


def filed(desk: Desk) -> int:
    """Outcomes that the indexer has written so far."""
    assert desk.server is not None
    with quick_client(desk.server.url) as redis:
        key = KEYS.stream(INDEXER.writes) if INDEXER.writes else ""
        if not redis.exists(key):
            return 0
        return int(cast("dict[str, int]", redis.xinfo_stream(key))["entries-added"])


def memory_of(desk: Desk) -> dict[str, float]:
    """Resident MiB of each process now; of the readers the largest."""
    bounds = Bounds(desk)
    bounds.look()
    assert desk.server is not None
    assert desk.server.pid is not None
    server = resident_mib(desk.server.pid, "VmRSS") or 0.0
    return {name: bounds.now.get(f"{name} MiB", server) for name in PROCESSES}


def report_desk(held: list[dict[str, float]], growth: dict[str, float], per_second: float) -> None:
    """Print and keep what was measured."""
    marks_held = {MESSAGES * tenth // TENTHS: row for tenth, row in enumerate(held, start=1)}
    tell(
        f"Memory of a desk: {MESSAGES} small messages, {per_second:.0f} a second; MiB resident",
        [
            f"{'after':>9}  " + "  ".join(f"{name:>10}" for name in PROCESSES),
            *(
                f"{mark:>9}  " + "  ".join(f"{row[name]:>10.1f}" for name in PROCESSES)
                for mark, row in marks_held.items()
            ),
            f"{'growth':>9}  " + "  ".join(f"{growth[name]:>10.3f}" for name in PROCESSES),
        ],
    )
    record("memory_desk", {"resident_mib": marks_held, "ratios": growth})


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    sys.stdout.write(json.dumps(resident_after_each_mark(wanted)) + "\n")
