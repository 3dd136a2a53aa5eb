"""How many articles a minute cross the whole path, on this machine: ``make bench``.

Real processes, the real server, articles of about 500 words, every one of them
different. Prints figures; fails only where an article is missing.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from typing import TYPE_CHECKING

from services.console.supervisor import Desk
from services.indexer.store.sqlite import SqliteStore
from services.ingest.receipts import Receipt
from services.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.events import Timings

WARM_UP = 8
"""Articles before the clock starts: one batch, so that every process has loaded its model."""

ARTICLES = 200
"""Measured: long enough for steady work, short enough to be run on a whim."""

WORDS = 500
DEADLINE = 600.0
"""Seconds until all must be filed; ten times what a slow laptop takes."""

SENTENCES = (
    "Mayor {person} told {org} on {day} that the harbour of {place} would stay closed.",
    "{person}, who leads {org}, met fishermen in {place} and promised {number} million euros.",
    "The storm that struck {place} on {day} damaged {number} houses, {org} said.",
    "Nobody was hurt, but {number} ferries between {place} and Norway were cancelled.",
    "According to {person}, the repairs will take {number} weeks and cost more than planned.",
)
PARTS = {
    "person": ("Ana Petrova", "John Whitfield", "Maria Okafor", "Liu Wen", "Erik Lindqvist"),
    "org": ("the Port Authority", "Northern Ferries", "the European Commission", "Reuters"),
    "place": ("Rotterdam", "Aberdeen", "Gdansk", "Lisbon", "Bergen", "Valencia"),
    "day": ("Monday", "Tuesday", "Thursday", "Sunday"),
}


def article(number: int) -> str:
    """An invented article, the same for the same number."""
    chance = random.Random(number)  # noqa: S311  # no secret hangs on it
    lines = [f"Harbour report {number}: storm closes ports", ""]
    words = 0
    while words < WORDS:
        parts = {name: chance.choice(choices) for name, choices in PARTS.items()}
        sentence = chance.choice(SENTENCES).format(**parts, number=chance.randint(2, 900))
        lines += [sentence, ""]
        words += len(sentence.split())
    return "\n".join(lines)


def drop(settings: Settings, numbers: range) -> None:
    """Put the articles into the inbox, one file each, renamed into place."""
    for number in numbers:
        part = settings.inbox / f"{number}.txt.part"
        part.write_text(article(number), encoding="utf-8")
        part.rename(settings.inbox / f"{number}.txt")


def settled(settings: Settings) -> int:
    """How many files have their receipts."""
    return sum(1 for _ in settings.done.glob("*.receipt.json"))


def wait_for(desk: Desk, count: int) -> None:
    """Look after the desk until ``count`` files are settled."""
    deadline = time.monotonic() + DEADLINE
    desk.run(lambda: settled(desk.settings) >= count or time.monotonic() > deadline)
    assert settled(desk.settings) == count


def test_articles_through_the_whole_path(tmp_path: Path) -> None:
    settings = Settings(inbox=tmp_path / "inbox")
    with (tmp_path / "services.log").open("wb") as log:
        desk = Desk(settings, log)
        desk.start()
        try:
            drop(settings, range(WARM_UP))
            wait_for(desk, WARM_UP)
            started = time.perf_counter()
            drop(settings, range(WARM_UP, WARM_UP + ARTICLES))
            wait_for(desk, WARM_UP + ARTICLES)
            seconds = time.perf_counter() - started
        finally:
            desk.stop(drain=False)
    with SqliteStore(settings.store) as store:
        assert store.count() == WARM_UP + ARTICLES
    report(seconds, timings(settings))


def timings(settings: Settings) -> list[Timings]:
    """When each measured article passed its stations."""
    receipts = [
        Receipt.model_validate_json((settings.done / f"{number}.txt.receipt.json").read_bytes())
        for number in range(WARM_UP, WARM_UP + ARTICLES)
    ]
    return [line.timings for receipt in receipts for line in receipt.articles]


def report(seconds: float, passed: list[Timings]) -> None:
    """Print what was measured."""
    waits = sorted((t.filed_at - t.received_at).total_seconds() for t in passed)
    sys.stdout.write(
        f"\n{ARTICLES} articles of {WORDS} words in {seconds:.1f} s: "
        f"{ARTICLES / seconds:.1f} articles/s\n"
        f"taken to filed: median {statistics.median(waits):.2f} s, "
        f"slowest {waits[-1]:.2f} s (all were dropped at once)\n"
    )
