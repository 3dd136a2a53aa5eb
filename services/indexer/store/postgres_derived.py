"""What a PostgreSQL store derives from live articles, so that searches find and lists count them.

What is gone is taken off the counts by what its rows say, and what is new is added: in one
statement per table, whatever the batch.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from services.indexer.store.places import time_of
from services.indexer.store.postgres_copy import copy
from services.indexer.store.postgres_words import vectors
from services.indexer.store.rows import body_start
from services.indexer.store.words import fold, name_words
from services.media_topics import media_topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.article import EnrichedArticle
    from services.indexer.store.postgres_pool import Connection

LONGEST_KEY = 150
"""Characters of what is searched for; a longer one is cut, and its digest tells it from others
that begin alike. An entry of an index has at most 2,704 bytes, which a key, a name and a word
of it must share."""

LONGEST_NAME = 400
"""Characters of a name in lists of names; longer ones are cut."""

LONGEST_WORD = 100
"""Characters of a word by which an entity is looked for."""

_FORGET_WORDS = "DELETE FROM found_by_words WHERE place = ANY(%s)"
_FORGET_PARTS = "DELETE FROM found_in_parts WHERE place = ANY(%s)"
_FORGET_TOPICS = "DELETE FROM topics WHERE article = ANY(%s)"
_FORGET_LINEAGE = "DELETE FROM lineage WHERE article = ANY(%s) RETURNING article, code_folded, name"
_FORGET_ENTITIES = """
    DELETE FROM entities WHERE article = ANY(%s)
    RETURNING article, key_folded, name, type, mentions
"""

# In the order of their keys, so that the pages of the index are visited once.
_COUNT_TOTALS = """
    INSERT INTO totals AS t (facet, key, articles, mentions)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) ORDER BY 1, 2
    ON CONFLICT (facet, key) DO UPDATE
    SET articles = t.articles + excluded.articles, mentions = t.mentions + excluded.mentions
"""

_COUNT_FORMS = """
    INSERT INTO forms AS f (facet, key, form, articles)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) ORDER BY 1, 2, 3
    ON CONFLICT (facet, key, form) DO UPDATE SET articles = f.articles + excluded.articles
"""

_NO_TOTALS = """
    DELETE FROM totals AS t USING unnest(%s::text[], %s::text[]) AS n (facet, key)
    WHERE t.facet = n.facet AND t.key = n.key AND t.articles <= 0
"""

_NO_FORMS = """
    DELETE FROM forms AS f USING unnest(%s::text[], %s::text[], %s::text[]) AS n (facet, key, form)
    WHERE f.facet = n.facet AND f.key = n.key AND f.form = n.form AND f.articles <= 0
    RETURNING f.facet, f.key, f.form
"""

_NO_NAMES = """
    DELETE FROM name_words AS w USING unnest(%s::text[], %s::text[]) AS n (key, name)
    WHERE w.key = n.key AND w.name = n.name
"""

_ADD_WORDS = """
    INSERT INTO {} (word, key, name) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""


def folded(text: str) -> str:
    """``text`` for comparing, short enough for an index."""
    full = fold(text)
    if len(full) <= LONGEST_KEY:
        return full
    return f"{full[: LONGEST_KEY - 65]}#{hashlib.sha256(full.encode()).hexdigest()}"


