"""What a PostgreSQL store says and does when its server is away, strange, or of another version."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from services.bus.errors import StopWorking, Unavailable
from services.indexer.store import postgres_migrate, postgres_pool
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.postgres_schema import MIGRATIONS
from tests import postgres
from tests.conformance.stores import filed, found, version
from tests.factories import article_id
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret-of-the-desk"  # noqa: S105  (the point of the test: it is in no message)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.BundledPostgres]:
    """A server of our own, which waits for its disk, may be stopped, and asks for a password."""
    with postgres.BundledPostgres(durable=True) as bundled:
        with psycopg.connect(bundled.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE ROLE guest LOGIN")
            connection.execute("CREATE DATABASE desk OWNER guarded")
            latin = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
            connection.execute(latin)
        bundled.allow("local all guarded scram-sha-256")
        yield bundled


def at(server: postgres.BundledPostgres, database: str, user: str = "postgres") -> str:
    return f"postgresql://{user}@/{database}?host={server.folder}"


@pytest.fixture
def url() -> Iterator[str]:
    """A database without a table."""
    made = postgres.empty_database()
    yield made
    postgres.drop_database(made)


def refused(url: str, kind: type[Exception] = StopWorking, *, read_only: bool = False) -> str:
    with pytest.raises(kind) as caught:
        PostgresStore(url, read_only=read_only)
    said = str(caught.value)
    assert PASSWORD not in said
    return said


# --- connecting ------------------------------------------------------------------------------


def test_a_password_opens_the_store_and_is_never_shown(server: postgres.BundledPostgres) -> None:
    url = f"postgresql://guarded:{PASSWORD}@/desk?host={server.folder}"
    with PostgresStore(url) as store:
        assert filed(store, version(1)) == ["indexed"]
        assert PASSWORD not in store._connections.place


@pytest.mark.parametrize("password", ["", ":wrong"])
def test_a_wrong_password_stops_with_what_to_check(
    server: postgres.BundledPostgres, password: str
) -> None:
    said = refused(f"postgresql://guarded{password}@/desk?host={server.folder}")
    assert "neither this user nor this password" in said
    assert "WIREDESK_STORE_URL" in said


def test_a_missing_database_and_a_missing_role_stop(server: postgres.BundledPostgres) -> None:
    assert "no such database" in refused(at(server, "nowhere"))
    assert "neither this user" in refused(at(server, "desk", "nobody_we_know"))


def test_a_user_who_may_not_make_tables_is_told_so(server: postgres.BundledPostgres) -> None:
    assert "owner of the database" in refused(at(server, "postgres", "guest"))


def test_a_database_that_cannot_hold_every_character_stops(
    server: postgres.BundledPostgres,
) -> None:
    assert "ENCODING 'UTF8'" in refused(at(server, "latin"))


@pytest.mark.parametrize("url", [f"postgresql//desk:{PASSWORD}@host/x", f"x={PASSWORD}", "::"])
def test_what_is_no_url_stops_without_being_repeated(url: str) -> None:
    assert "is no URL of a PostgreSQL server" in refused(url)


def test_a_server_that_is_away_passes() -> None:
    said = refused(f"postgresql://desk:{PASSWORD}@127.0.0.1:1/desk", Unavailable)
    assert "doesn't answer" in said
    assert "desk on PostgreSQL at 127.0.0.1" in said


def test_a_server_that_is_too_old_stops(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pool, "OLDEST", 990_000)
    assert "is too old, 99 is the oldest" in refused(url)


# --- the server goes and comes back ----------------------------------------------------------


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_store_goes_on_by_itself_when_its_server_is_back(
    server: postgres.BundledPostgres,
    kill: bool,  # noqa: FBT001  (the case)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = postgres_pool.FREE_TIMEOUT
    monkeypatch.setattr(postgres_pool, "FREE_TIMEOUT", 1)
    first = 10 + kill
    with PostgresStore(at(server, "postgres")) as store:
        filed(store, version(first, content=f"before {first}"))
        server.stop(kill=kill)
        try:
            with pytest.raises(Unavailable, match=r"doesn't answer|stopping"):
                store.count()
        finally:
            server.start()
        # A killed server mends its files first; on a busy disk that takes more than a second.
        store._connections._pool.timeout = given
        assert filed(store, version(first, content=f"before {first}")) == ["indexed"]
        assert found(store, f'"before {first}"') == [article_id(first)]
        assert filed(store, version(first + 10, content=f"after {first}")) == ["indexed"]


def test_a_connection_that_breaks_in_a_batch_leaves_nothing_of_it(url: str) -> None:
    with PostgresStore(url) as store:

        def broken() -> None:
            with store._connections.writing("test") as db:
                db.execute("INSERT INTO registry VALUES ('a', 'b', 'c')")
                db.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        with pytest.raises(Unavailable):
            broken()
        assert store.entries("a") == {}
        assert store.put("a", "b", "c")


def test_a_writer_that_holds_the_store_is_waited_for_and_then_named(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pool, "LOCK_TIMEOUT", 100)
    with PostgresStore(url) as one, PostgresStore(url) as other:
        with (
            one._connections.writing("test"),
            pytest.raises(Unavailable, match="another process is writing"),
        ):
            other.file([version(1)])
        assert filed(other, version(1)) == ["indexed"]


# --- versions --------------------------------------------------------------------------------


def test_a_store_is_made_once_whoever_comes_first(url: str) -> None:
    opened: list[PostgresStore] = []
    threads = [threading.Thread(target=lambda: opened.append(PostgresStore(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(opened) == len(threads), "three stores to be open")
    assert [store.count() for store in opened] == [0, 0, 0]
    for store in opened:
        store.close()


def test_a_migration_that_fails_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*MIGRATIONS, ("CREATE TABLE half (a int)", "SELECT no_such_thing"))
    with monkeypatch.context() as patch:
        patch.setattr(postgres_migrate, "MIGRATIONS", broken)
        assert "isn't laid out" in refused(url)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT to_regnamespace('wiredesk')").fetchone()
        assert row == (None,)
    with PostgresStore(url) as store:
        assert store.count() == 0


def test_an_older_store_keeps_its_articles_when_it_is_brought_up_to_date(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PostgresStore(url) as store:
        filed(store, version(1))
    known = MIGRATIONS
    later = (*known, ("CREATE TABLE later (a integer)",))
    monkeypatch.setattr(postgres_migrate, "MIGRATIONS", later)
    said = refused(url, read_only=True)
    assert f"has version {len(known)}, this Wiredesk needs {len(later)}" in said
    with PostgresStore(url) as store:
        assert found(store) == [article_id(1)]
    monkeypatch.setattr(postgres_migrate, "MIGRATIONS", known)
    assert f"has version {len(later)}, this Wiredesk knows up to {len(known)}" in refused(url)


def test_a_migration_announces_its_commit(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[str] = []
    monkeypatch.setattr(postgres_pool, "effect", announced.append)
    PostgresStore(url).close()
    PostgresStore(url).close()
    assert announced == ["indexer.store.migrate"]


def test_reading_makes_no_store_and_changes_none(url: str) -> None:
    assert "Start the indexer once" in refused(url, read_only=True)
    PostgresStore(url).close()
    with PostgresStore(url, read_only=True) as store:
        assert store.count() == 0
        with pytest.raises(Unavailable, match="takes no writes"):
            store.put("token", "a", "{}")


def test_a_schema_of_another_program_is_refused(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA wiredesk")
        connection.execute("CREATE TABLE wiredesk.theirs (a integer)")
    assert "is another program's" in refused(url)
