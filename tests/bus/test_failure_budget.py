"""A stage in which too much dies stops, says so, and begins again when told or when it can."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from services.bus import probing
from services.bus.budget import Budget, Halted, halt_of, halts, resume
from services.bus.connect import client, server_url
from services.bus.errors import Reject
from services.bus.keys import ENRICHMENT, INDEXER, RAW_STREAM
from services.bus.messages import Fault
from services.bus.probing import Gate, pause_after
from services.bus.scripts import RECENT_TTL, Scripts
from services.bus.watchdog import Exit
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    changed,
    enrich,
    eventually,
    publish,
    running,
)
from tests.bus.worker import make_handler
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis.asyncio import Redis

    from schemas.article import RawArticle
    from services.bus.budget import Halt
    from services.bus.stage import Result
    from services.settings import Settings
    from tests.bus.processes import Worker, Workers
    from tests.bus.worker import Control

pytestmark = pytest.mark.anyio

BAD = Fault("Reject", "no good", "send another")


def limited(settings: Settings, **over: Any) -> Settings:
    """A budget of three in a row, or of a half of the last ten."""
    limits = {
        "failure_budget_in_a_row": 3,
        "failure_budget_percent": 100.0,
        "failure_budget_window": 10,
    }
    return changed(settings, **(limits | over))


@pytest.fixture
async def server(desk: Desk, settings: Settings) -> AsyncIterator[Redis]:
    """A client on an emptied server."""
    assert desk.redis.ping()
    async with client(server_url(settings)) as redis:
        yield redis


def budget(redis: Redis, settings: Settings, group: str = ENRICHMENT.group) -> Budget:
    scripts = Scripts(redis, Desk(redis, settings).keys, settings.marker_ttl)  # type: ignore[arg-type]  # only its keys
    return Budget(group, settings, redis, scripts)


async def played(told: Budget, how: str) -> int:
    """Say how articles went, ``.`` well and ``x`` not; how many had died when it stopped."""
    for number, each in enumerate(how):
        if each == ".":
            told.passed()
            continue
        try:
            await told.spend(BAD, f"{number}.txt: article {number}")
        except Halted:
            return how[:number].count("x")
    await told.flush()
    return -1


async def found(redis: Redis, settings: Settings, group: str = ENRICHMENT.group) -> Halt | None:
    return await halt_of(redis, Desk(redis, settings).keys, group)  # type: ignore[arg-type]  # only its keys


# --- counting -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("how", "died"),
    [
        ("xxx", 2),
        ("xx.xx.xx.xx", -1),
        ("..........xx.xxx", 4),
        (".x" * 40, -1),
    ],
)
async def test_so_many_in_a_row_stop_a_stage_and_one_that_passes_begins_the_row_anew(
    server: Redis, settings: Settings, how: str, died: int
) -> None:
    """The last of the row doesn't die any more: it is what the stage stops before."""
    limits = limited(settings)
    assert await played(budget(server, limits), how) == died
    assert (await found(server, limits) is None) == (died < 0)


@pytest.mark.parametrize(
    ("how", "died"),
    [
        ("xxxxxxxxx", -1),  # nothing is judged before there were as many as the window has
        ("xxxxxxxxxx", 9),
        (".x" * 20, -1),  # a half is not more than a half
        (".x" * 5 + "x", 5),
        ("x" * 6 + "." * 10 + "x.x.x.x.x.", -1),  # what has left the window counts no more
    ],
)
async def test_more_than_its_share_of_the_last_articles_stops_a_stage(
    server: Redis, settings: Settings, how: str, died: int
) -> None:
    limits = limited(settings, failure_budget_in_a_row=0, failure_budget_percent=50.0)
    assert await played(budget(server, limits), how) == died


async def test_a_budget_that_is_off_counts_nothing_and_never_stops_a_stage(
    server: Redis, settings: Settings
) -> None:
    off = limited(settings, failure_budget_in_a_row=0)
    assert await played(budget(server, off), "x" * 300) == -1
    assert await server.keys("*") == []


async def test_the_row_is_counted_over_all_workers_of_a_stage_and_only_over_them(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings)
    one, other = budget(server, limits), budget(server, limits)
    stranger = budget(server, limits, INDEXER.group)
    await one.spend(BAD, "a")
    await stranger.spend(BAD, "b")
    await other.spend(BAD, "c")
    with pytest.raises(Halted) as first:
        await one.spend(BAD, "d")
    with pytest.raises(Halted) as later:
        await other.spend(BAD, "e")
    assert (first.value.first, later.value.first) == (True, False)
    await stranger.spend(BAD, "f")
    assert [halt.group for halt in await halts(server, budget_keys(settings))] == ["enrichment"]


def budget_keys(settings: Settings) -> Any:
    return Desk(None, settings).keys  # type: ignore[arg-type]  # only its keys


