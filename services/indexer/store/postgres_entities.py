"""What a PostgreSQL store knows of entities: reading only, within the caller's view.

See :mod:`services.indexer.store.sqlite_aliases` for what the columns mean.
"""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from services.indexer.store import postgres_names
from services.indexer.store.aliases import Target, full_key, linked
from services.indexer.store.entities import MAX_NAMES, KnownEntity
from services.indexer.store.postgres_derived import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.indexer.store.postgres_pool import Connection

SUGGESTED = 3
"""Keys suggested for one that nobody has: the right one is nearly always among them."""

COMPARED = 2000
"""Keys that begin alike and are compared with an unknown one: some milliseconds."""

LAST = "\U0010ffff"
"""Sorts behind everything that goes on from a beginning."""

_ROOTS = "SELECT key, root FROM aliases WHERE key = ANY(%s)"

_HOLDING = """
    SELECT a.key, t.key, t.name, t.type, t.wikidata, t.geonames, t.iso_country
    FROM aliases AS a JOIN targets AS t ON t.key = a.root WHERE a.key = ANY(%s)
"""

_NEWEST_WITH = """
    SELECT e.name, e.type, e.position, v.document
    FROM (
        SELECT * FROM entities WHERE key_folded = %s AND key = %s ORDER BY article DESC LIMIT 1
    ) AS e
    JOIN articles AS a ON a.seq = e.article
    JOIN versions AS v ON v.place = a.place AND v.seq = a.current
"""

_TARGET = "SELECT key, name, type, wikidata, geonames, iso_country FROM targets WHERE key = %s"

_EXACT = """
    SELECT key FROM (
        (SELECT 1 AS n, key FROM aliases WHERE key = %(key)s)
        UNION ALL (SELECT 2, key FROM targets WHERE key = %(key)s)
        UNION ALL (
            SELECT 3, key FROM entities WHERE key_folded = %(folded)s AND key = %(key)s
            ORDER BY place LIMIT 1
        )
        UNION ALL (SELECT 4, key FROM aliases WHERE key_folded = %(folded)s LIMIT 1)
        UNION ALL (SELECT 5, key FROM targets WHERE key_folded = %(folded)s LIMIT 1)
        UNION ALL (
            SELECT 6, key FROM entities WHERE key_folded = %(folded)s ORDER BY place LIMIT 1
        )
    ) AS found ORDER BY n LIMIT 1
"""

_SHOWN = """
    SELECT key FROM (
        (SELECT 1 AS n, key FROM targets WHERE key_folded = %(folded)s LIMIT 1)
        UNION ALL (
            SELECT 2, key FROM entities WHERE key_folded = %(folded)s ORDER BY place LIMIT 1
        )
    ) AS found ORDER BY n LIMIT 1
"""

_BEGINNING_WITH = """
    SELECT key FROM totals WHERE facet = 'entity' AND key >= %s AND key < %s LIMIT %s
"""

_COUNTS = "SELECT articles, mentions FROM totals WHERE facet = 'entity' AND key = %s"

_FORMS = """
    SELECT form, articles FROM forms WHERE facet = %s AND key = %s
    ORDER BY articles DESC, form LIMIT %s
"""

_MERGED = "SELECT key FROM aliases WHERE root = %s ORDER BY key"


def roots(db: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Of ``keys`` those that are merged, each with the key that articles show for it."""
    asked = list(keys)
    return dict(db.execute(_ROOTS, (asked,)).fetchall()) if asked else {}


def root_of(db: Connection, key: str) -> str:
    """The key that articles with ``key`` show."""
    return roots(db, [key]).get(key, key)


def holding(db: Connection, keys: Iterable[str]) -> dict[str, Target]:
    """Of ``keys`` those that are merged, each with the entity that they mean."""
    return {key: Target(*shown) for key, *shown in db.execute(_HOLDING, (list(keys),))}


def facts(db: Connection, key: str) -> Target:
    """How ``key`` itself is shown: as its newest article has it, else as was once told."""
    told = linked(key)
    row = db.execute(_NEWEST_WITH, (folded(root_of(db, key)), key)).fetchone()
    if row is not None:
        name, kind, position, document = row
        links = json.loads(document)["entities"][position]
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
    called = db.execute("SELECT name FROM aliases WHERE key = %s", (key,)).fetchone()
    return told if called is None else replace(told, name=called[0])


def find_key(db: Connection, given: str) -> str | None:
    """The key that was given, as the store writes it; None where no article or alias has it."""
    key = full_key(given)
    row = db.execute(_EXACT, {"key": key, "folded": folded(key)}).fetchone()
    return None if row is None else str(row[0])


def alike(db: Connection, given: str) -> list[str]:
    """Keys that may be meant: the same name under another key, then those written alike."""
    key = folded(given)
    scheme, colon, name = key.rpartition(":")
    named = [each.key for each in postgres_names.find(db, name or key, SUGGESTED)]
    start = scheme + colon + name[:2]
    near = [row[0] for row in db.execute(_BEGINNING_WITH, (start, start + LAST, COMPARED))]
    close = [shown_key(db, each) for each in get_close_matches(key, near, SUGGESTED)]
    return list(dict.fromkeys([*named, *close]))[:SUGGESTED]


def entity(db: Connection, given: str) -> KnownEntity | None:
    """The entity that a key means now; None where no article and no alias has the key."""
    key = find_key(db, given)
    return None if key is None else known(db, root_of(db, key))


def known(db: Connection, key: str) -> KnownEntity:
    """What there is to tell of a key that holds."""
    names = tuple(db.execute(_FORMS, ("entity", folded(key), MAX_NAMES)).fetchall())
    merged = tuple(row[0] for row in db.execute(_MERGED, (key,)))
    return replace(listed(db, key), names=names, merged=merged)


def listed(db: Connection, key: str) -> KnownEntity:
    """What a list shows of a key that holds."""
    short = folded(key)
    articles, mentions = db.execute(_COUNTS, (short,)).fetchone() or (0, 0)
    target = db.execute(_TARGET, (key,)).fetchone()
    told = linked(key) if target is None else Target(*target)
    return KnownEntity(
        key=key,
        name=told.name or _usual(db, "entity", short),
        type=told.type or _usual(db, "type", short),
        articles=articles,
        mentions=mentions,
    )


def _usual(db: Connection, facet: str, key: str) -> str | None:
    """What most articles call a key of a facet."""
    row = db.execute(_FORMS, (facet, key, 1)).fetchone()
    return None if row is None else str(row[0])


def shown_key(db: Connection, short: str) -> str:
    """The key that articles show, of its folded form."""
    row = db.execute(_SHOWN, {"folded": short}).fetchone()
    return short if row is None else str(row[0])
