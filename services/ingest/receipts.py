"""Receipts: what became of a dropped file and of every article in it.

One JSON file beside the archived file, made only from what the journal holds,
so that a receipt written again after a crash has the same bytes.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from schemas.article import ReaderInfo, Retry
from schemas.base import Model, Sha256, UtcDatetime
from schemas.events import Outcome, OutcomeKind, Timings
from services.bus import tracing
from services.bus.receipt_notes import ReceiptNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.ingest.drops import Entry

GONE_NOTES = {
    "removed": "the original was removed before it could be archived",
    "replaced": "the original was replaced before it could be archived; what took its place "
    "is a drop of its own",
}


class ReceiptArticle(Model):
    """What became of one record of the file."""

    position: PositiveInt = Field(description="which record of the file, from 1")
    article_id: UUID
    revision: NonNegativeInt
    locator: str | None = Field(
        default=None, description="where in the file, e.g. 'line 7' or 'stories.zip!a/b.eml'"
    )
    drop_id: UUID | None = Field(
        default=None, description="of a long file's later parts, which are drops of their own"
    )
    headline: str | None = None
    outcome: OutcomeKind
    of: UUID | None = Field(default=None, description="duplicate: of which article")
    by_revision: NonNegativeInt | None = Field(
        default=None, description="superseded: by which revision"
    )
    stage: str | None = Field(default=None, description="rejected: where")
    reason: str | None = Field(default=None, description="rejected: why")
    advice: str | None = Field(default=None, description="rejected: what to do")
    trace_id: str | None = Field(default=None, description="finds the article in every log")
    reader: ReaderInfo | None = Field(
        default=None, description="how it was read, where that isn't how the first article was"
    )
    retry: Retry | None = Field(
        default=None, description="it had been rejected, and was sent again: how often, and when"
    )
    timings: Timings


class Receipt(Model):
    """What became of one dropped file. Written when all of its articles have an outcome.

    Written again where one of them was a dead letter and was sent again.
    """

    schema_version: Literal[1] = 1
    drop_id: UUID
    inbox_id: UUID
    file: str = Field(description="path below the inbox, '/' between parts, printable")
    size: NonNegativeInt = Field(description="bytes of the original file")
    content_sha256: Sha256
    reader: ReaderInfo | None = Field(
        default=None,
        description="how the file (its first article) was read; absent when nothing could be",
    )
    received_at: UtcDatetime
    settled_at: UtcDatetime
    revised_at: UtcDatetime | None = Field(
        default=None, description="when an outcome was last replaced: an article was sent again"
    )
    archived_as: str | None = Field(
        default=None, description="'done/…' or 'rejected/…'; absent when the original was gone"
    )
    note: str | None = None
    summary: dict[OutcomeKind, NonNegativeInt] = Field(description="articles per outcome")
    articles: tuple[ReceiptArticle, ...]

    @property
    def duration_ms(self) -> int:
        """Milliseconds from taking the file to its last outcome."""
        return round((self.settled_at - self.received_at).total_seconds() * 1000)

    def written(self, articles: Iterable[ReceiptArticle]) -> Iterator[bytes]:
        """The receipt's file with ``articles``, piece by piece, since there may be a million.

        Readable JSON in UTF-8, absent parts left out.
        """
        head = self.model_copy(update={"articles": ()}).model_dump_json(indent=2, exclude_none=True)
        yield head.removesuffix("[]\n}").encode() + b"["
        between = "\n"
        for article in articles:
            text = article.model_dump_json(indent=2, exclude_none=True)
            yield (between + textwrap.indent(text, "    ")).encode()
            between = ",\n"
        yield b"\n  ]\n}\n"


def in_short(receipt: Receipt) -> ReceiptNote:
    """What operators are shown of a receipt."""
    return ReceiptNote(
        file=receipt.file,
        received_at=receipt.received_at,
        settled_at=receipt.settled_at,
        articles=sum(receipt.summary.values()),
        summary=receipt.summary,
        note=receipt.note,
    )


def receipt_article(entry: Entry, outcome: Outcome) -> ReceiptArticle:
    """One line of a receipt: the record ``entry`` of this file, and what became of it."""
    traceparent = tracing.start_trace(outcome.drop.drop_id, outcome.article_id)
    return ReceiptArticle(
        position=entry.position,
        locator=entry.locator,
        drop_id=outcome.drop.drop_id if outcome.drop.part_of else None,
        article_id=outcome.article_id,
        revision=outcome.revision,
        headline=entry.headline if outcome.headline is None else outcome.headline,
        outcome=outcome.outcome,
        of=outcome.of,
        by_revision=outcome.by_revision,
        stage=outcome.stage,
        reason=outcome.reason,
        advice=outcome.advice,
        trace_id=tracing.trace_id(traceparent),
        reader=entry.reader,
        retry=outcome.drop.retry,
        timings=outcome.timings,
    )
