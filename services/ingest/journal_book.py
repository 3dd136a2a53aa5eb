"""What the journal knows: its rows as ingest's objects, and every question that is asked of it."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from schemas.article import ReaderInfo
from schemas.events import Outcome, OutcomeKind
from services.bus.errors import Unavailable
from services.effects import effect
from services.ingest.drops import DropRow, DropState, Entry, Place, from_ms
from services.ingest.files import Identity
from services.ingest.journal_schema import connect, named
from services.ingest.readers.base import Resume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path


class JournalBook:
    """The open journal, to be read. Methods raise ``Unavailable`` when the disk can't now."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = connect(path)

    def close(self) -> None:
        """Close the file; further calls raise ``Unavailable``."""
        with self._lock:
            self._connection.close()

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

    def open_files(self) -> tuple[int, datetime | None]:
        """How many files have no receipt yet, and when the first of them was taken."""
        (found,) = self._query(
            "SELECT count(*) AS number, min(received_at) AS first FROM drops"
            " WHERE state IN ('taken', 'published', 'settled') AND part_of IS NULL",
            (),
        )
        return found["number"], None if found["first"] is None else from_ms(found["first"])

    def revised_files(self, limit: int) -> list[DropRow]:
        """Archived files with an outcome that their receipts don't show yet, oldest first."""
        found = self._query(
            # "+": by the index of these few, not by that of all that is archived.
            "SELECT * FROM drops WHERE +state = 'archived' AND part_of IS NULL"
            " AND revised_at IS NOT NULL AND revised_at IS NOT refiled_at ORDER BY seq LIMIT ?",
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

    def bulk_in_flight(self) -> int:
        """How many records of long files' later parts are on their way, over all files."""
        (found,) = self._query(
            "SELECT count(*) AS number FROM drops d JOIN articles a USING (drop_id)"
            " WHERE d.part_of IS NOT NULL AND d.state IN ('taken', 'published')"
            " AND a.outcome IS NULL",
            (),
        )
        return int(found["number"])

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


def packed(resume: Resume | None) -> str | None:
    """A place in a file as the journal has it."""
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
        source=found["source"],
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
        revised_at=None if found["revised_at"] is None else from_ms(found["revised_at"]),
        archived_from=found["archived_from"],
    )
