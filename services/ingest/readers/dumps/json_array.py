"""JSON arrays of records, pages with such an array inside, and objects one after the other.

The records are framed by their brackets, without being parsed, so that one that is no JSON costs
no other: a stray or missing bracket or quote within it is mended where what follows shows it.
Memory doesn't grow with the file, and framing goes on at any record.

ijson, which parses the whole as one stream, is several times as fast, but ends at the first fault
and can't start in the middle; making an article of a record takes longer than both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.ingest.readers import sniff
from services.ingest.readers.base import FieldMap, Unreadable
from services.ingest.readers.dumps import fields
from services.ingest.readers.dumps.frames import Frame
from services.ingest.readers.json_head import json_head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.dumps.frames import Bytes

MAX_DEPTH: Final = 1_000_000
"""Brackets open at once, each a byte of memory; parsers give up at a thousand."""

MAX_PAGE_DEPTH: Final = 3
"""Objects in which a page's list of records is looked for: ``response.docs`` is in the second."""

MENDED: Final = 32
"""Open brackets among which the one is looked for that a bracket closes; deeper, it is stray."""

SAMPLE: Final = 200
"""Bytes kept of what stands between two records and is none."""

_OPEN: Final = b"{["
_CLOSES: Final = {ord("}"): ord("{"), ord("]"): ord("[")}
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_ARRAY: Final = ord("[")

_BETWEEN: Final = b", \t\r\n\x00\xef\xbb\xbf"
"""Commas, white space, and a byte order mark."""

_NOT_BETWEEN: Final = re.compile(rb"[^, \t\r\n\x00\xef\xbb\xbf]")

# Possessive throughout: linear, and without a stack.  A string that holds a line end or a brace
# is looked at more closely: its closing quote may be missing.
_OUTSIDE: Final = re.compile(
    rb'[^"\[\]{}]*+(?>"[^"\\\n}]*+(?>\\.[^"\\\n}]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL
)
"""Up to a bracket, or a quote whose string is not to be passed at once."""

_INSIDE: Final = re.compile(rb'[^"\\\n}]*+(?>\\.[^"\\\n}]*+)*+', re.DOTALL)
"""Up to the quote that ends a string, a line end, a brace, or a backslash at the chunk's end."""

_BEYOND: Final = re.compile(
    rb'\n\s{0,99}+(?:[}\]]|\{\s{0,19}+"|"[\w@$.:-]{1,60}"\s{0,9}+:)'
    rb'|\}\s{0,9}+,\s{0,79}+\{\s{0,19}+"[\w@$.:-]{1,60}"\s{0,9}+:'
)
"""What can't be within a string, or hardly ever: the next key, record or closing bracket on a line
of its own, or a record's end with the next one's first key.  There, a quote is missing."""

_AHEAD: Final = 200
"""Bytes that show it, whatever the chunks are: the longest match has 182."""


@dataclass(slots=True)
class _Scanner:
    """Finds brackets outside strings, chunk by chunk."""

    source: Bytes
    at: int
    """The offset of ``chunk[0]``."""
    chunk: bytes = b""
    pos: int = 0
    in_string: bool = False
    ended: bool = False

    def refill(self) -> bool:
        """Put the next chunk in place of what was scanned; False at the end."""
        more = self.source.more()
        self.at += self.pos
        self.chunk = self.chunk[self.pos :] + more
        self.pos = 0
        self.ended = not more
        return not self.ended

    def peek(self, size: int) -> bytes:
        """Up to ``size`` bytes from here on, without going on."""
        while len(self.chunk) - self.pos < size and not self.ended:
            self.refill()
        return self.chunk[self.pos : self.pos + size]

    def to_bracket(self, kept: _Kept | _Between) -> int | None:
        """Go to the next bracket, hand what is before it to ``kept``, and give it; None: the end.

        It isn't gone past.
        """
        while True:
            start = self.pos
            found = self._in_chunk()
            kept.add(self.chunk, start, self.pos)
            if found is not None:
                return found
            if not self.refill() and self.pos >= len(self.chunk):
                return None

    def _in_chunk(self) -> int | None:
        """The next bracket of the chunk; None if there is none, or more is needed to see it."""
        while True:
            pattern = _INSIDE if self.in_string else _OUTSIDE
            match = pattern.match(self.chunk, self.pos)
            self.pos = match.end() if match else self.pos
            if self.pos == len(self.chunk):
                return None
            byte = self.chunk[self.pos]
            if not self.in_string and byte != _QUOTE:
                return byte
            if byte == _QUOTE:
                self.in_string = not self.in_string
                self.pos += 1
            elif not self.ended and len(self.chunk) - self.pos < _AHEAD:
                return None  # half an escape, or too little to see
            elif byte != _BACKSLASH and _BEYOND.match(self.chunk, self.pos):
                self.in_string = False
            else:
                self.pos += 1


