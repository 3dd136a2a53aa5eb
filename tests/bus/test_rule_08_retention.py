"""Rule 8: never MAXLEN; trimmed is only what is old and needed by no group."""

from __future__ import annotations

import ast
import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

import services
from services.bus.connect import client, server_url
from services.bus.keys import (
    CHANGE_STREAMS,
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHMENT,
    INDEXER,
    INGEST_GROUP_PREFIX,
    OUTCOME_STREAM,
    RAW_STREAM,
    STREAMS,
    is_ours,
)
from services.bus.retention import PROTECTED, Janitor
from services.bus.scripts import Scripts
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    articles,
    at_server,
    changed,
    enrich_all,
    eventually,
    publish,
    running,
)
from tests.wait import until

if TYPE_CHECKING:
    from services.bus.keys import StageSpec, Stream
    from services.bus.server import EmbeddedServer
    from services.settings import Settings

SOURCES = Path(services.__file__).parent
OLD, NEW = 1_000, 2_000
"""Entry ids below and above the horizon of the model tests, in ms."""


async def sweep(settings: Settings, spec: StageSpec = ENRICHMENT) -> int:
    """One round of the janitor; the number of entries removed."""
    async with client(server_url(settings)) as redis:
        desk = Desk(redis, settings)  # type: ignore[arg-type]  # only its keys are used
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        return await Janitor(spec, settings, redis, scripts).sweep()


async def trim(settings: Settings, horizon: int, limit: int) -> int:
    async with client(server_url(settings)) as redis:
        desk = Desk(redis, settings)  # type: ignore[arg-type]  # only its keys are used
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        return (await scripts.trim(RAW_STREAM, f"{horizon}-0", limit, PROTECTED)).removed


def fill(desk: Desk, *ids: int, stream: Stream = RAW_STREAM) -> None:
    """Entries with the given ids, whose age is long past."""
    for number in ids:
        desk.redis.xadd(desk.keys.stream(stream), {DATA_FIELD: b"x"}, id=f"{number}-0")


def kept(desk: Desk) -> list[int]:
    return [int(entry_id.split("-")[0]) for entry_id in desk.ids(RAW_STREAM)]


def group(desk: Desk, name: str, read_up_to: int, pending: tuple[int, ...] = ()) -> None:
    """A group that has read up to an id and acknowledged all but some."""
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xgroup_create(key, name, id="0")
    count = sum(number <= read_up_to for number in kept(desk))
    if count:
        answer: Any = desk.redis.xreadgroup(name, "reader", {key: ">"}, count=count)
        for entry_id, _ in answer[0][1]:
            if int(entry_id.split(b"-")[0]) not in pending:
                desk.redis.xack(key, name, entry_id)


@pytest.mark.anyio
async def test_what_every_group_has_acknowledged_goes_when_it_is_old(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, 4)
    group(desk, ENRICHMENT.group, read_up_to=4)
    assert await sweep(settings) == 3
    assert kept(desk) == [4]


@pytest.mark.anyio
async def test_what_is_young_stays_however_well_it_is_dealt_with(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *articles("good 1", "good 2"))
    async with running(settings, enrich_all):
        await eventually(desk.settled, "both go on")
    assert await sweep(settings) == 0
    assert len(desk.ids(RAW_STREAM)) == 2

    async def gone() -> bool:
        await sweep(changed(settings, retain_raw=0.001))
        return len(desk.ids(RAW_STREAM)) == 1

    await until(gone, "a thousandth of a second passes")


@pytest.mark.anyio
async def test_what_is_pending_stays_and_so_does_all_that_came_after_it(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, 4)
    group(desk, ENRICHMENT.group, read_up_to=4, pending=(2,))
    assert await sweep(settings) == 1
    assert kept(desk) == [2, 3, 4]


@pytest.mark.anyio
async def test_what_a_stage_has_not_read_stays_however_far_it_lags(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, 4)
    group(desk, ENRICHMENT.group, read_up_to=1)
    assert await sweep(changed(settings, subscriber_limit=1)) == 0
    assert kept(desk) == [1, 2, 3, 4]


