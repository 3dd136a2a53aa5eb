"""Both stores with the same invented articles, for the benches; and what is asked of them.

WIREDESK_BENCH_ARTICLES says how many (100,000 unless it does).  WIREDESK_TEST_POSTGRES_URL names
another server than the tests' own, which waits for the disk here, as a real one does.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg

from services.indexer.store.base import Query
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.sqlite import SqliteStore
from tests import postgres
from tests.bench.generator import Newsroom
from tests.bench.store_tape import PostgresTape, SqliteTape
from tests.bench.world import key_of, names, time_of, topic_codes, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore
    from tests.bench.store_tape import Tape

ARTICLES = int(os.environ.get("WIREDESK_BENCH_ARTICLES", "100000"))
BATCH = 100
"""Articles of one transaction: the indexer's own default."""

COMPARED = min(5000, ARTICLES // 2)
"""Articles at the start that the bare driver inserts, too."""

RARE, MEDIUM, FREQUENT = 20_000, 1200, 12
"""Ranks of words: in some ten of 100,000 articles, some hundreds, most."""


@dataclass
class Shelf:
    """One store, and the seconds that each of its batches took."""

    name: str
    store: ArticleStore
    environ: dict[str, str]
    seconds: list[float] = field(default_factory=list)
    bare_seconds: list[float] = field(default_factory=list)

    def file(self, batch: Sequence[EnrichedArticle]) -> None:
        """File a batch, and note how long it took."""
        started = time.perf_counter()
        self.store.file(batch)
        self.seconds.append(time.perf_counter() - started)

    def compare(self, batch: Sequence[EnrichedArticle], tape: Tape) -> None:
        """Let the bare driver insert the same."""
        steps = tape.record(batch)
        started = time.perf_counter()
        tape.replay(steps)
        self.bare_seconds.append(time.perf_counter() - started)

    def rate(self, first: int, last: int) -> float:
        """Articles a second of the batches in between."""
        part = self.seconds[first:last]
        return len(part) * BATCH / sum(part)


@contextmanager
def shelves(folder: Path) -> Iterator[list[Shelf]]:
    """Both stores with all articles, filed in turns."""
    with server() as url:
        databases = [_database(url, name) for name in ("shelf", "recorded", "bare")]
        place = folder / "store.sqlite3"
        with SqliteStore(place) as sqlite, PostgresStore(databases[0]) as server_store:
            made = [
                Shelf("SQLite", sqlite, {"WIREDESK_STORE_PATH": str(place)}),
                Shelf("PostgreSQL", server_store, {"WIREDESK_STORE_URL": databases[0]}),
            ]
            tapes: list[Tape] = [SqliteTape(folder), PostgresTape(*databases[1:])]
            _fill(made, tapes)
            with psycopg.connect(databases[0], autocommit=True) as connection:
                # As autovacuum does within a minute; the tests' server has none.
                connection.execute("VACUUM ANALYZE")
            yield made


def _fill(made: list[Shelf], tapes: list[Tape]) -> None:
    room = Newsroom(ARTICLES)
    for start in range(0, ARTICLES, BATCH):
        batch = list(room.articles(start, min(start + BATCH, ARTICLES)))
        for shelf, tape in zip(made, tapes, strict=True):
            shelf.file(batch)
            if start < COMPARED:
                shelf.compare(batch, tape)
    for tape in tapes:
        tape.close()


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server that waits for the disk, or the one that was named."""
    given = os.environ.get("WIREDESK_TEST_POSTGRES_URL")
    if given:
        yield given
    else:
        with postgres.BundledPostgres(durable=True) as bundled:
            yield bundled.url


def _database(url: str, name: str) -> str:
    """A new database for the benches, in the place of an earlier one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS wiredesk_bench_{name}")
        connection.execute(f"CREATE DATABASE wiredesk_bench_{name} TEMPLATE template0")
    return postgres.renamed(url, f"wiredesk_bench_{name}")


# --- what is asked -------------------------------------------------------------------------------


def word(rank: int) -> str:
    """An English word of about that rank."""
    return vocabulary("en")[rank]


def phrase(number: int) -> str:
    """Two words that stand beside each other in some article, neither of the most frequent."""
    article = Newsroom(ARTICLES).article(number * 37 % ARTICLES)
    words = article.text.split("\n\n")[1].replace(".", "").split()
    pairs = [pair for pair in pairwise(words) if min(map(len, pair)) > 4]
    return '"{} {}"'.format(*(pairs or [(words[0], words[1])])[0])


def day(number: int) -> Query:
    """Articles of one week."""
    since = time_of((number * 13 % 95) / 100)
    return Query(since=since, until=since + timedelta(days=7))


QUERIES: dict[str, Callable[[int], Query]] = {
    "rare word": lambda n: Query(words=word(RARE + n)),
    "medium word": lambda n: Query(words=word(MEDIUM + n)),
    "frequent word": lambda n: Query(words=word(FREQUENT + n % 40)),
    "frequent word, newest": lambda n: Query(words=word(FREQUENT + n % 40), order="newest"),
    "two medium words": lambda n: Query(words=f"{word(MEDIUM + n)} {word(MEDIUM + 2 * n + 9)}"),
    "medium OR rare": lambda n: Query(words=f"{word(MEDIUM + n)} OR {word(RARE + n)}"),
    "frequent NOT medium": lambda n: Query(words=f"{word(FREQUENT + n % 40)} -{word(MEDIUM + n)}"),
    "phrase": lambda n: Query(words=phrase(n)),
    "prefix": lambda n: Query(words=f"{word(MEDIUM + n)[:6]}*"),
    "short prefix": lambda n: Query(words=f"{word(MEDIUM + n)[:3]}*"),
    "word, topic, language": lambda n: Query(
        words=word(MEDIUM + n), topic=topic_codes()[n % 20], language="en"
    ),
    "frequent word, week": lambda n: Query(
        words=word(FREQUENT + n % 40), since=day(n).since, until=day(n).until
    ),
    "newest": lambda _: Query(),
    "entity": lambda n: Query(entity=key_of("PERSON", n % 50)),
    "entity by name": lambda n: Query(entity=names("ORG")[n % 400]),
    "topic": lambda n: Query(topic=topic_codes()[n % 60]),
    "source and language": lambda n: Query(source=f"source {n % 40:02}", language="fr"),
    "entity and topic": lambda n: Query(entity=key_of("GPE", n % 20), topic=topic_codes()[n % 10]),
    "week": day,
}
"""Searches by what they are; the number makes each a little different."""
