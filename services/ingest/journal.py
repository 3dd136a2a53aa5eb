"""The journal: which drops there are and how far each has come.

SQLite beside the inbox, one writer, synchronous: what a method has returned
from survives a power cut.  Every method may be called from any thread.  Times
are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from services.ingest.drops import DropRow, Entry, Gone, Place, from_ms, to_ms
from services.ingest.journal_book import JournalBook, packed
from services.ingest.waits import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from schemas.events import Outcome
    from services.ingest.readers.base import Resume

KEEP_ARCHIVED_MS = 90 * 24 * 3600 * 1000
"""Archived drops are forgotten after a quarter, like dead letters; their receipts stay."""

_SETTLE = """
    UPDATE drops SET state = 'settled', settled_at = ?
    WHERE drop_id = ? AND state IN ('taken', 'published') AND NOT EXISTS (
        SELECT 1 FROM articles a
        WHERE a.drop_id = drops.drop_id AND (a.outcome IS NULL OR a.published = 0))
"""


class Journal(JournalBook):
    """See the module. Methods raise ``Unavailable`` when the disk can't take a write now."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        super().__init__(path)
        self._clock = Clock() if clock is None else clock
        try:
            self.inbox_id = self._identify()
            self._last_received = self._newest()
        except BaseException:
            self._connection.close()
            raise

    # --- taking ------------------------------------------------------------------
    def allot(self) -> datetime:
        """A time of receipt for a new drop: now, but later than any before by 1 ms or more."""
        with self._lock:
            self._last_received = max(to_ms(self._clock.now()), self._last_received + 1)
            return from_ms(self._last_received)

    def take(self, drops: Iterable[tuple[DropRow, Sequence[Entry]]]) -> None:
        """Record new drops with all of their records, in one transaction.

        Of a later part also where its file goes on; one without records is the end only.
        """
        with self._transaction("take"):
            for row, entries in drops:
                if row.part_of is not None:
                    self._set_more(row.part_of, row.more)
                if row.part_of is None or entries:
                    self._insert_drop(row)
                    self._insert_entries(row.drop_id, entries)

    def retake(self, row: DropRow, entries: Sequence[Entry]) -> None:
        """Replace the records of a drop that a newer version reads otherwise.

        Nothing changes once any of them has been published or has an outcome.
        """
        with self._transaction("retake"):
            begun = self._connection.execute(
                "SELECT 1 FROM articles WHERE drop_id = ? AND own IS NULL"
                " AND (published = 1 OR outcome IS NOT NULL) LIMIT 1",
                (str(row.drop_id),),
            ).fetchone()
            if begun is None:
                self._connection.execute(
                    "DELETE FROM articles WHERE drop_id = ?", (str(row.drop_id),)
                )
                self._insert_entries(row.drop_id, entries)

    def published(self, drops: Iterable[UUID]) -> None:
        """All records of these drops are on the bus (or reported); counts one attempt each."""
        now = to_ms(self._clock.now())
        with self._transaction("published"):
            for drop_id in drops:
                key = str(drop_id)
                self._connection.execute(
                    "UPDATE articles SET published = 1 WHERE drop_id = ?", (key,)
                )
                self._connection.execute(
                    "UPDATE drops SET attempts = attempts + 1, redriven_at = ?,"
                    " state = CASE state WHEN 'taken' THEN 'published' ELSE state END"
                    " WHERE drop_id = ?",
                    (now, key),
                )
                self._connection.execute(_SETTLE, (now, key))

    # --- outcomes ------------------------------------------------------------------
    def settle(self, outcomes: Sequence[Outcome]) -> list[UUID]:
        """Record outcomes in one transaction; returns the drops that are settled by them.

        Also those that were, and whose receipts must be written again.  Others' outcomes,
        unknown drops and articles that have an outcome are passed over; but what comes of a
        dead letter that was sent again replaces what is known from an earlier time, in
        whatever order they come.
        """
        now = to_ms(self._clock.now())
        settled = []
        with self._transaction("settle"):
            touched: dict[UUID, None] = {}  # a set that keeps its order
            for outcome in outcomes:
                if outcome.drop.inbox_id == self.inbox_id and self._note(outcome):
                    touched[outcome.drop.drop_id] = None
            for drop_id in touched:
                changed = self._connection.execute(_SETTLE, (now, str(drop_id)))
                if changed.rowcount or self._revise(drop_id, now):
                    settled.append(drop_id)
        return settled

    def mark_gone(self, drop_id: UUID, how: Gone) -> None:
        """The original was removed or replaced; what was noted first stays.

        ``drop_id`` is the file's.  No more of it will be read.
        """
        with self._transaction("gone"):
            self._connection.execute(
                "UPDATE drops SET gone = coalesce(gone, ?), more = NULL"
                " WHERE drop_id = ? OR part_of = ?",
                (how, str(drop_id), str(drop_id)),
            )

    # --- archiving -----------------------------------------------------------------
    def plan(self, places: Mapping[UUID, Place]) -> set[UUID]:
        """Decide where these drops will be archived, in one transaction; returns which have it.

        Of the others, another drop has that place.
        """
        with self._transaction("plan"):
            return {drop_id for drop_id, place in places.items() if self._plan(drop_id, place)}

    def archived(self, drops: Iterable[UUID]) -> None:
        """These files and their receipts are in place: nothing is left to do."""
        now = to_ms(self._clock.now())
        with self._transaction("archived"):
            self._connection.executemany(
                "UPDATE drops SET state = 'archived', archived_at = ?"
                " WHERE drop_id = ? OR part_of = ?",
                [(now, str(drop_id), str(drop_id)) for drop_id in drops],
            )

    def plan_move(self, row: DropRow, place: Place) -> bool:
        """Decide where an archived drop goes from where it is; false if another has that place."""
        old = row.archived_from or (None if row.place is None else row.place.target)
        try:
            with self._transaction("plan_move"):
                self._connection.execute(
                    "UPDATE drops SET archive_kind = ?, archive_root = ?, archive_path = ?,"
                    " archived_from = ? WHERE drop_id = ?",
                    (place.kind, place.root, place.path, old, str(row.drop_id)),
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def refiled(self, row: DropRow) -> None:
        """The receipt of an archived file shows the outcomes as of ``row.revised_at``."""
        seen = None if row.revised_at is None else to_ms(row.revised_at)
        with self._transaction("refiled"):
            self._connection.execute(
                "UPDATE drops SET refiled_at = ?, archived_from = NULL WHERE drop_id = ?",
                (seen, str(row.drop_id)),
            )

    def prune(self) -> int:
        """Forget drops archived long ago; returns how many. Their receipts stay.

        One with an outcome that was replaced is kept for as long again.
        """
        limit = to_ms(self._clock.now()) - KEEP_ARCHIVED_MS
        with self._transaction("prune"):
            done = self._connection.execute(
                "DELETE FROM drops WHERE state = 'archived'"
                " AND max(archived_at, coalesce(revised_at, 0)) < ?",
                (limit,),
            )
            return done.rowcount

    # --- inside --------------------------------------------------------------------
    def _plan(self, drop_id: UUID, place: Place) -> bool:
        done = self._connection.execute(
            "UPDATE OR IGNORE drops SET archive_kind = ?, archive_root = ?, archive_path = ?"
            " WHERE drop_id = ?",
            (place.kind, place.root, place.path, str(drop_id)),
        )
        return bool(done.rowcount)

    def _set_more(self, file_id: UUID, more: Resume | None) -> None:
        self._connection.execute(
            "UPDATE drops SET more = ? WHERE drop_id = ?", (packed(more), str(file_id))
        )

    def _note(self, outcome: Outcome) -> bool:
        retry = outcome.drop.retry
        done = self._connection.execute(
            # An entry of an older release has no source yet; its outcome may tell it.
            "UPDATE articles SET outcome = ?1, published = 1, source = coalesce(source, ?2)"
            " WHERE drop_id = ?3 AND article_id = ?4 AND (outcome IS NULL"
            "  OR own IS NULL AND coalesce(json_extract(outcome, '$.drop.retry.number'), 0) < ?5)"
            " AND EXISTS (SELECT 1 FROM drops d WHERE d.drop_id = articles.drop_id"
            "  AND (d.state IN ('taken', 'published') OR ?5 > 0))",
            (
                outcome.model_dump_json(),
                outcome.source,
                str(outcome.drop.drop_id),
                str(outcome.article_id),
                0 if retry is None else retry.number,
            ),
        )
        return bool(done.rowcount)

    def _revise(self, drop_id: UUID, now: int) -> bool:
        """Note that a receipt of this drop, written or about to be, no longer says it all."""
        done = self._connection.execute(
            # Always later than before: the receipt that is being written may not have seen it.
            "UPDATE drops SET revised_at = max(?, coalesce(revised_at + 1, 0)) WHERE drop_id ="
            " (SELECT coalesce(part_of, drop_id) FROM drops WHERE drop_id = ?"
            "  AND state IN ('settled', 'archived'))",
            (now, str(drop_id)),
        )
        return bool(done.rowcount)

    def _insert_drop(self, row: DropRow) -> None:
        identity = row.identity
        self._connection.execute(
            "INSERT INTO drops (drop_id, path, file, dev, inode, size, mtime_ns, sha256,"
            " received_at, state, reader, part_of, start, stop, more)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'taken', ?, ?, ?, ?, ?)",
            (
                str(row.drop_id),
                row.path,
                row.file,
                str(identity.dev),
                str(identity.inode),
                identity.size,
                identity.mtime_ns,
                row.sha256,
                to_ms(row.received_at),
                None if row.reader is None else row.reader.model_dump_json(),
                None if row.part_of is None else str(row.part_of),
                packed(row.start),
                row.stop,
                None if row.part_of else packed(row.more),
            ),
        )

    def _insert_entries(self, drop_id: UUID, entries: Sequence[Entry]) -> None:
        self._connection.executemany(
            "INSERT INTO articles (drop_id, position, article_id, revision, headline, own,"
            " published, outcome, locator, reader, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    str(drop_id),
                    entry.position,
                    str(entry.article_id),
                    entry.revision,
                    entry.headline,
                    entry.own,
                    int(entry.repeats),  # a repeat is never sent anywhere
                    None if entry.outcome is None else entry.outcome.model_dump_json(),
                    entry.locator,
                    None if entry.reader is None else entry.reader.model_dump_json(),
                    entry.source,
                )
                for entry in entries
            ],
        )

    def _identify(self) -> UUID:
        found = self._query("SELECT value FROM meta WHERE key = 'inbox_id'", ())
        if found:
            return UUID(found[0]["value"])
        made = uuid4()
        with self._transaction("identify"):
            self._connection.execute("INSERT INTO meta VALUES ('inbox_id', ?)", (str(made),))
        return made

    def _newest(self) -> int:
        (found,) = self._query("SELECT max(received_at) AS newest FROM drops", ())
        return found["newest"] or 0
