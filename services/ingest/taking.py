"""Taking files and bringing their articles to the bus, the first time and again."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from services.bus import tracing
from services.effects import effect
from services.ingest.gathering import rejection
from services.ingest.names import shown
from services.ingest.reading import Changed, Reading
from services.ingest.receipts import GONE_NOTES
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    from schemas.article import RawArticle
    from schemas.events import Outcome
    from services.ingest.drops import DropRow, Entry, Gone
    from services.ingest.inbox import Candidate, Inbox
    from services.ingest.journal import Journal
    from services.ingest.reading import FileReader
    from services.ingest.waits import Clock, Waits

log = get_logger("ingest")

BATCH_FILES = 32
"""Files taken together: one commit and one publish for all; few enough that a stop waits little."""

BATCH_CHARS = 16 * 1024 * 1024
"""Characters of text held by one batch of files; about 50 MB of memory at most."""

PUBLISH_ARTICLES = 256
"""Articles handed to the bus in one call: a call's round trip no longer counts."""

MOST_REDRIVE_DOUBLINGS = 3
"""The pause between two redrives of one drop grows to 8 times the setting: after a lost Redis
it is read again soon, and behind a long stop of enrichment the folder isn't read all day."""


class Bus(Protocol):
    """How articles leave ingest; see ``services.bus`` for what stands behind it.

    Publish and report share one mark per (drop, article): whichever came first
    for it counts, the later call adds nothing.  Both raise
    :class:`services.bus.errors.Unavailable` when the server can't take it now;
    a part may have been taken then, and the call is made again.
    """

    async def publish(self, articles: Sequence[RawArticle]) -> None:
        """Put the articles on their way, each once."""

    async def report(self, outcomes: Sequence[Outcome]) -> None:
        """Put outcomes that ingest decided where all outcomes go, from where they come back too."""

    async def room(self) -> bool:
        """Whether more may be published now; false is back-pressure."""


@dataclass(slots=True)
class Flight:
    """A drop on its way: which file it is, and when it is to be sent again (monotonic)."""

    drop_id: UUID
    path: bytes
    redrive_at: float
    attempts: int = 0


