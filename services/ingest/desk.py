"""The ingest desk: a folder in, raw articles and receipts out.

One round after another: archive what is settled, send again what is overdue,
scan, take what stands still.  What can't be done now (disk full, server away,
folder unmounted) waits with growing delays, and the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from services.bus.errors import StopWorking, Unavailable
from services.ingest.archive import Archive
from services.ingest.files import Files, absolute
from services.ingest.filing import Filer, unnoted
from services.ingest.inbox import Candidate, Inbox
from services.ingest.journal import Journal
from services.ingest.limits import limits_of
from services.ingest.lock import FolderLock
from services.ingest.presence import Presence
from services.ingest.reading import AssembleFunction, FileReader, ReadFunction
from services.ingest.standing import Standing, progress_of
from services.ingest.taking import BATCH_FILES, Taker
from services.ingest.waits import Clock, Waits, linger
from services.ingest.watch import Watch
from services.ingest.works import Works
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from schemas.events import Outcome
    from services.bus.vitals import Vitals
    from services.ingest.outlet import Bus
    from services.ingest.receipts import Receipt
    from services.settings import Settings

log = get_logger("ingest")

SCAN_GAP = 0.05
"""Seconds between two scans at least: a burst of events makes one scan, not one each."""

SHORTEST_WAIT = 0.01
"""Seconds: a time that is due "now" must not make the loop spin."""

IN_FLIGHT = 4
"""Times ``bulk_backlog`` that articles of long files may be on their way in all, so that a slow
indexer holds them up too, and not only what comes after them."""

PRUNE_INTERVAL = 24 * 3600.0
"""Seconds between two looks for drops to forget; they are kept for months."""


class IngestDesk:
    """Ingest for one inbox. ``settle`` may be called from any thread, the rest from one loop.

    Use: ``await acquire(stop)`` (then :attr:`inbox_id` is known and ``settle``
    works), ``await run(stop, drain)``, ``close()``.
    """

    def __init__(  # noqa: PLR0913  (each is a part that tests replace)
        self,
        settings: Settings,
        bus: Bus,
        read: ReadFunction,
        assemble: AssembleFunction,
        *,
        clock: Clock | None = None,
        files: Callable[[bytes], Files] = Files,
        new_id: Callable[[], UUID] = uuid4,
        noted: Callable[[Receipt], None] = unnoted,
    ) -> None:
        """``noted`` is told of each receipt, in a thread; it must not block or raise."""
        self._noted = noted
        self._settings = settings
        self._limits = limits_of(settings)
        self._bus = bus
        self._read = read
        self._assemble = assemble
        self._clock = Clock() if clock is None else clock
        self._files = files(absolute(settings.inbox))
        self._new_id = new_id
        self._waits = Waits(self._clock)
        self._lock = FolderLock(settings.state / "ingest.lock")
        self._journal: Journal | None = None
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: deque[Candidate] = deque()
        self._next_scan = self._scan_rest = self._next_prune = 0.0
        self._scan_wanted = False
        self._has_room = True
        self._standing = Standing(settings, self._clock, self._files)

    # --- owning the folder -----------------------------------------------------------
    @property
    def inbox_id(self) -> UUID:
        """The id of the inbox; known once the folder is owned, else raises ``Unavailable``."""
        return self._owned().inbox_id

    async def acquire(self, stop: asyncio.Event) -> bool:
        """Wait until this desk owns the folder; false if ``stop`` was set before.

        Raises :class:`StopWorking` if it never can (journal of a newer version, wrong settings).
        """
        self._loop = asyncio.get_running_loop()
        self._check_settings()
        while self._journal is None and not stop.is_set():
            if not await self._guarded("start", self._try_to_own):
                await self._pause(stop, self._settings.scan_interval)
        self._standing.pulse.rest()
        return self._journal is not None

    def close(self) -> None:
        """Give the folder up. Call when nothing calls ``settle`` any more."""
        journal, self._journal = self._journal, None
        if journal is not None:
            self._taker.works.close()
            journal.close()
        self._lock.release()

    async def _try_to_own(self) -> bool:
        try:
            return await asyncio.to_thread(self._own)
        except OSError as error:
            raise Unavailable(f"{error.strerror}: {self._settings.state}") from error

    def _own(self) -> bool:
        settings = self._settings
        if not self._lock.take():
            if self._waits.tell("standby"):
                log.info("inbox.standby", reason="another ingest owns the inbox; this one waits")
            return False
        path = settings.state / "journal.sqlite3"
        if not path.exists():
            settings.inbox.mkdir(parents=True, exist_ok=True)
        journal = Journal(path, self._clock)
        try:
            self._set_up(journal)
        except BaseException:
            journal.close()
            raise
        self._journal = journal
        log.info("inbox.owned", inbox=str(settings.inbox), inbox_id=str(journal.inbox_id))
        return True

    def _set_up(self, journal: Journal) -> None:
        settings = self._settings
        self._presence = Presence(self._files, journal.inbox_id)
        in_flight = journal.in_state("taken", "published", "settled")
        state = absolute(settings.state)
        inside = state.startswith(self._files.root + b"/")
        # A folder without our marker, and files of it on their way: it isn't mounted.
        if not self._presence.is_claimed() and (inside or not in_flight):
            self._presence.claim()
        archive = Archive(self._files, absolute(settings.done), absolute(settings.rejected))
        skip = frozenset({archive.done, archive.rejected, state})
        self._inbox = Inbox(self._files.root, skip, settings.settle_time)
        self._watch = Watch(self._files.root, skip, self._on_event)
        reader = FileReader(
            self._files,
            journal.inbox_id,
            self._read,
            self._assemble,
            self._limits,
            self._clock,
            self._new_id,
        )
        self._filer = Filer(journal, archive, self._waits, self._noted)
        self._taker = Taker(
            journal,
            reader,
            self._bus,
            self._inbox,
            self._waits,
            self._clock,
            settings.redrive_interval,
            Works(reader, journal.allot, self._clock, settings.reader_processes),
        )
        self._taker.load()

    def _check_settings(self) -> None:
        settings = self._settings
        for name in ("done", "rejected", "state"):
            folder = absolute(getattr(settings, name))
            if folder == self._files.root:
                raise StopWorking(f"the {name} folder is the inbox itself: {settings.inbox}")

    def details(self) -> dict[str, object]:
        """How far each long file is, for the sign of life. May be called from any thread."""
        journal = self._journal
        return {} if journal is None else {"progress": progress_of(self._taker.works, journal)}

    def watched(self, vitals: Vitals) -> None:
        """Let operators ask how the folder and the work on it stand."""
        self._standing.watched(vitals, lambda: self._journal is not None)
        vitals.gauge(self._tell_files)

    def _tell_files(self) -> None:
        if self._journal is not None:
            taken = self._taker.paths.__contains__
            self._standing.tell_files(self._journal, self._inbox, taken)

    # --- outcomes ------------------------------------------------------------------------
    def settle(self, outcomes: Sequence[Outcome]) -> Sequence[None]:
        """Record outcomes in one transaction; those that aren't ours or are known are passed over.

        Raises :class:`Unavailable` when the journal takes no write now, or the
        folder isn't (or no longer) owned: the caller keeps them and comes again.
        """
        if self._owned().settle(outcomes):
            self._wake_up()
        linger(len(outcomes), len(self._taker.flights))
        return [None] * len(outcomes)

    def _owned(self) -> Journal:
        if self._journal is None:
            raise Unavailable("this ingest doesn't own the inbox")
        return self._journal

    def _wake_up(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended; the next run looks by itself
                self._loop.call_soon_threadsafe(self._wake.set)

    # --- working ---------------------------------------------------------------------------
    async def run(self, stop: asyncio.Event, drain: asyncio.Event) -> None:
        """Work until ``stop``; once ``drain`` is set, take no new file and end with the last drop.

        Raises :class:`StopWorking` when it can't go on.
        """
        if not await self.acquire(stop):
            return
        watcher = asyncio.create_task(self._watch.run())
        try:
            while not stop.is_set():
                worked = await self.step(draining=drain.is_set())
                if drain.is_set() and not (self._taker.flights or self._taker.works):
                    return
                if not worked:
                    await self._pause(stop, self._until_next())
        finally:
            self._standing.pulse.rest()
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher

    async def step(self, *, draining: bool = False) -> bool:
        """One round; true if something was done, so that the next is due at once."""
        if not await self._guarded("inbox", self._look):
            return False
        worked = await self._guarded("archive", self._file_settled)
        worked |= await self._guarded("publish", self._redrive)
        if not draining:
            await self._guarded("scan", self._scan)
            worked |= await self._guarded("publish", self._take)
        worked |= await self._guarded("publish", self._read_on)
        await self._guarded("prune", self._prune)
        return worked

    async def _look(self) -> bool:
        if not await asyncio.to_thread(self._presence.there):
            raise Unavailable(f"the inbox is not there (unmounted?): {self._settings.inbox}")
        return True

    async def _file_settled(self) -> bool | None:
        finished = await asyncio.to_thread(self._filer.file_settled)
        self._taker.finished(finished)
        return bool(finished) or None

    async def _redrive(self) -> bool | None:
        due = self._taker.due()
        # Each is read at one go: without a place it would wait for files that wait for it.
        if not due or not self._taker.works.has_place():
            return None
        if not await self._room():
            return False
        await self._taker.redrive(due)
        return True

    async def _take(self) -> bool | None:
        batch: list[Candidate] = []
        while self._ready and len(batch) < BATCH_FILES:
            candidate = self._ready.popleft()
            if self._taker.is_new(candidate):
                batch.append(candidate)
        if not batch:
            return None
        if not await self._room():
            self._ready.extendleft(reversed(batch))
            return False
        tried = await self._taker.take(batch)
        self._ready.extendleft(reversed(batch[tried:]))
        return True

    async def _read_on(self) -> bool | None:
        """Read on in the files that are begun; the long ones only while little is waiting."""
        if not self._taker.works:
            return None
        if not await self._room():
            return False
        return await self._taker.read_on(bulk=await self._bulk_room())

    async def _bulk_room(self) -> bool:
        """Whether little enough of long files is on its way, at enrichment and behind it."""
        most = IN_FLIGHT * self._settings.bulk_backlog
        if await asyncio.to_thread(self._owned().bulk_in_flight) >= most:
            return False
        return await self._bus.room(bulk=True)

    async def _room(self) -> bool:
        has_room = await self._bus.room()
        if has_room != self._has_room:
            self._has_room = has_room
            log.info("inbox.room" if has_room else "inbox.no_room")
        return has_room

    async def _scan(self) -> bool | None:
        now = self._clock.monotonic()
        if now < self._scan_due():
            return None
        self._scan_wanted = False
        try:
            self._ready = deque(await asyncio.to_thread(self._inbox.scan, now))
        except OSError as error:
            raise Unavailable(f"the inbox can't be listed: {error.strerror}") from error
        self._watch.cover(self._inbox.folders)
        ended = self._clock.monotonic()
        # A scan of a huge folder may take long: no more than a fifth of the time is spent on it.
        self._scan_rest = ended + max(SCAN_GAP, 4 * (ended - now))
        ready = self._inbox.next_ready(now)
        by_time = ended + self._settings.scan_interval
        self._next_scan = by_time if ready is None else min(by_time, ready)
        self._waits.keep(self._still_concerns)
        return True

    def _scan_due(self) -> float:
        """When to scan: by time, when a file will have stood still, or at once after an event."""
        return self._scan_rest if self._scan_wanted else max(self._scan_rest, self._next_scan)

    async def _prune(self) -> bool | None:
        if self._clock.monotonic() < self._next_prune:
            return None
        self._next_prune = self._clock.monotonic() + PRUNE_INTERVAL
        return bool(await asyncio.to_thread(self._owned().prune))

    def _still_concerns(self, key: object) -> bool:
        match key:
            case ("file", bytes(path)):
                return self._inbox.holds(path) or path in self._taker.paths
            case ("archive", UUID() as drop_id):
                return drop_id in self._taker.flights
        return True

    # --- waiting ---------------------------------------------------------------------------
    async def _guarded(self, key: str, work: Callable[[], Awaitable[bool | None]]) -> bool:
        """Do ``work``, or leave it for later while something outside is missing for it.

        ``work`` returns None when there was nothing to do, which proves nothing about what
        was missing.
        """
        self._standing.pulse.beat()
        if not self._waits.ready(key):
            return False
        try:
            worked = await work()
        except Unavailable as error:
            self._standing.failed(key, str(error))
            delay = self._waits.failed(key)
            if self._waits.tell(key):
                log.warning("inbox.waiting", what=key, reason=str(error), retry_in_s=delay)
            return False
        if worked is not None and self._waits.succeeded(key):
            self._standing.resumed(key)
            log.info("inbox.resumed", what=key)
        return bool(worked)

    def _on_event(self) -> None:
        self._scan_wanted = True
        self._wake.set()

    def _until_next(self) -> float:
        now = self._clock.monotonic()
        times = [self._scan_due(), self._waits.next_ready()]
        due = min(time for time in times if time is not None)
        return max(SHORTEST_WAIT, min(due - now, self._settings.scan_interval))

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """Until woken, stopped, or ``seconds`` have passed."""
        waiting = {asyncio.ensure_future(event.wait()) for event in (stop, self._wake)}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        self._wake.clear()
