"""Everything in a SQLite store into an empty PostgreSQL store: whole, or not at all.

One transaction writes it, and commits only when both sides have the same rows: whatever kills
it leaves an empty store behind.  While it runs, nobody can write to the SQLite store.  Numbers
of rows, places and positions of changes are kept, so that cursors go on where they were.

What is derived from articles (words, entities, topics, totals) is made anew from their
documents, and compared as well.  Rows pass by in batches, so memory is bounded.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg import sql
from psycopg.rows import dict_row

from schemas.article import EnrichedArticle
from services.bus.errors import StopWorking
from services.indexer.store import postgres_derived, postgres_entities, postgres_partitions
from services.indexer.store.places import BITS
from services.indexer.store.postgres_copy import copy_rows
from services.indexer.store.postgres_migrate import prepare
from services.indexer.store.postgres_pool import Connections
from services.indexer.store.postgres_recount import tell_words
from services.indexer.store.snippets import SCANNED_CHARS
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_errors import named_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from services.indexer.store.postgres_pool import Connection

Progress: TypeAlias = "Callable[[str, int, int], None]"
"""Told the table, rows done, and rows in all."""

AT_ONCE = 200
"""Articles that are derived together: their documents, some 30 kB each, are held in memory."""

TOLD_EVERY = 1000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is copied and compared of a table.

    ``folded``: columns that PostgreSQL cuts where they are too long for its indexes.
    """

    name: str
    columns: tuple[str, ...]
    folded: tuple[str, ...] = ()

    @property
    def select(self) -> str:
        """Its rows; the same statement on both sides."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608  (names are ours)

    def plain(self, row: Sequence[Any]) -> list[Any]:
        """A row as both sides can have it."""
        return [
            postgres_derived.folded(value) if name in self.folded and value is not None else value
            for name, value in zip(self.columns, row, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Compared:
    """A table on both sides: how many rows, and the SHA-256 of all of them in order."""

    table: str
    rows: tuple[int, int]
    hashes: tuple[str, str]

    @property
    def equal(self) -> bool:
        """Whether both sides have the same."""
        return self.rows[0] == self.rows[1] and self.hashes[0] == self.hashes[1]


class Differs(Exception):  # noqa: N818  (named for what was found)
    """The copy isn't the same as what was copied; nothing was kept of it."""

    def __init__(self, tables: Sequence[Compared]) -> None:
        super().__init__(", ".join(table.table for table in tables if not table.equal))
        self.tables = tables


