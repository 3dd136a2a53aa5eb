"""A desk for re-enrichment without processes: a real server, a real store, stages in steps.

A :class:`Pump` does what a stage's worker does, a message at a time and only when it is told to,
so that a test says exactly how slow enrichment is.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemas.article import EnrichedArticle, RawArticle, Topic
from services.bus.connect import client, server_url
from services.bus.envelope import Event, read
from services.bus.errors import Reject
from services.bus.groups import ensure_groups
from services.bus.keys import DEAD_STREAM, ENRICHMENT, INDEXER, OUTCOME_STREAM, RAW_STREAM, Keys
from services.bus.messages import Item, burial_of, event_of, fault_of_reject
from services.bus.publisher import Publisher
from services.bus.reenrich import Resender
from services.bus.scripts import ArticleRef, Scripts
from services.console.reenrich import Progress
from services.console.reenrich_runs import SILENT_AFTER, Runs
from services.indexer.store.sqlite import SqliteStore
from tests.factories import (
    NOON,
    article_id,
    at,
    drop_id,
    make_drop,
    make_enriched,
    make_provenance,
    make_raw,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from redis.asyncio import Redis

    from services.bus.keys import StageSpec
    from services.console.reenrich_choice import Choice
    from services.console.reenrich_runs import Run
    from services.settings import Settings

NEW, OLD = "4.0.0", "3.7.1"
"""Versions of the model before and after."""


def made_by(version: str) -> tuple[Any, ...]:
    """Provenance of the blocks, the entities made with a model of this version."""
    entities = make_provenance("entities", model="en_core_web_sm", model_version=version)
    return (make_provenance("language"), entities, make_provenance("topics"))


def stored(number: int, version: str = OLD, **over: Any) -> EnrichedArticle:
    """An article as the store has it: of its own drop, and listed by its number."""
    fields: dict[str, Any] = {
        "drop": make_drop(drop_id=drop_id(number), file=f"{number}.txt", received_at=at(number)),
        "article_id": article_id(number),
        "headline": f"Quay {number}",
        "published_at": at(number),
        "provenance": made_by(version),
    }
    return make_enriched(**(fields | over))


def fresh(number: int) -> RawArticle:
    """An article of a file that was dropped just now."""
    drop = make_drop(drop_id=drop_id(number), file=f"{number}.txt", received_at=at(number))
    return make_raw(article_id=article_id(number), drop=drop, headline=f"Fresh {number}")


def enrich(raw: RawArticle) -> EnrichedArticle:
    """A new release's enrichment: other topics, made with the new model."""
    fields = {name: getattr(raw, name) for name in type(raw).model_fields}
    base = stored(1)
    return EnrichedArticle(
        **fields,
        **(raw.model_extra or {}),
        detected_language=base.detected_language,
        topics=(Topic(code="user:new", name="new", score=0.9, assigned_by="user"),),
        provenance=made_by(NEW),
        enriched_at=NOON,
    )


class Killed(BaseException):
    """The process is gone, here."""


