"""A compressed file (gzip, bzip2, xz, Zstandard): whatever is in it, read as a stream."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final

from services.ingest.names import shown
from services.ingest.readers import sniff
from services.ingest.readers.base import Reader, Record, Resume, Source, Unreadable
from services.ingest.readers.unpacking import (
    GZIP,
    Packing,
    compressed_head,
    head_of,
    packing_of,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CompressedReader", "compressed_head", "refuse_depth"]

_HAS_NAME: Final = 0x08
_HAS_EXTRA: Final = 0x04
_FIXED: Final = 10
"""Bytes of a gzip header before its optional fields (RFC 1952, 2.3)."""


class CompressedReader(Reader):
    """Reads what a compressed file holds, by the reader for that.

    The records are the inner reader's, and so are their checkpoints: going on later unpacks the
    file once more from its start, which costs time and no memory.
    """

    name = "compressed"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` is compressed; gzip-compressed WARC files have their own reader."""
        packing = packing_of(head)
        if packing is None:
            return False
        return packing is not GZIP or not compressed_head(head).startswith(b"WARC/")

    def read(self, source: Source) -> Iterator[Record]:
        """Yield what the inner reader finds; see the contract for errors."""
        return self._inner(source, None)

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what the inner reader finds after ``resume``."""
        return self._inner(source, resume)

    def _inner(self, source: Source, resume: Resume | None) -> Iterator[Record]:
        from services.ingest.readers.registry import read_file  # noqa: PLC0415  (it imports this)

        refuse_depth(source, self.limits.nesting)
        with source.open() as stream:
            head = head_of(stream, sniff.HEAD_BYTES)
        packing = packing_of(head)
        if packing is None:
            raise Unreadable("this is no compressed data", "Drop it again.")
        name = _inner_name(source.name, packing, head)

        def reopen() -> BinaryIO:
            return unpacked(source.open(), packing, source.budget)

        outer = source.locator or shown(source.name.encode("utf-8", "surrogateescape"))
        where = f"{outer}!{shown(name.encode('utf-8', 'surrogateescape'))}"
        for record in read_file(source.inside(name, None, reopen, where), self.limits, resume):
            yield record if record.locator else replace(record, locator=where)


def refuse_depth(source: Source, nesting: int) -> None:
    """Raise :class:`Unreadable` where ``source`` is packed in too many layers to be opened."""
    if source.depth >= nesting:
        raise Unreadable(
            f"packed more than {nesting} layers deep", "Unpack it and drop what is in it."
        )


def _inner_name(name: str, packing: Packing, head: bytes) -> str:
    """What the file is called without its compression: ``x.jsonl`` for ``x.jsonl.gz``."""
    lower = name.casefold()
    for suffix, instead in packing.suffixes:
        if lower.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + instead
    return (_name_in_gzip(head) if packing is GZIP else "") or name


def _name_in_gzip(head: bytes) -> str:
    """The name that a gzip header gives, without folders; empty where it gives none."""
    flags, at = head[3:4], _FIXED
    if not flags or not flags[0] & _HAS_NAME:
        return ""
    if flags[0] & _HAS_EXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    end = head.find(b"\0", at)
    # RFC 1952 says Latin-1; programs write the bytes of the file system, which are UTF-8.
    return posixpath.basename(head[at:end].decode("utf-8", "replace")) if end > at else ""
