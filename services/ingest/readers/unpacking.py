"""Compressed bytes as a stream: gzip, bzip2, xz, Zstandard and raw deflate, within limits.

Nothing is unpacked but what is asked for.  Whatever is wrong with the data (cut short, damaged,
a bomb) is raised by ``read`` as :class:`Unreadable`, after the bytes that were right:
``read1`` gives all of these, ``read`` and ``readline`` may lose the last few.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

import zstandard

from services.ingest.readers.base import MIB, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ingest.readers.base import Budget

CHUNK: Final = 64 * 1024
"""Packed bytes read at a time, and the buffer's size: what a pipe holds."""

MAX_XZ_MEMORY: Final = 128 * MIB
"""The largest preset (``xz -9e``) takes 65 MiB to unpack; a dictionary may ask for 1.5 GiB."""

MAX_ZSTD_WINDOW: Final = 128 * MIB
"""What ``zstd -d`` accepts without ``--long=31``, and what ``--ultra -22`` needs."""

ZSTD_FEED: Final = 1024
"""Packed bytes handed to Zstandard at once. It unpacks all of them before it returns, and four
bytes may make a block of 128 KiB: so much gives 32 MiB at most."""

RATIO_FROM: Final = 64 * MIB
"""Unpacked bytes from which on the ratio counts; so much is read in a second."""

MAX_RATIO: Final = 500
"""Unpacked to packed. News text comes to 3 to 10, a dump of all but equal records to 100; deflate
can't exceed 1032, and only data that repeats itself without end comes near."""

TRAILING: Final = 512
"""Bytes after the packed data that are passed over: a line end, a signature, padding. More is data
that would be lost, and is said."""


class Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool:
        """Whether the packed data has ended, and all of it was given."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes; none: it needs more data."""


class _Deflate:
    """zlib's, which hands back the input that it had no room for."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """Zstandard's, which knows no ``max_length``: fed in small pieces."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW).decompressobj()
        self._input = b""
        self._fed = 0
        self._output = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._inner.eof and not self._output

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._input[self._fed :]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._input = self._input[self._fed :] + data
        self._fed = 0
        while not self._output and self._fed < len(self._input) and not self._inner.eof:
            piece = self._input[self._fed : self._fed + ZSTD_FEED]
            self._fed += len(piece)
            self._output = memoryview(self._inner.decompress(piece))
        given, self._output = self._output[:max_length], self._output[max_length:]
        return bytes(given)


@dataclass(frozen=True, slots=True)
class Packing:
    """A way of compression: how people call it, how it starts, how it is undone."""

    name: str
    magic: bytes
    make: Callable[[], Decompressor]
    suffixes: tuple[tuple[str, str], ...] = ()
    """What the name of a file loses when it is unpacked, and what it gets instead."""


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY)


GZIP: Final = Packing(
    "gzip", b"\x1f\x8b\x08", lambda: _Deflate(zlib.MAX_WBITS | 16), ((".gz", ""), (".tgz", ".tar"))
)
BZIP2: Final = Packing("bzip2", b"BZh", bz2.BZ2Decompressor, ((".bz2", ""), (".tbz2", ".tar")))
XZ: Final = Packing("xz", b"\xfd7zXZ\x00", _xz, ((".xz", ""), (".txz", ".tar")))
ZSTD: Final = Packing("Zstandard", b"\x28\xb5\x2f\xfd", _Zstd, ((".zst", ""), (".tzst", ".tar")))
DEFLATE: Final = Packing("deflate", b"", lambda: _Deflate(-zlib.MAX_WBITS))

_BZIP2_BLOCKS: Final = (b"1AY&SY", b"\x17rE8P\x90")
"""How a first block, or the end of an empty file, starts; ``BZh9`` alone starts a word."""


def packing_of(head: bytes) -> Packing | None:
    """How a file that starts with ``head`` is compressed; None if it isn't."""
    if head.startswith(BZIP2.magic):
        return BZIP2 if head[3:4] in b"123456789" and head[4:10] in _BZIP2_BLOCKS else None
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:  # noqa: PLR2004  (RFC 8878, 3.1.2)
        return ZSTD  # a skippable frame first
    return next((p for p in (GZIP, XZ, ZSTD) if head.startswith(p.magic)), None)


