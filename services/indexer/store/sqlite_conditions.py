"""What a query means in the SQLite store: where its articles are read, and how each is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from services.indexer.store.aliases import full_key
from services.indexer.store.base import BadQuery
from services.indexer.store.places import first_place
from services.indexer.store.sqlite_totals import called
from services.indexer.store.words import Expression, Not, Or, Term, fold, parse, positive
from services.media_topics import media_topics

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from services.indexer.store.base import Position, Query

Values: TypeAlias = "dict[str, str | int | float]"

HEADLINE_WEIGHT = 10.0
"""A match in the headline counts as ten in the text: an article of usual length
names its subject a few times, and one mention in a headline should beat that."""

RANKED = 1000
"""Matches of which the best are chosen, the newest: how good a match is takes 10 µs, and of a
word that is in every article the newest are as good as any."""

COMMON = 2000
"""A word that so many articles have says little about which is the best: it has no part in the
order, as FTS5 takes some 10 ms to go through all articles that have it."""

HEADED = 300
"""Matches of common words whose headlines are looked at, the newest: what is behind them is on no
first page, and a phrase of such words takes 0.1 ms each."""

WEIGHED = 8
"""Words of a search that may have a part in the order; each is counted up to ``COMMON``."""

FEW = 100
"""Where a condition leaves no more articles, these are asked for the words, at some 10 µs each."""

SOME = 2000
"""So they are where a condition leaves no more than these, and the words are common; else the
articles with the words are asked for the condition."""

COUNTED = 5000
"""Articles of a condition that are counted to know the narrowest: a millisecond; which of two
larger ones comes first makes no difference to a page of them."""

NAMESAKES = 100
"""Entities of one name that are searched for by it: more than share any, and SQLite merges 500
lists at most."""

_FIRST, _LAST = -(2**63), 2**63 - 1

_IN_RANGE = "{place} >= :first AND {place} < :before"

_WORDS = """
    SELECT rowid FROM found_by_words WHERE found_by_words MATCH :words AND {range}{tests}
    ORDER BY rowid DESC LIMIT :limit
"""

_HOW_MANY = """
    SELECT count(*) FROM (
        SELECT 1 FROM found_by_words WHERE found_by_words MATCH :words LIMIT :common
    )
"""

# The plus keeps FTS5 from looking up each place by itself, which takes as long as all together.
_SCORES = """
    SELECT rowid, bm25(found_by_words, :headline_weight, 1.0) FROM found_by_words
    WHERE found_by_words MATCH :words AND rowid >= :first AND rowid <= :last
    AND +rowid IN (SELECT value FROM json_each(:places))
"""

_IN_HEADLINE = """
    SELECT rowid, -1 FROM found_by_words
    WHERE found_by_words MATCH :words AND rowid >= :first AND rowid <= :last
    AND +rowid IN (SELECT value FROM json_each(:places))
"""

_LIVE = "SELECT a.place FROM articles AS a INDEXED BY {index} WHERE a.state = 'live'{condition}"

_AT_MOST = "(SELECT count(*) FROM ({range} LIMIT {most}))"

_OF_ROW = "EXISTS (SELECT 1 FROM articles AS c WHERE c.place = {place} AND c.{column} = :{value})"

_HAS = "SELECT {alias}.place FROM {table} AS {alias} WHERE"

_CALLED_SO = "SELECT key FROM names WHERE facet = ? AND folded = ? LIMIT ?"

_MATCHES = """
    EXISTS (SELECT 1 FROM found_by_words AS f
        WHERE f.found_by_words MATCH :words AND f.rowid = {place})
