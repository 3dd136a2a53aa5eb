"""How articles are spread, in the SQLite store: facets, topics, co-mentions and timelines.

Of everything it is read from the totals that are kept; of what a query finds, the newest are
looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from services.indexer.store import sqlite_entities
from services.indexer.store.base import Facets, FacetValue, Query
from services.indexer.store.entities import VALUES, CoMention, CoMentions
from services.indexer.store.places import BITS, first_place, time_of
from services.indexer.store.sqlite_conditions import search_of
from services.indexer.store.words import fold
from services.media_topics import media_topics

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from services.indexer.store.base import FacetName

LOOKED_AT = 1000
"""Articles of a query that are counted, the newest: their 11,000 entities and 8,000 topics take
some 25 ms, and the most frequent of so many are those of all."""

MAX_VALUES = 100_000
"""Values of a facet that are given, whatever the limit: more than any has."""

COUNT = "SELECT articles FROM totals WHERE facet = 'all' AND key = ''"

MOST = "SELECT key, articles FROM totals WHERE facet = ?{names} ORDER BY articles DESC, key LIMIT ?"

NAMES = "".join(f" AND {{column}} NOT GLOB '{start}*'" for start in VALUES)
"""Of the entities those that are names."""

EVERY = "SELECT key, articles FROM totals WHERE facet = ? ORDER BY key"

TOPICS = """
    SELECT (SELECT l.code FROM lineage AS l WHERE l.code_folded = t.key LIMIT 1), t.articles
    FROM totals AS t WHERE t.facet = 'topic' ORDER BY t.key
"""

ROWS = """
    SELECT a.seq, a.source_folded, a.language FROM json_each(?) AS p
    CROSS JOIN articles AS a ON a.place = p.value
"""

# DISTINCT: entities of an article that were merged count once.
OF_ARTICLES = {
    "entity": f"""
        SELECT e.key_folded, count(DISTINCT e.article) FROM json_each(?) AS p
        CROSS JOIN entities AS e ON e.article = p.value
        WHERE true{NAMES.format(column="e.key_folded")} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
    """,  # noqa: S608  (our own constants)
    "topic": """
        SELECT l.code_folded, count(DISTINCT l.article) FROM json_each(?) AS p
        CROSS JOIN lineage AS l ON l.article = p.value GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
    """,
}

_CODE = "SELECT code FROM lineage WHERE code_folded = ? LIMIT 1"

_DAY_MS = 86_400_000

_EPOCH_MS = -8_520_336_000_000
"""1 January 1700, the first place: days are counted from it, so that none is negative."""

TIMELINE = """
    SELECT ((place >> :bits) - :epoch) / :day_ms AS day, count(DISTINCT place) FROM entities
    WHERE key_folded = :key AND place >= :first GROUP BY day ORDER BY day
