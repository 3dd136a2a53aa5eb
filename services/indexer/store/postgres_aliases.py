"""A PostgreSQL store's alias table; all runs within an open transaction.

``aliases.target`` is what the operator said, ``aliases.root`` where that leads, kept
right by each change; :mod:`services.indexer.store.sqlite_aliases` says more.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from schemas.events import EntitiesChanged
from services.indexer.store.entities import Alias, Refused
from services.indexer.store.merging import Book
from services.indexer.store.postgres_derived import folded
from services.indexer.store.postgres_entities import alike, facts, find_key, root_of
from services.indexer.store.postgres_recount import recount_entities
from services.indexer.store.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from services.indexer.store.aliases import Target
    from services.indexer.store.postgres_pool import Connection

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


@dataclass(frozen=True, slots=True)
class PostgresBook(Book):
    """The alias table of a PostgreSQL store, in an open transaction."""

    db: Connection

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
        return alike(self.db, key)

    def check(self, key: str) -> None:
        """``Refused`` for a key that is too long for an index."""
        if len(key) > LONGEST_KEY:
            raise Refused(f"a key of over {LONGEST_KEY} characters can't be merged")

    def held(self, key: str) -> tuple[str, str] | None:
        """What a key was merged into, and where that ends; None when it is part of no other."""
        row = self.db.execute("SELECT target, root FROM aliases WHERE key = %s", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def parts_of(self, key: str) -> list[str]:
        """``key`` and all that was merged into it, directly or not."""
        others = {str(row[0]) for row in self.db.execute(_PARTS, (key,))} - {key}
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
                folded(alias.key),
                None if name is None else folded(name),
                folded(alias.root),
            ),
        )

    def remove(self, key: str) -> None:
        """Take the alias of ``key`` away."""
        self.db.execute("DELETE FROM aliases WHERE key = %s", (key,))

    def remember(self, shown: Target) -> None:
        """Keep how an entity is shown that others are merged into."""
        name = None if shown.name is None else folded(shown.name)
        self.db.execute(_ADD_TARGET, (*astuple(shown), folded(shown.key), name))

    def forget(self, key: str) -> None:
        """Keep it no more where nothing leads to ``key``."""
        self.db.execute(_FORGET, {"key": key})

    def rekey(self, keys: Sequence[str], held: str, root: str) -> set[int]:
        """Let ``keys``, which were shown as ``held``, lead to ``root``; the articles concerned."""
        values = {
            "keys": list(keys),
            "folded": folded(held),
            "root": root,
            "root_folded": folded(root),
        }
        articles = {int(row[0]) for row in self.db.execute(_ARTICLES_WITH, values)}
        self.db.execute(_REKEY, values)
        self.db.execute(_MOVE, values)
        return articles

    def recount(self, keys: Sequence[str]) -> None:
        """Count the entities of these keys anew."""
        recount_entities(self.db, [folded(key) for key in keys])

    def keep(self, change_id: str, document: str) -> None:
        """Keep a change until subscribers were told."""
        self.db.execute(_NOTE, (change_id, document))


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