"""

_FILED_BEFORE = "EXISTS (SELECT 1 FROM articles AS n WHERE n.place = {place} AND n.seq <= :as_of)"


@dataclass(frozen=True, slots=True)
class Condition:
    """What articles must meet.

    ``ranges`` are queries for the places of all that do, each ending in a WHERE that may go
    on, with the name of the place in it; ``test`` asks one place.
    """

    ranges: tuple[tuple[str, str], ...]
    test: str


@dataclass(frozen=True, slots=True)
class _Facet:
    """A table of what articles have."""

    name: str
    table: str
    column: str
    more: tuple[str, ...] = ()
    """What leads to more articles, beside keys."""

    @property
    def called(self) -> str:
        """What leaves those of a key that have the name which is searched for."""
        return f" AND {self.name}.name_folded = :{self.name}"


# Dates and amounts are found by an index of their names; the expression must be the index's own.
_ENTITIES = _Facet(
    "entity",
    "entities",
    "key_folded",
    (
        """entity.name_folded = :entity
        AND (entity.key_folded GLOB 'date:*' OR entity.key_folded GLOB 'money:*')""",
    ),
)
_TOPICS = _Facet("topic", "lineage", "code_folded")


@dataclass(frozen=True, slots=True)
class Search:
    """A query that can be run: ``conditions`` with the narrowest first, ``few`` if it is that."""

    words: Expression | None
    conditions: tuple[Condition, ...]
    values: Values
    by_relevance: bool = False
    few: bool = False
    tests: tuple[str, ...] = ()

    def newest(self, db: sqlite3.Connection, limit: int) -> list[int]:
        """Places of articles that match, from the last one on."""
        sql, values = self.newest_first(limit)
        return [row[0] for row in db.execute(sql, values)]

    def newest_first(self, limit: int) -> tuple[str, Values]:
        """The SQL for :meth:`newest`, and its values."""
        values = self.values | {"limit": limit}
        if self.words is not None and not self.few:
            return self._matching(), values
        tests = [condition.test for condition in self.conditions[1:]] + list(self.tests)
        if self.words is not None:
            tests.append(_MATCHES)
        return _merged(self.conditions[0].ranges, tests), values

    def best(self, db: sqlite3.Connection, limit: int) -> list[int]:
        """Places of articles that match, the best first; of very many the newest are looked at.

        Words that very many articles have don't count.  Where all are such, articles with what
        is searched for in their headline come first.
        """
        places = self.newest(db, max(RANKED, limit))
        scores = _scores(db, self.words, places) if self.words is not None and places else {}
        return sorted(places, key=lambda place: (scores.get(place, 0), -place))[:limit]

    def _matching(self) -> str:
        place = "found_by_words.rowid"
        tests = [condition.test for condition in self.conditions] + list(self.tests)
        return _WORDS.format(
            range=_IN_RANGE.format(place="rowid"),
            tests="".join(f" AND {test.format(place=place)}" for test in tests),
        )


def _scores(db: sqlite3.Connection, words: Expression, places: Sequence[int]) -> dict[int, float]:
    """How good the matches at ``places`` are: the lower the better, those that lack are 0."""
    telling = [term for term in positive(words)[:WEIGHED] if _is_telling(db, term)]
    looked = places if telling else places[:HEADED]
    said = expression(Or(tuple(telling)) if telling else words)
    values = {
        "words": said if telling else f"headline : {said}",
        "first": looked[-1],
        "last": looked[0],
        "places": json.dumps(looked),
        "headline_weight": HEADLINE_WEIGHT,
    }
    return dict(db.execute(_SCORES if telling else _IN_HEADLINE, values).fetchall())


def _is_telling(db: sqlite3.Connection, term: Term) -> bool:
    """Whether a word or phrase has a word that is not common."""
    *whole, last = term.words[:WEIGHED]
    words = [*(Term(word) for word in whole), Term(last, prefix=term.prefix)]
    return any(_how_many(db, word) < COMMON for word in words)


def _how_many(db: sqlite3.Connection, words: Expression) -> int:
    """Articles that match, at most ``COMMON``."""
    values = {"words": expression(words), "common": COMMON}
    return int(db.execute(_HOW_MANY, values).fetchone()[0])


def _merged(ranges: Sequence[tuple[str, str]], tests: Sequence[str]) -> str:
    """One query for all of ``ranges``, each place once; they are merged as they are read."""
    parts = [
        f"{sql} AND {_IN_RANGE.format(place=place)}"
        + "".join(f" AND {test.format(place=place)}" for test in tests)
        for sql, place in ranges
    ]
    return " UNION ".join(parts) + " ORDER BY 1 DESC LIMIT :limit"


def search_of(db: sqlite3.Connection, query: Query, after: Position | None = None) -> Search | None:
    """What ``query`` means; None where nothing can match.  Raises ``BadQuery``."""
    given = query.words is not None and bool(query.words.strip())
    words = parse(query.words or "") if given else None
    if given and words is None:
        return None
    values: Values = {"first": _FIRST, "before": _LAST}
    if query.since is not None:
        values["first"] = first_place(query.since)
    if query.until is not None:
        values["before"] = first_place(query.until)
    tests: list[str] = []
    if after is not None:
        values["before"] = min(int(values["before"]), max(after.place, _FIRST))
        values["as_of"] = max(_FIRST, min(after.as_of, _LAST))
        tests.append(_FILED_BEFORE)
    if words is not None:
        values["words"] = expression(words)
    conditions, left = _narrowest(db, _conditions(db, query, values), values)
    order = query.order or ("newest" if words is None else "relevance")
    return Search(
        words,
        conditions or (Condition((_live("live_place"),), ""),) * (words is None),
        values,
        by_relevance=words is not None and order == "relevance",
        few=words is not None and _few(db, words, left),
        tests=tuple(tests),
    )


def _narrowest(
    db: sqlite3.Connection, conditions: Sequence[Condition], values: Values
) -> tuple[tuple[Condition, ...], int | None]:
    """``conditions``, those with the fewest articles first, and how many these are."""
    if not conditions:
        return (), None
    counted = sorted((_count(db, condition, values), n) for n, condition in enumerate(conditions))
    return tuple(conditions[n] for _, n in counted), counted[0][0]


def _few(db: sqlite3.Connection, words: Expression, left: int | None) -> bool:
    """Whether the articles that conditions leave are to be asked for the words."""
    if left is None or left > SOME:
        return False
    return left <= FEW or _how_many(db, words) == COMMON


def _count(db: sqlite3.Connection, condition: Condition, values: Values) -> int:
    parts = [
        _AT_MOST.format(range=f"{sql} AND {_IN_RANGE.format(place=place)}", most=COUNTED)
        for sql, place in condition.ranges
    ]
    return int(db.execute("SELECT " + " + ".join(parts), values).fetchone()[0])


def _conditions(db: sqlite3.Connection, query: Query, values: Values) -> list[Condition]:
    """A condition for each thing that ``query`` gives beside words and times; adds its values."""
    found = []
    if query.entity is not None:
        found.append(_entity(db, query.entity, values))
    if query.topic is not None:
        found.append(_topic(db, query.topic, values))
    for name, column, wanted in (
        ("language", "language", query.language),
        ("source", "source_folded", query.source),
    ):
        if wanted is not None:
            values[name] = fold(wanted)
            found.append(_column(name, column))
    if query.story is not None:
        row = db.execute(_STORY_ROOT, (str(query.story),)).fetchone()
        values["story"] = str(query.story) if row is None else row[0]
        found.append(_column("story", "story"))
    if query.copy_of is not None:
        values["copy_of"] = str(query.copy_of)
        found.append(_column("copy_of", "copy_of"))
    return found


_STORY_ROOT = "SELECT root FROM stories WHERE story = ?"

# The keys that hold for what was asked for: by a key or a name of what was merged.
_KEYS = """
    SELECT :entity_key
    UNION SELECT root_folded FROM aliases WHERE key_folded = :entity_key
    UNION SELECT root_folded FROM aliases WHERE name_folded = :entity
    UNION SELECT key_folded FROM targets WHERE name_folded = :entity
