"""The journal as the ledger reads it: one moment of it, beside whoever writes it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self
from uuid import UUID

from services.bus.errors import StopWorking
from services.bus.scripts import ArticleRef
from services.ingest.journal_schema import MIGRATIONS, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Decided = Literal["received", "ingest", "stages", "store"]
"""What a count is of: records received, or outcomes by who decided them."""

HOUR_MS = 3_600_000

BUSY_SECONDS = 5.0
"""How long a reader waits for a journal that is just being made."""

_OPEN = """
    SELECT d.drop_id, a.article_id, a.position, a.locator, d.file, d.part_of,
        d.received_at, coalesce(a.source, '') AS source, d.state, d.attempts, d.redriven_at
    FROM drops d JOIN articles a ON a.drop_id = d.drop_id
    WHERE d.state IN ('taken', 'published') AND a.outcome IS NULL ORDER BY d.seq, a.position
"""

_NOTED = """
    SELECT d.drop_id, a.article_id, a.position, a.locator, d.file, c.hour, c.source,
        c.decided, c.outcome, a.own IS NOT NULL AS own,
        json_extract(a.outcome, '$.drop.retry') IS NOT NULL AS retried
    FROM articles a JOIN drops d ON d.drop_id = a.drop_id
    JOIN counted c ON c.drop_id = a.drop_id AND c.position = a.position
"""

_FILES = """
    SELECT coalesce(d.part_of, d.drop_id) AS file_id, min(d.file) AS file,
        min(d.received_at) AS received_at, group_concat(d.drop_id) AS drops
    FROM drops d WHERE d.received_at >= ? GROUP BY file_id ORDER BY min(d.seq)
"""


@dataclass(frozen=True, slots=True)
class Count:
    """So many records of one hour of receipt (since 1970) and source."""

    hour: int
    source: str
    decided: Decided
    outcome: str
    articles: int


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """A record that was received and has no outcome yet. Times are ms since 1970.

    ``attempts``: how often its drop was sent, the last time at ``sent_at``.
    """

    ref: ArticleRef
    position: int
    locator: str | None
    file: str
    received_at: int
    source: str
    attempts: int
    sent_at: int | None

    @property
    def hour(self) -> int:
        """The hour of receipt, since 1970."""
        return self.received_at // HOUR_MS


@dataclass(frozen=True, slots=True)
class Noted:
    """A record and what the journal has of its outcome; ``decided`` only where there is one.

    ``own``: ingest decided when it read the record, and nobody else heard of it.  ``retried``:
    the outcome came of a dead letter that was sent again.
    """

    ref: ArticleRef
    position: int
    locator: str | None
    file: str
    hour: int
    source: str
    decided: Decided | None
    outcome: str | None
    own: bool
    retried: bool


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that was taken, with the drops that its parts are."""

    file_id: str
    file: str
    received_at: int
    drops: tuple[str, ...]


