"""The journal: which drops there are and how far each has come.

SQLite beside the inbox, one writer, synchronous: what a method has returned
from survives a power cut.  Every method may be called from any thread.  Times
are whole milliseconds since 1970, UTC.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from schemas.article import ReaderInfo
from schemas.events import Outcome, OutcomeKind
from services.bus.errors import Unavailable
from services.effects import effect
from services.ingest.drops import (
    DropRow,
    DropState,
    Entry,
    Gone,
    Place,
    from_ms,
    to_ms,
)
from services.ingest.files import Identity
from services.ingest.journal_schema import connect, named
from services.ingest.readers.base import Resume
from services.ingest.waits import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

KEEP_ARCHIVED_MS = 90 * 24 * 3600 * 1000
"""Archived drops are forgotten after a quarter, like dead letters; their receipts stay."""

_SETTLE = """
    UPDATE drops SET state = 'settled', settled_at = ?
    WHERE drop_id = ? AND state IN ('taken', 'published') AND NOT EXISTS (
        SELECT 1 FROM articles a
        WHERE a.drop_id = drops.drop_id AND (a.outcome IS NULL OR a.published = 0))
"""


class Journal:
    """See the module. Methods raise ``Unavailable`` when the disk can't take a write now."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._clock = Clock() if clock is None else clock
        self._lock = threading.RLock()
        self._connection = connect(path)
        try:
            self.inbox_id = self._identify()
            self._last_received = self._newest()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; further calls raise ``Unavailable``."""
        with self._lock:
            self._connection.close()

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

        Others' outcomes, unknown drops and articles that have an outcome are passed over.
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
                if changed.rowcount:
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
    def plan(self, drop_id: UUID, place: Place) -> bool:
        """Decide where a drop will be archived; false if another drop has that place."""
        try:
            with self._transaction("plan"):
                self._connection.execute(
                    "UPDATE drops SET archive_kind = ?, archive_root = ?, archive_path = ?"
                    " WHERE drop_id = ?",
                    (place.kind, place.root, place.path, str(drop_id)),
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def archived(self, drops: Iterable[UUID]) -> None:
        """These files and their receipts are in place: nothing is left to do."""
        now = to_ms(self._clock.now())
        with self._transaction("archived"):
            self._connection.executemany(
                "UPDATE drops SET state = 'archived', archived_at = ?"
                " WHERE drop_id = ? OR part_of = ?",
                [(now, str(drop_id), str(drop_id)) for drop_id in drops],
            )

    def prune(self) -> int:
        """Forget drops archived long ago; returns how many. Their receipts stay."""
        limit = to_ms(self._clock.now()) - KEEP_ARCHIVED_MS
        with self._transaction("prune"):
            done = self._connection.execute(
                "DELETE FROM drops WHERE state = 'archived' AND archived_at < ?", (limit,)
            )
            return done.rowcount

    # --- looking -------------------------------------------------------------------
    def in_state(self, *states: DropState) -> list[DropRow]:
        """The drops in these states, in the order of receipt."""
        marks = ", ".join("?" * len(states))
        found = self._query(
            f"SELECT * FROM drops WHERE state IN ({marks}) ORDER BY seq",  # noqa: S608  (only marks)
            states,
        )
        return [_row(each) for each in found]

    def settled_files(self, limit: int) -> list[DropRow]:
        """Files that were read to their end and all of whose parts are settled, oldest first."""
        found = self._query(
            "SELECT * FROM drops f WHERE state = 'settled' AND part_of IS NULL AND more IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM drops p WHERE p.part_of = f.drop_id"
            "  AND p.part_of IS NOT NULL AND p.state IN ('taken', 'published'))"
            " ORDER BY seq LIMIT ?",
            (limit,),
        )
        return [_row(each) for each in found]

    def find(self, drop_id: UUID) -> DropRow | None:
        """One drop."""
        found = self._query("SELECT * FROM drops WHERE drop_id = ?", (str(drop_id),))
        return _row(found[0]) if found else None

    def entries(self, drop_id: UUID) -> list[Entry]:
        """The records of one part in the order of the file, each with its outcome so far."""
        found = self._query(
            "SELECT * FROM articles WHERE drop_id = ? ORDER BY position", (str(drop_id),)
        )
        return [_entry(each) for each in found]

    def file_entries(self, file_id: UUID) -> Iterator[Entry]:
        """The records of a file, over all its parts in order: a part at a time in memory."""
        key = str(file_id)
        for part in self._query(
            "SELECT drop_id FROM drops WHERE drop_id = ?1 OR part_of = ?1 ORDER BY seq", (key,)
        ):
            yield from self.entries(UUID(part["drop_id"]))

    def counts(self, file_id: UUID) -> dict[OutcomeKind, int]:
        """Records of a file per outcome, over all its parts, most frequent first, then by name.

        Only records that have one.
        """
        found = self._query(
            "SELECT json_extract(a.outcome, '$.outcome') AS kind, count(*) AS number"
            " FROM drops d JOIN articles a USING (drop_id)"
            " WHERE (d.drop_id = ?1 OR d.part_of = ?1) AND a.outcome IS NOT NULL"
            " GROUP BY kind ORDER BY number DESC, kind",
            (str(file_id),),
        )
        return {each["kind"]: each["number"] for each in found}

    def settled_at(self, file_id: UUID) -> datetime | None:
        """When the last part of a file was settled."""
        (found,) = self._query(
            "SELECT max(settled_at) AS last FROM drops WHERE drop_id = ?1 OR part_of = ?1",
            (str(file_id),),
        )
        return None if found["last"] is None else from_ms(found["last"])

    def is_accepted(self, file_id: UUID) -> bool:
        """Whether anything of a file was accepted; repeats follow the article they repeat."""
        return bool(
            self._query(
                "SELECT 1 FROM drops d JOIN articles a USING (drop_id)"
                " WHERE (d.drop_id = ?1 OR d.part_of = ?1) AND a.own IS NOT 'repeat'"
                " AND json_extract(a.outcome, '$.outcome') != 'rejected' LIMIT 1",
                (str(file_id),),
            )
        )

    def first_rejected(self, file_id: UUID) -> Outcome | None:
        """The first outcome *rejected* of a file."""
        found = self._query(
            "SELECT a.outcome FROM drops d JOIN articles a USING (drop_id)"
            " WHERE (d.drop_id = ?1 OR d.part_of = ?1)"
            " AND json_extract(a.outcome, '$.outcome') = 'rejected' ORDER BY position LIMIT 1",
            (str(file_id),),
        )
        return _outcome(found[0]["outcome"]) if found else None

    def waiting(self, file_id: UUID) -> int:
        """How many records of a file that were read have no outcome yet."""
        (found,) = self._query(
            "SELECT count(*) AS number FROM articles a WHERE a.outcome IS NULL AND a.drop_id IN ("
            " SELECT drop_id FROM drops WHERE part_of = ?1 AND part_of IS NOT NULL"
            "  AND state IN ('taken', 'published')"
            " UNION ALL SELECT ?1)",
            (str(file_id),),
        )
        return int(found["number"])

    def unreported(self, drop_id: UUID) -> list[Outcome]:
        """Outcomes that ingest decided itself and the bus hasn't got yet."""
        found = self._query(
            "SELECT outcome FROM articles"
            " WHERE drop_id = ? AND own = 'rejected' AND published = 0 ORDER BY position",
            (str(drop_id),),
        )
        return [Outcome.model_validate_json(each["outcome"]) for each in found]

    # --- inside --------------------------------------------------------------------
    def _set_more(self, file_id: UUID, more: Resume | None) -> None:
        self._connection.execute(
            "UPDATE drops SET more = ? WHERE drop_id = ?", (_packed(more), str(file_id))
        )

    def _note(self, outcome: Outcome) -> bool:
        done = self._connection.execute(
            "UPDATE articles SET outcome = ?, published = 1"
            " WHERE drop_id = ? AND article_id = ? AND outcome IS NULL"
            " AND EXISTS (SELECT 1 FROM drops d WHERE d.drop_id = articles.drop_id"
            "  AND d.state IN ('taken', 'published'))",
            (outcome.model_dump_json(), str(outcome.drop.drop_id), str(outcome.article_id)),
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
                _packed(row.start),
                row.stop,
                None if row.part_of else _packed(row.more),
            ),
        )

    def _insert_entries(self, drop_id: UUID, entries: Sequence[Entry]) -> None:
        self._connection.executemany(
            "INSERT INTO articles (drop_id, position, article_id, revision, headline, own,"
            " published, outcome, locator, reader) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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

    def _query(self, statement: str, values: Sequence[object]) -> list[sqlite3.Row]:
        with self._lock:
            try:
                cursor = self._connection.cursor()
                cursor.row_factory = sqlite3.Row
                return cursor.execute(statement, values).fetchall()
            except sqlite3.ProgrammingError as error:
                raise Unavailable(f"journal: {error}") from error
            except sqlite3.Error as error:
                raise named(error) from error

    @contextmanager
    def _transaction(self, name: str) -> Iterator[None]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                effect(f"ingest.journal.{name}")
                self._connection.execute("COMMIT")
            except sqlite3.ProgrammingError as error:
                raise Unavailable(f"journal: {error}") from error
            except sqlite3.Error as error:
                raise named(error) from error
            finally:
                self._roll_back()

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.ProgrammingError:
            pass  # closed, and the transaction with it


def _outcome(text: str | None) -> Outcome | None:
    return None if text is None else Outcome.model_validate_json(text)


def _reader(text: str | None) -> ReaderInfo | None:
    return None if text is None else ReaderInfo.model_validate_json(text)


def _packed(resume: Resume | None) -> str | None:
    return None if resume is None else json.dumps([resume.position, resume.checkpoint])


def _unpacked(text: str | None) -> Resume | None:
    return None if text is None else Resume(*json.loads(text))


def _entry(found: sqlite3.Row) -> Entry:
    return Entry(
        position=found["position"],
        article_id=UUID(found["article_id"]),
        revision=found["revision"],
        headline=found["headline"],
        outcome=_outcome(found["outcome"]),
        repeats=found["own"] == "repeat",
        locator=found["locator"],
        reader=_reader(found["reader"]),
    )


def _row(found: sqlite3.Row) -> DropRow:
    place = None
    if found["archive_path"] is not None:
        place = Place(found["archive_kind"], found["archive_root"], found["archive_path"])
    return DropRow(
        drop_id=UUID(found["drop_id"]),
        path=found["path"],
        file=found["file"],
        identity=Identity(int(found["dev"]), int(found["inode"]), found["size"], found["mtime_ns"]),
        sha256=found["sha256"],
        received_at=from_ms(found["received_at"]),
        state=found["state"],
        gone=found["gone"],
        reader=_reader(found["reader"]),
        attempts=found["attempts"],
        settled_at=None if found["settled_at"] is None else from_ms(found["settled_at"]),
        place=place,
        part_of=None if found["part_of"] is None else UUID(found["part_of"]),
        start=_unpacked(found["start"]),
        stop=found["stop"],
        more=_unpacked(found["more"]),
    )
