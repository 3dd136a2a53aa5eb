"""The journal's counts: made by triggers, in the transaction of what they count."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.article import Retry
from services import metrics
from services.bus.errors import StopWorking
from services.ingest.gathering import rejection
from services.ingest.journal import KEEP_ARCHIVED_MS, Journal
from services.ingest.journal_schema import MIGRATIONS
from services.ingest.ledger_book import Count, LedgerBook
from services.ingest.waits import Clock
from tests.ingest.desk_kit import Kit, make_settings
from tests.ingest.test_journal import ARTICLE, OTHER, entry, outcome, row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.events import Outcome
    from services.ingest.drops import DropRow

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOUR = int(NOW.timestamp()) // 3600
BEFORE = 2
"""The journal's version without a tally."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    now = [NOW]
    made = Journal(path, Clock(now=lambda: now[0]))
    yield made
    made.close()


def counted(path: Path) -> dict[tuple[str, str], int]:
    """What the tally has, whatever its sources and hours."""
    with LedgerBook(path) as book:
        return {(str(decided), kind): n for (decided, kind), n in book.totals().items()}


def rejected(journal: Journal, drop: DropRow, stage: str) -> Outcome:
    changes = {"outcome": "rejected", "stage": stage}
    return outcome(journal, drop).model_copy(update=changes)


def test_records_are_counted_by_hour_and_source_as_they_are_taken(
    journal: Journal, path: Path
) -> None:
    drop = row(journal)
    own = rejection(
        drop.drop(journal.inbox_id, 3), OTHER, 1, reason="unreadable", advice="", at=NOW
    )
    entries = [
        replace(entry(1), source="Wire"),
        replace(entry(2), source="Wire", outcome=outcome(journal, drop), repeats=True),
        replace(entry(3, OTHER), outcome=own),
    ]
    journal.take([(drop, entries)])
    with LedgerBook(path) as book:
        assert sorted(book.tally(), key=str) == [
            Count(HOUR, "", "ingest", "rejected", 1),
            Count(HOUR, "", "received", "", 1),
            Count(HOUR, "Wire", "ingest", "indexed", 1),
            Count(HOUR, "Wire", "received", "", 2),
        ]
        assert book.tally(since=HOUR + 1) == []


@pytest.mark.parametrize(
    ("stage", "decided"), [("enrichment", "stages"), ("indexer", "stages"), ("ingest", "ingest")]
)
def test_outcomes_are_counted_by_who_decided(
    journal: Journal, path: Path, stage: str, decided: str
) -> None:
    one, two = row(journal), row(journal)
    journal.take([(one, [entry()]), (two, [entry()])])
    assert counted(path) == {("received", ""): 2}
    journal.settle([outcome(journal, one), rejected(journal, two, stage)])
    assert counted(path) == {
        ("received", ""): 2,
        ("store", "indexed"): 1,
        (decided, "rejected"): 1,
    }


def test_an_outcome_that_replaces_another_is_counted_in_its_place(
    journal: Journal, path: Path
) -> None:
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.settle([rejected(journal, drop, "indexer")])
    again = drop.drop(journal.inbox_id, 1)
    again = again.model_copy(update={"retry": Retry(number=1, at=NOW, stage="indexer")})
    journal.settle([outcome(journal, drop).model_copy(update={"drop": again})])
    assert counted(path) == {
        ("received", ""): 1,
        ("store", "indexed"): 1,
        ("stages", "rejected"): 0,
    }


def test_what_is_rolled_back_is_not_counted(journal: Journal, path: Path) -> None:
    drop = row(journal)
    with pytest.raises(sqlite3.IntegrityError):
        journal.take([(drop, [entry(1), entry(1)])])
    assert counted(path) == {}


def test_records_that_are_read_anew_are_counted_once(journal: Journal, path: Path) -> None:
    drop = row(journal)
    journal.take([(drop, [entry(1), entry(2, OTHER)])])
    journal.retake(drop, [replace(entry(1), source="Wire")])
    with LedgerBook(path) as book:
        assert book.tally() == [Count(HOUR, "Wire", "received", "", 1)]


def test_counts_stay_when_drops_are_forgotten(journal: Journal, path: Path) -> None:
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.settle([outcome(journal, drop)])
    journal.archived([drop.drop_id])
    before = counted(path)
    journal._clock = Clock(now=lambda: NOW + timedelta(milliseconds=KEEP_ARCHIVED_MS + 1))
    assert journal.prune() == 1
    assert counted(path) == before == {("received", ""): 1, ("store", "indexed"): 1}
    with LedgerBook(path) as book:
        assert book.files() == []