def _silent(_table: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _table(name: str, columns: str, folded: str = "") -> Table:
    return Table(name, tuple(columns.split()), tuple(folded.split()))


COPIED = (
    _table(
        "articles",
        "seq article_id place state current change revision numbered moment number received_at "
        "drop_id content_hash published_at filed_at source source_folded story copy_of language",
        "language source_folded",
    ),
    _table("outcomes", "seq drop_id article_id outcome document inbox_id hour source"),
    _table("story_merges", "gone kept"),
    _table("stories", "story root"),
    _table(
        "aliases",
        "key target root name by_name at key_folded name_folded root_folded",
        "key_folded name_folded root_folded",
    ),
    _table(
        "targets",
        "key name type wikidata geonames iso_country key_folded name_folded",
        "key_folded name_folded",
    ),
    _table("changes", "seq change_id document published"),
    _table("registry", "kind name document"),
)
"""Copied row by row."""

VERSIONS = _table(
    "versions", "seq article revision received_at filed_at withdrawn headline body_start document"
)
"""Copied with the places of their articles, and the beginning of their texts."""

DERIVED = (
    _table(
        "entities",
        "article position place key name type mentions key_folded name_folded",
        "key_folded name_folded",
    ),
    _table("topics", "article position code name score"),
    # Counted by triggers of its own as outcomes are copied.
    _table("tally", "inbox_id hour source outcome articles"),
)
"""Made anew, and compared: what hangs on the vocabulary of topics may be newer than the store."""

_PLACED_VERSIONS = """
    SELECT v.seq, v.article, v.revision, v.received_at, v.filed_at, v.withdrawn, v.headline,
        v.body_start, v.document, a.place
    FROM articles AS a JOIN versions AS v ON v.article = a.seq ORDER BY a.place, v.seq
"""

_LIVE = """
    SELECT a.seq, a.place, a.state, a.language, a.source, a.source_folded, v.document
    FROM articles AS a JOIN versions AS v ON v.place = a.place AND v.seq = a.current
    WHERE a.state = 'live'
"""

_PLACES = "SELECT DISTINCT ((place >> 20) / 86400000) FROM articles"

_IN_USE = """
    SELECT EXISTS (SELECT 1 FROM articles) OR EXISTS (SELECT 1 FROM outcomes)
        OR EXISTS (SELECT 1 FROM registry) OR EXISTS (SELECT 1 FROM aliases)
        OR EXISTS (SELECT 1 FROM changes) OR EXISTS (SELECT 1 FROM story_merges)
"""

_COUNT_STORIES = """
    INSERT INTO story_totals (story, articles, first_place, last_place)
    SELECT story, count(*), min(place), max(place) FROM articles
    WHERE state = 'live' AND story IS NOT NULL GROUP BY story
"""

_GO_ON = "SELECT setval('versions_seq', (SELECT max(seq) FROM versions))"

_SUM = 1 << 256
"""Hashes of rows are added up modulo this: the order of the rows makes no difference."""


def copy_store(path: Path, url: str, progress: Progress = _silent) -> list[Compared]:
    """Copy the store in the file ``path`` into the empty database at ``url``.

    Raises ``Differs`` where both sides aren't the same at the end, ``Unavailable`` and
    ``StopWorking`` as opening a store does, and where the target isn't empty.
    """
    # Makes nothing, and brings an older store up to date.
    if not path.exists():
        raise StopWorking(f"no SQLite store at {path}; set WIREDESK_STORE_PATH")
    SqliteStore(path).close()
    connections = Connections(url, read_only=False)
    try:
        connections.open()
        prepare(connections, read_only=False)
        with _held(path) as source, connections.writing("indexer.store.copy") as target:
            return _copy(source, target, connections.place, progress)
    finally:
        connections.close()


@contextmanager
def _held(path: Path) -> Iterator[sqlite3.Connection]:
    """The SQLite store, which nobody can write to meanwhile."""
    with named_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("ROLLBACK")


def _copy(
    source: sqlite3.Connection, target: Connection, place: str, progress: Progress
) -> list[Compared]:
    row = target.execute(_IN_USE).fetchone()
    if row is not None and row[0]:
        raise StopWorking(f"Store {place} isn't empty. Name an empty database to copy into")
    _make_partitions(source, target)
    for table in COPIED:
        rows = (table.plain(each) for each in source.execute(table.select))
        told = _told(rows, table.name, _count(source, table), progress)
        copy_rows(target, table.name, table.columns, told)
    _copy_versions(source, target, progress)
    target.execute(_GO_ON)
    _derive(target, _count(source, COPIED[0]), progress)
    compared = [
        _compare(source, target, table, progress) for table in (*COPIED, VERSIONS, *DERIVED)
    ]
    if not all(each.equal for each in compared):
        raise Differs(compared)
    return compared


def _make_partitions(source: sqlite3.Connection, target: Connection) -> None:
    days = [int(row[0]) for row in source.execute(_PLACES)]
    postgres_partitions.ensure(target, [day * 86_400_000 << BITS for day in days])
    # Rounding towards 1970 may have left out the first day's month.
    lowest = source.execute("SELECT min(place) FROM articles").fetchone()[0]
    if lowest is not None:
        postgres_partitions.ensure(target, [lowest])


def _copy_versions(source: sqlite3.Connection, target: Connection, progress: Progress) -> None:
    rows = (
        [*row, _lead(row[VERSIONS.columns.index("body_start")], row[-2])]
        for row in source.execute(_PLACED_VERSIONS)
    )
    told = _told(rows, "versions", _count(source, VERSIONS), progress)
    copy_rows(target, "versions", [*VERSIONS.columns, "place", "lead"], told)


def _lead(body_start: int, document: str) -> str:
    text: str = json.loads(document)["text"]
    return text[body_start : body_start + SCANNED_CHARS + 1]


def _derive(target: Connection, articles: int, progress: Progress) -> None:
    """What searches need of every live article."""
    # A statistic of the new tables: without one the server reads them from end to end.
    target.execute("ANALYZE articles")
    target.execute("ANALYZE versions")
    done = 0
    with target.cursor(name="live", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        rows = cursor.execute(_LIVE)
        while batch := list(islice(rows, AT_ONCE)):
            live = [(row, EnrichedArticle.model_validate_json(row["document"])) for row in batch]
            keys = {entity.key for _, article in live for entity in article.entities}
            postgres_derived.change(target, [], live, postgres_entities.roots(target, keys))
            done += len(batch)
            progress("live articles", done, articles)
    target.execute(_COUNT_STORIES)
    tell_words(target)


def _compare(
    source: sqlite3.Connection, target: Connection, table: Table, progress: Progress
) -> Compared:
    total = _count(source, table)
    first = _told(source.execute(table.select), f"compare {table.name}", total, progress)
    with target.cursor(name="compare") as cursor:
        cursor.itersize = AT_ONCE
        ours = _hash(table, first)
        theirs = _hash(table, cursor.execute(sql.SQL(table.select)))
    return Compared(table.name, (ours[0], theirs[0]), (ours[1], theirs[1]))


def _hash(table: Table, rows: Iterable[Sequence[Any]]) -> tuple[int, str]:
    """How many rows, and the SHA-256 of all of them, whatever their order."""
    count = total = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007  (how many there were)
        line = json.dumps(table.plain(row), ensure_ascii=True).encode()
        total += int.from_bytes(hashlib.sha256(line).digest(), "big")
    return count, f"{total % _SUM:064x}"


def _count(source: sqlite3.Connection, table: Table) -> int:
    return int(source.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608  (names are ours)


def _told(
    rows: Iterable[Sequence[Any]], name: str, total: int, progress: Progress
) -> Iterator[Sequence[Any]]:
    """``rows`` as they are, with progress told on the way."""
    for done, row in enumerate(rows, start=1):
        yield row
        if done % TOLD_EVERY == 0 or done == total:
            progress(name, done, total)
