"""The SQLite store's reading half: one article, and lists of those that match.

A list is made of places (places.py).  Each condition is some ranges of an index that is in their
order, so the narrowest is read from its end, and every place that it gives is asked whether the
others hold.  The texts are read for what is shown alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.indexer.store.base import MAX_HITS, BadQuery, Hit, Page, Position, Query
from services.indexer.store.rows import hit_of
from services.indexer.store.snippets import SCANNED_CHARS
from services.indexer.store.sqlite_conditions import search_of
from services.indexer.store.words import positive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from services.indexer.store.words import Term

DOCUMENT = """
    SELECT v.document, a.story FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.article_id = ? AND a.state <> 'withdrawn'
"""

STANDING = """
    SELECT a.seq, a.state, (
        SELECT b.article_id FROM articles AS b
        WHERE a.state = 'duplicate' AND b.state = 'live' AND b.content_hash = a.content_hash
    )
    FROM articles AS a WHERE a.article_id = ?
"""

VERSIONS = """
    SELECT revision, received_at, filed_at, withdrawn, headline
    FROM versions WHERE article = ? ORDER BY seq
"""

VERSION = "SELECT document FROM versions WHERE article = ? ORDER BY seq LIMIT 1 OFFSET ?"

OUTCOMES = "SELECT seq, document FROM outcomes WHERE seq > ? ORDER BY seq LIMIT ?"

CHANGES = """
    SELECT change, article_id, state, revision, filed_at FROM articles
    WHERE change > ? ORDER BY change LIMIT ?
"""

RESOLVE = """
    SELECT article_id FROM articles WHERE article_id >= ? AND article_id < ?
    ORDER BY article_id LIMIT ?
"""

LAST_ROW = "SELECT coalesce(max(seq), 0) FROM articles"

HIT = """
    SELECT a.seq, a.article_id, a.revision, v.headline, a.published_at, a.filed_at, a.source,
        a.language, a.story, a.copy_of,
        substr(json_extract(v.document, '$.text'), v.body_start + 1, :scanned)
    FROM articles AS a JOIN versions AS v ON v.seq = a.current WHERE a.place = :place
"""

TOPICS_OF = "SELECT code, name FROM topics WHERE article = ? ORDER BY score DESC, position"


def page(db: sqlite3.Connection, query: Query, after: Position | None) -> Page:
    """Articles that match; those behind a position."""
    search = search_of(db, query, after)
    if search is None:
        return Page(())
    limit = max(0, min(query.limit, MAX_HITS))
    terms = positive(search.words)
    if search.by_relevance:
        if after is not None:
            raise BadQuery("Only a list of the newest first goes on: ask for that order")
        return Page(_hits(db, search.best(db, limit), terms))
    as_of = db.execute(LAST_ROW).fetchone()[0] if after is None else after.as_of
    places = search.newest(db, limit + 1) if limit else []
    shown = places[:limit]
    following = Position(shown[-1], as_of) if len(places) > limit else None
    return Page(_hits(db, shown, terms), following)


def _hits(db: sqlite3.Connection, places: Sequence[int], terms: Sequence[Term]) -> tuple[Hit, ...]:
    return tuple(_hit(db, place, terms) for place in places)


def _hit(db: sqlite3.Connection, place: int, terms: Sequence[Term]) -> Hit:
    # One more than is scanned, so that a longer text is known to go on.
    values = {"place": place, "scanned": SCANNED_CHARS + 1}
    seq, *columns = db.execute(HIT, values).fetchone()
    return hit_of(place, terms, db.execute(TOPICS_OF, (seq,)).fetchall(), columns)


_ID_CHARS = frozenset("0123456789abcdef-")


def resolve(db: sqlite3.Connection, prefix: str, limit: int) -> list[UUID]:
    """Ids that start with ``prefix``, in id order."""
    start = prefix.strip().lower()
    if not _ID_CHARS.issuperset(start):
        return []
    # "g" sorts after every hexadecimal digit and the hyphen.
    rows = db.execute(RESOLVE, (start, start + "g", limit)).fetchall()
    return [UUID(row[0]) for row in rows]
