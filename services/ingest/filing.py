"""The last step of a drop: its receipt, its place in the archive, its line in the log."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services import metrics
from services.bus.errors import Unavailable
from services.ingest.archive import Taken
from services.ingest.names import RECEIPT_SUFFIX, shown
from services.ingest.reading import HASH_WHOLE, Changed
from services.ingest.receipts import GONE_NOTES, Receipt, receipt_article
from services.ingest.rounds import in_step
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.events import Outcome
    from services.ingest.archive import Archive
    from services.ingest.drops import ArchiveKind, DropRow, Gone, Place
    from services.ingest.journal import Journal
    from services.ingest.receipts import ReceiptArticle
    from services.ingest.rounds import Steps
    from services.ingest.waits import Waits

log = get_logger("ingest")

BATCH = 64
"""Drops archived between two looks at new files: so neither waits long for the other."""


def unnoted(_receipt: Receipt) -> None:
    """Where nobody wants to know of receipts."""


@dataclass(frozen=True, slots=True)
class Filer:
    """Archives settled drops. Every method blocks: call it in a worker thread.

    ``noted`` is told of each receipt that was written; it must not block or raise.
    """

    journal: Journal
    archive: Archive
    waits: Waits
    noted: Callable[[Receipt], None] = field(default=unnoted)

    def file_settled(self) -> list[DropRow]:
        """Archive what is settled and may be tried now; returns the drops that are finished.

        Also those that were archived before and whose receipts had to be written again.
        What the disk doesn't take now is tried again later, and the others go
        on.  Raises :class:`Unavailable` if the journal takes no write.
        """
        due = [
            row
            for row in self.journal.settled_files(BATCH + len(self.waits))
            if self.waits.ready(("archive", row.drop_id))
        ]
        finished = self._all_filed(due[:BATCH])
        if finished:
            self.journal.archived(row.drop_id for row, _ in finished)
        for row, receipt in finished:
            any_refused = "rejected" in receipt.summary
            refused = self.journal.first_rejected(row.drop_id) if any_refused else None
            _count(receipt)
            _log_receipt(receipt, refused)
            self.noted(receipt)
        return [row for row, _ in finished] + self.revise_archived()

    def _all_filed(self, rows: Sequence[DropRow]) -> list[tuple[DropRow, Receipt]]:
        begun = {row.drop_id for row in rows if row.place is not None}
        planned = self._planned(rows)

        def filed(row: DropRow) -> Steps[Receipt]:
            return self._file(row, begun=row.drop_id in begun)

        receipts: dict[UUID, Receipt | None] = {}
        together = [row for row in planned if _goes_in_step(row)]
        for some in (together, *([row] for row in planned if not _goes_in_step(row))):
            made = in_step((self._try(row, filed) for row in some), self.archive.files.sync_folder)
            receipts.update(zip((row.drop_id for row in some), made, strict=True))
        return [(row, receipt) for row in planned if (receipt := receipts[row.drop_id]) is not None]

    def revise_archived(self) -> list[DropRow]:
        """Write receipts again where outcomes were replaced; returns the files they are of.

        A file moves from the rejected ones to those that are done once anything in it is
        accepted.  Raises :class:`Unavailable` if the journal takes no write.
        """
        revised = []
        for row in self.journal.revised_files(BATCH):
            if not self.waits.ready(("archive", row.drop_id)):
                continue
            (receipt,) = in_step([self._try(row, self._refile)], self.archive.files.sync_folder)
            if receipt is not None:
                self.journal.refiled(row)
                log.info(
                    "file.receipt_revised",
                    file=receipt.file,
                    drop_id=str(receipt.drop_id),
                    archived_as=receipt.archived_as,
                    **receipt.summary,
                )
                self.noted(receipt)
                revised.append(row)
        return revised

    def _refile(self, row: DropRow) -> Steps[Receipt]:
        """Write the receipt of an archived file again, where the file then is."""
        place = row.place
        if place is None:
            raise Unavailable(f"journal: archived drop {row.drop_id} has no place")
        moves = place.kind == "rejected" and self.journal.is_accepted(row.drop_id)
        if moves and (row.gone is not None or os.path.lexists(place.target)):
            row, place = self._plan_move(row, start=0)
        if row.archived_from is None:
            receipt = make_receipt(self.journal, row, place)
            written = receipt.written(receipt_articles(self.journal, row))
            yield from self.archive.rewrite_receipt(row, place, written)
            return receipt
        return (yield from self._move(row, place))

    def _move(self, row: DropRow, place: Place) -> Steps[Receipt]:
        start = 0
        while True:
            receipt = make_receipt(self.journal, row, place)
            written = receipt.written(receipt_articles(self.journal, row))
            try:
                yield from self.archive.move(row, place, written)
            except Taken:
                start += 1
                row, place = self._plan_move(row, start)
            else:
                return receipt

    def _plan_move(self, row: DropRow, start: int) -> tuple[DropRow, Place]:
        for place in self.archive.choose(row, "done", start):
            if self.journal.plan_move(row, place):
                planned = self.journal.find(row.drop_id)
                if planned is not None:
                    return planned, place
        raise Unavailable(f"no free name in the archive for {row.file}")

    def _try(
        self, row: DropRow, work: Callable[[DropRow], Steps[Receipt]]
    ) -> Steps[Receipt | None]:
        key = ("archive", row.drop_id)
        try:
            receipt = yield from work(row)
        except OSError as error:
            delay = self.waits.failed(key)
            if self.waits.tell(("archive", error.errno)):
                log.error(  # noqa: TRY400  (a full disk needs no traceback)
                    "archive.waiting",
                    file=row.file,
                    drop_id=str(row.drop_id),
                    reason=str(error.strerror or error),
                    retry_in_s=delay,
                    advice="the file stays in the inbox until its archive and receipt can be "
                    "written; make space or give the rights, the rest happens by itself",
                )
            return None
        if self.waits.succeeded(key):
            self.waits.keep(lambda topic: not (isinstance(topic, tuple) and topic[0] == "archive"))
            log.info("archive.resumed", file=row.file, drop_id=str(row.drop_id))
        return receipt

    def _file(self, row: DropRow, *, begun: bool) -> Steps[Receipt]:
        if row.gone is None:
            try:
                return (yield from self._store(row, begun=begun))
            except Changed as error:
                row = self._mark_gone(row, error)
        return (yield from self._store(row, begun=begun))

    def _store(self, row: DropRow, *, begun: bool) -> Steps[Receipt]:
        """Store at the planned place, or the next that is free."""
        start = 0
        place = row.place
        while True:
            if place is None:
                place = self._plan(row, start)
            receipt = make_receipt(self.journal, row, place)
            written = receipt.written(receipt_articles(self.journal, row))
            try:
                if row.gone is None:
                    yield from self.archive.store(row, place, written, begun=begun)
                else:
                    yield from self.archive.store_receipt(row, place, written)
            except Taken:
                start += 1
                place = None
            else:
                return receipt

    def _planned(self, rows: Sequence[DropRow]) -> list[DropRow]:
        """``rows``, each with the first place that is free for it: one commit for all.

        One whose place another drop has goes on without, and looks for the next by itself.
        """
        wanted = {
            row.drop_id: place
            for row in rows
            if row.place is None and (place := next(self._places(row, 0), None)) is not None
        }
        # Decided and journaled before the move, so that a crash repeats the same move.
        planned = self.journal.plan(wanted) if wanted else set()
        return [
            replace(row, place=wanted[row.drop_id]) if row.drop_id in planned else row
            for row in rows
        ]

    def _places(self, row: DropRow, start: int) -> Iterator[Place]:
        kind: ArchiveKind = "done" if self.journal.is_accepted(row.drop_id) else "rejected"
        return self.archive.choose(row, kind, start)

    def _plan(self, row: DropRow, start: int) -> Place:
        for place in self._places(row, start):
            if self.journal.plan({row.drop_id: place}):
                return place
        raise Unavailable(f"no free name in the archive for {row.file}")

    def _mark_gone(self, row: DropRow, error: Changed) -> DropRow:
        how: Gone = "removed" if error.how == "removed" else "replaced"
        self.journal.mark_gone(row.drop_id, how)
        log.warning("file.gone", file=row.file, drop_id=str(row.drop_id), reason=GONE_NOTES[how])
        found = self.journal.find(row.drop_id)
        if found is None:
            raise Unavailable(f"journal: drop {row.drop_id} vanished")
        return found


def _goes_in_step(row: DropRow) -> bool:
    """Whether a file may be archived in step with others.

    No receipt waits for gigabytes of another's file; and a file that is named like a receipt
    comes when those of the others have their names, and looks for one that is free.
    """
    return row.identity.size <= HASH_WHOLE and not row.path.lower().endswith(RECEIPT_SUFFIX)


def make_receipt(journal: Journal, row: DropRow, place: Place) -> Receipt:
    """The receipt of a settled file without its articles, from the journal alone."""
    return Receipt(
        drop_id=row.drop_id,
        inbox_id=journal.inbox_id,
        file=row.file,
        size=row.identity.size,
        content_sha256=row.sha256,
        reader=row.reader,
        received_at=row.received_at,
        settled_at=_settled_at(journal, row),
        revised_at=row.revised_at,
        archived_as=f"{place.kind}/{shown(place.path)}" if row.gone is None else None,
        note=None if row.gone is None else GONE_NOTES[row.gone],
        summary=journal.counts(row.drop_id),
        articles=(),
    )


def _settled_at(journal: Journal, row: DropRow) -> datetime:
    """When the last part of a file was settled."""
    last = row.settled_at if row.stop is None else journal.settled_at(row.drop_id)
    return last or row.received_at


def receipt_articles(journal: Journal, row: DropRow) -> Iterator[ReceiptArticle]:
    """The lines of the receipt of a settled file."""
    for entry in journal.file_entries(row.drop_id):
        if entry.outcome is not None:
            yield receipt_article(entry, entry.outcome)


def _count(receipt: Receipt) -> None:
    folder = "gone" if receipt.archived_as is None else receipt.archived_as.partition("/")[0]
    metrics.RECEIPTS.labels(folder).inc()
    for outcome, number in receipt.summary.items():
        metrics.RECEIPT_ARTICLES.labels(outcome).inc(number)


def _log_receipt(receipt: Receipt, refused: Outcome | None) -> None:
    """One line per file; a warning where somebody should look at it."""
    told = {
        "archived_as": receipt.archived_as,
        "note": receipt.note,
        "reason": None if refused is None else refused.reason,
        "advice": None if refused is None else refused.advice,
    }
    write = log.info if refused is None and receipt.note is None else log.warning
    write(
        "file.receipt",
        file=receipt.file,
        drop_id=str(receipt.drop_id),
        duration_ms=receipt.duration_ms,
        **receipt.summary,
        **{name: value for name, value in told.items() if value is not None},
    )
