"""The SQLite store's side of the ledger; see :mod:`services.indexer.store.tallies`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store.tallies import Filed, Tally, TallyRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

AT_ONCE = 500
"""Rows, or drops, of one query: no reader holds up a writer's checkpoint for a whole ledger."""

_IN = """
    INSERT INTO tally (inbox_id, hour, source, outcome, articles)
    VALUES (NEW.inbox_id, NEW.hour, NEW.source, NEW.outcome, 1)
    ON CONFLICT DO UPDATE SET articles = articles + 1;
"""

_OUT = """
    UPDATE tally SET articles = articles - 1
    WHERE inbox_id = OLD.inbox_id AND hour = OLD.hour AND source = OLD.source
        AND outcome = OLD.outcome;
    DELETE FROM tally
    WHERE inbox_id = OLD.inbox_id AND hour = OLD.hour AND source = OLD.source
        AND outcome = OLD.outcome AND articles = 0;
"""

_ABOUT = "json_extract(document, '$.drop.received_at')"

TABLES = (
    "ALTER TABLE outcomes ADD COLUMN inbox_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outcomes ADD COLUMN hour INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outcomes ADD COLUMN source TEXT NOT NULL DEFAULT ''",
    f"""
    UPDATE outcomes SET inbox_id = coalesce(json_extract(document, '$.drop.inbox_id'), ''),
        hour = coalesce(strftime('%s', {_ABOUT}) / 3600, 0),
        source = coalesce(json_extract(document, '$.source'), '')
    WHERE json_valid(document)
    """,  # noqa: S608  (names are ours)
    """
    CREATE TABLE tally (
        inbox_id TEXT NOT NULL,
        hour INTEGER NOT NULL,
        source TEXT NOT NULL,
        outcome TEXT NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (inbox_id, hour, source, outcome)
    ) WITHOUT ROWID
    """,
    """
    INSERT INTO tally SELECT inbox_id, hour, source, outcome, count(*) FROM outcomes
    GROUP BY inbox_id, hour, source, outcome
    """,
    f"CREATE TRIGGER tally_in AFTER INSERT ON outcomes BEGIN {_IN} END",
    f"CREATE TRIGGER tally_out AFTER DELETE ON outcomes BEGIN {_OUT} END",
    f"CREATE TRIGGER tally_changed AFTER UPDATE ON outcomes BEGIN {_OUT} {_IN} END",
)
"""What leads from version 4 of the store to 5."""

_LAST = "SELECT coalesce(max(seq), 0) FROM outcomes"

_ROWS = "SELECT inbox_id, hour, source, outcome, articles FROM tally WHERE articles <> 0"

_TOTALS = """
    SELECT inbox_id, outcome, sum(articles) FROM tally WHERE hour >= ?
    GROUP BY inbox_id, outcome HAVING sum(articles) <> 0
"""

_FILED = "SELECT seq, drop_id, article_id, inbox_id, hour, source, outcome FROM outcomes"

_AFTER = f"{_FILED} WHERE seq > ? ORDER BY seq LIMIT ?"

_IN_HOUR = f"{_FILED} WHERE inbox_id = ? AND hour = ? ORDER BY seq"


def tally(db: sqlite3.Connection) -> Tally:
    """What was counted, within one view."""
    (last,) = db.execute(_LAST).fetchone()
    return Tally(int(last), tuple(TallyRow(*row) for row in db.execute(_ROWS)))


def totals(db: sqlite3.Connection, since: int) -> dict[str, dict[str, int]]:
    """The tally in short."""
    found: dict[str, dict[str, int]] = {}
    for inbox_id, outcome, articles in db.execute(_TOTALS, (since,)):
        found.setdefault(inbox_id, {})[outcome] = articles
    return found


def filed_after(db: sqlite3.Connection, number: int) -> list[Filed]:
    """Some outcomes behind a number, in their order."""
    return [Filed(*row) for row in db.execute(_AFTER, (number, AT_ONCE))]


def filed_for(db: sqlite3.Connection, drops: Sequence[str]) -> list[Filed]:
    """Outcomes of some drops, at most :data:`AT_ONCE` of them."""
    marks = ", ".join("?" * len(drops))
    return [Filed(*row) for row in db.execute(f"{_FILED} WHERE drop_id IN ({marks})", drops)]


def filed_in(db: sqlite3.Connection, inbox_id: str, hour: int) -> list[Filed]:
    """Outcomes of what an inbox received in an hour."""
    return [Filed(*row) for row in db.execute(_IN_HOUR, (inbox_id, hour))]
