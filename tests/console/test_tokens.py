"""``wiredesk tokens``: what an operator types and sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from services.console.main import app
from services.indexer.store.opening import open_store
from services.serving import tokens
from services.serving.tokens import TOKEN_SHAPE, TokenBook
from services.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk that was never started: a folder."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def run(inbox: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints, where it ends with ``code``: on stdout, or why it failed."""
    result = CliRunner().invoke(app, ["tokens", *arguments, "--inbox", str(inbox)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout if code == 0 else result.stderr


def kept(inbox: Path) -> dict[str, Any]:
    with open_store(Settings(inbox=inbox)) as store:
        return tokens.read(store)


def test_a_token_is_shown_once_and_works(inbox: Path) -> None:
    """On a line of its own; afterwards nothing shows it."""
    text, *rest = run(
        inbox, "add", "archive", "--scope", "subscribe", "--scope", "read"
    ).splitlines()
    assert TOKEN_SHAPE.fullmatch(text)
    assert rest[0].startswith("May read, subscribe.")
    holder = TokenBook(kept(inbox)).holder(text, datetime.now(UTC))
    assert holder is not None
    assert holder.name == "archive"
    assert set(holder.scopes) == {"read", "subscribe"}
    assert text.split("_")[2] not in run(inbox, "list") + run(inbox, "list", "--json")
    assert text.split("_")[2].encode() not in Settings(inbox=inbox).store.read_bytes()


def test_a_token_may_read_unless_it_is_said(inbox: Path) -> None:
    run(inbox, "add", "archive")
    assert kept(inbox)["archive"].scopes == ("read",)


@pytest.mark.parametrize(
    ("span", "length"),
    [("30m", timedelta(minutes=30)), ("12h", timedelta(hours=12)), ("90d", timedelta(days=90))],
)
def test_a_token_may_end(inbox: Path, span: str, length: timedelta) -> None:
    document = json.loads(run(inbox, "add", "trial", "--expires", span, "--json"))
    token = kept(inbox)["trial"]
    assert token.expires_at - token.created_at == length
    assert datetime.fromisoformat(document["expires_at"]) == token.expires_at
    assert TOKEN_SHAPE.fullmatch(document["token"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--scope", "write"], "one of read, subscribe, operate; not 'write'"),
        (["--expires", "soon"], "30m, 12h or 90d"),
        (["--expires", "0d"], "30m, 12h or 90d"),
        (["--expires", "-1d"], "30m, 12h or 90d"),
    ],
)
def test_what_cant_be_made_is_said_and_nothing_is_made(
    inbox: Path, arguments: list[str], reason: str
) -> None:
    assert reason in run(inbox, "add", "archive", *arguments, code=1)
    assert kept(inbox) == {}


def test_a_name_is_given_once(inbox: Path) -> None:
    run(inbox, "add", "archive")
    first = kept(inbox)
    assert "remove it first" in run(inbox, "add", "archive", "--scope", "operate", code=1)
    assert "can't be a token's name" in run(inbox, "add", "a b", code=1)
    assert kept(inbox) == first


def test_a_folder_that_isnt_there_becomes_no_desk(tmp_path: Path) -> None:
    """Most likely it was mistyped."""
    result = CliRunner().invoke(app, ["tokens", "add", "x", "--inbox", str(tmp_path / "no")])
    assert result.exit_code != 0
    assert "no desk at" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_listed_by_name_with_what_they_may_do_and_until_when(inbox: Path) -> None:
    run(inbox, "add", "paging", "--scope", "operate")
    run(inbox, "add", "archive", "--expires", "90d")
    over, old = tokens.make(
        ["read"], datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    )
    used = old.model_copy(update={"last_used_at": datetime(2026, 1, 1, 9, 30, tzinfo=UTC)})
    with open_store(Settings(inbox=inbox)) as store:
        tokens.add(store, "old", used)
    lines = [" ".join(line.split()) for line in run(inbox, "list").splitlines()]
    archive, old_line, paging = lines[2:]
    assert archive.startswith("archive read")
    assert old_line == "old read 2026-01-01 00:00 2026-01-02 00:00 (over) 2026-01-01 09:30"
    assert paging.startswith("paging operate")
    assert paging.endswith("never –")
    documents = json.loads(run(inbox, "list", "--json"))
    assert [document["name"] for document in documents] == ["archive", "old", "paging"]
    assert all("sha256" not in document for document in documents)
    assert over not in str(documents)


def test_a_desk_without_tokens_says_who_may_do_what(inbox: Path) -> None:
    open_store(Settings(inbox=inbox)).close()
    assert "everybody on this machine" in run(inbox, "list")


def test_a_removed_token_is_gone_and_the_others_stay(inbox: Path) -> None:
    run(inbox, "add", "archive")
    run(inbox, "add", "paging")
    assert "removed" in run(inbox, "remove", "archive")
    assert list(kept(inbox)) == ["paging"]
    assert "wiredesk tokens list" in run(inbox, "remove", "archive", code=1)


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1", "may do everything now"), ("0.0.0.0", "refuses everybody now")],  # noqa: S104
)
def test_removing_the_last_token_says_what_follows(
    inbox: Path, monkeypatch: pytest.MonkeyPatch, host: str, said: str
) -> None:
    monkeypatch.setenv("WIREDESK_API_HOST", host)
    run(inbox, "add", "archive")
    assert said in run(inbox, "remove", "archive")


def test_removing_from_a_desk_that_isnt_there_makes_none(inbox: Path) -> None:
    result = CliRunner().invoke(app, ["tokens", "remove", "x", "--inbox", str(inbox)])
    assert "no store" in str(result.exception)
    assert list(inbox.iterdir()) == []


def test_a_spoilt_token_can_be_removed(inbox: Path) -> None:
    """It keeps the desk closed; what the error says to do must work."""
    with open_store(Settings(inbox=inbox)) as store:
        store.put("token", "spoilt", "{}")
    result = CliRunner().invoke(app, ["tokens", "list", "--inbox", str(inbox)])
    assert "wiredesk tokens remove spoilt" in str(result.exception)
    run(inbox, "remove", "spoilt")
    assert kept(inbox) == {}