@pytest.mark.anyio
async def test_an_unknown_group_is_protected_up_to_its_limit_and_reported_before(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, 4)
    group(desk, ENRICHMENT.group, read_up_to=4)
    group(desk, "dashboard", read_up_to=1)
    with structlog.testing.capture_logs() as logs:
        assert await sweep(changed(settings, subscriber_limit=3)) == 0
    (warning,) = (line for line in logs if line["event"] == "subscriber.behind")
    assert (warning["group"], warning["entries"], warning["limit"]) == ("dashboard", 3, 3)
    assert await sweep(changed(settings, subscriber_limit=2)) == 3
    assert kept(desk) == [4]


@pytest.mark.anyio
async def test_what_a_subscriber_has_read_and_not_acknowledged_counts_as_behind(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, 4)
    group(desk, ENRICHMENT.group, read_up_to=4)
    group(desk, "dashboard", read_up_to=4, pending=(1, 2, 3, 4))
    assert await sweep(changed(settings, subscriber_limit=4)) == 0
    assert await sweep(changed(settings, subscriber_limit=3)) == 3


@pytest.mark.anyio
async def test_a_deleted_inbox_does_not_hold_outcomes_for_ever(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, 1, 2, 3, stream=OUTCOME_STREAM)
    key = desk.keys.stream(OUTCOME_STREAM)
    desk.redis.xgroup_create(key, RECEIPTS.group, id="0")
    assert is_ours(RECEIPTS.group)
    assert await sweep(changed(settings, subscriber_limit=3), RECEIPTS) == 0
    assert await sweep(changed(settings, subscriber_limit=2), RECEIPTS) == 3


@pytest.mark.anyio
async def test_the_group_of_an_inbox_that_is_gone_is_deleted_after_the_retention(
    desk: Desk, settings: Settings
) -> None:
    """A deleted state folder leaves a group behind, and each would hold a million outcomes."""
    key = desk.keys.stream(OUTCOME_STREAM)
    names = [f"{INGEST_GROUP_PREFIX}gone", f"{INGEST_GROUP_PREFIX}new", "dashboard"]
    for name in (*names, RECEIPTS.group):
        desk.redis.xgroup_create(key, name, id="0", mkstream=True)
    for name in (names[0], "dashboard", RECEIPTS.group):
        desk.redis.xgroup_createconsumer(key, name, "reader")
    assert await sweep(settings, RECEIPTS) == 0
    assert len(desk.redis.xinfo_groups(key)) == 4

    async def idle() -> bool:
        # What a consumer is idle for is the server's to say.
        found: Any = desk.redis.xinfo_consumers(key, names[0])
        return bool(found[0]["idle"] > 5)

    await until(idle, "nobody has read for more than five milliseconds")
    with structlog.testing.capture_logs() as logs:
        await sweep(changed(settings, retain_outcomes=0.005), RECEIPTS)
    left = {row["name"].decode() for row in desk.redis.xinfo_groups(key)}
    assert left == {names[1], "dashboard", RECEIPTS.group}
    assert [line["group"] for line in logs if line["event"] == "inbox.forgotten"] == [names[0]]


@pytest.mark.anyio
async def test_an_inbox_that_is_read_keeps_its_group_whoever_sweeps(
    desk: Desk, settings: Settings
) -> None:
    """One of its consumers was there a moment ago, though others are long gone."""
    key, name = desk.keys.stream(OUTCOME_STREAM), f"{INGEST_GROUP_PREFIX}other"
    desk.redis.xgroup_create(key, name, id="0", mkstream=True)
    desk.redis.xgroup_createconsumer(key, name, "dead")

    async def idle() -> bool:
        found: Any = desk.redis.xinfo_consumers(key, name)
        return bool(found[0]["idle"] > 50)

    await until(idle, "the first one has been gone for a while")
    desk.redis.xgroup_createconsumer(key, name, "living")
    async with client(server_url(settings)) as redis:
        scripts = Scripts(redis, desk.keys, settings.marker_ttl)
        assert await scripts.drop_inboxes(RECEIPTS, 50) == []
    assert desk.redis.xinfo_groups(key)


