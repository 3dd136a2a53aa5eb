"""What a second enrichment worker brings, on a machine with two cores.

Two teams over one server, each with streams of its own: one worker, and two.  They take turns;
while one works the other waits.  Articles are on the raw stream before the clock starts to be
looked at, so ingest and indexer, which would take their share of two cores, aren't in it.

A second core isn't always a second one: in a virtual machine two may be two threads of one real
core, and then they slow each other down.  So the same annotators without a bus take turns, too:
one process, and two at once, which is what this machine's cores have to give.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from services.bus.connect import client
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHED_STREAM, Keys
from services.bus.publisher import Publisher
from services.bus.server import EmbeddedServer, tied
from services.enrichment.pipeline import Enricher
from services.enrichment.registry import ANNOTATORS
from services.ingest.taking import PUBLISH_ARTICLES
from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, higher, note, quotients, size
from tests.bench.measure import raw_article, taking_turns, tell
from tests.bench.running import QUIET
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORDS = size("words", 700, 700)
SHARE = size("scaling_articles", 40, 400)
"""Articles of a turn."""

ROUNDS = size("scaling_rounds", 2, 8)
TEAMS = {"1 worker": 1, "2 workers": 2}
BARE = {"1 process": 1, "2 processes": 2}
"""The same without a bus."""

WARM_UP = 32
"""Articles before the first turn, so that each worker has had some."""

ASKED = 1.7
DEADLINE = 600.0
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(3600)


@dataclass
class Team:
    """Workers of one stage on streams of their own."""

    settings: Settings
    redis: Redis
    published: int = 0

    def turn(self, articles: int) -> float:
        """Seconds from the first publish until all are enriched."""
        first, self.published = self.published, self.published + articles
        started = time.perf_counter()
        asyncio.run(self._publish(range(first, self.published)))
        wait_until(lambda: self._enriched() >= self.published, "all are enriched", DEADLINE)
        return time.perf_counter() - started

    def _enriched(self) -> int:
        return int(self.redis.xlen(Keys.of(self.settings).stream(ENRICHED_STREAM)))

    async def _publish(self, numbers: range) -> None:
        assert self.settings.redis_url is not None
        async with client(self.settings.redis_url.get_secret_value()) as redis:
            await ensure_groups(redis, Keys.of(self.settings))
            publisher = Publisher(self.settings, redis)
            for start in range(numbers.start, numbers.stop, PUBLISH_ARTICLES):
                part = range(start, min(start + PUBLISH_ARTICLES, numbers.stop))
                await publisher.publish([raw_article(number, WORDS) for number in part])


@contextmanager
def team_of(url: str, workers: int, folder: Path) -> Iterator[Team]:
    """Workers that have loaded their model."""
    namespace = f"team{workers}"
    settings = Settings.model_validate({"redis_url": url, "namespace": namespace})
    environ = {
        **os.environ,
        **QUIET,
        "WIREDESK_REDIS_URL": url,
        "WIREDESK_NAMESPACE": namespace,
        "WIREDESK_INBOX": str(folder),
    }
    with ExitStack() as stack:
        log = stack.enter_context((folder / f"{namespace}.log").open("wb"))
        command = tied([sys.executable, "-m", "services.enrichment"])
        for _ in range(workers):
            process = subprocess.Popen(command, env=environ, stderr=log, cwd=ROOT)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        redis = stack.enter_context(Redis.from_url(url))
        alive = f"{{{namespace}}}:alive:*"
        wait_until(lambda: len(list(redis.scan_iter(alive))) == workers, "all workers work", 120)
        yield Team(settings, redis)


@cache
def enricher() -> Enricher:
    """The annotators that need no server, once for each process."""
    return Enricher(Settings(annotators=tuple(ANNOTATORS)))


def enrich(numbers: range) -> None:
    """Enrich these articles in batches, as a stage has them."""
    step = Settings().batch_size
    for start in range(numbers.start, numbers.stop, step):
        some = range(start, min(start + step, numbers.stop))
        enricher().enrich([raw_article(number, WORDS) for number in some])


@dataclass
class Bare:
    """Processes that enrich without a bus."""

    pools: list[ProcessPoolExecutor]

    def turn(self, number: int, processes: int) -> float:
        """Seconds until so many processes have enriched a turn's articles, each its part."""
        part = SHARE // processes
        started = time.perf_counter()
        for each in [
            pool.submit(
                enrich,
                range((number * processes + place) * part, (number * processes + place + 1) * part),
            )
            for place, pool in enumerate(self.pools[:processes])
        ]:
            each.result()
        return time.perf_counter() - started


