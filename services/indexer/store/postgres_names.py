"""Entities by the words of their names, and by whom they are named with, in a PostgreSQL store.

Only names of which a word begins with the longest word asked for are read; where these are very
many (one letter typed), the entities of most articles are asked whether they are among them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from services.indexer.store import postgres_entities
from services.indexer.store.entities import VALUES, CoMention, CoMentions
from services.indexer.store.places import BITS, EARLIEST, first_place
from services.indexer.store.postgres_derived import LONGEST_WORD, folded
from services.indexer.store.words import name_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from services.indexer.store.entities import KnownEntity
    from services.indexer.store.postgres_pool import Connection

WORDS_SEARCHED = 10
"""Words of a search for an entity that count: names have fewer."""

NAMES_READ = 3000
"""Names with a word that begins as is asked: two letters begin fewer in a store of 100,000
articles, and so many are read and compared in some 5 ms."""

ASKED = 5000
"""Entities, those of most articles first, that are asked where there are more such names."""

LOOKED_AT = 2000
"""Articles, the newest, in which co-mentions are counted: some 30,000 rows, some 50 ms."""

_BEGINNING = (
    "SELECT key, name FROM name_words WHERE word >= %(start)s AND word < %(end)s LIMIT %(names)s"
)

_TOLD = (
    "SELECT key, name FROM told_words WHERE word >= %(start)s AND word < %(end)s LIMIT %(names)s"
)

_FREQUENT = """
    SELECT w.key, w.name FROM (
        SELECT key FROM totals WHERE facet = 'entity' ORDER BY articles DESC, key LIMIT %(asked)s
    ) AS t JOIN LATERAL (
        SELECT n.key, n.name FROM name_words AS n
        WHERE n.key = t.key AND n.word >= %(start)s AND n.word < %(end)s
    ) AS w ON true LIMIT %(names)s
"""

_COUNTED = """
    SELECT asked.key, coalesce(t.articles, 0) FROM unnest(%s::text[]) AS asked (key)
    LEFT JOIN totals AS t ON t.facet = 'entity' AND t.key = asked.key
"""

_NAMES = "".join(f" AND e.key_folded NOT LIKE '{start}%%'" for start in VALUES)

_CO_MENTIONS = f"""
    WITH looked_at AS (
        SELECT DISTINCT ON (place) article FROM entities WHERE key_folded = %(key)s
        ORDER BY place DESC LIMIT %(looked_at)s
    )
    SELECT e.key_folded, count(DISTINCT e.article) AS articles
    FROM looked_at AS l JOIN entities AS e ON e.article = l.article
    WHERE e.key_folded <> %(key)s{_NAMES}
    GROUP BY e.key_folded ORDER BY articles DESC, e.key_folded LIMIT %(limit)s
"""  # noqa: S608  (our own constants)

_NAMING = "SELECT articles FROM totals WHERE facet = 'entity' AND key = %s"

# Days are counted from the first place, so that none is negative.
_TIMELINE = f"""
    SELECT ((place >> {BITS}) - ({first_place(EARLIEST) >> BITS})) / 86400000 AS day,
        count(DISTINCT place)
    FROM entities WHERE key_folded = %s AND place >= %s GROUP BY day ORDER BY day
"""  # noqa: S608  (numbers of ours)

_EPOCH = EARLIEST.date()


def find(db: Connection, words: str, limit: int) -> list[KnownEntity]:
    """Entities that ``words`` name, those of most articles first."""
    starts = name_words(words)[:WORDS_SEARCHED]
    keys = _named(db, starts, lambda name: _begin(starts, name))
    key = postgres_entities.find_key(db, words)
    if key is not None:
        keys.add(folded(postgres_entities.root_of(db, key)))
    return [
        postgres_entities.known(db, postgres_entities.shown_key(db, each))
        for each in _most(db, keys)[: max(0, limit)]
    ]


def suggest(db: Connection, prefix: str, limit: int, kind: str | None) -> list[KnownEntity]:
    """Entities for a box in which ``prefix`` was typed, those of most articles first."""
    starts = name_words(prefix)[:WORDS_SEARCHED]
    # Behind a space a new word is begun: the one before it is whole.
    whole = starts if prefix[-1:].isspace() else starts[:-1]
    keys = _named(db, starts, lambda name: _begin(starts, name) and set(whole) <= set(name))
    found: list[KnownEntity] = []
    for key in _most(db, keys):
        if len(found) >= limit:
            break
        entity = postgres_entities.listed(db, postgres_entities.shown_key(db, key))
        if entity.type == kind or (kind is None and not key.startswith(VALUES)):
            found.append(entity)
    return found


def _begin(starts: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(word.startswith(start) for word in words) for start in starts)


def _named(
    db: Connection, starts: Sequence[str], fits: Callable[[Sequence[str]], bool]
) -> set[str]:
    """Folded keys of entities of which a name fits."""
    if not starts:
        return set()
    start = max(starts, key=len)[:LONGEST_WORD]
    end = start + postgres_entities.LAST
    values = {"start": start, "end": end, "names": NAMES_READ, "asked": ASKED}
    named = db.execute(_BEGINNING, values).fetchall()
    if len(named) == NAMES_READ:
        named += db.execute(_FREQUENT, values).fetchall()
    named += db.execute(_TOLD, values).fetchall()
    return {str(key) for key, name in named if fits(name_words(name))}


def _most(db: Connection, keys: set[str]) -> list[str]:
    """``keys`` by their articles, most first; those that no article has come last."""
    counted: dict[str, int] = dict(db.execute(_COUNTED, (list(keys),)).fetchall())
    return sorted(keys, key=lambda key: (-counted[key], key))


def co_mentions(db: Connection, given: str, limit: int) -> CoMentions:
    """Who is named in the same articles as the entity that a key means now."""
    key = postgres_entities.find_key(db, given)
    if key is None:
        return CoMentions(0, complete=True, entities=())
    short = folded(postgres_entities.root_of(db, key))
    row = db.execute(_NAMING, (short,)).fetchone()
    articles = 0 if row is None else int(row[0])
    values = {"key": short, "looked_at": LOOKED_AT, "limit": max(0, limit)}
    entities = []
    for other, count in db.execute(_CO_MENTIONS, values).fetchall():
        shown = postgres_entities.listed(db, postgres_entities.shown_key(db, other))
        entities.append(CoMention(shown.key, shown.name or shown.key, shown.type or "", count))
    counted = min(articles, LOOKED_AT)
    return CoMentions(counted, complete=articles <= LOOKED_AT, entities=tuple(entities))


def timeline(db: Connection, given: str, since: datetime | None) -> list[tuple[date, int]]:
    """Articles per day on the entity that a key means now."""
    key = postgres_entities.find_key(db, given)
    if key is None:
        return []
    short = folded(postgres_entities.root_of(db, key))
    start = first_place(since) if since is not None else -(1 << 63)
    rows = db.execute(_TIMELINE, (short, start))
    return [(_EPOCH + timedelta(days=int(day)), int(articles)) for day, articles in rows]
