"""A store of version 3 with articles in it is brought to version 4: lists, totals and names."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from schemas.annotations import StoryRef
from schemas.article import Topic
from services.bus.errors import StopWorking
from services.indexer.store import sqlite_schema
from services.indexer.store.base import FacetName, Query
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_migrations import MIGRATIONS
from services.indexer.store.times import to_micros
from tests.conformance.stores import naming
from tests.factories import NOON, article_id, at, drop_id, make_drop, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import EnrichedArticle

A, B, C = "person:ana", "person:bea", "gpe:łódź"
BUSINESS = Topic(code="medtop:20000170", name="business", score=0.8, assigned_by="model")
OWN = Topic(code="user:Ports", name="Ports", score=0.7, assigned_by="user")
STORY = StoryRef(id=article_id(900), articles=2)
NAMES: tuple[FacetName, ...] = get_args(FacetName)


def article(number: int, *keys: str, **over: Any) -> EnrichedArticle:
    drop = make_drop(drop_id=drop_id(number), received_at=at(number))
    when = NOON - timedelta(days=number % 3, microseconds=123_456)
    fields: dict[str, Any] = {"drop": drop, "published_at": when}
    return naming(number, *keys, **(fields | over))


ARTICLES = [
    article(1, A, B, topics=(BUSINESS, OWN), story=STORY, provider="Wire"),
    article(2, A, topics=(BUSINESS,), story=STORY, provider="WIRE"),
    article(3, C, topics=(), provider=None, published_at=NOON.replace(year=1650)),
    article(4, B, C, topics=(OWN,), published_at=NOON.replace(year=1969)),
]
HIDDEN = article(5, A, content_hash=ARTICLES[0].content_hash, text=ARTICLES[0].text)
WITHDRAWN = article(6, A, status="withdrawn", content_hash=sha256("gone"))


def version_3(path: Path) -> None:
    """A file as version 3 laid it out, with these articles; written without our code."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for step in (step for steps in MIGRATIONS[:3] for step in steps):
            assert isinstance(step, str)
            db.execute(step)
        db.execute("PRAGMA user_version = 3")
        db.execute(f"PRAGMA application_id = {sqlite_schema.APPLICATION_ID}")
        states = {5: "duplicate", 6: "withdrawn"}
        db.execute("BEGIN")
        for seq, each in enumerate([*ARTICLES, HIDDEN, WITHDRAWN], start=1):
            _row(db, seq, each, states.get(seq, "live"))
        db.execute("COMMIT")


def _row(db: sqlite3.Connection, seq: int, article: EnrichedArticle, state: str) -> None:
    received = to_micros(article.drop.received_at)
    published = received if article.published_at is None else to_micros(article.published_at)
    row = {
        "seq": seq,
        "article_id": str(article.article_id),
        "state": state,
        "current": seq,
        "revision": article.revision,
        "received_at": received,
        "drop_id": str(article.drop.drop_id),
        "content_hash": article.content_hash,
        "language": article.detected_language.code,
        "published_at": published,
        "newest_at": min(published, received),
        "filed_at": to_micros(at(1000)),
        "numbered": 1,
        "moment": received // 1000,
        "number": article.revision,
        "story": None if article.story is None else str(article.story.id),
    }
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO articles ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608  (ours)
    db.execute(
        "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(seq, seq, article.revision, received, to_micros(at(1000))),
            *(int(state == "withdrawn"), article.headline, 0, article.model_dump_json()),
        ),
    )
    if state == "live":
        _found(db, seq, article)


def _found(db: sqlite3.Connection, seq: int, article: EnrichedArticle) -> None:
    db.execute(
        "INSERT INTO found_by_words (rowid, headline, body)"
        " SELECT seq, headline, body FROM searchable WHERE seq = ?",
        (seq,),
    )
    for n, e in enumerate(article.entities):
        folded = (e.key.lower(), e.name.lower())
        row = (seq, n, e.key, e.name, e.type, len(e.mentions), *folded)
        db.execute("INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    for n, t in enumerate(article.topics):
        topic = (seq, n, t.code, t.name, t.score, t.code.lower(), t.name.lower())
        db.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?, ?)", topic)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    version_3(tmp_path / "store.sqlite3")
    return tmp_path / "store.sqlite3"


