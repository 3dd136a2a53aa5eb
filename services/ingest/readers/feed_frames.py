"""Where each entry of a feed starts and ends, in one pass over its bytes.

Entries are cut out before anything is parsed: so memory stays flat, one broken entry doesn't
cost the others, and reading can go on at a byte.  Only comments, CDATA sections and the tags
of entries are looked at.  No DTD is ever read: a DOCTYPE is passed over.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import declared_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK: Final = 256 * 1024
"""Bytes read at once: some dozens of entries."""

LONGEST_TAG: Final = 64 * 1024
"""Bytes of the root's start tag, and of what may stand before it (a DTD's internal subset)."""

_OVERLAP: Final = 256
"""Bytes kept from one chunk to the next, so that no tag is missed between two."""

Fault = Literal["cut", "too large", "unclosed"]

_WIDE: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00?\x00", "utf-16-le"),
    (b"\x00<\x00?", "utf-16-be"),
)
"""How a feed starts that is in no superset of ASCII; it is read through a transcoder."""

_PROLOGUE: Final = re.compile(rb"<!--|<\?|<!DOCTYPE\b|<[A-Za-z_]")
_IN_DOCTYPE: Final = re.compile(rb"""<!--|<\?|["'\[\]>]""")
_CLOSERS: Final = {
    b"<!--": b"-->",
    b"<?": b"?>",
    b"<![CDATA[": b"]]>",
    b'"': b'"',
    b"'": b"'",
}
_START_TAG: Final = re.compile(rb"""<([\w.:-]+)(?:[^<>"']|"[^"]*"|'[^']*')*>""")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the first entry: the root's start tag, and the feed's own metadata.

    Both are empty where the root is itself an entry.
    """

    root_tag: bytes
    root_name: bytes
    metadata: bytes
    has_doctype: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """An entry's bytes (empty where it is too large); ``end`` is the offset just behind it.

    Offsets count bytes of the file, or of its UTF-8 form where it is UTF-16 or UTF-32.
    """

    data: bytes
    line: int
    end: int
    end_line: int
    size: int
    fault: Fault | None = None


class Text:
    """The bytes of a feed in a superset of ASCII: as they are, or (UTF-16, UTF-32) as UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = stream.read(LONGEST_TAG)
        wide = next((name for mark, name in _WIDE if self._start.startswith(mark)), None)
        self.encoding = wide or declared_encoding(self._start) or "utf-8"
        self.transcoded = wide is not None or self.encoding == "iso2022_jp"
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        self.size = 0
        """Bytes of the file read so far."""

    def read(self) -> bytes:
        """The next bytes, empty at the end; raises :class:`Unreadable` for undecodable ones."""
        while True:
            chunk = self._start or self._stream.read(CHUNK)
            self._start = b""
            self.size += len(chunk)
            if not self.transcoded:
                return chunk
            decoded = self._decode(chunk)
            if decoded or not chunk:
                return decoded

    def _decode(self, chunk: bytes) -> bytes:
        try:
            return self._decoder.decode(chunk, final=not chunk).encode("utf-8")
        except (UnicodeDecodeError, UnicodeEncodeError) as error:
            raise Unreadable(
                f"the text is not valid {self.encoding.upper()} ({error.reason})",
                "Save it again as UTF-8.",
            ) from error

    def seek(self, offset: int) -> bool:
        """Go to ``offset``, where that can be done without reading up to it."""
        if self.transcoded or not self._stream.seekable():
            return False
        self._start = b""
        self.size = self._stream.seek(offset)
        return True


