"""Streams over a part of an archive, which say where it ends too early."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final

from services.ingest.readers.base import Unreadable
from services.ingest.readers.unpacking import CHUNK, read_some

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP: Final = 256 * 1024
"""Bytes of a member that can be read twice from a stream that can't go back: readers look at its
head (8 KiB, and through a compression at 64 KiB) before they read it."""


class Window(io.RawIOBase):
    """``size`` bytes of an archive from ``at`` on.

    ``read_at(offset, most)`` gives bytes of the archive, none at its end.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], at: int, size: int) -> None:
        super().__init__()
        self._read_at = read_at
        self._at = at
        self._left = size

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # never None: blocking
        """Read on; raises :class:`Unreadable` where the archive ends before the window does."""
        if self._left == 0:
            return 0
        data = self._read_at(self._at, min(len(buffer), self._left))
        if not data:
            raise cut_off(self._at)
        self._at += len(data)
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class Forward:
    """An archive read from its start to its end, once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.at = 0
        """How many bytes were read so far."""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        data = read_some(self._stream, size)
        self.at += len(data)
        return data

    def skip_to(self, at: int) -> None:
        """Go to ``at``; raises :class:`Unreadable` if the archive ends before that."""
        while self.at < at:
            if not self.read(min(CHUNK, at - self.at)):
                raise cut_off(self.at)


class Passing:
    """A member of an archive that is read once: its start is kept, so that it can be read again.

    What is no longer kept is read by ``reopen``: the archive, once more, from its start.
    """

    def __init__(
        self, forward: Forward, size: int, reopen: Callable[[], BinaryIO], *, keep: int = KEEP
    ) -> None:
        self._forward = forward
        self._start = forward.at
        self._size = size
        self._reopen = reopen
        self._keep = keep
        self._kept = bytearray()

    def open(self) -> io.RawIOBase:
        """The member from its start."""
        return _Replay(self)

    def read_at(self, at: int, size: int) -> bytes | None:
        """Bytes from ``at`` (in the member) on; None where they are gone."""
        if at < len(self._kept):
            return bytes(self._kept[at : at + size])
        if self._start + at != self._forward.at:
            return None
        data = self._forward.read(min(size, self._size - at))
        if not data:
            raise cut_off(self._forward.at)
        if at == len(self._kept):
            self._kept += data[: self._keep - at]
        return data

    def again(self, at: int) -> tuple[BinaryIO, Callable[[int, int], bytes]]:
        """The archive once more, and how it is read from ``at`` (in the member) on."""
        stream = self._reopen()
        forward = Forward(stream)
        forward.skip_to(self._start + at)
        return stream, lambda _at, size: forward.read(size)

    @property
    def size(self) -> int:
        """The member's size in bytes."""
        return self._size


class _Replay(io.RawIOBase):
    def __init__(self, member: Passing) -> None:
        super().__init__()
        self._member = member
        self._at = 0
        self._again: tuple[BinaryIO, Callable[[int, int], bytes]] | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if self._again is not None:
            self._again[0].close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # never None: blocking
        size = min(len(buffer), self._member.size - self._at)
        if size == 0:
            return 0
        data = self._member.read_at(self._at, size) if self._again is None else None
        if data is None:
            if self._again is None:
                self._again = self._member.again(self._at)
            data = self._again[1](self._at, size)
            if not data:
                raise cut_off(self._at)
        self._at += len(data)
        buffer[: len(data)] = data
        return len(data)


def cut_off(at: int) -> Unreadable:
    """The refusal of an archive that ends at byte ``at``, within something."""
    return Unreadable(
        f"the archive ends too early, at byte {at}", "It was cut off: copy the file again, whole."
    )
