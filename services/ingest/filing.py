"""The last step of a drop: its receipt, its place in the archive, its line in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.bus.errors import Unavailable
from services.ingest.archive import Taken
from services.ingest.names import shown
from services.ingest.reading import Changed
from services.ingest.receipts import GONE_NOTES, Receipt, receipt_article, summarise
from services.observability import get_logger

if TYPE_CHECKING:
    from schemas.events import Outcome
    from services.ingest.archive import Archive
    from services.ingest.drops import ArchiveKind, DropRow, Entry, Gone, Place
    from services.ingest.journal import Journal
    from services.ingest.waits import Waits

log = get_logger("ingest")

BATCH = 64
"""Drops archived between two looks at new files: so neither waits long for the other."""


@dataclass(frozen=True, slots=True)
class Filer:
    """Archives settled drops. Every method blocks: call it in a worker thread."""

    journal: Journal
    archive: Archive
    waits: Waits

    def file_settled(self) -> list[DropRow]:
        """Archive what is settled and may be tried now; returns the drops that are finished.

        What the disk doesn't take now is tried again later, and the others go
        on.  Raises :class:`Unavailable` if the journal takes no write.
        """
        due = [
            row
            for row in self.journal.in_state("settled", limit=BATCH + len(self.waits))
            if self.waits.ready(("archive", row.drop_id))
        ]
        finished = []
        for row in due[:BATCH]:
            receipt = self._try(row)
            if receipt is not None:
                finished.append((row, receipt))
        if finished:
            self.journal.archived(row.drop_id for row, _ in finished)
        for _, receipt in finished:
            _log_receipt(receipt)
        return [row for row, _ in finished]

    def _try(self, row: DropRow) -> Receipt | None:
        key = ("archive", row.drop_id)
        try:
            receipt = self._file(row)
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

    def _file(self, row: DropRow) -> Receipt:
        entries = self.journal.entries(row.drop_id)
        if row.gone is None:
            try:
                return self._store(row, entries)
            except Changed as error:
                row = self._mark_gone(row, error)
        return self._store(row, entries)

    def _store(self, row: DropRow, entries: list[Entry]) -> Receipt:
        """Store at the planned place, or the next that is free."""
        start = 0
        place = row.place
        while True:
            if place is None:
                place = self._plan(row, entries, start)
            receipt = make_receipt(self.journal, row, entries, place)
            try:
                if row.gone is None:
                    self.archive.store(row, place, receipt.to_bytes())
                else:
                    self.archive.store_receipt(row, place, receipt.to_bytes())
            except Taken:
                start += 1
                place = None
            else:
                return receipt

    def _plan(self, row: DropRow, entries: list[Entry], start: int) -> Place:
        # Decided and journaled before the move, so that a crash repeats the same move.
        for place in self.archive.choose(row, _kind(entries), start):
            if self.journal.plan(row.drop_id, place):
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


def make_receipt(journal: Journal, row: DropRow, entries: list[Entry], place: Place) -> Receipt:
    """The receipt of a settled drop, from the journal alone."""
    outcomes = [_own_record(entry, entry.outcome) for entry in entries if entry.outcome]
    return Receipt(
        drop_id=row.drop_id,
        inbox_id=journal.inbox_id,
        file=row.file,
        size=row.identity.size,
        content_sha256=row.sha256,
        reader=row.reader,
        received_at=row.received_at,
        settled_at=row.settled_at or row.received_at,
        archived_as=f"{place.kind}/{shown(place.path)}" if row.gone is None else None,
        note=None if row.gone is None else GONE_NOTES[row.gone],
        summary=summarise(outcomes),
        articles=tuple(receipt_article(outcome) for outcome in outcomes),
    )


def _own_record(entry: Entry, outcome: Outcome) -> Outcome:
    """``outcome`` with the position and headline that this file gave the record."""
    drop = outcome.drop.model_copy(update={"position": entry.position})
    headline = outcome.headline if outcome.headline is not None else entry.headline
    return outcome.model_copy(update={"drop": drop, "headline": headline})


def _kind(entries: list[Entry]) -> ArchiveKind:
    """*rejected* when nothing was accepted; repeats follow the article that they repeat."""
    decided = [entry.outcome for entry in entries if entry.outcome and not entry.repeats]
    accepted = any(outcome.outcome != "rejected" for outcome in decided)
    return "done" if accepted else "rejected"


def _log_receipt(receipt: Receipt) -> None:
    """One line per file; a warning where somebody should look at it."""
    refused = next((each for each in receipt.articles if each.outcome == "rejected"), None)
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
