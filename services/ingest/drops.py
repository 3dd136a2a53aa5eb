"""Drops as ingest knows them: a file that was taken, its records, its place in the archive.

Times are kept as whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from schemas.article import Drop, ReaderInfo

if TYPE_CHECKING:
    from uuid import UUID

    from schemas.events import Outcome
    from services.ingest.files import Identity
    from services.ingest.readers.base import Resume

DropState = Literal["taken", "published", "settled", "archived"]
Gone = Literal["removed", "replaced"]
ArchiveKind = Literal["done", "rejected"]


def to_ms(time: datetime) -> int:
    """Milliseconds since 1970."""
    return round(time.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """The time that many milliseconds after 1970, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a drop is archived: ``kind`` of folder, its absolute path, the path below it."""

    kind: ArchiveKind
    root: bytes
    path: bytes

    @property
    def target(self) -> bytes:
        """The absolute path."""
        return self.root + b"/" + self.path


@dataclass(frozen=True, slots=True)
class DropRow:
    """One drop: a file, or a part of a long one. ``file`` is printable, ``path`` exact.

    The first part stands for the file; ``part_of`` is its id in the others.  A part holds
    what comes after ``start`` up to the record ``stop`` (None: up to the file's end).
    ``more``, of the first part: where the part that hasn't been read yet starts.
    ``revised_at``, of the first part: when an outcome of the archived file was last replaced;
    ``archived_from``: where the file was before, while it moves for that.
    """

    drop_id: UUID
    path: bytes
    file: str
    identity: Identity
    sha256: str
    received_at: datetime
    state: DropState = "taken"
    gone: Gone | None = None
    reader: ReaderInfo | None = None
    attempts: int = 0
    settled_at: datetime | None = None
    place: Place | None = None
    part_of: UUID | None = None
    start: Resume | None = None
    stop: int | None = None
    more: Resume | None = None
    revised_at: datetime | None = None
    archived_from: bytes | None = None

    @property
    def file_id(self) -> UUID:
        """The id of the file's first part."""
        return self.part_of or self.drop_id

    def drop(self, inbox_id: UUID, position: int, locator: str = "") -> Drop:
        """The drop as events carry it, for one record."""
        return Drop(
            drop_id=self.drop_id,
            inbox_id=inbox_id,
            file=self.file,
            content_sha256=self.sha256,
            size=self.identity.size,
            position=position,
            received_at=self.received_at,
            locator=locator or None,
            part_of=self.part_of,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a drop.

    ``outcome`` is set where ingest itself decides: the record is *rejected*, or
    it *repeats* an article that this part holds elsewhere and is not published.
    ``reader``: how it was read, where that isn't how the file's first article was.
    ``source``: the provider, as the ledger counts by it.
    """

    position: int
    article_id: UUID
    revision: int
    headline: str | None
    outcome: Outcome | None = None
    repeats: bool = False
    locator: str | None = None
    reader: ReaderInfo | None = None
    source: str | None = None

    @property
    def own(self) -> str | None:
        """How ingest decided, as the journal has it."""
        if self.outcome is None:
            return None
        return "repeat" if self.repeats else "rejected"
