"""The ledger's metrics: what ingest sees of journal, streams and the indexer's count."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services import metrics
from services.bus.errors import Unavailable
from services.bus.ledger import NOWHERE, Filed, Glance, Place
from services.bus.scripts import ArticleRef
from services.indexer.counted import DAY, WINDOW_DAYS, CountedStore
from services.indexer.store.sqlite import SqliteStore
from services.ingest.journal import Journal
from services.ingest.ledger import LATE_INTERVALS, Circumstances, due_at, is_overdue, standing
from services.ingest.ledger_book import OpenEntry
from services.ingest.ledger_watch import LedgerWatch
from services.settings import Settings
from tests.factories import drop_id, make_drop, make_enriched
from tests.ingest.test_journal import entry, outcome, row
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


RAW = Place("raw", "1-0", "waiting")
STUCK = Place("raw", "1-0", "done")
AT = Circumstances(now=1_000_000.0, redrive_interval=30.0, ingest_since=0.0)


class Streams:
    """What is told of the streams and the store; everything waits on the raw stream."""

    def __init__(self) -> None:
        self.place = RAW
        self.counted: Filed | None = None
        self.down = False

    async def filed(self) -> Filed | None:
        if self.down:
            raise Unavailable("server: away")
        return self.counted

    async def glance(self, refs: Sequence[ArticleRef]) -> Glance:
        return Glance(dict.fromkeys(refs, self.place), 0.0, has_room=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(inbox=tmp_path / "inbox", ledger_interval=0.05)
    made.state.mkdir(parents=True)
    return made


@pytest.fixture
def journal(settings: Settings) -> Iterator[Journal]:
    made = Journal(settings.state / "journal.sqlite3")
    yield made
    made.close()


@pytest.fixture
def streams() -> Streams:
    return Streams()


def watch(settings: Settings, streams: Any, **over: Any) -> LedgerWatch:
    return LedgerWatch(settings, streams, **over)


def taken(journal: Journal, *, settled: bool) -> None:
    drop = row(journal)
    journal.take([(drop, [entry()])])
    journal.published([drop.drop_id])
    if settled:
        journal.settle([outcome(journal, drop)])


@pytest.mark.anyio
async def test_what_is_on_its_way_is_in_flight_and_nothing_is_amiss(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    taken(journal, settled=True)
    taken(journal, settled=False)
    found = await watch(settings, streams).look()
    assert found.counts == {"received": 2, "indexed": 1, "in_flight": 1}
    assert found.unaccounted == 0


@pytest.mark.anyio
async def test_an_article_that_is_stuck_is_unaccounted_until_its_outcome_comes(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    drop = row(journal)
    journal.take([(drop, [entry()])])
    streams.place = STUCK
    looking = watch(settings, streams)
    found = await looking.look()
    assert found.unaccounted == 1
    assert [ref.drop_id for ref in found.lost] == [drop.drop_id]
    journal.settle([outcome(journal, drop)])
    assert (await looking.look()).unaccounted == 0


@pytest.mark.anyio
async def test_an_article_that_was_sent_again_in_time_is_not_overdue(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    taken(journal, settled=False)
    streams.place = NOWHERE
    now = time.time()
    times = [now]
    looking = watch(settings, streams, clock=lambda: times[0])
    assert (await looking.look()).unaccounted == 0
    times[0] = now + settings.redrive_interval * (LATE_INTERVALS + 1) + 5
    assert (await looking.look()).unaccounted == 1
    assert looking.details() == {"owned_at": now}


def filed(at: float, articles: int) -> Filed:
    return Filed(at=at, since=0, articles=articles)


@pytest.mark.anyio
async def test_a_store_that_has_lost_outcomes_is_seen(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    """Once its count is surely later than the journal's, and in two looks one after the other."""
    for _ in range(3):
        taken(journal, settled=True)
    looking = watch(settings, streams)
    seen = []
    for at in range(6):
        streams.counted = filed(at, 3 if at < 2 else 1)
        seen.append((await looking.look()).unaccounted)
    assert seen == [0, 0, 0, 2, 2, 2]