class Unpacked(io.RawIOBase):
    """What ``packed`` holds, member after member; owns ``packed``, and closes it.

    ``single``: there is one member, and what follows is none of its business.
    """

    def __init__(
        self,
        packed: BinaryIO,
        packing: Packing,
        budget: Budget,
        *,
        single: bool = False,
    ) -> None:
        super().__init__()
        self._packed = packed
        self._packing = packing
        self._budget = budget
        self._single = single
        self._member: Decompressor | None = packing.make()
        self._pending = b""
        self._taken = 0
        self._given = 0
        self._error: Unreadable | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close this, and what it reads from."""
        self._packed.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # never None: blocking
        """Unpack into ``buffer``; raises :class:`Unreadable`, from then on each time."""
        if self._error is not None:
            raise self._error
        try:
            data = self._next(len(buffer))
        except Unreadable as error:
            self._error = error
            raise
        except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the file itself can't be read now
            self._error = self._damaged(str(error))
            raise self._error from error
        self._count(len(data))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        while self._member is not None:
            if self._member.eof:
                self._end_member(self._member.unused_data)
                continue
            data = self._member.decompress(self._pending, most)
            self._pending = b""
            if data:
                return data
            self._refill(self._member)
        return b""

    def _refill(self, member: Decompressor) -> None:
        if not member.eof and not self._fill():
            raise Unreadable(
                f"the {self._packing.name} data ends too early, at byte {self._taken}",
                "It was cut off: copy the file again, whole.",
            )

    def _fill(self) -> bool:
        chunk = read_some(self._packed, CHUNK)
        self._taken += len(chunk)
        self._pending += chunk
        return bool(chunk)

    def _end_member(self, rest: bytes) -> None:
        """After a member: the next one, or the end."""
        self._member = None
        self._pending = rest.lstrip(b"\0")
        if self._single:
            return
        while len(self._pending) <= TRAILING and self._fill():
            self._pending = self._pending.lstrip(b"\0")
        if packing_of(self._pending) is self._packing:
            self._member = self._packing.make()
        elif len(self._pending) > TRAILING:
            at = self._taken - len(self._pending)
            raise self._damaged(f"what follows from byte {at} on is none")

    def _count(self, size: int) -> None:
        self._given += size
        if self._given > RATIO_FROM and self._given > MAX_RATIO * self._taken:
            self._error = Unreadable(
                f"a {self._packing.name} bomb: {self._taken} bytes unpack to more than"
                f" {self._given}, which is over {MAX_RATIO} times as much",
                "If it is none, drop it unpacked.",
            )
        else:
            try:
                self._budget.spend(size)
            except Unreadable as error:
                self._error = error
        if self._error is not None:
            raise self._error

    def _damaged(self, what: str) -> Unreadable:
        return Unreadable(
            f"the {self._packing.name} data is damaged near byte {self._taken}: {what}",
            "Copy the file again, or compress it anew.",
        )


def unpacked(packed: BinaryIO, packing: Packing, budget: Budget) -> BinaryIO:
    """A buffered, forward-only stream of what ``packed`` holds; closing it closes ``packed``."""
    return buffered(Unpacked(packed, packing, budget))


def buffered(raw: io.RawIOBase) -> BinaryIO:
    """``raw`` as readers want their streams."""
    return cast("BinaryIO", io.BufferedReader(raw, CHUNK))


def read_some(stream: BinaryIO, size: int) -> bytes:
    """Up to ``size`` bytes, at least one before the end: all that came before an error."""
    return cast("bytes", getattr(stream, "read1", stream.read)(size))


def head_of(stream: BinaryIO, size: int) -> bytes:
    """The first ``size`` bytes of a stream just opened; fewer where it ends, or can't be unpacked.

    Raises :class:`Unreadable` only where there is nothing at all.
    """
    head = b""
    while len(head) < size:
        try:
            more = read_some(stream, size - len(head))
        except Unreadable:
            if not head:
                raise
            break  # what is wrong is told when it is read up to there
        if not more:
            break
        head += more
    return head


def compressed_head(head: bytes) -> bytes:
    """The start of what ``head`` unpacks to (at most as long); empty if it isn't compressed.

    Never raises.
    """
    packing = packing_of(head)
    if packing is None:
        return b""
    try:
        return packing.make().decompress(head, len(head))
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, OSError, ValueError):
        return b""
