"""The SQLite store's writing half: each function runs within an open transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from schemas.article import EnrichedArticle
from schemas.events import Outcome
from services.indexer.store import sqlite_entities, sqlite_stories
from services.indexer.store.rules import (
    Decision,
    Standing,
    VersionKey,
    highest_number,
    version_key,
)
from services.indexer.store.times import from_micros, to_micros
from services.indexer.store.words import fold

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

REPORTED = "SELECT document FROM outcomes WHERE drop_id = ? AND article_id = ?"

HELD = """
    SELECT seq, current, state, revision, numbered, moment, received_at, drop_id, content_hash,
        number
    FROM articles WHERE article_id = ?
"""

TWIN = """
    SELECT article_id FROM articles
    WHERE content_hash = ? AND state = 'live' AND article_id <> ?
"""

# Versions are numbered as they come, so the lowest is the first to have had this content.
FIRST_HIDDEN = """
    SELECT a.seq, v.document FROM articles AS a JOIN versions AS v ON v.seq = a.current
    WHERE a.content_hash = ? AND a.state = 'duplicate' ORDER BY a.current LIMIT 1
"""


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
        "INSERT INTO outcomes (drop_id, article_id, outcome, document) VALUES (?, ?, ?, ?)",
        (str(outcome.drop.drop_id), str(outcome.article_id), outcome.outcome, document),
    )
    return Outcome.model_validate_json(document)


def held_row(db: sqlite3.Connection, article_id: UUID) -> Held | None:
    """The row of an article, None when the store doesn't know it."""
    row = db.execute(HELD, (str(article_id),)).fetchone()
    if row is None:
        return None
    seq, current, state, revision, numbered, moment, received_at, drop_id, digest, number = row
    key = VersionKey(
        numbered=bool(numbered),
        revision=revision,
        moment=moment,
        withdrawn=state == "withdrawn",
        received_at=from_micros(received_at),
        drop_id=drop_id,
    )
    return Held(seq, current, Standing(state, key, digest, number))


def twin(db: sqlite3.Connection, article: EnrichedArticle) -> UUID | None:
    """Another article that is live with the same content."""
    row = db.execute(TWIN, (article.content_hash, str(article.article_id))).fetchone()
    return None if row is None else UUID(row[0])


def place(
    db: sqlite3.Connection,
    article: EnrichedArticle,
    held: Held | None,
    decision: Decision,
    filed_at: datetime,
) -> None:
    """Make ``article`` the current version of its id, in the state that was decided."""
    was_live = held is not None and held.standing.state == "live"
    if held is not None and was_live:
        # While the row still points to the old text: the index is told what to forget.
        _hide(db, held.seq)
    seq = _keep(db, article, held, decision, to_micros(filed_at))
    if decision.state == "live":
        _show(db, seq, article)
    if held is not None and was_live:
        _let_next_in(db, held.standing.content_hash, to_micros(filed_at))


def _keep(
    db: sqlite3.Connection,
    article: EnrichedArticle,
    held: Held | None,
    decision: Decision,
    filed_at: int,
) -> int:
    """Write the article's row and that of its version; gives back the article's key."""
    number = highest_number(article, None if held is None else held.standing)
    row = _article_row(article, decision, filed_at)
    row |= {"number": number, "story": sqlite_stories.root(db, article.story)}
    seq = _insert(db, "articles", row | {"current": 0}) if held is None else held.seq
    if held is not None and held.standing.content_hash == article.content_hash:
        current = held.current
        version = _version_row(article, seq, filed_at)
        # The version is the content; what came with it may be newer, its first filing isn't.
        del version["filed_at"]
        _update(db, "versions", current, version)
    else:
        current = _insert(db, "versions", _version_row(article, seq, filed_at))
    row["current"] = current
    if decision.outcome == "unchanged":
        del row["filed_at"]
    _update(db, "articles", seq, row)
    return seq


