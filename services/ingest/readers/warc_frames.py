"""The records of a WARC file one after the other: headers parsed, contents only where wanted.

What ``warcio`` does for well-made files is done here so that hostile and damaged ones cost
neither memory nor the records behind them: no line and no header block is longer than a limit, a
length that can't be right is found out, and reading goes on at the next record.  The headers
themselves are parsed by warcio.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from warcio.statusandheaders import StatusAndHeadersParser

from services.ingest.readers.warc_stream import Bytes, Damaged, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEADER_BYTES: Final = 64 * 1024
"""The longest header block of a record, or of HTTP in it: ordinary ones have some hundred bytes,
servers take 8 to 32 KiB."""

_RECORD: Final = re.compile(rb"WARC/(?:0\.1[78]|1\.[0-9])\r?\n")
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Frame:
    """A record: its headers and (where it was wanted) its content, or what is wrong with it.

    ``end`` is the place just behind it, None where nothing more can be had.  ``kept`` is what
    was found wanted in it; its content is None all the same where it is above the limit.
    """

    start: Place
    end: Place | None
    headers: Any = None
    kept: Any = None
    content: bytes | None = None
    length: int = 0
    fault: str | None = None


class _Faulty(Exception):  # noqa: N818  (named for what is said of the record)
    """This is no record: why, and after how many bytes of the buffer the next may start."""

    def __init__(self, reason: str, *, skip: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.skip = skip


class Frames:
    """The records of ``source``.

    ``size``: bytes of the file where nothing is packed, else None.  ``wanted``: what there is to
    keep in a record, by its headers and the start of its content; None: pass over it.
    ``limit``: the largest content that is kept.
    """

    def __init__(
        self, source: Bytes, size: int | None, limit: int, wanted: Callable[[Any, bytes], Any]
    ) -> None:
        self._source = source
        self._size = size
        self._limit = limit
        self._wanted = wanted
        self._buffer = bytearray()
        self._position = 0

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes, or what there is of them."""
        while count > 0 and (self._buffer or self._more()):
            part = min(count, len(self._buffer))
            self._drop(part)
            count -= part

    def go_on_after(self, count: int) -> None:
        """Pass over what was read earlier; damage in it is met again by the next record."""
        with suppress(Damaged):
            self.skip(count)

    def _more(self) -> bool:
        data = self._source.read()
        self._buffer += data
        return bool(data)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._position += count

    def _ready(self, count: int) -> bool:
        """Whether the buffer holds ``count`` bytes; it is filled up to that."""
        while len(self._buffer) < count:
            if not self._more():
                return False
        return True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            start = None
            try:
                self._skip_blank()
                start = self._here()
                if not self._ready(1):
                    return
                frame = self._frame(start)
            except Damaged as damage:
                frame, go_on = self._after_damage(start or Place(damage.offset), damage)
            except _Faulty as fault:
                frame, go_on = self._after_fault(start or self._here(), fault)
            else:
                go_on = True
            yield frame
            if not go_on:
                return

    def _skip_blank(self) -> None:
        while self._ready(1) and self._buffer[0] in b"\r\n":
            self._drop(len(self._buffer) - len(self._buffer.lstrip(b"\r\n")))

    # --- One record ---------------------------------------------------------------------

    def _frame(self, start: Place) -> Frame:
        end = self._header_end()
        headers = parse_headers(bytes(self._buffer[:end]))
        length = self._length(headers, end, start)
        self._ready(end + min(length, HEADER_BYTES))
        kept = self._wanted(headers, bytes(self._buffer[end : end + min(length, HEADER_BYTES)]))
        if kept is None or length > self._limit + HEADER_BYTES:
            self._drop(end)
            self._pass_over(length)
            return Frame(start, self._here(), headers, kept, None, length)
        if not self._ready(end + length):
            raise _Faulty(_beyond(length), skip=end)
        self._check_end(end + length, end)
        content = bytes(self._buffer[end : end + length])
        self._drop(end + length)
        return Frame(start, self._here(), headers, kept, content, length)

    def _here(self) -> Place:
        return self._source.place(self._position)

    def _header_end(self) -> int:
        self._ready(32)
        if not _RECORD.match(self._buffer):
            raise _Faulty("no WARC record starts here: a length before it is wrong", skip=1)
        at = 0
        while (found := _HEADER_END.search(self._buffer, at)) is None:
            at = max(0, len(self._buffer) - 3)
            if at > HEADER_BYTES:
                raise _Faulty(f"its header has no end within {HEADER_BYTES} bytes", skip=1)
            if not self._more():
                raise _Faulty("the file ends in the middle of its header", skip=1)
        return found.end()

    def _length(self, headers: Any, end: int, start: Place) -> int:
        given = headers.get_header("Content-Length") if headers is not None else None
        if given is None or not _LENGTH.fullmatch(given.strip()):
            raise _Faulty(f"its Content-Length is no length: {str(given)[:40]!r}", skip=end)
        length = int(given)
        # Known before it is read, but only where nothing is packed.
        if self._size is not None and start.offset + end + length > self._size:
            raise _Faulty(_beyond(length), skip=end)
        return length

    def _pass_over(self, length: int) -> None:
        before = self._position
        self.skip(length)
        if self._position - before < length:
            raise _Faulty(_beyond(length), skip=0)
        self._check_end(0, 0)

    def _check_end(self, at: int, skip: int) -> None:
        """After the content: the two line ends of its own, or the next record, or the end."""
        try:
            self._ready(at + 32)
        except Damaged as damage:
            if damage.offset == self._source.place(self._position).offset:
                raise
            # It is the next record's; this one is whole.
        behind = bytes(self._buffer[at : at + 32])
        rest = b"" if behind.startswith(b"\r\n\r\n") else behind.lstrip(b"\r\n")
        if rest and not rest.startswith(b"WARC/"[: len(rest)]):
            raise _Faulty("its Content-Length is wrong: no record follows it", skip=skip)

    # --- Behind damage ------------------------------------------------------------------

    def _after_damage(self, start: Place, damage: Damaged) -> tuple[Frame, bool]:
        self._position += len(self._buffer)
        self._buffer.clear()
        go_on = not damage.final and self._source.find_next()
        return Frame(start, self._here() if go_on else None, fault=damage.reason), go_on

    def _after_fault(self, start: Place, fault: _Faulty) -> tuple[Frame, bool]:
        # What is behind in the buffer isn't read again from the file, and is passed but once.
        self._drop(fault.skip)
        reason = fault.reason
        try:
            found = self._search()
        except Damaged as damage:
            reason = f"{reason}; behind it {damage.reason}"
            self._position += len(self._buffer)
            self._buffer.clear()
            found = not damage.final and self._source.find_next()
        return Frame(start, self._here() if found else None, fault=reason), found

    def _search(self) -> bool:
        """Go to the next record; False where there is none."""
        while (found := _RECORD.search(self._buffer)) is None:
            self._drop(max(0, len(self._buffer) - 32))
            if not self._more():
                self._drop(len(self._buffer))
                return False
        self._drop(found.start())
        return True


def _beyond(length: int) -> str:
    return f"its Content-Length of {length} goes beyond the end of the file"


def parse_headers(block: bytes) -> Any:
    """A status line and headers as warcio reads them; None where it can't."""
    try:
        return StatusAndHeadersParser((), verify=False).parse(io.BytesIO(block))
    except (EOFError, ValueError, IndexError, AttributeError, TypeError):
        return None
