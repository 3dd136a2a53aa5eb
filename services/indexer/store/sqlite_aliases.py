"""The SQLite store's alias table; all runs within an open transaction.

``aliases.target`` is what the operator said, ``aliases.root`` where that leads, kept
right by each change.  ``entities.key`` stays the key of the document; only what is
searched for, ``entities.key_folded``, is the root's.  So the rows of a key, merged or
not, are those with its root's folded key and its own.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from schemas.events import EntitiesChanged
from services.indexer.store.entities import Alias
from services.indexer.store.merging import Book
from services.indexer.store.sqlite_entities import alike, facts, find_key, root_of
from services.indexer.store.sqlite_totals import recount_entities
from services.indexer.store.times import from_micros, to_micros
from services.indexer.store.words import fold

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from uuid import UUID

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

_NOTE = "INSERT INTO changes (change_id, document) VALUES (?, ?)"

PENDING = "SELECT document FROM changes WHERE NOT published ORDER BY seq LIMIT ?"


@dataclass(frozen=True, slots=True)
class SqliteBook(Book):
    """The alias table of an SQLite store, in an open transaction."""

    db: sqlite3.Connection

    def root_of(self, key: str) -> str:
        """The key that articles with ``key`` show."""
        return root_of(self.db, key)

    def facts(self, key: str) -> Target:
        """How ``key`` itself is shown."""
        return facts(self.db, key)

    def find_key(self, given: str) -> str | None:
        """The key as the store writes it; None where no article or alias has it."""
        return find_key(self.db, given)

    def alike(self, key: str) -> list[str]:
        """Keys that may be meant by one that nobody has."""
        return alike(self.db, fold(key))

    def check(self, key: str) -> None:
        """SQLite takes any."""

    def held(self, key: str) -> tuple[str, str] | None:
        """What a key was merged into, and where that ends; None when it is part of no other."""
        row = self.db.execute("SELECT target, root FROM aliases WHERE key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def parts_of(self, key: str) -> list[str]:
        """``key`` and all that was merged into it, directly or not."""
        others = {str(row[0]) for row in self.db.execute(PARTS, (key,))} - {key}
        return [key, *sorted(others)]

    def add(self, alias: Alias) -> None:
        """Write an alias."""
        name = alias.name
        self.db.execute(
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

    def remove(self, key: str) -> None:
        """Take the alias of ``key`` away."""
        self.db.execute("DELETE FROM aliases WHERE key = ?", (key,))

    def remember(self, shown: Target) -> None:
        """Keep how an entity is shown that others are merged into."""
        name = None if shown.name is None else fold(shown.name)
        self.db.execute(_ADD_TARGET, (*astuple(shown), fold(shown.key), name))

    def forget(self, key: str) -> None:
        """Keep it no more where nothing leads to ``key``."""
        self.db.execute(_FORGET, {"key": key})

    def rekey(self, keys: Sequence[str], held: str, root: str) -> set[int]:
        """Let ``keys``, which were shown as ``held``, lead to ``root``; the articles concerned."""
        values = {
            "keys": json.dumps(keys),
            "folded": fold(held),
            "root": root,
            "root_folded": fold(root),
        }
        articles = {int(row[0]) for row in self.db.execute(ARTICLES_WITH, values)}
        self.db.execute(REKEY, values)
        self.db.execute(MOVE, values)
        return articles

    def recount(self, keys: Sequence[str]) -> None:
        """Count the entities of these keys anew."""
        recount_entities(self.db, [fold(key) for key in keys])

    def keep(self, change_id: str, document: str) -> None:
        """Keep a change until subscribers were told."""
        self.db.execute(_NOTE, (change_id, document))


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
