"""Zip archives, read by their directory, one entry at a time.

``zipfile`` holds an object for each entry (0.7 KB: 700 MB for a million) and unpacks
without a limit; here memory doesn't grow with the number of entries, and reading goes on at
any of them.
"""

from __future__ import annotations

import io
import stat
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from services.ingest.readers.archives.members import ArchiveReader, Mark, Member
from services.ingest.readers.archives.streams import Window, cut_off
from services.ingest.readers.base import MIB, Budget, Source, Unreadable
from services.ingest.readers.unpacking import BZIP2, DEFLATE, XZ, ZSTD, Packing, Unpacked, buffered

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MAX_SPOOLED: Final = 64 * MIB
"""Bytes of a zip archive within another file, which is held in memory: its directory is at its
end. With four layers of them still half of what a reading process may take."""

OFFICE_ENTRIES: Final = 200
"""Entries looked at to tell an Office document: what names its kind comes among the first ten."""

# PKWARE's APPNOTE 6.3.10: local header (4.3.7), directory entry (4.3.12), end of the directory
# (4.3.16), its zip64 form (4.3.14) and the pointer to that (4.3.15).
_LOCAL: Final = struct.Struct("<4s22xHH")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_POINTER64: Final = struct.Struct("<4sLQL")
_MAX_COMMENT: Final = 0xFFFF
_FULL16: Final = 0xFFFF
_FULL32: Final = 0xFFFFFFFF
_ZIP64_FIELDS: Final = 1

_ENCRYPTED: Final = 0x0001
_UTF8: Final = 0x0800
_MADE_ON_UNIX: Final = (3, 19)  # APPNOTE 4.4.2: Unix, macOS

_STORED: Final = 0
_PACKINGS: Final[dict[int, Packing]] = {8: DEFLATE, 12: BZIP2, 93: ZSTD, 95: XZ}
_OTHER_METHODS: Final = {1: "Shrink", 6: "Implode", 9: "Deflate64", 14: "LZMA", 98: "PPMd"}

_DOCUMENTS: Final = (
    (b"word/", "a Word document (.docx)"),
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"ppt/", "a PowerPoint presentation (.pptx)"),
)
_MIMETYPES: Final = (
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument.text", "an OpenDocument text (.odt)"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
)


class _Entry(NamedTuple):
    """One entry of the directory, as ``_ENTRY`` has it."""

    signature: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    name_bytes: int
    extra_bytes: int
    comment_bytes: int
    disk: int
    internal: int
    external: int
    offset: int


