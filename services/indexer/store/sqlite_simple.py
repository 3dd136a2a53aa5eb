"""Until the reading half of version 4 is there: right answers, slowly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from services.indexer.store import sqlite_entities, sqlite_search
from services.indexer.store.base import MAX_HITS, Change, Facets, FacetValue, Page, Position, Story
from services.indexer.store.entities import CoMention, CoMentions
from services.indexer.store.times import from_micros, to_micros
from services.indexer.store.words import fold
from services.media_topics import media_topics

if TYPE_CHECKING:
    import sqlite3
    from services.indexer.store.base import Hit, Query


def every(db: sqlite3.Connection, query: Query) -> list[Hit]:
    topic, wanted = query.topic, []
    if topic is not None:
        tree = media_topics()
        wanted = [
            c
            for c in tree
            if any(fold(topic) in (fold(u), fold(tree.name(u) or "")) for u in tree.lineage(c))
        ]
    plain = replace(query, limit=MAX_HITS)
    hits = sqlite_search.search(db, plain)
    for code in wanted:
        hits += sqlite_search.search(db, replace(plain, topic=code))
    hits = list({hit.article_id: hit for hit in hits}.values())
    if query.source is not None:
        hits = [h for h in hits if h.source is not None and fold(h.source) == fold(query.source)]
    if query.since is not None:
        hits = [h for h in hits if h.listed_at >= query.since]
    if query.until is not None:
        hits = [h for h in hits if h.listed_at < query.until]
    return hits


def page(db: sqlite3.Connection, query: Query, after: Position | None) -> Page:
    hits = every(db, query)
    limit = max(0, min(query.limit, MAX_HITS))
    by_words = query.words is not None and query.words.strip()
    if (query.order or ("relevance" if by_words else "newest")) == "relevance" and by_words:
        return Page(tuple(hits[:limit]))

    def place(hit: Hit) -> int:
        (seq,) = db.execute(
            "SELECT seq FROM articles WHERE article_id = ?", (str(hit.article_id),)
        ).fetchone()
        return (to_micros(hit.listed_at) // 1000 << 20) | (seq & 0xFFFFF)

    (top,) = db.execute("SELECT coalesce(max(seq), 0) FROM articles").fetchone()
    as_of = top if after is None else after.as_of
    found = sorted(((place(h), h) for h in hits), key=lambda p: -p[0])
    found = [p for p in found if after is None or p[0] < after.place]
    shown = found[:limit]
    rest = len(found) > limit and shown
    return Page(tuple(h for _, h in shown), Position(shown[-1][0], as_of) if rest else None)


def _entities(db: sqlite3.Connection, hit: Hit) -> dict[str, tuple[str, str]]:
    rows = db.execute(
        "SELECT e.key_folded, e.name, e.type FROM entities AS e JOIN articles AS a ON a.seq = e.article WHERE a.article_id = ?",
        (str(hit.article_id),),
    )
    return {sqlite_entities._shown_key(db, k): (n, t) for k, n, t in rows}


def facets(db: sqlite3.Connection, query: Query, names, limit: int) -> Facets:
    hits = every(db, query)
    values = {}
    for name in names:
        count: Counter[str] = Counter()
        called: dict[str, str] = {}
        for h in hits:
            if name == "topic":
                tree = media_topics()
                got = {}
                for c, n in h.topics:
                    for up in tree.lineage(c):
                        got[up] = n if up == c else (tree.name(up) or up)
            elif name == "entity":
                got = {k: n for k, (n, _) in _entities(db, h).items()}
            elif name == "source":
                got = {h.source: h.source} if h.source else {}
            elif name == "language":
                got = {h.language: h.language}
            else:
                day = h.listed_at.date().isoformat()
                got = {day: day}
            called |= got
            count.update(got.keys())
        best = sorted(count.items(), key=lambda p: p[0] if name == "day" else (-p[1], p[0]))
        values[name] = tuple(
            FacetValue(k, called[k], n)
            for k, n in (best if name == "day" else best[: max(0, limit)])
        )
    return Facets(len(hits), True, values)


def changes(db: sqlite3.Connection, after: int, limit: int) -> list[Change]:
    rows = db.execute(
        "SELECT seq, article_id, state, revision, filed_at FROM articles WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, max(0, limit)),
    )
    return [Change(s, UUID(a), st, r, from_micros(f)) for s, a, st, r, f in rows]


def stories(db: sqlite3.Connection, query: Query, least: int) -> list[Story]:
    groups: dict[UUID, list[Hit]] = {}
    for h in every(db, query):
        if h.story is not None:
            groups.setdefault(h.story, []).append(h)
    made = []
    for story, hits in groups.items():
        hits.sort(key=lambda h: h.listed_at)
        if len(hits) >= least:
            made.append(
                Story(
                    story,
                    len(hits),
                    hits[0].listed_at,
                    hits[-1].listed_at,
                    hits[0].headline,
                    len({fold(h.source) for h in hits if h.source}),
                )
            )
    return sorted(made, key=lambda s: s.last_at, reverse=True)


def co_mentions(db: sqlite3.Connection, query: Query, key: str | None, limit: int) -> CoMentions:
    hits = every(db, query) if key is not None else []
    count: Counter[str] = Counter()
    called: dict[str, tuple[str, str]] = {}
    for h in hits:
        got = _entities(db, h)
        got.pop(key, None)
        called |= got
        count.update(got.keys())
    best = sorted(count.items(), key=lambda p: (-p[1], p[0]))[: max(0, limit)]
    return CoMentions(len(hits), True, tuple(CoMention(k, *called[k], n) for k, n in best))