class Frames:
    """The entries of a feed, one :class:`Frame` after the other."""

    def __init__(self, text: Text, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._buffer = bytearray()
        self._at_end = False
        self._missing: set[bytes] = set()
        self._outside = self._within = self._empty = re.compile(b"(?!)")
        self.offset = 0
        self.line = 1
        self.closed = False
        """Whether the end tag of the root was seen."""

    # --- The buffer -------------------------------------------------------------------

    def _more(self) -> bool:
        chunk = b"" if self._at_end else self._text.read()
        self._at_end = not chunk
        self._buffer += chunk
        return bool(chunk)

    def _drop(self, count: int) -> bytes:
        part = bytes(self._buffer[:count])
        del self._buffer[:count]
        self.offset += len(part)
        self.line += part.count(b"\n")
        return part

    def go_to(self, offset: int, line: int) -> None:
        """Go on at ``offset``, which is on ``line``; by reading where there is no seeking."""
        if self._text.seek(offset):
            self._buffer.clear()
            self._at_end, self.offset = False, offset
        while self.offset < offset and (self._buffer or self._more()):
            self._drop(min(len(self._buffer), offset - self.offset))
        self.line = line

    # --- The head ---------------------------------------------------------------------

    def head(self) -> Head:
        """What stands before the first entry; raises :class:`Unreadable` where there is none."""
        while len(self._buffer) < LONGEST_TAG and self._more():
            pass
        start, has_doctype = _root_start(bytes(self._buffer[:LONGEST_TAG]))
        tag = None if start is None else _START_TAG.match(self._buffer, start, LONGEST_TAG)
        if start is None or tag is None:
            raise _no_feed(len(self._buffer), self._limit)
        name, root_tag, end = bytes(tag[1]), bytes(tag[0]), tag.end()
        self._look_for(name)
        if name.rpartition(b":")[2] == b"entry":
            self._drop(start)
            self.closed = True
            return Head(b"", name, b"", has_doctype)
        self._drop(end)
        return Head(root_tag, name, self._before_first(), has_doctype)

    def _look_for(self, root: bytes) -> None:
        """Learn from the root's name which elements are the entries."""
        names = _entry_names(root)
        section, start = b"<!--|<!\\[CDATA\\[", b"<(?:" + names + b")(?=[\\s/>])"
        root_end = b"</" + re.escape(root) + b"\\s{0,64}>"
        self._outside = re.compile(b"|".join((section, start, root_end)))
        self._within = re.compile(b"|".join((section, start, b"</(?:" + names + b")\\s{0,64}>")))
        self._empty = re.compile(b"<(?:" + names + b")(?:\\s[^<>]{0,4096})?/>")

    def _before_first(self) -> bytes:
        """The feed's own metadata; the first entry is then at the buffer's start."""
        parts: list[bytes] = []
        size = 0
        for part in self._up_to_entry():
            parts.append(part)
            size += len(part)
            if size > self._limit:
                raise _no_feed(self._text.size, self._limit)
        return b"".join(parts)

    def _up_to_entry(self) -> Iterator[bytes]:
        """What stands before the next entry's start tag, which is then at the buffer's start."""
        at = 0
        while True:
            found = self._outside.search(self._buffer, at)
            if found is None:
                keep = 0 if self._at_end else _OVERLAP
                yield self._drop(max(at, len(self._buffer) - keep))
                at = 0
                if self._at_end or not self._more():
                    self._at_end = True
                    yield self._drop(len(self._buffer))
                    return
            elif found[0].startswith(b"<!"):
                opener = bytes(found[0])  # a match looks into the buffer, which changes
                yield self._drop(found.end())
                yield from self._section(opener)
                at = 0
            elif found[0].startswith(b"</"):
                self.closed = True
                at = found.end()
            else:
                yield self._drop(found.start())
                return

    def _section(self, opener: bytes) -> Iterator[bytes]:
        """A comment or CDATA section outside entries, whose opener was just passed."""
        closer = _CLOSERS[opener]
        if closer in self._missing:
            return
        while (at := self._buffer.find(closer)) < 0:
            if not self._more():
                # It is never closed: what it seems to hold is looked at after all.
                self._missing.add(closer)
                return
            if len(self._buffer) > self._limit:
                yield self._drop(len(self._buffer) - _OVERLAP)
        yield self._drop(at + len(closer))

    # --- The entries ------------------------------------------------------------------

    def __iter__(self) -> Iterator[Frame]:
        while True:
            for _ in self._up_to_entry():
                pass
            if not self._buffer:
                return
            yield self._entry()

    def _entry(self) -> Frame:
        """The entry at the buffer's start; what is above the limit is passed over."""
        line, at, dropped = self.line, 1, 0
        fault: Fault | None = None
        if empty := self._empty.match(self._buffer):
            return self._frame(line, empty.end(), 0, None)
        while True:
            found = self._within.search(self._buffer, at)
            if found is None:
                at = max(at, len(self._buffer) - _OVERLAP)
                if not self._more():
                    return self._frame(line, len(self._buffer), dropped, "cut")
            elif found[0].startswith(b"</"):
                return self._frame(line, found.end(), dropped, fault)
            elif not found[0].startswith(b"<!"):
                # the next entry starts, and this one was not closed
                return self._frame(line, found.start(), dropped, fault or "unclosed")
            elif dropped + found.start() > self._limit:
                at = found.end()  # too large anyway: any end tag ends it
            elif (end := self._section_end(bytes(found[0]), found.end())) is None:
                at, fault = found.end(), "unclosed"
            else:
                at = end
            if at > self._limit + CHUNK:
                dropped += len(self._drop(min(at, len(self._buffer)) - 1))
                at = 1

    def _section_end(self, opener: bytes, start: int) -> int | None:
        """Where the section ends that was opened before ``start``; None: nowhere near.

        How far is looked hangs on the entry's start alone, and not on where chunks end.
        """
        closer, bound = _CLOSERS[opener], self._limit + CHUNK
        if closer in self._missing:
            return None
        at = start
        while (found := self._buffer.find(closer, at, bound)) < 0:
            at = max(start, len(self._buffer) - len(closer))
            if len(self._buffer) >= bound:
                return None
            if not self._more():
                self._missing.add(closer)
                return None
        return found + len(closer)

    def _frame(self, line: int, count: int, dropped: int, fault: Fault | None) -> Frame:
        data = self._drop(count)
        size = dropped + len(data)
        if size > self._limit:
            data, fault = b"", "too large"
        return Frame(data, line, self.offset, self.line, size, fault)


def _entry_names(root: bytes) -> bytes:
    """The pattern of the entries' names. RSS 1.0's and tombstones' may have any prefix."""
    prefix, _, local = root.rpartition(b":")
    if local in (b"feed", b"entry"):
        own = re.escape(prefix) + b":entry" if prefix else b"entry"
        return own + b"|(?:[\\w.-]+:)?deleted-entry"
    return b"(?:[\\w.-]+:)?item" if local == b"RDF" else b"item"


def _root_start(head: bytes) -> tuple[int | None, bool]:
    """Where the root element starts, and whether a DOCTYPE stands before it."""
    at, has_doctype = 0, False
    while found := _PROLOGUE.search(head, at):
        if found[0] == b"<!DOCTYPE":
            has_doctype = True
            at = _doctype_end(head, found.end())
        elif found[0] in _CLOSERS:
            at = _past(head, found[0], found.end())
        else:
            return found.start(), has_doctype
    return None, has_doctype


def _doctype_end(head: bytes, at: int) -> int:
    depth = 0
    while found := _IN_DOCTYPE.search(head, at):
        at = found.end()
        if found[0] in _CLOSERS:
            at = _past(head, found[0], at)
        elif found[0] == b">" and depth <= 0:
            return at
        else:
            depth += {b"[": 1, b"]": -1}.get(found[0], 0)
    return len(head)


def _past(head: bytes, opener: bytes, at: int) -> int:
    """Behind the section that ``opener`` opened before ``at``; the end, where it isn't closed."""
    found = head.find(_CLOSERS[opener], at)
    return len(head) if found < 0 else found + len(_CLOSERS[opener])


def _no_feed(size: int, limit: int) -> Unreadable:
    if size > limit:
        return Unreadable(
            f"no entry starts within the first {limit} bytes of the feed; {size} bytes were read",
            "If it is a feed, raise WIREDESK_MAX_ARTICLE_BYTES.",
        )
    return Unreadable(
        "it is no feed: there is no RSS or Atom element at its start",
        "Check what the address gave when it was saved.",
    )
