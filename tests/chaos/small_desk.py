"""A whole desk in one process: the real ingest, stages and store over a server in memory.

Nothing happens by itself: a test says who takes a step, who is frozen and who dies.  The parts
live and die as processes do: a worker that dies takes nothing with it but itself, ingest dies
with the stage that brings its outcomes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import orjson

from services.bus.errors import Reject
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHMENT, INDEXER, Keys, receipts_stage
from services.bus.publisher import Publisher
from services.bus.stage import Stage
from services.enrichment.pipeline import Enricher
from services.indexer.store.sqlite import SqliteStore
from services.ingest.desk import IngestDesk
from services.ingest.files import Files
from services.ingest.waits import Clock
from tests.chaos.fakes import FakeClient, FakeServer, Fate
from tests.ingest.desk_kit import (
    NAMESPACE,
    Crash,
    CrashAt,
    HandClock,
    assemble,
    make_settings,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from services.bus.keys import StageSpec, Stream
    from services.bus.stage import Handler, Result

RAISES, KILLS, REFUSED = "raises", "kills", "refused"
"""Headlines that begin so: enrichment raises; its process dies; it says no."""

MAX_ATTEMPTS = 4
"""So that poison is through soon, and a message still stands two deaths that aren't its fault."""

SETTINGS = make_settings(Path("unused"))
"""Of an enricher without annotators: nothing in them matters."""

STAGES = {"enrichment": ENRICHMENT, "indexer": INDEXER}


class SetClock(HandClock):
    """A clock by hand that somebody also sets, forward and back: ``set_by`` seconds in all."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by = 0.0

    @property
    def clock(self) -> Clock:
        whole = super().clock
        return Clock(whole.monotonic, lambda: whole.now() + timedelta(seconds=self.set_by))


class QuickFiles(Files):
    """Without fsync: nobody cuts the power here."""

    def sync(self, descriptor: int) -> None:
        assert descriptor >= 0


def enrich(articles: Sequence[RawArticle]) -> Sequence[Result]:
    """Enrichment without annotators, with poison among its articles."""
    headlines = [article.headline or "" for article in articles]
    if any(headline.startswith(KILLS) for headline in headlines):
        raise Crash
    if any(headline.startswith(RAISES) for headline in headlines):
        raise RuntimeError("poisoned on purpose")
    made = Enricher(SETTINGS, annotators=()).enrich(articles)
    return [
        Reject("refused on purpose", "write something else")
        if headline.startswith(REFUSED)
        else article
        for headline, article in zip(headlines, made, strict=True)
    ]


class Worker:
    """One process of a stage. ``work`` is what it has in hand while it is frozen."""

    def __init__(self, desk: SmallDesk, spec: StageSpec, handler: Handler) -> None:
        self.spec = spec
        self.client = FakeClient(desk.server)
        self.name = f"{spec.name}-{next(desk.numbers)}"
        self.stage = Stage(spec, handler, desk.settings, self.client, self.name)  # type: ignore[arg-type]  # stands for a client
        self.key = desk.keys.stream(spec.reads)
        self.server = desk.server
        self.work: asyncio.Task[None] | None = None

    async def deliver(self, count: int, fate: Fate | None = None) -> int:
        """Give it up to ``count`` new messages; returns how many it got."""
        given = self.server.give_new(self.key, self.spec.group, self.name, count)
        await self._handle(given, fate)
        return len(given)

    async def claim(self, entry_id: str, fate: Fate | None = None) -> None:
        """Give it a message that another has left."""
        given = self.server.claim(self.key, self.spec.group, self.name, entry_id)
        await self._handle(given, fate)

    async def wake(self) -> None:
        """Let it go on where it was frozen."""
        assert self.work is not None
        self.client.woken.set()
        await self._until_done()

    async def kill(self) -> None:
        """End it, whatever it does."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.gather(self.work, return_exceptions=True)
            self.work = None

    @property
    def dead(self) -> bool:
        """Whether it has crashed; raises what else has ended it."""
        fatal = self.stage.facts.fatal
        if fatal is not None and not isinstance(fatal, Crash):
            raise AssertionError(f"{self.name} ended") from fatal
        return fatal is not None

    async def _handle(self, given: dict[str, bytes], fate: Fate | None) -> None:
        if not given:
            return
        self.client.meets(fate)
        self.work = asyncio.create_task(self.stage.receive(0, list(given.items()), self.name))
        await self._until_done()

    async def _until_done(self) -> None:
        assert self.work is not None
        frozen = asyncio.create_task(self.client.frozen.wait())
        await asyncio.wait({self.work, frozen}, return_when=asyncio.FIRST_COMPLETED)
        frozen.cancel()
        if self.work.done():
            self.client.meets(None)
            self.work.result()
            self.work = None


