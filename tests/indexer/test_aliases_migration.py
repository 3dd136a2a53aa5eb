"""A store of version 2, as the release before wrote it, is brought to version 3."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import pytest

from schemas.annotations import NearDuplicate, StoryRef
from services.bus.errors import StopWorking
from services.indexer.store import sqlite_schema
from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_migrations import MIGRATIONS
from tests.conformance.stores import found, naming, shown
from tests.factories import NAMESPACE, article_id, drop_id

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import EnrichedArticle

A, B = "person:ana", "person:bea"
STORIES = sorted(uuid5(NAMESPACE, f"story {n}") for n in range(4))


def version_2(path: Path, *articles: EnrichedArticle) -> None:
    """A file as version 2 laid it out, with these articles; written without our code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for statements in MIGRATIONS[:2]:
            for statement in statements:
                assert isinstance(statement, str)
                db.execute(statement)
        db.execute("PRAGMA user_version = 2")
        db.execute(f"PRAGMA application_id = {sqlite_schema.APPLICATION_ID}")
        for seq, article in enumerate(articles, start=1):
            _row(db, seq, article)


def _row(db: sqlite3.Connection, seq: int, article: EnrichedArticle) -> None:
    document = json.loads(article.model_dump_json())
    with closing(db.cursor()) as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO articles (seq, article_id, state, current, revision, received_at,"
            " drop_id, content_hash, language, published_at, newest_at, filed_at, numbered,"
            " moment, number) VALUES (?, ?, 'live', ?, ?, 0, ?, ?, 'en', 0, 0, 0, 1, 0, ?)",
            (
                seq,
                document["article_id"],
                seq,
                article.revision,
                document["drop"]["drop_id"],
                article.content_hash,
                article.revision,
            ),
        )
        cursor.execute(
            "INSERT INTO versions VALUES (?, ?, ?, 0, 0, 0, ?, 0, ?)",
            (seq, seq, article.revision, article.headline, json.dumps(document)),
        )
        cursor.execute(
            "INSERT INTO found_by_words (rowid, headline, body)"
            " SELECT seq, headline, body FROM searchable WHERE seq = ?",
            (seq,),
        )
        for position, entity in enumerate(document["entities"]):
            key, name = entity["key"], entity["name"]
            cursor.execute(
                "INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (seq, position, key, name, entity["type"], 1, key.lower(), name.lower()),
            )
        cursor.execute("COMMIT")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def on(article: int, story: int, *merged: int, **over: Any) -> EnrichedArticle:
    gone = tuple(STORIES[each] for each in merged)
    ref = StoryRef(id=STORIES[story], articles=1, merged=gone)
    return naming(article, A, story=ref, **over)


def test_what_was_filed_is_there_and_can_be_merged(path: Path) -> None:
    articles = [naming(1, A), naming(2, B), naming(3, A, B)]
    version_2(path, *articles)
    with SqliteStore(path) as store:
        assert [store.get(article_id(n)) for n in (1, 2, 3)] == articles
        assert set(found(store, "quay")) == {article_id(n) for n in (1, 2, 3)}
        change = store.merge([A], B)
        assert change is not None
        assert change.articles == 2
        assert [shown(store, n) for n in (1, 2, 3)] == [[B]] * 3
        store.split(A)
        assert [store.get(article_id(n)) for n in (1, 2, 3)] == articles


def test_an_article_of_before_can_be_updated_and_filed_again(path: Path) -> None:
    version_2(path, naming(1, A))
    with SqliteStore(path) as store:
        (outcome,) = store.file([naming(1, B, revision=2)])
        assert (outcome.outcome, shown(store)) == ("updated", [B])


def test_stories_that_a_newer_enrichment_had_written_are_known(path: Path) -> None:
    """In an upgrade one service comes first: documents may have what the store didn't know."""
    copy = NearDuplicate(article_id=article_id(1), share=0.9, direction="same")
    version_2(path, on(1, 0), on(2, 1, 0), on(3, 2, 1), on(4, 3), naming(5, A))
    with SqliteStore(path) as store:
        assert {hit.article_id for hit in store.search(Query(story=STORIES[0]))} == {
            article_id(n) for n in (1, 2, 3)
        }
        held = store.get(article_id(1))
        assert held is not None
        assert held.story is not None
        assert held.story.id == STORIES[2]
        store.file([on(6, 3, 2), naming(7, B, near_duplicate_of=copy)])
        assert len(store.search(Query(story=STORIES[1]))) == 5
        assert store.search(Query(copy_of=article_id(1)))[0].article_id == article_id(7)


def test_copies_and_contradicting_merges_of_before_are_known(path: Path) -> None:
    copy = NearDuplicate(article_id=article_id(9), share=0.9, direction="same")
    version_2(path, on(1, 0, 1), on(2, 1, 0), on(3, 3, 3, near_duplicate_of=copy))
    with SqliteStore(path) as migrated:
        for article in (1, 2):
            held = migrated.get(article_id(article))
            assert held is not None
            assert held.story is not None
            assert held.story.id == STORIES[0]
        (hit,) = migrated.search(Query(copy_of=article_id(9)))
        assert hit.article_id == article_id(3)
    with SqliteStore(path.with_name("new.sqlite3")) as new:
        new.file([on(1, 0, 1), on(2, 1, 0), on(3, 3, 3, near_duplicate_of=copy)])
        for article in (1, 2, 3):
            with SqliteStore(path) as migrated:
                assert migrated.get(article_id(article)) == new.get(article_id(article))


def test_a_kill_in_the_migration_leaves_the_old_store(path: Path) -> None:
    version_2(path, naming(1, A))
    dies = (
        "import sys, pathlib\n"
        "from services import effects\n"
        "from services.indexer.store.sqlite import SqliteStore\n"
        "effects.arm({'WIREDESK_KILL_AT': '1'})\n"
        "SqliteStore(pathlib.Path(sys.argv[1]))\n"
    )
    child = subprocess.run([sys.executable, "-c", dies, str(path)], check=False, timeout=60)
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(StopWorking, match="has version 2, this Wiredesk needs"):
        SqliteStore(path, read_only=True)
    with SqliteStore(path) as store:
        assert shown(store) == [A]
        assert store.outcome(drop_id(1001), article_id()) is None


def test_a_release_of_before_refuses_the_migrated_store(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_2(path, naming(1, A))
    SqliteStore(path).close()
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", MIGRATIONS[:2])
    with pytest.raises(StopWorking, match="this Wiredesk knows up to 2"):
        SqliteStore(path)
