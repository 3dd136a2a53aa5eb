"""A PostgreSQL store's alias table; each function runs within an open transaction.

``aliases.target`` is what the operator said, ``aliases.root`` where that leads, kept
right by each change; :mod:`services.indexer.store.sqlite_aliases` says more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from schemas.events import EntitiesChanged
from services.indexer.store.aliases import check_key, check_merge, check_types, full_key, unknown
from services.indexer.store.entities import Alias, Refused
from services.indexer.store.postgres_derived import folded
from services.indexer.store.postgres_entities import alike, facts, find_key, root_of
from services.indexer.store.postgres_recount import recount_entities
from services.indexer.store.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.events import EntityChange
    from services.indexer.store.aliases import Target
    from services.indexer.store.postgres_pool import Connection
    from services.indexer.store.sqlite_aliases import Wanted

LONGEST_KEY = 600
"""Characters of a key that can be merged: an entry of an index has at most 2,704 bytes."""

# The key itself and all that leads to it.
_PARTS = """
    WITH RECURSIVE parts (key) AS (
        VALUES (%s::text COLLATE "C")
        UNION SELECT a.key FROM aliases AS a JOIN parts ON a.target = parts.key
    )
    SELECT key FROM parts
"""

_ARTICLES_WITH = """
    SELECT DISTINCT article FROM entities
    WHERE key_folded = %(folded)s AND key = ANY(%(keys)s)
"""

_REKEY = """
    UPDATE entities SET key_folded = %(root_folded)s
    WHERE key_folded = %(folded)s AND key = ANY(%(keys)s)
"""

_INSERT = """
    INSERT INTO aliases
        (key, target, root, name, by_name, at, key_folded, name_folded, root_folded)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_MOVE = """
    UPDATE aliases SET root = %(root)s, root_folded = %(root_folded)s WHERE key = ANY(%(keys)s)
"""

_ADD_TARGET = """
    INSERT INTO targets
        (key, name, type, wikidata, geonames, iso_country, key_folded, name_folded)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET name = excluded.name, type = excluded.type,
        wikidata = excluded.wikidata, geonames = excluded.geonames,
        iso_country = excluded.iso_country, key_folded = excluded.key_folded,
        name_folded = excluded.name_folded
"""

# A key that nothing leads to any more is shown as each article has it.
_FORGET = """
    DELETE FROM targets WHERE key = %(key)s
    AND NOT EXISTS (SELECT 1 FROM aliases WHERE target = %(key)s)
    AND NOT EXISTS (SELECT 1 FROM aliases WHERE root = %(key)s)
"""

_LISTED = "SELECT key, target, root, name, by_name, at FROM aliases ORDER BY root, key"

_PENDING = "SELECT document FROM changes WHERE published = 0 ORDER BY seq LIMIT %s"

_NOTE = """
    INSERT INTO changes (seq, change_id, document)
    SELECT coalesce(max(seq), 0) + 1, %s, %s FROM changes
"""


def merge(db: Connection, wanted: Wanted, at: datetime) -> EntitiesChanged | None:
    """Do what is wanted; None when it holds already.  Raises ``Refused``, with nothing done."""
    into = _meant(db, wanted.into, force=wanted.force)
    todo = _to_do(db, wanted, into)
    if not todo:
        return None
    end = root_of(db, into)
    for key in dict.fromkeys((end, into)):
        _remember(db, key, wanted.name if key == into else None)
    target = facts(db, end)
    affected: list[str] = []
    articles: set[int] = set()
    for key in todo:
        own = facts(db, key)
        if not wanted.force:
            check_types(key, own.type, end, target.type)
        parts = parts_of(db, key)
        _add(db, Alias(key, into, end, wanted.called or own.name, wanted.named, at))
        articles |= _rekey(db, parts, key, end)
        affected += parts
    recount_entities(db, [folded(key) for key in (*affected, end)])
    return _note(db, wanted.change, affected, target, len(articles), at)


def _to_do(db: Connection, wanted: Wanted, into: str) -> list[str]:
    """The wanted keys that aren't ``into`` yet; what is part of another of them goes with it."""
    known = wanted.force or wanted.named
    keys = dict.fromkeys(_meant(db, key, force=known) for key in wanted.keys)
    return [
        key
        for key in keys
        if (root_of(db, key) == key or root_of(db, key) not in keys)
        and check_merge(key, into, lambda key: root_of(db, key))
    ]


