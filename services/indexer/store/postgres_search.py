"""Searches in a PostgreSQL store: what a query means in SQL, and pages of what it finds.

Which index a search begins with is the server's choice, by how frequent it takes a word or key
to be: for a rare one what has it, for a frequent one the newest articles until enough are found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.indexer.store import postgres_words
from services.indexer.store.aliases import full_key
from services.indexer.store.base import MAX_HITS, BadQuery, Hit, Page, Position
from services.indexer.store.places import first_place
from services.indexer.store.postgres_derived import folded
from services.indexer.store.rows import hit_of
from services.indexer.store.words import fold, parse, positive
from services.media_topics import media_topics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from services.indexer.store.base import Query
    from services.indexer.store.postgres_pool import Connection
    from services.indexer.store.words import Expression, Term

RANKED = 1_000
"""Matches of which the best are chosen, the newest: reading the words of one takes some 20 µs,
and nobody reads on behind a thousand."""

WEIGHTS = "{0.1, 0.1, 0.1, 1.0}"
"""A match in the headline counts as ten in the text, as in the SQLite store."""

# `{seq}` and `{place}` are those of the article, in whichever table a search begins with.
_ENTITY = """EXISTS (
    SELECT 1 FROM entities AS e WHERE e.article = {seq}
    AND (e.key_folded = ANY(%(entity_keys)s) OR e.name_folded = %(entity)s))"""

_TOPIC = """EXISTS (
    SELECT 1 FROM lineage AS l WHERE l.article = {seq}
    AND (l.code_folded = ANY(%(topic_codes)s) OR l.name_folded = %(topic)s))"""

# By a key or name of what was merged.
_MERGED_KEYS = """
    SELECT root_folded FROM aliases WHERE key_folded = %(key)s OR name_folded = %(name)s
    UNION SELECT key_folded FROM targets WHERE name_folded = %(name)s
"""

_STORY_NOW = "SELECT root FROM stories WHERE story = %s"

_LATEST = "SELECT coalesce(max(seq), 0) FROM articles"

_PLAIN = """
    SELECT a.place, 0::real AS score FROM articles AS a WHERE a.state = 'live'{filters}
    ORDER BY a.place DESC LIMIT %(limit)s
"""

# Each arm is limited by itself, so that the server may walk an index in the order of places. Words
# are those of live articles, so their rows are asked only for what nothing else tells.
_WITH_WORDS = """
    SELECT place, score FROM (
        (
            SELECT f.place, {rank} AS score FROM found_by_words AS f{join_f}
            WHERE f.words @@ %(words)s::tsquery{filters_f}
            ORDER BY f.place DESC LIMIT %(limit)s
        )
        UNION ALL (
            SELECT p.place, p.score
            FROM (
                SELECT f.place, f.article, max({rank}) AS score FROM found_in_parts AS f
                WHERE f.words @@ %(any_word)s::tsquery
                GROUP BY f.place, f.article HAVING {over_parts}
            ) AS p{join_p}
            WHERE TRUE{filters_p}
            ORDER BY p.place DESC LIMIT %(limit)s
        )
    ) AS found
    ORDER BY place DESC LIMIT %(limit)s
"""

_JOIN = " JOIN articles AS a ON a.place = {}.place"

_BEST = "SELECT place, score FROM ({found}) AS f ORDER BY score DESC, place DESC LIMIT %(best)s"

_RANK = f"ts_rank('{WEIGHTS}', f.words, %(words)s::tsquery, 1)"

_HITS = """
    SELECT a.place, a.seq, a.article_id, a.revision, v.headline, a.published_at, a.filed_at,
        a.source, a.language, a.story, a.copy_of, v.lead
    FROM unnest(%s::bigint[]) AS n (place)
    JOIN articles AS a ON a.place = n.place
    JOIN versions AS v ON v.place = n.place AND v.seq = a.current
"""

_TOPICS = """
    SELECT article, code, name FROM topics WHERE article = ANY(%s)
    ORDER BY article, score DESC, position