def seen(store: SqliteStore) -> dict[str, Any]:
    """All that the reading half tells of these articles."""
    queries = [
        Query(),
        Query(words="quay"),
        Query(entity="Ana"),
        Query(entity=C),
        Query(topic="medtop:04000000"),
        Query(topic="ports"),
        Query(source="wire"),
        Query(language="en"),
        Query(story=STORY.id),
        Query(until=NOON.replace(year=1970)),
    ]
    return {
        "pages": [[hit.article_id for hit in store.page(query).hits] for query in queries],
        "times": [hit.listed_at for hit in store.page(Query()).hits],
        "facets": store.facets(Query(), NAMES),
        "looked at": store.facets(Query(since=NOON.replace(year=1)), NAMES),
        "topics": dict(store.topic_counts()),
        "stories": store.stories(articles=1),
        "changes": [(c.article_id, c.state, c.revision) for c in store.changes()],
        "names": [store.suggest_entities(prefix) for prefix in ("a", "be", "ł")],
        "beside": store.co_mentions(A),
        "days": [store.timeline(key) for key in (A, B, C)],
        "entities": [store.entity(key) for key in (A, B, C)],
        "articles": [store.get(article_id(n)) for n in range(1, 7)],
        "count": store.count(),
    }


def test_a_migrated_store_tells_what_a_new_one_does(path: Path, tmp_path: Path) -> None:
    with SqliteStore(path) as old, SqliteStore(tmp_path / "new", clock=lambda: at(1000)) as new:
        new.file([*ARTICLES, HIDDEN, WITHDRAWN])
        assert seen(old) == seen(new)
        assert old.count() == 4


def test_a_migrated_store_goes_on(path: Path, tmp_path: Path) -> None:
    """What was counted by the migration is counted on: updates, withdrawals, merges."""
    more = [
        article(1, C, revision=2, drop=make_drop(drop_id=drop_id(11), received_at=at(11))),
        article(7, A, B, story=STORY),
    ]
    with SqliteStore(path) as old, SqliteStore(tmp_path / "new", clock=lambda: at(1000)) as new:
        new.file([*ARTICLES, HIDDEN, WITHDRAWN])
        for store in (old, new):
            store.file(more)
            store.merge([A], B)
        assert seen(old) == seen(new)


def test_the_full_text_index_fits(path: Path) -> None:
    with SqliteStore(path) as store:
        check = "INSERT INTO found_by_words (found_by_words, rank) VALUES ('integrity-check', 1)"
        store._db.execute(check)
        assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_articles_that_would_share_a_place_get_one_each(path: Path) -> None:
    """The low bits of their rows are the same where a million articles are between them."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        for seq in (2, 4):
            db.execute("UPDATE articles SET seq = ?, newest_at = 0 WHERE seq = ?", (seq << 20, seq))
            for table in ("versions", "entities", "topics"):
                db.execute(f"UPDATE {table} SET article = ? WHERE article = ?", (seq << 20, seq))  # noqa: S608  (ours)
            db.execute("UPDATE found_by_words_docsize SET id = ? WHERE id = ?", (seq << 20, seq))
        db.commit()
    with SqliteStore(path) as store:
        rows = store._db.execute("SELECT place FROM articles WHERE seq > 100 ORDER BY seq")
        assert rows.fetchall() == [(0,), (1,)]
        assert len(store.page(Query()).hits) == 4


def test_a_reader_of_an_older_store_asks_for_the_indexer(path: Path) -> None:
    with pytest.raises(StopWorking, match=f"has version 3, this Wiredesk needs {len(MIGRATIONS)}"):
        SqliteStore(path, read_only=True)


def test_a_kill_in_the_migration_leaves_the_old_store(path: Path) -> None:
    dies = (
        "import sys, pathlib\n"
        "from services import effects\n"
        "from services.indexer.store.sqlite import SqliteStore\n"
        "effects.arm({'WIREDESK_KILL_AT': '1'})\n"
        "SqliteStore(pathlib.Path(sys.argv[1]))\n"
    )
    child = subprocess.run([sys.executable, "-c", dies, str(path)], check=False, timeout=60)
    assert child.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT count(newest_at) FROM articles").fetchone() == (6,)
    with SqliteStore(path) as store:
        assert store.count() == 4
