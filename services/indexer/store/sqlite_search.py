"""The SQLite store's reading half: its queries, and full text search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from services.indexer.store.aliases import full_key
from services.indexer.store.base import MAX_HITS, Hit, Query
from services.indexer.store.snippets import SCANNED_CHARS, excerpt
from services.indexer.store.times import from_micros
from services.indexer.store.words import And, Expression, Not, Or, Term, fold, parse, positive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

Values: TypeAlias = "dict[str, str | int | float]"

HEADLINE_WEIGHT = 10.0
"""A match in the headline counts as ten in the text: an article of usual length
names its subject a few times, and one mention in a headline should beat that."""

DOCUMENT = """
    SELECT v.document, a.story FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.article_id = ? AND a.state <> 'withdrawn'
"""

STANDING = """
    SELECT a.seq, a.state, (
        SELECT b.article_id FROM articles AS b
        WHERE a.state = 'duplicate' AND b.state = 'live' AND b.content_hash = a.content_hash
    )
    FROM articles AS a WHERE a.article_id = ?
"""

VERSIONS = """
    SELECT revision, received_at, filed_at, withdrawn, headline
    FROM versions WHERE article = ? ORDER BY seq
"""

VERSION = "SELECT document FROM versions WHERE article = ? ORDER BY seq LIMIT 1 OFFSET ?"

OUTCOMES = "SELECT seq, document FROM outcomes WHERE seq > ? ORDER BY seq LIMIT ?"

RESOLVE = """
    SELECT article_id FROM articles WHERE article_id >= ? AND article_id < ?
    ORDER BY article_id LIMIT ?
"""

# By its key, by a name that the article has, and by a key or name of what was merged.
_ENTITY = """ AND a.seq IN (
    SELECT article FROM entities WHERE key_folded = :entity_key
    UNION SELECT article FROM entities WHERE name_folded = :entity
    UNION SELECT e.article FROM aliases AS l JOIN entities AS e ON e.key_folded = l.root_folded
        WHERE l.key_folded = :entity_key
    UNION SELECT e.article FROM aliases AS l JOIN entities AS e ON e.key_folded = l.root_folded
        WHERE l.name_folded = :entity
    UNION SELECT e.article FROM targets AS t JOIN entities AS e ON e.key_folded = t.key_folded
        WHERE t.name_folded = :entity)"""

_TOPIC = """ AND a.seq IN (
    SELECT article FROM topics WHERE code_folded = :topic
    UNION SELECT article FROM topics WHERE name_folded = :topic)"""

_LANGUAGE = " AND a.language = :language"

_STORY = """ AND a.story = coalesce(
    (SELECT s.root FROM stories AS s WHERE s.story = :story), :story)"""

_COPY_OF = " AND a.copy_of = :copy_of"

_BY_WORDS = """
    SELECT a.seq AS seq, bm25(found_by_words, :headline_weight, 1.0) AS score
    FROM found_by_words JOIN articles AS a ON a.seq = found_by_words.rowid
    WHERE found_by_words MATCH :words AND a.state = 'live'{filters}
    ORDER BY score, a.newest_at DESC, a.seq DESC LIMIT :limit
"""

_NEWEST = """
    SELECT a.seq AS seq, 0 AS score FROM articles AS a WHERE a.state = 'live'{filters}
    ORDER BY a.newest_at DESC, a.seq DESC LIMIT :limit
"""

# The best are chosen first, so that texts are read for them alone.
_HITS = """
    WITH best AS ({best})
    SELECT a.article_id, a.revision, v.headline, a.published_at, a.filed_at,
        a.newest_at, a.language, a.story, a.copy_of, json_extract(v.document, '$.provider'),
        json_extract(v.document, '$.topics'), (SELECT substr(s.body, 1, :scanned) FROM searchable AS s WHERE s.seq = a.seq)
    FROM best JOIN articles AS a ON a.seq = best.seq JOIN versions AS v ON v.seq = a.current
    ORDER BY best.score, a.newest_at DESC, a.seq DESC
