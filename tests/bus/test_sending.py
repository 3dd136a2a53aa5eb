"""Several scripts in one round trip: each atomic, in order, and none taken for done that isn't."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio.connection import Connection
from redis.exceptions import DataError, OutOfMemoryError

from services.bus.connect import client, server_url
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, RAW_STREAM
from services.bus.publisher import received_event
from services.bus.scripts import ArticleRef, Crossing, Scripts
from services.bus.scripts.sending import (
    BYTES_AT_ONCE,
    SENT_AT_ONCE,
    TOGETHER,
    Call,
    Common,
    parts,
    together,
)
from services.bus.seeking import PatientConnection
from services.effects import EffectLog
from tests.bus.desk import Desk, article, articles, changed, publish
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from schemas.article import RawArticle
    from services.settings import Settings
    from tests.bus.processes import Workers

BATCH = articles("good 1", "good 2", "good 3")
RAW = Common("publish", "bus.publish.raw", ["{news}:a"], [])


def call(size: int) -> Call:
    return Call(RAW, (), (), size)


def events_of(made: Sequence[RawArticle]) -> list[tuple[ArticleRef, bytes]]:
    return [(ArticleRef(one.drop.drop_id, one.article_id), received_event(one)) for one in made]


def scripts_over(redis: Redis, desk: Desk, settings: Settings) -> Scripts:
    return Scripts(redis, desk.keys, settings.marker_ttl)


def test_a_round_trip_is_bounded_in_scripts_and_in_bytes() -> None:
    small = [call(10) for _ in range(2 * SENT_AT_ONCE + 1)]
    assert [len(part) for part in parts(small)] == [SENT_AT_ONCE, SENT_AT_ONCE, 1]
    large = [call(BYTES_AT_ONCE + 1), call(1), call(BYTES_AT_ONCE), call(1), call(1)]
    assert [[one.size for one in part] for part in parts(large)] == [
        [BYTES_AT_ONCE + 1],
        [1, BYTES_AT_ONCE],
        [1, 1],
    ]
    assert list(parts([])) == []


def test_messages_of_one_stream_in_one_partition_go_in_one_run_up_to_a_number() -> None:
    other = Common("publish", "bus.publish.raw", ["{news/1}:a"], [])
    one, two = Call(RAW, (), ()), Call(other, (), ())
    calls = [one] * (TOGETHER + 1) + [two, two, one]
    assert list(together(calls)) == [[one] * TOGETHER, [one], [two, two], [one]]
    assert list(together([])) == []


@pytest.mark.anyio
async def test_they_run_in_order_and_are_answered_each(desk: Desk, settings: Settings) -> None:
    events = events_of(BATCH)
    async with client(server_url(settings)) as redis:
        scripts = scripts_over(redis, desk, settings)
        first: list[bool] = []
        await scripts.publish_all(RAW_STREAM, events[1:2], first)
        added: list[bool] = []
        await scripts.publish_all(RAW_STREAM, events, added)
    assert (first, added) == ([True], [True, False, True])
    assert desk.bodies(RAW_STREAM) == [events[1][1], events[0][1], events[2][1]]


@pytest.mark.anyio
async def test_more_than_one_run_holds_are_answered_each(desk: Desk, settings: Settings) -> None:
    events = events_of([article(number) for number in range(1, 2 * TOGETHER + 4)])
    known = [3, TOGETHER, 2 * TOGETHER]
    async with client(server_url(settings)) as redis:
        scripts = scripts_over(redis, desk, settings)
        await scripts.publish_all(RAW_STREAM, [events[place] for place in known], [])
        added: list[bool] = []
        await scripts.publish_all(RAW_STREAM, [*events, events[0]], added)
    assert added == [place not in known for place in range(len(events))] + [False]
    assert len(desk.ids(RAW_STREAM)) == len(events)


@pytest.mark.anyio
async def test_a_server_that_has_forgotten_the_scripts_is_told_them_again(
    desk: Desk, settings: Settings
) -> None:
    events = events_of(BATCH)
    async with client(server_url(settings)) as redis:
        scripts = scripts_over(redis, desk, settings)
        await scripts.publish_all(RAW_STREAM, events[:1], [])
        desk.redis.script_flush()
        added: list[bool] = []
        await scripts.publish_all(RAW_STREAM, events, added)
    assert added == [False, True, True]


@pytest.mark.anyio
async def test_what_a_full_server_refuses_is_sent_again_and_the_rest_is_not(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers that were had are kept: sent again, those would look like somebody else's."""
    async with client(server_url(settings)) as redis:
        scripts = scripts_over(redis, desk, settings)
        whole = Scripts._round_trip

        async def refused(self: Scripts, calls: Sequence[Call]) -> list[Any]:
            answers = await whole(self, calls[:1])
            return [*answers, *(OutOfMemoryError("used memory > 'maxmemory'") for _ in calls[1:])]

        monkeypatch.setattr(Scripts, "_round_trip", refused)
        added: list[bool] = []
        for done in (1, 2):
            with pytest.raises(OutOfMemoryError):
                await scripts.publish_all(RAW_STREAM, events_of(BATCH), added)
            assert added == [True] * done
        await scripts.publish_all(RAW_STREAM, events_of(BATCH), added)
    assert added == [True, True, True]
    assert desk.bodies(RAW_STREAM) == [event for _, event in events_of(BATCH)]


