"""A desk by hand for the tests of the ledger: real journal, store, streams and scripts.

Nothing moves by itself: a test says which station takes its step.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

from services.bus.connect import client, server_url
from services.bus.dead import DeadLetters, Wanted
from services.bus.envelope import Event, read
from services.bus.errors import Reject
from services.bus.groups import ensure_groups
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHMENT,
    INDEXER,
    OUTCOME_STREAM,
    Keys,
    receipts_stage,
)
from services.bus.messages import Message, burial_of, event_of, fault_of_reject, item_of
from services.bus.publisher import Publisher
from services.bus.scripts import Scripts
from services.console.ledger import take
from services.console.ledger_look import Scope
from services.indexer.store.opening import open_store
from services.ingest.drops import DropRow
from services.ingest.files import Identity
from services.ingest.gathering import Gathered, rejection
from services.ingest.journal import Journal
from services.ingest.waits import Clock
from tests.bus.desk import enrich
from tests.factories import NAMESPACE, article_id, make_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from redis.asyncio import Redis

    from schemas.article import EnrichedArticle, RawArticle
    from schemas.events import Outcome
    from services.bus.keys import StageSpec
    from services.console.ledger_model import Ledger
    from services.indexer.store.base import ArticleStore
    from services.settings import Settings

REFUSED = "refused"
"""Enrichment rejects an article with this headline, until it is told not to."""


def article(number: int, **over: Any) -> dict[str, Any]:
    """What the ``number``-th article has of its own."""
    made = {
        "article_id": article_id(number),
        "text": f"text {number}",
        "headline": f"good {number}",
    }
    return made | {"provider": "Wire"} | over


@dataclass
class Desk:
    """Everything of one inbox; ``now`` is the time of receipt, in ms since 1970."""

    settings: Settings
    now: list[datetime] = field(default_factory=lambda: [datetime.now(UTC)])
    journal: Journal = field(init=False)
    store: ArticleStore = field(init=False)
    merciful: bool = False

    def __post_init__(self) -> None:
        self.settings.state.mkdir(parents=True, exist_ok=True)
        clock = Clock(now=lambda: self.now[0])
        self.journal = Journal(self.settings.state / "journal.sqlite3", clock)
        self.store = open_store(self.settings)
        self.keys = Keys(self.settings.namespace)

    def close(self) -> None:
        self.journal.close()
        self.store.close()

    def run(self, work: Callable[[Redis], Coroutine[Any, Any, Any]]) -> Any:
        """Do something with a connection of its own."""

        async def connected() -> Any:
            async with client(server_url(self.settings)) as redis:
                await ensure_groups(redis, self.keys, self.receipts)
                return await work(redis)

        return asyncio.run(connected())

    @property
    def receipts(self) -> StageSpec:
        return receipts_stage(self.journal.inbox_id)

    # --- stations --------------------------------------------------------------------------
    def take(
        self, file: str, *records: dict[str, Any] | str, send: bool = True
    ) -> tuple[UUID, list[RawArticle]]:
        """Take a file: articles, or words that say why a record can't be read."""
        row = DropRow(
            drop_id=uuid4(),
            path=file.encode(),
            file=file,
            identity=Identity(1, 2, 3, 4),
            sha256="0" * 64,
            received_at=self.journal.allot(),
        )
        gathered = Gathered(self.now[0])
        for position, record in enumerate(records, start=1):
            gathered.add(self._record(row, position, record))
        self.journal.take([(row, gathered.entries())])
        articles = list(gathered.articles().values())
        if send:
            self.send(row.drop_id, articles)
        return row.drop_id, articles

    def _record(
        self, row: DropRow, position: int, record: dict[str, Any] | str
    ) -> RawArticle | Outcome:
        drop = row.drop(self.journal.inbox_id, position)
        if isinstance(record, dict):
            return make_raw(drop=drop, **record)
        name = uuid5(NAMESPACE, f"{row.drop_id} {position}")
        return rejection(drop, name, 1, reason=record, advice="", at=self.now[0])

    def send(self, drop_id: UUID, articles: Sequence[RawArticle]) -> None:
        """Publish what of a drop isn't on its way; its own outcomes aren't reported here."""

        async def publish(redis: Redis) -> None:
            await Publisher(self.settings, redis, self.receipts).publish(articles)

        self.run(publish)
        self.journal.published([drop_id])

    def enrich(self) -> int:
        """One step of enrichment over everything that waits."""
        return self.step(ENRICHMENT, self._enriched)

    def _enriched(self, payload: Any) -> EnrichedArticle | Reject:
        if payload.headline == REFUSED and not self.merciful:
            return Reject("refused on purpose", "write something else")
        return enrich(payload)

    def file(self) -> int:
        """One step of the indexer."""
        return self.step(INDEXER, lambda payload: self.store.file([payload])[0])

    def settle(self) -> int:
        """Ingest takes the outcomes that wait."""

        def noted(payload: Any) -> None:
            self.journal.settle([payload])

        return self.step(self.receipts, noted)

    def finish(self) -> None:
        """Every step, until nothing moves."""
        while self.enrich() + self.file() + self.settle():
            pass

    def step(self, spec: StageSpec, work: Callable[[Any], Any], *, count: int = 1000) -> int:
        """Read, work and hand off as a stage does; how many messages."""

        async def stepping(redis: Redis) -> int:
            scripts = Scripts(redis, self.keys, 60)
            key = self.keys.stream(spec.reads)
            answer: Any = await redis.xreadgroup(spec.group, "worker", {key: ">"}, count=count)
            entries = answer[0][1] if answer else []
            for entry_id, fields in entries:
                await self._pass(
                    scripts, spec, entry_id.decode(), fields[DATA_FIELD.encode()], work
                )
            return len(entries)

        return int(self.run(stepping))

    async def _pass(
        self,
        scripts: Scripts,
        spec: StageSpec,
        entry_id: str,
        raw: bytes,
        work: Callable[[Any], Any],
    ) -> None:
        event = read(raw, spec.reads.event)
        assert isinstance(event, Event)
        item = item_of(Message(entry_id, raw, event))
        assert item is not None
        result = work(item.payload)
        if isinstance(result, Reject):
            burial = burial_of(spec, self.keys.stream(spec.reads), item, fault_of_reject(result))
            await scripts.bury(spec, DEAD_STREAM, OUTCOME_STREAM, burial)
        elif result is None:
            await scripts.acknowledge(spec, entry_id)
        else:
            out = event_of(spec, item, result, datetime.now(UTC))
            await scripts.hand_off(spec, entry_id, item.ref, out)

    def retry_all(self) -> int:
        """Send every dead letter again."""

        async def again(redis: Redis) -> int:
            letters = DeadLetters(redis, self.settings)
            found = [letter async for letter in letters.find(Wanted())]
            for letter in found:
                assert isinstance(await letters.retry(letter), str)
            return len(found)

        return int(self.run(again))

    # --- the ledger ----------------------------------------------------------------------------
    def ledger(self, **scope: Any) -> Ledger:
        """The ledger now; its lines, where there are any, add up to its total."""
        found = asyncio.run(take(self.settings, Scope(**scope)))
        if found.lines:
            summed: Counter[str] = Counter()
            for line in found.lines:
                summed.update(line.counts)
            assert +summed == +found.total.counts
        return found

    def counts(self, **scope: Any) -> dict[str, int]:
        """What isn't 0 in the ledger's total, which balances."""
        found = self.ledger(**scope)
        assert found.balanced, (found.findings, found.problems, found.missing, found.total)
        return dict(+found.total.counts)