async def test_a_worker_whose_articles_pass_hears_of_the_stop_too(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings)
    assert await played(budget(server, limits), "xxx") == 2
    healthy = budget(server, limits)
    healthy.passed()
    with pytest.raises(Halted):
        await healthy.flush()


async def test_what_died_yesterday_is_forgotten_and_a_stop_is_not(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings)
    await played(budget(server, limits), "xxx")
    keys = budget_keys(settings)
    assert 0 < await server.ttl(keys.recent("enrichment")) <= RECENT_TTL
    assert await server.ttl(keys.halted("enrichment")) > 10 * RECENT_TTL


async def test_a_stop_says_how_many_died_of_what_most_often_and_which_were_the_last(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings, failure_budget_in_a_row=7)
    told = budget(server, limits)
    reasons = ["disk", "disk", "model", "model", "model", "disk", "model"]
    for number, reason in enumerate(reasons[:-1]):
        await told.spend(Fault("Error", reason, ""), f"{number}.txt")
    with pytest.raises(Halted) as stopped:
        await told.spend(Fault("Error", reasons[-1], ""), "6.txt")
    with capture_logs() as logs:
        assert await told.tell(stopped.value) == "7 articles in a row died, 4 of them of: model"
    halt = await found(server, limits)
    assert halt is not None
    assert (halt.rule, halt.row, halt.dead, halt.of) == ("in_a_row", 7, 7, 7)
    assert (halt.commonest, halt.times) == ("model", 4)
    assert halt.last == ("6.txt", "5.txt", "4.txt", "3.txt", "2.txt")
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("critical", "stage.halted")
    assert line["reason"] == "7 articles in a row died, 4 of them of: model"
    for command in ("wiredesk dead list --stage enrichment", "wiredesk resume enrichment"):
        assert command in line["advice"]


async def test_a_long_reason_is_compared_by_its_beginning_and_a_strange_one_is_taken(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings)
    told = budget(server, limits)
    faults = [Fault("E", 'quote " \\ \n ü' + "." * 300 + str(n), "") for n in range(3)]
    for fault in faults[:-1]:
        await told.spend(fault, "x")
    with pytest.raises(Halted):
        await told.spend(faults[-1], "x")
    halt = await found(server, limits)
    assert halt is not None
    assert (halt.times, halt.commonest[:13]) == (3, 'quote " \\ \n ü'[:13])


async def test_resuming_ends_the_stop_once_and_begins_the_count_anew(
    server: Redis, settings: Settings
) -> None:
    limits = limited(settings)
    keys = budget_keys(settings)
    for group in (ENRICHMENT.group, RECEIPTS.group):
        await played(budget(server, limits, group), "xxx")
    stopped = await halts(server, keys)
    assert [halt.stage for halt in stopped] == ["enrichment", "ingest"]
    assert await resume(server, keys, stopped) == list(stopped)
    assert await resume(server, keys, stopped) == []
    assert await halts(server, keys) == ()
    assert await played(budget(server, limits), "xx") == -1


# --- a stage that stops -----------------------------------------------------------------------
async def test_a_stage_buries_up_to_its_budget_and_gives_the_rest_back(
    desk: Desk, settings: Settings, control: Control
) -> None:
    await publish(settings, *articles(*(f"reject {number}" for number in range(1, 9))))
    with capture_logs() as logs:
        async with running(limited(settings), make_handler(control)) as stage:
            await eventually(lambda: stage.facts.halted, "it stops")
    assert len(desk.dead()) == len(desk.outcomes()) == 2
    assert len(desk.pending()) == 6
    # Given back: as if nobody had tried them.
    assert set(desk.attempts().values()) == {0}
    assert [line["event"] for line in logs].count("stage.halted") == 1


async def test_articles_whose_handler_raises_are_tried_as_often_as_ever_and_then_count(
    desk: Desk, settings: Settings, control: Control
) -> None:
    short = limited(settings, claim_after=0.1, max_attempts=2)
    await publish(settings, *articles("raise 1", "raise 2", "raise 3", "raise 4"))
    async with running(short, make_handler(control)) as stage:
        await eventually(lambda: stage.facts.halted, "it stops")
    assert len(desk.dead()) == 2
    assert len(desk.pending()) == 2


