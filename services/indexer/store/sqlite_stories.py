"""Which stories turned out to be one, in the SQLite store; within an open transaction.

An article may say that stories are the same as its own (``story.merged``).  What
articles say is kept as it is; stories that hang together by it are one.  Its id is
the one that nobody called gone; where articles contradict each other, and several or
none are left, the smallest of these.  So the result depends on what was said, and
never on the order in which it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.indexer.store.base import Story
from services.indexer.store.places import time_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from schemas.annotations import StoryRef

_SAY = "INSERT OR IGNORE INTO story_merges (gone, kept) VALUES (?, ?)"

_HANGS_TOGETHER = """
    WITH RECURSIVE same (story) AS (
        VALUES (?)
        UNION SELECT m.kept FROM same JOIN story_merges AS m ON m.gone = same.story
        UNION SELECT m.gone FROM same JOIN story_merges AS m ON m.kept = same.story
    )
    SELECT story, EXISTS (SELECT 1 FROM story_merges AS m WHERE m.gone = same.story) FROM same
"""

ROOT = "SELECT root FROM stories WHERE story = ?"

_SET_ROOT = """
    INSERT INTO stories (story, root) VALUES (:story, :root)
    ON CONFLICT (story) DO UPDATE SET root = excluded.root
"""

REKEY = "UPDATE articles SET story = :root WHERE story = :story AND story <> :root"


def root(db: sqlite3.Connection, story: StoryRef | None) -> str | None:
    """The id that the story of an article has now."""
    if story is None:
        return None
    row = db.execute(ROOT, (str(story.id),)).fetchone()
    return str(story.id) if row is None else str(row[0])


def join(db: sqlite3.Connection, story: StoryRef | None) -> list[str]:
    """Take in what an article says about its story; articles on a gone one are on the other.

    Gives back the stories of which articles may have come or gone.
    """
    if story is None or not story.merged:
        return []
    said = [(str(gone), str(story.id)) for gone in story.merged if gone != story.id]
    before = db.total_changes
    db.executemany(_SAY, said)
    if db.total_changes == before:
        return []
    members = db.execute(_HANGS_TOGETHER, (str(story.id),)).fetchall()
    end = root_of(members)
    rows = [{"story": member, "root": end} for member, _ in members]
    db.executemany(_SET_ROOT, rows)
    db.executemany(REKEY, rows)
    return [member for member, _ in members]


def root_of(members: Sequence[tuple[str, int]]) -> str:
    """Of ``members`` (with whether somebody called them gone) the one that all are."""
    left = [story for story, gone in members if not gone]
    return min(left or [story for story, _ in members])


SEVERAL = 2
"""Articles that make a story a list's: the index of these is the usual one."""

# --- Stories as lists show them ------------------------------------------------------------------

ONE = "SELECT story, articles, first_place, last_place FROM story_totals WHERE story = ?"

NEWEST = """
    SELECT story, articles, first_place, last_place FROM story_totals INDEXED BY {index}
    WHERE articles >= :articles AND {several} AND last_place < 9223372036854775807
    ORDER BY last_place DESC, story LIMIT :limit
"""

HEADLINE = """
    SELECT v.headline FROM articles AS a JOIN versions AS v ON v.seq = a.current WHERE a.place = ?
"""

SOURCES = """
    SELECT count(DISTINCT source_folded) FROM articles INDEXED BY live_story
    WHERE state = 'live' AND story = ? AND source_folded <> ''
"""


def find(db: sqlite3.Connection, story: str) -> Story | None:
    """A story by its id, also by one that is gone."""
    held = db.execute(ROOT, (story,)).fetchone()
    row = db.execute(ONE, (story if held is None else held[0],)).fetchone()
    return None if row is None else _story(db, *row)


def newest(db: sqlite3.Connection, limit: int, articles: int) -> list[Story]:
    """Stories of at least so many articles, those with the newest article first."""
    values = {"articles": articles, "limit": max(0, limit)}
    rows = db.execute(newest_first(articles), values).fetchall()
    return [_story(db, *row) for row in rows]


def newest_first(articles: int) -> str:
    """The SQL for :func:`newest`."""
    if articles < SEVERAL:
        return NEWEST.format(index="story_totals_newest", several="TRUE")
    return NEWEST.format(index="story_totals_several", several=f"articles >= {SEVERAL}")


def _story(db: sqlite3.Connection, story: str, articles: int, first: int, last: int) -> Story:
    (headline,) = db.execute(HEADLINE, (first,)).fetchone()
    (sources,) = db.execute(SOURCES, (story,)).fetchone()
    return Story(UUID(story), articles, time_of(first), time_of(last), headline, sources)