class ZipReader(ArchiveReader):
    """Reads the files of a zip archive."""

    name = "zip"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts a zip archive (also an empty one, or the last of several)."""
        return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04"))

    def members(self, source: Source, mark: Mark) -> Generator[Member]:
        """Yield the entries from ``mark`` on, whose offset is that in the directory."""
        with source.open() as stream:
            archive = _Archive(_seekable(stream), source.budget)
            if mark.offset == 0:
                archive.refuse_office()
            yield from archive.members(mark.offset)


class _Archive:
    """An open zip archive; all reading goes through one stream, and goes to its place first."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._size = stream.seek(0, io.SEEK_END)
        self._directory, self._end, self._shift = self._find_directory()

    def read_at(self, at: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``at`` on; none outside the archive."""
        if not 0 <= at < self._size:
            return b""  # no seek can go as far as a header can say
        self._stream.seek(at)
        return self._stream.read(size)

    def members(self, offset: int) -> Iterator[Member]:
        """The members from ``offset`` (bytes in the directory) on."""
        packed = 0
        for at, after, entry, raw in self._entries():
            packed += entry.packed
            if at < offset:  # counted all the same: a bomb is one, wherever reading goes on
                continue
            if packed > self._size:
                raise Unreadable(
                    "the files in the archive overlap: a bomb",
                    "It was made to deceive: don't unpack it.",
                )
            yield self._member(at, after, entry, raw)

    def refuse_office(self) -> None:
        """Raise :class:`Unreadable` where this is a document that only happens to be a zip."""
        names = []
        for entry, name in self._first_entries():
            names.append(name)
            if name == b"mimetype" and entry.method == _STORED:
                self._refuse_mimetype(entry)
        if b"[Content_Types].xml" in names:
            kinds = (what for start, what in _DOCUMENTS if any(n.startswith(start) for n in names))
            raise _is_document(next(kinds, "an Office document"))

    def _first_entries(self) -> Iterator[tuple[_Entry, bytes]]:
        entries = self._entries()
        try:
            for (_, _, entry, raw), _ in zip(entries, range(OFFICE_ENTRIES), strict=False):
                yield entry, raw[: entry.name_bytes]
        except Unreadable:
            return  # it will be told when reading gets there

    def _refuse_mimetype(self, entry: _Entry) -> None:
        try:
            kind = self._content(entry).read(100)
        except Unreadable:
            return  # it will be told as the member that it is
        for start, what in _MIMETYPES:
            if kind.startswith(start):
                raise _is_document(what)

    def _find_directory(self) -> tuple[int, int, int]:
        """Where the directory starts and ends, and by how much all offsets are shifted."""
        tail_at = max(0, self._size - _END.size - _MAX_COMMENT)
        tail = self.read_at(tail_at, _END.size + _MAX_COMMENT)
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or found + _END.size > len(tail):
            raise Unreadable(
                "the zip archive has no directory at its end: it ends too early",
                "It was cut off: copy the file again, whole.",
            )
        _, disk, _, _, count, size, offset, _ = _END.unpack_from(tail, found)
        end = tail_at + found
        if _FULL16 in (disk, count) or _FULL32 in (size, offset):
            end, disk, size, offset = self._zip64(end, (disk, size, offset))
        start = end - size
        if disk not in (0, _FULL16):
            raise Unreadable("one part of an archive in several", "Put it together again first.")
        if start < offset:
            raise Unreadable(
                f"the zip archive's directory is damaged: {size} bytes at {offset} of {end}",
                "Copy the file again, or make the archive anew.",
            )
        return start, end, start - offset

    def _zip64(self, end: int, narrow: tuple[int, int, int]) -> tuple[int, int, int, int]:
        """End, disk, size and offset of the directory, by its zip64 form if it has one."""
        pointer = self.read_at(max(0, end - _POINTER64.size), _POINTER64.size)
        if len(pointer) < _POINTER64.size or not pointer.startswith(b"PK\x06\x07"):
            return end, *narrow
        # Directly before the pointer; where it points to is wrong if something was put in front.
        at = end - _POINTER64.size - _END64.size
        record = self.read_at(max(0, at), _END64.size)
        if len(record) < _END64.size or not record.startswith(b"PK\x06\x06"):
            raise Unreadable(
                "the zip64 archive's directory is damaged", "Copy the file again, or make it anew."
            )
        _, _, _, _, disk, _, _, _, size, offset = _END64.unpack(record)
        return at, disk, size, offset

    def _entries(self) -> Iterator[tuple[int, int, _Entry, bytes]]:
        """Every entry: its offset, the next one's, its fields, and the bytes behind them."""
        at = 0
        while self._directory + at < self._end:
            fixed = self.read_at(self._directory + at, _ENTRY.size)
            if len(fixed) < _ENTRY.size or not fixed.startswith(b"PK\x01\x02"):
                raise Unreadable(
                    f"the zip archive's directory is damaged at byte {self._directory + at}",
                    "Copy the file again, or make the archive anew.",
                )
            entry = _Entry(*_ENTRY.unpack(fixed))
            raw = self._stream.read(entry.name_bytes + entry.extra_bytes)
            after = at + _ENTRY.size + len(raw) + entry.comment_bytes
            yield at, after, _with_zip64(entry, raw[entry.name_bytes :]), raw
            at = after

    def _member(self, at: int, after: int, entry: _Entry, raw: bytes) -> Member:
        name = _name(raw[: entry.name_bytes], entry.flags)
        return Member(
            name,
            at,
            after,
            entry.size,
            lambda: self._content(entry),
            _problem(entry),
            is_folder=name.endswith(b"/"),
        )

    def _content(self, entry: _Entry) -> BinaryIO:
        at = entry.offset + self._shift
        header = self.read_at(at, _LOCAL.size)
        if len(header) < _LOCAL.size:
            raise cut_off(at)
        signature, name_bytes, extra_bytes = _LOCAL.unpack(header)
        if signature != b"PK\x03\x04":
            raise Unreadable(
                f"it is not where the archive's directory says, at byte {at}",
                "Copy the file again, or make the archive anew.",
            )
        window = Window(self.read_at, at + _LOCAL.size + name_bytes + extra_bytes, entry.packed)
        packing = _PACKINGS.get(entry.method)
        if packing is None:
            return buffered(_Checked(window, entry, self._budget))
        inner = Unpacked(buffered(window), packing, self._budget, single=True)
        return buffered(_Checked(inner, entry, None))


class _Checked(io.RawIOBase):
    """A member's bytes, of which size and checksum must be as the directory says."""

    def __init__(self, raw: io.RawIOBase, entry: _Entry, budget: Budget | None) -> None:
        super().__init__()
        self._raw = raw
        self._left = entry.size
        self._wanted = entry.crc
        self._crc = 0
        self._budget = budget

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # never None: blocking
        read = self._raw.readinto(buffer) or 0
        self._left -= read
        self._crc = zlib.crc32(buffer[:read], self._crc)
        if self._budget is not None:
            self._budget.spend(read)
        if self._left < 0 or (read == 0 and self._left > 0):
            more = "more" if self._left < 0 else "less"
            raise _deceptive(f"it unpacks to {more} bytes than the archive's directory says")
        if read == 0 and len(buffer) and self._crc != self._wanted:
            raise _deceptive("its checksum is not the one in the archive's directory")
        return read


def _deceptive(reason: str) -> Unreadable:
    return Unreadable(reason, "It is damaged or made to deceive: make the archive anew.")


def _with_zip64(entry: _Entry, extra: bytes) -> _Entry:
    """``entry`` with the sizes and the offset that didn't fit into 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64_FIELDS:
            field = extra[at + 4 : at + 4 + size]
            wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            # In this order, and each only where it is needed.
            full, packed, offset = (
                next(wide, narrow) if narrow == _FULL32 else narrow
                for narrow in (entry.size, entry.packed, entry.offset)
            )
            return entry._replace(size=full, packed=packed, offset=offset)
        at += 4 + size
    return entry


def _name(raw: bytes, flags: int) -> bytes:
    """The name in UTF-8: as flagged, or as macOS writes it unflagged; else in DOS's code page."""
    name = raw.replace(b"\\", b"/") if b"/" not in raw else raw
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return name if flags & _UTF8 else name.decode("cp437").encode()
    return name


def _problem(entry: _Entry) -> tuple[str, str] | None:
    """Why a member can't be read, and what to do."""
    if entry.made_by >> 8 in _MADE_ON_UNIX and stat.S_ISLNK(entry.external >> 16):
        return "links inside archives are not followed", "Put the file itself in the archive."
    if entry.flags & _ENCRYPTED:
        return "it is encrypted", "Unpack it with its password and drop what is in it."
    if entry.method != _STORED and entry.method not in _PACKINGS:
        how = _OTHER_METHODS.get(entry.method, f"method {entry.method}")
        return f"compressed in a way that isn't read ({how})", "Pack it anew with Deflate."
    return None


def _seekable(stream: BinaryIO) -> BinaryIO:
    """``stream``, or its content in memory where it can't go back."""
    if stream.seekable():
        return stream
    data = stream.read(MAX_SPOOLED + 1)
    if len(data) > MAX_SPOOLED:
        raise Unreadable(
            f"a zip archive of more than {MAX_SPOOLED // MIB} MiB within another file",
            "Unpack the outer one, and drop this one by itself.",
        )
    return io.BytesIO(data)


def _is_document(what: str) -> Unreadable:
    return Unreadable(
        f"looks like {what}, which no reader takes",
        "Save the article as plain text, HTML or PDF and drop that.",
    )
