"""What a desk needs for so many articles a second: a simulation from measured service times.

Articles come at random moments (Poisson), of lengths as news has them, and pass three stages, each
a queue from which workers take up to a batch; each hop between them takes its share of a server's
time.  ``needed`` looks for the smallest deployment whose articles are searchable within a second,
99 of 100, and tells how busy each part of it is: the busiest is the one that gives way first.

``python -m tests.bench.capacity`` prints the table; the page of figures has it, too.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import simpy

from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, Table, note, read, size

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

RATES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
"""Articles a second that are asked about."""

ARTICLES = size("capacity_articles", 2_000, 20_000)
"""Of one simulated run, so that a p99 is of some hundreds even after the start is cut off."""

BUSIEST = 0.75
"""Share of its time that any part may be busy on average: above it queues grow quickly, and there
is no room for an hour with more news than others."""

WITHIN = 1.0
"""Seconds within which 99 of 100 articles shall be searchable once they were taken."""

SPREAD = 0.55
"""Sigma of the log-normal lengths of articles, which service times follow (tests/bench/generator):
the longest of a hundred takes four times as long as the median."""

STEADY = 4.0
"""Seconds of news at least, so that at ten thousand a second queues have time to grow."""

WARM_UP = 0.2
"""Share of the articles at the start that isn't looked at: the queues are still empty."""

HOPS = 4
"""Times that an article keeps a server busy: published, read by each of two stages and handed on,
reported."""


