"""Streams and sources as readers of large files meet them; for their tests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.registry import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class OneWay(io.RawIOBase):
    """Bytes that come piece by piece, and not again; ``piece`` bytes at once."""

    def __init__(self, data: bytes, piece: int) -> None:
        super().__init__()
        self._stream = io.BytesIO(data)
        self._piece = piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._piece))
        buffer[: len(data)] = data
        return len(data)


def one_way(data: bytes, name: str = "story", piece: int = 64 * 1024) -> Source:
    """A source of unknown size whose streams can't be sought."""
    return Source(name, None, lambda: cast("BinaryIO", io.BufferedReader(OneWay(data, piece), 16)))


class Repeated(io.RawIOBase):
    """``start``, ``part`` so many ``times``, and ``end``: as large as wanted, made on the way."""

    def __init__(self, start: bytes, part: bytes, times: int, end: bytes) -> None:
        super().__init__()
        self._start, self._part, self._end = start, part, end
        self.size = len(start) + len(part) * times + len(end)
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._from(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _from(self, at: int, most: int) -> bytes:
        if at < len(self._start):
            return self._start[at : at + most]
        tail = self.size - len(self._end)
        if at >= tail:
            return self._end[at - tail : at - tail + most]
        offset = (at - len(self._start)) % len(self._part)
        count = most // len(self._part) + 2
        return (self._part * count)[offset : offset + min(most, tail - at)]


def repeated(start: bytes, part: bytes, times: int, end: bytes, name: str = "story") -> Source:
    """A large source that is never in memory, nor on disk."""

    def opened() -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(Repeated(start, part, times, end)))

    return Source(name, None, opened)


def all_of(
    given: Source, limits: Limits | None = None, resume: Resume | None = None
) -> list[Record | str]:
    """Every record, and the reason of a refusal as a last one."""
    found: list[Record | str] = []
    try:
        found.extend(read_file(given, limits or Limits(), resume))
    except Unreadable as refusal:
        found.append(refusal.reason)
    return found


def articles(given: Source, limits: Limits | None = None) -> list[ReadArticle]:
    """The articles, where nothing else comes."""
    found = list(read_file(given, limits or Limits()))
    assert all(isinstance(record, ReadArticle) for record in found), found
    return [record for record in found if isinstance(record, ReadArticle)]


def headlines(found: list[Record | str]) -> list[str | None]:
    """What each is: an article's headline, or the reason of what is none."""
    return [what(each) for each in found]


def what(each: Record | str) -> str | None:
    """An article's headline, or the reason of what is none."""
    if isinstance(each, str):
        return each
    return each.reason if isinstance(each, BadRecord) else each.headline


def assert_goes_on(
    make: Callable[[], Source], limits: Limits | None = None, *, refusing: bool = True
) -> list[Record | str]:
    """Hold the property of ``Resume``: reading goes on after any record as if it had not stopped.

    ``refusing``: also where the next record is refused, the ones after it come all the same.
    """
    whole = all_of(make(), limits)
    for number, record in enumerate(whole[:-1], start=1):
        assert not isinstance(record, str)
        resume = Resume(record.position, record.checkpoint)
        assert all_of(make(), limits, resume) == whole[number:], f"after record {number}"
        following = whole[number]
        if refusing and not isinstance(following, str):
            refused, *others = all_of(make(), limits, replace_refuse(resume))
            assert isinstance(refused, BadRecord)
            assert refused.position == record.position + 1
            assert refused.reason == "it took too long"
            assert without_notes(others) == without_notes(whole[number + 1 :])
    return whole


def replace_refuse(resume: Resume) -> Resume:
    return Resume(resume.position, resume.checkpoint, "it took too long")


def without_notes(found: list[Record | str]) -> list[tuple[object, ...]]:
    """What counts of records, for comparing."""
    return [
        (each,)
        if isinstance(each, str)
        else (each.position, each.locator, each.checkpoint, each.headline)
        for each in found
    ]


def pieces(data: bytes) -> Iterator[Source]:
    """The same bytes in chunks of several sizes: framing must not depend on them."""
    for piece in (1, 7, 200, 4096):
        yield one_way(data, piece=piece)
