"""What a service knows of its health: pulses, phases, facts, and how they are judged."""

from __future__ import annotations

import asyncio
import time

import pytest

from services import metrics
from services.bus.patience import Facts
from services.bus.vitals import LOADING_LIMIT, LOOP_LIMIT, Pulse, Verdict, Vitals, beats
from tests.wait import wait_until


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_a_pulse_is_stalled_when_it_hasn_t_beaten_for_its_limit() -> None:
    clock = Clock()
    pulse = Pulse("loop", 5.0, clock)
    pulse.beat()
    clock.now += 5.0
    assert pulse.alive() == Verdict(ok=True, age=5.0)
    clock.now += 0.1
    stalled = pulse.alive()
    assert not stalled.ok
    assert stalled.reason == "no turn for more than 5 s"
    pulse.beat()
    assert pulse.alive().ok


def test_a_pulse_at_rest_isn_t_stalled_and_isn_t_running_either() -> None:
    clock = Clock()
    pulse = Pulse("api", 5.0, clock)
    assert pulse.alive().ok
    assert not pulse.running().ok
    pulse.beat()
    assert pulse.running().ok
    pulse.rest()
    clock.now += 1000
    assert pulse.alive() == Verdict(ok=True)
    assert pulse.running() == Verdict(ok=False, reason="not running now")


def test_an_age_is_never_negative() -> None:
    clock = Clock()
    pulse = Pulse("loop", 5.0, clock)
    pulse.beat()
    clock.now -= 50
    assert pulse.age == 0


def test_a_service_that_starts_lives_and_isn_t_ready() -> None:
    clock = Clock()
    vitals = Vitals("enrichment", clock)
    assert vitals.livez().ok
    assert vitals.readyz().checks["started"] == Verdict(ok=False, reason="starting", age=0.0)
    vitals.begins("waiting for the server")
    clock.now += 10_000
    assert vitals.livez().ok, "a server that is away isn't mended by a restart"
    assert vitals.readyz().checks["started"].reason == "waiting for the server"
    vitals.works()
    assert vitals.readyz().ok


def test_loading_that_never_ends_is_seen() -> None:
    clock = Clock()
    vitals = Vitals("enrichment", clock)
    vitals.begins("loading", LOADING_LIMIT)
    clock.now += LOADING_LIMIT + 1
    assert vitals.livez().checks["started"].reason == "loading for more than 600 s"


def test_a_loop_that_stalls_turns_both_red_and_comes_back() -> None:
    clock = Clock()
    vitals = Vitals("indexer", clock)
    vitals.works()
    vitals.loop.beat()
    clock.now += LOOP_LIMIT + 1
    assert not vitals.livez().ok
    assert not vitals.readyz().ok
    vitals.measure()
    assert value("wiredesk_loop_age_seconds") == LOOP_LIMIT + 1
    assert value("wiredesk_ready", stage="indexer") == 0
    vitals.loop.beat()
    assert vitals.livez().ok
    vitals.measure()
    assert value("wiredesk_ready", stage="indexer") == 1


def test_another_loop_is_watched_by_its_own_pulse() -> None:
    clock = Clock()
    vitals = Vitals("indexer", clock)
    vitals.works()
    pulse = Pulse("api", 5.0, clock)
    vitals.watch(pulse)
    assert vitals.livez().ok
    assert not vitals.readyz().ok, "it doesn't listen yet"
    pulse.beat()
    assert vitals.readyz().ok
    clock.now += 6
    assert not vitals.livez().checks["api"].ok


def test_what_a_stage_waits_for_makes_it_not_ready_and_no_less_alive() -> None:
    facts = Facts()
    vitals = Vitals("ingest")
    vitals.works()
    vitals.facts(facts, handler_timeout=300)
    assert vitals.readyz().ok
    facts.waiting_for = "server: gone"
    facts.halted = "60 % of the last 200"
    vitals.measure()
    assert value("wiredesk_waiting", stage="ingest") == 1
    assert value("wiredesk_halted", stage="ingest") == 1
    assert vitals.livez().ok
    checks = vitals.readyz().checks
    assert checks["waiting"].reason == "waits for: server: gone"
    assert checks["halted"].reason == "halted: 60 % of the last 200"
    facts.waiting_for = facts.halted = None
    vitals.measure()
    assert value("wiredesk_waiting", stage="ingest") == 0


def test_a_batch_that_never_ends_is_no_longer_alive() -> None:
    facts = Facts()
    vitals = Vitals("enrichment")
    vitals.facts(facts, handler_timeout=300)
    facts.busy_since = time.monotonic() - 299
    assert vitals.livez().ok
    facts.busy_since = time.monotonic() - 301
    assert vitals.livez().checks["batch"].reason == (
        "one batch has been in work for more than 300 s"
    )


def test_a_gauge_that_raises_keeps_no_other_from_being_told() -> None:
    vitals = Vitals("indexer")
    looked: list[int] = []

    def raises() -> None:
        raise OSError("no such disk")

    vitals.gauge(raises)
    vitals.gauge(lambda: looked.append(1))
    vitals.sample()
    assert looked == [1]


@pytest.mark.anyio
async def test_a_loop_beats_while_it_turns() -> None:
    pulse = Pulse("api", 5.0)
    beating = asyncio.create_task(beats(pulse))
    await asyncio.sleep(0)
    assert pulse.running().ok
    beating.cancel()


def test_a_blocked_loop_doesn_t_beat() -> None:
    clock = Clock()
    pulse = Pulse("api", 0.1, clock)

    async def block() -> None:
        beating = asyncio.create_task(beats(pulse))
        await asyncio.sleep(0)
        clock.now += 1
        wait_until(lambda: not pulse.alive().ok, "seen from outside the loop", 1)
        beating.cancel()

    asyncio.run(block())