def split(db: Connection, given: str, at: datetime) -> EntitiesChanged | None:
    """Make a merged key itself again; None when it is part of no other."""
    key = _meant(db, given, force=False)
    row = db.execute("SELECT target, root FROM aliases WHERE key = %s", (key,)).fetchone()
    if row is None:
        return None
    target, held = row
    parts = parts_of(db, key)
    shown = facts(db, key)
    db.execute("DELETE FROM aliases WHERE key = %s", (key,))
    articles = _rekey(db, parts, held, key)
    for each in dict.fromkeys((target, held)):
        db.execute(_FORGET, {"key": each})
    recount_entities(db, [folded(each) for each in (*parts, held)])
    return _note(db, "split", parts, shown, len(articles), at)


def _rekey(db: Connection, keys: Sequence[str], held: str, root: str) -> set[int]:
    """Let ``keys``, which were shown as ``held``, lead to ``root``; the articles concerned."""
    values = {
        "keys": list(keys),
        "folded": folded(held),
        "root": root,
        "root_folded": folded(root),
    }
    articles = {int(row[0]) for row in db.execute(_ARTICLES_WITH, values)}
    db.execute(_REKEY, values)
    db.execute(_MOVE, values)
    return articles


def _add(db: Connection, alias: Alias) -> None:
    name = alias.name
    db.execute(
        _INSERT,
        (
            alias.key,
            alias.target,
            alias.root,
            name,
            int(alias.by_name),
            to_micros(alias.at),
            folded(alias.key),
            None if name is None else folded(name),
            folded(alias.root),
        ),
    )


def _note(
    db: Connection,
    change: EntityChange,
    keys: Sequence[str],
    into: Target,
    articles: int,
    at: datetime,
) -> EntitiesChanged:
    """Keep the change until subscribers were told; gives it back as it will be read again."""
    document = EntitiesChanged(
        change_id=uuid4(),
        change=change,
        keys=tuple(keys),
        into=into.key,
        name=into.name,
        articles=articles,
        at=at,
    ).model_dump_json()
    made = EntitiesChanged.model_validate_json(document)
    db.execute(_NOTE, (str(made.change_id), document))
    return made


def parts_of(db: Connection, key: str) -> list[str]:
    """``key`` and all that was merged into it, directly or not."""
    others = {str(row[0]) for row in db.execute(_PARTS, (key,))} - {key}
    return [key, *sorted(others)]


def _remember(db: Connection, key: str, name: str | None) -> None:
    """Keep how ``key`` is shown; ``name`` counts where nobody has told one."""
    shown = facts(db, key)
    called = shown.name or name
    values = (key, called, shown.type, shown.wikidata, shown.geonames, shown.iso_country)
    db.execute(_ADD_TARGET, (*values, folded(key), None if called is None else folded(called)))


def _meant(db: Connection, given: str, *, force: bool) -> str:
    """The key as the store has it; one that nobody has is refused, or taken with ``force``."""
    full = full_key(given)
    check_key(full)
    if len(full) > LONGEST_KEY:
        raise Refused(f"a key of over {LONGEST_KEY} characters can't be merged")
    key = find_key(db, full)
    if key is not None:
        return key
    if not force:
        raise unknown(full, alike(db, full))
    return full


def aliases(db: Connection) -> list[Alias]:
    """Everything that was merged or aliased and holds."""
    return [
        Alias(key, target, root, name, bool(by_name), from_micros(at))
        for key, target, root, name, by_name, at in db.execute(_LISTED)
    ]


def pending(db: Connection, limit: int) -> list[EntitiesChanged]:
    """Changes that nobody has marked as published, oldest first."""
    rows = db.execute(_PENDING, (max(0, limit),))
    return [EntitiesChanged.model_validate_json(row[0]) for row in rows]


def mark_published(db: Connection, change_ids: Sequence[UUID]) -> None:
    """Take changes off the pending ones."""
    db.execute(
        "UPDATE changes SET published = 1 WHERE change_id = ANY(%s)",
        ([str(change_id) for change_id in change_ids],),
    )
