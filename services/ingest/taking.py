"""Taking files and bringing their articles to the bus, the first time and again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.bus import tracing
from services.effects import effect
from services.ingest.gathering import count, rejection
from services.ingest.names import shown
from services.ingest.parts import PART_RECORDS
from services.ingest.reading import LEFT_ADVICE, Changed, Reading
from services.ingest.receipts import GONE_NOTES
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from schemas.article import RawArticle
    from schemas.events import Outcome
    from services.ingest.drops import DropRow, Entry, Gone
    from services.ingest.inbox import Candidate, Inbox
    from services.ingest.journal import Journal
    from services.ingest.outlet import Bus
    from services.ingest.parts import FileInWork
    from services.ingest.reading import FileReader
    from services.ingest.waits import Clock, Waits
    from services.ingest.works import Works

log = get_logger("ingest")

BATCH_FILES = 32
"""Files taken together: one commit and one publish for all; few enough that a stop waits little."""

BATCH_CHARS = 16 * 1024 * 1024
"""Characters of text held by one batch of files; about 50 MB of memory at most."""

BATCH_SECONDS = 1.0
"""Seconds after which a batch is published, however few files it has."""

SLICE_SECONDS = 0.25
"""Seconds that one file is waited for; what it has not given by then it gives in a later turn,
and its reading process works on meanwhile."""

PUBLISH_ARTICLES = 256
"""Articles published between two questions for room, and handed to the bus in one call: the
backlog is passed by no more than these, and a call's round trip no longer counts."""

PUBLISH_PARTS = PUBLISH_ARTICLES // PART_RECORDS
"""Parts of files that are no more than one call."""

MOST_REDRIVE_DOUBLINGS = 3
"""The pause between two redrives of one drop grows to 8 times the setting: after a lost Redis
it is read again soon, and behind a long stop of enrichment the folder isn't read all day."""


