"""What is SQLite's own about the embedded store: its file, its errors, its plans."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from services import effects
from services.bus.errors import StopWorking, Unavailable
from services.indexer.store import sqlite_schema
from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from services.indexer.store.sqlite_migrations import MIGRATIONS
from tests.conformance.stores import found, version
from tests.factories import article_id, drop_id, make_enriched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.article import EnrichedArticle


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path, busy_timeout=0.05) as opened:
        yield opened


def pragma(store: SqliteStore, name: str) -> object:
    return store._db.execute(f"PRAGMA {name}").fetchone()[0]


# --- The file ---------------------------------------------------------------------------------


def test_a_commit_survives_a_power_cut(store: SqliteStore) -> None:
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2  # FULL


def test_a_batch_is_written_once_and_not_copied_with_every_commit(store: SqliteStore) -> None:
    """Its pages, thousands of 4 KiB, fit into memory; the log takes those of several."""
    assert pragma(store, "page_size") == 4096
    assert pragma(store, "cache_size") == -64 * 1024
    assert pragma(store, "wal_autocheckpoint") == 16_000


def test_references_between_tables_are_held(store: SqliteStore) -> None:
    assert pragma(store, "foreign_keys") == 1
    store.file([version(1), version(2), version(1, revision=2, withdrawn=True)])
    assert store._db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_full_text_index_fits_its_articles_after_every_kind_of_change(
    store: SqliteStore,
) -> None:
    store.file(
        [
            version(1),
            version(2),
            version(1, revision=2, content="second"),
            version(1, revision=3, content="second"),
            version(2, revision=2, withdrawn=True),
            version(3, content="second"),
            version(1, revision=4, withdrawn=True),
            make_enriched(article_id=article_id(9), text="no sections", sections=()),
        ]
    )
    check = "INSERT INTO found_by_words (found_by_words, rank) VALUES ('integrity-check', 1)"
    store._db.execute(check)
    # The check itself can fail: a row that the index wasn't told about.
    store._db.execute("UPDATE versions SET headline = 'Forged'")
    with pytest.raises(sqlite3.DatabaseError):
        store._db.execute(check)


def test_the_file_makes_its_folder_and_may_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / "a b?c#d%20" / "störe;.db"
    with SqliteStore(odd) as store:
        store.file([version()])
    assert odd.stat().st_size > 0


def test_diacritics_are_folded_as_far_as_fts5_can(store: SqliteStore) -> None:
    store.file([make_enriched(text="Łukaszenka w Zażółciu, cafe\u0301 São")])
    for words in ("zazołciu", "café", "cafe", "SAO", "łukaszenka"):
        assert found(store, words) == [article_id()]
    # Ł is a letter of its own in Unicode, not an L with a mark.
    assert found(store, "Lukaszenka") == []


def test_a_word_thousands_of_times_in_a_text_costs_a_search_no_more_than_its_length(
    store: SqliteStore,
) -> None:
    """FTS5's own snippets take minutes here; the test's time limit is the assertion."""
    store.file([make_enriched(text="storm " * 300_000)])
    (hit,) = store.search(Query(words="storm"))
    assert hit.snippet.startswith("[storm] [storm]")


# --- Migrations -------------------------------------------------------------------------------

NEXT = len(MIGRATIONS) + 1
LATER = ("ALTER TABLE outcomes ADD COLUMN note TEXT", "CREATE INDEX noted ON outcomes (note)")


def add_migration(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*MIGRATIONS, statements), raising=True)


def test_an_older_store_is_brought_up_to_date_and_keeps_what_it_holds(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path) as old:
        (outcome,) = old.file([version()])
    add_migration(monkeypatch, *LATER)
    with SqliteStore(path) as new:
        assert pragma(new, "user_version") == NEXT
        assert new.outcome(drop_id(1001), article_id()) == outcome
        assert new._db.execute("SELECT note FROM outcomes").fetchall() == [(None,)]


def test_a_new_store_gets_all_migrations(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_migration(monkeypatch, *LATER)
    with SqliteStore(path) as new:
        assert pragma(new, "user_version") == NEXT


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(path).close()
    with monkeypatch.context() as patch:
        add_migration(patch, *LATER, "ALTER TABLE nowhere ADD COLUMN x")
        with pytest.raises(StopWorking, match="nowhere"):
            SqliteStore(path)
    with SqliteStore(path) as same:
        assert pragma(same, "user_version") == NEXT - 1
        columns = [row[1] for row in same._db.execute("PRAGMA table_info(outcomes)")]
        assert "note" not in columns


def test_a_store_of_a_newer_version_stops_work_and_says_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        add_migration(patch, *LATER)
        SqliteStore(path).close()
    for read_only in (False, True):
        with pytest.raises(StopWorking, match=rf"version {NEXT}.*Start the newer Wiredesk"):
            SqliteStore(path, read_only=read_only)


# --- What stops work --------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("Dear diary, " * 1000, encoding="utf-8")
    with pytest.raises(StopWorking, match="no SQLite database"):
        SqliteStore(path)
    assert path.read_text(encoding="utf-8").startswith("Dear diary")


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE articles (theirs)")
    with pytest.raises(StopWorking, match="another program's"):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("articles",)]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="is a folder"):
        SqliteStore(tmp_path)


def test_a_folder_that_cant_be_made_stops_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StopWorking, match="can't be made"):
        SqliteStore(tmp_path / "file" / "store.sqlite3")


def test_a_damaged_store_stops_work(path: Path) -> None:
    with SqliteStore(path) as store:
        store.file([version(n, content=f"{n}") for n in range(200)])
    with path.open("r+b") as raw:
        # All but the first page, which holds the version: the store opens, and can't be read.
        raw.seek(4096)
        raw.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(StopWorking, match="damaged"), SqliteStore(path) as store:
        store.file([version(1000, content="new")])


def test_a_missing_table_stops_work(store: SqliteStore) -> None:
    store._db.execute("DROP TABLE topics")
    with pytest.raises(StopWorking, match="isn't laid out as expected"):
        store.file([version()])


# --- What passes ------------------------------------------------------------------------------


def large(number: int) -> EnrichedArticle:
    return version(number, content=f"{number} " + "storm " * 20_000)


def test_a_full_disk_passes_and_nothing_is_half_filed(store: SqliteStore) -> None:
    store.file([version(1)])
    pages = pragma(store, "page_count")
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="disk is full"):
        store.file([version(2, content="second"), large(3)])
    assert len(list(store.outcomes())) == store.count() == 1
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert [o.outcome for o in store.file([version(2, content="second"), large(3)])] == [
        "indexed",
        "indexed",
    ]


def test_a_write_that_the_system_refuses_passes(store: SqliteStore, path: Path) -> None:
    """A real error of the file system: files may not grow beyond a limit."""
    store.file([version(1)])
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 4096, hard))
    try:
        with pytest.raises(Unavailable, match="the disk"):
            store.file([large(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert store.count() == 1
    assert [outcome.outcome for outcome in store.file([large(2)])] == ["indexed"]


def test_another_writer_passes(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another process is writing"):
            store.file([version()])
        assert store.count() == 0  # reading goes on
        other.execute("ROLLBACK")
        assert [outcome.outcome for outcome in store.file([version()])] == ["indexed"]


def test_a_store_opened_for_reading_makes_nothing_and_files_nothing(path: Path) -> None:
    with pytest.raises(StopWorking, match="No store at"):
        SqliteStore(path, read_only=True)
    assert not path.parent.exists()
    with SqliteStore(path) as writer:
        writer.file([version()])
        with SqliteStore(path, read_only=True) as reader:
            assert found(reader, "quay") == [article_id()]
            with pytest.raises(Unavailable, match="can't be written"):
                reader.file([version(2)])


def test_a_store_can_be_read_when_no_writer_has_it_open(path: Path) -> None:
    with SqliteStore(path) as writer:
        writer.file([version()])
    with SqliteStore(path, read_only=True) as reader:
        assert reader.get(article_id()) == version()


def test_a_store_can_be_read_right_after_its_writer_was_killed(path: Path) -> None:
    killed = (
        "import os, signal, sys, pathlib\n"
        "from services.indexer.store.sqlite import SqliteStore\n"
        "from tests.conformance.stores import version\n"
        "SqliteStore(pathlib.Path(sys.argv[1])).file([version()])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(path)], check=False, timeout=60)
    assert path.with_name(path.name + "-wal").stat().st_size > 0
    with SqliteStore(path, read_only=True) as reader:
        assert reader.get(article_id()) == version()


def test_a_store_for_reading_that_is_older_asks_for_the_indexer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(path).close()
    add_migration(monkeypatch, *LATER)
    with pytest.raises(StopWorking, match="Start the indexer once"):
        SqliteStore(path, read_only=True)


def test_an_error_of_ours_stays_what_it_is(store: SqliteStore) -> None:
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.count()


# --- Transactions -----------------------------------------------------------------------------


def test_a_reader_in_mid_transaction_sees_none_of_it(store: SqliteStore, path: Path) -> None:
    seen: list[int] = []

    class Watched(list["EnrichedArticle"]):
        def __iter__(self) -> Iterator[EnrichedArticle]:
            for article in super().__iter__():
                seen.append(reader.count())
                yield article

    with SqliteStore(path, read_only=True) as reader:
        store.file(Watched([version(n, content=str(n)) for n in range(5)]))
        assert seen == [0] * 5
        assert reader.count() == 5


def test_the_commit_is_announced_once_a_batch(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "effects"
    monkeypatch.setattr(effects, "_active", [effects.EffectLog(record=log)])
    store.file([version(1), version(2)])
    store.file([version(3)])
    SqliteStore(tmp_path / "other.sqlite3").close()
    assert log.read_text(encoding="utf-8").splitlines() == [
        "1 indexer.store.commit",
        "2 indexer.store.commit",
        "3 indexer.store.migrate",
    ]
