"""Whether a worker's memory comes to rest: a fresh enricher after more and more articles.

Every article brings words that no other has.  What is printed is the resident
memory after each mark and the last divided by the first: 1 is flat.  For a longer run than
``make bench`` makes: ``python -m tests.bench.bench_memory ARTICLES``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import new_names, raw_article, record, resident_mib, shown_mib, tell

if TYPE_CHECKING:
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


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    sys.stdout.write(json.dumps(resident_after_each_mark(wanted)) + "\n")
