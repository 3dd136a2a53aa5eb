"""``wiredesk ledger`` as it is typed: what it prints, in 80 columns, and how it ends."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from services.console.ledger_command import hour_of
from services.console.main import app
from services.ingest.journal_schema import MIGRATIONS
from tests.console.ledger_kit import REFUSED, Desk, article

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis as SyncRedis

    from services.settings import Settings


@pytest.fixture
def desk(
    redis: SyncRedis, settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    del redis
    monkeypatch.setenv("WIREDESK_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "80")
    made = Desk(settings)
    yield made
    made.close()


def ledger(desk: Desk, *options: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    inbox = ["--inbox", str(desk.settings.inbox)]
    result = CliRunner().invoke(app, ["ledger", *inbox, *options], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_an_account_that_balances_ends_with_0(desk: Desk) -> None:
    desk.take("a.xml", article(1), article(2, headline=REFUSED), "unreadable")
    desk.finish()
    desk.take("b.xml", article(3))
    code, said = ledger(desk)
    assert code == 0
    lines = {line.split()[0]: line.split()[1] for line in said.splitlines()[:8]}
    assert lines["received"] == "4"
    assert lines["indexed"] == "1"
    assert "rejected    2  1 by ingest, 1 by stages (in the server's list, too)" in said
    assert "in flight   1  1 on the raw stream" in said
    assert said.rstrip().endswith("balanced: 4 received, 4 explained")


@pytest.mark.parametrize("by", ["file", "source", "hour"])
def test_lines_fit_80_columns_with_their_total_below(desk: Desk, by: str) -> None:
    name = "a/long/folder/of/a/long/provider/with-a-long-name-of-a-file.xml"
    desk.take(name, article(1), article(2, headline=REFUSED, provider="P" * 100), "unreadable")
    desk.take("b.xml", article(1, text="new", headline="newer"))
    desk.finish()
    code, said = ledger(desk, "--by", by)
    assert code == 0
    assert max(len(line) for line in said.splitlines()) <= 80
    heads = said.splitlines()[0].split()
    total = next(line for line in said.splitlines() if line.startswith("total")).split()[1:]
    counts = dict(zip(heads, map(int, total), strict=True))
    assert counts["recvd"] == 4
    assert counts["recvd"] == sum(counts.values()) - counts["recvd"]


def test_what_is_lost_is_named_with_what_to_do_and_ends_with_1(desk: Desk) -> None:
    drop_id, (lost, _) = desk.take("a.xml", article(1), article(2))
    desk.enrich()
    desk.file()
    desk.step(desk.receipts, lambda _: None, count=1)
    desk.settle()
    code, said = ledger(desk)
    assert code == 1
    assert f"! article {lost.article_id} · a.xml · record 1" in said
    assert f"drop {drop_id}; last seen: entry " in said
    assert "what to do: " in said
    assert said.rstrip().endswith(
        "DOES NOT BALANCE: 2 received, 2 explained; 1 article named above"
    )
    code, said = ledger(desk, "--json")
    document = json.loads(said)
    assert code == 1
    assert document["balanced"] is False
    (named,) = document["unaccounted"]
    assert named["article_id"] == str(lost.article_id)
    assert named["drop_id"] == str(drop_id)
    assert {"problem", "advice", "file", "position", "last_seen"} <= set(named)


def test_names_out_of_files_cannot_steer_the_terminal(desk: Desk) -> None:
    desk.take("a\x1b[2J.xml", article(1, provider="evil\x1b]0;x\x07[red]"))
    desk.finish()
    for by in ("file", "source"):
        _, said = ledger(desk, "--by", by)
        assert "\x1b" not in said
        assert "\x07" not in said


def test_json_has_every_line_and_the_evidence(desk: Desk) -> None:
    desk.take("a.xml", article(1), article(2, headline=REFUSED))
    desk.finish()
    code, said = ledger(desk, "--json", "--by", "source")
    document = json.loads(said)
    assert code == 0
    assert document["balanced"] is True
    assert document["total"]["received"] == 2
    assert [line["key"] for line in document["lines"]] == ["Wire"]
    rejected = {"at_reading": 0, "by_stages": 1, "listed_by_server": 1}
    assert document["rejected"] == rejected
    assert document["inbox_id"] == str(desk.journal.inbox_id)


def test_what_can_t_be_looked_at_is_said_and_ends_with_69(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take("a.xml", article(1), send=False)
    monkeypatch.setenv("WIREDESK_REDIS_URL", "redis://127.0.0.1:1")
    code, said = ledger(desk)
    assert code == 69
    assert "not looked at: the server: " in said
    assert "not balanced: 1 received, 1 explained" in said


def test_an_inbox_without_a_journal_or_with_an_old_one_says_what_to_do(
    desk: Desk, settings: Settings
) -> None:
    desk.journal._connection.execute("PRAGMA user_version = 1")
    with pytest.raises(Exception, match=f"version 1, not {len(MIGRATIONS)}: start ingest once"):
        ledger(desk)
    inbox = settings.inbox.parent / "none"
    with pytest.raises(Exception, match="give --inbox FOLDER"):
        CliRunner().invoke(app, ["ledger", "--inbox", str(inbox)], catch_exceptions=False)


def test_since_takes_times_and_ages() -> None:
    now = int(time.time()) // 3600
    assert hour_of("2026-03-02") == hour_of("2026-03-02T00:59") == 492336
    assert hour_of("2026-03-02T03:00+02:00") == 492337
    assert hour_of("3h") in {now - 3, now - 2}
    assert hour_of("1w") in {now - 168, now - 167}
    result = CliRunner().invoke(app, ["ledger", "--since", "yesterday"])
    assert result.exit_code == 2
    assert "how long ago" in " ".join(result.output.split())