def test_the_source_of_an_older_release_s_record_is_told_by_its_outcome(
    journal: Journal, path: Path
) -> None:
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.settle([outcome(journal, drop).model_copy(update={"source": "Wire"})])
    with LedgerBook(path) as book:
        assert {count.source for count in book.tally()} == {"Wire"}


# --- older journals ---------------------------------------------------------------------------
def older(path: Path, *received: datetime) -> None:
    """A journal as the release before wrote it: of each drop one article indexed, one open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statements in MIGRATIONS[:BEFORE]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {BEFORE}")
        db.execute("INSERT INTO meta VALUES ('inbox_id', '00000000-0000-4000-8000-000000000001')")
        for number, moment in enumerate(received):
            values: tuple[Any, ...] = (f"drop-{number}", int(moment.timestamp() * 1000))
            db.execute(
                "INSERT INTO drops (drop_id, path, file, dev, inode, size, mtime_ns, sha256,"
                " received_at, state) VALUES (?, 'a', 'a', '1', '1', 1, 1, '', ?, 'published')",
                values,
            )
            for position, text in ((1, '{"outcome": "indexed"}'), (2, None)):
                db.execute(
                    "INSERT INTO articles (drop_id, position, article_id, revision, outcome)"
                    " VALUES (?, ?, 'x', 1, ?)",
                    (values[0], position, text),
                )


def test_an_older_journal_s_counts_are_made_of_what_it_holds(path: Path) -> None:
    older(path, NOW, NOW - timedelta(hours=1))
    with pytest.raises(StopWorking, match="start ingest once"):
        LedgerBook(path)
    Journal(path).close()
    with LedgerBook(path) as book:
        assert dict(book.totals()) == {("received", ""): 4, ("store", "indexed"): 2}
        assert {count.hour for count in book.tally()} == {HOUR, HOUR - 1}


def test_the_ledger_of_an_older_journal_begins_where_nothing_can_have_been_forgotten(
    path: Path,
) -> None:
    older(path, NOW, NOW - timedelta(days=100))
    Journal(path).close()
    with LedgerBook(path) as book:
        assert book.since >= HOUR - 90 * 24
        assert dict(book.totals()) == {("received", ""): 2, ("store", "indexed"): 1}


def test_a_new_journal_s_ledger_begins_with_it(journal: Journal, path: Path) -> None:
    journal.allot()
    with LedgerBook(path) as book:
        assert book.since == 0


# --- reading it beside a writer -----------------------------------------------------------------
def test_a_book_stays_at_the_moment_when_it_was_opened(journal: Journal, path: Path) -> None:
    one, two = row(journal), row(journal)
    journal.take([(one, [entry()])])
    with LedgerBook(path) as book:
        journal.take([(two, [entry()])])
        journal.settle([outcome(journal, one)])
        assert [each.ref.drop_id for each in book.open_entries()] == [one.drop_id]
        assert dict(book.totals()) == {("received", ""): 1}
        assert not book.knows_drop(str(two.drop_id))
    with LedgerBook(path) as later:
        assert [each.ref.drop_id for each in later.open_entries()] == [two.drop_id]
        assert later.open_entries()[0].ref.article_id == ARTICLE


def test_where_nothing_was_taken_or_a_newer_release_wrote_it_says_so(path: Path) -> None:
    with pytest.raises(StopWorking, match="nothing was ever taken"):
        LedgerBook(path)
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StopWorking, match="this is an older Wiredesk"):
        LedgerBook(path)


# --- metrics -----------------------------------------------------------------------------------
def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.anyio
async def test_what_is_received_is_counted_once_also_what_can_t_be_read(tmp_path: Path) -> None:
    received = sample("wiredesk_articles_received_total")
    repeated = sample("wiredesk_outcomes_total", stage="ingest", outcome="unchanged")
    kit = Kit(make_settings(tmp_path))
    kit.drop("a.txt", "One\nid: x\n---\nbad: no date\n---\nOne\nid: x")
    await kit.open()
    try:
        for _ in range(3):
            await kit.desk.step()
            kit.hand.advance(60)
    finally:
        kit.desk.close()
    assert sample("wiredesk_articles_received_total") - received == 3
    now = sample("wiredesk_outcomes_total", stage="ingest", outcome="unchanged")
    assert now - repeated == 1
