"""What the SQLite store knows of entities: reading only, within the caller's view.

See :mod:`services.indexer.store.sqlite_aliases` for what the columns mean.
"""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from services.indexer.store import sqlite_names
from services.indexer.store.aliases import Target, full_key, linked
from services.indexer.store.entities import MAX_NAMES, KnownEntity
from services.indexer.store.words import fold

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

SUGGESTED = 3
"""Keys suggested for one that nobody has: the right one is nearly always among them."""

COMPARED = 2000
"""Keys that begin alike and are compared with an unknown one: some milliseconds."""

ROOT = "SELECT root FROM aliases WHERE key = ?"

HOLDING = """
    SELECT a.key, t.key, t.name, t.type, t.wikidata, t.geonames, t.iso_country
    FROM aliases AS a JOIN targets AS t ON t.key = a.root
    WHERE a.key IN (SELECT value FROM json_each(?))
"""

NEWEST_WITH = """
    SELECT e.name, e.type, (
        SELECT json_extract(v.document, '$.entities[' || e.position || ']')
        FROM articles AS a JOIN versions AS v ON v.seq = a.current WHERE a.seq = e.article
    )
    FROM entities AS e WHERE e.key_folded = ? AND e.key = ? ORDER BY e.place DESC LIMIT 1
"""

_TARGET = "SELECT key, name, type, wikidata, geonames, iso_country FROM targets WHERE key = ?"

_EXACT = """
    SELECT key FROM aliases WHERE key = :key
    UNION ALL SELECT key FROM targets WHERE key = :key
    UNION ALL SELECT key FROM entities WHERE key_folded = :folded AND key = :key
    UNION ALL SELECT key FROM aliases WHERE key_folded = :folded
    UNION ALL SELECT key FROM targets WHERE key_folded = :folded
    UNION ALL SELECT key FROM entities WHERE key_folded = :folded
    LIMIT 1
"""

BEGINNING_WITH = """
    SELECT DISTINCT key_folded FROM entities WHERE key_folded >= :start AND key_folded < :end
    LIMIT :limit
"""

COUNTS = "SELECT articles, mentions FROM totals WHERE facet = 'entity' AND key = ?"

FORMS = """
    SELECT form, articles FROM forms WHERE facet = ? AND key = ?
    ORDER BY articles DESC, form LIMIT ?
"""

_MERGED = "SELECT key FROM aliases WHERE root = ? ORDER BY key"


def root_of(db: sqlite3.Connection, key: str) -> str:
    """The key that articles with ``key`` show."""
    row = db.execute(ROOT, (key,)).fetchone()
    return key if row is None else str(row[0])


def roots(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, str]:
    """Of ``keys`` those that are merged, each with the key that articles show for it."""
    return {key: target.key for key, target in holding(db, keys).items()}


def holding(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, Target]:
    """Of ``keys`` those that are merged, each with the entity that they mean."""
    rows = db.execute(HOLDING, (json.dumps(list(keys)),))
    return {key: Target(*shown) for key, *shown in rows}


def facts(db: sqlite3.Connection, key: str) -> Target:
    """How ``key`` itself is shown: as its newest article has it, else as was once told."""
    told = linked(key)
    row = db.execute(NEWEST_WITH, (fold(root_of(db, key)), key)).fetchone()
    if row is not None:
        name, kind, document = row
        links = json.loads(document) if document else {}
        return replace(
            told,
            name=name,
            type=kind,
            wikidata=told.wikidata or links.get("wikidata"),
            geonames=told.geonames or links.get("geonames"),
            iso_country=links.get("iso_country"),
        )
    remembered = db.execute(_TARGET, (key,)).fetchone()
    if remembered is not None:
        return Target(*remembered)
    called = db.execute("SELECT name FROM aliases WHERE key = ?", (key,)).fetchone()
    return told if called is None else replace(told, name=called[0])


def find_key(db: sqlite3.Connection, given: str) -> str | None:
    """The key that was given, as the store writes it; None where no article or alias has it."""
    key = full_key(given)
    row = db.execute(_EXACT, {"key": key, "folded": fold(key)}).fetchone()
    return None if row is None else str(row[0])


def alike(db: sqlite3.Connection, folded: str) -> list[str]:
    """Keys that may be meant: the same name under another key, then those written alike."""
    scheme, colon, name = folded.rpartition(":")
    named = [entity.key for entity in sqlite_names.find(db, name or folded, SUGGESTED)]
    start = scheme + colon + name[:2]
    values = {"start": start, "end": start + "\U0010ffff", "limit": COMPARED}
    near = [row[0] for row in db.execute(BEGINNING_WITH, values)]
    close = [shown_key(db, each) for each in get_close_matches(folded, near, SUGGESTED)]
    return list(dict.fromkeys([*named, *close]))[:SUGGESTED]


def entity(db: sqlite3.Connection, given: str) -> KnownEntity | None:
    """The entity that a key means now; None where no article and no alias has the key."""
    key = find_key(db, given)
    return None if key is None else known(db, root_of(db, key))


def known(db: sqlite3.Connection, key: str) -> KnownEntity:
    """What there is to tell of a key that holds."""
    names = tuple(db.execute(FORMS, ("entity", fold(key), MAX_NAMES)).fetchall())
    merged = tuple(row[0] for row in db.execute(_MERGED, (key,)))
    return replace(listed(db, key), names=names, merged=merged)


def listed(db: sqlite3.Connection, key: str) -> KnownEntity:
    """What a list shows of a key that holds."""
    folded = fold(key)
    counts = db.execute(COUNTS, (folded,)).fetchone()
    articles, mentions = counts or (0, 0)
    target = db.execute(_TARGET, (key,)).fetchone()
    told = linked(key) if target is None else Target(*target)
    return KnownEntity(
        key=key,
        name=told.name or usual(db, "entity", folded),
        type=told.type or usual(db, "type", folded),
        articles=articles,
        mentions=mentions,
    )


def usual(db: sqlite3.Connection, facet: str, key: str) -> str | None:
    """What most articles call a key of a facet."""
    row = db.execute(FORMS, (facet, key, 1)).fetchone()
    return None if row is None else str(row[0])


def shown_key(db: sqlite3.Connection, folded: str) -> str:
    """The key that articles show, of its folded form."""
    row = db.execute(
        "SELECT key FROM targets WHERE key_folded = :folded "
        "UNION ALL SELECT key FROM entities WHERE key_folded = :folded LIMIT 1",
        {"folded": folded},
    ).fetchone()
    return folded if row is None else str(row[0])
