"""How articles are spread over topics, entities, sources, languages and days, in PostgreSQL.

For everything there are totals, kept as articles come and go; what a query finds is counted
in the newest articles that match it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from services.indexer.store import postgres_entities, postgres_search
from services.indexer.store.base import Facets, FacetValue, Query
from services.indexer.store.entities import VALUES
from services.indexer.store.places import time_of
from services.media_topics import media_topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.indexer.store.base import FacetName
    from services.indexer.store.postgres_pool import Connection

LOOKED_AT = 2000
"""Articles of a query that are counted, the newest, as in the SQLite store: their 30,000 entities
take some 30 ms."""

_ALL = "SELECT articles FROM totals WHERE facet = 'all'"

# Of the entities those that are names.
_NAMES = "".join(f" AND {{column}} NOT LIKE '{start}%%'" for start in VALUES)

_TOTALS = (
    "SELECT key, articles FROM totals WHERE facet = %s{names} ORDER BY articles DESC, key LIMIT %s"
)

_DAYS = "SELECT key, articles FROM totals WHERE facet = 'day' ORDER BY key"

_FOUND: dict[str, str] = {
    "topic": "SELECT code_folded AS key, article AS one FROM lineage WHERE article = ANY(%(seqs)s)",
    "entity": f"""
        SELECT key_folded AS key, article AS one FROM entities
        WHERE article = ANY(%(seqs)s){_NAMES.format(column="key_folded")}
    """,  # noqa: S608  (our own constants)
    "source": """
        SELECT source_folded AS key, seq AS one FROM articles
        WHERE seq = ANY(%(seqs)s) AND source_folded <> ''
    """,
    "language": "SELECT language AS key, seq AS one FROM articles WHERE seq = ANY(%(seqs)s)",
}

_COUNT = """
    SELECT key, count(DISTINCT one) AS articles FROM ({found}) AS f GROUP BY key
    ORDER BY articles DESC, key LIMIT %(limit)s
"""

_SEQS = "SELECT a.seq, a.place FROM ({found}) AS f JOIN articles AS a ON a.place = f.place"

_CALLED = """
    SELECT form FROM forms WHERE facet = %s AND key = %s ORDER BY articles DESC, form LIMIT 1
"""

_CODE = "SELECT code FROM lineage WHERE code_folded = %s ORDER BY place LIMIT 1"


def facets(db: Connection, query: Query, names: Sequence[FacetName], limit: int) -> Facets:
    """How what a query finds is spread."""
    limit = max(0, limit)
    search = postgres_search.search_of(db, query)
    if not search.conditions and not search.by_words:
        values = {name: _named(db, name, _total(db, name, limit)) for name in names}
        return Facets(count(db), complete=True, values=values)
    search.values["limit"] = LOOKED_AT + 1
    found = _SEQS.format(found=search.matching(ranked=False)) + " ORDER BY a.place DESC"
    rows = db.execute(found, search.values).fetchall()
    looked_at = rows[:LOOKED_AT]
    values = {name: _named(db, name, _counted(db, name, looked_at, limit)) for name in names}
    return Facets(len(looked_at), complete=len(rows) <= LOOKED_AT, values=values)


def _total(db: Connection, name: FacetName, limit: int) -> list[tuple[str, int]]:
    if name == "day":
        found = db.execute(_DAYS)
    else:
        names = _NAMES.format(column="key") if name == "entity" else ""
        found = db.execute(_TOTALS.format(names=names), (name, limit))
    return [(str(key), int(articles)) for key, articles in found]


def _counted(
    db: Connection, name: FacetName, articles: Sequence[tuple[int, int]], limit: int
) -> list[tuple[str, int]]:
    """How the articles, each given by its row and its place, are spread."""
    if name == "day":
        return sorted(Counter(f"{time_of(place):%Y-%m-%d}" for _, place in articles).items())
    values = {"seqs": [seq for seq, _ in articles], "limit": limit}
    rows = db.execute(_COUNT.format(found=_FOUND[name]), values)
    return [(str(key), int(count)) for key, count in rows]


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
    code = _code(db, key)
    return code, media_topics().name(code) or name


def _code(db: Connection, folded: str) -> str:
    row = db.execute(_CODE, (folded,)).fetchone()
    return folded if row is None else str(row[0])


def topic_counts(db: Connection) -> dict[str, int]:
    """Articles per topic code, those of the topics below it included."""
    found = db.execute("SELECT key, articles FROM totals WHERE facet = 'topic'").fetchall()
    return {_code(db, str(key)): int(articles) for key, articles in found}


def count(db: Connection) -> int:
    """Articles that a search can find."""
    row = db.execute(_ALL).fetchone()
    return 0 if row is None else int(row[0])
