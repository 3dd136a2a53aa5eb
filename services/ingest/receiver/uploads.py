"""Taking uploads in: as many at once as there are places, each whole and on disk when answered."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from services import metrics
from services.ingest.receiver.book import KeyUsed, Upload
from services.ingest.receiver.digests import Digests
from services.ingest.receiver.naming import file_name, new_id
from services.ingest.receiver.refused import (
    RETRY_AFTER,
    Refused,
    bad_request,
    too_large,
    unavailable,
)
from services.ingest.receiver.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.ingest.receiver.body import Pieces
    from services.ingest.receiver.book import Book
    from services.ingest.receiver.digests import Declared
    from services.ingest.receiver.finding import Finder
    from services.ingest.receiver.landing import Landing, Part
    from services.settings import Settings

WRITE_BYTES = 1024 * 1024
"""Bytes gathered before they are written: a hop to a thread for each megabyte costs nothing."""

REPEAT_MS = 15 * 60 * 1000
"""Milliseconds in which the same bytes, PUT under the same name, are the same upload once more,
though they have their receipt already: longer than a client goes on trying."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An upload as it was announced. ``length``: bytes of the file, where that was said.

    ``also``: algorithms of digests that follow behind the file, or that the answer needs.
    """

    sender: str
    name: str
    length: int | None = None
    key: str | None = None
    target: str | None = None
    declared: tuple[Declared, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """An upload that is safe. ``repeated``: it was so already."""

    upload: Upload
    digests: Digests
    repeated: bool = False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Seats:
    """Places for uploads. One sender gets half of them, so that none keeps the others out."""

    total: int

    def __post_init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, sender: str) -> Iterator[None]:
        """A place while the context lasts; :class:`Refused` where there is none."""
        full = self._taken.total() >= self.total
        if full or self._taken[sender] >= max(1, (self.total + 1) // 2):
            raise Refused(
                503,
                "busy",
                "too many uploads at once" + ("" if full else " of one sender"),
                RETRY_AFTER,
            )
        self._taken[sender] += 1
        metrics.DROP_OPEN.set(self._taken.total())
        try:
            yield
        finally:
            self._taken[sender] -= 1
            if not self._taken[sender]:
                del self._taken[sender]
            metrics.DROP_OPEN.set(self._taken.total())


@dataclass
class Uploads:
    """Takes uploads in. ``clock`` tells milliseconds since 1970."""

    settings: Settings
    landing: Landing
    book: Book
    finder: Finder
    clock: Callable[[], int] = _now_ms

    def __post_init__(self) -> None:
        self._seats = Seats(self.settings.drop_uploads)
        self._keys: set[tuple[str, str]] = set()

    async def take(self, wanted: Wanted, body: Pieces) -> Taken:
        """Take one in; raises :class:`Refused` and :class:`CutOff`, and nothing is left then."""
        if wanted.length is not None and wanted.length > self.settings.drop_max_bytes:
            raise too_large(self.settings.drop_max_bytes)
        with self._seats.one(wanted.sender), self._alone(wanted):
            known = await in_thread(partial(self._known, wanted))
            if known is not None:
                return await self._once_more(known, wanted, body)
            return await self._receive(wanted, body)

    @contextmanager
    def _alone(self, wanted: Wanted) -> Iterator[None]:
        """Of two uploads with one key the second is to come again when the first is in."""
        if wanted.key is None:
            yield
            return
        key = (wanted.sender, wanted.key)
        if key in self._keys:
            detail = "an upload with this Idempotency-Key is under way; ask again when it has ended"
            raise Refused(409, "conflict", detail, RETRY_AFTER)
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)

    def _known(self, wanted: Wanted) -> Upload | None:
        """What the sender's key stands for, where it was used; raises where none can be taken."""
        self.landing.check(wanted.length or 0)
        return None if wanted.key is None else self.book.by_key(wanted.sender, wanted.key)

    async def _once_more(self, known: Upload, wanted: Wanted, body: Pieces) -> Taken:
        if wanted.length not in {None, known.size}:
            raise _key_reused()
        digests = Digests(list(wanted.declared), wanted.also)
        await self._read(wanted, body, digests, digests.update)
        return await in_thread(partial(self._same, known, digests))

    def _same(self, known: Upload, digests: Digests) -> Taken:
        """The answer that was given before; :class:`Refused` where the bytes are others."""
        if known.sha256 != digests.hex():
            raise _key_reused()
        self.landing.land(known)
        return Taken(known, digests, repeated=True)

    async def _receive(self, wanted: Wanted, body: Pieces) -> Taken:
        digests = Digests(list(wanted.declared), wanted.also)
        part = await in_thread(partial(self.landing.open, new_id()))
        try:
            await self._read(wanted, body, digests, partial(self._write, part, digests))
            return await in_thread(partial(self._finish, part, wanted, digests))
        finally:
            # Here and not in a thread: also when the server is told to end.
            self.landing.close(part)

    async def _read(
        self, wanted: Wanted, body: Pieces, digests: Digests, sink: Callable[[bytes], None]
    ) -> None:
        """Give the body to ``sink`` in large pieces, and hold it against what was said of it."""
        size, gathered = 0, bytearray()
        async for piece in body:
            size += len(piece)
            if size > self.settings.drop_max_bytes:
                raise too_large(self.settings.drop_max_bytes)
            metrics.DROP_BYTES.inc(len(piece))
            gathered += piece
            if len(gathered) >= WRITE_BYTES:
                await in_thread(partial(sink, bytes(gathered)))
                gathered.clear()
        if gathered:
            await in_thread(partial(sink, bytes(gathered)))
        if not size:
            raise bad_request("the file is empty")
        if wanted.length not in {None, size}:
            raise bad_request(f"{wanted.length} bytes were announced, and {size} came")
        digests.check(body.late())

    def _write(self, part: Part, digests: Digests, data: bytes) -> None:
        self.landing.check(len(data))
        digests.update(data)
        self.landing.write(part, data)

    def _finish(self, part: Part, wanted: Wanted, digests: Digests) -> Taken:
        repeated = self._repeated(wanted, digests)
        if repeated is not None:
            return self._same(repeated, digests)
        self.landing.sync(part)
        upload = Upload(
            id=part.id,
            file=file_name(wanted.name, part.id),
            sender=wanted.sender,
            size=digests.size,
            sha256=digests.hex(),
            received_at=self.clock(),
            key=wanted.key,
            target=wanted.target,
        )
        try:
            self.book.add(upload)
        except KeyUsed:
            return self._by_another(wanted, digests)
        part.noted = True
        self.landing.land(upload)
        return Taken(upload, digests)

    def _by_another(self, wanted: Wanted, digests: Digests) -> Taken:
        """Another receiver took an upload with this key in meanwhile."""
        known = None if wanted.key is None else self.book.by_key(wanted.sender, wanted.key)
        if known is None:
            raise unavailable("the upload couldn't be noted; send it again")
        return self._same(known, digests)

    def _repeated(self, wanted: Wanted, digests: Digests) -> Upload | None:
        """What the sender last PUT under this name, where it is the same once more."""
        if wanted.target is None or wanted.key is not None:
            return None
        last = self.book.last_to(wanted.sender, wanted.target)
        if last is None or last.sha256 != digests.hex():
            return None
        in_time = self.clock() - last.received_at < REPEAT_MS
        state = self.finder.standing(last).state
        return (
            last if state in {"received", "in_work"} or (in_time and state == "settled") else None
        )


def _key_reused() -> Refused:
    return Refused(
        422,
        "key-reused",
        "this Idempotency-Key was used for a file with other bytes; take a new one",
    )
