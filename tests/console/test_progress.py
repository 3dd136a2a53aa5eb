"""How far long files are, in the sign of life and in ``wiredesk status``."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.bus.keys import ENRICHMENT, Keys, receipts_stage
from services.bus.overview import Overview
from services.console.main import app
from services.console.progress import LongFile, duration, line_of_file, long_files
from services.console.status import as_document, show
from tests.factories import NAMESPACE

if TYPE_CHECKING:
    from redis import Redis

    from services.settings import Settings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def entry(**over: Any) -> dict[str, Any]:
    """One long file as ingest writes it: a quarter of it read in a minute."""
    return {
        "file": "archive/big.jsonl",
        "drop_id": str(NAMESPACE),
        "offset": 250_000,
        "size": 1_000_000,
        "records": 12_345,
        "settled": 12_300,
        "since": NOON.isoformat(),
    } | over


def worker(**over: Any) -> dict[str, Any]:
    """A sign of life of ingest."""
    return {"stage": "ingest", "host": "h", "pid": 7, "done": 3, "failed": 0, "version": "1"} | over


def line(seconds: float, **over: Any) -> str:
    (file,) = long_files([worker(progress=[entry(**over)])])
    return line_of_file(file, NOON + timedelta(seconds=seconds))


def test_a_line_says_percent_records_rate_and_time_left() -> None:
    assert line(60) == (
        "archive/big.jsonl: 25 %, 12,345 records (12,300 settled), 206 a second, 3 min left"
    )


def test_right_after_the_start_no_rate_is_guessed() -> None:
    assert line(1) == "archive/big.jsonl: 25 %, 12,345 records (12,300 settled)"


def test_before_the_first_byte_no_time_left_is_guessed() -> None:
    assert line(60, offset=0, records=0, settled=0) == (
        "archive/big.jsonl: 0 %, 0 records (0 settled), 0 a second"
    )


def test_a_clock_behind_and_sizes_that_do_not_fit_are_no_errors() -> None:
    assert line(-5).startswith("archive/big.jsonl: 25 %")
    assert "0 %" in line(60, size=0)
    assert "100 %" in line(60, offset=2_000_000)
    assert line(60, offset=1_000_000).endswith("0 s left")


def test_workers_without_progress_have_no_long_files() -> None:
    """Other stages, and an ingest of an older version."""
    assert long_files([worker(), worker(progress=[]), worker(stage="indexer")]) == []


def test_long_files_of_several_workers_come_in_their_order() -> None:
    workers = [worker(progress=[entry(file="a"), entry(file="b")]), worker(progress=[entry()])]
    assert [file.file for file in long_files(workers)] == ["a", "b", "archive/big.jsonl"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (40.4, "40 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (1e6, "12 days")],
)
def test_a_duration_has_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_share_never_leaves_its_bounds() -> None:
    file = LongFile("f", 5, 0, 0, 0, NOON)
    assert file.share == 0
    assert file.seconds_left(NOON + timedelta(minutes=1)) is None


# --- status -----------------------------------------------------------------------------------


def shown(*workers: dict[str, Any]) -> str:
    output = io.StringIO()
    show(Overview((), workers), 5, Console(file=output, width=60, color_system=None))
    return output.getvalue()


def test_status_has_a_line_for_each_long_file() -> None:
    text = shown(worker(progress=[entry(), entry(file="other.warc")]), worker(stage="indexer"))
    assert "archive/big.jsonl: 25 %, 12,345 records (12,300 settled)" in text
    assert "other.warc: 25 %" in text


def test_status_without_long_files_is_as_it_was() -> None:
    assert "%" not in shown(worker(), worker(progress=[]))


def test_a_hostile_name_is_shown_escaped_and_is_no_markup() -> None:
    text = shown(worker(progress=[entry(file="[red]x[/red]\x1b[2J\nforged: 99 %")]))
    assert "\x1b" not in text
    assert not any(line.startswith("forged") for line in text.splitlines())
    assert "[red]x[/red]\\x1b[2J\\nforged" in text


def test_the_document_holds_the_progress_as_ingest_wrote_it() -> None:
    document = as_document(Overview((), (worker(progress=[entry()]),)), None)
    assert document["workers"][0]["progress"] == [entry()]


def test_status_reads_the_sign_of_life_from_the_server(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys(settings.namespace)
    since = datetime.now(UTC) - timedelta(seconds=60)
    sign = worker(progress=[entry(since=since.isoformat())])
    redis.set(keys.alive(receipts_stage(NAMESPACE), "one"), json.dumps(sign), ex=60)
    redis.set(keys.alive(ENRICHMENT, "two"), json.dumps(worker(stage="enrichment")), ex=60)
    assert settings.redis_url is not None
    monkeypatch.setenv("WIREDESK_REDIS_URL", settings.redis_url.get_secret_value())
    done = CliRunner().invoke(app, ["status", "--inbox", str(settings.inbox)])
    assert done.exit_code == 0, done.output
    (said,) = [line for line in done.stdout.splitlines() if "big.jsonl" in line]
    assert said.startswith("archive/big.jsonl: 25 %, 12,345 records (12,300 settled), 2")
    assert said.endswith("3 min left")
