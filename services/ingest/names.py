"""Names of files: which are ignored by rule, how they are shown, what they are archived as."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from services.observability import printable

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

RECEIPT_SUFFIX = b".receipt.json"

_TEMPORARY_SUFFIXES = (
    b".tmp",
    b".temp",
    b".part",
    b".partial",
    b".filepart",  # WinSCP
    b".crdownload",  # Chrome
    b".download",  # Safari
    b".swp",
    b".swo",
    b".swx",
    b"~",  # editors' backups
)
_TEMPORARY_PREFIXES = (b"~$", b"~wrl")  # Office's owner files and scratch files
_TEMPORARY_NAMES = frozenset({b"thumbs.db", b"ehthumbs.db", b"desktop.ini", b"$recycle.bin"})

_NAME_MAX = 255
"""Bytes of one name on every common file system."""

_LONGEST_ARCHIVED = _NAME_MAX - len(RECEIPT_SUFFIX)
"""Bytes of an archived name, so that its receipt's name still fits."""


def is_hidden(name: bytes) -> bool:
    """Whether one part of a path is hidden (leading dot)."""
    return name.startswith(b".")


def is_temporary(name: bytes) -> bool:
    """Whether one part of a path is what programs call a file that isn't finished or isn't news."""
    low = name.lower()
    return (
        low.endswith(_TEMPORARY_SUFFIXES)
        or low.startswith(_TEMPORARY_PREFIXES)
        or low in _TEMPORARY_NAMES
    )


def is_ignored(path: bytes) -> bool:
    """Whether a path below the inbox is ignored by rule, for any of its parts."""
    return any(is_hidden(part) or is_temporary(part) for part in path.split(b"/"))


def why_ignored(path: Path) -> str | None:
    """Why ingest would pass over a file, by its name and kind; None where it would take it."""
    if is_ignored(posixpath.basename(os.fsencode(path))):
        return "hidden and temporary names are ignored"
    if path.is_symlink():
        return "links are never read"
    if path.is_dir():
        return "a folder; name the files in it"
    return None


def shown(path: bytes) -> str:
    r"""``path`` for people and events: bytes that aren't UTF-8 and control characters escaped."""
    return printable(path.decode("utf-8", "backslashreplace"))


def archive_name(name: bytes, drop_id: UUID, attempt: int) -> bytes:
    """The name to archive ``name`` under: itself at attempt 0, then ``name~<8 hex>.ext``, ….

    A name too long for its receipt's is shortened in its stem, and marked the same way.
    """
    if attempt == 0 and len(name) <= _LONGEST_ARCHIVED:
        return name
    mark = b"~" + drop_id.hex[:8].encode("ascii")
    if attempt > 1:
        mark += b"-%d" % attempt
    stem, extension = posixpath.splitext(name)
    # A "file extension" of a hundred bytes is a name with a dot in it.
    if len(extension) > 32:  # noqa: PLR2004  (longer than any registered one, see above)
        stem, extension = name, b""
    return _cut(stem, _LONGEST_ARCHIVED - len(mark) - len(extension)) + mark + extension


def _cut(stem: bytes, length: int) -> bytes:
    """At most ``length`` bytes of ``stem``, not in the middle of a UTF-8 character."""
    if len(stem) <= length:
        return stem
    while length and stem[length] & 0xC0 == 0x80:  # noqa: PLR2004  (10xxxxxx: a continuation byte)
        length -= 1
    return stem[:length]
