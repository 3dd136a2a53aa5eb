"""The records of one file put together: which are published, which only repeat another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.events import Outcome, OutcomeKind, Timings
from services.ingest.drops import Entry

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from schemas.article import Drop, RawArticle, ReaderInfo

KEEP_CHARS = 16 * 1024 * 1024
"""Characters of one file's articles kept between reading and publishing; a file that holds
more is read a second time, in parts, so memory stays flat whatever is dropped."""


def rejection(
    drop: Drop,
    article_id: UUID,
    revision: int,
    *,
    reason: str,
    advice: str,
    at: datetime,
    headline: str | None = None,
) -> Outcome:
    """The outcome *rejected* by ingest."""
    return Outcome(
        drop=drop,
        article_id=article_id,
        revision=revision,
        outcome="rejected",
        headline=headline,
        stage="ingest",
        reason=reason,
        advice=advice,
        timings=Timings(received_at=drop.received_at, filed_at=at),
    )


@dataclass(frozen=True, slots=True)
class _Light:
    """What is remembered of an article: all but its text."""

    drop: Drop
    article_id: UUID
    revision: int
    basis: str
    content_hash: str
    headline: str | None

    @classmethod
    def of(cls, article: RawArticle) -> _Light:
        return cls(
            article.drop,
            article.article_id,
            article.revision,
            article.revision_basis,
            article.content_hash,
            article.headline,
        )


@dataclass(slots=True)
class Gathered:
    """Takes the records of a file one by one; ``at`` is the time its own outcomes carry."""

    at: datetime
    keep_chars: int = KEEP_CHARS
    info: ReaderInfo | None = None
    _records: list[_Light | Outcome] = field(default_factory=list)
    _first: dict[UUID, _Light] = field(default_factory=dict)
    _kept: dict[int, RawArticle] | None = field(default_factory=dict)
    _chars: int = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: RawArticle | Outcome) -> None:
        """One more record, in the order of the file."""
        if isinstance(record, Outcome):
            self._records.append(record)
            return
        if self.info is None:
            self.info = record.reader
        light = _Light.of(record)
        self._records.append(light)
        best = self._first.get(light.article_id)
        if best is None or _is_newer(light, best):
            self._first[light.article_id] = light
        self._keep(record)

    def entries(self) -> tuple[Entry, ...]:
        """All records; of those with one article id only the newest is to be published.

        Where no revision tells them apart it is the first.
        """
        return tuple(self._entry(record) for record in self._records)

    def articles(self) -> dict[int, RawArticle] | None:
        """What is to be published, by position; None if it was too much to keep."""
        if self._kept is None:
            return None
        chosen = {light.drop.position for light in self._first.values()}
        return {at: article for at, article in self._kept.items() if at in chosen}

    def _keep(self, article: RawArticle) -> None:
        self._chars += len(article.text)
        if self._chars > self.keep_chars:
            self._kept = None
        elif self._kept is not None:
            self._kept[article.drop.position] = article

    def _entry(self, record: _Light | Outcome) -> Entry:
        repeats = False
        outcome: Outcome | None
        if isinstance(record, Outcome):
            outcome = record
        else:
            chosen = self._first[record.article_id]
            repeats = chosen is not record
            outcome = _repetition(record, chosen, self.at) if repeats else None
        return Entry(
            position=record.drop.position,
            article_id=record.article_id,
            revision=record.revision,
            headline=record.headline,
            outcome=outcome,
            repeats=repeats,
        )


def _is_newer(one: _Light, other: _Light) -> bool:
    # A version number and a time can't be compared.
    return one.basis == other.basis and one.revision > other.revision


def _repetition(record: _Light, chosen: _Light, at: datetime) -> Outcome:
    kind: OutcomeKind = "duplicate"
    if _is_newer(chosen, record):
        kind = "superseded"
    elif record.content_hash == chosen.content_hash:
        kind = "unchanged"
    return Outcome(
        drop=record.drop,
        article_id=record.article_id,
        revision=record.revision,
        outcome=kind,
        headline=record.headline,
        of=chosen.article_id if kind == "duplicate" else None,
        by_revision=chosen.revision if kind == "superseded" else None,
        timings=Timings(received_at=record.drop.received_at, filed_at=at),
    )