"""


@dataclass
class Search:
    """A query as SQL: conditions on an article, and what they are filled with.

    ``of_row``: whether one of them is about a column that only ``articles`` has.
    """

    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    words: Expression | None = None
    by_words: bool = False
    of_row: bool = False

    def add(self, condition: str, **values: Any) -> None:
        """One more condition; those on columns of ``articles`` call it ``a``."""
        self.conditions.append(condition)
        self.values |= values
        self.of_row = self.of_row or condition.startswith("a.")

    def matching(self, *, ranked: bool) -> str:
        """SQL for ``place`` and ``score`` of what matches, the newest ``limit``."""
        if not self.by_words:
            return _PLAIN.format(filters=self._filters("a.seq", "a.place"))
        if self.words is None:
            # Words were given, and no letter or digit was in them.
            return _PLAIN.format(filters=" AND FALSE")
        terms = postgres_words.terms(self.words)
        names = {term: f"term_{number}" for number, term in enumerate(terms)}
        queries = {term: postgres_words.query(term) for term in terms}
        self.values |= {names[term]: queries[term] for term in terms}
        self.values["words"] = postgres_words.query(self.words)
        self.values["any_word"] = " | ".join(queries.values())
        return _WITH_WORDS.format(
            rank=_RANK if ranked else "0::real",
            over_parts=postgres_words.over_parts(self.words, names, "f.words"),
            join_f=_JOIN.format("f") if self.of_row else "",
            filters_f=self._filters("f.article", "f.place"),
            join_p=_JOIN.format("p") if self.of_row else "",
            filters_p=self._filters("p.article", "p.place"),
        )

    def _filters(self, seq: str, place: str) -> str:
        return "".join(
            f" AND {condition.format(seq=seq, place=place)}" for condition in self.conditions
        )


def search_of(db: Connection, query: Query) -> Search:
    """What ``query`` means; raises ``BadQuery``."""
    made = Search(words=parse(query.words or ""), by_words=has_words(query))
    if query.entity is not None:
        key, name = folded(full_key(query.entity)), folded(query.entity)
        merged = db.execute(_MERGED_KEYS, {"key": key, "name": name}).fetchall()
        keys = [key, *(row[0] for row in merged)]
        made.add(_ENTITY, entity_keys=keys, entity=name)
    if query.topic is not None:
        made.add(_TOPIC, topic_codes=_codes(query.topic), topic=folded(query.topic))
    if query.language is not None:
        made.add("a.language = %(language)s", language=folded(query.language))
    if query.source is not None:
        made.add("a.source_folded = %(source)s", source=folded(query.source))
    if query.story is not None:
        made.add("a.story = %(story)s", story=story_now(db, query.story))
    if query.copy_of is not None:
        made.add("a.copy_of = %(copy_of)s", copy_of=str(query.copy_of))
    if query.since is not None:
        made.add("{place} >= %(since)s", since=first_place(query.since))
    if query.until is not None:
        made.add("{place} < %(until)s", until=first_place(query.until))
    return made


def has_words(query: Query) -> bool:
    """Whether ``query`` asks for words."""
    return query.words is not None and bool(query.words.strip())


def story_now(db: Connection, story: UUID) -> str:
    """The id that a story has now."""
    row = db.execute(_STORY_NOW, (str(story),)).fetchone()
    return str(story) if row is None else str(row[0])


def _codes(topic: str) -> list[str]:
    """Folded codes of what is called ``topic``, in the vocabulary as well."""
    tree, asked = media_topics(), fold(topic)
    named = [code for code in tree if fold(tree.name(code) or "") == asked]
    return [folded(each) for each in (topic, *named)]


def page(db: Connection, query: Query, after: Position | None) -> Page:
    """Articles that match, those after a position."""
    search = search_of(db, query)
    limit = max(0, min(query.limit, MAX_HITS))
    if search.by_words and query.order != "newest":
        if after is not None:
            raise BadQuery("Only a list of the newest first goes on: ask for that order")
        found = _best(db, search, limit)
        return Page(tuple(hits(db, found, positive(search.words))))
    as_of = after.as_of if after is not None else _latest(db)
    search.add("{seq} <= %(as_of)s", as_of=as_of)
    if after is not None:
        search.add("{place} < %(after)s", after=after.place)
    # One more than is shown tells whether there is a next page.
    search.values["limit"] = limit + 1
    places = [int(row[0]) for row in db.execute(search.matching(ranked=False), search.values)]
    shown = places[:limit]
    more = len(places) > limit and shown
    found_hits = tuple(hits(db, shown, positive(search.words)))
    return Page(found_hits, Position(shown[-1], as_of) if more else None)


def _best(db: Connection, search: Search, limit: int) -> list[int]:
    search.values |= {"limit": max(RANKED, limit), "best": limit}
    best = _BEST.format(found=search.matching(ranked=True))
    return [int(row[0]) for row in db.execute(best, search.values)]


def _latest(db: Connection) -> int:
    row = db.execute(_LATEST).fetchone()
    return 0 if row is None else int(row[0])


def hits(db: Connection, places: Sequence[int], terms: Sequence[Term]) -> list[Hit]:
    """What a list shows of the articles at ``places``, in that order."""
    found = {row[0]: row[1:] for row in db.execute(_HITS, (list(places),))}
    topics: dict[int, list[tuple[str, str]]] = {}
    for seq, code, name in db.execute(_TOPICS, ([row[0] for row in found.values()],)):
        topics.setdefault(seq, []).append((code, name))
    return [
        hit_of(place, terms, topics.get(found[place][0], []), found[place][1:])
        for place in places
        if place in found
    ]