@dataclass(slots=True)
class _Kept:
    """Bytes of a record in the making, up to a limit."""

    limit: int
    size: int = 0
    parts: list[bytes] = field(default_factory=list)

    def add(self, chunk: bytes, start: int, end: int) -> None:
        self.size += end - start
        if self.size <= self.limit:
            self.parts.append(chunk[start:end])
        else:
            self.parts.clear()

    def data(self) -> bytes | None:
        return b"".join(self.parts) if self.size <= self.limit else None


@dataclass(slots=True)
class _Between:
    """What stands between two records: most often a comma, else the start of what it is."""

    data: bytes = b""

    def add(self, chunk: bytes, start: int, end: int) -> None:
        if not self.data:
            found = _NOT_BETWEEN.search(chunk, start, end)
            start = found.start() if found else end
        self.data += chunk[start : min(end, start + SAMPLE - len(self.data))]


class Elements:
    """The framing of one dump."""

    def __init__(
        self, source: Bytes, limit: int, maps: tuple[FieldMap, ...], at: int = 0, number: int = 0
    ) -> None:
        self._scanner = _Scanner(source, at)
        self._limit = limit
        self._maps = maps
        self._number = number
        self._path = bytearray()
        """The brackets that were gone into: ``{[`` within the list of a page."""

    def frames(self, path: str = "") -> Iterator[Frame]:
        """The records from here on, which is within the brackets ``path``.

        Raises :class:`Unreadable` where the dump ends within them.
        """
        self._path[:] = path.encode("ascii")
        scanner = self._scanner
        while True:
            between = _Between()
            bracket = scanner.to_bracket(between)
            if self._in_list() and (stray := between.data.rstrip(_BETWEEN)):
                yield self._frame(stray, len(stray))
            if bracket is None:
                break
            if bracket not in _OPEN:
                self._close(bracket)
                scanner.pos += 1
            elif self._goes_in(bracket):
                self._path.append(bracket)
                scanner.pos += 1
            else:
                yield from self._element()
        if self._path:
            raise self._cut_off()

    def _in_list(self) -> bool:
        return not self._path or self._path[-1] == _ARRAY

    def _close(self, bracket: int) -> None:
        if self._path and self._path[-1] == _CLOSES[bracket]:
            self._path.pop()

    def _goes_in(self, bracket: int) -> bool:
        """Whether the bracket here is that of a page or its list, and not a record's."""
        if not self._path and bracket == _ARRAY:
            return True
        if self._path and self._path[-1] == _ARRAY:
            return False
        found = json_head(self._scanner.peek(sniff.HEAD_BYTES))
        if found is None:
            return False
        if bracket == _ARRAY:
            return fields.is_record(found.keys, self._maps)
        return len(self._path) < MAX_PAGE_DEPTH and not is_article(found.keys, self._maps)

    def _element(self) -> Iterator[Frame]:
        """The record (or, in a page, the value that is none) that starts here."""
        is_record = self._in_list()
        kept = _Kept(self._limit if is_record else 0)
        opened = bytearray()
        scanner = self._scanner
        while True:
            bracket = scanner.to_bracket(kept)
            if bracket is None:
                raise self._cut_off()
            _match(opened, bracket)
            kept.add(scanner.chunk, scanner.pos, scanner.pos + 1)
            scanner.pos += 1
            if not opened:
                break
            if len(opened) > MAX_DEPTH:
                raise Unreadable(
                    f"nested more than {MAX_DEPTH} deep at byte {scanner.at + scanner.pos}",
                    "It was made to deceive, or isn't JSON.",
                )
        if is_record:
            yield self._frame(kept.data(), kept.size)

    def _frame(self, data: bytes | None, size: int) -> Frame:
        self._number += 1
        end = self._scanner.at + self._scanner.pos
        return Frame(self._number, data, size, end, self._path.decode("ascii"))

    def _cut_off(self) -> Unreadable:
        end = self._scanner.at + len(self._scanner.chunk)
        return Unreadable(
            f"the JSON ends too early, at byte {end}: after item {self._number} a bracket or a"
            " quote is missing",
            "It was cut off, or there is a fault in the item after that: drop it again, whole.",
        )


def is_article(keys: frozenset[str], maps: tuple[FieldMap, ...]) -> bool:
    """Whether an object with these keys is an article itself, and no page of some."""
    return fields.has_text(keys, maps) or (
        fields.is_record(keys, maps) and not fields.is_page(keys)
    )


def _match(opened: bytearray, bracket: int) -> None:
    """Count ``bracket`` in; where it closes another than the last, those between were missing."""
    if bracket in _OPEN:
        opened.append(bracket)
        return
    last = opened.rfind(_CLOSES[bracket], max(0, len(opened) - MENDED))
    if last >= 0:  # else it closes nothing
        del opened[last:]