@dataclass(slots=True)
class Taker:
    """Takes files, publishes, redrives. Its coroutines never block the loop."""

    journal: Journal
    reader: FileReader
    bus: Bus
    inbox: Inbox
    waits: Waits
    clock: Clock
    redrive_interval: float
    flights: dict[UUID, Flight] = field(default_factory=dict)
    paths: dict[bytes, DropRow] = field(default_factory=dict)

    def load(self) -> None:
        """Take up what an earlier run left: what it may not have published goes first."""
        now = self.clock.monotonic()
        for row in self.journal.in_state("taken", "published", "settled"):
            self._watch(row, now if row.state == "taken" else now + self.redrive_interval)

    def finished(self, rows: Iterable[DropRow]) -> None:
        """Forget drops that are archived."""
        for row in rows:
            self.flights.pop(row.drop_id, None)
            if self.paths.get(row.path, row).drop_id == row.drop_id:
                self.paths.pop(row.path, None)

    def is_new(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` isn't on its way and may be tried now."""
        row = self.paths.get(candidate.path)
        known = row is not None and row.identity.same_file(candidate.identity)
        return not known and self.waits.ready(("file", candidate.path))

    async def take(self, candidates: Sequence[Candidate]) -> int:
        """Take these files, as many as make one batch, and publish what they hold.

        Returns how many of ``candidates``, from the first, were tried.
        """
        readings, tried = await asyncio.to_thread(self._read_batch, candidates)
        if not readings:
            return tried
        await asyncio.to_thread(
            self.journal.take, [(reading.row, reading.entries) for reading in readings]
        )
        for reading in readings:
            # Due at once: if publishing fails below, the next round does it.
            self._watch(reading.row, self.clock.monotonic())
        await self._send_new(readings)
        return tried

    def due(self) -> list[UUID]:
        """Drops to be sent (again) now, longest due first, at most one batch."""
        now = self.clock.monotonic()
        found = [
            flight
            for flight in self.flights.values()
            if flight.redrive_at <= now and self.waits.ready(("file", flight.path))
        ]
        found.sort(key=lambda flight: flight.redrive_at)
        return [flight.drop_id for flight in found[:BATCH_FILES]]

    async def redrive(self, drops: Iterable[UUID]) -> None:
        """Read these drops' files again and publish again what has no outcome yet."""
        for drop_id in drops:
            row = await asyncio.to_thread(self.journal.find, drop_id)
            if row is None or row.state not in {"taken", "published"}:
                self._postpone(drop_id)  # settled: it only waits for its archive
                continue
            reading = await asyncio.to_thread(self._read_again, row)
            if reading is not None:
                await self._send_again(reading)

    # --- reading, in worker threads ---------------------------------------------------
    def _read_batch(self, candidates: Sequence[Candidate]) -> tuple[list[Reading], int]:
        readings: list[Reading] = []
        chars = tried = 0
        for candidate in candidates[:BATCH_FILES]:
            tried += 1
            reading = self._attempt(candidate.path, partial(self._take, candidate))
            if reading is None:
                continue
            self._supersede(candidate.path)
            readings.append(reading)
            chars += sum(len(article.text) for article in (reading.articles or {}).values())
            if chars > BATCH_CHARS:
                break
        return readings, tried

    def _take(self, candidate: Candidate) -> Reading | None:
        try:
            return self.reader.take(candidate, self.journal.allot)
        except Changed as error:
            self.inbox.unsettle(candidate.path, self.clock.monotonic())
            log.info(
                "file.changed",
                file=shown(candidate.path),
                reason=f"the file was {error.how} while it was read; nothing of it was published",
            )
            return None

    def _read_again(self, row: DropRow) -> Reading | None:
        if row.gone is not None:
            return _gone_reading(row)
        reading = self._attempt(row.path, partial(self._again, row))
        if reading is not None and row.state == "taken" and row.attempts == 0:
            self.journal.retake(reading.row, reading.entries)
        return reading

    def _again(self, row: DropRow) -> Reading:
        try:
            return self.reader.again(row)
        except Changed as error:
            return _gone_reading(self._mark_gone(row, error.how))

    def _attempt(self, path: bytes, read: Callable[[], Reading | None]) -> Reading | None:
        try:
            reading = read()
        except (OSError, MemoryError) as error:
            self._wait(path, error)
            return None
        self.waits.succeeded(("file", path))
        return reading

    def _wait(self, path: bytes, error: Exception) -> None:
        key = ("file", path)
        delay = self.waits.failed(key)
        if self.waits.tell(key):
            reason = getattr(error, "strerror", None) or repr(error)
            log.warning("file.waiting", file=shown(path), reason=reason, retry_in_s=delay)

    # --- originals that are gone ---------------------------------------------------------
    def _supersede(self, path: bytes) -> None:
        """Another file stands at the path of a drop on its way: that drop's original is gone."""
        row = self.paths.get(path)
        if row is not None:
            self._mark_gone(row, "replaced")

    def _mark_gone(self, row: DropRow, how: str) -> DropRow:
        gone: Gone = "removed" if how == "removed" else "replaced"
        self.journal.mark_gone(row.drop_id, gone)
        if self.paths.get(row.path, row).drop_id == row.drop_id:
            self.paths.pop(row.path, None)
        log.warning("file.gone", file=row.file, drop_id=str(row.drop_id), reason=GONE_NOTES[gone])
        return replace(row, gone=gone)

    # --- sending -------------------------------------------------------------------------
    async def _send_new(self, readings: Sequence[Reading]) -> None:
        """Publish what was just read and journaled; one call for all that is at hand."""
        articles = [each for reading in readings for each in (reading.articles or {}).values()]
        for start in range(0, len(articles), PUBLISH_ARTICLES):
            await self._publish(articles[start : start + PUBLISH_ARTICLES], readings)
        await self._report([out for reading in readings for out in _rejected(reading.entries)])
        large = [reading for reading in readings if reading.articles is None]
        sent = [reading for reading in readings if reading.articles is not None]
        sent += [reading for reading in large if await self._send_missing(reading)]
        await self._sent(sent)

    async def _send_again(self, reading: Reading) -> None:
        """Publish what has no outcome yet, report what can't be published."""
        if await self._send_missing(reading):
            await self._sent([reading])
            if reading.row.attempts:
                log.info("file.redriven", file=reading.row.file, drop_id=str(reading.row.drop_id))

    async def _send_missing(self, reading: Reading) -> bool:
        row = reading.row
        entries = await asyncio.to_thread(self.journal.entries, row.drop_id)
        waiting = {entry.article_id: entry for entry in entries if entry.outcome is None}
        try:
            with closing(self.reader.articles(reading)) as articles:
                while batch := await asyncio.to_thread(_next_batch, articles):
                    wanted = [each for each in batch if waiting.pop(each.article_id, None)]
                    await self._publish(wanted, [reading])
        except Changed as error:
            # Due at once again, and then what is left of it is reported.
            await asyncio.to_thread(self._mark_gone, row, error.how)
            return False
        except OSError as error:
            self._wait(row.path, error)
            return False
        unreported = await asyncio.to_thread(self.journal.unreported, row.drop_id)
        await self._report([*unreported, *(self._lost(row, entry) for entry in waiting.values())])
        return True

    async def _sent(self, readings: Sequence[Reading]) -> None:
        drops = [reading.row.drop_id for reading in readings]
        await asyncio.to_thread(self.journal.published, drops)
        for drop_id in drops:
            self._postpone(drop_id, sent=True)

    async def _report(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            effect("ingest.bus.report")
            await self.bus.report(outcomes)

    async def _publish(self, articles: Sequence[RawArticle], readings: Sequence[Reading]) -> None:
        if not articles:
            return
        effect("ingest.bus.publish")
        await self.bus.publish(articles)
        took = {each.row.drop_id: each.took_ms / max(1, len(each.entries)) for each in readings}
        for article in articles:
            log.info(
                "article.received",
                article_id=str(article.article_id),
                trace_id=tracing.trace_id(
                    tracing.start_trace(article.drop.drop_id, article.article_id)
                ),
                file=article.drop.file,
                drop_id=str(article.drop.drop_id),
                position=article.drop.position,
                duration_ms=round(took.get(article.drop.drop_id, 0.0), 3),
            )

    def _lost(self, row: DropRow, entry: Entry) -> Outcome:
        """What is reported of an article that can't be had from its file any more.

        If it is on its way, the report adds nothing; its own outcome comes.
        """
        reason = GONE_NOTES[row.gone] if row.gone else "the file, read again, no longer yields it"
        return rejection(
            row.drop(self.journal.inbox_id, entry.position),
            entry.article_id,
            entry.revision,
            reason=reason,
            advice="Drop the file again and leave it in the inbox until its receipt is there.",
            at=self.clock.now(),
            headline=entry.headline,
        )

    # --- what is on its way ------------------------------------------------------------------
    def _watch(self, row: DropRow, redrive_at: float) -> None:
        self.flights[row.drop_id] = Flight(row.drop_id, row.path, redrive_at, row.attempts)
        if row.gone is None:
            self.paths[row.path] = row

    def _postpone(self, drop_id: UUID, *, sent: bool = False) -> None:
        flight = self.flights.get(drop_id)
        if flight is not None:
            doublings = min(flight.attempts, MOST_REDRIVE_DOUBLINGS)
            pause = self.redrive_interval * 2**doublings
            flight.redrive_at = self.clock.monotonic() + pause
            flight.attempts += int(sent)


def _next_batch(articles: Iterator[RawArticle]) -> list[RawArticle]:
    return list(islice(articles, PUBLISH_ARTICLES))


def _gone_reading(row: DropRow) -> Reading:
    """What can still be read of a drop whose original is gone: nothing."""
    return Reading(row, (), {}, 0.0)


def _rejected(entries: Iterable[Entry]) -> list[Outcome]:
    return [each.outcome for each in entries if each.outcome is not None and not each.repeats]
