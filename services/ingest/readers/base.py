"""The ``Reader`` contract: one file format in, articles or named errors out.

What holds for every reader (and what ``tests/conformance/test_readers.py``
checks on each):

* ``claims`` looks at content first; the name is only a hint, and it never raises.
* ``read`` yields :class:`ReadArticle` and :class:`BadRecord` in the order of the
  file, ``position`` rising from 1.  One bad record never stops the good ones.
* ``read`` raises :class:`Unreadable` when nothing at all can be had, and
  ``OSError`` when the file can't be read *now* (the caller waits and retries).
  It raises nothing else, for any bytes.
* It reads only through ``source.open()``: no other file, no network.
* The same bytes give the same result, whatever the time, place or name.
* Every string is valid Unicode without NUL or lone surrogates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from schemas.article import ReaderInfo, SourceLine


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read.

    ``name`` is the base name, for hints only; ``size`` is in bytes; ``open``
    gives a fresh binary stream at its start each time.
    """

    name: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """An article as a reader found it: no ids yet (``services.ingest.identity`` makes them).

    ``body`` has one paragraph per element.  ``version`` is the provider's
    version number; ``withdrawn`` its word that the article is cancelled.
    """

    position: int
    headline: str | None
    body: tuple[str, ...]
    info: ReaderInfo
    standfirst: str | None = None
    authors: tuple[str, ...] = ()
    dateline: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    language: str | None = None
    set_apart: tuple[SourceLine, ...] = ()
    credits: tuple[str, ...] = ()
    url: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    version: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not become an article: where, why, and what to do."""

    position: int
    reason: str
    advice: str


class Unreadable(Exception):  # noqa: N818  (named for what the caller does: reject the file)
    """The whole file can't be read; the caller rejects it with reason and advice."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}. {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader may use.  ``article_bytes``: the largest text taken as one article."""

    article_bytes: int = field(default=8 * 1024 * 1024)


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
    def read(self, source: Source) -> Iterator[ReadArticle | BadRecord]:
        """Yield what the file holds; see the module's docstring for errors."""
