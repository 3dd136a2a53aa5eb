"""How many articles a minute cross the whole path, on this machine: ``make bench``.

Real processes, the real server, articles of about 500 words, every one of them
different. Beside it, what one process takes that does nothing but find names in the
same texts. Prints figures; fails only where an article is missing.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.console.supervisor import Desk
from services.enrichment.annotators.recogniser import PIPE_BATCH
from services.enrichment.models import load_model
from services.indexer.store.sqlite import SqliteStore
from services.ingest.receipts import Receipt
from services.settings import Settings
from tests.bench.measure import (
    cpu_seconds,
    plain_text,
    record,
    resident_mib,
    seconds_of,
    shown_mib,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spacy.language import Language

    from schemas.events import Timings

WARM_UP = 8
"""Articles before the clock starts: one batch, so that every process has loaded its model."""

ARTICLES = 200
"""Measured: long enough for steady work, short enough to be run on a whim."""

MEASURED = range(WARM_UP, WARM_UP + ARTICLES)
"""Numbers of the measured articles."""

WORDS = 500
DEADLINE = 600.0
"""Seconds until all must be filed; ten times what a slow laptop takes."""


def drop(settings: Settings, numbers: range) -> None:
    """Put the articles into the inbox, one file each, renamed into place."""
    for number in numbers:
        part = settings.inbox / f"{number}.txt.part"
        part.write_text(plain_text(number, WORDS), encoding="utf-8")
        part.rename(settings.inbox / f"{number}.txt")


def settled(settings: Settings) -> int:
    """How many files have their receipts."""
    return sum(1 for _ in settings.done.glob("*.receipt.json"))


def wait_for(desk: Desk, count: int) -> None:
    """Look after the desk until ``count`` files are settled."""
    deadline = time.monotonic() + DEADLINE
    desk.run(lambda: settled(desk.settings) >= count or time.monotonic() > deadline)
    assert settled(desk.settings) == count


def bare_seconds(nlp: Language, numbers: range) -> float:
    """Seconds that spaCy alone takes for the texts of these articles."""
    texts = [plain_text(number, WORDS) for number in numbers]
    with nlp.memory_zone():
        return seconds_of(lambda: [None for _ in nlp.pipe(texts, batch_size=PIPE_BATCH)])


def processes(desk: Desk) -> dict[str, int]:
    """Process ids of the services and of the server."""
    pids = {name: child.process.pid for name, child in desk.children.items()}
    if desk.server is not None and desk.server.pid is not None:
        pids["server"] = desk.server.pid
    return pids


@dataclass(frozen=True, slots=True)
class Run:
    """The measured articles' way through the desk.

    ``seconds`` for all of them; for each process CPU milliseconds per article and
    peak memory in MiB, None where the system doesn't tell.
    """

    seconds: float
    cpu: dict[str, float | None]
    memory: dict[str, float | None]


def per_article(before: float | None, after: float | None) -> float | None:
    """CPU milliseconds per article between two readings."""
    return None if before is None or after is None else (after - before) * 1000 / ARTICLES


def through_the_desk(settings: Settings, log_file: Path) -> Run:
    """All articles after the warm-up."""
    with log_file.open("wb") as log:
        desk = Desk(settings, log)
        desk.start()
        try:
            drop(settings, range(WARM_UP))
            wait_for(desk, WARM_UP)
            pids = processes(desk)
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            started = time.perf_counter()
            drop(settings, MEASURED)
            wait_for(desk, WARM_UP + ARTICLES)
            return Run(
                seconds=time.perf_counter() - started,
                cpu={n: per_article(before[n], cpu_seconds(pid)) for n, pid in pids.items()},
                memory={name: resident_mib(pid) for name, pid in pids.items()},
            )
        finally:
            desk.stop(drain=False)


def test_articles_through_the_whole_path(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path / "inbox")
    nlp = load_model(settings.spacy_model).nlp
    bare_seconds(nlp, range(WARM_UP))
    # Half before and half after, so that what disturbs the machine for a while disturbs both.
    bare = bare_seconds(nlp, MEASURED[: ARTICLES // 2])
    run = through_the_desk(settings, tmp_path / "services.log")
    bare += bare_seconds(nlp, MEASURED[ARTICLES // 2 :])
    with SqliteStore(settings.store) as store:
        assert store.count() == WARM_UP + ARTICLES
    report(run, bare, timings(settings))


def timings(settings: Settings) -> list[Timings]:
    """When each measured article passed its stations."""
    receipts = [
        Receipt.model_validate_json((settings.done / f"{number}.txt.receipt.json").read_bytes())
        for number in MEASURED
    ]
    return [line.timings for receipt in receipts for line in receipt.articles]


def shown(name: str, run: Run) -> str:
    """A line about one process."""
    cpu = run.cpu[name]
    used = "not measured" if cpu is None else f"{cpu:.1f} ms"
    return f"  {name:<20} {used:>12} CPU/article, peak memory {shown_mib(run.memory[name])}"


def report(run: Run, bare: float, passed: Sequence[Timings]) -> None:
    """Print and keep what was measured."""
    seconds = run.seconds
    waits = sorted((t.filed_at - t.received_at).total_seconds() for t in passed)
    median = statistics.median(waits)
    tell(
        f"Desk: {ARTICLES} articles of {WORDS} words through the whole path in {seconds:.1f} s",
        [
            f"desk                   {ARTICLES / seconds:8.1f} articles/s",
            f"bare nlp.pipe          {ARTICLES / bare:8.1f} articles/s (one process)",
            f"desk / bare            {bare / seconds:8.2f}",
            f"taken to filed         {median:8.2f} s (median; slowest {waits[-1]:.2f} s)",
            f"bare nlp.pipe          {bare * 1000 / ARTICLES:8.1f} ms/article",
            *(shown(name, run) for name in run.memory),
        ],
    )
    record(
        "desk",
        {
            "articles_per_second": {"desk": ARTICLES / seconds, "bare": ARTICLES / bare},
            "ratios": {"desk / bare": bare / seconds},
            "seconds_taken_to_filed": {"median": median, "slowest": waits[-1]},
            "cpu_milliseconds_per_article": run.cpu,
            "peak_mib": run.memory,
        },
    )