def _article_row(
    article: EnrichedArticle, decision: Decision, filed_at: int
) -> dict[str, int | str | None]:
    published, received = article.published_at, article.drop.received_at
    copied = article.near_duplicate_of
    key = version_key(article)
    return {
        "article_id": str(article.article_id),
        "state": decision.state,
        "revision": key.revision,
        "numbered": int(key.numbered),
        "moment": key.moment,
        "received_at": to_micros(received),
        "drop_id": str(article.drop.drop_id),
        "content_hash": article.content_hash,
        "language": fold(article.detected_language.code),
        "published_at": None if published is None else to_micros(published),
        # A date in the future, as a mistake or to stay on top of the list, counts as now.
        "newest_at": to_micros(received if published is None else min(published, received)),
        "filed_at": filed_at,
        "copy_of": None if copied is None else str(copied.article_id),
    }


def _version_row(article: EnrichedArticle, seq: int, filed_at: int) -> dict[str, int | str | None]:
    return {
        "article": seq,
        "revision": article.revision,
        "received_at": to_micros(article.drop.received_at),
        "filed_at": filed_at,
        "withdrawn": int(article.status == "withdrawn"),
        "headline": article.headline,
        "body_start": _body_start(article),
        "document": article.model_dump_json(),
    }


def _body_start(article: EnrichedArticle) -> int:
    """Where the text goes on after the headline: a match there counts less."""
    rest = [section.start for section in article.sections if section.role != "headline"]
    start = min(rest) if rest else max((s.end for s in article.sections), default=0)
    return min(start, len(article.text))


def _insert(db: sqlite3.Connection, table: str, row: dict[str, int | str | None]) -> int:
    marks = ", ".join("?" * len(row))
    cursor = db.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608  (names are ours)
        tuple(row.values()),
    )
    return int(cursor.lastrowid or 0)


def _update(db: sqlite3.Connection, table: str, seq: int, row: dict[str, int | str | None]) -> None:
    settings = ", ".join(f"{name} = ?" for name in row)
    db.execute(
        f"UPDATE {table} SET {settings} WHERE seq = ?",  # noqa: S608  (names are ours)
        (*row.values(), seq),
    )


def _show(db: sqlite3.Connection, seq: int, article: EnrichedArticle) -> None:
    """Let searches find a live article."""
    db.execute(
        "INSERT INTO found_by_words (rowid, headline, body) "
        "SELECT seq, headline, body FROM searchable WHERE seq = ?",
        (seq,),
    )
    roots = sqlite_entities.roots(db, [entity.key for entity in article.entities])
    db.executemany(
        "INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (seq, n, e.key, e.name, e.type, len(e.mentions), fold(held), fold(e.name))
            for n, e in enumerate(article.entities)
            for held in (roots.get(e.key, e.key),)
        ],
    )
    db.executemany(
        "INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (seq, n, t.code, t.name, t.score, fold(t.code), fold(t.name))
            for n, t in enumerate(article.topics)
        ],
    )


def _hide(db: sqlite3.Connection, seq: int) -> None:
    """Let searches no longer find a live article; its row and document must still be the old."""
    db.execute(
        "INSERT INTO found_by_words (found_by_words, rowid, headline, body) "
        "SELECT 'delete', seq, headline, body FROM searchable WHERE seq = ?",
        (seq,),
    )
    db.execute("DELETE FROM entities WHERE article = ?", (seq,))
    db.execute("DELETE FROM topics WHERE article = ?", (seq,))


def _let_next_in(db: sqlite3.Connection, content_hash: str, filed_at: int) -> None:
    """Where nobody is live with this content any more, make its first duplicate live."""
    if db.execute(LIVE_WITH, (content_hash,)).fetchone() is not None:
        return
    row = db.execute(FIRST_HIDDEN, (content_hash,)).fetchone()
    if row is None:
        return
    seq, document = row
    _update(db, "articles", seq, {"state": "live", "filed_at": filed_at})
    _show(db, seq, EnrichedArticle.model_validate_json(document))
