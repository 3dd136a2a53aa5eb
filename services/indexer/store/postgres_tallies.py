"""The PostgreSQL store's side of the ledger; see :mod:`services.indexer.store.tallies`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from services.indexer.store.tallies import HOUR, Filed, Tally, TallyRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import LiteralString

    from services.indexer.store.postgres_pool import Connection

AT_ONCE = 500
"""Rows, or drops, of one query: under 1 MB, and no transaction is open for a whole ledger."""

_OLD_OUTCOMES = "SELECT seq, document FROM outcomes WHERE seq > %s ORDER BY seq LIMIT %s"

_FILL = """
    UPDATE outcomes AS o SET inbox_id = f.inbox_id, hour = f.hour, source = f.source
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[])
        AS f (seq, inbox_id, hour, source)
    WHERE o.seq = f.seq
"""


def fill(db: Connection) -> None:
    """Fill the new columns of outcomes out of their documents.

    They may hold NULs, which PostgreSQL's JSON functions refuse: so it is done here.
    """
    after = 0
    while found := db.execute(_OLD_OUTCOMES, (after, AT_ONCE)).fetchall():
        about = [_about(document) for _, document in found]
        inboxes, hours, sources = (list(each) for each in zip(*about, strict=True))
        db.execute(_FILL, ([seq for seq, _ in found], inboxes, hours, sources))
        after = int(found[-1][0])


def _about(document: str) -> tuple[str, int, str]:
    outcome = json.loads(document)
    received = datetime.fromisoformat(outcome["drop"]["received_at"])
    hour = int(received.timestamp() // HOUR)
    return outcome["drop"]["inbox_id"], hour, outcome.get("source") or ""


# The search path stays that of the store, also where somebody changes rows by hand.
_COUNT = """
    CREATE FUNCTION count_outcomes_{rows}() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$ BEGIN
        INSERT INTO tally (inbox_id, hour, source, outcome, articles)
        SELECT inbox_id, hour, source, outcome, count(*) * {sign} FROM {rows}
        GROUP BY inbox_id, hour, source, outcome
        ON CONFLICT (inbox_id, hour, source, outcome)
        DO UPDATE SET articles = tally.articles + EXCLUDED.articles;
        RETURN NULL;
    END $$
"""

_TRIGGER = """
    CREATE TRIGGER tally_{name} AFTER {event} ON outcomes
    REFERENCING {version} TABLE AS {rows} FOR EACH STATEMENT
    EXECUTE FUNCTION count_outcomes_{rows}()
"""

TABLES: tuple[LiteralString | Callable[[Connection], None], ...] = (
    """ALTER TABLE outcomes ADD COLUMN inbox_id text COLLATE "C" NOT NULL DEFAULT ''""",
    "ALTER TABLE outcomes ADD COLUMN hour bigint NOT NULL DEFAULT 0",
    """ALTER TABLE outcomes ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT ''""",
    fill,
    """
    CREATE TABLE tally (
        inbox_id text COLLATE "C" NOT NULL,
        hour bigint NOT NULL,
        source text COLLATE "C" NOT NULL,
        outcome text COLLATE "C" NOT NULL,
        articles bigint NOT NULL,
        PRIMARY KEY (inbox_id, hour, source, outcome)
    ) WITH (fillfactor = 70)
    """,
    """
    INSERT INTO tally SELECT inbox_id, hour, source, outcome, count(*) FROM outcomes
    GROUP BY inbox_id, hour, source, outcome
    """,
    _COUNT.format(rows="new_rows", sign="1"),
    _COUNT.format(rows="old_rows", sign="-1"),
    _TRIGGER.format(name="in", event="INSERT", version="NEW", rows="new_rows"),
    _TRIGGER.format(name="out", event="DELETE", version="OLD", rows="old_rows"),
    _TRIGGER.format(name="changed_in", event="UPDATE", version="NEW", rows="new_rows"),
    _TRIGGER.format(name="changed_out", event="UPDATE", version="OLD", rows="old_rows"),
)
"""What leads from version 1 of the store to 2."""

_LAST = "SELECT coalesce(max(seq), 0) FROM outcomes"

_ROWS = "SELECT inbox_id, hour, source, outcome, articles FROM tally WHERE articles <> 0"

_TOTALS = """
    SELECT inbox_id, outcome, sum(articles)::bigint FROM tally WHERE hour >= %s
    GROUP BY inbox_id, outcome HAVING sum(articles) <> 0
"""

_FILED = "SELECT seq, drop_id, article_id, inbox_id, hour, source, outcome FROM outcomes"

_AFTER = f"{_FILED} WHERE seq > %s ORDER BY seq LIMIT %s"

_FOR = f"{_FILED} WHERE drop_id = ANY(%s)"

_IN_HOUR = f"{_FILED} WHERE inbox_id = %s AND hour = %s ORDER BY seq"


def tally(db: Connection) -> Tally:
    """What was counted, within one view."""
    row = db.execute(_LAST).fetchone()
    counted = tuple(TallyRow(*row) for row in db.execute(_ROWS))
    return Tally(0 if row is None else int(row[0]), counted)


def totals(db: Connection, since: int) -> dict[str, dict[str, int]]:
    """The tally in short."""
    found: dict[str, dict[str, int]] = {}
    for inbox_id, outcome, articles in db.execute(_TOTALS, (since,)):
        found.setdefault(inbox_id, {})[outcome] = articles
    return found


def filed_after(db: Connection, number: int) -> list[Filed]:
    """Some outcomes behind a number, in their order."""
    return [Filed(*row) for row in db.execute(_AFTER, (number, AT_ONCE))]


def filed_for(db: Connection, drops: Sequence[str]) -> list[Filed]:
    """Outcomes of some drops, at most :data:`AT_ONCE` of them."""
    return [Filed(*row) for row in db.execute(_FOR, (list(drops),))]


def filed_in(db: Connection, inbox_id: str, hour: int) -> list[Filed]:
    """Outcomes of what an inbox received in an hour."""
    return [Filed(*row) for row in db.execute(_IN_HOUR, (inbox_id, hour))]
