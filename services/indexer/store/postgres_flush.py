"""What a batch made of a PostgreSQL store, written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.indexer.store import (
    postgres_derived,
    postgres_entities,
    postgres_partitions,
    postgres_stories,
)
from services.indexer.store.postgres_copy import copy, update
from services.indexer.store.tallies import counted_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.indexer.store.postgres_batch import Held, Work
    from services.indexer.store.postgres_pool import Connection

# Content is found once, and the database holds it row by row: those that leave some content to
# another article of the batch let go of it before that one takes it.
_LET_GO = "UPDATE articles SET state = 'duplicate' WHERE seq = ANY(%s)"


def write(db: Connection, work: Work) -> None:
    """Write everything within the open transaction."""
    touched = [held for held in work.held.values() if held.touched]
    postgres_partitions.ensure(db, {held.row["place"] for held in touched})
    _write_articles(db, touched)
    _write_versions(db, work)
    live = [
        (held.row, held.content)
        for held in touched
        if held.row["state"] == "live" and held.content is not None
    ]
    keys = {entity.key for _, article in live for entity in article.entities}
    gone = [held.was for held in touched if held.was is not None and held.shown]
    postgres_derived.change(db, gone, live, postgres_entities.roots(db, keys))
    rows = [row for held in touched for row in (held.was, held.row) if row is not None]
    postgres_stories.recount(db, {row["story"] for row in rows if row["story"] is not None})
    _write_outcomes(db, work)


def _write_articles(db: Connection, touched: Sequence[Held]) -> None:
    left = {held.was["content_hash"]: held for held in touched if held.was and held.shown}
    let_go = [
        left[content].row["seq"]
        for held in touched
        if held.row["state"] == "live"
        and left.get(content := held.row["content_hash"], held) is not held
    ]
    if let_go:
        db.execute(_LET_GO, (let_go,))
    update(db, "articles", ("seq",), [held.row for held in touched if held.was is not None])
    copy(db, "articles", [held.row for held in touched if held.was is None])


def _write_versions(db: Connection, work: Work) -> None:
    copy(db, "versions", [row | {"seq": seq} for seq, row in work.versions.items()])
    kept = [row | {"seq": seq} for seq, row in work.kept.items()]
    update(db, "versions", ("place", "seq"), kept)


def _write_outcomes(db: Connection, work: Work) -> None:
    rows = [
        {
            "seq": seq,
            "drop_id": str(outcome.drop.drop_id),
            "article_id": str(outcome.article_id),
            "outcome": outcome.outcome,
            "document": document,
            **dict(zip(("inbox_id", "hour", "source"), counted_by(outcome), strict=True)),
        }
        for seq, outcome, document in work.outcomes
    ]
    copy(db, "outcomes", rows)