"""


def _live(index: str, condition: str = "") -> tuple[str, str]:
    return _LIVE.format(index=index, condition=condition), "a.place"


def _column(name: str, column: str) -> Condition:
    return Condition(
        (_live(f"live_{name}", f" AND a.{column} = :{name}"),),
        _OF_ROW.format(place="{place}", column=column, value=name),
    )


def _entity(db: sqlite3.Connection, wanted: str, values: Values) -> Condition:
    """By its key, by a name that the article has, and by a key or name of what was merged."""
    values["entity"] = fold(wanted)
    values["entity_key"] = fold(full_key(wanted))
    keys = [row[0] for row in db.execute(_KEYS, values)]
    return _listed(db, _ENTITIES, keys, values)


def _topic(db: sqlite3.Connection, wanted: str, values: Values) -> Condition:
    """By a code or a name; topics below it are in the lineage of each article."""
    values["topic"] = fold(wanted)
    return _listed(db, _TOPICS, [*_codes().get(fold(wanted), ()), fold(wanted)], values)


@cache
def _codes() -> Mapping[str, Sequence[str]]:
    """The codes of the vocabulary by folded name."""
    tree = media_topics()
    found: dict[str, list[str]] = {}
    for code in tree:
        found.setdefault(fold(tree.name(code) or code), []).append(fold(code))
    return found


def _listed(
    db: sqlite3.Connection, facet: _Facet, keys: Sequence[str], values: Values
) -> Condition:
    """Articles that have one of ``keys``, or the name, in a table of what articles have."""
    named = _named(db, facet.name, str(values[facet.name]))
    wheres = dict.fromkeys(sorted(keys), "")
    for key in named:
        wheres.setdefault(key, facet.called if named[key] else "")
    wanted = {f"{facet.name}_{n}": key for n, key in enumerate(wheres)}
    values |= wanted
    has = _HAS.format(alias=facet.name, table=facet.table)
    selects = [
        f"{has} {facet.name}.{facet.column} = :{value}{wheres[key]}"
        for value, key in wanted.items()
    ]
    selects += [f"{has} {more}" for more in facet.more]
    place = f"{facet.name}.place"
    tests = " OR ".join(f"EXISTS ({sql} AND {place} = {{place}})" for sql in selects)
    return Condition(tuple((sql, place) for sql in selects), f"({tests})")


def _named(db: sqlite3.Connection, facet: str, name: str) -> dict[str, bool]:
    """Keys that are called ``name``, each with whether it has other names, too."""
    keys = [row[0] for row in db.execute(_CALLED_SO, (facet, name, NAMESAKES))]
    return {key: called(db, facet, key) > {name} for key in keys}


def expression(words: Expression) -> str:
    """``words`` in FTS5's language; each term is a quoted string, in which it knows no syntax."""
    if isinstance(words, Term):
        return f'"{words.text}"{"*" if words.prefix else ""}'
    if isinstance(words, Or):
        return f"({' OR '.join(expression(part) for part in words.parts)})"
    if isinstance(words, Not):
        raise BadQuery("A search needs something to find")
    wanted = " AND ".join(expression(part) for part in words.parts if not isinstance(part, Not))
    barred = " OR ".join(expression(part.part) for part in words.parts if isinstance(part, Not))
    return f"(({wanted}) NOT ({barred}))" if barred else f"({wanted})"
