"""The desk on a screen: everything that matters, on lines that never wrap, at any size."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from services.console.status_cells import Cell, Column, glyphs_of, table
from services.console.status_facts import (
    LedgerNow,
    health_addresses,
    ledger_of,
    read_ledger,
    stages_now,
    state_of,
    state_of_worker,
)
from tests.console.status_kit import (
    HOSTILE,
    NOW,
    dead_note,
    drawn,
    halt,
    printed,
    receipt,
    sight,
    view,
    words,
    worker,
    workers,
)

if TYPE_CHECKING:
    from services.console.status_view import View

UTF, ASCII = glyphs_of("utf-8"), glyphs_of("ascii")


def line(shown: View, start: str, width: int = 80, height: int = 24) -> str:
    """The one line that begins so."""
    (found,) = [each for each in words(shown, width, height) if each.startswith(start)]
    return found


# --- cells -----------------------------------------------------------------------------------
def test_a_text_that_is_too_long_is_cut_with_a_sign() -> None:
    assert UTF.fit("Riverton", 8) == "Riverton"
    assert UTF.fit("Riverton", 7) == "Rivert…"
    assert ASCII.fit("Riverton", 7) == "Rivert~"
    assert UTF.fit("Riverton", 1) == "…"
    assert UTF.fit("Riverton", 0) == ""


def test_wide_characters_are_counted_as_two_columns() -> None:
    assert UTF.fit("東京新聞", 8) == "東京新聞"
    assert UTF.fit("東京新聞", 7) == "東京新…"
    assert cell_len(UTF.fit("東京新聞", 6)) <= 6


def test_parts_are_shown_whole_or_counted() -> None:
    assert UTF.joined(["one", "two", "three"], 40) == "one · two · three"
    assert UTF.joined(["one", "two", "three"], 16) == "one · +2 more"
    assert ASCII.joined(["one", "two"], 40) == "one | two"
    assert UTF.joined(["a very long one", "two"], 8) == "a very…"
    assert UTF.joined([], 8) == ""


def test_bars_are_as_high_as_their_share_of_the_highest() -> None:
    assert UTF.sparkline([0, 1, 4, 8], 4) == "▁▂▅█"
    assert ASCII.sparkline([0, 1, 4, 8], 4) == "_.+#"


def test_bars_that_are_not_yet_there_leave_room_at_the_left() -> None:
    assert UTF.sparkline([3, 3], 4) == "  ██"
    assert UTF.sparkline([], 4) == ""


def test_only_the_newest_bars_are_shown_and_nothing_is_the_lowest() -> None:
    assert UTF.sparkline([9, 0, 0], 2) == "▁▁"


def test_little_beside_much_is_still_to_be_seen() -> None:
    assert UTF.sparkline([1, 10_000], 2) == "▂█"


def test_what_an_output_cannot_encode_is_an_escape() -> None:
    assert ASCII.shown("Zürich") == "Z\\xfcrich"
    assert UTF.shown("Zürich\x1b[31m") == "Zürich\\x1b[31m"


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40), st.text(max_size=12))),
    width=st.integers(1, 120),
)
def test_no_table_is_ever_wider_than_its_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    columns = (Column("NAME", flexible=True), Column("WHY", flexible=True), Column("N", right=True))
    cells = [tuple(Cell(UTF.shown(text)) for text in row) for row in rows]
    for each in table(columns, cells, width, UTF):
        assert each.cell_len <= width
        assert "\n" not in each.plain


def test_a_column_for_wide_terminals_is_left_out_on_narrow_ones() -> None:
    columns = (Column("NAME"), Column("MORE", extra=50))
    rows = [(Cell("a"), Cell("b"))]
    assert [each.plain for each in table(columns, rows, 49, UTF)] == ["NAME", "a"]
    assert [each.plain for each in table(columns, rows, 50, UTF)] == ["NAME  MORE", "a     b"]


# --- the screen --------------------------------------------------------------------------------
SIZES = [(80, 24), (120, 40), (200, 60), (60, 15), (40, 10), (20, 5), (1, 1)]
STATES = {
    "busy": view(),
    "empty": view(sight=sight(workers=(), dead=(), receipts=(), sources=())),
    "halted": view(sight=sight(halts=(halt(), halt("ingest:x")))),
    "waiting": view(sight=sight(workers=workers(waiting_for="server: " + "x" * 300))),
    "away": view(away="no server: " + "nothing answers there " * 20),
    "never seen": view(sight=None, at=None, away="no server"),
    "hostile": view(
        where=HOSTILE,
        sight=sight(
            subscribers=(HOSTILE, "東京" * 60),
            dead=(dead_note(1, file=HOSTILE, reason=HOSTILE, stage=HOSTILE),),
            receipts=(receipt(1, file=HOSTILE), receipt(2, file="東京" * 90)),
            sources=((HOSTILE, 9), ("n" * 300, 4)),
            workers=(
                worker("ingest", waiting_for=HOSTILE, api=HOSTILE, health=f"http://{HOSTILE}:1"),
            ),
        ),
    ),
}


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("state", STATES)
def test_no_line_wraps_and_no_screen_scrolls(state: str, width: int, height: int) -> None:
    for encoding in ("utf-8", "ascii"):
        lines = drawn(STATES[state], width, height, encoding)
        assert len(lines) <= height
        for each in lines:
            assert each.cell_len <= width, each.plain
            assert "\n" not in each.plain
            each.plain.encode(encoding)


def test_nothing_that_others_named_reaches_the_terminal_as_it_is() -> None:
    sent = printed(STATES["hostile"], 200, 60)
    assert "\x1b[2J" not in sent
    assert "\u202e" not in sent
    assert "[red]x[/red]\\x1b[2J\\r\\nforged" in sent
    assert not any(each.startswith("forged") for each in sent.splitlines())


def test_the_usual_terminal_shows_everything_that_matters() -> None:
    text = "\n".join(
        words(view(ledger=LedgerNow(5000, 12, 0, NOW.timestamp() - 30), hint="q: quit"))
    )
    for said in (
        *("Wiredesk  /srv/inbox", "q: quit", "ingest", "enrichment", "indexer", "working", "5,432"),
        *("raw       9,876,543  enrichment", "1,234", "73 s", "ingest:5c1e0000"),
        "LEDGER  5,000 received · 12 in flight · none unaccounted · balanced 30 s ago",
        "SOURCES  Reuters 210 · AP 120 · (no source) 8",
        *("wire-0.xml", "3 indexed, 1 rejected", "20 DEAD LETTERS", "bad-0.xml", "ValueError: no"),
    ):
        assert said in text, said
    assert len(text.splitlines()) == 24


def test_a_wide_terminal_has_more_columns_and_a_high_one_more_lines() -> None:
    narrow, wide = words(view()), words(view(), 140, 60)
    assert not any("DEAD  A MINUTE" in each for each in narrow)
    assert any("DEAD  A MINUTE" in each for each in wide)
    assert sum("wire-" in each for each in narrow) < sum("wire-" in each for each in wide)
    assert "" in wide
    assert "" not in narrow


def test_the_newest_receipts_and_dead_letters_share_what_room_is_left() -> None:
    lines = words(view())
    receipts, dead = (sum(name in each for each in lines) for name in ("wire-", "bad-"))
    assert receipts >= 2
    assert dead >= 2
    assert abs(receipts - dead) <= 1


def test_a_bar_that_goes_on_is_not_shown_and_its_span_is_said() -> None:
    rates = view()
    assert rates.sight is not None
    assert UTF.sparkline(range(39), 12) in line(rates, "ingest  ")
    assert "LAST 6 MIN" in line(rates, "STAGE")
    assert "LAST 2 MIN" in line(view(bar_seconds=10), "STAGE")


def test_an_old_age_is_coloured_and_a_young_one_is_not() -> None:
    (raw,) = [each for each in drawn(view()) if each.plain.startswith("raw")]
    assert [
        str(span.style) for span in raw.spans if "73 s" in raw.plain[span.start : span.end]
    ] == ["yellow"]


def test_without_colours_each_state_is_still_said() -> None:
    """Styles only repeat what words say."""
    text = "\n".join(words(STATES["halted"]))
    assert "HALTED" in text
    assert "NOT RUNNING" in "\n".join(words(STATES["empty"]))
    assert "SERVER AWAY" in words(STATES["away"])[1]
    assert "WAITING" in "\n".join(words(STATES["waiting"]))


def test_a_halted_stage_says_why_and_what_to_do_whole() -> None:
    text = words(view(sight=sight(halts=(halt(),))))
    assert any(each.startswith("  enrichment: 50 articles in a row died, 48 of") for each in text)
    assert "  wiredesk dead list --stage enrichment, then wiredesk resume enrichment" in text


def test_an_empty_desk_says_so() -> None:
    lines = words(STATES["empty"])
    assert "SOURCES  none yet" in lines
    assert "RECEIPTS  none yet" in lines
    assert "DEAD LETTERS  none" in lines
    assert sum("NOT RUNNING" in each for each in lines) == 3


def test_a_server_that_is_away_leaves_the_last_view_with_its_age() -> None:
    shown = view(away="no server", at=NOW - timedelta(seconds=42))
    lines = words(shown)
    assert "SERVER AWAY. This is how it was 42 s ago, at " in lines[1]
    assert lines[2] == "  no server"
    assert any(each.startswith("raw ") for each in lines)
    assert words(STATES["never seen"])[1:] == [
        "SERVER AWAY. It has not been seen yet. Looking again.",
        "  no server",
    ]


def test_before_the_first_look_it_is_looking() -> None:
    assert words(view(sight=None, at=None))[1] == "Looking for the desk"


def test_a_ledger_that_does_not_balance_is_told_with_what_to_run() -> None:
    shown = view(ledger=LedgerNow(5000, 12, 3, None))
    assert line(shown, "LEDGER").endswith("3 UNACCOUNTED: wiredesk ledger")
    assert "wiredesk ledger" in line(view(), "LEDGER")


def test_a_receipt_of_another_day_has_its_date() -> None:
    old = receipt(1, settled_at=NOW - timedelta(days=3), received_at=NOW - timedelta(days=4))
    text = "\n".join(words(view(sight=sight(receipts=(old,)))))
    assert re.search(r"^\d\d \w{3} 2026 +wire-1.xml", text, re.MULTILINE)


def test_a_rejection_is_told_by_its_reason_and_an_error_with_its_kind() -> None:
    notes = (
        dead_note(1, error_type="Reject", reason="no text\nsecond line", file="a"),
        dead_note(2, error_type="KeyError", reason=None, file=None),
    )
    lines = words(view(sight=sight(dead=notes)), 120)
    assert any(re.search(r"enrichment +a +no text$", each) for each in lines)
    assert any(re.search(r"enrichment +– +KeyError$", each) for each in lines)


def test_subscribers_come_after_the_stages_with_unknown_lags_as_that() -> None:
    lines = words(view(sight=sight(subscribers=("archive",))))
    at = [number for number, each in enumerate(lines) if "archive (subscriber)" in each]
    assert "indexer" in lines[at[0] - 1]
    assert re.search(r"archive \(subscriber\) +\? ", lines[at[0]])


def test_long_files_are_told_while_there_are_any() -> None:
    progress = {
        "file": "big\x1b.jsonl",
        "drop_id": "x",
        "offset": 250,
        "size": 1000,
        "records": 12,
        "settled": 11,
        "since": (NOW - timedelta(minutes=1)).isoformat(),
    }
    lines = words(view(sight=sight(workers=(worker("ingest", progress=[progress]),))))
    assert "big\\x1b.jsonl: 25 %, 12 records (11 settled), 0 a second, 3 min left" in lines
    assert "LONG FILES" not in words(view())


# --- facts -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given_workers", "halts", "moving", "state"),
    [
        ([], [], False, "NOT RUNNING"),
        ([], [halt()], False, "HALTED"),
        ([worker("indexer")], [], False, "ready"),
        ([worker("indexer")], [], True, "working"),
        ([worker("indexer", busy_seconds=0.2)], [], False, "working"),
        ([worker("indexer", busy_seconds=75.4)], [], False, "working, one batch for 75 s"),
        ([worker("indexer", waiting_for="disk")], [], True, "WAITING"),
        ([worker("indexer", waiting_for="disk"), worker("indexer")], [], True, "WAITING (1 of 2)"),
    ],
)
def test_what_a_stage_does_is_the_worst_of_its_workers(
    given_workers: list[dict[str, Any]],
    halts: list[Any],
    moving: bool,  # noqa: FBT001  (a parameter of the test)
    state: str,
) -> None:
    assert state_of(given_workers, halts, moving=moving)[0] == state


def test_stages_are_summed_over_their_workers_in_the_order_of_an_article() -> None:
    stages = stages_now(sight().state, sight().rates)
    assert [(each.name, each.workers, each.done) for each in stages] == [
        ("ingest", 1, 12_345),
        ("enrichment", 2, 24_690),
        ("indexer", 1, 12_345),
    ]


def test_a_stage_without_workers_has_done_what_nobody_knows() -> None:
    stages = stages_now(sight(workers=()).state, {})
    assert [each.done for each in stages] == [None, None, None]


def test_one_worker_says_what_it_does() -> None:
    assert state_of_worker(worker("ingest")) == "working"
    assert state_of_worker(worker("ingest", waiting_for="server: full")) == "waiting: server: full"
    assert state_of_worker(worker("ingest", halted="too many")) == "halted"


def test_health_addresses_are_told_by_host_with_the_ports_of_each_stage() -> None:
    signs = [
        worker("ingest", health="http://127.0.0.1:8421"),
        worker("enrichment", health="http://127.0.0.1:8422"),
        worker("enrichment", health="http://127.0.0.1:8423"),
        worker("indexer", health="http://[::1]:8421"),
        worker("indexer"),
    ]
    assert health_addresses(signs) == [
        "http://127.0.0.1 ingest 8421, enrichment 8422 8423",
        "http://[::1] indexer 8421",
    ]


METRICS = """\
# TYPE wiredesk_ledger_articles gauge
wiredesk_ledger_articles{state="received"} 120.0
wiredesk_ledger_articles{state="in_flight"} 20.0
wiredesk_ledger_articles{state="indexed"} 98.0
# TYPE wiredesk_ledger_unaccounted_articles gauge
wiredesk_ledger_unaccounted_articles 2.0
# TYPE wiredesk_ledger_checked_timestamp_seconds gauge
wiredesk_ledger_checked_timestamp_seconds 1.77e+09
"""


def test_the_ledger_is_read_out_of_a_page_of_metrics() -> None:
    assert ledger_of(METRICS) == LedgerNow(120, 20, 2, 1.77e9)


@pytest.mark.parametrize("page", ["", "no metrics { at all", json.dumps({"a": 1}), "up 1\n"])
def test_a_page_without_a_ledger_has_none(page: str) -> None:
    assert ledger_of(page) is None


def test_a_ledger_that_was_never_balanced_has_no_time() -> None:
    assert ledger_of(METRICS.replace("1.77e+09", "0.0")) == LedgerNow(120, 20, 2, None)


def test_only_a_running_ingest_is_asked_and_one_that_is_away_is_passed_over() -> None:
    signs = [
        worker("ingest"),
        worker("ingest", health="file:///etc/passwd"),
        worker("ingest", health="http://127.0.0.1:1"),
        worker("enrichment", health="http://127.0.0.1:1"),
    ]
    assert read_ledger(signs) is None
