"""Doctor's checks of the streams, each on streams that are broken on purpose."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.bus.budget import Budget, Halted
from services.bus.connect import client, server_url
from services.bus.errors import Reject
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    INDEXER,
    RAW_STREAM,
    receipts_stage,
)
from services.bus.messages import fault_of_reject
from services.bus.registered import Registered
from services.bus.scripts import Scripts
from services.console.doctor.catalogue import chosen
from services.console.doctor.checks import Surroundings
from services.console.doctor.examining import examine
from services.console.doctor.streams import OLD_FAIL, OLD_WARN
from services.ingest.journal import Journal
from tests.bus.desk import (
    Desk,
    article,
    articles,
    changed,
    enrich_all,
    eventually,
    publish,
    running,
)
from tests.console.doctor.kit import is_green, is_red, look, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from schemas.article import EnrichedArticle, RawArticle
    from services.bus.keys import StageSpec
    from services.settings import Settings


@pytest.fixture
def desk(redis: Redis, settings: Settings) -> Desk:
    settings.inbox.mkdir()
    return Desk(redis, settings)


@pytest.fixture
def patient(settings: Settings) -> Settings:
    """The desk with the usual times, which checks judge by."""
    return changed(settings, claim_after=30.0)


def sign(desk: Desk, spec: StageSpec, **facts: object) -> None:
    """The sign of life of a worker."""
    usual = {"stage": spec.name, "pid": 1, "host": "here", "done": 0, "failed": 0, "version": "1"}
    desk.redis.set(desk.keys.alive(spec, "here-1-ab"), orjson.dumps({**usual, **facts}), ex=10)


def aged(desk: Desk, seconds: float) -> str:
    """A raw entry that is so many seconds old."""
    entry = f"{int((time.time() - seconds) * 1000)}-0"
    desk.redis.xadd(desk.keys.stream(RAW_STREAM), {DATA_FIELD: b"x"}, id=entry)
    return entry


def give(desk: Desk, count: int) -> list[str]:
    """Give entries to a worker that does nothing with them."""
    key = desk.keys.stream(RAW_STREAM)
    answer: Any = desk.redis.xreadgroup(ENRICHMENT.group, "w", {key: ">"}, count=count)
    return [entry_id.decode() for entry_id, _ in answer[0][1]] if answer else []


@pytest.mark.anyio
async def test_every_check_of_a_working_desk_is_green(desk: Desk, patient: Settings) -> None:
    await publish(desk.settings, *articles("good 1", "good 2"))
    async with running(desk.settings, enrich_all):
        await eventually(desk.settled, "both go on")
    for spec in (ENRICHMENT, INDEXER):
        sign(desk, spec)
    checks = chosen(["streams"])
    results = await asyncio.to_thread(examine, checks, Surroundings(patient))
    for result in results:
        assert is_green(result.finding), result.check.name


# --- groups -----------------------------------------------------------------------------------
def test_a_desk_that_never_ran_is_told_how_to_start(desk: Desk) -> None:
    finding = look("streams.groups", desk.settings)
    assert is_red(finding, "warning", "enrichment never ran here", "indexer never ran here")
    assert f"wiredesk up {desk.settings.inbox}" in finding.advice[0]


def test_a_group_that_was_deleted_is_missed(desk: Desk) -> None:
    desk.publish(*articles("good 1"))
    assert is_green(look("streams.groups", desk.settings))
    desk.redis.xgroup_destroy(desk.keys.stream(RAW_STREAM), ENRICHMENT.group)
    finding = look("streams.groups", desk.settings)
    assert is_red(finding, "failure", "enrichment has no group", "1 entries")


def test_an_inbox_s_own_group_is_known_by_its_journal(desk: Desk) -> None:
    desk.settings.state.mkdir(parents=True)
    journal = Journal(desk.settings.state / "journal.sqlite3")
    group = receipts_stage(journal.inbox_id).group
    journal.close()
    desk.publish(*articles("good 1"))
    assert is_red(look("streams.groups", desk.settings), "warning", f"{group} has no group")


# --- begun at 0 -------------------------------------------------------------------------------
@pytest.fixture
def made_at_the_end(desk: Desk) -> str:
    """Two articles, and a group that was made at ``$`` behind them; the first one's id."""
    desk.publish(*articles("good 1", "good 2"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xgroup_destroy(key, ENRICHMENT.group)
    desk.redis.xgroup_create(key, ENRICHMENT.group, id="$")
    return desk.ids(RAW_STREAM)[0]


def test_a_group_that_was_made_at_the_end_is_found_out(desk: Desk, made_at_the_end: str) -> None:
    finding = look("streams.begin", desk.settings)
    assert is_red(finding, "failure", "passed over 2 of 2", made_at_the_end)
    assert desk.group()["lag"] == 0


def test_and_still_is_when_it_has_read_on(desk: Desk, made_at_the_end: str) -> None:
    """From then on the group's own figures are those of one that has read everything."""
    desk.publish(article(3))
    assert len(give(desk, 1)) == 1
    assert desk.group()["entries-read"] == 3
    assert is_red(look("streams.begin", desk.settings), "failure", made_at_the_end)


def test_what_it_advises_mends_it(desk: Desk, made_at_the_end: str) -> None:
    assert made_at_the_end
    (advice,) = look("streams.begin", desk.settings).advice
    command: Any = desk.redis.execute_command
    command(*advice.partition(",")[0].split())
    assert is_green(look("streams.begin", desk.settings))
    assert desk.group()["lag"] == 2


def test_what_a_worker_has_in_work_was_not_passed_over(desk: Desk) -> None:
    desk.publish(*articles("good 1", "good 2"))
    assert len(give(desk, 2)) == 2
    assert is_green(look("streams.begin", desk.settings))


def test_entries_that_are_no_events_count_for_nothing(desk: Desk) -> None:
    desk.publish(*articles("good 1"))
    desk.put(b"garbage")
    give(desk, 2)
    desk.redis.xack(desk.keys.stream(RAW_STREAM), ENRICHMENT.group, desk.ids(RAW_STREAM)[1])
    assert is_green(look("streams.begin", desk.settings))


# --- alive, age -------------------------------------------------------------------------------
def test_a_stage_without_a_worker_is_dead(desk: Desk) -> None:
    sign(desk, ENRICHMENT)
    finding = look("streams.alive", desk.settings)
    assert is_red(finding, "failure", "indexer: no worker runs", "enrichment: 1 running")


def test_a_worker_that_waits_says_for_what(desk: Desk) -> None:
    sign(desk, ENRICHMENT)
    sign(desk, INDEXER, waiting_for="store: disk full")
    assert is_red(look("streams.alive", desk.settings), "warning", "waiting: store: disk full")


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(OLD_WARN + 60, "warning"), (OLD_FAIL + 60, "failure"), (OLD_WARN - 60, "ok")],
)
def test_the_oldest_message_is_told_in_seconds(
    desk: Desk, patient: Settings, seconds: float, state: str
) -> None:
    desk.publish()
    aged(desk, seconds)
    finding = look("streams.oldest", patient)
    assert finding.state == state
    assert f"({seconds:.0f} s)" in said(finding)
    assert "1 not given out, 0 in work" in said(finding)


