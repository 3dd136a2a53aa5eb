"""The SQLite store's alias table; each function runs within an open transaction.

``aliases.target`` is what the operator said, ``aliases.root`` where that leads, kept
right by each change.  ``entities.key`` stays the key of the document; only what is
searched for, ``entities.key_folded``, is the root's.  So the rows of a key, merged or
not, are those with its root's folded key and its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from schemas.events import EntitiesChanged
from services.indexer.store.aliases import check_key, check_merge, check_types, full_key, unknown
from services.indexer.store.entities import Alias
from services.indexer.store.sqlite_entities import alike, facts, find_key, root_of
from services.indexer.store.sqlite_totals import recount_entities
from services.indexer.store.times import from_micros, to_micros
from services.indexer.store.words import fold

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.events import EntityChange
    from services.indexer.store.aliases import Target

# The key itself and all that leads to it.
PARTS = """
    WITH RECURSIVE parts (key) AS (
        VALUES (?) UNION SELECT a.key FROM aliases AS a JOIN parts ON a.target = parts.key
    )
    SELECT key FROM parts
"""

ARTICLES_WITH = """
    SELECT DISTINCT article FROM entities
    WHERE key_folded = :folded AND key IN (SELECT value FROM json_each(:keys))
"""

REKEY = """
    UPDATE entities SET key_folded = :root_folded
    WHERE key_folded = :folded AND key IN (SELECT value FROM json_each(:keys))
"""

_INSERT = """
    INSERT INTO aliases
        (key, target, root, name, by_name, at, key_folded, name_folded, root_folded)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

MOVE = """
    UPDATE aliases SET root = :root, root_folded = :root_folded
    WHERE key IN (SELECT value FROM json_each(:keys))
"""

_ADD_TARGET = """
    INSERT OR REPLACE INTO targets
        (key, name, type, wikidata, geonames, iso_country, key_folded, name_folded)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""

# A key that nothing leads to any more is shown as each article has it.
_FORGET = """
    DELETE FROM targets WHERE key = :key
    AND NOT EXISTS (SELECT 1 FROM aliases WHERE target = :key)
    AND NOT EXISTS (SELECT 1 FROM aliases WHERE root = :key)
"""

_LISTED = """
    SELECT key, target, root, name, by_name, at FROM aliases ORDER BY root, key
"""

PENDING = "SELECT document FROM changes WHERE NOT published ORDER BY seq LIMIT ?"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator says: ``keys`` (called ``called``, where a name was given) are ``into``."""

    keys: tuple[str, ...]
    into: str
    change: EntityChange
    called: str | None = None
    name: str | None = None
    force: bool = False

    @property
    def named(self) -> bool:
        """Whether it is said of a name: then no article need have its keys."""
        return self.change == "aliased"


def merge(db: sqlite3.Connection, wanted: Wanted, at: datetime) -> EntitiesChanged | None:
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
    recount_entities(db, [fold(key) for key in (*affected, end)])
    return _note(db, wanted.change, affected, target, len(articles), at)


def _to_do(db: sqlite3.Connection, wanted: Wanted, into: str) -> list[str]:
    """The wanted keys that aren't ``into`` yet; what is part of another of them goes with it."""
    known = wanted.force or wanted.named
    keys = dict.fromkeys(_meant(db, key, force=known) for key in wanted.keys)
    return [
        key
        for key in keys
        if (root_of(db, key) == key or root_of(db, key) not in keys)
        and check_merge(key, into, lambda key: root_of(db, key))
    ]


def split(db: sqlite3.Connection, given: str, at: datetime) -> EntitiesChanged | None:
    """Make a merged key itself again; None when it is part of no other."""
    key = _meant(db, given, force=False)
    row = db.execute("SELECT target, root FROM aliases WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    target, held = row
    parts = parts_of(db, key)
    shown = facts(db, key)
    db.execute("DELETE FROM aliases WHERE key = ?", (key,))
    articles = _rekey(db, parts, held, key)
    for each in dict.fromkeys((target, held)):
        db.execute(_FORGET, {"key": each})
    recount_entities(db, [fold(each) for each in (*parts, held)])
    return _note(db, "split", parts, shown, len(articles), at)


def _rekey(db: sqlite3.Connection, keys: Sequence[str], held: str, root: str) -> set[int]:
    """Let ``keys``, which were shown as ``held``, lead to ``root``; the articles concerned."""
    values = {
        "keys": json.dumps(keys),
        "folded": fold(held),
        "root": root,
        "root_folded": fold(root),
    }
    articles = {row[0] for row in db.execute(ARTICLES_WITH, values)}
    db.execute(REKEY, values)
    db.execute(MOVE, values)
    return articles


def _add(db: sqlite3.Connection, alias: Alias) -> None:
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
            fold(alias.key),
            None if name is None else fold(name),
            fold(alias.root),
        ),
    )


def _note(
    db: sqlite3.Connection,
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
    db.execute(
        "INSERT INTO changes (change_id, document) VALUES (?, ?)", (str(made.change_id), document)
    )
    return made


def parts_of(db: sqlite3.Connection, key: str) -> list[str]:
    """``key`` and all that was merged into it, directly or not."""
    first, *others = (row[0] for row in db.execute(PARTS, (key,)))
    return [first, *sorted(others)]


def _remember(db: sqlite3.Connection, key: str, name: str | None) -> None:
    """Keep how ``key`` is shown; ``name`` counts where nobody has told one."""
    shown = facts(db, key)
    called = shown.name or name
    values = (key, called, shown.type, shown.wikidata, shown.geonames, shown.iso_country)
    folded = None if called is None else fold(called)
    db.execute(_ADD_TARGET, (*values, fold(key), folded))


def _meant(db: sqlite3.Connection, given: str, *, force: bool) -> str:
    """The key as the store has it; one that nobody has is refused, or taken with ``force``."""
    full = full_key(given)
    check_key(full)
    key = find_key(db, full)
    if key is not None:
        return key
    if not force:
        raise unknown(full, alike(db, fold(full)))
    return full


def aliases(db: sqlite3.Connection) -> list[Alias]:
    """Everything that was merged or aliased and holds."""
    return [
        Alias(key, target, root, name, bool(by_name), from_micros(at))
        for key, target, root, name, by_name, at in db.execute(_LISTED)
    ]


def pending(db: sqlite3.Connection, limit: int) -> list[EntitiesChanged]:
    """Changes that nobody has marked as published, oldest first."""
    rows = db.execute(PENDING, (max(0, limit),))
    return [EntitiesChanged.model_validate_json(row[0]) for row in rows]


def mark_published(db: sqlite3.Connection, change_ids: Iterable[UUID]) -> None:
    """Take changes off the pending ones."""
    db.executemany(
        "UPDATE changes SET published = 1 WHERE change_id = ?",
        [(str(change_id),) for change_id in change_ids],
    )