async def test_unreadable_messages_count_like_any_other(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """A release that writes what this one can't read rejects article by article, too."""
    for _ in range(5):
        desk.put(b"rubbish")
    async with running(limited(settings), make_handler(control)) as stage:
        await eventually(lambda: stage.facts.halted, "it stops")
    assert len(desk.dead()) == 2
    assert len(desk.pending()) == 3


async def test_a_few_bad_articles_among_good_ones_stop_nothing(
    desk: Desk, settings: Settings, control: Control
) -> None:
    headlines = [f"{'reject' if n % 3 == 0 else 'good'} {n}" for n in range(1, 31)]
    await publish(settings, *articles(*headlines))
    budgeted = limited(settings, failure_budget_percent=50.0, batch_size=7)
    async with running(budgeted, make_handler(control)) as stage:
        await eventually(desk.settled, "everything is dealt with")
    assert stage.facts.halted is None
    assert (len(desk.enriched()), len(desk.dead())) == (20, 10)


# --- beginning again ---------------------------------------------------------------------------
class Mended:
    """A handler that rejects everything until it is mended; what it was called with."""

    def __init__(self) -> None:
        self.broken = True
        self.calls: list[str] = []

    def __call__(self, batch: Sequence[RawArticle]) -> list[Result]:
        self.calls += [raw.headline or "" for raw in batch]
        return [
            Reject("broken", "mend it")
            if self.broken or (raw.headline or "").startswith("reject")
            else enrich(raw)
            for raw in batch
        ]


async def stopped_stage(desk: Desk, settings: Settings, handler: Mended, *waiting: str) -> None:
    """Let a stage stop; then ``waiting`` is published."""
    await publish(settings, *articles(*(f"first {number}" for number in range(1, 5))))
    async with running(settings, handler) as stage:
        await eventually(lambda: stage.facts.halted, "it stops")
    handler.calls.clear()
    later = [article(number, headline) for number, headline in enumerate(waiting, start=11)]
    await publish(settings, *later)
    assert len(desk.dead()) == 2
    idle_ms = settings.claim_after * 1000
    await eventually(lambda: all(p["idle"] > idle_ms for p in desk.pending()), "they are abandoned")


async def gated(redis: Redis, settings: Settings, stage: Any) -> Gate:
    async def begin() -> None:
        stage.facts.done += 0

    return Gate(stage, settings, redis, begin)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_PAUSE", "NEXT_PAUSE"):
        monkeypatch.setattr(probing, name, 0.01)


async def look_until(gate: Gate, holds: Any, what: str) -> None:
    async with asyncio.timeout(20):
        while not holds():
            assert await gate.look(), what
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("_at_once")
async def test_while_probes_fail_nothing_is_buried_and_every_waiting_message_has_its_turn(
    desk: Desk, settings: Settings, server: Redis
) -> None:
    short, handler = limited(settings, claim_after=0.05), Mended()
    await stopped_stage(desk, short, handler, "late 11", "late 12")
    stage = idle_stage(server, short, handler)
    gate = await gated(server, short, stage)
    await look_until(gate, lambda: len(handler.calls) >= 6, "six were tried")
    await gate.close()
    assert set(handler.calls) == {"first 3", "first 4", "late 11", "late 12"}
    assert stage.facts.halted == "3 articles in a row died, 3 of them of: broken"
    assert not gate.open
    assert len(desk.dead()) == 2
    assert set(desk.attempts().values()) == {0}


def idle_stage(redis: Redis, settings: Settings, handler: Any) -> Any:
    from services.bus.stage import Stage  # noqa: PLC0415

    return Stage(ENRICHMENT, handler, settings, redis, "prober")


@pytest.mark.usefixtures("_at_once")
async def test_once_enough_messages_pass_in_a_row_the_stage_goes_on_by_itself(
    desk: Desk, settings: Settings, server: Redis
) -> None:
    """A probe that passes is the message's real crossing, and one bad article keeps nobody back."""
    short, handler = limited(settings, claim_after=0.05), Mended()
    await stopped_stage(desk, short, handler, "late 11", "reject 12", "late 13", "late 14")
    handler.broken = False
    stage = idle_stage(server, short, handler)
    gate = await gated(server, short, stage)
    with capture_logs() as logs:
        await look_until(gate, lambda: gate.open, "it opens")
    assert stage.facts.halted is None
    assert await found(server, short) is None
    (line,) = [line for line in logs if line["event"] == "stage.probes_passed"]
    assert line["passed"] == probing.ENOUGH
    # The two that were given back, and one of those behind them.
    assert desk.enriched() == ["first 3", "first 4", "late 11"]
    assert handler.calls == ["first 3", "first 4", "late 11"]
    assert len(desk.dead()) == 2


@pytest.mark.usefixtures("_at_once")
async def test_a_stage_without_anything_to_try_stays_stopped_until_something_comes(
    desk: Desk, settings: Settings, server: Redis
) -> None:
    limits = limited(settings, claim_after=0.05)
    await publish(settings)
    await played(budget(server, limits), "xxx")
    handler = Mended()
    handler.broken = False
    gate = await gated(server, limits, idle_stage(server, limits, handler))
    for _ in range(20):
        assert await gate.look()
        await asyncio.sleep(0.01)
    assert not gate.open
    await publish(settings, *articles("one", "two", "three"))
    await look_until(gate, lambda: gate.open, "it opens")
    assert desk.enriched() == ["one", "three", "two"]


@pytest.mark.usefixtures("_at_once")
async def test_a_message_that_kills_its_worker_is_no_longer_tried(
    desk: Desk, settings: Settings, server: Redis
) -> None:
    """Its attempts are used up: a probe would only kill this worker, too."""
    limits = limited(settings, claim_after=0.05)
    await publish(settings, *articles("kills 1"))
    (entry_id,) = desk.ids(RAW_STREAM)
    desk.redis.hset(desk.keys.attempts(ENRICHMENT), entry_id, str(settings.max_attempts))
    await played(budget(server, limits), "xxx")
    handler = Mended()
    gate = await gated(server, limits, idle_stage(server, limits, handler))

    async def failed() -> int:
        halt = await found(server, limits)
        return halt.failed if halt else -1

    async with asyncio.timeout(20):
        while await failed() < 1:
            assert await gate.look()
            await asyncio.sleep(0.01)
    await gate.close()
    assert handler.calls == []
    assert desk.dead() == []
    assert desk.attempts() == {entry_id: settings.max_attempts}


async def test_one_worker_of_a_stage_probes_at_a_time(
    desk: Desk, settings: Settings, server: Redis
) -> None:
    assert desk.redis.ping()
    limits = limited(settings)
    await played(budget(server, limits), "xxx")
    scripts = Scripts(server, budget_keys(settings), settings.marker_ttl)
    turns = [await scripts.next_probe(ENRICHMENT.group, 30) for _ in range(5)]
    assert turns == ["0-0", False, False, False, False]
    for passed, ended in ((True, False), (False, False), (True, False), (True, False)):
        done = await scripts.probed(ENRICHMENT.group, "7-0", passed=passed, enough=3, pause=0)
        assert done == ended
    assert await scripts.next_probe(ENRICHMENT.group, 30) == "7-0"
    assert await scripts.probed(ENRICHMENT.group, "8-0", passed=True, enough=3, pause=0)
    assert await scripts.next_probe(ENRICHMENT.group, 30) is True
    assert not await scripts.probed(ENRICHMENT.group, "8-0", passed=True, enough=3, pause=0)


def test_the_pauses_between_failed_probes_grow_to_five_minutes() -> None:
    pauses = [pause_after(failed) for failed in range(9)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert pause_after(10**6) == 300


# --- processes ---------------------------------------------------------------------------------
def test_all_workers_of_a_stage_end_with_it_and_those_started_again_read_nothing(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    """Exit code 75 (try again later), the stop outlives them, and a command ends it."""
    limits = limited(settings, failure_budget_in_a_row=5, batch_size=4)
    team = [workers.start(limits) for _ in range(3)]
    for worker in team:
        worker.ready()
    desk.publish(*articles(*(f"reject {number}" for number in range(1, 31))))
    assert [worker.code() for worker in team] == [Exit.TEMPFAIL] * 3
    assert len(desk.dead()) == 4
    assert sum(len(worker.lines("stage.halted")) for worker in team) == 1
    # One may say so twice: where it was told by a message of its own while it looked.
    assert sum(bool(worker.lines("stage.halt_obeyed")) for worker in team) == 2
    heir = workers.start(limits)
    wait_until(lambda: heir.lines("stage.still_halted"), "the next worker finds the stage stopped")
    wait_until(lambda: sign_of(desk, heir).get("halted"), "its sign of life says so")
    assert heir.lines("service.ready") == []
    assert heir.alive
    asyncio.run(resumed(desk, settings))
    wait_until(lambda: heir.lines("service.ready"), "it reads again")
    wait_until(lambda: heir.code() == Exit.TEMPFAIL, "the cause wasn't mended: it stops again")
    assert len(desk.dead()) == 8


def str_of(value: Any) -> str:
    """A document that may have expired meanwhile."""
    return value.decode() if value else "{}"


def sign_of(desk: Desk, worker: Worker) -> dict[str, Any]:
    """The sign of life of a worker, empty where it gave none yet."""
    for key in desk.redis.scan_iter(desk.keys.alive_pattern()):
        sign: dict[str, Any] = json.loads(str_of(desk.redis.get(key)))
        if sign.get("pid") == worker.pid:
            return sign
    return {}


async def resumed(desk: Desk, settings: Settings) -> None:
    """What ``wiredesk resume --all`` does."""
    async with client(server_url(settings)) as redis:
        assert await resume(redis, desk.keys, await halts(redis, desk.keys))


def test_an_idle_worker_ends_too_when_the_others_stopped_the_stage(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    limits = limited(settings)
    idle = workers.start(limits).ready()

    async def stop() -> None:
        async with client(server_url(settings)) as redis:
            await played(budget(redis, limits), "xxx")

    asyncio.run(stop())
    assert idle.code() == Exit.TEMPFAIL
    assert desk.dead() == []
