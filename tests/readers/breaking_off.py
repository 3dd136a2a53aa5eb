"""Sources for tests of streaming readers: forward-only ones, broken-off ones, resumed ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from services.ingest.readers.base import Limits, Resume, Source

if TYPE_CHECKING:
    from services.ingest.readers.base import Reader, Record


class ForwardOnly(io.BytesIO):
    """A stream as a decompressor gives it: no seeking, and short reads."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation(f"seek to {offset}, {whence}")

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size < 0 else min(size, 1000))


def forward_only(data: bytes) -> Source:
    """A source of unknown size whose stream can't seek."""
    return Source(name="stream", size=None, open=lambda: ForwardOnly(data))


def counted(data: bytes) -> tuple[Source, list[int]]:
    """A source, and the number of bytes of each read of it (filled while it is read)."""
    reads: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            got = super().read(size)
            reads.append(len(got))
            return got

    return Source(name="file", size=len(data), open=lambda: Counting(data)), reads


def assert_resumable(reader: Reader, source: Source) -> list[Record]:
    """That reading may be broken off after each record; returns all records."""
    whole = list(reader.read(source))
    for cut, record in enumerate(whole, start=1):
        rest = reader.resume(source, Resume(record.position, record.checkpoint))
        assert list(rest) == whole[cut:], f"resumed after record {cut}"
    return whole


def refused_at(reader: Reader, source: Source, record: Record | None) -> list[Record]:
    """What comes after ``record`` where the next one brought the reader down."""
    place = Resume(record.position, record.checkpoint) if record else Resume(0)
    return list(
        reader.resume(source, Resume(place.position, place.checkpoint, refuse="it took too long"))
    )


SMALL = Limits(article_bytes=2_000)
"""Limits that a test's record can exceed."""
