"""What the tests of the ingest desk share: a bus in memory, a clock by hand, a simple reader.

The reader's format: records are separated by lines of ``---``.  A record's
first line is its headline.  ``bad: …`` is a bad record; ``id: X``, ``version: N``
and ``status: withdrawn`` lines are what the provider says.  A file that starts with
``unreadable`` is.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid5

import services.effects
from schemas.article import Drop, RawArticle, ReaderInfo, Section
from schemas.events import Outcome, Timings
from services.bus.errors import Unavailable
from services.ingest.desk import IngestDesk
from services.ingest.files import Files
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Resume, Source, Unreadable
from services.ingest.receipts import Receipt
from services.ingest.waits import Clock
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

INFO = ReaderInfo(name="simple", version="1", format="text/simple", encoding="utf-8")
NAMESPACE = UUID("00000000-0000-5000-8000-00000000babe")


class HandClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        start = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        return Clock(lambda: self.seconds, lambda: start + timedelta(seconds=self.seconds))


def read(
    source: Source, limits: Limits, resume: Resume | None = None
) -> Iterator[ReadArticle | BadRecord]:
    with source.open() as stream:
        data = stream.read()
    if not data or data.startswith(b"unreadable"):
        raise Unreadable("the file can't be read", "Save it as text.")
    assert limits.article_bytes > 0
    for position, record in enumerate(data.decode("utf-8", "replace").split("\n---\n"), start=1):
        if resume is None or position > resume.position:
            yield _record(position, record)


def _record(position: int, record: str) -> ReadArticle | BadRecord:
    headline, *lines = record.strip().split("\n")
    if headline.startswith("bad:"):
        return BadRecord(position, headline.removeprefix("bad:").strip(), "Mend the record.")
    facts = dict(line.split(": ", 1) for line in lines if ": " in line)
    return ReadArticle(
        position=position,
        headline=headline,
        body=tuple(line for line in lines if ": " not in line),
        info=INFO,
        provider_id=facts.get("id"),
        version=int(facts["version"]) if "version" in facts else None,
        withdrawn=facts.get("status") == "withdrawn",
    )


def assemble(article: ReadArticle, drop: Drop, ingested_at: datetime) -> RawArticle:
    text = "\n\n".join([article.headline or "", *article.body])
    received = round(drop.received_at.timestamp() * 1000)
    return RawArticle(
        drop=drop,
        article_id=uuid5(NAMESPACE, article.provider_id or text),
        revision=received if article.version is None else article.version,
        revision_basis="received" if article.version is None else "version",
        identity_basis="text" if article.provider_id is None else "provider",
        status="withdrawn" if article.withdrawn else "usable",
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        headline=article.headline,
        text=text,
        sections=(Section(role="body", start=0, end=len(text)),),
        reader=article.info,
        ingested_at=ingested_at,
    )


def outcome_for(article: RawArticle, kind: str = "indexed", **over: Any) -> Outcome:
    fields = {
        "drop": article.drop,
        "article_id": article.article_id,
        "revision": article.revision,
        "outcome": kind,
        "headline": article.headline,
        "timings": Timings(
            received_at=article.drop.received_at,
            ingested_at=article.ingested_at,
            filed_at=article.ingested_at,
        ),
    }
    return Outcome.model_validate(fields | over)


@dataclass
class MemoryBus:
    """Keeps the promises of ``Bus`` in memory: once per (drop, article), reports come back.

    It lives on when a desk dies, as the server does.  There is room while fewer than ``backlog``
    wait, if that is set; ``most`` is how many have waited.
    """

    published: list[RawArticle] = field(default_factory=list)
    reported: list[Outcome] = field(default_factory=list)
    calls: int = 0
    has_room: bool = True
    has_bulk_room: bool = True
    down: bool = False
    marks: set[tuple[UUID, UUID]] = field(default_factory=set)
    waiting: list[Outcome] = field(default_factory=list)
    decide: Callable[[RawArticle], Outcome] = outcome_for
    all_published: list[RawArticle] = field(default_factory=list)
    backlog: int | None = None
    most: int = 0

    async def publish(self, articles: Sequence[RawArticle]) -> None:
        self.calls += 1
        self._check()
        for article in articles:
            self.all_published.append(article)
            if self._mark(article):
                self.published.append(article)
                self.waiting.append(self.decide(article))
                self.most = max(self.most, len(self.waiting))

    async def report(self, outcomes: Sequence[Outcome]) -> None:
        self._check()
        for outcome in outcomes:
            if self._mark(outcome):
                self.reported.append(outcome)
                self.waiting.append(outcome)

    async def room(self, *, bulk: bool = False) -> bool:
        self._check()
        if self.backlog is not None and len(self.waiting) >= self.backlog:
            return False
        return self.has_bulk_room if bulk else self.has_room

    def lose_everything(self) -> None:
        """What FLUSHALL does."""
        self.marks.clear()
        self.waiting.clear()

    def deliver(self, desk: IngestDesk) -> int:
        """Hand the outcomes that are ready to the desk, as the outcome stage does."""
        batch = list(self.waiting)
        desk.settle(batch)
        del self.waiting[: len(batch)]
        return len(batch)

    def _check(self) -> None:
        if self.down:
            raise Unavailable("server: connection refused")

    def _mark(self, item: RawArticle | Outcome) -> bool:
        key = (item.drop.drop_id, item.article_id)
        new = key not in self.marks
        self.marks.add(key)
        return new


@dataclass
class Kit:
    """A desk on a folder, with its bus and its clock; ``reopen`` starts another desk on it."""

    settings: Settings
    bus: MemoryBus = field(default_factory=MemoryBus)
    hand: HandClock = field(default_factory=HandClock)
    files: Callable[[bytes], Files] = Files
    read: Any = read
    assemble: Any = assemble
    desk: IngestDesk = field(init=False)

    @property
    def inbox(self) -> Path:
        return self.settings.inbox

    def drop(self, name: str, text: str | bytes = "Ferry delayed\nBy an hour.") -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    async def open(self) -> IngestDesk:
        self.desk = IngestDesk(
            self.settings,
            self.bus,
            self.read,
            self.assemble,
            clock=self.hand.clock,
            files=self._files,
        )
        assert await self.desk.acquire(asyncio.Event())
        # No test here cuts the power; test_files and test_journal hold what is synced.
        self.desk._owned()._connection.execute("PRAGMA synchronous = OFF")
        return self.desk

    def _files(self, root: bytes) -> Files:
        made = self.files(root)
        made.sync = _no_sync  # type: ignore[method-assign]
        return made

    async def reopen(self) -> IngestDesk:
        self.desk.close()
        return await self.open()

    async def steps(self, *, draining: bool = False, limit: int = 50) -> None:
        """Rounds until one finds nothing to do; the clock stands still."""
        self.desk._next_scan = self.desk._scan_rest = 0.0
        for _ in range(limit):
            if not await self.desk.step(draining=draining):
                return
        raise AssertionError(f"still working after {limit} rounds")

    async def take(self) -> None:
        """Let what lies in the inbox stand still, and be taken and published."""
        await self.steps()
        self.hand.advance(self.settings.settle_time)
        await self.steps()

    async def finish(self) -> None:
        """Take, deliver all outcomes, archive."""
        await self.take()
        while self.bus.deliver(self.desk):
            await self.steps()

    def receipts(self) -> list[Receipt]:
        found = [
            path
            for folder in (self.settings.done, self.settings.rejected)
            for path in sorted(folder.rglob("*.receipt.json"))
        ]
        return [Receipt.model_validate_json(path.read_bytes()) for path in found]

    def receipt(self) -> Receipt:
        (only,) = self.receipts()
        return only

    def files_in(self, folder: Path) -> list[str]:
        """Everything below ``folder`` that is no receipt and not the desk's own."""
        return sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
            and not path.name.endswith(".receipt.json")
            and not {"done", "rejected", ".wiredesk"} & set(path.relative_to(folder).parts)
        )


