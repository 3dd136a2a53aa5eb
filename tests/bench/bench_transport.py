"""What the delivery guarantees cost: the bus against raw redis-py and against plain FastStream.

Several ways over the same server with the same articles, taking turns.  Each
publishes every article, reads it, and hands the result to the next stream:

* **wiredesk**: ``Publisher`` and a ``Stage``, with everything that they promise, and the log
  line per article that a service writes; in batches of 100, as the indexer has them, and of 8, as
  enrichment has them, where a batch takes a hundred times as long as its transport;
* **raw**: redis-py and nothing else, four commands one after the other, on bytes
  that are never looked at; and the same commands a hundred at a time;
* **faststream**: its defaults, one message at a time, the models read and written.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from faststream.redis import RedisBroker, StreamSub
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from schemas.article import EnrichedArticle, RawArticle  # noqa: TC001  (FastStream resolves them at run time)
from services import observability
from services.bus.connect import client
from services.bus.groups import ensure_groups
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, ENRICHMENT, RAW_STREAM, Keys
from services.bus.messages import Item, event_of
from services.bus.publisher import Publisher, received_event
from services.bus.server import EmbeddedServer
from services.bus.service import make_broker
from services.bus.stage import Stage
from services.ingest.taking import PUBLISH_ARTICLES
from services.settings import Settings
from tests.bench.figures import Figure, Measured, Plot, Series, higher, note, quotients, size
from tests.bench.measure import (
    raw_article,
    seconds_of,
    taking_turns,
    tell,
    unannotated,
)
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ARTICLES = size("transport_articles", 500, 5000)
"""In each round: for a thousand about a second of the slowest, far above the 60 ms of a start."""

ROUNDS = size("transport_rounds", 3, 9)
"""Turns of each rival; the median forgives some disturbed turns."""

BATCH, SMALL_BATCH = 100, Settings().batch_size
"""Messages of a batch: the indexer's default and enrichment's."""

ASKED_OF_RAW, ASKED_OF_FASTSTREAM = 0.35, 5.0
pytestmark = pytest.mark.timeout(1800)

WORDS = 500
"""Words that make a received event of about 4.9 KB, the size that redis-streams figures are for."""

DEADLINE = 120.0
"""Seconds for one turn: a hundred times what it takes."""

PLAIN_LOG = "bench.faststream"
KEYS = Keys("news")
RAW_KEY, NEXT_KEY = KEYS.stream(RAW_STREAM), KEYS.stream(ENRICHED_STREAM)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server as ``wiredesk up`` runs it, AOF and all."""
    server = EmbeddedServer(tmp_path / "server")
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(autouse=True)
def _logs_as_in_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One JSON line per article, to a file: a service writes it too."""
    monkeypatch.setenv("FASTSTREAM_SUPERVISOR_DISABLED", "1")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with (tmp_path / "log").open("w", encoding="utf-8") as out:
        observability.configure(Settings(), "bench", out)
        logging.getLogger("faststream").setLevel(logging.WARNING)
        plain = logging.getLogger(PLAIN_LOG)
        plain.propagate = False
        plain.addHandler(logging.StreamHandler(out))
        yield
        plain.handlers.clear()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


class NoWork:
    """The handler: what follows from an article is there before the clock starts."""

    def __init__(self, articles: Sequence[RawArticle]) -> None:
        self._made = {article.article_id: unannotated(article) for article in articles}

    def one(self, article: RawArticle) -> EnrichedArticle:
        """What follows from an article."""
        return self._made[article.article_id]

    def __call__(self, batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        """What follows from each."""
        return [self.one(article) for article in batch]


async def _crossed(redis: AsyncRedis) -> None:
    async def all_there() -> bool:
        return int(await redis.xlen(NEXT_KEY)) == ARTICLES

    await until(all_there, "every article on the next stream", DEADLINE)


async def wiredesk(url: str, articles: Sequence[RawArticle], no_work: NoWork, batch: int) -> float:
    """Seconds for all articles through our bus, published while they are read."""
    settings = Settings.model_validate({"redis_url": url})
    async with client(url) as redis:
        await redis.flushall()
        await ensure_groups(redis, KEYS)
        stage = Stage(ENRICHMENT, no_work, settings, redis, "bench", batch)
        broker = make_broker(url, settings)
        stage.subscribe(broker)
        await broker.start()
        started = time.perf_counter()
        publisher = Publisher(settings, redis)
        for start in range(0, ARTICLES, PUBLISH_ARTICLES):
            await publisher.publish(articles[start : start + PUBLISH_ARTICLES])
        await _crossed(redis)
        seconds = time.perf_counter() - started
        stage.facts.stopping.set()
        await stage.end(broker)
        assert (stage.facts.done, stage.facts.failed) == (ARTICLES, 0)
    return seconds


def raw(url: str, events: Sequence[tuple[bytes, bytes]]) -> float:
    """Seconds for the bare commands: add, read, acknowledge, add."""
    with Redis.from_url(url) as redis:
        redis.flushall()
        redis.xgroup_create(RAW_KEY, "bench", id="0", mkstream=True)
        return seconds_of(lambda: _all_raw(redis, events))


def _all_raw(redis: Redis, events: Sequence[tuple[bytes, bytes]]) -> None:
    for received, enriched in events:
        redis.xadd(RAW_KEY, {DATA_FIELD: received})
        read: Any = redis.xreadgroup("bench", "one", {RAW_KEY: ">"}, count=1)
        ((_, ((entry_id, _),)),) = read
        redis.xack(RAW_KEY, "bench", entry_id)
        redis.xadd(NEXT_KEY, {DATA_FIELD: enriched})


def raw_in_batches(url: str, events: Sequence[tuple[bytes, bytes]]) -> float:
    """Seconds for the bare commands, ``BATCH`` articles at a time in pipelines."""
    with Redis.from_url(url) as redis:
        redis.flushall()
        redis.xgroup_create(RAW_KEY, "bench", id="0", mkstream=True)
        return seconds_of(lambda: _batches_raw(redis, events))


def _batches_raw(redis: Redis, events: Sequence[tuple[bytes, bytes]]) -> None:
    for start in range(0, len(events), BATCH):
        part = events[start : start + BATCH]
        with redis.pipeline(transaction=False) as pipe:
            for received, _ in part:
                pipe.xadd(RAW_KEY, {DATA_FIELD: received})
            pipe.execute()
        read: Any = redis.xreadgroup("bench", "one", {RAW_KEY: ">"}, count=BATCH)
        ((_, entries),) = read
        with redis.pipeline(transaction=False) as pipe:
            for (entry_id, _), (_, enriched) in zip(entries, part, strict=True):
                pipe.xack(RAW_KEY, "bench", entry_id)
                pipe.xadd(NEXT_KEY, {DATA_FIELD: enriched})
            pipe.execute()


async def faststream(url: str, articles: Sequence[RawArticle], no_work: NoWork) -> float:
    """Seconds for FastStream as its tutorial shows it."""
    # Its two lines per message go where ours go, not to the terminal.
    broker = RedisBroker(url, logger=logging.getLogger(PLAIN_LOG))

    @broker.subscriber(stream=StreamSub(RAW_KEY, group="bench", consumer="one"))
    @broker.publisher(stream=NEXT_KEY)
    async def _on_article(article: RawArticle) -> EnrichedArticle:
        return no_work.one(article)

    async with AsyncRedis.from_url(url) as redis:
        await redis.flushall()
        # It makes its group when it starts, at the stream's end: started before the first publish.
        await broker.start()
        started = time.perf_counter()
        for article in articles:
            await broker.publish(article, stream=RAW_KEY)
        await _crossed(redis)
        seconds = time.perf_counter() - started
        await broker.stop()
    return seconds


def events_of(article: RawArticle) -> tuple[bytes, bytes]:
    """The bytes that our bus puts on the two streams for an article."""
    received = received_event(article)
    item = Item("1-1", received, article, None)
    return received, event_of(ENRICHMENT, item, unannotated(article), article.ingested_at)


def test_transport(url: str) -> None:
    articles = [raw_article(number, WORDS) for number in range(ARTICLES)]
    no_work = NoWork(articles)
    events = [events_of(article) for article in articles]
    # What is there for good is the bench's own, and looking through it would be its rivals' time.
    gc.collect()
    gc.freeze()
    seconds = taking_turns(
        {
            "wiredesk": lambda _: asyncio.run(wiredesk(url, articles, no_work, BATCH)),
            "wiredesk, small batches": lambda _: asyncio.run(
                wiredesk(url, articles, no_work, SMALL_BATCH)
            ),
            "raw": lambda _: raw(url, events),
            "raw, in batches": lambda _: raw_in_batches(url, events),
            "faststream": lambda _: asyncio.run(faststream(url, articles, no_work)),
        },
        ROUNDS,
    )
    gc.unfreeze()
    report(seconds, sum(len(received) for received, _ in events) / ARTICLES / 1000)


def figure_of(seconds: dict[str, list[float]], kilobytes: float) -> Figure:
    """What the turns come to."""
    rates = {name: [ARTICLES / each for each in taken] for name, taken in seconds.items()}

    def times(one: str, other: str) -> list[float]:
        return quotients(rates[one], rates[other])

    compared = (
        ("wiredesk", "raw, in batches"),
        ("wiredesk, small batches", "raw"),
        ("wiredesk, small batches", "faststream"),
        ("faststream", "raw"),
    )
    measured = {
        name: Measured(unit="articles/s", values=tuple(rate)) for name, rate in rates.items()
    } | {
        f"{one} / {other}": Measured(unit="times", values=tuple(times(one, other)))
        for one, other in compared
    }
    return Figure(
        letter="b",
        title="Transport alone",
        how=(
            f"Articles of {kilobytes:.1f} kB are published, read and handed on to the next stream, "
            "enrichment does nothing. Raw: XADD, XREADGROUP, XACK, XADD of redis-py with the same "
            f"bytes, one article after the other, and {BATCH} at a time in pipelines. FastStream "
            f"one by one, as its tutorial has it. Wiredesk in batches of {BATCH}, and of "
            f"{SMALL_BATCH}."
        ),
        judged={
            "wiredesk / raw": higher(ASKED_OF_RAW, times("wiredesk", "raw")),
            "wiredesk / faststream": higher(ASKED_OF_FASTSTREAM, times("wiredesk", "faststream")),
        },
        measured=measured,
        plots=(_rates_plot(measured, list(rates)),),
        remarks=(
            (
                "Raw redis-py looks at nothing, promises nothing and counts nothing: a message "
                "whose reader dies between XACK and XADD is lost."
            ),
        ),
        sizes={"articles": ARTICLES, "rounds": ROUNDS, "words": WORDS},
    )


def _rates_plot(measured: dict[str, Measured], names: list[str]) -> Plot:
    medians = tuple(measured[name].median or 0.0 for name in names)
    return Plot(
        title="Articles a second through one process",
        x_label="",
        y_label="articles/s",
        kind="bars",
        x_names=tuple(name.replace(", ", ",\n") for name in names),
        lines={"median": Series(x=tuple(range(len(names))), y=medians)},
    )


def report(seconds: dict[str, list[float]], kilobytes: float) -> None:
    """Print and keep what was measured."""
    figure = figure_of(seconds, kilobytes)
    tell(
        f"Transport: {ARTICLES} articles of {kilobytes:.1f} kB, published, read and handed on; "
        f"medians of {ROUNDS} turns",
        [
            f"{name:<40} {each.median or 0.0:8.2f} {each.unit}"
            for name, each in (figure.measured | figure.judged).items()
        ],
    )
    note("transport", figure)