"""


def statement(query: Query) -> tuple[str, Values]:
    """The SQL for ``query`` and its values."""
    # One more than is scanned, so that a longer text is known to go on.
    values: Values = {"limit": max(0, min(query.limit, MAX_HITS)), "scanned": SCANNED_CHARS + 1}
    filters = _filters(query, values)
    if not _has_words(query):
        return _HITS.format(best=_NEWEST.format(filters=filters)), values
    values["words"] = expression(parse(query.words or ""))
    values["headline_weight"] = HEADLINE_WEIGHT
    return _HITS.format(best=_BY_WORDS.format(filters=filters)), values


def _has_words(query: Query) -> bool:
    return query.words is not None and bool(query.words.strip())


def _filters(query: Query, values: Values) -> str:
    """Conditions for what ``query`` gives beside its words; adds their values."""
    sql = ""
    for name, wanted, condition in (
        ("entity", query.entity, _ENTITY),
        ("topic", query.topic, _TOPIC),
        ("language", query.language, _LANGUAGE),
    ):
        if wanted is not None:
            sql += condition
            values[name] = fold(wanted)
    if query.entity is not None:
        values["entity_key"] = fold(full_key(query.entity))
    for name, article_or_story, condition in (
        ("story", query.story, _STORY),
        ("copy_of", query.copy_of, _COPY_OF),
    ):
        if article_or_story is not None:
            sql += condition
            values[name] = str(article_or_story)
    return sql


def expression(words: Expression | None) -> str:
    """``words`` in FTS5's language; each term is a quoted string, in which it knows no syntax."""
    if words is None:
        return '""'
    if isinstance(words, Term):
        return f'"{words.text}"{"*" if words.prefix else ""}'
    if isinstance(words, Or):
        return f"({' OR '.join(expression(part) for part in words.parts)})"
    wanted = " AND ".join(expression(part) for part in words.parts if not isinstance(part, Not))
    barred = " OR ".join(expression(part.part) for part in words.parts if isinstance(part, Not))
    return f"(({wanted}) NOT ({barred}))" if barred else f"({wanted})"


def search(db: sqlite3.Connection, query: Query) -> list[Hit]:
    """Articles that match, best first (newest first where no words are given)."""
    sql, values = statement(query)
    terms = positive(parse(query.words or ""))
    return [_hit(terms, *row) for row in db.execute(sql, values)]


def _hit(
    terms: Sequence[Term],
    article_id: str,
    revision: int,
    headline: str | None,
    published_at: int | None,
    filed_at: int,
    listed_at: int,
    language: str,
    story: str | None,
    copy_of: str | None,
    source: str | None,
    topics: str,
    text: str | None,
) -> Hit:
    shown, matches = excerpt(text or "", terms)
    return Hit(
        article_id=UUID(article_id),
        revision=revision,
        headline=headline,
        published_at=None if published_at is None else from_micros(published_at),
        filed_at=from_micros(filed_at),
        listed_at=from_micros(listed_at),
        excerpt=shown,
        matches=matches,
        source=source,
        language=language,
        topics=tuple((topic["code"], topic["name"]) for topic in json.loads(topics)),
        story=None if story is None else UUID(story),
        copy_of=None if copy_of is None else UUID(copy_of),
    )


_ID_CHARS = frozenset("0123456789abcdef-")


def resolve(db: sqlite3.Connection, prefix: str, limit: int) -> list[UUID]:
    """Ids that start with ``prefix``, in id order."""
    start = prefix.strip().lower()
    if not _ID_CHARS.issuperset(start):
        return []
    # "g" sorts after every hexadecimal digit and the hyphen.
    rows = db.execute(RESOLVE, (start, start + "g", limit)).fetchall()
    return [UUID(row[0]) for row in rows]
