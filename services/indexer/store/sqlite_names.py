"""Entities by the words of their names, in the SQLite store: a search, and a box that is typed in.

Only names of which a word begins with the longest word asked for are read.  Where these are very
many (one letter typed), the entities of most articles are asked whether they are among them, so
that neither costs more than some milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store import sqlite_entities
from services.indexer.store.entities import VALUES
from services.indexer.store.words import fold, name_words

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from services.indexer.store.entities import KnownEntity

WORDS_SEARCHED = 10
"""Words of a search for an entity that count: names have fewer."""

NAMES_READ = 1000
"""Names with a word that begins as is asked: three letters begin fewer in a store of 100,000
articles, and so many are read, compared and counted in some 5 ms."""

ASKED = 5000
"""Entities, those of most articles first, that are asked where there are more such names."""

# A word that is cut off by its beginning is followed by nothing that sorts behind this.
_LAST = "\U0010ffff"

HOW_MANY = """
    SELECT count(*) FROM (
        SELECT 1 FROM name_words WHERE word >= :start AND word < :end LIMIT :names
    )
"""

BEGINNING = """
    SELECT w.key, w.name, coalesce(t.articles, 0) FROM {table} AS w
    LEFT JOIN totals AS t ON t.facet = 'entity' AND t.key = w.key
    WHERE w.word >= :start AND w.word < :end LIMIT :names
"""

FREQUENT = """
    SELECT w.key, w.name, t.articles FROM (
        SELECT key, articles FROM totals WHERE facet = 'entity'
        ORDER BY articles DESC, key LIMIT :asked
    ) AS t CROSS JOIN name_words AS w ON w.key = t.key AND w.word >= :start AND w.word < :end
    LIMIT :frequent
"""

FREQUENT_READ = 300
"""Names of the most frequent that are compared: a list shows fewer."""


def find(db: sqlite3.Connection, words: str, limit: int) -> list[KnownEntity]:
    """Entities that ``words`` name, those of most articles first."""
    starts = name_words(words)[:WORDS_SEARCHED]
    keys = _named(db, starts, lambda name: _begin(starts, name))
    key = sqlite_entities.find_key(db, words)
    if key is not None:
        held = fold(sqlite_entities.root_of(db, key))
        counts = db.execute(sqlite_entities.COUNTS, (held,)).fetchone()
        keys[held] = counts[0] if counts else 0
    return [
        sqlite_entities.known(db, sqlite_entities.shown_key(db, each))
        for each in _most(keys)[: max(0, limit)]
    ]


def suggest(db: sqlite3.Connection, prefix: str, limit: int, kind: str | None) -> list[KnownEntity]:
    """Entities for a box in which ``prefix`` was typed, those of most articles first."""
    starts = name_words(prefix)[:WORDS_SEARCHED]
    # Behind a space a new word is begun: the one before it is whole.
    whole = starts if prefix[-1:].isspace() else starts[:-1]
    keys = _named(db, starts, lambda name: _begin(starts, name) and set(whole) <= set(name))
    found: list[KnownEntity] = []
    for key in _most(keys):
        if len(found) >= limit:
            break
        entity = sqlite_entities.listed(db, sqlite_entities.shown_key(db, key))
        if entity.type == kind or (kind is None and not key.startswith(VALUES)):
            found.append(entity)
    return found


def _begin(starts: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(word.startswith(start) for word in words) for start in starts)


def _named(
    db: sqlite3.Connection, starts: Sequence[str], fits: Callable[[Sequence[str]], bool]
) -> dict[str, int]:
    """Folded keys of entities of which a name fits, with their articles."""
    if not starts:
        return {}
    start = max(starts, key=len)
    values = {
        "start": start,
        "end": start + _LAST,
        "names": NAMES_READ,
        "asked": ASKED,
        "frequent": FREQUENT_READ,
    }
    named: list[tuple[str, str, int]] = []
    if db.execute(HOW_MANY, values).fetchone()[0] == NAMES_READ:
        named += db.execute(FREQUENT, values).fetchall()
    if len(named) < FREQUENT_READ:
        named += db.execute(BEGINNING.format(table="name_words"), values).fetchall()
    named += db.execute(BEGINNING.format(table="told_words"), values).fetchall()
    return {key: articles for key, name, articles in named if fits(name_words(name))}


def _most(keys: dict[str, int]) -> list[str]:
    """``keys`` by their articles, most first."""
    return sorted(keys, key=lambda key: (-keys[key], key))
