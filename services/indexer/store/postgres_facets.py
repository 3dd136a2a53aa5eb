"""How articles are spread over topics, entities, sources, languages and days, in PostgreSQL.

For everything there are totals, kept as articles come and go; what a query finds is counted
in the newest articles that match it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.indexer.store import postgres_entities, postgres_search
from services.indexer.store.base import Facets, FacetValue, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.indexer.store.base import FacetName
    from services.indexer.store.postgres_pool import Connection

COUNTED = 5_000
"""Articles looked at: with 15 entities each they are counted in some 50 ms."""

_ALL = "SELECT articles FROM totals WHERE facet = 'all'"

_TOTALS = """
    SELECT key, articles FROM totals WHERE facet = %s ORDER BY articles DESC, key LIMIT %s
"""

_DAYS = "SELECT key, articles FROM totals WHERE facet = 'day' ORDER BY key"

_FOUND: dict[str, str] = {
    "topic": "SELECT code_folded AS key, article AS one FROM lineage WHERE article = ANY(%(seqs)s)",
    "entity": """
        SELECT key_folded AS key, article AS one FROM entities WHERE article = ANY(%(seqs)s)
    """,
    "source": """
        SELECT source_folded AS key, seq AS one FROM articles
        WHERE seq = ANY(%(seqs)s) AND source_folded <> ''
    """,
    "language": "SELECT language AS key, seq AS one FROM articles WHERE seq = ANY(%(seqs)s)",
    "day": """
        SELECT to_char(
            to_timestamp((place >> 20) / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD'
        ) AS key, seq AS one
        FROM articles WHERE seq = ANY(%(seqs)s)
    """,
}

_COUNT = """
    SELECT key, count(DISTINCT one) AS articles FROM ({found}) AS f GROUP BY key
    ORDER BY {order} LIMIT %(limit)s
"""

_SEQS = "SELECT a.seq FROM ({found}) AS f JOIN articles AS a ON a.place = f.place"

_CALLED = """
    SELECT form FROM forms WHERE facet = %s AND key = %s ORDER BY articles DESC, form LIMIT 1
"""

_CODE = "SELECT code FROM lineage WHERE code_folded = %s LIMIT 1"


def facets(db: Connection, query: Query, names: Sequence[FacetName], limit: int) -> Facets:
    """How what a query finds is spread."""
    limit = max(0, limit)
    search = postgres_search.search_of(db, query)
    if len(search.conditions) == 1 and not search.by_words:
        values = {name: _named(db, name, _total(db, name, limit)) for name in names}
        return Facets(count(db), complete=True, values=values)
    search.values["limit"] = COUNTED + 1
    found = _SEQS.format(found=search.matching(ranked=False))
    seqs = [int(row[0]) for row in db.execute(found + " ORDER BY a.place DESC", search.values)]
    looked_at = seqs[:COUNTED]
    values = {name: _named(db, name, _counted(db, name, looked_at, limit)) for name in names}
    return Facets(len(looked_at), complete=len(seqs) <= COUNTED, values=values)


def _total(db: Connection, name: FacetName, limit: int) -> list[tuple[str, int]]:
    found = db.execute(_DAYS) if name == "day" else db.execute(_TOTALS, (name, limit))
    return [(str(key), int(articles)) for key, articles in found]


def _counted(
    db: Connection, name: FacetName, seqs: Sequence[int], limit: int
) -> list[tuple[str, int]]:
    by_time = name == "day"
    statement = _COUNT.format(found=_FOUND[name], order="key" if by_time else "articles DESC, key")
    values: dict[str, Any] = {"seqs": list(seqs), "limit": None if by_time else limit}
    return [(str(key), int(articles)) for key, articles in db.execute(statement, values)]


def _named(
    db: Connection, facet: FacetName, counted: Sequence[tuple[str, int]]
) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(*_shown(db, facet, key), articles) for key, articles in counted)


def _shown(db: Connection, facet: FacetName, key: str) -> tuple[str, str]:
    """The key to search by, and the name to show."""
    if facet == "entity":
        shown = postgres_entities.listed(db, postgres_entities.shown_key(db, key))
        return shown.key, shown.name or shown.key
    if facet in {"language", "day"}:
        return key, key
    row = db.execute(_CALLED, (facet, key)).fetchone()
    name = key if row is None else str(row[0])
    if facet == "source":
        return name, name
    code = db.execute(_CODE, (key,)).fetchone()
    return (key if code is None else str(code[0])), name


def topic_counts(db: Connection) -> dict[str, int]:
    """Articles per topic code, those of the topics below it included."""
    found = db.execute("SELECT key, articles FROM totals WHERE facet = 'topic'").fetchall()
    return {_shown(db, "topic", str(key))[0]: int(articles) for key, articles in found}


def count(db: Connection) -> int:
    """Articles that a search can find."""
    row = db.execute(_ALL).fetchone()
    return 0 if row is None else int(row[0])
