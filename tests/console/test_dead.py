"""``wiredesk dead`` and ``wiredesk resume``: what they print, ask and refuse."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from services.bus.budget import Budget, Halted
from services.bus.connect import client, server_url
from services.bus.envelope import Unreadable
from services.bus.errors import Reject
from services.bus.keys import DEAD_STREAM, ENRICHMENT, RAW_STREAM
from services.bus.messages import (
    Fault,
    Item,
    Message,
    burial_of,
    burial_of_unreadable,
    fault_of,
    fault_of_reading,
    fault_of_reject,
)
from services.bus.publisher import received_event
from services.bus.scripts import Scripts
from services.console.dead import WIDTH, line
from services.console.main import app
from tests.bus.desk import Desk, article, changed
from tests.factories import article_id

if TYPE_CHECKING:
    from pathlib import Path

    from redis import Redis

    from schemas.article import RawArticle
    from services.settings import Settings

BAD = Reject("no good", "send another")
HOSTILE = "reject \x1b[31mred\u202e"


@pytest.fixture
def desk(
    redis: Redis,
    settings: Settings,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """A desk with three dead letters: two rejected, one that raised."""
    monkeypatch.setenv("WIREDESK_REDIS_URL", redis_url)
    monkeypatch.setenv("WIREDESK_INBOX", str(tmp_path))
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    desk = Desk(redis, settings)
    faults = (fault_of_reject(BAD), fault_of_reject(BAD), fault_of(ValueError("can't do it")))
    for number, headline in enumerate(("reject 1", HOSTILE, "raise 3"), start=1):
        bury(desk, article(number, headline), faults[number - 1])
    return desk


def bury(desk: Desk, raw: RawArticle, fault: Fault) -> None:
    """What a stage leaves behind of an article that died there at its third attempt."""
    event = received_event(raw)
    item = Item(desk.put(event), event, raw, None, 3)
    burial = burial_of(ENRICHMENT, desk.keys.stream(RAW_STREAM), item, fault)
    desk.put(burial.dead_letter, DEAD_STREAM)


def run(*arguments: str, code: int = 0, answer: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=answer)
    assert result.exit_code == code, result.output
    return result.output


def dead(*arguments: str, code: int = 0, answer: str | None = None) -> str:
    return run("dead", *arguments, code=code, answer=answer)


def test_list_has_one_line_of_80_columns_for_each_letter(desk: Desk) -> None:
    head, *lines = dead("list").splitlines()
    assert head.split() == ["id", "died", "(UTC)", "stage", "error", "try", "file"]
    assert [text.split()[0] for text in lines] == desk.ids(DEAD_STREAM)
    assert [text.split()[-1] for text in lines] == ["1.txt", "2.txt", "3.txt"]
    assert [text.split()[4] for text in lines] == ["Reject", "Reject", "ValueError"]
    assert all(len(text) <= WIDTH for text in lines)


def test_a_long_path_keeps_its_end_and_the_line_its_width() -> None:
    path = "wires/" * 20 + "the-file.xml"
    text = line("1772452800000-12", "11-20 10:00", "enrichment", "E" * 40, "3", path)
    assert len(text) == WIDTH
    assert text.endswith("the-file.xml")


def test_list_as_json_tells_all_but_the_stack_and_the_message(desk: Desk) -> None:
    documents = json.loads(dead("list", "--json"))
    assert [each["id"] for each in documents] == desk.ids(DEAD_STREAM)
    third = documents[2]
    assert (third["error_type"], third["attempts"], third["retries"]) == ("ValueError", 3, 0)
    assert (third["source"], third["file"]) == ("Example Wire", "3.txt")
    assert "stack" not in third
    assert "original" not in third


@pytest.mark.parametrize(
    ("conditions", "files"),
    [
        (("--reason", "valueerror"), ["3.txt"]),
        (("--stage", "indexer"), []),
        (("--file", "2.t", "--stage", "enrichment"), ["2.txt"]),
        (("--source", "EXAMPLE"), ["1.txt", "2.txt", "3.txt"]),
        (("--since", "2100-01-01"), []),
        (("--until", "2100-01-01T00:00+02:00"), ["1.txt", "2.txt", "3.txt"]),
        (("--ids", f"{article_id(1)},{article_id(3)}"), ["1.txt", "3.txt"]),
        ((str(article_id(2)),), ["2.txt"]),
    ],
)
@pytest.mark.usefixtures("desk")
def test_list_shows_what_meets_the_conditions(
    conditions: tuple[str, ...], files: list[str]
) -> None:
    documents = json.loads(dead("list", *conditions, "--json"))
    assert [each["file"] for each in documents] == files
    if not files:
        assert "no such dead letters" in dead("list", *conditions)


@pytest.mark.usefixtures("desk")
def test_a_time_that_is_none_is_refused() -> None:
    assert "is no time" in dead("list", "--since", "yesterday", code=1)


def test_show_tells_everything_of_a_letter_by_its_id_or_its_article_s(desk: Desk) -> None:
    third = desk.ids(DEAD_STREAM)[2]
    for name in (third, str(article_id(3))):
        text = dead("show", name)
        for part in (
            "enrichment (group enrichment)",
            "ValueError",
            "attempts    3",
            "3.txt",
            str(article_id(3)),
            "ValueError: can't do it",
            "{news}:raw, entry",
            "wiredesk 0.",
            "Example Wire",
        ):
            assert part in text, part
        assert "Mayor" not in text
    shown = dead("show", third, "--original")
    assert '"headline": "raise 3"' in shown
    document = json.loads(dead("show", third, "--json"))
    assert document["event"]["data"]["headline"] == "raise 3"
    assert base64.b64decode(document["original"]) == desk.bodies(RAW_STREAM)[2]


def test_nothing_in_a_letter_commands_the_terminal(desk: Desk) -> None:
    second = desk.ids(DEAD_STREAM)[1]
    for text in (dead("list"), dead("show", second), dead("show", second, "--original")):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.usefixtures("desk")
def test_show_of_what_isn_t_there_says_so() -> None:
    assert "no dead letter '9-9'" in dead("show", "9-9", code=1)


def test_retry_of_one_sends_it_again_without_its_neighbours(desk: Desk) -> None:
    first = desk.ids(DEAD_STREAM)[0]
    assert "1 dead letter sent again" in dead("retry", first, "--yes")
    assert len(desk.ids(DEAD_STREAM)) == 2
    assert desk.events(RAW_STREAM)[-1]["data"]["headline"] == "reject 1"
    assert "no such dead letters" in dead("retry", first, "--yes")


def test_retry_and_drop_ask_first_and_do_nothing_without_an_answer(desk: Desk) -> None:
    for action in ("retry", "drop"):
        for answer in ("n\n", ""):
            text = dead(action, "--reason", "reject", code=1, answer=answer)
            assert f"{action.capitalize()} 2 dead letters (2 of enrichment)?" in text
            assert "nothing was done" in text
    assert len(desk.ids(DEAD_STREAM)) == 3
    assert "2 dead letters dropped" in dead("drop", "--reason", "reject", answer="y\n")
    assert len(desk.ids(DEAD_STREAM)) == 1


def test_a_dry_run_only_says_what_it_would_do(desk: Desk) -> None:
    assert "would retry 3 dead letters (3 of enrichment)" in dead("retry", "--all", "--dry-run")
    document = json.loads(dead("drop", "--all", "--dry-run", "--json"))
    assert document == {"would_drop": desk.ids(DEAD_STREAM)}
    assert len(desk.ids(DEAD_STREAM)) == 3
    assert len(desk.ids(RAW_STREAM)) == 3


@pytest.mark.usefixtures("desk")
def test_all_letters_must_be_asked_for_by_that_name() -> None:
    for action in ("retry", "drop"):
        assert "say which" in dead(action, "--yes", code=1)
        assert "say which" in dead(action, "--all", "--stage", "indexer", "--yes", code=1)


def test_drop_says_that_the_articles_stay_rejected(desk: Desk) -> None:
    text = " ".join(dead("drop", "--all", "--yes").split())
    assert "3 dead letters dropped. The outcome of their articles stays: rejected." in text
    assert desk.ids(DEAD_STREAM) == []
    assert "no dead letters" in dead("list")


def test_retry_as_json_says_what_was_done_and_what_was_refused(desk: Desk) -> None:
    (letter, *_) = desk.events(DEAD_STREAM)
    letter["data"]["stream"] = "{other}:raw"
    name = desk.put(json.dumps(letter).encode(), DEAD_STREAM)
    answer = json.loads(dead("retry", "--all", "--yes", "--json", code=1))
    assert (answer["done"], answer["gone"]) == (3, 0)
    assert list(answer["refused"]) == [name]
    text = " ".join(dead("retry", "--all", "--yes", code=1).split())
    assert f"not sent: {name}: it was read from {{other}}:raw" in text


def test_an_export_holds_the_bytes_that_died_also_those_that_are_no_json(
    desk: Desk, tmp_path: Path
) -> None:
    message = Message(desk.put(b"\xff rubbish"), b"\xff rubbish", Unreadable("not JSON"))
    fault = fault_of_reading(Unreadable("not JSON"))
    buried = burial_of_unreadable(ENRICHMENT, desk.keys.stream(RAW_STREAM), message, fault)
    desk.put(buried.dead_letter, DEAD_STREAM)
    to = tmp_path / "dead.jsonl"
    assert "4 dead letters written" in dead("export", "--to", str(to))
    documents = [json.loads(text) for text in to.read_bytes().splitlines()]
    bytes_of = [base64.b64decode(each["original"]) for each in documents]
    assert bytes_of == desk.bodies(RAW_STREAM)
    assert [each["event"] is None for each in documents] == [False, False, False, True]
    assert documents[2]["event"]["data"]["headline"] == "raise 3"
    out = CliRunner().invoke(app, ["dead", "export", "--reason", "unreadable"])
    (only,) = [json.loads(text) for text in out.stdout.splitlines()]
    assert only["id"] == documents[3]["id"]


# --- resume -----------------------------------------------------------------------------------
@pytest.fixture
def halted(desk: Desk, settings: Settings) -> Desk:
    """The desk with enrichment stopped by its failure budget."""

    async def stop() -> None:
        async with client(server_url(settings)) as redis:
            budgeted = changed(settings, failure_budget_in_a_row=2)
            scripts = Scripts(redis, desk.keys, settings.marker_ttl)
            budget = Budget(ENRICHMENT.group, budgeted, redis, scripts)
            await budget.spend(fault_of_reject(BAD), "1.txt")
            with pytest.raises(Halted):
                await budget.spend(fault_of_reject(BAD), "2.txt")

    asyncio.run(stop())
    return desk


def test_resume_lets_a_stopped_stage_go_on_and_says_why_it_was_stopped(halted: Desk) -> None:
    text = " ".join(run("resume", "enrichment").split())
    assert (
        "enrichment goes on. It was stopped: 2 articles in a row died, 2 of them of: no good"
        in text
    )
    assert not halted.redis.exists(halted.keys.halted(ENRICHMENT.group))
    assert "enrichment is not stopped" in run("resume", "enrichment", code=1)
    assert "no stage is stopped" in run("resume", "--all")


def test_resume_of_all_as_json(halted: Desk) -> None:
    documents: list[dict[str, Any]] = json.loads(run("resume", "--all", "--json"))
    assert [each["stage"] for each in documents] == ["enrichment"]
    assert not halted.redis.exists(halted.keys.halted(ENRICHMENT.group))


@pytest.mark.usefixtures("halted")
def test_resume_of_another_stage_changes_nothing_and_retry_says_what_waits() -> None:
    assert "indexer is not stopped" in run("resume", "indexer", code=1)
    assert "say which" in run("resume", code=1)
    assert "say which" in run("resume", "indexer", "--all", code=1)
    text = " ".join(dead("retry", "--all", "--yes").split())
    assert "enrichment is stopped, and what was sent to it waits" in text