@dataclass
class Bench:
    """The desk; ``done``: articles in the order in which enrichment was done with them."""

    settings: Settings
    redis: Redis
    store: SqliteStore
    scripts: Scripts
    now: datetime = NOON + timedelta(days=1)
    done: list[UUID] = field(default_factory=list)
    bad: set[UUID] = field(default_factory=set)
    kill_at: int | None = None
    effects: int = 0

    # --- the stages -----------------------------------------------------------------------
    async def step(self) -> bool:
        """Enrichment does one message, the indexer everything; whether there was one."""
        taken = await self._one(ENRICHMENT)
        if taken is not None:
            entry, item = taken
            self.done.append(item.payload.article_id)
            if item.payload.article_id in self.bad:
                fault = fault_of_reject(Reject("no", "nothing"))
                burial = burial_of(ENRICHMENT, "raw", item, fault)
                await self.scripts.bury(ENRICHMENT, DEAD_STREAM, OUTCOME_STREAM, burial)
            else:
                await self._cross(ENRICHMENT, entry, item, enrich(item.payload))  # type: ignore[arg-type]  # it is an article
        while (filing := await self._one(INDEXER)) is not None:
            entry, item = filing
            (outcome,) = self.store.file([item.payload])  # type: ignore[list-item]  # see above
            await self._cross(INDEXER, entry, item, outcome)
        return taken is not None

    async def _one(self, spec: StageSpec) -> tuple[str, Item] | None:
        await ensure_groups(self.redis, self.scripts.keys)
        key = self.scripts.keys.stream(spec.reads)
        answer: Any = await self.redis.xreadgroup(spec.group, "pump", {key: ">"}, count=1)
        if not answer:
            return None
        ((_, ((entry, fields),)),) = answer
        event = read(fields[b"__data__"], spec.reads.event)
        assert isinstance(event, Event)
        return entry.decode(), Item(entry.decode(), b"{}", event.payload, event.traceparent)  # type: ignore[arg-type]  # see above

    async def _cross(self, spec: StageSpec, entry: str, item: Item, result: Any) -> None:
        ref = ArticleRef(item.payload.drop.drop_id, item.payload.article_id)
        await self.scripts.hand_off(spec, entry, ref, event_of(spec, item, result, NOON))

    async def drain(self) -> None:
        """Everything that waits is done."""
        while await self.step():
            pass

    # --- runs -------------------------------------------------------------------------------
    def runs(self, holder: str = "first") -> Runs:
        """The store's runs, as a process of this name sees them."""
        return Runs(self.store, holder, lambda: self.now)

    def progress(self, run: Run, runs: Runs, **over: Any) -> Progress:
        """A run in this process; whenever it would wait, enrichment does one message."""
        resender = Resender(self.settings, self.redis)

        async def sleep(_seconds: float) -> None:
            self.now += timedelta(seconds=1)
            await self.step()

        def clock() -> float:
            return self.now.timestamp()

        fields: dict[str, Any] = {
            "store": self.store,
            "resender": _Killable(self, resender),
            "runs": _Killable(self, runs),
            "run": run,
            "most": 40,
            "sleep": sleep,
            "clock": clock,
            "page_size": 7,
        }
        return Progress(**(fields | over))

    async def again(self, choice: Choice, holder: str = "first", **over: Any) -> Run:
        """The whole command: a run for ``choice``, to its end."""
        runs = self.runs(holder)
        return await self.progress(runs.begin(choice), runs, **over).work()

    def silence(self) -> None:
        """So much time passes that a dead process's run may be gone on with."""
        self.now += SILENT_AFTER + timedelta(seconds=1)

    def effect(self) -> None:
        """Something is done to the world; where it is to be the last, the process is gone."""
        self.effects += 1
        if self.effects == self.kill_at:
            raise Killed

    # --- what came of it ----------------------------------------------------------------------
    async def sent(self) -> list[UUID]:
        """The articles of every message that was ever put on the raw stream, but fresh ones."""
        entries: Any = await self.redis.xrange(self.scripts.keys.stream(RAW_STREAM))
        events = [read(fields[b"__data__"], RAW_STREAM.event) for _, fields in entries]
        articles = [event.payload for event in events if isinstance(event, Event)]
        return [
            article.article_id
            for article in articles
            if isinstance(article, RawArticle) and article.drop.reenrichment is not None
        ]

    def renewed(self, numbers: range) -> list[int]:
        """Of these articles those that the new release has enriched."""
        held = [(number, self.store.get(article_id(number))) for number in numbers]
        return [n for n, each in held if each is not None and each.topics[0].code == "user:new"]


class _Killable:
    """Passes calls on; the process may be gone right before one, or right after it."""

    def __init__(self, bench: Bench, real: Any) -> None:
        self._bench, self._real = bench, real

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if name == "send":
            return self._sending(method)
        if name == "write":
            return self._writing(method)
        return method

    def _sending(self, method: Any) -> Any:
        async def send(articles: Any) -> None:
            self._bench.effect()
            for article in articles:
                await method([article])
                self._bench.effect()

        return send

    def _writing(self, method: Any) -> Any:
        def write(run: Any) -> Any:
            self._bench.effect()
            written = method(run)
            self._bench.effect()
            return written

        return write


@asynccontextmanager
async def bench(settings: Settings, articles: list[EnrichedArticle]) -> AsyncIterator[Bench]:
    """A desk whose store holds these articles."""
    settings.store.parent.mkdir(parents=True, exist_ok=True)
    with SqliteStore(settings.store, clock=lambda: datetime.now(UTC)) as store:
        if articles:
            store.file(articles)
        async with client(server_url(settings)) as redis:
            await redis.flushall()
            scripts = Scripts(redis, Keys(settings.namespace), settings.marker_ttl)
            yield Bench(settings, redis, store, scripts)


async def publish(desk: Bench, *articles: RawArticle) -> None:
    """As ingest does it."""
    await Publisher(desk.settings, desk.redis).publish(articles)
