"""What a PostgreSQL store gives of single articles, changes, stories and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from schemas.article import EnrichedArticle
from schemas.events import Outcome
from services.indexer.store.aliases import keys_in, rekeyed
from services.indexer.store.base import Change, Record, Story, Version
from services.indexer.store.places import time_of
from services.indexer.store.postgres_entities import holding
from services.indexer.store.postgres_search import story_now
from services.indexer.store.times import from_micros

if TYPE_CHECKING:
    from services.indexer.store.postgres_pool import Connection

MAX_NUMBER = 2**53
"""No article has so many versions, and the server's numbers end at 2**63."""

_DOCUMENT = """
    SELECT v.document, a.story FROM articles AS a
    JOIN versions AS v ON v.place = a.place AND v.seq = a.current
    WHERE a.article_id = %s AND a.state <> 'withdrawn'
"""

_STANDING = """
    SELECT a.place, a.state, (
        SELECT b.article_id FROM articles AS b
        WHERE a.state = 'duplicate' AND b.state = 'live' AND b.content_hash = a.content_hash
    )
    FROM articles AS a WHERE a.article_id = %s
"""

_VERSIONS = """
    SELECT revision, received_at, filed_at, withdrawn, headline
    FROM versions WHERE place = %s ORDER BY seq
"""

_VERSION = "SELECT document FROM versions WHERE place = %s ORDER BY seq LIMIT 1 OFFSET %s"

_RESOLVE = """
    SELECT article_id FROM articles WHERE article_id >= %s AND article_id < %s
    ORDER BY article_id LIMIT %s
"""

_REPORTED = "SELECT document FROM outcomes WHERE drop_id = %s AND article_id = %s"

_OUTCOMES = "SELECT seq, document FROM outcomes WHERE seq > %s ORDER BY seq LIMIT %s"

_CHANGES = """
    SELECT change, article_id, state, revision, filed_at FROM articles
    WHERE change > %s ORDER BY change LIMIT %s
"""

_STORY = """
    SELECT t.story, t.articles, t.first_place, t.last_place, v.headline, (
        SELECT count(DISTINCT b.source_folded) FROM articles AS b
        WHERE b.story = t.story AND b.state = 'live' AND b.source_folded <> ''
    )
    FROM story_totals AS t JOIN articles AS a ON a.place = t.first_place
    JOIN versions AS v ON v.place = a.place AND v.seq = a.current
    WHERE t.story = ANY(%s)
    ORDER BY t.last_place DESC
"""

_NEWEST_STORIES = """
    SELECT story FROM story_totals WHERE articles >= %s ORDER BY last_place DESC LIMIT %s
"""

_ID_CHARS = frozenset("0123456789abcdef-")


def article(db: Connection, article_id: UUID) -> EnrichedArticle | None:
    """The current version of an article, with the keys and the story that hold now."""
    row = db.execute(_DOCUMENT, (str(article_id),)).fetchone()
    if row is None:
        return None
    document, story = row
    found = EnrichedArticle.model_validate_json(document)
    shown = rekeyed(found, holding(db, keys_in(found)))
    if shown.story is None or story is None or str(shown.story.id) == story:
        return shown
    moved = shown.story.model_copy(update={"id": UUID(story)})
    return shown.model_copy(update={"story": moved})


def record(db: Connection, article_id: UUID) -> Record | None:
    """Where an article stands and its versions, withdrawn ones too; None when unknown."""
    row = db.execute(_STANDING, (str(article_id),)).fetchone()
    if row is None:
        return None
    place, state, twin = row
    versions = [
        Version(
            number=number,
            revision=revision,
            received_at=from_micros(received_at),
            filed_at=from_micros(filed_at),
            withdrawn=bool(withdrawn),
            headline=headline,
        )
        for number, (revision, received_at, filed_at, withdrawn, headline) in enumerate(
            db.execute(_VERSIONS, (place,)), start=1
        )
    ]
    return Record(article_id, state, None if twin is None else UUID(twin), tuple(versions))


def version(db: Connection, article_id: UUID, number: int) -> EnrichedArticle | None:
    """A version as it was filed; None where there is none, and of withdrawn articles."""
    row = db.execute(_STANDING, (str(article_id),)).fetchone()
    if row is None or row[1] == "withdrawn" or not 0 < number <= MAX_NUMBER:
        return None
    found = db.execute(_VERSION, (row[0], number - 1)).fetchone()
    return None if found is None else EnrichedArticle.model_validate_json(found[0])


def resolve(db: Connection, prefix: str, limit: int) -> list[UUID]:
    """Ids that start with ``prefix``, in id order."""
    start = prefix.strip().lower()
    if not _ID_CHARS.issuperset(start):
        return []
    # "g" sorts after every hexadecimal digit and the hyphen.
    rows = db.execute(_RESOLVE, (start, start + "g", max(0, limit)))
    return [UUID(row[0]) for row in rows]


def reported(db: Connection, drop_id: UUID, article_id: UUID) -> Outcome | None:
    """The outcome that was reported for this article of this drop."""
    row = db.execute(_REPORTED, (str(drop_id), str(article_id))).fetchone()
    return None if row is None else Outcome.model_validate_json(row[0])


def outcomes(db: Connection, after: int, limit: int) -> list[tuple[int, str]]:
    """Numbers and documents of the outcomes behind a number."""
    return [(int(seq), str(text)) for seq, text in db.execute(_OUTCOMES, (after, limit))]


def changes(db: Connection, after: int, limit: int) -> list[Change]:
    """Changes behind a position, oldest first."""
    return [
        Change(position, UUID(name), state, revision, from_micros(filed_at))
        for position, name, state, revision, filed_at in db.execute(
            _CHANGES, (after, max(0, limit))
        )
    ]


def story(db: Connection, story_id: UUID) -> Story | None:
    """A story by its id, also by one that is gone; None where no article is in it."""
    return next(iter(_stories(db, [story_now(db, story_id)])), None)


def stories(db: Connection, limit: int, articles: int) -> list[Story]:
    """Stories of at least so many articles, those with the newest article first."""
    newest = [row[0] for row in db.execute(_NEWEST_STORIES, (articles, max(0, limit)))]
    return _stories(db, newest)


def _stories(db: Connection, ids: list[str]) -> list[Story]:
    return [
        Story(UUID(name), articles, time_of(first), time_of(last), headline, sources)
        for name, articles, first, last, headline, sources in db.execute(_STORY, (ids,))
    ]
