"""Whether a worker's memory comes to rest: a fresh enricher after more and more articles.

Every article brings words that no other has.  What is printed is the resident
memory after each mark and the last divided by the first: 1 is flat.
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

MARKS = (500, 2_000, 5_000)
"""Articles after which memory is read: words kept for good (11 KB each) would add 50 MiB."""

WORDS = 25
"""At least; one paragraph, so that thousands take half a minute."""

NEW_WORDS = 40
"""In each article. With nothing freed (spaCy's memory zone taken away) they made 268 MiB after
500 articles into 300 MiB after 2,000, so this bench can see a leak."""

ROOT = Path(__file__).parents[2]


def unlike_any(number: int) -> RawArticle:
    """A short article with words that no model and no other article has."""
    cut_off = ", ".join(new_names(number, NEW_WORDS))
    return raw_article(number, WORDS, f"Cut off on Sunday were {cut_off}, Reuters reported.")


def resident_after_each_mark() -> list[float | None]:
    """MiB that this process holds after each mark. Loads the model: for a fresh process."""
    # Here, so that the test that only starts this process doesn't load it too.
    from services.enrichment.pipeline import Enricher  # noqa: PLC0415
    from services.settings import Settings  # noqa: PLC0415

    settings = Settings()
    enricher = Enricher(settings)
    held, seen = [], 0
    for mark in MARKS:
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
    assert len(held) == len(MARKS)
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
                for mark, taken in zip(MARKS, held, strict=True)
            ),
            f"last / first           {'not measured' if growth is None else f'{growth:.3f}':>12}",
        ],
    )
    marks = {str(mark): taken for mark, taken in zip(MARKS, held, strict=True)}
    record("memory", {"resident_mib": marks, "ratios": {"last / first": growth}})


if __name__ == "__main__":
    sys.stdout.write(json.dumps(resident_after_each_mark()) + "\n")
