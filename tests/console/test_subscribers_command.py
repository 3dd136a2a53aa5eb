"""``wiredesk subscribers``: what it prints, and how it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from services.bus.keys import DATA_FIELD, DEAD_STREAM, ENRICHED_STREAM
from services.console.main import app
from tests.bus.desk import Desk
from tests.bus.feed_kit import event

if TYPE_CHECKING:
    from pathlib import Path

    from redis import Redis

    from services.settings import Settings


@pytest.fixture
def desk(
    redis: Redis,
    settings: Settings,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("WIREDESK_REDIS_URL", redis_url)
    monkeypatch.setenv("WIREDESK_INBOX", str(tmp_path))
    desk = Desk(redis, settings)
    for number in range(3):
        key = desk.keys.stream(ENRICHED_STREAM)
        desk.redis.xadd(key, {DATA_FIELD: event(number)}, id=f"{3_600_000 * (number + 1)}-0")
    return desk


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["subscribers", *arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_a_subscriber_is_added_listed_moved_and_removed(desk: Desk) -> None:
    assert "the next event that comes" in said("add", "dashboard", "--limit", "7")
    (state,) = json.loads(said("list", "--json"))
    assert (state["name"], state["stream"], state["lag"]) == ("dashboard", "enriched", 0)
    assert (state["limit"], state["registered"], state["lost"]) == (7, True, False)
    moved = said("move", "dashboard", "--to", "1970-01-01T02:00Z")
    assert "its first event is from 1970-01-01 02:00 UTC" in moved
    assert json.loads(said("list", "--json"))[0]["lag"] == 2
    assert "dashboard removed from enriched" in said("remove", "dashboard")
    assert "no subscribers" in said("list")
    assert desk.redis.xinfo_groups(desk.keys.stream(ENRICHED_STREAM)) == []


def test_what_is_gone_already_is_told_when_one_is_added(desk: Desk) -> None:
    desk.redis.xtrim(desk.keys.stream(ENRICHED_STREAM), minid="10800000-0", approximate=False)
    desk.redis.hset(desk.keys.trimmed(), "enriched", "7200000-0")
    told = said("add", "dashboard", "--from", "beginning")
    assert "began earlier and is gone" in told
    assert "its first event is from 1970-01-01 03:00 UTC" in told


def test_groups_made_by_hand_are_listed_and_can_be_registered(desk: Desk) -> None:
    desk.redis.xgroup_create(desk.keys.stream(ENRICHED_STREAM), "mine", id="0")
    assert "enriched mine 3 0" in said("list")
    assert json.loads(said("list", "--json"))[0]["registered"] is False
    assert "added, with its group as it stands" in said("add", "mine")
    assert json.loads(said("list", "--json"))[0]["registered"] is True


def test_which_stream_must_be_said_where_there_are_several(desk: Desk) -> None:
    said("add", "audit")
    said("add", "audit", "--stream", "dead", "--from", "beginning")
    assert "say --stream (enriched, dead)" in said("remove", "audit", code=1)
    said("remove", "audit", "--stream", "dead")
    assert desk.redis.xinfo_groups(desk.keys.stream(DEAD_STREAM)) == []
    said("remove", "audit")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add", "indexer"), "a name of Wiredesk's own"),
        (("add", "a b"), "a name has up to 64 letters"),
        (("add", "a", "--from", "yesterday"), "beginning, now, or a time"),
        (("add", "a", "--from", "2999-01-01"), "lies in the future"),
        (("add", "a", "--stream", "raw"), "no stream 'raw' for subscribers; there are enriched"),
        (("move", "nobody", "--to", "now"), "no subscriber is called nobody"),
        (("remove", "nobody", "--stream", "enriched"), "enriched has no subscriber nobody"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_what_is_not_done_is_said_with_the_reason(arguments: tuple[str, ...], reason: str) -> None:
    assert reason in said(*arguments, code=1)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("option", "reason"),
    [("--topic=econom", "did you mean"), ("--language=english", "no code of ISO 639")],
)
def test_tail_refuses_a_condition_that_nothing_can_meet(option: str, reason: str) -> None:
    result = CliRunner().invoke(app, ["tail", option])
    assert result.exit_code == 1
    assert reason in result.output
