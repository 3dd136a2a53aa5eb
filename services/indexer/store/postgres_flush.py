"""What a batch made of a PostgreSQL store, written: new rows by COPY, changed ones in a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from services.indexer.store import postgres_partitions
from services.indexer.store.postgres_words import vectors
from services.indexer.store.rows import body_start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.article import EnrichedArticle
    from services.indexer.store.postgres_batch import Held, Work
    from services.indexer.store.postgres_pool import Connection

# Content is found once, and the database holds it row by row: those that leave some content to
# another article of the batch let go of it before that one takes it.
_LET_GO = "UPDATE articles SET state = 'duplicate' WHERE seq = ANY(%s)"

_FORGET = tuple(
    sql.SQL("DELETE FROM {} WHERE place = ANY(%s)").format(sql.Identifier(table))
    for table in ("found_by_words", "found_in_parts")
)


def write(db: Connection, work: Work) -> None:
    """Write everything within the open transaction."""
    touched = [held for held in work.held.values() if held.touched]
    postgres_partitions.ensure(db, {held.row["place"] for held in touched})
    _write_articles(db, touched)
    _write_versions(db, work)
    _hide(db, [held for held in touched if held.shown])
    _show(db, [held for held in touched if held.row["state"] == "live"])
    copy(
        db,
        "outcomes",
        [
            {
                "seq": seq,
                "drop_id": str(outcome.drop.drop_id),
                "article_id": str(outcome.article_id),
                "outcome": outcome.outcome,
                "document": document,
            }
            for seq, outcome, document in work.outcomes
        ],
    )


def _write_articles(db: Connection, touched: Sequence[Held]) -> None:
    known = [held for held in touched if held.was is not None]
    leaving = {held.was["content_hash"]: held for held in known if held.shown and held.was}
    let_go = [
        leaving[held.row["content_hash"]].row["seq"]
        for held in touched
        if held.row["state"] == "live" and leaving.get(held.row["content_hash"], held) is not held
    ]
    if let_go:
        db.execute(_LET_GO, (let_go,))
    update(db, "articles", ("seq",), [held.row for held in known])
    copy(db, "articles", [held.row for held in touched if held.was is None])


def _write_versions(db: Connection, work: Work) -> None:
    for seq, version in work.versions.items():
        version["seq"] = seq
    copy(db, "versions", list(work.versions.values()))
    kept = [version | {"seq": seq} for seq, version in work.kept.items()]
    update(db, "versions", ("place", "seq"), kept)


def _hide(db: Connection, gone: Sequence[Held]) -> None:
    """Let searches no longer find what they found before the batch."""
    places = [held.row["place"] for held in gone]
    if places:
        for statement in _FORGET:
            db.execute(statement, (places,))


def _show(db: Connection, live: Sequence[Held]) -> None:
    """Let searches find what is live."""
    short: list[dict[str, Any]] = []
    long: list[dict[str, Any]] = []
    for held in live:
        ids = {"place": held.row["place"], "article": held.row["seq"]}
        parts = _words(held.content)
        if len(parts) == 1:
            short.append(ids | {"words": parts[0]})
        else:
            long += [ids | {"part": n, "words": part} for n, part in enumerate(parts)]
    copy(db, "found_by_words", short)
    copy(db, "found_in_parts", long)


def _words(article: EnrichedArticle | None) -> list[str]:
    assert article is not None
    return vectors(article.headline, article.text[body_start(article) :])


def copy(db: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``, which all have the same columns."""
    if not rows:
        return
    names = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with db.cursor() as cursor, cursor.copy(statement) as sink:
        for row in rows:
            sink.write_row([row[name] for name in names])


def update(
    db: Connection, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Change ``rows``, which all have the same columns, each found by its ``keys``."""
    if not rows:
        return
    equals = {
        name: sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
        for name in rows[0]
    }
    statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(equal for name, equal in equals.items() if name not in keys),
        sql.SQL(" AND ").join(equals[name] for name in keys),
    )
    # Sent in a pipeline, without waiting for each.
    with db.cursor() as cursor:
        cursor.executemany(statement, rows)
