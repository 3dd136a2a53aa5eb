"""Doctor's checks of store and journal, each on a file that is broken on purpose."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from services.console.doctor import stores
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.sqlite import SqliteStore
from services.ingest.journal import Journal
from services.settings import Settings
from tests import postgres
from tests.console.doctor.kit import is_green, is_red, look, said
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a desk whose indexer and ingest have run; to be copied."""
    folder = tmp_path_factory.mktemp("fresh") / "state"
    folder.mkdir()
    SqliteStore(folder / "store.sqlite3").close()
    Journal(folder / "journal.sqlite3").close()
    return folder


@pytest.fixture
def desk(fresh: Path, tmp_path: Path) -> Settings:
    settings = Settings(inbox=tmp_path)
    shutil.copytree(fresh, settings.state)
    return settings


BOTH = [("stores.store", "store.sqlite3"), ("stores.journal", "journal.sqlite3")]


def do(settings: Settings, file: str, statement: str) -> None:
    with closing(sqlite3.connect(settings.state / file)) as db:
        db.execute(statement)
        db.commit()


@pytest.mark.parametrize(("check", "file"), BOTH)
def test_files_of_this_release_are_green(desk: Settings, check: str, file: str) -> None:
    finding = look(check, desk)
    assert is_green(finding)
    assert file in said(finding)
    assert is_green(look("stores.integrity", desk))


@pytest.mark.parametrize(("check", "file"), BOTH)
def test_a_file_that_is_not_there_yet_is_told_and_not_made(
    desk: Settings, check: str, file: str
) -> None:
    (desk.state / file).unlink()
    assert is_red(look(check, desk), "warning", "yet")
    assert is_green(look("stores.integrity", desk))
    assert not (desk.state / file).exists()


@pytest.mark.parametrize(("check", "file"), BOTH)
def test_an_older_file_is_brought_up_to_date_by_its_service(
    desk: Settings, check: str, file: str
) -> None:
    do(desk, file, "PRAGMA user_version = 1")
    assert is_red(look(check, desk), "warning", "version 1", "this Wiredesk needs")


@pytest.mark.parametrize(("check", "file"), BOTH)
def test_a_newer_file_needs_the_newer_release(desk: Settings, check: str, file: str) -> None:
    do(desk, file, "PRAGMA user_version = 999")
    finding = look(check, desk)
    assert is_red(finding, "failure", "version 999", "a newer Wiredesk made it")
    assert finding.advice == ("start the newer Wiredesk again",)


def test_another_program_s_database_is_no_store(desk: Settings) -> None:
    do(desk, "store.sqlite3", "PRAGMA application_id = 77")
    assert is_red(look("stores.store", desk), "failure", "another program's database")


@pytest.mark.parametrize(("check", "file"), BOTH)
def test_what_is_no_database_is_told_with_what_to_do(desk: Settings, check: str, file: str) -> None:
    (desk.state / file).write_bytes(b"this was a database once " * 1000)
    finding = look(check, desk)
    assert is_red(finding, "failure", "can't be read")
    assert "move the file away" in finding.advice[0]


@pytest.mark.parametrize("file", ["store.sqlite3", "journal.sqlite3"])
def test_a_damaged_page_is_found(desk: Settings, file: str) -> None:
    path = desk.state / file
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):  # the first one holds what is needed to open it
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(bytes(data))
    assert is_red(look("stores.integrity", desk), "failure", "is damaged")


def test_a_file_too_large_to_be_looked_through_in_time_is_looked_at_in_part(
    desk: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "QUICK_SECONDS", -1.0)
    monkeypatch.setattr(stores, "STEPS", 1)
    finding = look("stores.integrity", desk)
    assert is_green(finding)
    assert "PRAGMA quick_check" in said(finding)


def test_the_inbox_s_id_is_the_journal_s(desk: Settings, tmp_path: Path) -> None:
    with closing(Journal(desk.state / "journal.sqlite3")) as journal:
        assert stores.inbox_id_of(desk) == journal.inbox_id
    assert stores.inbox_id_of(Settings(inbox=tmp_path / "other")) is None


# --- PostgreSQL -------------------------------------------------------------------------------
def on_server(desk: Settings, url: str) -> Settings:
    return desk.model_copy(update={"store_url": SecretStr(url)})


def test_a_store_on_a_server_is_reached_and_asked_for_its_version(desk: Settings) -> None:
    url = postgres.copied_database()
    try:
        assert is_green(look("stores.store", on_server(desk, url)))
        with PostgresStore(url) as store, store._connections.writing("test") as db:
            db.execute("DELETE FROM schema_versions WHERE version > 1")
        assert is_red(look("stores.store", on_server(desk, url)), "failure", "has version 1")
    finally:
        postgres.drop_database(url)


def test_a_store_on_a_server_that_is_away_is_told(desk: Settings) -> None:
    url = f"postgresql://wiredesk:secret@127.0.0.1:{free_port()}/wiredesk"
    finding = look("stores.store", on_server(desk, url))
    assert is_red(finding, "failure")
    assert "secret" not in said(finding)
