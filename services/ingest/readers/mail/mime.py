"""A message taken apart into its parts, by one pass over the bytes.

Not the standard library's parser: that nests a generator for each level of a multipart (so a
mail that nests hundreds deep costs the square of its size, then the stack), holds several
copies of all attachments, and parses every header.  Here parts are ranges of the message, and
only the fields that are asked for are kept.  Fields are still read by the standard library.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from typing import TYPE_CHECKING, TypeVar

from services.ingest.readers.lines import clean
from services.ingest.readers.mail.envelope import FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 32
"""Levels of multiparts. Mail programs nest three to five; forwards of forwards some more."""

MAX_PARTS = 1000
"""Parts of one message; the largest digests of mailing lists have a few hundred."""

MAX_FIELD = 16 * 1024
"""Bytes of one field that are looked at: the standard library's parsing of parameters and
comments costs the square of their length, and RFC 5322 knows lines of 998 characters."""

MAX_BROKEN_LINES = 8
"""Lines within a header that are no fields (wrapped without indent) and are stepped over."""

_BREAK = re.compile(rb"\r?\n")
_DELIMITER = re.compile(rb"^--([^\r\n]{1,250})\r?$", re.MULTILINE)
"""RFC 2046 allows boundaries of 70 characters, and white space after them."""
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_WANTED = frozenset({
    "subject", "from", "sender", "date", "message-id", "keywords", "content-language", "list-id",
    "organization", "organisation", "archived-at", "content-type", "content-disposition",
    "content-transfer-encoding", "content-id", "content-location", "snapshot-content-location",
})  # fmt: skip

_T = TypeVar("_T")


@dataclass
class Part:
    """A part of a message: its fields, and the range of bytes that is its content."""

    fields: dict[str, bytes]
    start: int
    end: int
    children: list[Part] = field(default_factory=list)
    kind: str = "text/plain"
    boundary: bytes | None = None
    number: int = 1
    """Which part of the message it is, from 1, in the order of the bytes."""

    @property
    def is_multipart(self) -> bool:
        """Whether it holds parts and no content of its own."""
        return self.boundary is not None

    @property
    def disposition(self) -> str | None:
        """``attachment`` or ``inline``, where the part says so."""
        return guarded(self.header("content-disposition").get_content_disposition, None)

    @property
    def filename(self) -> str | None:
        """The name that the sender gave it, without folders; None where there is none."""
        message = self.header("content-disposition", "content-type")
        name = guarded(message.get_filename, None)
        return clean(re.split(r"[/\\]", name)[-1])[:120] or None if name else None

    @property
    def charset(self) -> str | None:
        """The encoding that the part declares for its text."""
        return guarded(self.header("content-type").get_content_charset, None)

    def parameter(self, name: str) -> str | None:
        """A parameter of the content type (``format``, ``start``)."""
        value = guarded(lambda: self.header("content-type").get_param(name), None)
        return value if isinstance(value, str) else None

    def header(self, *names: str) -> Message:
        """Only these fields, for the standard library to read parameters from."""
        message = Message()
        for name in names:
            if name in self.fields:
                value = self.fields[name].decode("utf-8", "replace")
                message[name] = "".join(value.splitlines())
        return message


@dataclass
class Parsed:
    """A message as a tree of parts, and what was wrong with it."""

    data: bytes
    root: Part
    warnings: list[str]


def guarded(call: Callable[[], _T], otherwise: _T) -> _T:
    """What ``call`` returns; ``otherwise`` where the standard library fails on a hostile field."""
    try:
        return call()
    except (
        *(ValueError, LookupError, TypeError, AttributeError),
        *(RecursionError, ArithmeticError, MessageError),
    ):
        return otherwise


def parse(data: bytes) -> Parsed:
    """Take ``data`` apart; never raises, whatever is in it."""
    parsed = Parsed(data, _part(data, 0), [])
    if parsed.root.is_multipart or parsed.root.kind.startswith("multipart/"):
        _guess_boundary(parsed)
    if parsed.root.is_multipart:
        _split(parsed)
    return parsed


def _part(data: bytes, start: int) -> Part:
    fields, at = _header(data, start)
    part = Part(fields, at, len(data))
    header = part.header("content-type")
    part.kind = guarded(header.get_content_type, "text/plain")
    if part.kind.startswith("multipart/"):
        boundary = guarded(header.get_boundary, None)
        part.boundary = boundary.encode("utf-8", "replace").rstrip() or None if boundary else None
    return part


def _header(data: bytes, at: int) -> tuple[dict[str, bytes], int]:
    """The wanted fields of the header that starts at ``at``, and where the content starts."""
    fields: dict[str, bytes] = {}
    broken = 0
    first = at
    while True:
        if match := FIELD.match(data, at):
            name = match[1].decode("ascii").lower()
            if name in _WANTED:
                value = data[match.start(2) : min(match.end(2), match.start(2) + MAX_FIELD)]
                fields.setdefault(name, value.strip())
            at = match.end()
            continue
        if blank := _BREAK.match(data, at):
            return fields, blank.end()
        after = data.find(b"\n", at, at + 1000) + 1
        # A line that is no field: the content, unless the header plainly goes on after it.
        goes_on = after and not data.startswith(b"--", at) and FIELD.match(data, after)
        if not goes_on or at == first or broken == MAX_BROKEN_LINES:
            return fields, at
        broken += 1
        at = after


def _guess_boundary(parsed: Parsed) -> None:
    root = parsed.root
    if root.is_multipart:
        return
    if found := _DELIMITER.search(parsed.data, root.start, root.start + 4096):
        root.boundary = found[1].rstrip()
        parsed.warnings.append("multipart without a boundary: the first line like one was taken")
    else:
        root.kind = "text/plain"
        parsed.warnings.append("multipart without a boundary: read as plain text")


def _split(parsed: Parsed) -> None:
    """Fill in the tree below the root."""
    data, open_parts = parsed.data, [parsed.root]
    leaf: Part | None = None
    count = 1
    for match in _DELIMITER.finditer(data, parsed.root.start):
        level = _level(open_parts, match[1].rstrip(b" \t"))
        if level is None:
            continue
        parent, closing = open_parts[level[0]], level[1]
        if leaf is not None:
            leaf.end = _before(data, match.start(), leaf.start)
        del open_parts[level[0] + 1 :]
        leaf = None
        if closing:
            open_parts.pop()
            if not open_parts:
                return
            continue
        if count >= MAX_PARTS:
            parsed.warnings.append(f"more than {MAX_PARTS} parts: the others were left out")
            return
        count += 1
        leaf = _part(data, min(match.end() + 1, len(data)))
        leaf.number = count
        parent.children.append(leaf)
        if leaf.is_multipart:
            leaf = _descend(parsed, leaf, open_parts)
    parsed.warnings.append("it ends within a part: the message was cut off")


def _descend(parsed: Parsed, part: Part, open_parts: list[Part]) -> Part | None:
    if len(open_parts) < MAX_DEPTH:
        open_parts.append(part)
        return None
    part.boundary = None
    warning = f"multiparts nested more than {MAX_DEPTH} deep: what is deeper was left out"
    if warning not in parsed.warnings:
        parsed.warnings.append(warning)
    return part


def _level(open_parts: list[Part], token: bytes) -> tuple[int, bool] | None:
    """Which open multipart a delimiter belongs to (the innermost), and whether it closes it."""
    for index in range(len(open_parts) - 1, -1, -1):
        boundary = open_parts[index].boundary
        if token == boundary:
            return index, False
        if boundary is not None and token == boundary + b"--":
            return index, True
    return None


def _before(data: bytes, at: int, start: int) -> int:
    """The end of the content before a delimiter: the line break belongs to the delimiter."""
    at -= data[at - 1 : at] == b"\n"
    at -= data[at - 1 : at] == b"\r"
    return max(at, start)


def content(parsed: Parsed, part: Part) -> bytes:
    """The bytes of a part with its transfer encoding undone; faults become warnings."""
    raw = parsed.data[part.start : part.end]
    encoding = part.fields.get("content-transfer-encoding", b"").split(b";")[0].strip().lower()
    if encoding == b"base64":
        return _base64(raw, parsed)
    if encoding == b"quoted-printable":
        return quopri.decodestring(raw)
    if encoding not in (b"", b"7bit", b"8bit", b"binary"):
        label = clean(encoding.decode("ascii", "replace"))[:40]
        parsed.warnings.append(f"transfer encoding '{label}' isn't known: taken as it stands")
    return raw


def _base64(raw: bytes, parsed: Parsed) -> bytes:
    """As much as can be decoded: bytes that are no base64 are left out, a cut end is dropped."""
    body, padding, rest = raw.partition(b"=")
    letters = _NO_BASE64.sub(b"", body)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
        parsed.warnings.append("base64 content is damaged or cut off at its end")
    elif padding and rest.strip(b"= \t\r\n-"):
        parsed.warnings.append("what follows the end of base64 content was left out")
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