class NotMeasured(Exception):  # noqa: N818  (what is missing is no error of the model)
    """The bench that measures the service times has not been run."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one core that an article of average length takes in each part."""

    ingest: float
    enrichment: float
    indexer: float
    server: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many there are of each part. ``servers``: masters that share the partitions."""

    inboxes: int = 1
    workers: int = 1
    indexers: int = 1
    servers: int = 1

    @property
    def partitions(self) -> int:
        """One is shared by all workers; of several each has one worker of a stage at a time."""
        return 1 if self.servers == 1 else max(self.servers, self.workers, self.indexers)

    @property
    def cores(self) -> int:
        """If each process has one of its own."""
        return self.inboxes + self.workers + self.indexers + self.servers


PARTS = {
    "ingest": "inboxes",
    "enrichment": "workers",
    "indexer": "indexers",
    "server": "servers",
}
"""The parts of a desk, and what their number is called."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulated run came to: seconds of each article, and how busy each part was."""

    seconds: tuple[float, ...]
    busy: dict[str, float]

    @property
    def p50(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """Seconds."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[98]

    @property
    def first(self) -> str:
        """The busiest part: with more news it gives way first."""
        return max(self.busy, key=lambda part: self.busy[part])


def measured_times() -> Times:
    """Service times as the pipeline's bench noted them; :class:`NotMeasured` where it did not."""
    pipeline = read().figures.get("pipeline")
    if pipeline is None:
        raise NotMeasured("run tests/bench/bench_pipeline.py first")
    found = {part: pipeline.measured[f"wiredesk: {part}"].median for part in PARTS}
    return Times(**{part: (value or 0.0) / 1000 for part, value in found.items()})


@dataclass(slots=True)
class _Article:
    """One on its way: when it was taken, and how long it is beside the average one."""

    taken: float
    length: float
    server: int


@dataclass(slots=True)
class _Stage:
    """A queue and its workers."""

    env: simpy.Environment
    seconds: float
    batch: int
    following: _Stage | None
    servers: list[simpy.Resource]
    hop: float
    done: list[tuple[float, float]]
    waiting: deque[_Article] = field(default_factory=deque)
    wake: deque[simpy.Event] = field(default_factory=deque)
    busy: float = 0.0
    hops: float = 0.0

    def put(self, article: _Article) -> None:
        """An article more; a worker that has nothing to do takes it."""
        self.waiting.append(article)
        if self.wake:
            self.wake.popleft().succeed()

    def work(self) -> Generator[simpy.Event, Any, Any]:
        """A worker's life."""
        while True:
            if not self.waiting:
                idle = self.env.event()
                self.wake.append(idle)
                yield idle
                continue
            taken = [self.waiting.popleft() for _ in range(min(self.batch, len(self.waiting)))]
            took = sum(self.seconds * article.length for article in taken)
            self.busy += took
            yield self.env.timeout(took)
            for article in taken:
                yield from self._hand_on(article)

    def _hand_on(self, article: _Article) -> Generator[simpy.Event, Any, Any]:
        with self.servers[article.server].request() as turn:
            yield turn
            self.hops += self.hop
            yield self.env.timeout(self.hop)
        if self.following is None:
            self.done.append((article.taken, self.env.now))
        else:
            self.following.put(article)


def _length(chance: random.Random) -> float:
    """Of mean 1."""
    return math.exp(chance.gauss(-SPREAD * SPREAD / 2, SPREAD))


def simulated(
    times: Times, deployment: Deployment, rate: float, articles: int = ARTICLES, seed: int = 1
) -> Run:
    """Let so many articles pass, ``rate`` a second."""
    articles = max(articles, int(rate * STEADY))
    env, chance = simpy.Environment(), random.Random(seed)  # noqa: S311  (repeatable)
    servers = [simpy.Resource(env) for _ in range(deployment.servers)]
    done: list[tuple[float, float]] = []
    settings = Settings()
    # One folder's ingest reads, and files receipts, one after the other.
    batches = {"ingest": 1, "enrichment": settings.batch_size, "indexer": settings.index_batch_size}
    following: _Stage | None = None
    stages: dict[str, _Stage] = {}
    for part in ("indexer", "enrichment", "ingest"):
        seconds, hop = getattr(times, part), times.server / HOPS * (2 if part == "ingest" else 1)
        following = _Stage(env, seconds, batches[part], following, servers, hop, done)
        stages[part] = following
        for _ in range(getattr(deployment, PARTS[part])):
            env.process(following.work())

    def arrive() -> Generator[simpy.Event, Any, Any]:
        for _ in range(articles):
            yield env.timeout(chance.expovariate(rate))
            article = _Article(env.now, _length(chance), chance.randrange(deployment.servers))
            stages["ingest"].put(article)

    arriving = env.process(arrive())
    env.run(arriving)
    lasted = env.now
    env.run()
    late = sorted(done)[int(WARM_UP * articles) :]
    busy = {part: stages[part].busy for part in stages}
    busy["server"] = sum(stage.hops for stage in stages.values())
    shares = {
        part: spent / lasted / getattr(deployment, PARTS[part]) for part, spent in busy.items()
    }
    return Run(tuple(end - start for start, end in late), shares)


def at_least(times: Times, rate: float) -> Deployment:
    """The fewest of each part that keep it no busier than ``BUSIEST``."""
    counts = {
        number: max(1, math.ceil(rate * getattr(times, part) / BUSIEST))
        for part, number in PARTS.items()
    }
    return Deployment(**counts)


def needed(times: Times, rate: float) -> tuple[Deployment, Run]:
    """The smallest deployment found whose articles are searchable ``WITHIN`` a second.

    From the fewest of each part on, one more of the busiest part at a time.
    """
    deployment = at_least(times, rate)
    while True:
        run = simulated(times, deployment, rate)
        if run.p99 <= WITHIN:
            return deployment, run
        number = PARTS[run.first]
        more = max(1, getattr(deployment, number) // 10)
        deployment = replace(deployment, **{number: getattr(deployment, number) + more})


LIMITS = {
    "enrichment": "one enrichment worker",
    "ingest": "one folder (one ingest owns it)",
    "indexer": "one SQLite file (one indexer writes it)",
    "server": "one Redis or Valkey server (one thread runs its commands)",
}


def limits(times: Times) -> dict[str, float]:
    """Articles a second at which one of each part has no time left, the first to give way first."""
    found = {LIMITS[part]: 1 / getattr(times, part) for part in LIMITS if getattr(times, part) > 0}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def figure_of(times: Times) -> Figure:
    """The answers for every rate."""
    answers = {rate: needed(times, rate) for rate in RATES}
    rows = tuple(_row(rate, *answer) for rate, answer in answers.items())
    head = (
        "articles/s", "folders", "enrichment workers", "indexers", "servers", "partitions",
        "cores", "p50 s", "p99 s", "busiest, so first to give way",
    )  # fmt: skip
    ways = tuple((what, f"{most:,.0f} articles/s") for what, most in limits(times).items())
    return Figure(
        letter="g",
        title="What is needed for 1 to 10,000 articles a second",
        how=(
            "A simulation (simpy) from the CPU times of the whole pipeline: random arrivals, "
            "lengths as news has them, batches as shipped, each process on a core of its own no "
            f"busier than {BUSIEST:.0%} on average, 99 of 100 articles searchable within "
            f"{WITHIN:g} s of being taken (settle_time comes before that)."
        ),
        measured=_service_times(times),
        tables=(
            Table(head=head, rows=rows),
            Table(head=("one of each", "has no time left at"), rows=ways),
        ),
        plots=(_plot(answers),),
        remarks=(
            (
                "It knows CPU time, queues and batches. It doesn't know networks, disks, replicas "
                "and the memory bandwidth that cores of one machine share: what it says of 1,000 "
                "and 10,000 articles a second is where to begin, not a promise."
            ),
            (
                "Several indexers need PostgreSQL, whose own work isn't in it. With several "
                "partitions one worker of a stage reads each, so there are at least as many "
                "partitions as workers."
            ),
        ),
        sizes={"articles": ARTICLES},
    )


def _service_times(times: Times) -> dict[str, Measured]:
    return {
        f"{part}, an article": Measured(unit="ms", values=(getattr(times, part) * 1000,))
        for part in PARTS
    }


def _row(rate: float, deployment: Deployment, run: Run) -> tuple[str, ...]:
    busiest = f"{run.first} ({run.busy[run.first]:.0%})"
    numbers = (
        rate, deployment.inboxes, deployment.workers, deployment.indexers, deployment.servers,
        deployment.partitions, deployment.cores,
    )  # fmt: skip
    return (*(f"{number:,.0f}" for number in numbers), f"{run.p50:.2f}", f"{run.p99:.2f}", busiest)


def _plot(answers: Mapping[float, tuple[Deployment, Run]]) -> Plot:
    x = tuple(answers)
    lines = {
        name: Series(x=x, y=tuple(float(getattr(made, number)) for made, _ in answers.values()))
        for name, number in {**PARTS, "partitions": "partitions"}.items()
    }
    return Plot(
        title="How many of each part",
        x_label="articles/s",
        y_label="processes (partitions)",
        lines=lines,
        log_x=True,
        log_y=True,
    )


def main() -> int:
    """Simulate from what was measured, note it, print the table; the exit code."""
    try:
        figure = figure_of(measured_times())
    except NotMeasured as error:
        sys.stderr.write(f"nothing to simulate from: {error}\n")
        return 1
    note("capacity", figure)
    for table in figure.tables:
        for row in (table.head, *table.rows):
            sys.stdout.write("  ".join(f"{cell:>12}" for cell in row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
