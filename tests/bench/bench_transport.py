"""What the delivery guarantees cost: the bus against raw redis-py and against plain FastStream.

Three ways over the same server with the same articles, taking turns.  Each
publishes every article, reads it, and hands the result to the next stream:

* **wiredesk**: ``Publisher`` and a ``Stage``, with everything that they promise,
  and the log line per article that a service writes;
* **raw**: redis-py and nothing else, four commands one after the other, on bytes
  that are never looked at;
* **faststream**: its defaults, one message at a time, the models read and written.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
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
from tests.bench.measure import (
    ratio,
    raw_article,
    record,
    seconds_of,
    taking_turns,
    tell,
    unannotated,
)
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ARTICLES = 1000
"""In each round: about a second for each rival, far above the 60 ms that a start takes."""

ROUNDS = 5
"""Turns of each rival; the median forgives one disturbed turn, even two."""

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


def handle(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
    """The handler without work."""
    return [unannotated(article) for article in batch]


async def _crossed(redis: AsyncRedis) -> None:
    async def all_there() -> bool:
        return int(await redis.xlen(NEXT_KEY)) == ARTICLES

    await until(all_there, "every article on the next stream", DEADLINE)


async def wiredesk(url: str, articles: Sequence[RawArticle]) -> float:
    """Seconds for all articles through our bus."""
    settings = Settings.model_validate({"redis_url": url})
    async with client(url) as redis:
        await redis.flushall()
        await ensure_groups(redis, KEYS)
        stage = Stage(ENRICHMENT, handle, settings, redis, "bench")
        broker = make_broker(url, settings)
        stage.subscribe(broker)
        started = time.perf_counter()
        publisher = Publisher(settings, redis)
        for start in range(0, ARTICLES, PUBLISH_ARTICLES):
            await publisher.publish(articles[start : start + PUBLISH_ARTICLES])
        await broker.start()
        await _crossed(redis)
        seconds = time.perf_counter() - started
        stage.facts.stopping.set()
        await broker.stop()
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


async def faststream(url: str, articles: Sequence[RawArticle]) -> float:
    """Seconds for FastStream as its tutorial shows it."""
    # Its two lines per message go where ours go, not to the terminal.
    broker = RedisBroker(url, logger=logging.getLogger(PLAIN_LOG))

    @broker.subscriber(stream=StreamSub(RAW_KEY, group="bench", consumer="one"))
    @broker.publisher(stream=NEXT_KEY)
    async def _on_article(article: RawArticle) -> EnrichedArticle:
        return unannotated(article)

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
    events = [events_of(article) for article in articles]
    seconds = taking_turns(
        {
            "wiredesk": lambda _: asyncio.run(wiredesk(url, articles)),
            "raw": lambda _: raw(url, events),
            "faststream": lambda _: asyncio.run(faststream(url, articles)),
        },
        ROUNDS,
    )
    report(seconds, sum(len(received) for received, _ in events) / ARTICLES / 1000)


def report(seconds: dict[str, list[float]], kilobytes: float) -> None:
    """Print and keep what was measured."""
    rates = {name: ARTICLES / statistics.median(taken) for name, taken in seconds.items()}
    # As quick as the other: 1; twice as quick: 2. So seconds stand the other way round.
    ratios = {
        f"{one} / {other}": ratio(seconds[other], seconds[one])
        for one, other in (
            ("wiredesk", "raw"),
            ("wiredesk", "faststream"),
            ("faststream", "raw"),
        )
    }
    tell(
        f"Transport: {ARTICLES} articles of {kilobytes:.1f} kB, published, read and handed on; "
        f"medians of {ROUNDS} turns",
        [
            *(f"{name:<22} {rate:8.0f} articles/s" for name, rate in rates.items()),
            *(f"{name:<22} {quotient:8.2f}" for name, quotient in ratios.items()),
        ],
    )
    record(
        "transport",
        {"articles_per_second": rates, "ratios": ratios, "event_kilobytes": kilobytes},
    )