@pytest.mark.anyio
async def test_a_count_that_lags_behind_the_journal_is_no_alarm(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    """The sign of life is older than the journal: each look finds three more than it tells."""
    looking = watch(settings, streams)
    for at in range(8):
        # Counted right after the look before the last one.
        streams.counted = filed(at // 2, max(0, 3 * (2 * (at // 2) - 1)))
        for _ in range(3):
            taken(journal, settled=True)
        assert (await looking.look()).unaccounted == 0, at


@pytest.mark.anyio
async def test_a_store_that_has_more_than_was_received_is_seen(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    taken(journal, settled=True)
    taken(journal, settled=False)
    looking = watch(settings, streams)
    streams.counted = filed(1, 2)
    assert (await looking.look()).unaccounted == 0, "the open one may be filed"
    streams.counted = filed(2, 4)
    assert (await looking.look()).unaccounted == 0, "seen once: a dead letter on its way back?"
    assert (await looking.look()).unaccounted == 2


@pytest.mark.anyio
async def test_the_metrics_follow_and_a_server_that_is_away_leaves_them_as_they_are(
    settings: Settings, journal: Journal, streams: Streams
) -> None:
    taken(journal, settled=True)
    stop = asyncio.Event()
    times = iter(range(10, 10_000))
    running = asyncio.create_task(
        watch(settings, streams, clock=lambda: float(next(times))).run(stop)
    )

    def sample(name: str, **labels: str) -> float:
        return metrics.REGISTRY.get_sample_value(f"wiredesk_ledger_{name}", labels) or 0.0

    def checked() -> float:
        return sample("checked_timestamp_seconds")

    async def looked() -> bool:
        return sample("articles", state="received") == 1.0 and checked() > 10.0

    await until(looked, "two looks")
    streams.down = True
    await asyncio.sleep(0)
    stop.set()
    await running
    assert sample("unaccounted_articles") == 0.0
    last = checked()
    away = watch(settings, streams)
    stop.clear()
    running = asyncio.create_task(away.run(stop))

    async def is_away() -> bool:
        return away._away

    await until(is_away, "the server is found to be away")
    stop.set()
    await running
    assert checked() == last


# --- when something is overdue -----------------------------------------------------------------
def opened(**over: Any) -> OpenEntry:
    fields: dict[str, Any] = {
        "ref": ArticleRef(drop_id(1), drop_id(2)),
        "position": 1,
        "locator": None,
        "file": "a.txt",
        "received_at": 900_000_000,
        "source": "",
        "attempts": 1,
        "sent_at": 900_000_000,
    }
    return OpenEntry(**(fields | over))


@pytest.mark.parametrize(
    ("attempts", "pause"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 240), (50, 240)]
)
def test_it_is_due_when_ingest_sends_it_again(attempts: int, pause: int) -> None:
    assert due_at(opened(attempts=attempts), AT) == 900_000 + pause


def test_it_is_overdue_only_where_ingest_could_have_sent_it() -> None:
    late = opened()
    assert is_overdue(late, AT)
    assert not is_overdue(late, replace(AT, ingest_since=None))
    assert not is_overdue(late, replace(AT, has_room=False))
    assert not is_overdue(late, replace(AT, ingest_since=AT.now - 60)), "it has just started"
    assert not is_overdue(late, replace(AT, now=900_000 + 30 + 80)), "two more intervals"
    assert is_overdue(late, replace(AT, now=900_000 + 30 + 91))
    assert not is_overdue(late, replace(AT, now=900_000 + 30 + 91, due=10)), "others come first"


def test_where_it_stands_is_said() -> None:
    said = standing(opened(), Place("enriched", "5-1", "pending"), AT)
    assert (said.where, said.trouble) == ("on the enriched stream, pending", None)
    said = standing(opened(), Place("outcomes", "5-1", "waiting"), AT)
    assert said.where == "outcome on its way to ingest, waiting"
    said = standing(opened(attempts=0, sent_at=None), NOWHERE, replace(AT, now=900_001))
    assert (said.where, said.trouble) == ("not sent yet", None)
    said = standing(opened(), Place("raw", "5-1", "gone"), AT)
    assert said.where == "not on the server any more (was entry 5-1 of the raw stream)"
    assert "1970-01-11 10:00:30 UTC" in (said.trouble or "")


# --- what the indexer tells ---------------------------------------------------------------------
def test_the_indexer_counts_once_in_an_interval_and_tells_the_last_when_it_can_t(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_since: int) -> None:
        raise Unavailable("the disk is full")

    now = [100 * DAY + 5.0]
    settings = Settings(inbox=tmp_path, ledger_interval=60)
    drop = make_drop()
    hour = int(drop.received_at.timestamp()) // 3600
    with SqliteStore(tmp_path / "store.sqlite3") as store:
        counting = CountedStore(settings, lambda: store, lambda: now[0])
        first = {"at": now[0], "since": (100 - WINDOW_DAYS) * 24, "inboxes": {}}
        assert counting.details() == {"tally": first}
        store.file([make_enriched(drop=drop)])
        now[0] += 59
        assert counting.details() == {"tally": first}
        now[0] += 1
        counts = {str(drop.inbox_id): {"indexed": 1}}
        assert counting.details() == {"tally": first | {"at": now[0], "inboxes": counts}}
        now[0] = (hour // 24 + WINDOW_DAYS + 1) * DAY
        late: Any = counting.details()["tally"]
        assert late["inboxes"] == {}, "longer ago than is told"
        now[0] += 61
        monkeypatch.setattr(store, "totals", away)
        assert counting.details() == {"tally": late}
