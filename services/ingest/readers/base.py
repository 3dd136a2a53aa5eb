"""The ``Reader`` contract: one file format in, articles or named errors out.

What holds for every reader (and what ``tests/conformance/test_readers.py``
checks on each):

* ``claims`` looks at content first; the name is only a hint, and it never raises.
* ``read`` yields :class:`ReadArticle` and :class:`BadRecord` in the order of the
  file, ``position`` rising from 1 by 1.  One bad record never stops the good ones.
* ``read`` raises :class:`Unreadable` when nothing (or nothing more) can be had, and
  ``OSError`` when the file can't be read *now* (the caller waits and retries).
  It raises nothing else, for any bytes.
* It reads only through ``source.open()``: no other file, no network.
* The same bytes give the same result, whatever the time, place or name.
* Every string is valid Unicode without NUL or lone surrogates.
* A reader of files that may be large streams: memory doesn't grow with the file, and
  what no limit of :class:`Limits` allows is a :class:`BadRecord` or :class:`Unreadable`.

Reading may be broken off and go on later, in another process: see :class:`Resume`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from schemas.article import (
        Extent,
        Picture,
        Place,
        ReaderInfo,
        Rights,
        SourceLine,
        Subject,
    )

MIB = 1024 * 1024

EXPANDED_BYTES = 16 * 1024 * MIB
"""The default of ``Limits.expanded_bytes``."""


class Unreadable(Exception):  # noqa: N818  (named for what the caller does: reject the file)
    """The whole file can't be read; the caller rejects it with reason and advice."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}. {advice}")
        self.reason = reason
        self.advice = advice


class ReaderFault(Unreadable):
    """Nothing is known to be wrong with the file: the reader failed. Why is its ``__cause__``."""


FAULT_ADVICE = "The file is kept; report it with the log's traceback."
"""What to do about a reader's fault."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader may use; the settings of the same names say why each is what it is.

    ``article_bytes``: the largest text, document or record taken as one article.
    ``expanded_bytes``: what all that is packed in one file may come to, unpacked.
    ``nesting``: archives within archives.  ``members``: entries of one archive.
    ``field_maps``: for JSON and CSV-like dumps that no reader knows, by name of the map: which key
    of a record (dotted path) is which field.
    """

    article_bytes: int = 8 * MIB
    expanded_bytes: int = EXPANDED_BYTES
    nesting: int = 4
    members: int = 1_000_000
    field_maps: tuple[FieldMap, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldMap:
    """How the records of a dump of one's own are read: field of ``ReadArticle`` → dotted key.

    A record is of this map when it has a text at ``fields["body"]`` or ``fields["headline"]``.
    """

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Budget:
    """What is left of ``Limits.expanded_bytes`` for one dropped file, over all its layers."""

    expanded: int = EXPANDED_BYTES

    def spend(self, size: int) -> None:
        """Count ``size`` unpacked bytes; raises :class:`Unreadable` once they are too many."""
        self.expanded -= size
        if self.expanded < 0:
            raise Unreadable(
                "what is packed in it comes to more than the limit",
                "If it is no bomb, split it, or raise WIREDESK_MAX_EXPANDED_BYTES.",
            )


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read, or something that was found within one.

    ``name`` is the base name, for hints only; ``size`` is in bytes, None where it is known
    only at the end (a compressed stream); ``open`` gives a fresh binary stream at its start
    each time.  ``locator`` says where in the dropped file this is (``stories.zip!a/b.eml``),
    empty for the file itself; ``depth`` in how many layers.  ``descriptor`` is the open file,
    where there is one: a reader doesn't touch it.
    """

    name: str
    size: int | None
    open: Callable[[], BinaryIO]
    locator: str = ""
    depth: int = 0
    budget: Budget = field(default_factory=Budget)
    descriptor: int | None = None

    def inside(
        self, name: str, size: int | None, open_stream: Callable[[], BinaryIO], locator: str
    ) -> Source:
        """Something found within this source, one layer deeper, on the same budget."""
        return replace(
            self,
            name=name,
            size=size,
            open=open_stream,
            locator=locator,
            depth=self.depth + 1,
            descriptor=None,
        )

    def at(self, place: str) -> str:
        """The locator of a record at ``place`` (``line 7``, ``item 3``) of this source."""
        return f"{self.locator} {place}".lstrip()


@dataclass(frozen=True, slots=True)
class Resume:
    """Where reading goes on: after the record ``position``, which carried ``checkpoint``.

    ``refuse``: the record that comes next isn't parsed (it brought the reader down) but
    becomes a :class:`BadRecord` with this reason.
    """

    position: int
    checkpoint: str | None = None
    refuse: str | None = None


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """An article as a reader found it: no ids yet (``services.ingest.identity`` makes them).

    ``body`` has one paragraph per element.  ``version`` is the provider's
    version number; ``withdrawn`` its word that the article is cancelled (or withheld).
    ``locator`` says where in the file the record is, for people (``line 7``).
    ``checkpoint``: see :class:`Resume`; None where reading can't go on from here.
    The other fields are those of :class:`schemas.article.RawArticle`.
    """

    position: int
    headline: str | None
    body: tuple[str, ...]
    info: ReaderInfo
    standfirst: str | None = None
    authors: tuple[str, ...] = ()
    byline: str | None = None
    dateline: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    embargoed_until: datetime | None = None
    language: str | None = None
    set_apart: tuple[SourceLine, ...] = ()
    credits: tuple[str, ...] = ()
    url: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    version: int | None = None
    withdrawn: bool = False
    extent: Extent = "full"
    urgency: int | None = None
    rights: Rights | None = None
    subjects: tuple[Subject, ...] = ()
    keywords: tuple[str, ...] = ()
    section: str | None = None
    places: tuple[Place, ...] = ()
    pictures: tuple[Picture, ...] = ()
    locator: str = ""
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not become an article: where, why, and what to do."""

    position: int
    reason: str
    advice: str
    locator: str = ""
    headline: str | None = None
    checkpoint: str | None = None


Record = ReadArticle | BadRecord


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign between two records, given by the reading process and never by a reader.

    ``offset``: bytes of the dropped file read so far; None: nothing new, it is still working.
    """

    offset: int | None


class Reader(ABC):
    """Reads one format; see the module's docstring for what must hold."""

    name: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    @abstractmethod
    def claims(self, head: bytes, name: str) -> bool:
        """Whether a file that starts with ``head`` (up to 8 KiB) is of this format."""

    @abstractmethod
    def read(self, source: Source) -> Iterator[Record]:
        """Yield what the file holds; see the module's docstring for errors."""

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        """Yield what comes after ``resume``: the same records that ``read`` gives there.

        A reader of large files overrides this to go straight to ``resume.checkpoint``; here the
        file is read once more from its start, and what comes after a record that must be
        refused can't be had.
        """
        if resume.position == 0 and resume.refuse:
            raise stopped(resume.refuse)
        for record in self.read(source):
            if record.position > resume.position:
                yield record
            elif record.position == resume.position and resume.refuse:
                raise stopped(resume.refuse)


def stopped(reason: str) -> Unreadable:
    """The refusal of all that comes after a record that brings the reader down."""
    return Unreadable(
        f"reading stopped here: {reason}", "Split the file there, and drop what follows again."
    )
