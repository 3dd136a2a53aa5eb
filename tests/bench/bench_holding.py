"""What filing an article costs when the store already holds ever more of them.

The SQLite store files an invented world's articles in the indexer's own batches; at each size the
last thousand are looked at: CPU time, time by the clock, and disk.  Flat is what is hoped for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from tests.bench.figures import Figure, Measured, Plot, Series, lower, note, size
from tests.bench.generator import Newsroom
from tests.bench.measure import tell
from tests.bench.world import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST = size("holding_articles", 3_000, 1_000_000)
"""Articles at the end: filing a million takes about an hour and a half, making them as long."""

MARKS = [mark for mark in (1_000, 10_000, 100_000, 1_000_000) if mark < LARGEST] + [LARGEST]
LOOKED_AT = size("holding_looked_at", 500, 1000)
"""Articles before each mark that are looked at."""

BATCH = 100
"""Articles of one transaction: the indexer's own default."""

SEARCHES = 30
FLAT = 1.5
"""Times that an article may cost at the last mark what it cost at the first: a tree of a thousand
times as many rows is some levels deeper, and no longer in the processor's cache."""

pytestmark = pytest.mark.timeout(6 * 3600)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the last articles before a mark cost; milliseconds each, bytes each."""

    held: int
    cpu_ms: float
    clock_ms: float
    bytes_each: float
    search_ms: float


def filed_to(store: SqliteStore, room: Newsroom, start: int, end: int) -> tuple[float, float]:
    """File these articles; CPU seconds and seconds that filing took, without making them."""
    cpu = clock = 0.0
    for first in range(start, end, BATCH):
        batch = list(room.articles(first, min(first + BATCH, end)))
        before = time.process_time(), time.perf_counter()
        store.file(batch)
        cpu += time.process_time() - before[0]
        clock += time.perf_counter() - before[1]
    return cpu, clock


def searched(store: SqliteStore) -> float:
    """Milliseconds of a search, the median of some for words of middling frequency."""
    words = vocabulary("en")[1200 : 1200 + SEARCHES]
    taken = []
    for word in words:
        started = time.perf_counter()
        store.page(Query(words=word, limit=20))
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[len(taken) // 2]


def looked_at(store: SqliteStore, room: Newsroom, start: int, mark: int) -> Mark:
    """Fill the store from ``start`` up to a mark."""
    first = max(start, mark - LOOKED_AT)
    filed_to(store, room, start, first)
    cpu, clock = filed_to(store, room, first, mark)
    files = sum(path.stat().st_size for path in store.path.parent.glob(store.path.name + "*"))
    count = mark - first
    return Mark(mark, cpu * 1000 / count, clock * 1000 / count, files / mark, searched(store))


def test_holding(tmp_path: Path) -> None:
    room = Newsroom(LARGEST)
    marks: list[Mark] = []
    with SqliteStore(tmp_path / "store.sqlite3") as store:
        # The first articles of an empty store cost less: there is nothing yet to look up.
        for mark in MARKS:
            marks.append(looked_at(store, room, marks[-1].held if marks else 0, mark))
    report(marks)


def figure_of(marks: Sequence[Mark]) -> Figure:
    """What the marks come to."""
    x = tuple(float(mark.held) for mark in marks)
    lines = {
        "CPU time of filing": tuple(mark.cpu_ms for mark in marks),
        "filing, by the clock": tuple(mark.clock_ms for mark in marks),
        "a search, by the clock": tuple(mark.search_ms for mark in marks),
    }
    measured = {
        f"{name}, at {mark.held:,}": Measured(unit="ms", values=(values[place],))
        for name, values in lines.items()
        for place, mark in enumerate(marks)
    }
    measured |= {
        f"on the disk, at {mark.held:,}": Measured(
            unit="kB/article", values=(mark.bytes_each / 1000,)
        )
        for mark in marks
    }
    return Figure(
        letter="f",
        title="As the holding grows",
        how=(
            f"The SQLite store files batches of {BATCH}; at each size the last {LOOKED_AT} "
            f"articles are looked at, and {SEARCHES} searches are made."
        ),
        judged={
            "CPU of filing, last mark / first": lower(
                FLAT, [marks[-1].cpu_ms / marks[0].cpu_ms], "times"
            )
        },
        measured=measured,
        plots=(
            Plot(
                title="What one article costs",
                x_label="articles in the store",
                y_label="ms",
                log_x=True,
                lines={name: Series(x=x, y=values) for name, values in lines.items()},
            ),
        ),
        sizes={"articles": LARGEST},
    )


def report(marks: Sequence[Mark]) -> None:
    """Print and keep what was measured."""
    figure = figure_of(marks)
    tell(
        "As the holding grows: filing one article",
        [
            f"{mark.held:>9,} held: {mark.cpu_ms:6.2f} ms CPU, {mark.clock_ms:6.2f} ms by the "
            f"clock, {mark.bytes_each / 1000:5.1f} kB on the disk; search {mark.search_ms:6.2f} ms"
            for mark in marks
        ],
    )
    note("holding", figure)
