"""``wiredesk webhooks``: what an operator types and gets back."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from services.bus.keys import OUTCOME_STREAM
from services.console.main import app
from services.indexer.store.opening import open_store
from services.indexer.webhooks.document import Webhook, webhook_of
from services.indexer.webhooks.signing import key_of
from tests.bus.desk import changed
from tests.webhooks.kit import (
    SECRET,
    Shelf,
    comes,
    courier,
    delivery,
    group_exists,
    put,
    settled,
)
from tests.webhooks.receiver import Receiver, Reply, signature

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings
    from tests.bus.desk import Desk

SHOWN = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def inbox(settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk's folder with an empty store, and a server."""
    assert settings.redis_url is not None
    assert desk.redis.ping()
    monkeypatch.setenv("WIREDESK_REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("WIREDESK_WEBHOOK_PRIVATE_TARGETS", "true")
    monkeypatch.setenv("COLUMNS", "250")
    settings.inbox.mkdir()
    open_store(settings).close()
    return settings.inbox


def webhooks(inbox: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints, where it ends with ``code``: on stdout, or why it failed."""
    result = CliRunner().invoke(app, ["webhooks", *arguments, "--inbox", str(inbox)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr or result.stdout


def as_json(inbox: Path, *arguments: str) -> Any:
    return json.loads(webhooks(inbox, *arguments, "--json"))


def kept(settings: Settings) -> Webhook:
    with closing(open_store(settings)) as store:
        return webhook_of(store, "archive")


def test_a_secret_is_shown_once_and_never_again(
    inbox: Path, settings: Settings, receiver: Receiver
) -> None:
    (secret,) = SHOWN.findall(webhooks(inbox, "add", "archive", receiver.url))
    assert len(key_of(secret)) == 32
    assert kept(settings).secret == secret
    for command in (["list"], ["list", "--json"], ["show", "archive"], ["pause", "archive"]):
        assert "whsec_" not in webhooks(inbox, *command)
    assert "whsec_" not in webhooks(inbox, "show", "archive", "--json")


def test_a_secret_of_ones_own_comes_from_a_file_and_is_not_shown(
    inbox: Path, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    said = webhooks(inbox, "add", "archive", receiver.url, "--secret-file", str(file))
    assert "whsec_" not in said
    assert kept(settings).secret == SECRET
    file.write_text("whsec_short")
    refused = webhooks(inbox, "add", "b", receiver.url, "--secret-file", str(file), code=1)
    assert "base64" in refused or "bytes" in refused


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["bad/name", "http://127.0.0.1/"], "letters"),
        (["a", "ftp://127.0.0.1/"], "https://"),
        (["a", "http://me:pass@127.0.0.1/"], "password"),
        (["a", "http://no.such.name.invalid/"], "no address"),
        (["a", "http://127.0.0.1/", "--type", "received"], "enriched"),
        (["a", "http://127.0.0.1/", "--topic", "no such topic"], "unknown topic"),
        (["a", "http://127.0.0.1/", "--from", "tomorrow"], "beginning"),
        (["a", "http://127.0.0.1/", "--secret-file", "/no/such/file"], "can't be read"),
    ],
)
def test_what_cannot_be_added_is_refused_with_the_reason(
    inbox: Path, settings: Settings, arguments: list[str], why: str
) -> None:
    assert why in webhooks(inbox, "add", *arguments, code=1)
    with closing(open_store(settings)) as store:
        assert store.entries("webhook") == {}


def test_private_addresses_are_refused_unless_allowed(
    inbox: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIREDESK_WEBHOOK_PRIVATE_TARGETS")
    said = webhooks(inbox, "add", "archive", receiver.url, code=1)
    assert "loopback" in said
    assert "WIREDESK_WEBHOOK_PRIVATE_TARGETS" in said


def test_a_name_is_given_once(inbox: Path, receiver: Receiver) -> None:
    webhooks(inbox, "add", "archive", receiver.url)
    assert "already" in webhooks(inbox, "add", "archive", receiver.url, code=1)
    assert "no webhook" in webhooks(inbox, "show", "other", code=1)


def test_it_begins_now_at_the_beginning_or_at_a_time(
    inbox: Path, desk: Desk, receiver: Receiver
) -> None:
    """Its queue is there at once, so that nothing is trimmed before the indexer looks."""
    put(desk, 1, 2)
    for name, start, lag in (
        ("late", "now", 0),
        ("early", "beginning", 2),
        ("timed", "2026-01-01T00:00Z", 2),
    ):
        webhooks(inbox, "add", name, receiver.url, "--from", start)
        assert group_exists(desk, name)
        assert as_json(inbox, "show", name)["queue"]["lag"] == lag


def test_the_list_says_how_each_goes(
    inbox: Path, desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks(inbox, "add", "archive", receiver.url, "--type", "enriched", "--type", "filed")
    assert "is the indexer running" in webhooks(inbox, "list")
    put(desk, 1)
    (state,) = as_json(inbox, "list")
    assert state["wants"]["types"] == ["wiredesk.article.enriched.v1", "wiredesk.article.filed.v1"]
    assert (state["queue"]["lag"], state["queue"]["delivering"]) == (1, False)
    assert state["queue"]["oldest_seconds"] >= 0
    monkeypatch.setenv("COLUMNS", "80")
    table = webhooks(inbox, "list")
    assert max(map(len, table.splitlines())) <= 80
    assert "running?" in table
    webhooks(inbox, "pause", "archive", "--reason", "they move house")
    monkeypatch.setenv("COLUMNS", "250")
    assert "they move house" in webhooks(inbox, "list")
    webhooks(inbox, "resume", "archive")
    assert as_json(inbox, "show", "archive")["paused"] is None


def test_a_test_sends_one_signed_event_and_shows_the_answer(
    inbox: Path, settings: Settings, receiver: Receiver
) -> None:
    webhooks(inbox, "add", "archive", receiver.url)
    receiver.answer = lambda _request: Reply(200, body=b"thanks \x1b[31m")
    said = webhooks(inbox, "test", "archive")
    assert "taken: status 200" in said
    assert "thanks \\x1b[31m" in said
    (request,) = receiver.requests
    assert json.loads(request.body)["type"] == "wiredesk.webhook.ping.v1"
    secret = kept(settings).secret
    assert request.headers["webhook-signature"] == signature(secret, request)
    receiver.answer = lambda _request: Reply(500)
    assert "not taken: status 500" in webhooks(inbox, "test", "archive", code=1)


def test_a_new_secret_signs_beside_the_old_one(
    inbox: Path, settings: Settings, receiver: Receiver
) -> None:
    webhooks(inbox, "add", "archive", receiver.url)
    old = kept(settings).secret
    (new,) = SHOWN.findall(webhooks(inbox, "rotate", "archive"))
    webhooks(inbox, "test", "archive")
    (request,) = receiver.requests
    expected = f"{signature(new, request)} {signature(old, request)}"
    assert request.headers["webhook-signature"] == expected


def test_what_is_removed_leaves_nothing_behind(inbox: Path, desk: Desk, receiver: Receiver) -> None:
    webhooks(inbox, "add", "archive", receiver.url, "--type", "enriched", "--type", "filed")
    webhooks(inbox, "remove", "archive")
    assert not group_exists(desk)
    assert desk.redis.xinfo_groups(desk.keys.stream(OUTCOME_STREAM)) == []
    assert desk.redis.keys("*webhook*") == []
    assert as_json(inbox, "list") == []
    assert "no webhook" in webhooks(inbox, "remove", "archive", code=1)


@pytest.mark.anyio
async def test_dead_letters_are_listed_sent_again_and_dropped(
    inbox: Path, desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    once = changed(settings, webhook_max_attempts=1)

    async def said(*arguments: str, code: int = 0) -> str:
        return await asyncio.to_thread(webhooks, inbox, *arguments, code=code)

    await said("add", "archive", receiver.url)
    events = put(desk, 1, 2, 3)
    receiver.answer = lambda _request: Reply(422)
    async with courier(once, kept(settings)):
        await comes(receiver, 1, 2, 3)
        await settled(once)
        letters = json.loads(await said("dead", "archive", "--json"))
        assert [letter["reason"] for letter in letters] == ["status 422"] * 3
        assert [letter["event_id"] for letter in letters] == [r.id for r in receiver.requests]
        assert "status 422" in await said("dead", "archive")
        assert "1 dead letter forgotten" in await said("dead", "archive", "drop", letters[0]["id"])
        assert "no such" in await said("dead", "archive", "drop", "1-1", code=1)
        assert "say which" in await said("dead", "archive", "retry", code=1)
        receiver.answer = lambda _request: Reply()
        assert "2 dead letters sent again" in await said("dead", "archive", "retry", "--all")
        await comes(receiver, 1, 2, 3, 2, 3)
        await settled(once)
    assert [request.body for request in receiver.requests[3:]] == events[1:]
    assert json.loads(await said("dead", "archive", "--json")) == []
    assert desk.redis.xlen(desk.keys.webhook("archive", "again")) == 0


@pytest.mark.anyio
async def test_what_a_command_adds_is_delivered_by_the_indexer(
    inbox: Path,
    desk: Desk,
    settings: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closing(open_store(settings)) as store:
        assert not isinstance(store, Shelf)
        async with delivery(settings, store, monkeypatch):
            await asyncio.to_thread(webhooks, inbox, "add", "archive", receiver.url)
            put(desk, 1)
            await comes(receiver, 1)
            await asyncio.to_thread(webhooks, inbox, "remove", "archive")
            put(desk, 2)
    assert receiver.numbers == [1]
