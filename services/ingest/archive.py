"""Moving a finished file out of the inbox, with its receipt, so that a crash loses nothing.

The steps, each repeatable: the receipt is written under a hidden name; the
file gets its place in the archive (a second name on the same file system, a
verified copy on another); only then does its name in the inbox go; last, the
receipt gets its name.  So a receipt that can be seen is true, and the original
is never touched before its copy is safe.

Each is a generator of steps (``services.ingest.rounds``): it yields the folders whose names must
be on disk before it goes on, and files that are archived together share those syncs.
"""
# ruff: noqa: PTH104, PTH108, PTH123
# pathlib holds no bytes, and names here need not be text.

from __future__ import annotations

import os
import posixpath
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.effects import effect
from services.ingest.drops import Place
from services.ingest.files import CANT_LINK, MISSING, Identity
from services.ingest.names import RECEIPT_SUFFIX, archive_name
from services.ingest.reading import Changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from services.ingest.drops import ArchiveKind, DropRow
    from services.ingest.files import Files
    from services.ingest.rounds import Steps

MOST_NAMES = 1000
"""Names tried for one file before giving up: nobody has that many of one name and drop id."""

_RECEIPT_HEAD = 1024
"""Bytes at the start of a receipt in which its drop's id stands; it may be gigabytes long."""


