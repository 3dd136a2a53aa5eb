"""How an upload gets into the inbox: written under a hidden name, synced, noted, renamed.

The order makes every crash harmless.  Until the upload is in the book, its hidden file is
rubbish, and the next sweep removes it; from then on it is whole and on disk, and the next sweep
gives it its name.  Ingest never takes a hidden name, and a rename is one step.

A hidden file in work is locked (``flock``), so that a receiver that starts beside another leaves
the other's alone.  Everything here blocks.
"""
# ruff: noqa: PTH208
# pathlib holds no bytes, and names in an inbox need not be text.

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.effects import effect
from services.ingest.files import MISSING, Files, exists_in
from services.ingest.presence import Presence, inbox_id_of
from services.ingest.receiver.refused import no_space, unavailable
from services.ingest.receiver.threads import refused_for
from services.observability import get_logger

if TYPE_CHECKING:
    from services.ingest.receiver.book import Book, Upload

log = get_logger(__name__)

RESERVE = 64 * 1024 * 1024
"""Bytes of the disk that uploads leave: journal, receipts and an embedded server need some."""

_PART = re.compile(rb"\.wiredesk-drop-([a-z2-7]{20})\.part")

AWAY = "the inbox is not there (not mounted, or no ingest has begun to watch it yet)"


@dataclass
class Part:
    """An upload on its way, under its hidden name. ``noted``: it is in the book."""

    id: str
    descriptor: int
    noted: bool = False


@dataclass
class Landing:
    """The inbox, as the receiver puts files into it."""

    files: Files
    _presence: Presence | None = None
    _open: set[str] = field(default_factory=set)

    def there(self) -> bool:
        """Whether the inbox is there: a folder that an ingest has marked as its own."""
        if self._presence is None:
            inbox_id = inbox_id_of(self.files.root)
            if inbox_id is None:
                return False
            self._presence = Presence(self.files, inbox_id)
        return self._presence.there()

    def check(self, size: int) -> None:
        """:class:`Refused` where a file of ``size`` bytes can't be taken now."""
        if not self.there():
            raise unavailable(AWAY)
        try:
            disk = os.statvfs(self.files.root)
        except OSError as error:
            raise refused_for(error) from error
        if disk.f_bavail * disk.f_frsize < size + RESERVE:
            raise no_space()

    def open(self, upload_id: str) -> Part:
        """Begin an upload; raises ``OSError``."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._open.add(upload_id)
        try:
            with self.files.parent(b"") as folder:
                effect("receiver.part.open")
                descriptor = os.open(_part(upload_id), flags, 0o644, dir_fd=folder)
        except BaseException:
            self._open.discard(upload_id)
            raise
        part = Part(upload_id, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close(part)
            raise
        return part

    def write(self, part: Part, data: bytes) -> None:
        """Write more of an upload; raises ``OSError``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.files.write(part.descriptor, rest) :]

    def sync(self, part: Part) -> None:
        """Have all of an upload on disk; raises ``OSError``."""
        effect("receiver.part.sync")
        if os.fstat(part.descriptor).st_nlink == 0:
            raise OSError(errno.ESTALE, "the hidden file was removed while it was written")
        self.files.sync(part.descriptor)
        with self.files.parent(b"") as folder:
            self.files.sync(folder)

    def land(self, upload: Upload) -> None:
        """Give an upload that is in the book its name in the inbox, on disk on return.

        Nothing happens where it has it already.  Raises ``OSError``.
        """
        with self.files.parent(b"") as folder:
            hidden = _part(upload.id)
            if not exists_in(folder, hidden):
                return
            effect("receiver.land.rename")
            os.rename(hidden, upload.file.encode(), src_dir_fd=folder, dst_dir_fd=folder)
            effect("receiver.land.sync")
            self.files.sync(folder)

    def close(self, part: Part) -> None:
        """Let go of an upload: where it wasn't noted, its hidden file goes.

        One that was noted has landed, or lands with a later sweep.
        """
        try:
            if not part.noted:
                with suppress(OSError), self.files.parent(b"") as folder:
                    effect("receiver.part.remove")
                    os.unlink(_part(part.id), dir_fd=folder)
        finally:
            self._open.discard(part.id)
            os.close(part.descriptor)

    def sweep(self, book: Book) -> None:
        """See to what crashes left: land what is in the book, remove the rest.

        Raises ``OSError`` and ``Unavailable``.
        """
        with self.files.parent(b"") as folder:
            for name in os.listdir(folder):
                found = _PART.fullmatch(os.fsencode(name))
                if found is not None and found[1].decode() not in self._open:
                    self._see_to(found[1].decode(), book, folder)

    def _see_to(self, upload_id: str, book: Book, folder: int) -> None:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(_part(upload_id), flags, dir_fd=folder)
        except OSError as error:
            if error.errno in MISSING:
                return
            raise
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            upload = book.find(upload_id)
            if upload is None:
                effect("receiver.part.remove")
                with suppress(FileNotFoundError):
                    os.unlink(_part(upload_id), dir_fd=folder)
                log.info("drop.swept", upload=upload_id)
            else:
                self.land(upload)
                log.info("drop.landed_late", file=upload.file, upload=upload_id)
        except BlockingIOError:
            return  # another receiver is at work on it
        finally:
            os.close(descriptor)


def _part(upload_id: str) -> bytes:
    return b".wiredesk-drop-" + upload_id.encode("ascii") + b".part"
