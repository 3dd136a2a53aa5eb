"""The SQLite store's reading half: its queries, and full text search."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from services.indexer.store.base import MAX_HITS, Hit, Query
from services.indexer.store.times import from_micros
from services.indexer.store.words import Term, fold, parse

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

Values: TypeAlias = "dict[str, str | int | float]"

HEADLINE_WEIGHT = 10.0
"""A match in the headline counts as ten in the text: an article of usual length
names its subject a few times, and one mention in a headline should beat that."""

SNIPPET_CHARS = 160
"""Characters in a snippet: about two lines of a terminal."""

LEAD_CHARS = 40
"""Characters of a snippet before its first match: some words to understand it by."""

_OPEN, _CLOSE = "\x02", "\x03"
"""Marks around a match until the snippet is cut; real brackets may be in the text."""

DOCUMENT = """
    SELECT v.document FROM articles AS a JOIN versions AS v ON v.seq = a.current
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

OUTCOMES = "SELECT seq, document FROM outcomes WHERE seq > ? ORDER BY seq LIMIT ?"

RESOLVE = """
    SELECT article_id FROM articles WHERE article_id >= ? AND article_id < ?
    ORDER BY article_id LIMIT ?
"""

_ENTITY = """ AND a.seq IN (
    SELECT article FROM entities WHERE key_folded = :entity
    UNION SELECT article FROM entities WHERE name_folded = :entity)"""

_TOPIC = """ AND a.seq IN (
    SELECT article FROM topics WHERE code_folded = :topic
    UNION SELECT article FROM topics WHERE name_folded = :topic)"""

_LANGUAGE = " AND a.language = :language"

_COLUMNS = "a.article_id, a.revision, v.headline, a.published_at, a.filed_at"

# The best are chosen first, so that snippets are cut for them alone. Not by FTS5's
# snippet(): its time grows with the square of the matches, and a hostile article of
# 4,000 times the same word would take it a third of a second; highlight() is linear.
_BY_WORDS = """
    WITH best AS (
        SELECT a.seq AS seq, bm25(found_by_words, :headline_weight, 1.0) AS score
        FROM found_by_words JOIN articles AS a ON a.seq = found_by_words.rowid
        WHERE found_by_words MATCH :words AND a.state = 'live'{filters}
        ORDER BY score, a.newest_at DESC, a.seq DESC LIMIT :limit
    )
    SELECT {columns}, (
        SELECT highlight(found_by_words, 1, :open, :close)
        FROM found_by_words WHERE found_by_words MATCH :words AND rowid = best.seq
    )
    FROM best JOIN articles AS a ON a.seq = best.seq JOIN versions AS v ON v.seq = a.current
    ORDER BY best.score, a.newest_at DESC, a.seq DESC
"""

_NEWEST = """
    SELECT {columns}, (
        SELECT substr(s.body, 1, :snippet_chars) FROM searchable AS s WHERE s.seq = a.seq
    )
    FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.state = 'live'{filters}
    ORDER BY a.newest_at DESC, a.seq DESC LIMIT :limit
"""


def statement(query: Query) -> tuple[str, Values]:
    """The SQL for ``query`` and its values."""
    values: Values = {"limit": max(0, min(query.limit, MAX_HITS))}
    filters = _filters(query, values)
    if query.words is None or not query.words.strip():
        # Twice over: runs of white space are shortened after it.
        values["snippet_chars"] = 2 * SNIPPET_CHARS
        return _NEWEST.format(columns=_COLUMNS, filters=filters), values
    values["words"] = expression(parse(query.words))
    values["headline_weight"] = HEADLINE_WEIGHT
    values |= {"open": _OPEN, "close": _CLOSE}
    return _BY_WORDS.format(columns=_COLUMNS, filters=filters), values


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
    return sql


def expression(terms: Sequence[Term]) -> str:
    """``terms`` in FTS5's language.

    Each is a quoted string, in which FTS5 knows no syntax; strings side by side
    are all required, and one without any word in it is left out by FTS5.
    """
    # No terms: an empty expression is FTS5's one syntax error left; "" finds nothing.
    return " ".join(f'"{term.text}"{"*" if term.prefix else ""}' for term in terms) or '""'


def search(db: sqlite3.Connection, query: Query) -> list[Hit]:
    """Articles that match, best first (newest first where no words are given)."""
    sql, values = statement(query)
    return [_hit(*row) for row in db.execute(sql, values)]


def _hit(
    article_id: str,
    revision: int,
    headline: str | None,
    published_at: int | None,
    filed_at: int,
    text: str | None,
) -> Hit:
    return Hit(
        article_id=UUID(article_id),
        revision=revision,
        headline=headline,
        published_at=None if published_at is None else from_micros(published_at),
        filed_at=from_micros(filed_at),
        snippet=cut(text or ""),
    )


def cut(text: str) -> str:
    """A snippet of ``text`` on one line, from shortly before its first match if it has one."""
    match = text.find(_OPEN)
    start = 0 if match <= LEAD_CHARS else _word_start(text, match - LEAD_CHARS, match)
    # Four times over: marks and runs of white space are taken out of it.
    line = " ".join(text[start : start + 4 * SNIPPET_CHARS].split())
    snippet = line[:SNIPPET_CHARS]
    if len(line) > SNIPPET_CHARS:
        # The last word may have been cut, and with it a match's closing mark.
        snippet = snippet.rpartition(" ")[0] or snippet
    marked = snippet.replace(_OPEN, "[").replace(_CLOSE, "]")
    closing = "]" if snippet.count(_OPEN) > snippet.count(_CLOSE) else ""
    more = "…" if len(snippet) < len(line) or start + 4 * SNIPPET_CHARS < len(text) else ""
    return ("…" if start else "") + marked + closing + more


def _word_start(text: str, start: int, end: int) -> int:
    """Where the first whole word after ``start`` begins, ``start`` if there is none to ``end``."""
    return next((n + 1 for n in range(start, end) if text[n].isspace()), start)


_ID_CHARS = frozenset("0123456789abcdef-")


def resolve(db: sqlite3.Connection, prefix: str, limit: int) -> list[UUID]:
    """Ids that start with ``prefix``, in id order."""
    start = prefix.strip().lower()
    if not _ID_CHARS.issuperset(start):
        return []
    # "g" sorts after every hexadecimal digit and the hyphen.
    rows = db.execute(RESOLVE, (start, start + "g", limit)).fetchall()
    return [UUID(row[0]) for row in rows]
