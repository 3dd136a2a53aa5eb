"""The records of a part of a file: which are published, which only repeat another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.events import Outcome, OutcomeKind, Timings, source_name
from services import metrics
from services.ingest.drops import Entry, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from schemas.article import Drop, RawArticle, ReaderInfo


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


@dataclass(slots=True)
class Gathered:
    """Takes the records of a part one by one; ``at`` is the time its own outcomes carry.

    ``info`` is how the file's first article was read; ``chars`` how much text was taken.
    """

    at: datetime
    info: ReaderInfo | None = None
    chars: int = 0
    _records: list[RawArticle | Outcome] = field(default_factory=list)
    _chosen: dict[UUID, RawArticle] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: RawArticle | Outcome) -> None:
        """One more record, in the order of the file."""
        self._records.append(record)
        if isinstance(record, Outcome):
            return
        if self.info is None:
            self.info = record.reader
        self.chars += len(record.text)
        best = self._chosen.get(record.article_id)
        if best is None or _is_newer(record, best):
            self._chosen[record.article_id] = record

    def entries(self) -> tuple[Entry, ...]:
        """All records; of those with one article id only the newest is to be published.

        Where no revision tells them apart it is the first.
        """
        return tuple(self._entry(record) for record in self._records)

    def articles(self) -> dict[int, RawArticle]:
        """What is to be published, by position."""
        chosen = {article.drop.position: article for article in self._chosen.values()}
        return {position: chosen[position] for position in sorted(chosen)}

    def _entry(self, record: RawArticle | Outcome) -> Entry:
        repeats = False
        reader: ReaderInfo | None = None
        outcome: Outcome | None
        if isinstance(record, Outcome):
            outcome, source = record, record.source
        else:
            source = source_name(record.provider)
            reader = record.reader if record.reader != self.info else None
            chosen = self._chosen[record.article_id]
            repeats = chosen is not record
            outcome = _repetition(record, chosen, self.at) if repeats else None
        return Entry(
            position=record.drop.position,
            article_id=record.article_id,
            revision=record.revision,
            headline=record.headline,
            outcome=outcome,
            repeats=repeats,
            locator=record.drop.locator,
            reader=reader,
            source=source,
        )


def count(entries: Iterable[Entry]) -> None:
    """Count what was received, and what ingest decided and reports to nobody: repetitions."""
    for entry in entries:
        metrics.RECEIVED.inc()
        if entry.repeats and entry.outcome is not None:
            metrics.OUTCOMES.labels("ingest", entry.outcome.outcome).inc()


def _is_newer(one: RawArticle, other: RawArticle) -> bool:
    """As the store orders versions (``services.indexer.store.rules``), within one part."""
    alike = one.revision_basis == other.revision_basis
    return _place(one, by_number=alike) > _place(other, by_number=alike)


def _place(article: RawArticle, *, by_number: bool) -> tuple[int, bool]:
    # A version number and a time can't be compared; when they were made can.
    made = min(article.updated_at or article.drop.received_at, article.drop.received_at)
    return (article.revision if by_number else to_ms(made), article.status == "withdrawn")


def _repetition(record: RawArticle, chosen: RawArticle, at: datetime) -> Outcome:
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
        source=source_name(record.provider),
        of=chosen.article_id if kind == "duplicate" else None,
        by_revision=chosen.revision if kind == "superseded" else None,
        timings=Timings(received_at=record.drop.received_at, filed_at=at),
    )