@dataclass
class SmallDesk:
    """See the module. Use: ``await open()``, then steps; ``await close()``."""

    folder: Path
    workers_each: int = 2
    server: FakeServer = field(default_factory=FakeServer)
    hand: SetClock = field(default_factory=SetClock)
    keys: Keys = field(default_factory=lambda: Keys("news"))
    workers: dict[str, list[Worker]] = field(default_factory=dict)
    deaths: int = 0
    over: dict[str, Any] = field(default_factory=dict)
    """More settings."""

    def __post_init__(self) -> None:
        self.settings = make_settings(
            self.folder / "inbox", max_attempts=MAX_ATTEMPTS, redrive_interval=30.0, **self.over
        )
        self.settings.inbox.mkdir(parents=True, exist_ok=True)
        self.numbers = iter(range(10**9))

    # --- processes -------------------------------------------------------------------
    async def open(self) -> None:
        """Start every process."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        self.store = SqliteStore(self.settings.store, clock=self.hand.clock.now)
        self.store._db.execute("PRAGMA synchronous = OFF")
        for name, spec in STAGES.items():
            self.workers[name] = [self._worker(spec) for _ in range(self.workers_each)]
        await self.open_ingest()

    def _worker(self, spec: StageSpec) -> Worker:
        handler: Handler = enrich if spec is ENRICHMENT else self.store.file
        return Worker(self, spec, handler)

    async def open_ingest(self) -> None:
        """Start ingest with its stage of outcomes."""
        client = FakeClient(self.server)
        self.publisher_client = client
        publisher = Publisher(self.settings, client)  # type: ignore[arg-type]  # stands for a client
        self.desk = IngestDesk(
            self.settings,
            publisher,
            read,
            assemble,
            clock=self.hand.clock,
            files=QuickFiles,
            # Ties between versions are settled by these: the same in every run.
            new_id=lambda: uuid5(NAMESPACE, f"drop {next(self.numbers)}"),
        )
        assert await self.desk.acquire(asyncio.Event())
        self.desk._owned()._connection.execute("PRAGMA synchronous = OFF")
        publisher.receipts = receipts_stage(self.desk.inbox_id)
        self.receipts = Worker(self, publisher.receipts, self.desk.settle)

    async def kill_ingest(self) -> None:
        """End ingest as it stands, and start another on its folder."""
        await self.receipts.kill()
        self.desk.close()
        self.deaths += 1
        await self.open_ingest()

    async def restart(self, worker: Worker) -> None:
        """End a worker, whatever it does, and start another in its place."""
        await worker.kill()
        self.deaths += 1
        if worker is self.receipts:
            await self.kill_ingest()
            return
        crew = self.workers[worker.spec.name]
        crew[crew.index(worker)] = self._worker(worker.spec)

    async def close(self) -> None:
        """End everything."""
        for worker in self.everyone():
            await worker.kill()
        self.desk.close()
        self.store.close()

    def everyone(self) -> list[Worker]:
        """All processes that read a stream."""
        return [worker for crew in self.workers.values() for worker in crew] + [self.receipts]

    # --- steps -----------------------------------------------------------------------
    async def ingest_step(self, crash_at: int | None = None) -> bool:
        """One round of ingest; it dies before its ``crash_at``-th effect, and starts again."""
        self.desk._next_scan = self.desk._scan_rest = 0.0
        try:
            with CrashAt(crash_at):
                return await self.desk.step()
        except Crash:
            await self.kill_ingest()
            return True

    async def deliver(self, worker: Worker, count: int, fate: Fate | None = None) -> int:
        """New messages for a worker that has nothing in hand."""
        await ensure_groups(worker.client, self.keys, self.receipts.spec)  # type: ignore[arg-type]  # stands for a client
        got = await worker.deliver(count, fate)
        await self._bury_the_dead(worker)
        return got

    async def claim(self, worker: Worker, entry_id: str, fate: Fate | None = None) -> None:
        """A message that another has left, for a worker that has nothing in hand."""
        await worker.claim(entry_id, fate)
        await self._bury_the_dead(worker)

    async def wake(self, worker: Worker) -> None:
        await worker.wake()
        await self._bury_the_dead(worker)

    async def _bury_the_dead(self, worker: Worker) -> None:
        if worker.dead:
            await self.restart(worker)

    def pending(self, worker: Worker) -> list[str]:
        """Messages of the worker's stage that somebody has and has not acknowledged."""
        stream = self.server.stream(worker.key)
        group = stream.groups.get(worker.spec.group)
        return [] if group is None else [one for one in group.pending if one in stream.entries]

    def last_chances(self, spec: StageSpec) -> set[str]:
        """Messages that would become dead letters if their next worker died as well."""
        book = self.server.hash(self.keys.attempts(spec))
        return {entry_id for entry_id, count in book.items() if count >= MAX_ATTEMPTS - 2}

    async def run_until_quiet(self, rounds: int = 30) -> None:
        """Nobody is hurt any more: everybody takes steps until nothing is left to do."""
        for worker in self.everyone():
            if worker.work is not None:
                await self.wake(worker)
        for _ in range(rounds):
            self.hand.advance(self.settings.redrive_interval * 10)
            for _ in range(4):
                await self.ingest_step()
                self.hand.advance(self.settings.settle_time)
            moved = [await self._work_off(place) for place in range(len(self.everyone()))]
            if not any(moved) and not self.desk._taker.flights and not self.files_left():
                return
        raise AssertionError(f"not quiet after {rounds} fair rounds: {self.files_left()}")

    async def _work_off(self, place: int) -> int:
        """All that waits for the process at this place, which may be another after each death."""
        moved = 0
        for _ in range(MAX_ATTEMPTS + 1):
            for entry_id in self.pending(self.everyone()[place]):
                await self.claim(self.everyone()[place], entry_id)
                moved += 1
        return moved + await self.deliver(self.everyone()[place], 100)

    # --- looking --------------------------------------------------------------------
    def files_left(self) -> list[str]:
        """Files in the inbox, hidden ones too."""
        return [path.name for path in self.settings.inbox.iterdir() if path.is_file()]

    def events(self, stream: Stream) -> list[tuple[str, dict[str, Any]]]:
        """Entry id and data of each event of a stream."""
        entries = self.server.stream(self.keys.stream(stream)).entries
        return [(entry_id, orjson.loads(raw)["data"]) for entry_id, raw in entries.items()]