@dataclass(slots=True)
class Flight:
    """A drop on its way: which file it is, and when it is to be sent again (monotonic)."""

    drop_id: UUID
    file_id: UUID
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
    works: Works
    flights: dict[UUID, Flight] = field(default_factory=dict)
    paths: dict[bytes, DropRow] = field(default_factory=dict)
    _unnoted: list[Reading] = field(default_factory=list)

    def load(self) -> None:
        """Take up what an earlier run left: what it may not have published goes first."""
        now = self.clock.monotonic()
        for row in self.journal.in_state("taken", "published", "settled"):
            if row.part_of is None or row.state != "settled":
                self._watch(row, now if row.state == "taken" else now + self.redrive_interval)
            if row.more is not None:
                self.works.rest[row.path] = row

    def finished(self, rows: Iterable[DropRow]) -> None:
        """Forget files that are archived."""
        for row in rows:
            self.flights.pop(row.drop_id, None)
            if row.stop is not None:
                self.flights = {
                    key: each for key, each in self.flights.items() if each.file_id != row.drop_id
                }
            if self.paths.get(row.path, row).drop_id == row.drop_id:
                self.paths.pop(row.path, None)

    def is_new(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` isn't on its way and may be tried now."""
        row = self.paths.get(candidate.path)
        if row is not None and not row.identity.same_file(candidate.identity):
            # Another file stands there; the work on the old one finds out by itself.
            return candidate.path not in self.works.open and self._may_try(candidate.path)
        known = row is not None or self.works.holds(candidate.path)
        return not known and self._may_try(candidate.path)

    def _may_try(self, path: bytes) -> bool:
        return self.waits.ready(("file", path))

    async def take(self, candidates: Sequence[Candidate]) -> int:
        """Take these files, as many as make one batch, and publish what they hold.

        Returns how many of ``candidates``, from the first, were tried.
        """
        if self._unnoted:  # as much as one call
            await self._begin([])
            return 0
        readings, tried = await asyncio.to_thread(self._read_batch, candidates)
        await self._begin(readings)
        return tried

    async def read_on(self, *, bulk: bool) -> bool:
        """Give each file that is being read its turn, and publish what came of it.

        ``bulk``: whether there is room for long files.  False if none had a turn.
        """
        if self._unnoted:  # as much as one call
            await self._begin([])
            return True
        if bulk:
            self.works.reopen(self._may_try)
        works = self.works.turn(bulk=bulk)[:PUBLISH_PARTS]
        if works:
            await self._begin(await asyncio.to_thread(self._turns, works))
        return bool(works)

    async def _begin(self, readings: Sequence[Reading]) -> None:
        """Journal and publish what was read for the first time, and what the journal lacks."""
        # Kept until the journal has them: a file is not read a second time for a full disk.
        self._unnoted += readings
        if not self._unnoted:
            return
        await asyncio.to_thread(
            self.journal.take, [(reading.row, reading.entries) for reading in self._unnoted]
        )
        filled = [reading for reading in self._unnoted if reading.entries]
        self._unnoted.clear()
        count(entry for reading in filled for entry in reading.entries)
        for reading in filled:
            # Due at once: if publishing fails below, the next round does it.
            self._watch(reading.row, self.clock.monotonic())
        await self._send_new(filled)

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
        """Read these drops' files again and publish again what has no outcome yet.

        Ends where there is no more room: what is left stays due.
        """
        for sent, drop_id in enumerate(drops):
            if sent >= PUBLISH_PARTS and not await self.bus.room():
                return
            row = await asyncio.to_thread(self.journal.find, drop_id)
            if row is None or row.state not in {"taken", "published"}:
                self._rest(drop_id, row)
                continue
            reading = await asyncio.to_thread(self._read_again, row)
            if reading is not None:
                await self._send_again(reading)

    # --- reading, in worker threads ---------------------------------------------------
    def _read_batch(self, candidates: Sequence[Candidate]) -> tuple[list[Reading], int]:
        readings: list[Reading] = []
        chars = articles = tried = 0
        until = self.clock.monotonic() + BATCH_SECONDS
        for candidate in candidates[:BATCH_FILES]:
            # One file gives a part at most; what doesn't fit into this call waits for the next.
            if not self.works.has_place() or articles + PART_RECORDS > PUBLISH_ARTICLES:
                break
            tried += 1
            if not self.is_new(candidate):  # noted meanwhile
                continue
            reading = self._turn(self.works.begin(candidate))
            if reading is not None:
                readings.append(reading)
                articles += len(reading.articles)
                chars += sum(len(article.text) for article in reading.articles.values())
            if chars > BATCH_CHARS or self.clock.monotonic() > until:
                break
        return readings, tried

    def _turns(self, works: Sequence[FileInWork]) -> list[Reading]:
        return [reading for work in works if (reading := self._turn(work)) is not None]

    def _turn(self, work: FileInWork) -> Reading | None:
        """What ``work`` gives in its slice of time, if anything; its place is seen to."""
        row = work.row
        is_first = row.stop is None
        try:
            reading = work.advance(self.clock.monotonic() + SLICE_SECONDS)
        except Changed as error:
            self.works.forget(row.path)
            return self._changed(work, error)
        except (OSError, MemoryError) as error:
            self._wait(row.path, error)
            self.works.put_aside(work)
            return None
        self.works.had_turn(work)
        if reading is None:
            return None
        self.waits.succeeded(("file", row.path))
        if is_first:
            self._supersede(row.path)
        return reading

    def _changed(self, work: FileInWork, error: Changed) -> Reading | None:
        row = work.row
        if row.stop is None:
            self.inbox.unsettle(row.path, self.clock.monotonic())
            log.info(
                "file.changed",
                file=row.file,
                reason=f"the file was {error.how} while it was read; nothing of it was published",
            )
            return None
        last = work.broken_off(f"the file was {error.how} meanwhile")
        self._mark_gone(row, error.how)
        return last

    def _read_again(self, row: DropRow) -> Reading | None:
        if row.gone is not None:
            return _gone_reading(row)
        try:
            reading = self._again(row)
        except (OSError, MemoryError) as error:
            self._wait(row.path, error)
            return None
        self.waits.succeeded(("file", row.path))
        # Of a file that is gone nothing is read, and what was noted of it may have been published:
        # the answer to that may have been lost, and the file taken away before the next try.
        if reading.row.gone is None and row.state == "taken" and row.attempts == 0:
            self.journal.retake(reading.row, reading.entries)
        return reading

    def _again(self, row: DropRow) -> Reading:
        try:
            return self.reader.again(row)
        except Changed as error:
            return _gone_reading(self._mark_gone(row, error.how))

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
        self.journal.mark_gone(row.file_id, gone)
        self.works.rest.pop(row.path, None)
        if self.paths.get(row.path, row).drop_id == row.file_id:
            self.paths.pop(row.path, None)
        log.warning("file.gone", file=row.file, drop_id=str(row.drop_id), reason=GONE_NOTES[gone])
        return replace(row, gone=gone)

    # --- sending -------------------------------------------------------------------------
    async def _send_new(self, readings: Sequence[Reading]) -> None:
        """Publish what was just read and journaled; one call for all that is at hand."""
        articles = [each for reading in readings for each in reading.articles.values()]
        await self._publish(articles, readings)
        await self._report([out for reading in readings for out in _rejected(reading.entries)])
        await self._sent(readings)

    async def _send_again(self, reading: Reading) -> None:
        """Publish what has no outcome yet, report what can't be published."""
        row = reading.row
        entries = await asyncio.to_thread(self.journal.entries, row.drop_id)
        waiting = {entry.article_id: entry for entry in entries if entry.outcome is None}
        articles = reading.articles.values()
        wanted = [each for each in articles if waiting.pop(each.article_id, None)]
        await self._publish(wanted, [reading])
        unreported = await asyncio.to_thread(self.journal.unreported, row.drop_id)
        await self._report([*unreported, *(self._lost(row, entry) for entry in waiting.values())])
        await self._sent([reading])
        if row.attempts:
            log.info("file.redriven", file=row.file, drop_id=str(row.drop_id))

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
        for start in range(0, len(articles), PUBLISH_ARTICLES):
            effect("ingest.bus.publish")
            await self.bus.publish(articles[start : start + PUBLISH_ARTICLES])
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
        lost = rejection(
            row.drop(self.journal.inbox_id, entry.position, entry.locator or ""),
            entry.article_id,
            entry.revision,
            reason=reason,
            advice=LEFT_ADVICE,
            at=self.clock.now(),
            headline=entry.headline,
        )
        return lost.model_copy(update={"source": entry.source})

    # --- what is on its way ------------------------------------------------------------------
    def _watch(self, row: DropRow, redrive_at: float) -> None:
        flight = Flight(row.drop_id, row.file_id, row.path, redrive_at, row.attempts)
        self.flights[row.drop_id] = flight
        if row.gone is None and row.part_of is None:
            self.paths[row.path] = row

    def _rest(self, drop_id: UUID, row: DropRow | None) -> None:
        """Nothing is left to send of this drop: a file waits for its archive, a part is over."""
        if row is not None and row.part_of is not None:
            self.flights.pop(drop_id, None)
        else:
            self._postpone(drop_id)

    def _postpone(self, drop_id: UUID, *, sent: bool = False) -> None:
        flight = self.flights.get(drop_id)
        if flight is not None:
            doublings = min(flight.attempts, MOST_REDRIVE_DOUBLINGS)
            pause = self.redrive_interval * 2**doublings
            flight.redrive_at = self.clock.monotonic() + pause
            flight.attempts += int(sent)


def _gone_reading(row: DropRow) -> Reading:
    """What can still be read of a drop whose original is gone: nothing."""
    return Reading(row, (), {}, 0.0)


def _rejected(entries: Iterable[Entry]) -> list[Outcome]:
    return [each.outcome for each in entries if each.outcome is not None and not each.repeats]