def test_a_message_that_is_pending_for_long_counts_though_younger_ones_are_done(
    desk: Desk, patient: Settings
) -> None:
    desk.publish()
    aged(desk, 900)
    done = aged(desk, 10)
    give(desk, 2)
    desk.redis.xack(desk.keys.stream(RAW_STREAM), ENRICHMENT.group, done)
    assert is_red(look("streams.oldest", patient), "warning", "(900 s)", "1 in work")


def test_a_message_that_nobody_takes_over_is_abandoned(desk: Desk, patient: Settings) -> None:
    desk.publish()
    entry = aged(desk, 10)
    give(desk, 1)
    assert is_green(look("streams.oldest", patient))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xclaim(key, ENRICHMENT.group, "w", 0, [entry], idle=125_000, justid=True)
    assert is_red(look("streams.oldest", patient), "failure", "nobody took them over", "2.1 min")


@pytest.mark.anyio
async def test_a_halted_stage_is_told_with_its_reason(desk: Desk, patient: Settings) -> None:
    assert is_green(await asyncio.to_thread(look, "streams.halted", patient))
    strict = changed(patient, failure_budget_in_a_row=3)
    async with client(server_url(patient)) as redis:
        scripts = Scripts(redis, desk.keys, patient.marker_ttl)
        budget = Budget(ENRICHMENT.group, strict, redis, scripts)
        for number in (1, 2):
            await budget.spend(fault_of_reject(Reject("no good", "mend it")), f"{number}.txt")
        with pytest.raises(Halted):
            await budget.spend(fault_of_reject(Reject("no good", "mend it")), "3.txt")
    finding = await asyncio.to_thread(look, "streams.halted", patient)
    assert is_red(finding, "failure", "enrichment was stopped", "3 articles in a row died")
    assert "wiredesk resume enrichment" in finding.advice[0]