@pytest.mark.anyio
async def test_a_group_whose_lag_the_server_cannot_tell_is_counted_with_the_whole_stream(
    desk: Desk, settings: Settings
) -> None:
    """Entries deleted in the middle make the lag unknown; it must not read as 0."""
    fill(desk, 1, 2, 3, 4, 5)
    group(desk, ENRICHMENT.group, read_up_to=5)
    group(desk, "dashboard", read_up_to=1)
    desk.redis.xdel(desk.keys.stream(RAW_STREAM), "3-0")
    assert await sweep(changed(settings, subscriber_limit=4)) == 0
    assert await sweep(changed(settings, subscriber_limit=3)) == 3


@pytest.mark.anyio
async def test_each_stream_has_its_own_retention_and_one_service_that_trims_it(
    desk: Desk, settings: Settings
) -> None:
    looked_after = [stream for spec in (ENRICHMENT, INDEXER, RECEIPTS) for stream in spec.trims]
    every = [*STREAMS, *CHANGE_STREAMS]
    assert sorted(stream.name for stream in looked_after) == sorted(s.name for s in every)
    now = int(time.time() * 1000)
    kept_for = changed(
        settings,
        retain_raw=10.0,
        retain_enriched=20.0,
        retain_outcomes=30.0,
        retain_dead=40.0,
        retain_changes=30.0,
    )
    for stream in every:
        fill(desk, now - 35_000, now - 25_000, now - 15_000, now - 5_000, stream=stream)
        for spec in (ENRICHMENT, INDEXER, RECEIPTS):
            if spec.reads is stream:
                desk.redis.xgroup_create(desk.keys.stream(stream), spec.group, id="$")
    for spec in (ENRICHMENT, INDEXER, RECEIPTS):
        await sweep(kept_for, spec)
    assert [len(desk.ids(stream)) for stream in every] == [1, 2, 3, 4, 3, 3]


@pytest.mark.anyio
async def test_a_stream_that_does_not_exist_needs_no_trimming(
    desk: Desk, settings: Settings
) -> None:
    assert desk.ids(DEAD_STREAM) == []
    assert await trim(settings, NEW, 10) == 0


@pytest.mark.anyio
async def test_two_janitors_at_once_do_no_harm(desk: Desk, settings: Settings) -> None:
    fill(desk, *range(1, 50))
    group(desk, ENRICHMENT.group, read_up_to=40, pending=(30,))
    removed = await asyncio.gather(*(sweep(settings) for _ in range(5)))
    assert sum(removed) == 29
    assert kept(desk)[0] == 30


