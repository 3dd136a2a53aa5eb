"""What brings the rows of older stores to newer versions.

To version 4: lists by place, totals, and words of names.  To version 6: keys by name.

These are steps of a migration: they stay as they are whatever later versions do.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from services.indexer.store.places import BITS
from services.indexer.store.words import fold, name_words
from services.media_topics import media_topics

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_EARLIEST_MS = -8_520_336_000_000
"""1 January 1700: earlier times count as this one, so that a place fits into 64 bits."""

_LATEST_MS = 8_772_883_200_000
"""1 January 2248: later ones count as this one, for the same reason."""

_SHARED = """
    SELECT seq, place FROM articles AS a WHERE EXISTS (
        SELECT 1 FROM articles AS b WHERE b.place = a.place AND b.seq < a.seq
    ) ORDER BY seq
"""

_SOURCES = """
    UPDATE articles SET source = (
        SELECT json_extract(v.document, '$.provider') FROM versions AS v
        WHERE v.seq = articles.current
    )
"""

_TOPICS = """
    SELECT t.article, a.place, t.code, t.name
    FROM topics AS t JOIN articles AS a ON a.seq = t.article
    ORDER BY t.article, t.position
"""

_DAY = "strftime('%Y-%m-%d', (place >> 20) / 1000.0, 'unixepoch')"

_TOTALS = (
    "INSERT INTO totals SELECT 'all', '', count(*), 0 FROM articles WHERE state = 'live'",
    """
    INSERT INTO totals SELECT 'entity', key_folded, count(DISTINCT article), sum(mentions)
    FROM entities GROUP BY key_folded
    """,
    """
    INSERT INTO totals SELECT 'topic', code_folded, count(DISTINCT article), 0
    FROM lineage GROUP BY code_folded
    """,
    """
    INSERT INTO totals SELECT 'source', source_folded, count(*), 0 FROM articles
    WHERE state = 'live' AND source_folded <> '' GROUP BY source_folded
    """,
    """
    INSERT INTO totals SELECT 'language', language, count(*), 0 FROM articles
    WHERE state = 'live' GROUP BY language
    """,
    f"""
    INSERT INTO totals SELECT 'day', {_DAY} AS day, count(*), 0 FROM articles
    WHERE state = 'live' GROUP BY day
    """,  # noqa: S608  (all of it is ours)
    """
    INSERT INTO forms SELECT 'entity', key_folded, name, count(DISTINCT article)
    FROM entities GROUP BY key_folded, name
    """,
    """
    INSERT INTO forms SELECT 'type', key_folded, type, count(DISTINCT article)
    FROM entities GROUP BY key_folded, type
    """,
    """
    INSERT INTO forms SELECT 'topic', code_folded, name, count(DISTINCT article)
    FROM lineage GROUP BY code_folded, name
    """,
    """
    INSERT INTO forms SELECT 'source', source_folded, source, count(*) FROM articles
    WHERE state = 'live' AND source_folded <> '' GROUP BY source_folded, source
    """,
    """
    INSERT INTO story_totals SELECT story, count(*), min(place), max(place) FROM articles
    WHERE state = 'live' AND story IS NOT NULL GROUP BY story
    """,
)

_NAMED = """
    INSERT OR IGNORE INTO names SELECT facet, folded(form), key FROM forms
    WHERE facet = 'topic' OR facet = 'entity'
        AND NOT (key GLOB 'date:*' OR key GLOB 'money:*')
"""


def fill_lists(db: sqlite3.Connection) -> None:
    """Give every article its place, its change and its source, and topics those above them."""
    db.create_function("place_of", 2, _place, deterministic=True)
    db.create_function("folded", 1, _folded, deterministic=True)
    db.execute("UPDATE articles SET place = place_of(newest_at, seq), change = seq")
    _part(db)
    db.execute(_SOURCES)
    db.execute("UPDATE articles SET source_folded = folded(source)")
    db.execute(
        "UPDATE entities SET place = (SELECT a.place FROM articles AS a WHERE a.seq = article)"
    )
    db.executemany("INSERT INTO lineage VALUES (?, ?, ?, ?, ?, ?, ?)", list(_lineages(db)))


def _place(micros: int, seq: int) -> int:
    milliseconds = min(max(micros // 1000, _EARLIEST_MS), _LATEST_MS)
    return milliseconds << BITS | seq & ((1 << BITS) - 1)


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _part(db: sqlite3.Connection) -> None:
    """Of articles with the same place (there are a million others) the later get a free one."""
    db.execute("CREATE INDEX parting ON articles (place)")
    for seq, place in db.execute(_SHARED).fetchall():
        free = place
        while db.execute("SELECT 1 FROM articles WHERE place = ?", (free,)).fetchone():
            free += 1
        db.execute("UPDATE articles SET place = ? WHERE seq = ?", (free, seq))
    db.execute("DROP INDEX parting")


def _lineages(db: sqlite3.Connection) -> Iterator[tuple[int, int, int, str, str, str, str]]:
    tree = media_topics()
    for (article, place), topics in groupby(db.execute(_TOPICS), lambda row: row[:2]):
        above: dict[str, str] = {}
        for _, _, code, name in topics:
            above[code] = name
            for broader in tree.lineage(code):
                above.setdefault(broader, tree.name(broader) or broader)
        for position, (code, name) in enumerate(above.items()):
            yield article, position, place, code, name, fold(code), fold(name)


def fill_totals(db: sqlite3.Connection) -> None:
    """Count what is there once; from now on it is kept up to date."""
    for statement in _TOTALS:
        db.execute(statement)
    names = db.execute("SELECT key, form FROM forms WHERE facet = 'entity'").fetchall()
    _spell(db, "name_words", names)
    told = db.execute(
        "SELECT root_folded, name FROM aliases WHERE name IS NOT NULL "
        "UNION SELECT coalesce(a.root_folded, t.key_folded), t.name "
        "FROM targets AS t LEFT JOIN aliases AS a ON a.key = t.key WHERE t.name IS NOT NULL"
    ).fetchall()
    _spell(db, "told_words", told)


def _spell(db: sqlite3.Connection, table: str, names: list[tuple[str, str]]) -> None:
    db.executemany(
        f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)",  # noqa: S608  (the table is ours)
        [(word, key, name) for key, name in names for word in name_words(name)],
    )


def fill_names(db: sqlite3.Connection) -> None:
    """Tell which keys have a name: of entities but dates and amounts, and of topics."""
    db.create_function("folded", 1, _folded, deterministic=True)
    db.execute(_NAMED)