def make_settings(inbox: Path, **over: Any) -> Settings:
    fields = {"inbox": inbox, "settle_time": 2.0, "scan_interval": 1.0, "redrive_interval": 30.0}
    # Outcomes come when a test delivers them: long files are held up where it says so.
    return Settings.model_validate(fields | {"bulk_backlog": 1000} | over)


def _no_sync(descriptor: int) -> None:
    """Stands for ``fsync`` where only the process dies."""
    assert descriptor >= 0


@asynccontextmanager
async def opened(kit: Kit) -> AsyncIterator[Kit]:
    """The kit with its desk open, closed at the end."""
    await kit.open()
    try:
        yield kit
    finally:
        kit.desk.close()


class Crash(BaseException):
    """The process dies here."""


class CrashAt:
    """Stands for the process' effects: raises :class:`Crash` at the ``number``-th, counts all."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.names: list[str] = []

    def note(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.number:
            raise Crash(f"{self.number}: {name}")

    def spared(self, number: int) -> int:
        """As :meth:`services.effects.EffectLog.spared`."""
        left = None if self.number is None else self.number - len(self.names) - 1
        return number if left is None or left < 0 else min(number, left)

    def __enter__(self) -> Self:
        services.effects._active[:] = [self]  # type: ignore[list-item]  # has note()
        return self

    def __exit__(self, *_exc: object) -> None:
        services.effects._active.clear()


def named(logs: Sequence[Mapping[str, Any]], event: str) -> list[Mapping[str, Any]]:
    """The captured log lines of one event."""
    return [line for line in logs if line["event"] == event]
