"""What the tests of the bus see of a desk, and how they put articles on it."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from schemas.article import EnrichedArticle, RawArticle
from schemas.events import ENRICHED
from services.bus.connect import client, server_url
from services.bus.envelope import Outgoing, write
from services.bus.groups import ensure_groups
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    OUTCOME_STREAM,
    RAW_STREAM,
    Keys,
    StageSpec,
    Stream,
    receipts_stage,
)
from services.bus.publisher import Publisher
from services.bus.service import make_broker
from services.bus.spans import NO_SPANS
from services.bus.stage import Stage
from tests.factories import article_id, drop_id, make_drop, make_enriched, make_raw
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from redis import Redis as SyncRedis

    from services.bus.server import EmbeddedServer
    from services.bus.spans import Spans
    from services.bus.stage import Handler
    from services.settings import Settings

RECEIPTS = receipts_stage(make_drop().inbox_id)


def article(number: int, headline: str = "") -> RawArticle:
    """The ``number``-th article, in a drop of its own."""
    drop = make_drop(drop_id=drop_id(number), file=f"{number}.txt", position=number)
    return make_raw(drop=drop, article_id=article_id(number), headline=headline or f"good {number}")


def articles(*headlines: str) -> list[RawArticle]:
    """One article per headline, numbered from 1."""
    return [article(number, headline) for number, headline in enumerate(headlines, start=1)]


def enrich(raw: RawArticle) -> EnrichedArticle:
    """What a handler makes of an article; unknown fields go along."""
    added = make_enriched()
    names = ("detected_language", "entities", "topics", "provenance", "enriched_at")
    return EnrichedArticle(**raw.model_dump(), **{name: getattr(added, name) for name in names})


def enrich_all(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
    """The handler that finds nothing wrong with anything."""
    return [enrich(raw) for raw in batch]


def changed(settings: Settings, **over: Any) -> Settings:
    """The same settings with some replaced."""
    return settings.model_copy(update=over)


def at_server(settings: Settings, server: EmbeddedServer, **over: Any) -> Settings:
    """The same settings with another server (and whatever else is given)."""
    return changed(settings, redis_url=SecretStr(server.url), **over)


class Desk:
    """Reads the streams of a desk with a plain client."""

    def __init__(self, redis: SyncRedis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self.keys = Keys(settings.namespace)

    def publish(self, *published: RawArticle) -> None:
        """Publish articles the way ingest does."""
        asyncio.run(publish(self.settings, *published))

    def put(self, raw: bytes, stream: Stream = RAW_STREAM) -> str:
        """Add bytes to a stream as they are; the entry's id."""
        entry: bytes = self.redis.xadd(self.keys.stream(stream), {DATA_FIELD: raw})  # type: ignore[assignment]
        return entry.decode()

    def events(self, stream: Stream) -> list[dict[str, Any]]:
        """Every event on a stream, in order."""
        return [json.loads(body) for body in self.bodies(stream)]

    def bodies(self, stream: Stream) -> list[bytes]:
        """The bytes of every entry of a stream, in order."""
        entries: Any = self.redis.xrange(self.keys.stream(stream))
        return [fields[DATA_FIELD.encode()] for _, fields in entries]

    def ids(self, stream: Stream) -> list[str]:
        """Every entry id on a stream, in order."""
        entries: Any = self.redis.xrange(self.keys.stream(stream))
        return [entry_id.decode() for entry_id, _ in entries]

    def enriched(self) -> list[str]:
        """The headlines that came out of the stage, sorted."""
        return sorted(event["data"]["headline"] for event in self.events(ENRICHED_STREAM))

    def dead(self) -> list[dict[str, Any]]:
        """The dead letters."""
        return [event["data"] for event in self.events(DEAD_STREAM)]

    def outcomes(self) -> list[dict[str, Any]]:
        """The outcomes."""
        return [event["data"] for event in self.events(OUTCOME_STREAM)]

    def pending(self, spec: StageSpec = ENRICHMENT) -> list[dict[str, Any]]:
        """The pending entries of a stage: message_id, consumer, times_delivered, idle in ms."""
        found: Any = self.redis.xpending_range(
            self.keys.stream(spec.reads), spec.group, "-", "+", 1000
        )
        return [
            {
                "id": row["message_id"].decode(),
                "consumer": row["consumer"].decode(),
                "delivered": row["times_delivered"],
                "idle": row["time_since_delivered"],
            }
            for row in found
        ]

    def group(self, spec: StageSpec = ENRICHMENT) -> dict[str, Any]:
        """``XINFO GROUPS`` of one stage."""
        groups: Any = self.redis.xinfo_groups(self.keys.stream(spec.reads))
        return next(dict(group) for group in groups if group["name"].decode() == spec.group)

    def consumers(self, spec: StageSpec = ENRICHMENT) -> list[str]:
        """Names of a stage's consumers."""
        found: Any = self.redis.xinfo_consumers(self.keys.stream(spec.reads), spec.group)
        return sorted(row["name"].decode() for row in found)

    def attempts(self, spec: StageSpec = ENRICHMENT) -> dict[str, int]:
        """Attempts counted so far: entry id → number."""
        found: Any = self.redis.hgetall(self.keys.attempts(spec))
        return {entry_id.decode(): int(count) for entry_id, count in found.items()}

    def settled(self, spec: StageSpec = ENRICHMENT) -> bool:
        """Whether a stage has read everything and nothing is pending or counted."""
        group = self.group(spec)
        return group["lag"] == 0 and group["pending"] == 0 and not self.attempts(spec)

    def forget(self) -> None:
        """Empty the desk, between two rounds of one test."""
        self.redis.flushall()


def original(letter: dict[str, Any]) -> bytes:
    """The bytes that a dead letter kept."""
    return base64.b64decode(letter["original"])


async def publish(settings: Settings, *published: RawArticle) -> None:
    """Publish articles the way ingest does."""
    async with client(server_url(settings)) as redis:
        await Publisher(settings, redis, RECEIPTS).publish(published)


def put_enriched(desk: Desk, number: int) -> None:
    """Hand on the ``number``-th article, called ``n0`` and so on, as enrichment does."""
    payload = enrich(article(number + 1, f"n{number}"))
    head = Outgoing(ENRICHED, str(number), "/test", None, payload.enriched_at, None)
    desk.put(write(head, payload), ENRICHED_STREAM)


def put_before(desk: Desk, count: int) -> None:
    """Leave so many messages to enrichment."""
    for _ in range(count):
        desk.put(b"{}", RAW_STREAM)


@asynccontextmanager
async def running(
    settings: Settings,
    handler: Handler,
    spec: StageSpec = ENRICHMENT,
    consumer: str = "worker",
    spans: Spans = NO_SPANS,
    batch_size: int | None = None,
) -> AsyncIterator[Stage]:
    """A stage that runs in this process, over the real server, until the context ends."""
    url = server_url(settings)
    async with client(url) as redis:
        await ensure_groups(redis, Keys(settings.namespace), spec)
        stage = Stage(spec, handler, settings, redis, consumer, batch_size, spans)
        broker = make_broker(url, settings)
        stage.subscribe(broker)
        await broker.start()
        try:
            yield stage
        finally:
            stage.facts.stopping.set()
            await stage.end(broker)


async def eventually(
    predicate: Callable[[], object],
    what: str,
    timeout: float = 30.0,  # noqa: ASYNC109  (the error names what was waited for)
) -> None:
    """Let the loop turn until ``predicate`` holds; fail naming ``what`` after ``timeout`` s."""

    async def holds() -> object:
        return predicate()

    await until(holds, what, timeout)
