"""``wiredesk ledger``: everything received is somewhere, and what isn't is named."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import SecretStr

from services.bus.keys import ENRICHMENT, RAW_STREAM
from services.ingest.journal import KEEP_ARCHIVED_MS
from tests import postgres
from tests.bus.desk import changed
from tests.console.ledger_kit import REFUSED, Desk, article

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis as SyncRedis

    from schemas.article import RawArticle
    from services.settings import Settings


@pytest.fixture
def desk(redis: SyncRedis, settings: Settings) -> Iterator[Desk]:
    del redis  # empty before, and looked through for leaks after
    made = Desk(settings)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_desk(
    request: pytest.FixtureRequest, redis: SyncRedis, settings: Settings
) -> Iterator[Desk]:
    del redis
    if request.param == "sqlite":
        made = Desk(settings)
        yield made
        made.close()
        return
    url = postgres.new_database()
    made = Desk(changed(settings, store_url=SecretStr(url)))
    yield made
    made.close()
    postgres.recycle(url)


def one_of_each(desk: Desk) -> None:
    """Files whose articles come to every outcome there is, from two sources, over two hours."""
    desk.take("a.xml", article(1), article(2, provider="Quay Press"), "can't be read")
    desk.finish()
    desk.now[0] += timedelta(hours=1)
    desk.take("b.xml", article(1), article(1, text="repeated"), article(3, text="text 2"))
    desk.take("c.xml", article(2, text="new", provider="Quay Press", headline="newer"))
    desk.take("d.xml", article(4, headline=REFUSED, provider=None))
    desk.take("e.xml", article(5))
    desk.finish()
    desk.take("e.xml", article(5, status="withdrawn"))
    desk.finish()
    old = {"revision": 5, "revision_basis": "version", "updated_at": desk.now[0]}
    desk.take("f.xml", article(6, **old), send=True)
    desk.finish()
    desk.take("f.xml", article(6, **(old | {"revision": 4}), text="older"))
    desk.finish()


def test_every_outcome_there_is_balances_in_total_by_file_source_and_hour(any_desk: Desk) -> None:
    one_of_each(any_desk)
    counts = any_desk.counts()
    assert {"indexed", "updated", "unchanged", "superseded", "withdrawn", "rejected"} < set(counts)
    assert counts["received"] == 12
    assert counts["rejected"] == 2
    assert "in_flight" not in counts
    for by in ("file", "source", "hour"):
        # The kit holds that the lines add up to the total.
        assert any_desk.counts(by=by) == counts
    sources = {line.key for line in any_desk.ledger(by="source").lines}
    assert sources == {"Wire", "Quay Press", "(no source)"}
    assert len(any_desk.ledger(by="hour").lines) == 2
    assert len(any_desk.ledger(by="file").lines) == 8


def test_articles_are_in_flight_wherever_they_are(desk: Desk) -> None:
    _, unsent = desk.take("a.xml", article(1), article(2, headline=REFUSED), send=False)
    assert desk.ledger().waiting == {"not sent yet": 2}
    desk.send(unsent[0].drop.drop_id, unsent)
    assert desk.ledger().waiting == {"on the raw stream": 2}
    desk.enrich()
    # What a stage rejected has its outcome, also before ingest knows.
    assert desk.counts() == {"received": 2, "rejected": 1, "in_flight": 1}
    assert desk.ledger().waiting == {"on the enriched stream": 1}
    desk.file()
    assert desk.counts() == {"received": 2, "rejected": 1, "indexed": 1}
    desk.settle()
    assert desk.counts() == {"received": 2, "rejected": 1, "indexed": 1}
    assert desk.ledger().rejected_by_stages == desk.ledger().counted_by_server == 1


def test_of_some_files_or_hours_only_these_are_told(desk: Desk) -> None:
    one_of_each(desk)
    assert desk.counts(file="a.*") == {"received": 3, "indexed": 2, "rejected": 1}
    later = int(desk.now[0].timestamp()) // 3600
    assert desk.counts(since=later)["received"] == 9
    assert desk.counts(since=later, by="file")["received"] == 9
    assert desk.counts(since=later + 2) == {}


# --- what is lost ----------------------------------------------------------------------------
def only_finding(desk: Desk, lost: RawArticle, **scope: Any) -> str:
    """What the one finding says: of this article, with its file and what to do."""
    found = desk.ledger(**scope)
    assert not found.balanced
    assert [finding.article_id for finding in found.findings] == [lost.article_id]
    (finding,) = found.findings
    assert finding.drop_id == lost.drop.drop_id
    assert finding.file == lost.drop.file
    assert finding.position == lost.drop.position
    assert finding.advice
    return f"{finding.problem} ({finding.last_seen})"


def test_a_message_that_was_acknowledged_and_went_nowhere_is_named(
    desk: Desk, redis: SyncRedis
) -> None:
    """As by a bare XACK: nothing would ever bring it on, since its marker holds it back."""
    _, (lost, _) = desk.take("a.xml", article(1), article(2))
    key = desk.keys.stream(RAW_STREAM)
    answer: Any = redis.xreadgroup(ENRICHMENT.group, "x", {key: ">"}, count=1)
    entry_id = answer[0][1][0][0]
    redis.xack(key, ENRICHMENT.group, entry_id)
    assert "acknowledged and led to nothing (entry" in only_finding(desk, lost)
    desk.finish()
    assert "led to nothing" in only_finding(desk, lost)
    assert desk.ledger().total.counts["unaccounted"] == 1
    for by in ("file", "source", "hour"):
        assert "led to nothing" in only_finding(desk, lost, by=by)


def forget(desk: Desk, redis: SyncRedis, lost: RawArticle) -> None:
    """Take an article off the server, with every trace of it."""
    marker = desk.keys.marker(lost.drop.drop_id, lost.article_id)
    stream, _, entry_id = redis.get(marker).decode().partition(":")  # type: ignore[union-attr]  # bytes
    redis.delete(marker)
    redis.xdel(f"{{news}}:{stream}", entry_id)


def alive(desk: Desk, redis: SyncRedis, since: float) -> None:
    """Ingest's sign of life."""
    sign = {"stage": "ingest", "pid": 1, "owned_at": since}
    redis.set(desk.keys.alive(desk.receipts, "w"), orjson.dumps(sign), ex=60)


