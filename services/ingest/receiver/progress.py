"""How far ingest is with a file: read from its journal, beside whoever writes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IN_WORK = """
    SELECT drop_id, received_at FROM drops
    WHERE state IN ('taken', 'published', 'settled') AND part_of IS NULL AND path = ?
    ORDER BY seq DESC LIMIT 1
"""

_COUNT = """
    SELECT count(*) AS records, count(outcome) AS settled FROM articles
    WHERE drop_id IN (SELECT drop_id FROM drops WHERE drop_id = ?1 OR part_of = ?1)
"""

BUSY_SECONDS = 1.0
"""Seconds that a look waits for a journal that is just being made; it is asked again anyway."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A file in work: records read of it so far, and those of them that have an outcome."""

    records: int
    settled: int


def progress_of(journal: Path, path: bytes) -> Progress | None:
    """How far the file at ``path`` below the inbox is; None while it isn't in work.

    Raises ``sqlite3.Error`` where that can't be told: there is no journal here, or on no disk
    that we reach.
    """
    uri = f"{journal.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
        found = connection.execute(_IN_WORK, (path,)).fetchone()
        if found is None:
            return None
        records, settled = connection.execute(_COUNT, (found[0],)).fetchone()
        return Progress(records, settled)
