"""``wiredesk migrate-store``: the same store on the other side, or nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from services.bus.errors import StopWorking, Unavailable
from services.console import migrate_store, supervisor
from services.console.main import app
from services.indexer.store import copying
from services.indexer.store.base import FacetName, Query
from services.indexer.store.copying import Differs, copy_store
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.postgres_copy import copy_rows
from services.indexer.store.sqlite import SqliteStore
from tests import postgres
from tests.conformance.stores import filed, found, naming, ticking, version
from tests.factories import article_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.indexer.store.base import ArticleStore

FACETS: tuple[FacetName, ...] = ("topic", "entity", "source", "language", "day")


@pytest.fixture
def url() -> Iterator[str]:
    made = postgres.new_database()
    yield made
    postgres.recycle(made)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with some of everything in it."""
    file = tmp_path / "store.sqlite3"
    with SqliteStore(file, clock=ticking()) as store:
        filed(store, *[version(number, content=f"c {number % 30}") for number in range(80)])
        later = [
            version(number, 2, f"d {number % 9} \ufffe é", withdrawn=number % 5 == 0)
            for number in range(0, 80, 3)
        ]
        filed(store, *later)
        filed(store, *[naming(n, "person:ana", "person:bea", "wd:Q1") for n in range(100, 110)])
        filed(store, naming(110, f"person:{'é' * 390}", provider="W" * 390))
        store.merge(["person:ana"], "person:bea")
        store.alias("Annie", ["person:annie"], "person:bea")
        assert store.put("token", "reader\0", '{"hash": "x"}')
    return file


def answers(store: ArticleStore) -> dict[str, Any]:
    """What can be asked, numbers and places included."""
    first = store.page(Query(limit=40))
    return {
        "pages": (first, store.page(Query(limit=40), first.next)),
        "facets": store.facets(Query(), FACETS),
        "found": store.facets(Query(words="report"), FACETS),
        "changes": list(store.changes()),
        "outcomes": list(store.outcomes()),
        "records": [store.record(article_id(number)) for number in range(111)],
        "articles": [store.get(article_id(number)) for number in range(111)],
        "entities": list(store.find_entities("an")),
        "aliases": list(store.aliases()),
        "pending": list(store.pending_changes()),
        "entries": store.entries("token"),
        "topics": store.topic_counts(),
        "count": store.count(),
    }


def test_everything_is_there_with_its_numbers_and_places(path: Path, url: str) -> None:
    told: list[tuple[str, int, int]] = []
    compared = copy_store(path, url, lambda *step: told.append(step))
    assert all(table.equal for table in compared)
    assert dict.fromkeys(table.table for table in compared).keys() >= {"articles", "versions"}
    assert ("versions", 118, 118) in told
    with SqliteStore(path) as before, PostgresStore(url) as after:
        assert answers(after) == answers(before)


def test_the_copy_goes_on_where_the_original_was(path: Path, url: str) -> None:
    copy_store(path, url)
    new = [version(200, content="new"), version(3, 9, "newer"), naming(101, "org:o", revision=7)]
    with SqliteStore(path, clock=ticking()) as before, PostgresStore(url, clock=ticking()) as after:
        assert filed(after, *new) == filed(before, *new)
        after.split("person:ana")
        before.split("person:ana")
        shown = [answers(store) for store in (before, after)]
        for each in shown:
            # A change of entities has an id of its own.
            each["pending"] = len(each["pending"])
        assert shown[0] == shown[1]


def test_a_store_that_is_in_use_is_no_target(path: Path, url: str) -> None:
    with PostgresStore(url) as store:
        filed(store, version(500))
        with pytest.raises(StopWorking, match="isn't empty"):
            copy_store(path, url)
        assert found(store) == [article_id(500)]


def test_nobody_writes_to_the_original_meanwhile(path: Path, url: str) -> None:
    def write(*_step: object) -> None:
        with (
            SqliteStore(path, busy_timeout=0.01) as other,
            pytest.raises(Unavailable, match="another process is writing"),
        ):
            other.file([version(999)])

    copy_store(path, url, write)


