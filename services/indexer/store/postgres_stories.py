"""Which stories turned out to be one, in a PostgreSQL store; within an open transaction.

See :mod:`services.indexer.store.sqlite_stories` for the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store.sqlite_stories import root_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from schemas.annotations import StoryRef
    from services.indexer.store.postgres_pool import Connection

_SAY = """
    INSERT INTO story_merges (gone, kept) SELECT * FROM unnest(%s::text[], %s::text[])
    ON CONFLICT DO NOTHING RETURNING kept
"""

_HANGS_TOGETHER = """
    WITH RECURSIVE
        said (story) AS (SELECT unnest(%s::text[]) COLLATE "C"),
        same (start, story) AS (
            SELECT story, story FROM said
            UNION SELECT s.start, m.other FROM same AS s JOIN LATERAL (
                SELECT kept AS other FROM story_merges WHERE gone = s.story
                UNION ALL SELECT gone FROM story_merges WHERE kept = s.story
            ) AS m ON true
        )
    SELECT start, story, EXISTS (SELECT 1 FROM story_merges AS m WHERE m.gone = same.story)
    FROM same
"""

_ROOTS = "SELECT story, root FROM stories WHERE story = ANY(%s)"

_SET_ROOTS = """
    INSERT INTO stories (story, root) SELECT * FROM unnest(%s::text[], %s::text[])
    ON CONFLICT (story) DO UPDATE SET root = excluded.root
"""

_REKEY = """
    UPDATE articles AS a SET story = n.root
    FROM unnest(%s::text[], %s::text[]) AS n (story, root)
    WHERE a.story = n.story AND n.story <> n.root
"""

_UNCOUNT = "DELETE FROM story_totals WHERE story = ANY(%s)"

_RECOUNT = """
    INSERT INTO story_totals (story, articles, first_place, last_place)
    SELECT story, count(*), min(place), max(place) FROM articles
    WHERE story = ANY(%s) AND state = 'live' GROUP BY story
"""


def roots(db: Connection, stories: Iterable[StoryRef | None]) -> dict[str, str]:
    """Of ``stories`` those that take part in merges, each with the id that it has now."""
    named = list({str(story.id) for story in stories if story is not None})
    return dict(db.execute(_ROOTS, (named,)).fetchall()) if named else {}


def join(db: Connection, stories: Iterable[StoryRef | None]) -> None:
    """Take in what articles say about their stories; articles on a gone one are on the other."""
    said = {
        (str(gone), str(story.id))
        for story in stories
        if story is not None
        for gone in story.merged
        if gone != story.id
    }
    if not said:
        return
    columns = [list(column) for column in zip(*sorted(said), strict=True)]
    new = {str(row[0]) for row in db.execute(_SAY, columns)}
    groups: dict[str, list[tuple[str, bool]]] = {}
    for start, story, gone in db.execute(_HANGS_TOGETHER, (list(new),)) if new else ():
        groups.setdefault(start, []).append((story, gone))
    moved = {member: root_of(group) for group in groups.values() for member, _ in group}
    if moved:
        values = list(moved), list(moved.values())
        db.execute(_SET_ROOTS, values)
        db.execute(_REKEY, values)
        recount(db, moved.keys() | set(moved.values()))


def recount(db: Connection, stories: Collection[str]) -> None:
    """Count the articles of ``stories`` anew."""
    if stories:
        named = sorted(stories)
        db.execute(_UNCOUNT, (named,))
        db.execute(_RECOUNT, (named,))
