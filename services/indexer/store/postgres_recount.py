"""Counting anew in a PostgreSQL store: entities that were merged or split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store.postgres_derived import add_words, form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.indexer.store.postgres_pool import Connection

_DROP = (
    "DELETE FROM totals WHERE facet = 'entity' AND key = ANY(%s)",
    "DELETE FROM forms WHERE facet IN ('entity', 'type') AND key = ANY(%s)",
    "DELETE FROM name_words WHERE key = ANY(%s)",
)

_TOTALS = """
    INSERT INTO totals (facet, key, articles, mentions)
    SELECT 'entity', key_folded, count(DISTINCT article), sum(mentions)
    FROM entities WHERE key_folded = ANY(%s) GROUP BY key_folded
"""

_TYPES = """
    INSERT INTO forms (facet, key, form, articles)
    SELECT 'type', key_folded, type, count(DISTINCT article)
    FROM entities WHERE key_folded = ANY(%s) GROUP BY key_folded, type
"""

_NAMES = """
    SELECT key_folded, name, count(DISTINCT article)
    FROM entities WHERE key_folded = ANY(%s) GROUP BY key_folded, name
"""

_ADD_NAMES = """
    INSERT INTO forms AS f (facet, key, form, articles) VALUES ('entity', %s, %s, %s)
    ON CONFLICT (facet, key, form) DO UPDATE SET articles = f.articles + excluded.articles
"""

_TOLD = """
    SELECT root_folded, name FROM aliases WHERE name IS NOT NULL
    UNION SELECT key_folded, name FROM targets WHERE name IS NOT NULL
"""


def recount_entities(db: Connection, keys: Iterable[str]) -> None:
    """Count entities, given by folded keys, anew; what an operator told of any is read again."""
    asked = (sorted(set(keys)),)
    for statement in (*_DROP, _TOTALS, _TYPES):
        db.execute(statement, asked)
    names = [(key, form(name), count) for key, name, count in db.execute(_NAMES, asked)]
    with db.cursor() as cursor:
        cursor.executemany(_ADD_NAMES, names)
    add_words(db, "name_words", [row[:2] for row in names])
    tell_words(db)


def tell_words(db: Connection) -> None:
    """Let entities be found by the names that an operator told, some hundreds at most."""
    db.execute("DELETE FROM told_words")
    told = db.execute(_TOLD).fetchall()
    add_words(db, "told_words", [(key, form(name)) for key, name in told])