def test_a_copy_that_differs_is_not_kept(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = copy_rows

    def losing(db: Any, table: str, names: Any, rows: Any) -> None:
        copied(db, table, names, list(rows)[1:] if table == "outcomes" else rows)

    monkeypatch.setattr(copying, "copy_rows", losing)
    with pytest.raises(Differs, match="outcomes") as caught:
        copy_store(path, url)
    assert [t.table for t in caught.value.tables if not t.equal] == ["outcomes", "tally"]
    with PostgresStore(url) as store:
        assert store.count() == 0
        assert list(store.changes()) == []


def test_one_changed_letter_is_seen(path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = copy_rows

    def erring(db: Any, table: str, names: Any, rows: Any) -> None:
        changed = list(rows)
        if table == "versions":
            changed[7][names.index("headline")] += "!"
        copied(db, table, names, changed)

    monkeypatch.setattr(copying, "copy_rows", erring)
    with pytest.raises(Differs, match="versions"):
        copy_store(path, url)


def test_a_killed_copy_leaves_an_empty_store(path: Path, url: str) -> None:
    code = (
        "import sys; from pathlib import Path; from services import effects; "
        "from services.indexer.store.copying import copy_store; "
        "effects.arm({'WIREDESK_KILL_AT': '1'}); copy_store(Path(sys.argv[1]), sys.argv[2])"
    )
    child = subprocess.run([sys.executable, "-c", code, str(path), url], check=False, timeout=60)
    assert child.returncode == -signal.SIGKILL
    with PostgresStore(url) as store:
        assert store.count() == 0
    assert all(table.equal for table in copy_store(path, url))


# --- the command -----------------------------------------------------------------------------


def run(path: Path, url: str | None, *options: str) -> Any:
    env = {"WIREDESK_STORE_PATH": str(path), "WIREDESK_REDIS_URL": "redis://127.0.0.1:1/0"}
    if url is not None:
        env["WIREDESK_STORE_URL"] = url
    return CliRunner().invoke(app, ["migrate-store", *options], env=env)


def as_url(url: str) -> str:
    """The same database, written as people do."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"


def test_the_command_prints_both_sides(path: Path, url: str) -> None:
    result = run(path, url)
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line.split() for line in result.output.splitlines() if line}
    assert lines["versions"][1:3] == ["118", "118"]
    assert lines["versions"][-1] == "equal"
    assert "DIFFERS" not in result.output


def test_as_json_the_hashes_are_whole(path: Path, url: str) -> None:
    result = run(path, url, "--json")
    tables = {table["table"]: table for table in json.loads(result.stdout)["tables"]}
    assert tables["articles"]["rows"] == [91, 91]
    assert len(tables["articles"]["sha256"][0]) == 64
    assert all(table["equal"] for table in tables.values())


def test_a_difference_is_said_and_fails(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_count", lambda *_: 0)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entities SET mentions = 99 WHERE position = 0 AND article = 3")
    connection.close()
    result = run(path, url)
    assert result.exit_code == 1
    assert "DIFFERS" in result.output
    assert "both sides differ in entities; nothing was kept" in result.output


def test_without_a_url_or_a_store_it_says_what_is_missing(path: Path, url: str) -> None:
    assert "set WIREDESK_STORE_URL" in run(path, None).output
    missing = run(path.with_name("none.sqlite3"), url)
    assert missing.exit_code != 0
    assert "no SQLite store at" in str(missing.exception or missing.output)


def test_while_an_indexer_runs_it_refuses(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def living(*_args: object) -> tuple[dict[str, Any], ...]:
        return ({"stage": "enrichment"}, {"stage": "indexer"})

    monkeypatch.setattr(supervisor, "living", living)
    result = run(path, url)
    assert result.exit_code == 1
    assert "the indexer is running; stop it" in result.output
    assert migrate_store.SHOWN_DIGITS