@contextmanager
def bare() -> Iterator[Bare]:
    """Two processes that have loaded their model."""
    with ExitStack() as stack:
        spawn = multiprocessing.get_context("spawn")
        pools = [stack.enter_context(ProcessPoolExecutor(1, spawn)) for _ in range(2)]
        for each in [pool.submit(enrich, range(WARM_UP)) for pool in pools]:
            each.result()
        yield Bare(pools)


def test_scaling(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "server")
    server.start()
    try:
        with ExitStack() as stack:
            teams = {
                name: stack.enter_context(team_of(server.url, workers, tmp_path))
                for name, workers in TEAMS.items()
            }
            for team in teams.values():
                team.turn(WARM_UP)
            without = stack.enter_context(bare())
            rivals: dict[str, Callable[[int], float]] = {
                name: lambda _, team=team: team.turn(SHARE)  # type: ignore[misc]  # bound now
                for name, team in teams.items()
            }
            rivals |= {
                name: lambda number, count=count: without.turn(number, count)  # type: ignore[misc]  # bound now
                for name, count in BARE.items()
            }
            seconds = taking_turns(rivals, ROUNDS)
    finally:
        server.stop()
    report(seconds)


def figure_of(seconds: dict[str, list[float]]) -> Figure:
    """What the turns come to."""
    one, two = (seconds[name] for name in TEAMS)
    alone, together = (seconds[name] for name in BARE)
    rates = {name: [SHARE / each for each in taken] for name, taken in seconds.items()}
    return Figure(
        letter="d",
        title="One worker, two workers",
        how=(
            "Two teams of enrichment workers on one server take turns with fresh articles: from "
            "the first publish until all are enriched, by the clock. Without a bus: the same "
            "annotators in one process and in two, which is what the second core has to give."
        ),
        judged={"2 workers / 1 worker": higher(ASKED, quotients(one, two))},
        measured={
            **{
                name: Measured(unit="articles/s", values=tuple(rate))
                for name, rate in rates.items()
            },
            "without a bus, 2 processes / 1": Measured(
                unit="times", values=tuple(quotients(alone, together))
            ),
        },
        plots=(
            Plot(
                title="Enrichment workers on two cores",
                x_label="turn",
                y_label="articles/s",
                kind="bars",
                x_names=tuple(str(turn) for turn in range(1, ROUNDS + 1)),
                lines={
                    name: Series(x=tuple(range(len(rate))), y=tuple(rate))
                    for name, rate in rates.items()
                },
            ),
        ),
        remarks=(
            (
                "Needs two cores of its own: what else runs on the machine is taken from the two "
                "workers' share first."
            ),
        ),
        sizes={"articles": SHARE, "rounds": ROUNDS, "words": WORDS, "cores": os.cpu_count() or 0},
    )


def report(seconds: dict[str, list[float]]) -> None:
    """Print and keep what was measured."""
    figure = figure_of(seconds)
    (gain,) = figure.judged.values()
    tell(
        f"Scaling: {ROUNDS} turns of {SHARE} articles of {WORDS} words",
        [
            *(
                f"{name:<32} {each.median:8.2f} {each.unit}"
                for name, each in figure.measured.items()
            ),
            f"{'2 workers / 1 worker':<32} {gain.median:8.2f} (asked {gain.asked:g})",
        ],
    )
    note("scaling", figure)
