"""The journal: what it promises about times, transactions, versions and broken files."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

import pytest

from schemas.events import Outcome, Timings
from services.bus.errors import StopWorking, Unavailable
from services.ingest.drops import DropRow, Entry, Place
from services.ingest.files import Identity
from services.ingest.journal import KEEP_ARCHIVED_MS, Journal
from services.ingest.journal_schema import MIGRATIONS
from services.ingest.waits import Clock
from tests.ingest.desk_kit import Crash, CrashAt, HandClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARTICLE = UUID("00000000-0000-5000-8000-0000000000cc")
OTHER = UUID("00000000-0000-5000-8000-0000000000dd")


def row(journal: Journal, path: bytes = b"a.txt") -> DropRow:
    identity = Identity(dev=2**64 - 1, inode=2**64 - 2, size=5, mtime_ns=123)
    return DropRow(uuid4(), path, path.decode("latin-1"), identity, "0" * 64, journal.allot())


def entry(position: int = 1, article_id: UUID = ARTICLE) -> Entry:
    return Entry(position, article_id, 7, "Headline")


def outcome(journal: Journal, drop: DropRow, article_id: UUID = ARTICLE) -> Outcome:
    timings = Timings(received_at=drop.received_at, filed_at=drop.received_at)
    return Outcome(
        drop=drop.drop(journal.inbox_id, 1),
        article_id=article_id,
        revision=7,
        outcome="indexed",
        timings=timings,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def test_every_commit_is_on_disk_before_the_method_returns(path: Path) -> None:
    """WAL with synchronous=FULL (2): a power cut takes nothing back."""
    journal = Journal(path)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    journal.close()


def test_the_inbox_id_is_made_once(path: Path) -> None:
    first = Journal(path)
    first.close()
    second = Journal(path)
    assert second.inbox_id == first.inbox_id
    second.close()


def test_times_of_receipt_rise_by_whole_milliseconds_even_if_the_clock_stands_or_goes_back(
    path: Path,
) -> None:
    now = [NOON]
    journal = Journal(path, Clock(now=lambda: now[0]))
    times = [journal.allot(), journal.allot()]
    now[0] -= timedelta(hours=1)
    times.append(journal.allot())
    journal.take([(replace(row(journal), received_at=journal.allot()), [entry()])])
    journal.close()
    again = Journal(path, Clock(now=lambda: now[0]))
    times.append(again.allot())
    again.close()
    assert times[0] == NOON
    assert [time - times[0] for time in times[:3]] == [timedelta(milliseconds=n) for n in range(3)]
    assert times[3] > times[2]


def test_a_drop_comes_back_as_it_was_noted(path: Path) -> None:
    """Bytes that aren't UTF-8 and numbers beyond SQLite's integers included."""
    journal = Journal(path)
    drop = row(journal, b"caf\xe9\n.txt")
    journal.take([(drop, [entry(1), entry(2, uuid4())])])
    journal.close()
    again = Journal(path)
    assert again.find(drop.drop_id) == drop
    assert again.in_state("taken") == [drop]
    assert again.in_state("published") == []
    assert [each.position for each in again.entries(drop.drop_id)] == [1, 2]
    again.close()


def test_an_outcome_that_comes_before_published_is_noted_counts(path: Path) -> None:
    journal = Journal(path)
    drop = row(journal)
    journal.take([(drop, [entry()])])
    assert journal.settle([outcome(journal, drop)]) == [drop.drop_id]
    journal.published([drop.drop_id])
    found = journal.find(drop.drop_id)
    assert found is not None
    assert found.state == "settled"
    assert found.settled_at is not None
    journal.close()


def test_settling_twice_tells_of_the_drop_once(path: Path) -> None:
    journal = Journal(path)
    drop = row(journal)
    journal.take([(drop, [entry()])])
    each = outcome(journal, drop)
    assert journal.settle([each, each]) == [drop.drop_id]
    assert journal.settle([each]) == []
    journal.archived([drop.drop_id])
    assert journal.settle([each]) == []
    assert journal.in_state("archived") == [
        replace(drop, state="archived", settled_at=journal.in_state("archived")[0].settled_at)
    ]
    journal.close()


def test_two_unfinished_drops_never_plan_the_same_place(path: Path) -> None:
    journal = Journal(path)
    one, two = row(journal), row(journal)
    journal.take([(one, [entry()]), (two, [entry()])])
    place = Place("done", b"/done", b"a.txt")
    both = {one.drop_id: place, two.drop_id: place}
    assert journal.plan(both) == {one.drop_id}
    assert journal.plan({one.drop_id: place}) == {one.drop_id}
    assert journal.plan({two.drop_id: place}) == set()
    journal.archived([one.drop_id])
    assert journal.plan({two.drop_id: place}) == {two.drop_id}
    journal.close()


def test_what_is_asked_in_each_round_takes_no_longer_the_more_is_archived(path: Path) -> None:
    journal = Journal(path)
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def asked() -> int:
        steps[0] = 0
        assert journal.settled_files(64) == []
        assert journal.revised_files(64) == []
        assert journal.bulk_in_flight() == 0
        return steps[0]

    journal._connection.set_progress_handler(count, 1)
    before = asked()
    drops = [row(journal) for _ in range(100)]
    journal.take([(drop, [entry()]) for drop in drops])
    journal.archived([drop.drop_id for drop in drops])
    assert asked() == before
    journal.close()


def test_what_was_noted_first_about_an_original_stays(path: Path) -> None:
    journal = Journal(path)
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.mark_gone(drop.drop_id, "replaced")
    journal.mark_gone(drop.drop_id, "removed")
    found = journal.find(drop.drop_id)
    assert found is not None
    assert found.gone == "replaced"
    journal.close()


@pytest.mark.parametrize("method", ["take", "settle", "archived"])
def test_a_crash_before_the_commit_leaves_nothing_of_the_transaction(
    path: Path, method: str
) -> None:
    journal = Journal(path)
    drop = row(journal)
    if method != "take":
        journal.take([(drop, [entry()])])
    before = "\n".join(journal._connection.iterdump())
    calls: dict[str, Callable[[], object]] = {
        "take": lambda: journal.take([(drop, [entry()])]),
        "settle": lambda: journal.settle([outcome(journal, drop)]),
        "archived": lambda: journal.archived([drop.drop_id]),
    }
    with CrashAt(1), pytest.raises(Crash):
        calls[method]()
    assert "\n".join(journal._connection.iterdump()) == before
    journal.close()


def test_drops_archived_a_quarter_ago_are_forgotten_others_not(path: Path) -> None:
    hand = HandClock()
    journal = Journal(path, hand.clock)
    old, open_one, new = row(journal), row(journal), row(journal)
    journal.take([(each, [entry()]) for each in (old, open_one, new)])
    journal.archived([old.drop_id])
    hand.advance(KEEP_ARCHIVED_MS / 1000 + 1)
    journal.archived([new.drop_id])
    assert journal.prune() == 1
    assert journal.find(old.drop_id) is None
    assert journal.entries(old.drop_id) == []
    assert journal.find(new.drop_id) is not None
    assert journal.find(open_one.drop_id) is not None
    journal.close()


def test_a_journal_of_a_newer_version_stops_the_process(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StopWorking, match="newer"):
        Journal(path)


def test_a_file_that_is_no_journal_stops_the_process_and_is_not_touched(path: Path) -> None:
    path.write_bytes(b"these are somebody's notes, no database" * 100)
    before = path.read_bytes()
    with pytest.raises(StopWorking, match="move the file away"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Journal(tmp_path / "missing" / "journal.sqlite3")


def test_a_closed_journal_says_unavailable(path: Path) -> None:
    journal = Journal(path)
    drop = row(journal)
    journal.close()
    with pytest.raises(Unavailable):
        journal.settle([outcome(journal, drop)])
    with pytest.raises(Unavailable):
        journal.in_state("taken")


def test_a_thousand_articles_of_one_drop_settle_in_any_order(path: Path) -> None:
    journal = Journal(path)
    drop = row(journal)
    ids = [uuid5(ARTICLE, str(number)) for number in range(1000)]
    journal.take([(drop, [entry(at, each) for at, each in enumerate(ids, start=1)])])
    outcomes = [outcome(journal, drop, each) for each in reversed(ids)]
    assert journal.settle(outcomes[:-1]) == []
    assert journal.settle(outcomes[-1:]) == [drop.drop_id]
    journal.close()


def test_a_drop_is_not_settled_before_its_own_rejections_are_reported(path: Path) -> None:
    """Else the operators' stream would lack them for ever."""
    journal = Journal(path)
    drop = row(journal)
    rejected = outcome(journal, drop, OTHER).model_copy(update={"outcome": "rejected"})
    journal.take([(drop, [entry(1), replace(entry(2, OTHER), outcome=rejected)])])
    assert journal.settle([outcome(journal, drop)]) == []
    assert journal.unreported(drop.drop_id) == [rejected]
    journal.published([drop.drop_id])
    assert journal.unreported(drop.drop_id) == []
    found = journal.find(drop.drop_id)
    assert found is not None
    assert found.state == "settled"
    journal.close()


@pytest.mark.parametrize("state", ["settled", "archived"])
def test_publishing_late_takes_nothing_back(path: Path, state: str) -> None:
    hand = HandClock()
    journal = Journal(path, hand.clock)
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.settle([outcome(journal, drop)])
    if state == "archived":
        journal.archived([drop.drop_id])
    before = journal.find(drop.drop_id)
    hand.advance(5)
    journal.published([drop.drop_id])
    after = journal.find(drop.drop_id)
    assert before is not None
    assert after == replace(before, attempts=1)
    journal.close()
