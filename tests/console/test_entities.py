"""``wiredesk entities``: what an operator sees, types and gets back."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from schemas.annotations import StoryRef
from services.bus.keys import ENTITY_STREAM, Keys
from services.bus.watchdog import Exit
from services.console.main import app
from services.indexer.store.sqlite import SqliteStore
from tests.conformance.stores import naming, shown
from tests.console.test_read import HOSTILE, assert_harmless
from tests.factories import article_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis as SyncRedis

    from services.settings import Settings

NED, PRICE, BELARUS = "person:ned price", "org:price council", "wd:Q184"


@pytest.fixture
def inbox(settings: Settings, redis: SyncRedis, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk's folder with a store of three articles, and a server."""
    assert settings.redis_url is not None
    assert redis.ping()
    monkeypatch.setenv("WIREDESK_REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "200")
    with SqliteStore(settings.store) as store:
        store.file([naming(1, NED, BELARUS), naming(2, NED, PRICE), naming(3, "gpe:belarusia")])
    return settings.inbox


@pytest.fixture
def store(inbox: Path, settings: Settings) -> Iterator[SqliteStore]:
    assert inbox == settings.inbox
    with SqliteStore(settings.store) as opened:
        yield opened


def entities(inbox: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints, where it ends with ``code``: on stdout, or why it failed."""
    result = CliRunner().invoke(app, ["entities", *arguments, "--inbox", str(inbox)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def document(inbox: Path, *arguments: str) -> Any:
    return json.loads(entities(inbox, *arguments, "--json"))


# --- Looking ----------------------------------------------------------------------------------


def test_find_lists_entities_with_their_numbers(inbox: Path) -> None:
    lines = [" ".join(line.split()) for line in entities(inbox, "find", "pri").splitlines()]
    assert lines[0] == "key name type articles mentions"
    assert lines[2:] == [
        "person:ned price Ned Price PERSON 2 2",
        "org:price council Price Council ORG 1 1",
    ]
    assert entities(inbox, "find", "nobody").strip() == "nothing found"


def test_find_as_json_holds_all_of_each(inbox: Path) -> None:
    first, second = document(inbox, "find", "pri")
    assert (first["key"], first["articles"], first["names"]) == (NED, 2, [["Ned Price", 2]])
    assert second["key"] == PRICE
    assert document(inbox, "find", "nobody") == []
    assert len(document(inbox, "find", "pri", "--limit", "1")) == 1


def test_show_tells_names_merged_keys_and_newest_articles(inbox: Path) -> None:
    entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    text = entities(inbox, "show", "Q184")
    for expected in ("Q184", "wd:Q184", "gpe:belarusia", "Belarusia", "Quay 1", "Quay 3"):
        assert expected in text
    known = document(inbox, "show", "gpe:belarusia")
    assert (known["key"], known["articles"], known["merged"]) == (BELARUS, 2, ["gpe:belarusia"])
    assert len(known["newest"]) == 2


def test_an_unknown_key_is_an_error_that_names_one_that_may_be_meant(inbox: Path) -> None:
    said = entities(inbox, "show", "gpe:ned price", code=1)
    assert f"did you mean '{NED}'" in said
    assert "Traceback" not in said


def test_aliases_are_listed_with_what_was_said(inbox: Path) -> None:
    assert "no entity is merged" in entities(inbox, "aliases")
    entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    entities(inbox, "alias", "Bulba Land", "--means", "gpe:belarusia")
    listed = [" ".join(line.split()) for line in entities(inbox, "aliases").splitlines()[2:]]
    assert listed[0].startswith("gpe:belarusia Belarusia wd:Q184 the key ")
    assert listed[1].startswith(
        "gpe:bulba land Bulba Land gpe:belarusia → wd:Q184 the name ",
    )
    assert [alias["by_name"] for alias in document(inbox, "aliases")] == [False, True]


def test_search_takes_qids_merged_keys_and_stories(inbox: Path, store: SqliteStore) -> None:
    entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    gone = StoryRef(id=article_id(50), articles=1)
    kept = StoryRef(id=article_id(51), articles=2, merged=(gone.id,))
    store.file([naming(4, NED, story=gone), naming(5, NED, story=kept)])
    for option, wanted, expected in (
        ("--entity", "Q184", {1, 3}),
        ("--entity", "gpe:belarusia", {1, 3}),
        ("--story", str(gone.id), {4, 5}),
        ("--story", str(kept.id), {4, 5}),
    ):
        command = ["search", option, wanted, "--json", "--inbox", str(inbox)]
        result = CliRunner().invoke(app, command)
        found = {hit["article_id"] for hit in json.loads(result.stdout)}
        assert found == {str(article_id(number)) for number in expected}


# --- Changing ---------------------------------------------------------------------------------


def test_merge_says_what_changed_and_tells_subscribers(
    inbox: Path, store: SqliteStore, redis: SyncRedis
) -> None:
    said = entities(inbox, "merge", "gpe:belarusia", "--into", "q184")
    assert "merged: gpe:belarusia → wd:Q184 (Q184); 1 article keyed anew" in said
    assert "subscribers were told" in said
    assert shown(store, 3) == [BELARUS]
    assert redis.xlen(Keys("news").stream(ENTITY_STREAM)) == 1


def test_a_merge_that_holds_says_so_and_tells_nobody(inbox: Path, redis: SyncRedis) -> None:
    entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    assert "it is so already" in entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    assert document(inbox, "merge", "gpe:belarusia", "--into", BELARUS)["change"] is None
    assert redis.xlen(Keys("news").stream(ENTITY_STREAM)) == 1


def test_split_says_what_changed(inbox: Path, store: SqliteStore) -> None:
    entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    entities(inbox, "alias", "Bulba Land", "--means", "gpe:belarusia")
    said = entities(inbox, "split", "gpe:belarusia")
    assert "split off: gpe:belarusia (Belarusia), and with it gpe:bulba land; 1 article" in said
    assert shown(store, 3) == ["gpe:belarusia"]
    assert "it is so already" in entities(inbox, "split", "gpe:belarusia")


def test_alias_takes_the_type_of_what_it_means_unless_one_is_given(
    inbox: Path, store: SqliteStore
) -> None:
    made = document(inbox, "alias", "  Édouard Price’s ", "--means", NED)["change"]
    assert (made["change"], made["keys"], made["into"]) == ("aliased", [made["keys"][0]], NED)
    assert made["keys"][0].startswith("person:edouard price")
    other = document(inbox, "alias", "Ned Price", "--means", NED, "--type", "org", "--force")
    assert other["change"]["keys"] == ["org:ned price"]
    store.file([naming(4, "org:ned price")])
    assert shown(store, 4) == [NED]


def test_a_type_that_is_none_or_that_nobody_knows_is_an_error(inbox: Path) -> None:
    assert "one of PERSON, ORG" in entities(
        inbox, "alias", "Ned", "--means", NED, "--type", "PEOPLE", code=1
    )
    said = entities(inbox, "alias", "Ned", "--means", "wd:Q1", "--force", code=1)
    assert "give --type" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["merge", NED, "--into", NED], "into itself"),
        (["merge", NED, "--into", PRICE], "--force merges them"),
        (["merge", "person:ned pric", "--into", NED], "did you mean 'person:ned price'"),
        (["split", "person:nobody"], "no article has the entity key"),
        (["alias", "Ned", "--means", "person:nobody", "--type", "PERSON"], "no article has"),
    ],
)
def test_what_is_refused_is_one_line_and_ends_with_1(
    inbox: Path, store: SqliteStore, arguments: list[str], reason: str
) -> None:
    said = entities(inbox, *arguments, code=1)
    assert reason in said
    assert said.count("\n") == 1
    assert (store.aliases(), store.pending_changes()) == ([], [])


def test_with_force_it_is_done(inbox: Path, store: SqliteStore) -> None:
    entities(inbox, "merge", NED, "--into", PRICE, "--force")
    made = document(inbox, "merge", PRICE, "--into", "wd:Q1", "--name", "Price", "--force")
    assert (made["change"]["into"], made["change"]["name"]) == ("wd:Q1", "Price")
    assert shown(store, 1) == ["wd:Q1", BELARUS]


# --- What is missing or busy ------------------------------------------------------------------


def test_without_a_server_the_change_is_made_and_waits(
    inbox: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIREDESK_REDIS_URL")
    said = entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    assert "the indexer tells subscribers when it runs (no server: " in said
    assert len(store.pending_changes()) == 1
    made = document(inbox, "split", "gpe:belarusia")
    assert (made["published"], made["reason"][:9]) == (False, "no server")


def test_the_next_command_tells_what_waited(
    inbox: Path, redis: SyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("WIREDESK_REDIS_URL")
        entities(inbox, "merge", "gpe:belarusia", "--into", BELARUS)
    entities(inbox, "split", "gpe:belarusia")
    assert redis.xlen(Keys("news").stream(ENTITY_STREAM)) == 2


def test_a_store_that_another_process_writes_is_a_clear_message(
    inbox: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = partial(SqliteStore, busy_timeout=0.05)
    monkeypatch.setattr("services.indexer.store.sqlite.SqliteStore", hurried)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = entities(inbox, "merge", NED, "--into", PRICE, "--force", code=Exit.UNAVAILABLE)
    assert "another process is writing" in said
    assert "nothing was changed, try again" in said
    assert store.aliases() == []


def wiredesk(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from services.console.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "entities", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_where_no_store_is_none_is_made(tmp_path: Path) -> None:
    for arguments in (["aliases"], ["merge", "a", "--into", "b"]):
        done = wiredesk(*arguments, "--inbox", str(tmp_path / "inbox"))
        assert done.returncode == Exit.CONFIG
        assert "no store at" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_older_store_is_left_to_the_indexer(tmp_path: Path) -> None:
    path = tmp_path / "inbox" / ".wiredesk" / "store.sqlite3"
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    done = wiredesk("merge", "a", "--into", "b", "--inbox", str(tmp_path / "inbox"))
    assert done.returncode == Exit.CONFIG
    assert "Start the indexer once" in done.stderr


# --- Hostile names ----------------------------------------------------------------------------


def test_nothing_that_an_entity_is_called_reaches_the_terminal_as_a_command(
    inbox: Path, store: SqliteStore
) -> None:
    key = f"person:{HOSTILE}"
    article = naming(9, NED)
    entity = article.entities[0].model_copy(update={"key": key, "name": HOSTILE})
    store.file([article.model_copy(update={"entities": (entity,), "headline": HOSTILE})])
    for arguments in (
        ["find", "show"],
        ["find", key],
        ["show", key],
        ["merge", key, "--into", NED],
        ["aliases"],
        ["show", NED],
        ["split", key],
    ):
        assert_harmless(entities(inbox, *arguments))
    for arguments in (["find", key], ["show", key], ["aliases"]):
        assert_harmless(entities(inbox, *arguments, "--json"))
    assert_harmless(entities(inbox, "show", f"{key}x", code=1))
    assert_harmless(entities(inbox, "merge", f"{key}x", "--into", NED, code=1))