@pytest.mark.anyio
async def test_a_server_that_is_away_is_met_again_at_the_next_round(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    there = at_server(settings, own_server, janitor_interval=0.05)
    async with client(server_url(there)) as redis:
        desk = Desk(redis, there)  # type: ignore[arg-type]  # only its keys are used
        janitor = Janitor(ENRICHMENT, there, redis, Scripts(redis, desk.keys, 60))
        await redis.xgroup_create(
            desk.keys.stream(RAW_STREAM), ENRICHMENT.group, id="0", mkstream=True
        )
        with structlog.testing.capture_logs() as logs:
            own_server.stop()
            sweeps = asyncio.create_task(janitor.run())
            await eventually(lambda: _seen(logs, "janitor.failed"), "it is told of the outage")
            own_server.start()
            assert not sweeps.done()
            await eventually(lambda: logs[-1]["event"] == "janitor.swept", "it sweeps again")
            sweeps.cancel()
            await asyncio.gather(sweeps, return_exceptions=True)


def _seen(logs: list[Any], event: str) -> bool:
    return any(line["event"] == event for line in logs)


@dataclass(frozen=True)
class Position:
    """Where a group of the model stands: how many entries it has read, which it hasn't acked."""

    name: str
    read: int
    pending: frozenset[int]

    def needs(self, ids: list[int]) -> set[int]:
        """The entries that it still has to see, or to see again."""
        return set(ids[self.read :]) | self.pending


IDS = [*range(OLD, OLD + 8), *range(NEW, NEW + 4)]


@st.composite
def positions(draw: st.DrawFn) -> list[Position]:
    names = draw(
        st.lists(
            st.sampled_from([*PROTECTED, RECEIPTS.group, "dashboard", "mirror"]),
            unique=True,
            max_size=4,
        )
    )
    found = []
    for name in names:
        read = draw(st.integers(0, len(IDS)))
        pending = draw(st.frozensets(st.sampled_from(IDS[:read]))) if read else frozenset()
        found.append(Position(name, read, pending))
    return found


@given(groups=positions(), horizon=st.sampled_from([0, *IDS, NEW + 99]), limit=st.integers(1, 14))
@effort(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_that_a_group_still_needs_disappears(
    desk: Desk, settings: Settings, groups: list[Position], horizon: int, limit: int
) -> None:
    """Over random positions of groups, horizons and limits; and what nobody needs does go."""
    desk.forget()
    fill(desk, *IDS)
    for position in groups:
        read_up_to = IDS[position.read - 1] if position.read else 0
        group(desk, position.name, read_up_to, tuple(position.pending))
    removed = asyncio.run(trim(settings, horizon, limit))
    left = kept(desk)
    assert len(IDS) - len(left) == removed
    assert left == IDS[removed:], "trimmed from the old end only"
    assert {number for number in IDS if number >= horizon} <= set(left)
    counting = [g for g in groups if g.name in PROTECTED or len(g.needs(IDS)) <= limit]
    needed = set().union(*(g.needs(IDS) for g in counting))
    assert needed <= set(left)
    # A group's last read entry stays beside what it needs: it marks its place.
    marks = {IDS[g.read - 1] if g.read else 0 for g in counting}
    floor = min([horizon, *needed, *marks])
    assert left == [number for number in IDS if number >= floor]


def test_no_source_trims_by_length() -> None:
    """Neither ``maxlen`` in Python nor MAXLEN in a script."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "deque" not in ast.dump(node.func)
        if {"maxlen", "approximate"} & {keyword.arg for keyword in node.keywords}
    ]
    scripts = [
        path.name
        for path in SOURCES.rglob("*.lua")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "MAXLEN" in line.partition("--")[0].upper()
    ]
    assert found == scripts == []


@pytest.mark.anyio
async def test_a_backlog_of_any_length_is_kept(desk: Desk, settings: Settings) -> None:
    fill(desk, *range(1, 2_001))
    group(desk, ENRICHMENT.group, read_up_to=0)
    await sweep(changed(settings, subscriber_limit=1, retain_raw=0.001))
    assert len(kept(desk)) == 2_000


# --- by number -----------------------------------------------------------------------------


AGES = 1e12
"""Seconds of retention by which nothing is old."""


@pytest.mark.anyio
async def test_of_young_entries_only_so_many_are_kept(desk: Desk, settings: Settings) -> None:
    """A busy day must not fill the server, whatever age entries may come to."""
    fill(desk, *range(1, 8))
    group(desk, ENRICHMENT.group, read_up_to=7)
    few = changed(settings, retain_raw=AGES, retain_entries=3)
    assert await sweep(few) == 4
    assert kept(desk) == [5, 6, 7]
    assert await sweep(few) == 0


@pytest.mark.anyio
async def test_what_is_to_be_read_yet_is_kept_beyond_that_number(
    desk: Desk, settings: Settings
) -> None:
    fill(desk, *range(1, 8))
    group(desk, ENRICHMENT.group, read_up_to=7, pending=(2,))
    assert await sweep(changed(settings, retain_raw=AGES, retain_entries=3)) == 1
    assert kept(desk) == [2, 3, 4, 5, 6, 7]


@pytest.mark.anyio
async def test_dead_letters_are_kept_by_age_alone(desk: Desk, settings: Settings) -> None:
    desk.redis.xgroup_create(desk.keys.stream(INDEXER.reads), INDEXER.group, id="0", mkstream=True)
    fill(desk, *range(1, 8), stream=DEAD_STREAM)
    await sweep(changed(settings, retain_dead=AGES, retain_entries=3), INDEXER)
    assert len(desk.ids(DEAD_STREAM)) == 7


@pytest.mark.parametrize(("number", "found"), [(1, 10), (2, 20), (500, 5000), (1200, 12000)])
def test_the_nth_entry_is_found_in_steps(
    desk: Desk, settings: Settings, number: int, found: int
) -> None:
    fill(desk, *range(10, 12_010, 10))

    async def nth() -> str | None:
        async with client(server_url(settings)) as redis:
            scripts = Scripts(redis, desk.keys, settings.marker_ttl)
            return await scripts.nth_entry(RAW_STREAM, number)

    assert asyncio.run(nth()) == f"{found}-0"
