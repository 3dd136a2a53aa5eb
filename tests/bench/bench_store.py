"""How fast 100,000 articles are filed and found, in how much memory, and that nothing scans.

Write rates are given against the bare driver that does the same inserts (store_tape.py);
times of reading are those of single calls, one after the other, each a little different.
``WIREDESK_BENCH_ARTICLES=5000 make bench`` is a shorter look.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from services.indexer.store.base import FacetName, Position, Query
from services.indexer.store.opening import open_store
from services.indexer.store.sqlite import SqliteStore
from services.settings import Settings
from tests.bench.generator import Newsroom
from tests.bench.measure import record, resident_mib, seconds_of, shown_mib, tell
from tests.bench.shelves import (
    ARTICLES,
    BATCH,
    COMPARED,
    QUERIES,
    Shelf,
    shelves,
)
from tests.bench.world import key_of, names
from tests.indexer.test_postgres_store import explained, scanned
from tests.indexer.test_sqlite_plans import scans, statements, steps
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.indexer.store.base import ArticleStore

# Filing 100,000 articles in two stores, twice as long on a busy machine as on a quiet one.
pytestmark = pytest.mark.timeout(3600)

CALLS = 200
"""Of each kind; with fewer a p99 would be the slowest."""

REQUESTS = 100
"""Of each kind over HTTP."""

FACETS: tuple[FacetName, ...] = ("topic", "entity", "source", "language", "day")
DEEP = 20_000
"""Articles before a deep page."""

ROOT = Path(__file__).parents[2]
FILED_BY_ONE = 5000
"""Articles that a process files whose memory is measured."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shelf]]:
    """Both stores, full."""
    with shelves(tmp_path_factory.mktemp("shelves")) as made:
        yield made


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in ms."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}


def shown(figures: dict[str, float]) -> str:
    """Such percentiles for people, in ms."""
    return f"{figures['p50_ms']:.1f} / {figures['p99_ms']:.1f}"


