"""The bytes of a WARC file, plain or gzip-compressed, with the way back to each record.

A WARC.gz has each record in a gzip member of its own, so that one can start reading at any.  That
is kept up here: every position of the unpacked bytes is known as a place in the file
(:class:`Place`), and after damage reading goes on at the next member that starts a record.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from services.ingest.readers.base import MIB

if TYPE_CHECKING:
    from services.ingest.readers.base import Budget

CHUNK: Final = 64 * 1024
"""Bytes read, and at most unpacked, at once: some members of an ordinary crawl."""

REWIND: Final = 64 * MIB
"""How much is read twice, in all, to find records behind damage. Without a bound a hostile file
could have all of it read again for each of its bytes."""

GZIP_MAGIC: Final = b"\x1f\x8b\x08"
RECORD_MAGIC: Final = b"WARC/"
_PROBE: Final = 4 * 1024
"""Packed bytes that are enough to unpack the first five: a gzip header's name may be long."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record starts: at ``skip`` unpacked bytes after the byte ``offset`` of the file."""

    offset: int
    skip: int = 0

    def __str__(self) -> str:
        return f"byte {self.offset}" + (f" (unpacked: {self.skip} on)" if self.skip else "")


class Damaged(Exception):  # noqa: N818  (named for what it is, as the contract's errors are)
    """The member at ``offset`` can't be unpacked; ``final``: the file ends in it."""

    def __init__(self, reason: str, offset: int, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.final = final


class Bytes(Protocol):
    """What both kinds of file give."""

    offset: int
    """Bytes of the file read so far."""

    def read(self) -> bytes:
        """The next unpacked bytes, empty at the end; raises :class:`Damaged`."""

    def place(self, position: int) -> Place:
        """The place of the unpacked byte ``position``, one not before the last asked for."""

    def find_next(self) -> bool:
        """After damage: go on at the next member that starts a record, if there is one."""


class Plain:
    """An uncompressed file, from ``offset`` on."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self._stream = stream
        self._start = offset
        self.offset = offset

    def read(self) -> bytes:
        """The next bytes, empty at the end."""
        data = self._stream.read(CHUNK)
        self.offset += len(data)
        return data

    def place(self, position: int) -> Place:
        """The place of the byte ``position`` after the start."""
        return Place(self._start + position)

    def find_next(self) -> bool:
        """There are no members."""
        return False


class Gzip:
    """A gzip-compressed file, from the member at ``offset`` on."""

    def __init__(self, stream: BinaryIO, offset: int, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._input = b""
        self._member: zlib._Decompress | None = None
        self._given = 0
        self._rewound = 0
        self._damage: Damaged | None = None
        self._members: deque[tuple[int, int]] = deque([(0, offset)])
        self.offset = offset

    def read(self) -> bytes:
        """The next bytes of a member; raises :class:`Damaged` until :meth:`find_next`."""
        if self._damage is not None:
            raise self._damage
        try:
            data = self._next()
        except Damaged as damage:
            self._damage = damage
            raise
        self._given += len(data)
        self._budget.spend(len(data))
        return data

    def _next(self) -> bytes:
        while self._member is not None or self._next_member():
            if data := self._unpack():
                return data
        return b""

    def _unpack(self) -> bytes:
        member = self._member
        if member is None:
            return b""
        if not self._input and not self._fill():
            raise Damaged("its gzip data ends too early", self._members[-1][1], final=True)
        try:
            data = member.decompress(self._input, CHUNK)
        except zlib.error as error:
            raise Damaged(f"its gzip data is damaged ({error})", self._members[-1][1]) from error
        self._input = member.unused_data if member.eof else member.unconsumed_tail
        if member.eof:
            self._member = None
        return data

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self.offset += len(chunk)
        self._input += chunk
        return bool(chunk)

    def _next_member(self) -> bool:
        """Start the member that comes next; False at the end, which zeros may pad."""
        while len(self._input.lstrip(b"\0")) < len(GZIP_MAGIC) and self._fill():
            self._input = self._input.lstrip(b"\0")
        self._input = self._input.lstrip(b"\0")
        if not self._input:
            return False
        if not self._input.startswith(GZIP_MAGIC):
            self._members.append((self._given, self.offset - len(self._input)))
            raise Damaged("what stands there is no gzip data", self._members[-1][1])
        self._begin()
        return True

    def _begin(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._members.append((self._given, self.offset - len(self._input)))

    def place(self, position: int) -> Place:
        """The member that holds the unpacked byte ``position``, and how far into it that is."""
        while len(self._members) > 1 and self._members[1][0] <= position:
            self._members.popleft()
        start, offset = self._members[0]
        return Place(offset, position - start)

    def find_next(self) -> bool:
        """Go on at the next member that starts a record, if there is one."""
        self._rewind()
        self._member = self._damage = None
        # Not the damaged member once more, where what is read of it starts with it.
        at = max(0, self._members[-1][1] + 1 - (self.offset - len(self._input)))
        while True:
            at = self._input.find(GZIP_MAGIC, at)
            if at < 0:
                self._input = self._input[-len(GZIP_MAGIC) + 1 :]
                at = 0
                if not self._fill():
                    return False
                continue
            while len(self._input) - at < _PROBE and self._fill():
                pass
            if _starts_record(self._input[at : at + _PROBE]):
                self._input = self._input[at:]
                self._begin()
                return True
            at += 1

    def _rewind(self) -> None:
        """Back to just behind the damaged member's start: another may start within it."""
        start = self._members[-1][1] + 1
        again = self.offset - start
        if self._stream.seekable() and 0 < again <= REWIND - self._rewound:
            self._rewound += again
            self.offset = self._stream.seek(start)
            self._input = b""


def _starts_record(packed: bytes) -> bool:
    try:
        data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, len(RECORD_MAGIC))
    except zlib.error:
        return False
    return data == RECORD_MAGIC
