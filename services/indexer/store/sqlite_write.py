"""The SQLite store's writing half: each function runs within an open transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.article import EnrichedArticle
from schemas.events import Outcome
from services.indexer.store import sqlite_entities, sqlite_stories
from services.indexer.store.places import listed_at, place_at
from services.indexer.store.rows import article_row, standing_of, version_row
from services.indexer.store.rules import Decision, Standing, highest_number
from services.indexer.store.tallies import counted_by
from services.indexer.store.times import to_micros
from services.indexer.store.words import fold
from services.media_topics import media_topics

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from services.indexer.store.sqlite_totals import Pending

REPORTED = "SELECT document FROM outcomes WHERE drop_id = ? AND article_id = ?"

HELD = """
    SELECT seq, current, state, revision, numbered, moment, received_at, drop_id,
        content_hash, number
    FROM articles WHERE article_id = ?
"""

CONTENT = "SELECT document FROM versions WHERE seq = ?"

TWIN = """
    SELECT article_id FROM articles
    WHERE content_hash = ? AND state = 'live' AND article_id <> ?
"""

# Versions are numbered as they come, so the lowest is the first to have had this content.
FIRST_HIDDEN = """
    SELECT a.seq, v.document FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.content_hash = ? AND a.state = 'duplicate' ORDER BY a.current LIMIT 1
"""

_STANDING = (
    "revision",
    "numbered",
    "moment",
    "received_at",
    "drop_id",
    "content_hash",
    "number",
)

TAKEN = "SELECT 1 FROM articles WHERE place = ?"

LAST_ROWS = """
    SELECT (SELECT coalesce(max(seq), 0) FROM articles),
        (SELECT coalesce(max(seq), 0) FROM versions)
"""

LAST_CHANGE = "SELECT coalesce(max(change), 0) FROM articles"

LIVE_WITH = "SELECT 1 FROM articles WHERE content_hash = ? AND state = 'live'"


@dataclass(frozen=True, slots=True)
class Held:
    """The row of an article: its key, that of its current version, and where it stands."""

    seq: int
    current: int
    standing: Standing


def reported(db: sqlite3.Connection, drop_id: UUID, article_id: UUID) -> Outcome | None:
    """The outcome that was reported for this article of this drop."""
    row = db.execute(REPORTED, (str(drop_id), str(article_id))).fetchone()
    return None if row is None else Outcome.model_validate_json(row[0])


def report(db: sqlite3.Connection, outcome: Outcome) -> Outcome:
    """Keep ``outcome``; gives it back as it will be read again."""
    document = outcome.model_dump_json()
    db.execute(
        "INSERT INTO outcomes (drop_id, article_id, outcome, document, inbox_id, hour, source)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            str(outcome.drop.drop_id),
            str(outcome.article_id),
            outcome.outcome,
            document,
            *counted_by(outcome),
        ),
    )
    return Outcome.model_validate_json(document)


def held_row(db: sqlite3.Connection, article_id: UUID) -> Held | None:
    """The row of an article, None when the store doesn't know it."""
    row = db.execute(HELD, (str(article_id),)).fetchone()
    if row is None:
        return None
    names = ("state", *_STANDING)
    seq, current, *values = row
    return Held(seq, current, standing_of(dict(zip(names, values, strict=True))))


def content(db: sqlite3.Connection, held: Held) -> EnrichedArticle:
    """The current version of an article, as it was filed."""
    (document,) = db.execute(CONTENT, (held.current,)).fetchone()
    return EnrichedArticle.model_validate_json(document)


def twin(db: sqlite3.Connection, article: EnrichedArticle) -> UUID | None:
    """Another article that is live with the same content."""
    row = db.execute(TWIN, (article.content_hash, str(article.article_id))).fetchone()
    return None if row is None else UUID(row[0])


def keep(
    db: sqlite3.Connection,
    pending: Pending,
    article: EnrichedArticle,
    held: Held | None,
    decision: Decision,
    filed_at: datetime,
) -> None:
    """Make ``article`` the current version of its id, in the state that was decided."""
    was_live = held is not None and held.standing.state == "live"
    if held is not None and was_live:
        # While the row still points to the old text: the index is told what to forget.
        _hide(db, pending, held.seq)
    seq = _write(db, article, held, decision, to_micros(filed_at))
    if decision.state == "live":
        _show(db, pending, seq, article)
    if held is not None and was_live:
        _let_next_in(db, pending, held.standing.content_hash, to_micros(filed_at))