def table(figures: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """A line for each kind, a column for each store."""
    stores = list(figures)
    kinds = list(figures[stores[0]])
    head = "".join(f"{name:>18}" for name in stores)
    return [
        f"{'p50 / p99 in ms':<26}{head}",
        *(
            f"{kind:<26}" + "".join(f"{shown(figures[name][kind]):>18}" for name in stores)
            for kind in kinds
        ),
    ]


def timed(call: Callable[[int], object], calls: int = CALLS) -> dict[str, float]:
    """How long a call takes that is made with 1, 2, 3, …; the first one warms up."""
    call(0)
    return percentiles([seconds_of(partial(call, n)) for n in range(1, calls + 1)])


def test_filing(filled: list[Shelf]) -> None:
    lines: list[str] = []
    figures: dict[str, dict[str, Any]] = {}
    compared, tenth = COMPARED // BATCH, max(1, ARTICLES // BATCH // 10)
    for shelf in filled:
        ratios = [a / b for a, b in zip(shelf.bare_seconds, shelf.seconds, strict=False)]
        bare = len(shelf.bare_seconds) * BATCH / sum(shelf.bare_seconds)
        made: dict[str, Any] = {
            "first_a_second": shelf.rate(0, compared),
            "last_a_second": shelf.rate(-tenth, ARTICLES),
            "bare_a_second": bare,
            "store / bare driver": statistics.median(ratios),
            "batch": percentiles(shelf.seconds[-10 * tenth :]),
            "megabytes": size(shelf) / 1e6,
        }
        figures[shelf.name] = made
        lines += [
            f"{shelf.name}",
            f"  first {COMPARED:,}: {made['first_a_second']:,.0f} a second",
            f"  bare driver with the same inserts: {bare:,.0f} a second",
            f"  store / bare driver: {made['store / bare driver']:.2f}",
            f"  last {tenth * BATCH:,}: {made['last_a_second']:,.0f} a second",
            f"  a batch: {shown(made['batch'])} ms",
            f"  on the disk: {made['megabytes']:,.0f} MB",
        ]
    tell(f"Filing {ARTICLES:,} articles in batches of {BATCH}", lines)
    record("store filing", figures)
    assert filled[0].store.count() == filled[1].store.count()


def size(shelf: Shelf) -> int:
    """Bytes on the disk."""
    if isinstance(shelf.store, SqliteStore):
        return shelf.store.path.stat().st_size
    with shelf.store._connections.reading() as db:  # type: ignore[attr-defined]  # the other one
        return int(db.execute("SELECT pg_database_size(current_database())").fetchone()[0])


def reads(store: ArticleStore) -> dict[str, Callable[[int], object]]:
    """Everything that is timed, by its name."""
    deep = position(store, Query(), DEEP)
    deep_words = position(store, QUERIES["frequent word, newest"](0), DEEP // 4)
    newest = store.page(Query(limit=1000)).hits
    stories = store.stories(100)
    found: dict[str, Callable[[int], object]] = {
        name: partial(_page, store, [make(n) for n in range(CALLS + 1)])
        for name, make in QUERIES.items()
    }
    words = QUERIES["medium word"], QUERIES["frequent word, newest"]
    return found | {
        "first page of 100": lambda _: store.page(Query(limit=100)),
        "deep page of 100": lambda _: store.page(Query(limit=100), deep),
        "deep page, frequent word": lambda _: store.page(words[1](0), deep_words),
        "facets of everything": lambda _: store.facets(Query(), FACETS),
        "facets, medium word": lambda n: store.facets(words[0](n), FACETS),
        "facets, frequent word": lambda n: store.facets(words[1](n), FACETS),
        "facets, topic": lambda n: store.facets(QUERIES["topic"](n), FACETS),
        "suggest": lambda n: store.suggest_entities(names("PERSON")[n][:3]),
        "co-mentions": lambda n: store.co_mentions(key_of("PERSON", n % 50)),
        "timeline": lambda n: store.timeline(key_of("GPE", n % 50)),
        "entity": lambda n: store.entity(key_of("ORG", n % 50)),
        "article": lambda n: store.get(newest[n].article_id),
        "story": lambda n: store.story(stories[n % len(stories)].story_id),
        "stories": lambda _: store.stories(50),
        "topics": lambda _: store.topic_counts(),
        "changes": lambda n: store.changes(n * (ARTICLES // 300), 100),
    }


def _page(store: ArticleStore, queries: Sequence[Query], number: int) -> object:
    """A search that was made ready before."""
    return store.page(queries[number])


def position(store: ArticleStore, query: Query, behind: int) -> Position | None:
    """Where the page ends that has the ``behind``-th article."""
    after: Position | None = None
    for _ in range(max(1, min(behind, ARTICLES // 2) // 1000)):
        page = store.page(Query(words=query.words, order="newest", limit=1000), after)
        if page.next is None:
            break
        after = page.next
    return after


def test_reading(filled: list[Shelf]) -> None:
    figures = {
        shelf.name: {name: timed(call) for name, call in reads(shelf.store).items()}
        for shelf in filled
    }
    lines = table(figures)
    hits = {name: filled[0].store.facets(make(1), ("language",)) for name, make in QUERIES.items()}
    lines += [
        "",
        "how many articles such a search finds (the second of its kind), as facets count them",
    ]
    lines += [
        f"{name:<26}{found.counted:>10,}{'' if found.complete else ' or more'}"
        for name, found in hits.items()
    ]
    tell(f"Reading {ARTICLES:,} articles, {CALLS} calls each", lines)
    record("store reading", figures)


def test_nothing_scans(filled: list[Shelf]) -> None:
    sqlite, server = filled
    assert isinstance(sqlite.store, SqliteStore)
    found: Counter[str] = Counter()
    for name, call in reads(sqlite.store).items():
        for sql in statements(sqlite.store, lambda _, call=call: call(3)):  # type: ignore[misc]  # bound in its turn
            found.update(f"SQLite, {name}: {step}" for step in scans(steps(sqlite.store, sql)))
    url = server.environ["WIREDESK_STORE_URL"]
    small = small_tables(url)
    for name, call in reads(server.store).items():
        for plan in explained(url, partial(call, 3)):
            tables = {line.split()[0] for line in scanned(plan)} - small
            found.update(f"PostgreSQL, {name}: {each.rstrip('_0123456789')}" for each in tables)
    tell(
        "Statements that read a table (of PostgreSQL: of over 1,000 rows) from end to end",
        [f"{step} ({times} times)" for step, times in found.items()] or ["none"],
    )
    record("store scans", dict(found))


def small_tables(url: str) -> set[str]:
    """Tables and partitions that are read whole in a few pages: an index would take longer."""
    with psycopg.connect(url) as db:
        rows = db.execute("SELECT relname FROM pg_class WHERE reltuples < 1000").fetchall()
    return {str(row[0]) for row in rows}


# --- memory --------------------------------------------------------------------------------------


def memory_of_filing(articles: int) -> float | None:
    """Peak MiB of this process when it has filed so many: for a fresh process."""
    room = Newsroom(ARTICLES)
    with open_store(Settings()) as store:
        for start in range(0, articles, BATCH):
            store.file(list(room.articles(start, start + BATCH)))
    return resident_mib("self")


def memory_of_searching() -> float | None:
    """Peak MiB of this process when it has asked everything: for a fresh process."""
    with open_store(Settings(), read_only=True) as store:
        for call in reads(store).values():
            for number in range(20):
                call(number)
    return resident_mib("self")


def test_memory(filled: list[Shelf], tmp_path: Path) -> None:
    figures = {"bare": in_process("memory_of_nothing()", {})}
    for shelf in filled:
        figures[f"{shelf.name}, searching"] = in_process("memory_of_searching()", shelf.environ)
    path = {"WIREDESK_STORE_PATH": str(tmp_path / "store.sqlite3")}
    figures["SQLite, filing"] = in_process(f"memory_of_filing({FILED_BY_ONE})", path)
    tell(
        "Peak memory of a process (that makes its articles itself where it files)",
        [f"{name:<24}{shown_mib(held):>10}" for name, held in figures.items()],
    )
    record("store memory", figures)


def memory_of_nothing() -> float | None:
    """Peak MiB of a process that has only loaded everything."""
    Newsroom(ARTICLES).article(1)
    return resident_mib("self")


def in_process(call: str, environ: dict[str, str]) -> float | None:
    """What a function of this module gives in a fresh process."""
    code = f"from tests.bench import bench_store as b; import json; print(json.dumps(b.{call}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environ,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    made: float | None = json.loads(done.stdout)
    return made


# --- over HTTP -----------------------------------------------------------------------------------


@contextmanager
def served(environ: dict[str, str], folder: Path) -> Iterator[httpx.Client]:
    """A client of the API, served by a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = {"WIREDESK_API_PORT": str(port), "WIREDESK_API_RATE": "10000000"}
    inbox = {"WIREDESK_INBOX": str(folder), "WIREDESK_LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.indexer.api"], env=os.environ | environ | more | inbox
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_until(partial(answers, client), "the API answers")
            yield client
    finally:
        process.terminate()
        process.wait(30)


def answers(client: httpx.Client) -> bool:
    """Whether the API is there."""
    try:
        return client.get("/v1").is_success
    except httpx.TransportError:
        return False


def get(client: httpx.Client, paths: Sequence[str], number: int) -> None:
    """One request; an answer that is no success is an error."""
    client.get(paths[number]).raise_for_status()


def asked(query: Query) -> str:
    """The parameters of a search, for the API."""
    given: dict[str, Any] = {
        "q": query.words, "entity": query.entity, "topic": query.topic, "source": query.source,
        "language": query.language, "order": query.order,
    }  # fmt: skip
    times = {name: getattr(query, name) for name in ("since", "until")}
    given |= {name: at.isoformat() for name, at in times.items() if at is not None}
    return urlencode({name: value for name, value in given.items() if value is not None})


def test_over_http(filled: list[Shelf], tmp_path: Path) -> None:
    paths = {
        name: [f"/v1/articles?{asked(make(n))}" for n in range(REQUESTS + 1)]
        for name, make in QUERIES.items()
    }
    medium = [asked(QUERIES["medium word"](n)) for n in range(REQUESTS + 1)]
    paths["facets of everything"] = ["/v1/facets"] * (REQUESTS + 1)
    paths["facets, medium word"] = [f"/v1/facets?{given}" for given in medium]
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for shelf in filled:
        with served(shelf.environ, tmp_path) as client:
            figures[shelf.name] = {
                name: timed(partial(get, client, each), REQUESTS) for name, each in paths.items()
            }
    tell(f"The same over HTTP, {REQUESTS} requests each, one connection", table(figures))
    record("store over HTTP", figures)
