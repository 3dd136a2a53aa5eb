"""JSON lines: one record a line, framed without being parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.ingest.readers.dumps.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.dumps.frames import Bytes

BLANK: Final = b" \t\r\n"
"""JSON's white space."""

_NEWLINES: Final = re.compile(rb"\n+")


def frames(source: Bytes, limit: int, at: int = 0, number: int = 0) -> Iterator[Frame]:
    """The lines that aren't blank, from the offset ``at`` on, which is after line ``number``.

    A line of more than ``limit`` bytes is counted and not kept.
    """
    line = _Line(limit)
    for chunk in iter(source.more, b""):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line.add(chunk[start : end + 1])
            number += 1
            at += line.size
            if frame := line.frame(number, at):
                yield frame
            line = _Line(limit)
            start = end + 1
            if blank := _NEWLINES.match(chunk, start):
                start = blank.end()
                number += len(blank[0])
                at += len(blank[0])
        line.add(chunk[start:])
    if frame := line.frame(number + 1, at + line.size):
        yield frame


class _Line:
    """A line as far as it was read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit + 1  # its end is none of the record
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= self._limit:
            self._parts.append(part)
        else:
            self._parts.clear()

    def frame(self, number: int, end: int) -> Frame | None:
        """The line as a frame; None where it is blank."""
        if self.size > self._limit:
            return Frame(number, None, self.size, end)
        data = b"".join(self._parts).strip(BLANK)
        return Frame(number, data, self.size, end) if data else None