def test_an_article_that_is_nowhere_is_named_once_ingest_should_have_sent_it_again(
    desk: Desk, redis: SyncRedis
) -> None:
    _, (lost, _) = desk.take("a.xml", article(1), article(2))
    forget(desk, redis, lost)
    assert desk.counts() == {"received": 2, "in_flight": 2}, "ingest isn't running: it will"
    assert desk.ledger().waiting == {"on the raw stream": 1, "to be sent again": 1}
    alive(desk, redis, since=0)
    assert desk.counts() == {"received": 2, "in_flight": 2}, "not due yet"
    with closing(sqlite3.connect(desk.settings.state / "journal.sqlite3")) as db, db:
        db.execute("UPDATE drops SET redriven_at = redriven_at - 60000")
    assert "should have sent it at" in only_finding(desk, lost)
    alive(desk, redis, since=4e9)
    assert desk.counts()["in_flight"] == 2, "it has just started, and first waits for outcomes"


def test_an_outcome_that_ingest_acknowledged_without_noting_it_is_named(desk: Desk) -> None:
    _, (lost,) = desk.take("a.xml", article(1))
    desk.enrich()
    desk.file()
    desk.step(desk.receipts, lambda _: None)
    assert "its journal doesn't have it" in only_finding(desk, lost)


