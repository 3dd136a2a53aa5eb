"""The items of a large XML file, cut out before anything is parsed.

Only tags are looked at, not their meaning: so memory stays flat however many items a file has,
an item that isn't well-formed (or too large, or not in its encoding) doesn't cost the others,
several documents may follow each other in one file, and reading can go on at a byte.  The
document type declaration is passed over: no parser ever sees one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.ingest.readers.base import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.feed_frames import Text

MAX_TAG: Final = 256 * 1024
"""Bytes of one tag or document type declaration outside the items. NITF's whole DTD, had in as
an internal subset, has 150 KiB; no tag comes near."""

MAX_DEPTH: Final = 64
"""Elements around an item: newsMessage and itemSet, or one wrapper more."""

MAX_MARKUPS: Final = 100_000
"""Tags and the like between two items: a message's header has some dozens, and each costs some
microseconds."""

_TAIL: Final = 512
"""Bytes kept from one chunk to the next, so that no tag's name is missed between two."""

_NAME: Final = rb"[A-Za-z_:\x80-\xff][\w.:\-\x80-\xff]{0,299}+"
_TAG: Final = re.compile(
    rb"<(?P<end>/?)(?P<name>" + _NAME + rb")"
    rb"(?P<attributes>(?>[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)"
    rb"(?>(?P<open>\"[^\"<]*+|'[^'<]*+)?)(?P<close>>)?"
)
_DOCTYPE_PART: Final = re.compile(rb"""<!--|<\?|["'<>\[\]]""")
_CLOSERS: Final = {b"<!--": b"-->", b"<?": b"?>", b'"': b'"', b"'": b"'"}
_LABEL: Final = re.compile(
    rb"<\?xml\s[^>]{0,200}?\bencoding\s{0,8}=\s{0,8}[\"']([^\"'<>]{1,40})[\"']"
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag: its local name, and its attributes as written."""

    local: str
    attributes: bytes
    length: int
    closing: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its bytes, where they are, and what holds around them.

    ``number`` counts the file's items from 1.  ``data`` is empty where the item is larger than
    the limit.  ``around``: the start tags of the elements that it is in, the outermost first.
    ``fault``: why it isn't whole.  ``before`` and ``after`` are checkpoints: framing goes on at
    this item, or behind it.
    """

    name: str
    number: int
    data: bytes
    size: int
    line: int
    around: tuple[Tag, ...]
    label: str | None
    doctype: str
    fault: str | None
    before: str
    after: str


class Scanner:
    """Cuts the elements named ``names`` (local names) out of ``text``.

    ``limit``: bytes of an item, and of what stands between two.  ``nested``: an item may hold
    others of its name, which are part of it; else one that starts within another ends it.
    """

    def __init__(self, text: Text, names: frozenset[str], limit: int, *, nested: bool) -> None:
        self._text = text
        self._names = names
        self._limit = limit
        self._nested = nested
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._offset = 0
        self.line = 1
        self._open: list[tuple[int, Tag]] = []
        self._declared: tuple[int, str] | None = None
        self._doctype: tuple[int, str] | None = None
        self._failure: Unreadable | None = None
        self._number = 0
        self._markups = 0
        self._kept: list[bytes] | None = None
        self._size = 0
        self.unfinished = False
        """Whether the file ended within an element (and no item's fault says so)."""

    # --- The buffer -------------------------------------------------------------------

    def _fill(self) -> bool:
        chunk = b""
        try:
            chunk = b"" if self._ended else self._text.read()
        except Unreadable as refusal:
            self._failure = refusal  # told once the items before it are
        self._ended = not chunk
        if chunk:
            self._buffer = self._buffer[self._at :] + chunk
            self._at = 0
        return bool(chunk)

    def _left(self) -> int:
        return len(self._buffer) - self._at

    def _consume(self, count: int) -> None:
        piece = self._buffer[self._at : self._at + count]
        self._at += len(piece)
        self._offset += len(piece)
        self.line += piece.count(b"\n")
        self._size += len(piece)
        if self._kept is not None and self._size <= self._limit:
            self._kept.append(piece)
        elif self._kept:
            self._kept.clear()
        if self._kept is None and self._size > self._limit:
            raise self._no_item()

    def _no_item(self) -> Unreadable:
        names = " or ".join(f"<{name}>" for name in sorted(self._names))
        return Unreadable(
            f"no {names} in {self._size} bytes and {self._markups} tags up to line {self.line}, "
            f"the limits are {self._limit} bytes and {MAX_MARKUPS} tags",
            "Drop the file as the provider sent it; items may be wrapped, but not so far apart.",
        )

    def _skip(self, opening: int, closer: bytes) -> bool:
        """Go behind the next ``closer``; False where the file ends before it."""
        self._consume(opening)
        while (found := self._buffer.find(closer, self._at)) < 0:
            self._consume(max(0, self._left() - len(closer) + 1))
            if not self._fill():
                self._consume(self._left())
                return False
        self._consume(found + len(closer) - self._at)
        return True

    # --- Going on ---------------------------------------------------------------------

    def _checkpoint(self) -> str:
        marks = [found[0] for found in (self._declared, self._doctype) if found]
        marks += [offset for offset, _ in self._open]
        # In the order of the file: a declaration may stand within an element, where none belongs.
        return f"{self._offset},{self.line},{self._number};{','.join(map(str, sorted(marks)))}"

    def go_on(self, checkpoint: str) -> None:
        """Go where ``checkpoint`` was made, by way of the tags that were open there."""
        place, _, marks = checkpoint.partition(";")
        offset, line, number = (int(part) for part in place.split(","))
        for mark in marks.split(",") if marks else ():
            self._go_to(int(mark))
            self._markup()
        self._go_to(offset)
        self.line, self._number = line, number
        self._size = self._markups = 0

    def _go_to(self, offset: int) -> None:
        ahead = offset - self._offset
        if ahead > self._left() and self._text.seek(offset):
            self._buffer, self._at, self._offset, self._ended = b"", 0, offset, False
        while self._offset < offset and (self._left() or self._fill()):
            step = min(self._left(), offset - self._offset)
            self._at += step
            self._offset += step

    # --- Outside the items ------------------------------------------------------------

    def items(self) -> Iterator[Item]:
        """Every item in the order of the file; raises :class:`Unreadable` where none comes."""
        while True:
            before, line = self._checkpoint(), self.line
            tag = self._markup() if self._to_markup() else None
            if tag is not None:
                yield self._item(tag, before, line)
            elif self._ended and not self._left():
                self.unfinished = self.unfinished or bool(self._open)
                if self._failure:
                    raise self._failure
                return

    def _to_markup(self) -> bool:
        while (found := self._buffer.find(b"<", self._at)) < 0:
            self._consume(self._left())
            if not self._fill():
                return False
        if found > self._at:
            self._consume(found - self._at)
            return False
        return True

    def _markup(self) -> Tag | None:
        """Go behind the markup here; an item's start tag is returned instead."""
        self._markups += 1
        if self._markups > MAX_MARKUPS:
            raise self._no_item()
        while self._left() < len(b"<![CDATA[") and self._fill():
            pass
        start = self._buffer[self._at : self._at + len(b"<![CDATA[")]
        if start.startswith(b"<!--"):
            self._close(self._skip(4, b"-->"))
        elif start == b"<![CDATA[":
            self._close(self._skip(9, b"]]>"))
        elif start.startswith(b"<?"):
            self._instruction()
        elif start.upper() == b"<!DOCTYPE":
            self._declaration()
        else:
            return self._element()
        return None

    def _close(self, done: bool) -> None:  # noqa: FBT001  (what the skip says)
        self.unfinished = self.unfinished or not done

    def _instruction(self) -> None:
        while self._left() < _TAIL and self._fill():
            pass
        if found := _LABEL.match(self._buffer, self._at, self._at + _TAIL):
            self._declared = self._offset, found[1].decode("ascii", "replace")
        self._close(self._skip(2, b"?>"))

    def _declaration(self) -> None:
        while (end := self._end_of_doctype()) is None:
            if self._left() > MAX_TAG:
                raise _too_long(self.line)
            if not self._fill():
                self.unfinished = True
                self._consume(self._left())
                return
        text = self._buffer[self._at : end].partition(b"[")[0]
        self._doctype = self._offset, text[:_TAIL].decode("utf-8", "replace")
        self._consume(end - self._at)

    def _end_of_doctype(self) -> int | None:
        at, depth, subset = self._at + len(b"<!DOCTYPE"), 0, 0
        while part := _DOCTYPE_PART.search(self._buffer, at):
            sign, at = part[0], part.end()
            if closer := _CLOSERS.get(sign):
                if (found := self._buffer.find(closer, at)) < 0:
                    return None
                at = found + len(closer)
            elif sign == b">" and not depth and not subset:
                return at
            depth += (sign == b"<") - (sign == b">")
            subset += (sign == b"[") - (sign == b"]")
        return None

    def _element(self) -> Tag | None:
        tag = self._tag()
        if tag is None:
            self._consume(1)
        elif tag.local in self._names and not tag.closing:
            return tag
        else:
            self._enter(tag)
            self._consume(tag.length)
        return None

    def _enter(self, tag: Tag) -> None:
        if tag.closing:
            # An end tag that nothing opened is left out, as one that is missing closes itself.
            last = [i for i, (_, opened) in enumerate(self._open) if opened.local == tag.local]
            del self._open[last[-1] if last else len(self._open) :]
            self._doctype = self._doctype if self._open else None
        elif not tag.empty:
            self._open.append((self._offset, tag))
        if len(self._open) > MAX_DEPTH:
            raise Unreadable(
                f"more than {MAX_DEPTH} elements within each other on line {self.line}",
                "Drop the items as the provider sent them.",
            )

    def _tag(self) -> Tag | None:
        """The whole tag that stands here; None where it is none, or the file ends within it."""
        while True:
            found = _TAG.match(self._buffer, self._at)
            if found and found["close"]:
                break
            if (found.end() if found else self._at + 2) < len(self._buffer):
                return self._broken_tag(found)
            if self._left() > MAX_TAG:
                raise _too_long(self.line)
            if not self._fill():
                self.unfinished = True
                return self._broken_tag(found)
        local = found["name"].rpartition(b":")[2].decode("utf-8", "replace")
        attributes = found["attributes"]
        empty = attributes.rstrip().endswith(b"/")
        return Tag(local, attributes, found.end() - self._at, bool(found["end"]), empty)

    def _broken_tag(self, found: re.Match[bytes] | None) -> Tag | None:
        # An item's start tag that isn't well-formed still says that there is an item.
        name = found["name"] if found and not found["end"] else b""
        local = name.rpartition(b":")[2].decode("utf-8", "replace")
        return Tag(local, b"", len(name) + 1) if local in self._names else None

    # --- Inside an item ---------------------------------------------------------------

    def _item(self, tag: Tag, before: str, line: int) -> Item:
        self._kept, self._size = [], 0
        around = tuple(opened for _, opened in self._open)
        self._consume(tag.length)
        fault = None if tag.empty else self._inside(tag.local)
        data, size = b"".join(self._kept), self._size
        self._kept, self._size, self._markups = None, 0, 0
        self._number += 1
        doctype = self._doctype[1] if self._doctype else ""
        if not self._open:
            self._doctype = None
        return Item(
            name=tag.local,
            number=self._number,
            data=data if size <= self._limit else b"",
            size=size,
            line=line,
            around=around,
            label=self._declared[1] if self._declared else None,
            doctype=doctype,
            fault=fault,
            before=before,
            after=self._checkpoint(),
        )

    def _inside(self, local: str) -> str | None:
        """Go behind the item's end tag; what is wrong where there is none."""
        name = re.escape(local.encode())
        looked_for = re.compile(
            rb"<(?:!--|!\[CDATA\[|\?|/?(?:[\w.\-\x80-\xff]+:)?" + name + rb"(?=[\s/>]))"
        )
        depth = 1
        while depth:
            found = looked_for.search(self._buffer, self._at)
            if found is None:
                if not self._further():
                    return self._cut(local)
                continue
            self._consume(found.start() - self._at)
            step = self._step(found[0])
            if step is None:
                return self._cut(local)
            if step > 0 and not self._nested:
                return f"it has no end: the next <{local}> begins on line {self.line}"
            depth += step
        return None

    def _step(self, token: bytes) -> int | None:
        """How much deeper the markup here leads; None where the file ends within it."""
        for opening, closer in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")):
            if token == opening:
                return 0 if self._skip(len(opening), closer) else None
        tag = self._tag()
        if tag is None:
            self._consume(1)
            return 0
        if tag.closing or tag.empty or self._nested:
            self._consume(tag.length)
        return -1 if tag.closing else 0 if tag.empty else 1

    def _further(self) -> bool:
        tail = self._buffer.rfind(b"<", max(self._at, len(self._buffer) - _TAIL))
        self._consume((tail if tail >= 0 else len(self._buffer)) - self._at)
        return self._fill()

    def _cut(self, local: str) -> str:
        self._consume(self._left())
        self._open.clear()
        self.unfinished = False
        return f"the file ends on line {self.line} before its </{local}>"


def _too_long(line: int) -> Unreadable:
    return Unreadable(
        f"a tag on line {line} has more than {MAX_TAG} bytes",
        "Drop the file as the provider sent it.",
    )