class LedgerBook:
    """The journal at the moment when it was opened, until it is closed.

    Changes nothing.  Raises ``StopWorking`` where there is no journal of this release, and
    ``Unavailable`` where the disk can't now.  Of one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise StopWorking(
                f"no journal at {path}: nothing was ever taken there; give --inbox FOLDER"
            )
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=BUSY_SECONDS,
                check_same_thread=False,
            )
            try:
                self._begin(path)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise named(error) from error

    def _begin(self, path: Path) -> None:
        self._connection.row_factory = sqlite3.Row
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != len(MIGRATIONS):
            newer = (
                "this is an older Wiredesk" if version > len(MIGRATIONS) else "start ingest once"
            )
            raise StopWorking(
                f"journal {path} has version {version}, not {len(MIGRATIONS)}: {newer}"
            )
        self._connection.execute("BEGIN")
        found = dict(tuple(row) for row in self._connection.execute("SELECT key, value FROM meta"))
        if "inbox_id" not in found:
            raise StopWorking(f"journal {path} is empty: nothing was ever taken there")
        self.inbox_id = UUID(found["inbox_id"])
        self.since = int(found["ledger_since"])

    def close(self) -> None:
        """Let the moment go."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def tally(self, since: int = 0) -> list[Count]:
        """What was counted of the hours from ``since`` on."""
        rows = self._query(
            "SELECT hour, source, decided, outcome, articles FROM tally"
            " WHERE hour >= ? AND articles <> 0",
            (max(since, self.since),),
        )
        return [Count(*row) for row in rows]

    def totals(self) -> Counter[tuple[Decided, str]]:
        """The same in short: by who decided, and the outcome."""
        rows = self._query(
            "SELECT decided, outcome, sum(articles) FROM tally WHERE hour >= ?"
            " GROUP BY decided, outcome",
            (self.since,),
        )
        return Counter({(decided, outcome): number for decided, outcome, number in rows})

    def open_entries(self) -> list[OpenEntry]:
        """What was received and has no outcome yet, in the order of receipt."""
        return [
            OpenEntry(
                ref=_ref(row),
                position=row["position"],
                locator=row["locator"],
                file=row["file"],
                received_at=row["received_at"],
                source=row["source"],
                attempts=row["attempts"],
                sent_at=row["redriven_at"],
            )
            for row in self._query(_OPEN)
        ]

    def noted(self, drops: Sequence[str]) -> Iterator[Noted]:
        """Every record of these drops."""
        for drop_id in drops:
            yield from map(_noted, self._query(f"{_NOTED} WHERE d.drop_id = ?", (drop_id,)))

    def one(self, ref: ArticleRef) -> Noted | None:
        """The record of an article that isn't a repeat of another; None where there is none."""
        rows = self._query(
            f"{_NOTED} WHERE a.drop_id = ? AND a.article_id = ? ORDER BY a.own IS NOT NULL LIMIT 1",
            (str(ref.drop_id), str(ref.article_id)),
        )
        return _noted(rows[0]) if rows else None

    def rejected_by_stages(self, since: int = 0) -> dict[ArticleRef, Noted]:
        """The records that stages rejected, of hours from ``since`` on that aren't forgotten."""
        hours = {count.hour for count in self.tally(since) if count.decided == "stages"}
        found: dict[ArticleRef, Noted] = {}
        # Hour by hour: others' records needn't be looked at.
        for hour in hours:
            rows = self._query(
                f"{_NOTED} WHERE d.received_at >= ? AND d.received_at < ?"
                " AND c.decided = 'stages' AND c.outcome NOTNULL",
                (hour * HOUR_MS, (hour + 1) * HOUR_MS),
            )
            found |= {noted.ref: noted for noted in map(_noted, rows)}
        return found

    def drops_in(self, hour: int) -> list[str]:
        """The drops of an hour."""
        start = hour * HOUR_MS
        rows = self._query(
            "SELECT drop_id FROM drops WHERE received_at >= ? AND received_at < ?",
            (start, start + HOUR_MS),
        )
        return [row["drop_id"] for row in rows]

    def knows_drop(self, drop_id: str) -> bool:
        """Whether a drop was taken, and isn't forgotten."""
        return bool(self._query("SELECT 1 FROM drops WHERE drop_id = ?", (drop_id,)))

    def files(self, since: int = 0) -> list[TakenFile]:
        """The files taken from an hour on that aren't forgotten, in the order of receipt."""
        return [
            TakenFile(
                row["file_id"], row["file"], row["received_at"], tuple(row["drops"].split(","))
            )
            for row in self._query(_FILES, (max(since, self.since) * HOUR_MS,))
        ]

    def _query(self, statement: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise named(error) from error


def _ref(row: sqlite3.Row) -> ArticleRef:
    return ArticleRef(UUID(row["drop_id"]), UUID(row["article_id"]))


def _noted(row: sqlite3.Row) -> Noted:
    return Noted(
        ref=_ref(row),
        position=row["position"],
        locator=row["locator"],
        file=row["file"],
        hour=row["hour"],
        source=row["source"],
        decided=None if row["outcome"] is None else row["decided"],
        outcome=row["outcome"],
        own=bool(row["own"]),
        retried=bool(row["retried"]),
    )
