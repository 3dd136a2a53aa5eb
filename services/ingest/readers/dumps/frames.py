"""What both framings of a dump share: a frame, and the stream that it is cut from."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.ingest.readers.base import Unreadable
from services.ingest.readers.unpacking import CHUNK, buffered, read_some

if TYPE_CHECKING:
    from services.ingest.readers.base import Source

READ: Final = 256 * 1024
"""Bytes read at a time: some hundred records."""

_WIDE: Final = (
    # UTF-32 before UTF-16: the little-endian mark of one starts with that of the other.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHAPES: Final = {
    # Where NULs are among the first four bytes, which in JSON are ASCII characters.
    "000x": "utf-32-be",
    "x000": "utf-32-le",
    "0x0x": "utf-16-be",
    "x0x0": "utf-16-le",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one record, before they are parsed.

    ``data`` is None where they are more than the limit (``size`` says how many).  ``end`` is the
    offset behind it; ``state`` what the framing must know to go on there.
    """

    number: int
    data: bytes | None
    size: int
    end: int
    state: str = ""
    alone: bool = False
    """Whether nothing but this is in the file."""


def encoding_of(head: bytes) -> str:
    """The encoding of a JSON file that starts with ``head``: UTF-8, UTF-16 or UTF-32."""
    for mark, encoding in _WIDE:
        if head.startswith(mark):
            return encoding
    shape = "".join("0" if byte == 0 else "x" for byte in head[:4])
    return _SHAPES.get(shape, "utf-8")


class Bytes:
    """The bytes of a dump in UTF-8, from an offset on, chunk by chunk; closes what it opened."""

    def __init__(self, source: Source, encoding: str, at: int = 0) -> None:
        stream = source.open()
        self._stream = stream if encoding == "utf-8" else buffered(_Recoded(stream, encoding))
        try:
            self._go_to(at)
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def more(self) -> bytes:
        """The next chunk; empty at the end."""
        return read_some(self._stream, READ)

    def _go_to(self, at: int) -> None:
        if self._stream.seekable():
            self._stream.seek(at)
            return
        while at > 0:
            data = read_some(self._stream, min(READ, at))
            if not data:
                raise Unreadable(
                    "the file is shorter than it was", "It was changed meanwhile: drop it again."
                )
            at -= len(data)


class _Recoded(io.RawIOBase):
    """A stream of UTF-16 or UTF-32 as one of UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._taken = 0
        self._ended = False
        self._error: Unreadable | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # never None: blocking
        while not self._ready and not self._ended:
            self._fill()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _fill(self) -> None:
        if self._error is not None:
            raise self._error
        chunk = read_some(self._stream, CHUNK)
        self._ended = not chunk
        try:
            self._ready = self._decoder.decode(chunk, final=self._ended).encode()
        except UnicodeDecodeError as error:
            held = len(error.object) - len(chunk)
            self._error = Unreadable(
                f"the text is not valid {self._encoding.upper()} at byte"
                f" {self._taken - held + error.start}",
                "Save the file again as UTF-8.",
            )
            # What came before it stands.
            self._ready = self._decoder.decode(chunk[: max(0, error.start - held)]).encode()
            self._ended = False
        self._taken += len(chunk)