@pytest.mark.anyio
async def test_an_error_says_nothing_of_the_event_that_was_sent(
    desk: Desk, settings: Settings
) -> None:
    """redis-py quotes the whole command where it raises by itself."""
    desk.redis.set(desk.keys.stream(RAW_STREAM), "no stream")
    async with client(server_url(settings)) as redis:
        with pytest.raises(Exception, match="WRONGTYPE") as raised:
            await scripts_over(redis, desk, settings).publish_all(RAW_STREAM, events_of(BATCH), [])
    assert "good 1" not in str(raised.value)


@pytest.mark.anyio
async def test_messages_that_lead_to_none_are_acknowledged_among_those_that_go_on(
    desk: Desk, settings: Settings
) -> None:
    await publish(settings, *BATCH)
    key = desk.keys.stream(RAW_STREAM)
    read: Any = desk.redis.xreadgroup(ENRICHMENT.group, "worker", {key: ">"}, count=3)
    ids = [entry_id.decode() for entry_id, _ in read[0][1]]
    refs = [ref for ref, _ in events_of(BATCH)]
    events = (b"on 1", None, b"on 3")
    crossings = [
        Crossing(entry_id, ref, event)
        for entry_id, ref, event in zip(ids, refs, events, strict=True)
    ]
    async with client(server_url(settings)) as redis:
        scripts = scripts_over(redis, desk, settings)
        crossed: list[bool] = []
        await scripts.cross_all(ENRICHMENT, crossings, crossed)
        again: list[bool] = []
        await scripts.cross_all(ENRICHMENT, crossings, again)
    assert (crossed, again) == ([True] * 3, [False] * 3)
    assert desk.bodies(ENRICHED_STREAM) == [b"on 1", b"on 3"]
    assert desk.pending() == []


def test_of_effects_that_come_together_those_before_the_one_to_die_at_happen() -> None:
    log = EffectLog(kill_at=3)
    assert [log.spared(number) for number in (0, 1, 2, 5)] == [0, 1, 2, 2]
    log.note("one")
    assert log.spared(5) == 1
    assert EffectLog().spared(5) == 5


def test_a_stage_that_dies_while_it_hands_off_a_batch_has_handed_off_the_first_ones(
    desk: Desk, settings: Settings, workers: Workers
) -> None:
    """SIGKILL before the n-th hand-off of a batch; another worker does the rest, once."""
    short = changed(settings, claim_after=0.2, max_attempts=5)
    headlines = [one.headline for one in BATCH]
    counted = 1  # the attempts of the batch, before its hand-offs
    for done in range(len(BATCH)):
        desk.forget()
        desk.publish(*BATCH)
        killed = workers.start(short, WIREDESK_KILL_AT=str(counted + done + 1))
        assert killed.code() == -signal.SIGKILL, done
        assert desk.enriched() == headlines[:done]
        heir = workers.start(short)
        wait_until(desk.settled, f"the rest is handed off, killed after {done}")
        assert heir.stop() == 0
        assert desk.enriched() == headlines


def test_one_article_is_a_batch_too(desk: Desk, settings: Settings, workers: Workers) -> None:
    desk.publish(article(1))
    worker = workers.start(settings)
    wait_until(desk.settled, "it crosses")
    assert worker.stop() == 0
    assert len(desk.enriched()) == 1


@given(
    st.lists(st.text() | st.binary() | st.integers() | st.floats(), max_size=8),
    st.sampled_from(["GET", "SCRIPT LOAD", b"EVALSHA"]),
)
def test_commands_are_packed_as_redis_py_packs_them(words: list[Any], name: str | bytes) -> None:
    ours, theirs = PatientConnection(), Connection()
    try:
        expected = b"".join(theirs.pack_command(name, *words))
    except UnicodeEncodeError:  # a lone surrogate
        with pytest.raises(UnicodeEncodeError):
            ours.pack_command(name, *words)
    else:
        assert b"".join(ours.pack_command(name, *words)) == expected


def test_what_hiredis_can_t_pack_is_left_to_redis_py() -> None:
    assert b"".join(PatientConnection().pack_command("SET", memoryview(b"a"))).endswith(b"a\r\n")
    with pytest.raises(DataError):
        PatientConnection().pack_command("SET", None)