# --- loss -------------------------------------------------------------------------------------
def test_entries_that_somebody_trimmed_before_they_were_read_are_counted(desk: Desk) -> None:
    desk.publish(*articles("good 1", "good 2", "good 3", "good 4"))
    (first,) = give(desk, 1)
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xack(key, ENRICHMENT.group, first)
    assert is_green(look("streams.trim", desk.settings))
    desk.redis.xtrim(key, maxlen=1, approximate=False)
    finding = look("streams.trim", desk.settings)
    assert is_red(finding, "failure", "2 entries were removed before enrichment had read them")


def test_what_was_read_may_be_trimmed(desk: Desk) -> None:
    desk.publish(*articles("good 1", "good 2"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xack(key, ENRICHMENT.group, *give(desk, 2))
    desk.redis.xtrim(key, maxlen=0, approximate=False)
    assert is_green(look("streams.trim", desk.settings))


def test_what_is_in_work_and_gone_is_counted(desk: Desk) -> None:
    desk.publish(*articles("good 1", "good 2"))
    gone = give(desk, 2)[1]
    desk.redis.xdel(desk.keys.stream(RAW_STREAM), gone)
    assert is_red(look("streams.trim", desk.settings), "failure", "1 that it has in work are gone")


# --- subscribers ------------------------------------------------------------------------------
def subscriber(desk: Desk, limit: int, lost: str | None = None) -> None:
    """A registered subscriber of enriched events; without a group."""
    entry = Registered(limit, datetime.now(UTC).isoformat())
    document = orjson.loads(entry.as_json()) | ({"lost": lost} if lost else {})
    desk.redis.hset(desk.keys.subscribers(), "enriched/reader", orjson.dumps(document))


def filled(desk: Desk, count: int) -> str:
    """Enriched entries, all unread by the subscriber's group; the stream's key."""
    key = desk.keys.stream(ENRICHED_STREAM)
    desk.redis.xgroup_create(key, "reader", id="0", mkstream=True)
    for _ in range(count):
        desk.put(b"x", ENRICHED_STREAM)
    return key


def test_a_subscriber_near_its_limit_is_told_before_it_loses_any(desk: Desk) -> None:
    subscriber(desk, limit=10)
    filled(desk, 5)
    assert is_green(look("streams.subscribers", desk.settings))
    desk.put(b"x", ENRICHED_STREAM)
    finding = look("streams.subscribers", desk.settings)
    assert is_red(finding, "warning", "reader (registered) on enriched: 6 of 10 entries behind")


def test_a_group_made_by_hand_has_the_limit_of_the_settings(desk: Desk) -> None:
    filled(desk, 3)
    finding = look("streams.subscribers", changed(desk.settings, subscriber_limit=4))
    assert is_red(finding, "warning", "reader (made by hand)", "3 of 4")


def test_a_subscriber_that_has_lost_events_is_told(desk: Desk) -> None:
    subscriber(desk, limit=10, lost="1-0")
    filled(desk, 1)
    assert is_red(look("streams.subscribers", desk.settings), "failure", "were trimmed before")


def test_a_subscriber_whose_group_is_gone_is_told(desk: Desk) -> None:
    subscriber(desk, limit=10)
    assert is_red(look("streams.subscribers", desk.settings), "warning", "its group is gone")


def test_where_the_server_cannot_tell_the_lag_the_whole_stream_counts(desk: Desk) -> None:
    subscriber(desk, limit=10)
    key = filled(desk, 7)
    desk.redis.xreadgroup("reader", "c", {key: ">"}, count=1)
    desk.redis.xdel(key, desk.ids(ENRICHED_STREAM)[3])
    assert look("streams.subscribers", desk.settings).state == "warning"


# --- dead letters -----------------------------------------------------------------------------
def refuse_all(batch: Sequence[RawArticle]) -> list[EnrichedArticle | Reject]:
    return [Reject("no good", "write another") for _ in batch]


@pytest.mark.anyio
async def test_dead_letters_of_the_last_day_are_told_without_their_content(desk: Desk) -> None:
    await publish(desk.settings, article(1, "a secret headline"))
    async with running(desk.settings, refuse_all):
        await eventually(desk.settled, "it is refused")
    finding = await asyncio.to_thread(look, "streams.dead", desk.settings)
    assert is_red(finding, "warning", "1 in the last day, 1 in all", "enrichment, ")
    assert "secret" not in said(finding)


def test_older_dead_letters_are_counted_only(desk: Desk) -> None:
    entry = f"{int((time.time() - 2 * 86400) * 1000)}-0"
    desk.redis.xadd(desk.keys.stream(DEAD_STREAM), {DATA_FIELD: b"x"}, id=entry)
    assert said(look("streams.dead", desk.settings)) == "none in the last day, 1 in all"
    desk.put(b"x", DEAD_STREAM)
    assert is_red(look("streams.dead", desk.settings), "warning", "one that can't be read")
