"""What a second enrichment worker brings, on a machine with two cores.

Two teams over one server, each with streams of its own: one worker, and two.  They take turns;
while one works the other waits.  Articles are on the raw stream before the clock starts to be
looked at, so ingest and indexer, which would take their share of two cores, aren't in it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from services.bus.connect import client
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHED_STREAM, Keys
from services.bus.publisher import Publisher
from services.bus.server import EmbeddedServer, tied
from services.ingest.taking import PUBLISH_ARTICLES
from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, higher, note, quotients, size
from tests.bench.measure import raw_article, taking_turns, tell
from tests.bench.running import QUIET
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = size("words", 700, 700)
SHARE = size("scaling_articles", 40, 400)
"""Articles of a turn."""

ROUNDS = size("scaling_rounds", 2, 8)
TEAMS = {"1 worker": 1, "2 workers": 2}
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
            seconds = taking_turns(
                {name: lambda _, team=team: team.turn(SHARE) for name, team in teams.items()},  # type: ignore[misc]  # bound now
                ROUNDS,
            )
    finally:
        server.stop()
    report(seconds)


def figure_of(seconds: dict[str, list[float]]) -> Figure:
    """What the turns come to."""
    one, two = (seconds[name] for name in TEAMS)
    rates = {name: [SHARE / each for each in taken] for name, taken in seconds.items()}
    return Figure(
        letter="d",
        title="One worker, two workers",
        how=(
            "Two teams of enrichment workers on one server take turns with fresh articles: from "
            "the first publish until all are enriched, by the clock."
        ),
        judged={"2 workers / 1 worker": higher(ASKED, quotients(one, two))},
        measured={
            name: Measured(unit="articles/s", values=tuple(rate)) for name, rate in rates.items()
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
                f"{name:<22} {each.median:8.1f} articles/s"
                for name, each in figure.measured.items()
            ),
            f"2 workers / 1 worker   {gain.median:8.2f} (asked {gain.asked:g})",
        ],
    )
    note("scaling", figure)