@pytest.mark.parametrize("by", [None, "file", "hour"])
def test_an_outcome_that_the_store_has_lost_is_named(desk: Desk, by: str | None) -> None:
    _, (lost, _) = desk.take("a.xml", article(1), article(2))
    desk.finish()
    with closing(sqlite3.connect(desk.settings.store)) as db, db:
        db.execute("DELETE FROM outcomes WHERE article_id = ?", (str(lost.article_id),))
    assert "says indexed, and the store has no outcome" in only_finding(desk, lost, by=by)


def test_an_outcome_that_differs_is_named(desk: Desk) -> None:
    _, (lost, _) = desk.take("a.xml", article(1), article(2))
    desk.finish()
    with closing(sqlite3.connect(desk.settings.store)) as db, db:
        key = (str(lost.article_id),)
        db.execute("UPDATE outcomes SET outcome = 'updated' WHERE article_id = ?", key)
    assert "its receipt says indexed, the store updated" in only_finding(desk, lost)


def test_differences_that_cancel_out_are_found_file_by_file(desk: Desk) -> None:
    desk.take("a.xml", article(1))
    desk.take("a.xml", article(1))
    desk.finish()
    with closing(sqlite3.connect(desk.settings.store)) as db, db:
        db.execute("UPDATE outcomes SET outcome = iif(outcome = 'indexed', 'unchanged', 'indexed')")
    assert desk.ledger().balanced, "the hour's counts are the same"
    assert len(desk.ledger(by="file").findings) == 2


def test_what_the_store_has_and_ingest_never_received_is_named(desk: Desk) -> None:
    _, (lost,) = desk.take("a.xml", article(1))
    desk.finish()
    with closing(sqlite3.connect(desk.settings.state / "journal.sqlite3")) as db, db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("DELETE FROM articles")
        db.execute("DELETE FROM drops")
    (finding,) = desk.ledger().findings
    assert finding.article_id == lost.article_id
    assert "ingest's journal doesn't know it" in finding.problem


def test_a_rejection_that_its_receipt_contradicts_is_named(desk: Desk, redis: SyncRedis) -> None:
    _, (lost,) = desk.take("a.xml", article(1))
    desk.finish()
    day = int(lost.drop.received_at.timestamp()) // 86_400
    key = desk.keys.buried(desk.journal.inbox_id, day)
    redis.hset(key, f"{lost.drop.drop_id}:{lost.article_id}", "1|")
    redis.expire(key, 60)
    assert "a stage rejected it, and its receipt says indexed" in only_finding(desk, lost)


# --- what comes back -------------------------------------------------------------------------
def test_after_the_server_lost_everything_the_ledger_balances(desk: Desk, redis: SyncRedis) -> None:
    one, first = desk.take("a.xml", article(1), article(2, headline=REFUSED), "unreadable")
    desk.finish()
    two, second = desk.take("b.xml", article(3), article(4, headline=REFUSED))
    desk.enrich()
    redis.flushall()
    found = desk.ledger()
    assert found.balanced
    assert found.total.counts["in_flight"] == 2
    assert (found.rejected_by_stages, found.counted_by_server) == (1, 0), "known from receipts"
    desk.send(two, second)
    desk.finish()
    assert desk.counts() == {"received": 5, "indexed": 2, "rejected": 3}
    assert desk.ledger().counted_by_server == 1
    # Settled ones that come once more change nothing.
    desk.send(one, first)
    desk.finish()
    assert desk.counts() == {"received": 5, "indexed": 2, "rejected": 3}


def test_a_dead_letter_that_is_tried_again_is_one_rejection_less_and_one_indexed_more(
    desk: Desk,
) -> None:
    desk.take("a.xml", article(1), article(2, headline=REFUSED))
    desk.finish()
    assert desk.counts() == {"received": 2, "indexed": 1, "rejected": 1}
    assert desk.retry_all() == 1
    desk.merciful = True
    for station in (desk.enrich, desk.file, desk.settle):
        found = desk.ledger()
        assert found.balanced, (station, found)
        assert station() == 1
    assert desk.counts() == {"received": 2, "indexed": 2}
    assert desk.counts(by="file") == {"received": 2, "indexed": 2}