def form(name: str) -> str:
    """A name as lists show it."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


class Counts:
    """By how many articles the counts of facets and of their forms change."""

    def __init__(self) -> None:
        self.articles: Counter[tuple[str, str]] = Counter()
        self.mentions: Counter[tuple[str, str]] = Counter()
        self.forms: Counter[tuple[str, str, str]] = Counter()

    def add(self, facet: str, key: str, name: str | None, by: int) -> None:
        """Count one article."""
        self.articles[facet, key] += by
        if name is not None:
            self.forms[facet, key, form(name)] += by

    def article(self, row: Mapping[str, Any], by: int) -> None:
        """Count what the row of an article says."""
        self.add("all", "", None, by)
        self.add("language", row["language"], None, by)
        self.add("day", f"{time_of(row['place']):%Y-%m-%d}", None, by)
        if row["source_folded"]:
            self.add("source", row["source_folded"], row["source"], by)

    def topics(self, rows: Iterable[tuple[int, str, str]], by: int) -> None:
        """Count topics: article, folded code and name of each."""
        found = {(article, key, form(name)) for article, key, name in rows}
        for _, key in {(article, key) for article, key, _ in found}:
            self.articles["topic", key] += by
        for _, key, name in found:
            self.forms["topic", key, name] += by

    def entities(self, rows: Iterable[tuple[int, str, str, str, int]], by: int) -> None:
        """Count entities: article, folded key, name, type and mentions of each."""
        articles: set[tuple[int, str]] = set()
        forms: set[tuple[int, str, str, str]] = set()
        for article, key, name, kind, mentions in rows:
            articles.add((article, key))
            forms |= {(article, "entity", key, form(name)), (article, "type", key, kind)}
            self.mentions["entity", key] += by * mentions
        for _, key in articles:
            self.articles["entity", key] += by
        for _, facet, key, name in forms:
            self.forms[facet, key, name] += by


def change(
    db: Connection,
    gone: Sequence[Mapping[str, Any]],
    live: Sequence[tuple[Mapping[str, Any], EnrichedArticle]],
    roots: Mapping[str, str],
) -> None:
    """Forget the articles of the rows ``gone``, and take in those that are ``live`` now.

    ``roots``: the keys that hold for those that were merged.
    """
    counts = Counts()
    _forget(db, gone, counts)
    for table, rows in _rows(live, roots, counts).items():
        copy(db, table, rows)
    write_counts(db, counts)


def _forget(db: Connection, gone: Sequence[Mapping[str, Any]], counts: Counts) -> None:
    if not gone:
        return
    places, articles = [row["place"] for row in gone], [row["seq"] for row in gone]
    db.execute(_FORGET_WORDS, (places,))
    db.execute(_FORGET_PARTS, (places,))
    db.execute(_FORGET_TOPICS, (articles,))
    for row in gone:
        counts.article(row, -1)
    counts.topics(db.execute(_FORGET_LINEAGE, (articles,)), -1)
    counts.entities(db.execute(_FORGET_ENTITIES, (articles,)), -1)


def _rows(
    live: Sequence[tuple[Mapping[str, Any], EnrichedArticle]],
    roots: Mapping[str, str],
    counts: Counts,
) -> dict[str, list[dict[str, Any]]]:
    """The rows of live articles, by table; counts them."""
    found: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("found_by_words", "found_in_parts", "entities", "topics", "lineage")
    }
    for row, article in live:
        ids = {"article": row["seq"], "place": row["place"]}
        counts.article(row, 1)
        entities = _entities(article, roots)
        counts.entities(
            [(row["seq"], e["key_folded"], e["name"], e["type"], e["mentions"]) for e in entities],
            1,
        )
        lineage = _lineage(article)
        counts.topics([(row["seq"], t["code_folded"], t["name"]) for t in lineage], 1)
        found["entities"] += [ids | each for each in entities]
        found["lineage"] += [ids | each for each in lineage]
        found["topics"] += [{"article": row["seq"]} | each for each in _topics(article)]
        words = vectors(article.headline, article.text[body_start(article) :])
        if len(words) == 1:
            found["found_by_words"].append(ids | {"words": words[0]})
        else:
            found["found_in_parts"] += [
                ids | {"part": number, "words": part} for number, part in enumerate(words)
            ]
    return found


def _entities(article: EnrichedArticle, roots: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "position": number,
            "key": entity.key,
            "name": entity.name,
            "type": entity.type,
            "mentions": len(entity.mentions),
            "key_folded": folded(roots.get(entity.key, entity.key)),
            "name_folded": folded(entity.name),
        }
        for number, entity in enumerate(article.entities)
    ]


def _topics(article: EnrichedArticle) -> list[dict[str, Any]]:
    return [
        {"position": number, "code": topic.code, "name": topic.name, "score": topic.score}
        for number, topic in enumerate(article.topics)
    ]


def _lineage(article: EnrichedArticle) -> list[dict[str, Any]]:
    """The topics of an article and those above them, each once."""
    tree = media_topics()
    above: dict[str, str] = {}
    for topic in article.topics:
        above[topic.code] = topic.name
        for code in tree.lineage(topic.code):
            above.setdefault(code, tree.name(code) or code)
    return [
        {
            "position": number,
            "code": code,
            "name": name,
            "code_folded": folded(code),
            "name_folded": folded(name),
        }
        for number, (code, name) in enumerate(above.items())
    ]


def write_counts(db: Connection, counts: Counts) -> None:
    """Put changed counts into the tables; what nobody has any more goes."""
    totals = [
        (*key, by, counts.mentions[key])
        for key, by in counts.articles.items()
        if by or counts.mentions[key]
    ]
    forms = [(*key, by) for key, by in counts.forms.items() if by]
    if totals:
        db.execute(_COUNT_TOTALS, _columns(totals))
    if forms:
        db.execute(_COUNT_FORMS, _columns(forms))
    less = [row[:2] for row in totals if row[2] < 0]
    if less:
        db.execute(_NO_TOTALS, _columns(less))
    _forget_forms(db, [row[:3] for row in forms if row[3] < 0])
    add_words(db, "name_words", [row[1:3] for row in forms if row[0] == "entity" and row[3] > 0])


def _forget_forms(db: Connection, fewer: list[tuple[str, str, str]]) -> None:
    if not fewer:
        return
    gone = db.execute(_NO_FORMS, _columns(fewer)).fetchall()
    names = [(key, name) for facet, key, name in gone if facet == "entity"]
    if names:
        db.execute(_NO_NAMES, _columns(names))


def add_words(db: Connection, table: str, names: Iterable[tuple[str, str]]) -> None:
    """Let entities (by their folded keys) be found by the words of their names."""
    rows = {(word[:LONGEST_WORD], key, name) for key, name in names for word in name_words(name)}
    if rows:
        db.execute(_ADD_WORDS.format(table), _columns(sorted(rows)))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
