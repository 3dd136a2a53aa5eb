"""When the next try may be made: what one failure means, and what several mean."""

from __future__ import annotations

import random
import time

import pytest

from services.bus.webhooks import Slot, Tries
from services.indexer.webhooks.courier import Clock
from services.indexer.webhooks.line import Line
from services.indexer.webhooks.pace import DELAYS, HOLDS, JITTER, ROW, Pace, delay

NOW = 1_772_442_000.0


@pytest.fixture
def pace() -> Pace:
    return Pace(random.Random(7))  # noqa: S311  (jitter)


def slot(number: int, stream: str = "enriched") -> Slot:
    return Slot((number, 0), stream)


@pytest.mark.parametrize("attempts", [1, 2, 5, len(DELAYS), 40])
def test_delays_vary_by_a_fifth_and_end_growing(attempts: int) -> None:
    rng = random.Random(attempts)  # noqa: S311  (jitter)
    base = DELAYS[min(attempts, len(DELAYS)) - 1]
    made = [delay(attempts, rng) for _ in range(200)]
    assert all(base * (1 - JITTER) <= each <= base * (1 + JITTER) for each in made)
    assert max(made) - min(made) > base * JITTER


def test_one_event_that_fails_for_ever_is_no_outage(pace: Pace) -> None:
    for _ in range(50):
        assert not pace.failed("e", NOW, proves=True)
    assert pace.ready(NOW)


def test_several_in_a_row_are_and_each_failure_makes_the_wait_longer(pace: Pace) -> None:
    began = [pace.failed(number, NOW, proves=True) for number in range(ROW)]
    assert began == [False] * (ROW - 1) + [True]
    waits = []
    for number in range(len(HOLDS) + 2):
        assert not pace.ready(pace.held_until - 0.01)
        assert pace.ready(pace.held_until)
        waits.append(pace.held_until - NOW)
        pace.failed(number, NOW, proves=True)
    assert waits[0] <= HOLDS[0] * (1 + JITTER)
    assert HOLDS[-1] * (1 - JITTER) <= waits[-1] <= HOLDS[-1] * (1 + JITTER)


def test_a_success_in_between_begins_the_row_anew(pace: Pace) -> None:
    for number in range(ROW * 4):
        pace.failed(number, NOW, proves=True)
        if number % (ROW - 1) == 0:
            assert pace.succeeded() is None
    assert not pace.holding


def test_known_failures_prove_nothing(pace: Pace) -> None:
    for number in range(ROW * 4):
        pace.failed(number, NOW, proves=False)
    assert not pace.holding


def test_retry_after_holds_at_once_and_never_shortens_the_wait(pace: Pace) -> None:
    assert pace.failed("e", NOW, proves=True, retry_after=600)
    assert pace.held_until == NOW + 600
    for _ in range(len(HOLDS)):
        pace.failed("e", NOW, proves=True, retry_after=0)
    assert pace.held_until > NOW + HOLDS[-1] * (1 - JITTER) - 1


def test_the_next_worker_knows_that_it_has_to_wait(pace: Pace) -> None:
    pace.failed("e", NOW, proves=True, retry_after=60)
    heir = Pace.of(pace.facts(), random.Random(1), NOW)  # noqa: S311  (jitter)
    assert (heir.holding, heir.held_until) == (True, NOW + 60)
    assert heir.succeeded() == set()
    assert not Pace.of(heir.facts(), heir.rng, NOW).holding


@pytest.mark.parametrize("jump", [3600.0 * 12, 86_400.0])
def test_a_clock_that_was_set_back_holds_nothing_up(pace: Pace, jump: float) -> None:
    """What was noted before it was set is due at once, not when the clock is there again."""
    pace.failed("e", NOW + jump, proves=True, retry_after=60)
    heir = Pace.of(pace.facts(), random.Random(1), NOW)  # noqa: S311  (jitter)
    assert heir.ready(NOW)
    line = Line()
    line.add(slot(1), Tries(1, 1, NOW + jump + DELAYS[0], "down"), NOW)
    assert line.take(NOW) == slot(1)


def test_setting_the_clock_doesn_t_move_what_is_waited_by(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, before = Clock(), time.time()
    began = clock.now()
    for jump in (-86_400.0, -3600.0, 3600.0, 86_400.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: before + jump)
        assert abs(clock.now() - began) < 60
        # What is told is the time as it is: receivers refuse signatures of another.
        assert clock.wall() == before + jump


def test_the_line_gives_the_oldest_that_is_due() -> None:
    line = Line()
    line.add(slot(3), Tries(), NOW, b"three")
    line.add(slot(1), Tries(1, 1, NOW + 10), NOW)
    line.add(slot(2), Tries(), NOW)
    assert [line.take(NOW) for _ in range(3)] == [slot(2), slot(3), None]
    assert line.take(NOW + 10) == slot(1)
    assert (line.bytes_of(slot(3)), line.bytes_of(slot(3))) == (b"three", None)


def test_the_line_knows_what_the_queue_holds() -> None:
    """What went without us isn't tried; what came without us is; what is in work stays."""
    line = Line()
    for number in (1, 2, 3):
        line.add(slot(number), Tries(), NOW)
    assert line.take(NOW) == slot(1)
    line.match({slot(3): Tries(), slot(4): Tries()}, [slot(1)], NOW)
    assert set(line.known) == {slot(1), slot(3), slot(4)}
    assert [line.take(NOW) for _ in range(3)] == [slot(3), slot(4), None]


def test_probes_alternate_between_old_and_new_events() -> None:
    """None: a new one has to be read first."""
    line = Line()
    for number in (1, 2, 3):
        line.add(slot(number), Tries(1, 1, NOW + 100), NOW)
    first = line.take_probe()
    assert first == slot(1)
    line.probed(first)
    line.add(first, Tries(1, 2, NOW + 100), NOW)
    assert line.take_probe() is None
    line.add(slot(9), Tries(), NOW)
    new = line.take_probe()
    assert new == slot(9)
    line.probed(new)
    line.add(new, Tries(1, 1, NOW + 100), NOW)
    assert line.take_probe() == slot(2)
    line.nothing_new()
    assert line.take_probe() == slot(3)


def test_after_an_outage_only_what_failed_in_it_is_due() -> None:
    line = Line()
    for number in (1, 2, 3):
        line.add(slot(number), Tries(3, 3, NOW + 100 * number), NOW)
    line.catch_up({slot(3), slot(2)})
    assert [line.take(NOW) for _ in range(3)] == [slot(2), slot(3), None]
    assert line.take(NOW + 100) == slot(1)
