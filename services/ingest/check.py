"""``wiredesk check``: what ingest would make of a file, without publishing or moving anything.

The real path: the same rules, the same readers, the same identities.
"""

from __future__ import annotations

import math
import os
import posixpath
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from schemas.article import RawArticle, ReaderInfo
from schemas.base import Model, Sha256
from services.ingest.files import Files
from services.ingest.identity import assemble as real_assemble
from services.ingest.inbox import Candidate
from services.ingest.limits import limits_of
from services.ingest.names import shown, why_ignored
from services.ingest.parts import FileInWork
from services.ingest.reading import AssembleFunction, Changed, FileReader, ReadFunction
from services.ingest.waits import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from services.ingest.drops import Entry
    from services.ingest.readers.base import Limits
    from services.settings import Settings

MOST_LISTED = 1000
"""Records listed of each kind; a file may hold a million."""

WouldBe = Literal["published", "rejected", "duplicate", "unchanged", "superseded"]

CHECK_INBOX = UUID(int=0)
"""The inbox id in what is only checked: no inbox has it."""


class CheckedArticle(Model):
    """What one record would become. What enrichment and the store say can't be known here."""

    position: PositiveInt = Field(description="which record of the file, from 1")
    article_id: UUID
    revision: NonNegativeInt
    locator: str | None = Field(default=None, description="where in the file, e.g. 'line 7'")
    headline: str | None = None
    would_be: WouldBe
    reason: str | None = None
    advice: str | None = None
    reader: ReaderInfo | None = Field(
        default=None, description="how it was read, where that isn't how the first article was"
    )
    article: RawArticle | None = Field(
        default=None, description="the article as it would be published"
    )


class CheckReport(Model):
    """What ingest would make of one file.

    *taken*: it would be read, see ``articles``.  *ignored*: by the rules for
    names and kinds.  *unreadable*: it can't be read now; ingest would wait.
    """

    file: str
    would_be: Literal["taken", "ignored", "unreadable"]
    reason: str | None = None
    size: NonNegativeInt | None = Field(default=None, description="bytes")
    content_sha256: Sha256 | None = None
    reader: ReaderInfo | None = None
    destination: Literal["done", "rejected"] | None = Field(
        default=None, description="where it would go at best: what comes later may still reject"
    )
    summary: dict[WouldBe, NonNegativeInt] = Field(
        default_factory=dict, description="records by what they would be"
    )
    articles: tuple[CheckedArticle, ...] = ()
    left_off: NonNegativeInt = Field(
        default=0, description="records counted in the summary and not listed"
    )

    @property
    def accepted(self) -> bool:
        """Whether every record would be accepted by ingest."""
        return self.would_be == "taken" and "rejected" not in self.summary


def check_files(
    paths: Sequence[Path],
    settings: Settings,
    read: ReadFunction,
    assemble: AssembleFunction = real_assemble,
) -> Iterator[CheckReport]:
    """One report per path, in order. Reads the files; writes, moves and sends nothing.

    ``read``: a sandbox's, as for ingest.
    """
    limits = limits_of(settings)
    return (_check(path, read, assemble, limits) for path in paths)


def _check(
    path: Path, read: ReadFunction, assemble: AssembleFunction, limits: Limits
) -> CheckReport:
    exact = os.fsencode(path)
    name = posixpath.basename(exact)
    ignored = why_ignored(path)
    if ignored is not None:
        return CheckReport(file=shown(exact), would_be="ignored", reason=ignored)
    files = Files(os.fsencode(path.parent.resolve()))
    clock = Clock()
    reader = FileReader(files, CHECK_INBOX, read, assemble, limits, clock)
    try:
        identity = files.identity(name)
        if identity is None:
            missing = "no regular file" if path.exists() else "not found"
            return _unreadable(exact, missing)
        work = FileInWork.begin(reader, Candidate(name, identity), clock.now)
        with closing(work):
            return _report(exact, work)
    except Changed as error:
        return _unreadable(exact, f"{error.how} while it was read")
    except OSError as error:
        return _unreadable(exact, error.strerror or str(error))


def _report(exact: bytes, work: FileInWork) -> CheckReport:
    summary: Counter[WouldBe] = Counter()
    listed: list[CheckedArticle] = []
    left_off = 0
    while not work.ended:
        reading = work.advance(math.inf)
        for entry in () if reading is None else reading.entries:
            found = _checked(entry, reading.articles.get(entry.position) if reading else None)
            summary[found.would_be] += 1
            if summary[found.would_be] <= MOST_LISTED:
                listed.append(found)
            else:
                left_off += 1
    accepted = any(kind != "rejected" for kind in summary)
    return CheckReport(
        file=shown(exact),
        would_be="taken",
        size=work.row.identity.size,
        content_sha256=work.row.sha256,
        reader=work.row.reader,
        destination="done" if accepted else "rejected",
        summary=dict(summary),
        articles=tuple(listed),
        left_off=left_off,
    )


def _checked(entry: Entry, article: RawArticle | None) -> CheckedArticle:
    outcome = entry.outcome
    fields: dict[str, object] = {
        "position": entry.position,
        "locator": entry.locator,
        "article_id": entry.article_id,
        "revision": entry.revision,
        "headline": entry.headline,
        "would_be": "published" if outcome is None else outcome.outcome,
        "reason": None if outcome is None else outcome.reason or _why(entry),
        "advice": None if outcome is None else outcome.advice,
        "reader": entry.reader,
        "article": article,
    }
    return CheckedArticle.model_validate(fields)


def _why(entry: Entry) -> str:
    return f"the file holds article {entry.article_id} more than once"


def _unreadable(exact: bytes, reason: str) -> CheckReport:
    return CheckReport(file=shown(exact), would_be="unreadable", reason=reason)