"""

_EPOCH = date(1700, 1, 1)


def facets(db: sqlite3.Connection, query: Query, names: Sequence[FacetName], limit: int) -> Facets:
    """How what a query finds is spread."""
    most = max(0, min(limit, MAX_VALUES))
    if _finds_all(query):
        every = {name: _of_all(db, name, most) for name in names}
        return Facets(count(db), complete=True, values=every)
    search = search_of(db, query)
    places = [] if search is None else search.newest(db, LOOKED_AT + 1)
    complete = len(places) <= LOOKED_AT
    looked = _Looked(db, places[:LOOKED_AT])
    values = {name: looked.values(name, most) for name in names}
    return Facets(min(len(places), LOOKED_AT), complete, values)


def count(db: sqlite3.Connection) -> int:
    """Articles that a search can find."""
    row = db.execute(COUNT).fetchone()
    return 0 if row is None else int(row[0])


def _finds_all(query: Query) -> bool:
    words = query.words is not None and bool(query.words.strip())
    plain = Query(words=query.words, limit=query.limit, order=query.order)
    return not words and query == plain


def _of_all(db: sqlite3.Connection, name: FacetName, limit: int) -> tuple[FacetValue, ...]:
    if name == "day":
        return _values(db, name, db.execute(EVERY, (name,)))
    names = NAMES.format(column="key") if name == "entity" else ""
    return _values(db, name, db.execute(MOST.format(names=names), (name, limit)))


class _Looked:
    """Articles that are looked at, by their places."""

    def __init__(self, db: sqlite3.Connection, places: Sequence[int]) -> None:
        self._db = db
        self._places = places
        rows = db.execute(ROWS, (json.dumps(places),)).fetchall()
        self._articles = json.dumps([seq for seq, _, _ in rows])
        self._columns = {
            "source": [source for _, source, _ in rows if source],
            "language": [language for _, _, language in rows],
        }

    def values(self, name: FacetName, limit: int) -> tuple[FacetValue, ...]:
        """How they are spread."""
        if name == "day":
            days = Counter(f"{time_of(place):%Y-%m-%d}" for place in self._places)
            return _values(self._db, name, sorted(days.items()))
        return _values(self._db, name, self.most(name, limit))

    def most(self, name: FacetName, limit: int) -> list[tuple[str, int]]:
        """The keys that most of them have, with their number."""
        if name not in self._columns:
            return self._db.execute(OF_ARTICLES[name], (self._articles, limit)).fetchall()
        counted = Counter(self._columns[name])
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:limit]


def _values(
    db: sqlite3.Connection, facet: FacetName, counted: Iterable[tuple[str, int]]
) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(*_called(db, facet, key), articles) for key, articles in counted)


def _called(db: sqlite3.Connection, facet: FacetName, key: str) -> tuple[str, str]:
    """What to search by for a key of the totals, and what to show for it."""
    if facet == "entity":
        shown = sqlite_entities.shown_key(db, key)
        return shown, sqlite_entities.listed(db, shown).name or shown
    if facet == "topic":
        code = _code(db, key)
        return code, media_topics().name(code) or sqlite_entities.usual(db, facet, key) or code
    if facet == "source":
        name = sqlite_entities.usual(db, facet, key) or key
        return name, name
    return key, key


def _code(db: sqlite3.Connection, folded: str) -> str:
    row = db.execute(_CODE, (folded,)).fetchone()
    return folded if row is None else str(row[0])


def topic_counts(db: sqlite3.Connection) -> dict[str, int]:
    """Articles per topic, those of the topics below it included."""
    return dict(db.execute(TOPICS).fetchall())


def co_mentions(db: sqlite3.Connection, given: str, limit: int) -> CoMentions:
    """Who is named beside an entity, in the newest of its articles."""
    key = sqlite_entities.find_key(db, given)
    held = None if key is None else fold(sqlite_entities.root_of(db, key))
    if held is None:
        return CoMentions(0, complete=True, entities=())
    rows = db.execute(NEWEST_OF, (held, LOOKED_AT + 1)).fetchall()
    places = [row[0] for row in rows[:LOOKED_AT]]
    # The entity itself is named in all of them.
    most = _Looked(db, places).most("entity", max(0, min(limit, MAX_VALUES)) + 1)
    others = [(other, articles) for other, articles in most if other != held][: max(0, limit)]
    entities = tuple(_co_mention(db, *each) for each in others)
    return CoMentions(len(places), len(rows) <= LOOKED_AT, entities)


NEWEST_OF = """
    SELECT DISTINCT place FROM entities WHERE key_folded = ? ORDER BY place DESC LIMIT ?
"""


def _co_mention(db: sqlite3.Connection, key: str, articles: int) -> CoMention:
    shown = sqlite_entities.shown_key(db, key)
    known = sqlite_entities.listed(db, shown)
    return CoMention(shown, known.name or shown, known.type or "", articles)


def timeline(db: sqlite3.Connection, given: str, since: datetime | None) -> list[tuple[date, int]]:
    """Articles per day on the entity that a key means now."""
    key = sqlite_entities.find_key(db, given)
    if key is None:
        return []
    values = {
        "key": fold(sqlite_entities.root_of(db, key)),
        "bits": BITS,
        "epoch": _EPOCH_MS,
        "day_ms": _DAY_MS,
        "first": -(2**63) if since is None else first_place(since),
    }
    start = _EPOCH.toordinal()
    return [(date.fromordinal(start + day), n) for day, n in db.execute(TIMELINE, values)]