def _write(
    db: sqlite3.Connection,
    article: EnrichedArticle,
    held: Held | None,
    decision: Decision,
    filed_at: int,
) -> int:
    """Write the article's row and that of its version; gives back the article's key."""
    standing = None if held is None else held.standing
    row = article_row(article, decision, filed_at)
    row |= {
        "number": highest_number(article, standing),
        "story": sqlite_stories.root(db, article.story),
    }
    if held is None:
        return _write_new(db, article, row)
    kept = held.standing.content_hash == article.content_hash
    version = version_row(article, held.seq, filed_at)
    if kept:
        # The version is the content; what came with it may be newer, its first filing isn't.
        del version["filed_at"]
        _update(db, "versions", held.current, version)
    else:
        row["current"] = _insert(db, "versions", version)
    if not kept or held.standing.state != decision.state or decision.renewed:
        row["change"] = _next_change(db)
    if decision.outcome == "unchanged" or decision.renewed:
        del row["filed_at"]
    _update(db, "articles", held.seq, row)
    return held.seq


def _write_new(db: sqlite3.Connection, article: EnrichedArticle, row: dict[str, Any]) -> int:
    """Write the row of an article that the store doesn't know, and its version's."""
    last_row, some_version = db.execute(LAST_ROWS).fetchone()
    seq = int(last_row) + 1
    row |= {
        "seq": seq,
        "place": _free_place(db, article, seq),
        "change": _next_change(db),
        # Until its own is there: while any row has no version, SQLite goes through all articles
        # for each new version, to see whether it is the missing one.
        "current": some_version,
    }
    _insert(db, "articles", row)
    current = _insert(db, "versions", version_row(article, seq, row["filed_at"]))
    _update(db, "articles", seq, {"current": current})
    return seq


def _free_place(db: sqlite3.Connection, article: EnrichedArticle, seq: int) -> int:
    place = place_at(listed_at(article), seq)
    while db.execute(TAKEN, (place,)).fetchone() is not None:
        place += 1
    return place


def _next_change(db: sqlite3.Connection) -> int:
    return int(db.execute(LAST_CHANGE).fetchone()[0]) + 1


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    marks = ", ".join("?" * len(row))
    cursor = db.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608  (names are ours)
        tuple(row.values()),
    )
    return int(cursor.lastrowid or 0)


def _update(db: sqlite3.Connection, table: str, seq: int, row: dict[str, Any]) -> None:
    settings = ", ".join(f"{name} = ?" for name in row)
    db.execute(
        f"UPDATE {table} SET {settings} WHERE seq = ?",  # noqa: S608  (names are ours)
        (*row.values(), seq),
    )


def _show(db: sqlite3.Connection, pending: Pending, seq: int, article: EnrichedArticle) -> None:
    """Let searches find a live article."""
    (place,) = db.execute("SELECT place FROM articles WHERE seq = ?", (seq,)).fetchone()
    roots = sqlite_entities.roots(db, [entity.key for entity in article.entities])
    db.executemany(
        "INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (seq, n, e.key, e.name, e.type, len(e.mentions), fold(held), fold(e.name), place)
            for n, e in enumerate(article.entities)
            for held in (roots.get(e.key, e.key),)
        ],
    )
    db.executemany(
        "INSERT INTO topics VALUES (?, ?, ?, ?, ?)",
        [(seq, n, t.code, t.name, t.score) for n, t in enumerate(article.topics)],
    )
    db.executemany(
        "INSERT INTO lineage VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (seq, n, place, code, name, fold(code), fold(name))
            for n, (code, name) in enumerate(_lineage(article).items())
        ],
    )
    pending.show(seq, article)


def _lineage(article: EnrichedArticle) -> dict[str, str]:
    """The topics of an article and those above them: names by codes."""
    tree = media_topics()
    found: dict[str, str] = {}
    for topic in article.topics:
        found[topic.code] = topic.name
        for broader in tree.lineage(topic.code):
            found.setdefault(broader, tree.name(broader) or broader)
    return found


def _hide(db: sqlite3.Connection, pending: Pending, seq: int) -> None:
    """Let searches no longer find a live article; its row and document must still be the old."""
    pending.hide(seq)
    for table in ("entities", "topics", "lineage"):
        db.execute(f"DELETE FROM {table} WHERE article = ?", (seq,))  # noqa: S608  (names are ours)


def _let_next_in(
    db: sqlite3.Connection, pending: Pending, content_hash: str, filed_at: int
) -> None:
    """Where nobody is live with this content any more, make its first duplicate live."""
    if db.execute(LIVE_WITH, (content_hash,)).fetchone() is not None:
        return
    row = db.execute(FIRST_HIDDEN, (content_hash,)).fetchone()
    if row is None:
        return
    seq, document = row
    values = {"state": "live", "filed_at": filed_at, "change": _next_change(db)}
    _update(db, "articles", seq, values)
    _show(db, pending, seq, EnrichedArticle.model_validate_json(document))
