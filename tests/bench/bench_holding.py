"""What filing an article costs when the store already holds ever more of them.

The SQLite store files an invented world's articles in the indexer's own batches; at each size the
last thousand are looked at: CPU time, time by the clock, and disk.  Flat is what is hoped for.

What is judged took turns, so that it doesn't hang on what else the machine did an hour before:
each batch that is looked at goes into the large store and into a copy of the one that held a
thousand articles.
"""

from __future__ import annotations

import multiprocessing
import shutil
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from tests.bench.figures import Figure, Measured, Plot, Series, lower, note, quotients, size
from tests.bench.generator import Newsroom
from tests.bench.measure import tell
from tests.bench.world import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from schemas.article import EnrichedArticle

LARGEST = size("holding_articles", 3_000, 1_000_000)
"""Articles at the end. A million take an hour on two cores: one makes them, one files them."""

SMALL = 1_000
"""Articles in the store that the others are compared with."""

MARKS = [mark for mark in (10_000, 100_000, 1_000_000) if mark < LARGEST] + [LARGEST]
LOOKED_AT = size("holding_looked_at", 500, 1000)
"""Articles before each mark that are looked at."""

BATCH = 100
"""Articles of one transaction: the indexer's own default."""

AHEAD = 4
"""Batches that are made while others are filed; some 4 MB each."""

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
    small_cpu_ms: float
    """The same articles in a store of a thousand, batch by batch in turns."""

    ratios: tuple[float, ...]
    """CPU time here / there, of each batch."""

    bytes_each: float
    search_ms: float


def made(total: int, first: int, end: int) -> list[EnrichedArticle]:
    """These articles of the world."""
    return list(Newsroom(total).articles(first, end))


class Makers:
    """Makes batches in another process, so that filing has a core for itself."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def batches(self, start: int, end: int) -> Iterator[list[EnrichedArticle]]:
        """Articles ``start`` to ``end`` - 1, some batches ahead of who takes them."""
        firsts = iter(range(start, end, BATCH))
        waiting: list[Future[list[EnrichedArticle]]] = []
        while True:
            for first in firsts:
                last = min(first + BATCH, end)
                waiting.append(self._pool.submit(made, LARGEST, first, last))
                if len(waiting) > AHEAD:
                    break
            if not waiting:
                return
            yield waiting.pop(0).result()


@contextmanager
def makers() -> Iterator[Makers]:
    """A process that makes articles."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield Makers(pool)


def filed(store: SqliteStore, batch: Sequence[EnrichedArticle]) -> tuple[float, float]:
    """CPU milliseconds and milliseconds by the clock that an article of a batch takes."""
    before = time.process_time(), time.perf_counter()
    store.file(batch)
    after = time.process_time(), time.perf_counter()
    cpu, clock = ((b - a) * 1000 / len(batch) for a, b in zip(before, after, strict=True))
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


def copied(small: Path, number: int) -> Path:
    """A store of its own that holds what ``small`` does."""
    copy = small.with_name(f"copy-{number}.sqlite3")
    shutil.copy(small, copy)
    return copy


def looked_at(store: SqliteStore, small: Path, making: Makers, start: int, mark: int) -> Mark:
    """Fill the store from ``start`` up to a mark; the last articles before it take turns."""
    first = max(start, mark - LOOKED_AT)
    for batch in making.batches(start, first):
        store.file(batch)
    last = list(making.batches(first, mark))  # all of them: nothing else is worked on now
    here, there = [], []
    with SqliteStore(copied(small, mark)) as other:
        for batch in last:
            here.append(filed(store, batch))
            there.append(filed(other, batch))
    files = sum(path.stat().st_size for path in store.path.parent.glob(store.path.name + "*"))
    cpu, small_cpu = [each[0] for each in here], [each[0] for each in there]
    return Mark(
        held=mark,
        cpu_ms=statistics.mean(cpu),
        clock_ms=statistics.mean(each[1] for each in here),
        small_cpu_ms=statistics.mean(small_cpu),
        ratios=tuple(quotients(cpu, small_cpu)),
        bytes_each=files / mark,
        search_ms=searched(store),
    )


def test_holding(tmp_path: Path) -> None:
    marks: list[Mark] = []
    small, large = tmp_path / "small.sqlite3", tmp_path / "large" / "store.sqlite3"
    large.parent.mkdir()
    with makers() as making:
        with SqliteStore(small) as store:
            for batch in making.batches(0, SMALL):
                store.file(batch)
        shutil.copy(small, large)  # closed, so all of it is in this one file
        with SqliteStore(large) as store:
            for mark in MARKS:
                start = marks[-1].held if marks else SMALL
                marks.append(looked_at(store, small, making, start, mark))
    report(marks)


def figure_of(marks: Sequence[Mark]) -> Figure:
    """What the marks come to."""
    x = tuple(float(mark.held) for mark in marks)
    lines = {
        "CPU time of filing": tuple(mark.cpu_ms for mark in marks),
        f"the same in a store of {SMALL:,}": tuple(mark.small_cpu_ms for mark in marks),
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
    measured |= {
        f"CPU of filing, at {mark.held:,} / at {SMALL:,}": Measured(
            unit="times", values=mark.ratios
        )
        for mark in marks[:-1]
    }
    return Figure(
        letter="f",
        title="As the holding grows",
        how=(
            f"The SQLite store files batches of {BATCH}; at each size the last {LOOKED_AT} "
            f"articles are looked at, batch by batch in turns with a store that holds {SMALL:,}, "
            f"and {SEARCHES} searches are made."
        ),
        judged={
            f"CPU of filing, at {marks[-1].held:,} / at {SMALL:,}": lower(
                FLAT, list(marks[-1].ratios), "times"
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
            f"{mark.held:>9,} held: {mark.cpu_ms:6.2f} ms CPU ({mark.small_cpu_ms:.2f} in a store "
            f"of {SMALL:,}), {mark.clock_ms:6.2f} ms by the clock; {mark.bytes_each / 1000:5.1f} kB"
            f" on the disk; search {mark.search_ms:6.2f} ms"
            for mark in marks
        ],
    )
    note("holding", figure)
