"""What every archive's reader does with the members: which are read, and how they are numbered."""

from __future__ import annotations

import posixpath
from abc import abstractmethod
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from services.ingest.names import is_ignored, shown
from services.ingest.readers import sniff
from services.ingest.readers.base import (
    BadRecord,
    Reader,
    Record,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.readers.compressed import refuse_depth
from services.ingest.readers.unpacking import head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

MAX_SHOWN: Final = 300
"""Characters of a member's name in a locator: longer than any path that people make."""

MAX_WARNINGS: Final = 20
"""Warnings of one record, as for every reader."""

_MEDIA: Final = frozenset({
    *("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "tif", "tiff", "webp", "heic", "heif"),
    *("avif", "ico", "psd", "ai", "eps", "raw", "cr2", "nef", "dng"),
    *("mp3", "wav", "ogg", "oga", "flac", "m4a", "aac", "aif", "aiff", "wma"),
    *("mp4", "m4v", "mov", "avi", "mkv", "webm", "wmv", "mpg", "mpeg", "mts", "3gp"),
    *("woff", "woff2", "ttf", "otf", "eot"),
})  # fmt: skip
"""Suffixes of what goes with a story and has no text, if its bytes are no text either."""

_FURNITURE: Final = frozenset({
    *("css", "js", "mjs", "map", "svg", "xsl", "xslt", "xsd", "dtd"),
    *("md5", "sha1", "sha256", "sha512", "sig", "asc"),
})  # fmt: skip
"""Suffixes of texts that are no articles: what a saved page or a delivery brings along."""


_REFUSED: Final = "The others were read; drop this one by itself if it is needed."
_UNKNOWN: Final = ("it can't be read", "Make the archive anew.")


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of an archive.

    ``name``: as it is there; ``offset``: where going on later finds it again, ``after`` where the
    next one; ``problem``: why it can't be read, and what to do.
    """

    name: bytes
    offset: int
    after: int
    size: int | None = None
    open: Callable[[], BinaryIO] | None = None
    problem: tuple[str, str] | None = None
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in an archive reading goes on: in the member ``number``, at ``offset``.

    ``position``: after so many records of it; ``checkpoint`` is what the last of these carried.
    """

    offset: int = 0
    number: int = 1
    position: int = 0
    checkpoint: str | None = None

    def __str__(self) -> str:
        inner = "" if self.checkpoint is None else f":{self.checkpoint}"
        return f"{self.offset}:{self.number}:{self.position}{inner}"

    @classmethod
    def parse(cls, text: str) -> Mark:
        """The mark that ``str`` wrote."""
        offset, number, position, *inner = text.split(":", 3)
        return cls(int(offset), int(number), int(position), inner[0] if inner else None)


@dataclass(slots=True)
class _Passed:
    """What was passed over since the last record."""

    count: int = 0
    example: str = ""
    total: int = 0

    def add(self, name: bytes) -> None:
        self.count += 1
        self.total += 1
        self.example = self.example or _shown(posixpath.basename(name))[:80]

    def take(self) -> tuple[str, ...]:
        """The warning about them, once."""
        if not self.count:
            return ()
        plural = "file" if self.count == 1 else "files"
        text = f"{self.count} {plural} without text in front of it passed over: {self.example}"
        self.count, self.example = 0, ""
        return (text,)


@dataclass(slots=True)
class _State:
    """How far reading has come."""

    position: int
    inner: Resume | None
    """Where to go on in the first member that is read."""
    passed: _Passed = field(default_factory=_Passed)


class ArchiveReader(Reader):
    """Reads the members of an archive, in its order, each by the reader for it.

    Folders, hidden files and what programs leave behind are passed over, as they are in the inbox;
    so are pictures, sounds, videos and a page's furniture, which a warning on the next record says.
    """

    @abstractmethod
    def members(self, source: Source, mark: Mark) -> Generator[Member]:
        """Yield the members from ``mark`` on; raises as ``read`` does."""

    def read(self, source: Source) -> Iterator[Record]:
        """Yield what the members hold; see the contract for errors."""
        return self._records(source, Mark(), _State(0, None))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what comes after ``resume``: what lies before isn't read again."""
        if resume.checkpoint is None and resume.position:
            return super().resume(source, resume)
        mark = Mark.parse(resume.checkpoint) if resume.checkpoint else Mark()
        inner = Resume(mark.position, mark.checkpoint, resume.refuse)
        return self._records(source, mark, _State(resume.position, inner))

    def _records(self, source: Source, mark: Mark, state: _State) -> Iterator[Record]:
        refuse_depth(source, self.limits.nesting)
        with closing(self.members(source, mark)) as members:
            for number, member in enumerate(members, start=mark.number):
                if number > self.limits.members:
                    raise Unreadable(
                        f"more than {self.limits.members} files in one archive",
                        "Split it, or raise the limit.",
                    )
                yield from self._one(source, member, number, state)
        if state.position == 0:
            raise _nothing(state.passed.total)

    def _one(self, source: Source, member: Member, number: int, state: _State) -> Iterator[Record]:
        if member.is_folder or _is_ignored(member.name):
            return
        if member.problem is None and _has_no_text(member):
            state.passed.add(member.name)
            return
        after = Mark(member.after, number + 1)
        for record, is_last in self._inner(source, member, state):
            state.position += 1
            mark = (
                after
                if is_last
                else replace(
                    after,
                    offset=member.offset,
                    number=number,
                    position=record.position,
                    checkpoint=record.checkpoint,
                )
            )
            yield _renumbered(record, state.position, str(mark), state.passed.take())

    def _inner(
        self, source: Source, member: Member, state: _State
    ) -> Iterator[tuple[Record, bool]]:
        """The records of a member, and whether each is known to be the last one.

        Those of a reader that can't go on later are collected first: if it brings the process
        down, this member is to blame, and not the one after it.
        """
        where = f"{source.locator or _shown(_raw(source.name))}!{_shown(member.name)}"
        resume = self._take_resume(state)
        refused = (resume.refuse, _REFUSED) if resume and resume.refuse else None
        if member.problem or member.open is None:
            state.inner = None
            reason, advice = refused or member.problem or _UNKNOWN
            yield BadRecord(1, reason, advice, where), True
            return
        name = posixpath.basename(member.name).decode("utf-8", "surrogateescape")
        inner = source.inside(name, member.size, member.open, where)
        kept: list[Record] = []
        try:
            for record in self._read_inner(inner, resume):
                state.inner = None
                kept.append(record if record.locator else replace(record, locator=where))
                if record.checkpoint is not None:
                    yield from ((each, False) for each in kept)
                    kept = []
        except Unreadable as error:
            if source.budget.expanded < 0:  # it would come again with each member
                yield from ((each, False) for each in kept)
                raise
            state.inner = None
            reason, advice = refused or (error.reason, error.advice)
            kept.append(BadRecord(0, reason, advice, where))
        yield from ((each, each is kept[-1]) for each in kept)

    def _read_inner(self, inner: Source, resume: Resume | None) -> Iterator[Record]:
        from services.ingest.readers.registry import read_file  # noqa: PLC0415  (it imports this)

        return read_file(inner, self.limits, resume)

    def _take_resume(self, state: _State) -> Resume | None:
        resume = state.inner
        if resume is None:
            return None
        # What is refused comes next: in this member if it has more, else in the one after it.
        state.inner = Resume(0, None, resume.refuse) if resume.refuse else None
        if resume.position and resume.checkpoint is None:
            return replace(resume, refuse=None)
        return None if resume == Resume(0) else resume


def _renumbered(
    record: Record, position: int, checkpoint: str, warnings: tuple[str, ...]
) -> Record:
    if isinstance(record, BadRecord) or not warnings:
        return replace(record, position=position, checkpoint=checkpoint)
    kept = (*warnings, *record.info.warnings)[:MAX_WARNINGS]
    info = record.info.model_copy(update={"warnings": kept})
    return replace(record, position=position, checkpoint=checkpoint, info=info)


def _is_ignored(name: bytes) -> bool:
    parts = [part for part in name.split(b"/") if part not in (b"", b".", b"..")]
    return not parts or b"__MACOSX" in parts or is_ignored(b"/".join(parts))


def _has_no_text(member: Member) -> bool:
    """Whether a member is passed over: by its name, and for pictures by its content too."""
    suffix = posixpath.splitext(member.name)[1][1:].decode("ascii", "replace").casefold()
    if suffix in _FURNITURE:
        return True
    if suffix not in _MEDIA or member.open is None:
        return False
    try:
        with member.open() as stream:
            return sniff.binary_kind(head_of(stream, sniff.HEAD_BYTES)) is not None
    except Unreadable:
        return False  # and is told why when it is read


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _shown(name: bytes) -> str:
    text = shown(name)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _nothing(passed: int) -> Unreadable:
    if passed:
        return Unreadable(
            f"no article in the archive, only files without text ({passed})",
            "Drop the stories that they go with.",
        )
    return Unreadable("the archive is empty", "Drop it again with its files.")