def test_a_dead_letter_that_dies_again_is_still_one_rejection(desk: Desk) -> None:
    desk.take("a.xml", article(2, headline=REFUSED))
    desk.finish()
    desk.retry_all()
    desk.finish()
    assert desk.counts() == {"received": 1, "rejected": 1}


def test_forgotten_files_stay_counted(desk: Desk) -> None:
    drop_id, _ = desk.take("a.xml", article(1), article(2, headline=REFUSED))
    desk.finish()
    desk.journal.archived([drop_id])
    desk.now[0] += timedelta(milliseconds=KEEP_ARCHIVED_MS + 1)
    assert desk.journal.prune() == 1
    desk.take("b.xml", article(3))
    desk.finish()
    assert desk.counts() == {"received": 3, "indexed": 2, "rejected": 1}
    lines = desk.ledger(by="file").lines
    assert [line.counts["received"] for line in lines] == [1, 2]
    assert lines[-1].key == "(files forgotten after 90 days)"


def test_other_inboxes_of_the_store_are_told_apart(desk: Desk, tmp_path: Path) -> None:
    store = desk.settings.store
    other = Desk(changed(desk.settings, inbox=tmp_path / "other", store_path=store))
    other.take("a.xml", article(1), article(2))
    other.finish()
    desk.take("a.xml", article(3))
    desk.finish()
    assert desk.counts() == {"received": 1, "indexed": 1}
    assert desk.ledger().others == {str(other.journal.inbox_id): {"indexed": 2}}
    assert other.counts() == {"received": 2, "indexed": 2}
    other.close()


# --- what can't be looked at -----------------------------------------------------------------
def test_without_the_server_a_balance_is_claimed_only_where_nothing_is_in_flight(
    desk: Desk,
) -> None:
    desk.take("a.xml", article(1))
    desk.finish()
    away = SecretStr("redis://127.0.0.1:1")
    desk.settings = changed(desk.settings, redis_url=away)
    assert desk.counts() == {"received": 1, "indexed": 1}
    desk.take("b.xml", article(2), send=False)
    found = desk.ledger()
    assert not found.balanced
    assert not found.amiss
    assert [each.partition(":")[0] for each in found.missing] == ["the server"]
    assert found.waiting == {"not looked for": 1}


def test_without_the_store_nothing_is_claimed(desk: Desk, tmp_path: Path) -> None:
    desk.take("a.xml", article(1))
    desk.finish()
    desk.settings = changed(desk.settings, store_path=tmp_path / "none.sqlite3")
    found = desk.ledger()
    assert (found.balanced, found.amiss) == (False, False)
    assert "the store" in found.missing[0]
    assert found.total.counts["indexed"] == 1, "from the receipts"


# --- while things move -------------------------------------------------------------------------
def test_taken_while_everything_moves_it_never_gives_a_false_alarm(desk: Desk) -> None:
    over = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            number = 0
            while not over.is_set():
                number += 1
                headline = REFUSED if number % 5 == 0 else f"good {number}"
                desk.take(f"{number}.xml", article(number, headline=headline), article(number % 7))
                for station in (desk.enrich, desk.file, desk.settle):
                    station()
                if number % 9 == 0:
                    desk.retry_all()
        except BaseException as error:  # noqa: BLE001  (shown by the test)
            failed.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        seen = [desk.ledger(by=by) for _ in range(6) for by in (None, "file", "source", "hour")]
    finally:
        over.set()
        worker.join()
    assert failed == []
    assert [each for each in seen if not each.balanced] == []
    received = [each.total.counts["received"] for each in seen]
    assert received == sorted(received)
    assert received[-1] > received[0]
    desk.finish()
    assert desk.ledger().balanced