class Taken(Exception):  # noqa: N818  (named for what is the case)
    """Another file has the place; choose a new one."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The folders for what is finished (absolute). Methods block, and may raise ``OSError``."""

    files: Files
    done: bytes
    rejected: bytes

    def choose(self, row: DropRow, kind: ArchiveKind, start: int = 0) -> Iterator[Place]:
        """Free places for a drop, the best first; sub-folders of the inbox are kept."""
        root = self.done if kind == "done" else self.rejected
        folder, name = posixpath.split(row.path)
        for attempt in range(start, MOST_NAMES):
            path = posixpath.join(folder, archive_name(name, row.drop_id, attempt))
            place = Place(kind, root, path)
            if not (os.path.lexists(place.target) or os.path.lexists(receipt_path(place))):
                yield place

    def store(
        self, row: DropRow, place: Place, receipt: Iterable[bytes], *, begun: bool = True
    ) -> Steps[None]:
        """Move the file to ``place`` and put its receipt beside it.

        May be called again after a crash anywhere in it; ``begun``: whether it may have been
        called before, for this drop and place.  Raises :class:`Changed` when the original isn't
        there any more, :class:`Taken` when another file stands at ``place``.
        """
        self.files.make_folder(posixpath.dirname(place.target))
        if begun:
            self._recover(row)
        placed = begun and self._is_placed(row, place)
        hidden = self._write_receipt(row, place, receipt)
        try:
            if not placed:
                self._place(row, place)
                yield posixpath.dirname(place.target)
            yield from self._remove_original(row, place)
        except (Changed, Taken):
            _discard(hidden)
            raise
        yield from self._show_receipt(hidden, place)

    def store_receipt(self, row: DropRow, place: Place, receipt: Iterable[bytes]) -> Steps[None]:
        """Put only a receipt at ``place``: the original is gone. Raises :class:`Taken`."""
        self.files.make_folder(posixpath.dirname(place.target))
        if os.path.lexists(place.target):
            raise Taken
        yield from self._show_receipt(self._write_receipt(row, place, receipt), place)

    def rewrite_receipt(self, row: DropRow, place: Place, receipt: Iterable[bytes]) -> Steps[None]:
        """Put another receipt in the place of the one that stands at ``place``."""
        self.files.make_folder(posixpath.dirname(place.target))
        hidden = self._write_receipt(row, place, receipt)
        effect("ingest.receipt.replace")
        os.rename(hidden, receipt_path(place))
        yield posixpath.dirname(place.target)

    def move(self, row: DropRow, place: Place, receipt: Iterable[bytes]) -> Steps[None]:
        """Move an archived file from ``row.archived_from`` to ``place``, with another receipt.

        May be called again after a crash anywhere in it: the old name goes only when the new
        one is whole.  Raises :class:`Taken` when another file stands at ``place``.
        """
        self.files.make_folder(posixpath.dirname(place.target))
        old = row.archived_from
        if row.gone is None and old is not None and not self._is_placed(row, place):
            yield from self._place_again(row, place, old)
        yield from self.rewrite_receipt(row, place, receipt)
        if old is not None and _is_receipt_at(old + RECEIPT_SUFFIX, row.drop_id):
            # Only while the receipt beside it is ours: the name may be another drop's by now.
            for path in (old, old + RECEIPT_SUFFIX):
                effect("ingest.archive.forget")
                _discard(path)
            yield posixpath.dirname(old)

    def _place_again(self, row: DropRow, place: Place, old: bytes) -> Steps[None]:
        effect("ingest.archive.move")
        try:
            self.files.link(old, place.target, None)
        except FileNotFoundError:
            return  # somebody took it out of the archive; its receipt is right all the same
        except FileExistsError as error:
            raise Taken from error
        except OSError as error:
            if error.errno not in CANT_LINK:
                raise
            with open(old, "rb") as standing:
                self._copy(row, place, standing.fileno())
        yield posixpath.dirname(place.target)

    def _recover(self, row: DropRow) -> None:
        # Where the folder is gone or can't be entered there is nothing to give back.
        try:
            self.files.recover(row.path, _hidden(row.drop_id, b"original"))
        except OSError as error:
            if error.errno not in MISSING:
                raise

    def _is_placed(self, row: DropRow, place: Place) -> bool:
        """Whether the file already stands at ``place``; raises :class:`Taken` if another does."""
        try:
            descriptor = os.open(place.target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno in MISSING:
                raise Taken from error
            raise
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            if not (regular and self.files.sha256(descriptor) == row.sha256):
                self._take_back(place, self.files.identity(row.path))
                raise Taken
        finally:
            os.close(descriptor)
        return True

    def _place(self, row: DropRow, place: Place) -> None:
        try:
            with self.files.opened(row.path) as descriptor:
                if not self._is_original(row, descriptor):
                    raise Changed("changed")
                try:
                    self._link(row, place)
                except OSError as error:
                    if error.errno not in CANT_LINK:
                        raise
                    self._copy(row, place, descriptor)
        except FileExistsError as error:
            raise Taken from error
        except OSError as error:
            if error.errno in MISSING and self.files.identity(row.path) is None:
                raise Changed("removed") from error
            raise

    def _is_original(self, row: DropRow, descriptor: int) -> bool:
        same = Identity.of(os.fstat(descriptor)).same_file(row.identity)
        return same and self.files.sha256(descriptor) == row.sha256

    def _link(self, row: DropRow, place: Place) -> None:
        self.files.link_out(row.path, place.target)
        linked = os.lstat(place.target)
        if not Identity.of(linked).same_file(row.identity):
            # Another file took the name between our look and the link; it keeps its own name.
            effect("ingest.archive.unlink_target")
            os.unlink(place.target)
            raise Changed("changed")

    def _copy(self, row: DropRow, place: Place, descriptor: int) -> None:
        hidden = _beside(place, row.drop_id, b"copy")
        effect("ingest.archive.copy")
        try:
            copied = self.files.copy(descriptor, hidden)
            if copied == row.sha256:
                effect("ingest.archive.rename")
                self.files.settle_name(hidden, place.target)
                return
        except OSError:
            _discard(hidden)  # on a full disk, half a copy is in the way
            raise
        _discard(hidden)
        raise Changed("changed")

    def _remove_original(self, row: DropRow, place: Place) -> Steps[None]:
        standing = self.files.identity(row.path)
        if standing is None or not standing.same_file(row.identity):
            return  # removed by the run that crashed; what stands there now is somebody's new file
        if not self.files.remove(row.path, _hidden(row.drop_id, b"original"), row.identity):
            # It changed at the last moment: it keeps its name and is a new drop.
            self._take_back(place, standing)
            return
        try:
            yield posixpath.dirname(posixpath.join(self.files.root, row.path))
        except OSError as error:
            if error.errno not in MISSING:
                raise
            # Somebody removed the folder that it has left: no name of it is there.

    def _take_back(self, place: Place, original: Identity | None) -> None:
        """Where the archived name is the same file as ``original``, it changed too: it goes."""
        archived = os.lstat(place.target)
        if original and (archived.st_dev, archived.st_ino) == (original.dev, original.inode):
            effect("ingest.archive.unlink_target")
            os.unlink(place.target)
            raise Changed("changed")

    def _write_receipt(self, row: DropRow, place: Place, receipt: Iterable[bytes]) -> bytes:
        target = receipt_path(place)
        if os.path.lexists(target) and not _is_receipt_at(target, row.drop_id):
            raise Taken
        hidden = _beside(place, row.drop_id, b"receipt")
        effect("ingest.receipt.write")
        try:
            self.files.put(hidden, receipt)
        except OSError:
            _discard(hidden)  # on a full disk, half a receipt is in the way
            raise
        return hidden

    def _show_receipt(self, hidden: bytes, place: Place) -> Steps[None]:
        target = receipt_path(place)
        effect("ingest.receipt.rename")
        if os.path.lexists(target):
            _discard(hidden)  # written before the crash, from the same journal
            return
        os.rename(hidden, target)
        yield posixpath.dirname(target)


def receipt_path(place: Place) -> bytes:
    """Where the receipt of a file archived at ``place`` stands."""
    return place.target + RECEIPT_SUFFIX


def _is_receipt_at(path: bytes, drop_id: UUID) -> bool:
    try:
        with open(path, "rb") as found:
            return str(drop_id).encode() in found.read(_RECEIPT_HEAD)
    except FileNotFoundError:
        return False


def _hidden(drop_id: UUID, what: bytes) -> bytes:
    return b".wiredesk-" + drop_id.hex.encode() + b"." + what


def _beside(place: Place, drop_id: UUID, what: bytes) -> bytes:
    return posixpath.join(posixpath.dirname(place.target), _hidden(drop_id, what))


def _discard(path: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
