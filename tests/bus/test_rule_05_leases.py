"""Rule 5: leases are renewed, so long work is not done twice and not counted as delivered again."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

import pytest

from services.bus.connect import cancel
from tests.bus.desk import Desk, articles, changed, eventually, publish, running
from tests.bus.worker import make_handler
from tests.wait import wait_until

if TYPE_CHECKING:
    from services.settings import Settings
    from tests.bus.processes import Workers
    from tests.bus.worker import Control

CLAIM_AFTER = 0.8
"""Seconds; a quarter of it is far above what a busy machine delays a turn of the loop."""


def test_work_of_four_claim_times_is_not_taken_over_by_an_idle_worker(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    short = changed(settings, claim_after=CLAIM_AFTER)
    desk.publish(*articles("hold 1", "good 2", "good 3"))
    busy = workers.start(short)
    wait_until(lambda: control.said("held"), "the first worker is in mid-batch")
    idle = workers.start(short).ready()
    owners = {row["consumer"] for row in desk.pending()}
    until = time.monotonic() + 4 * CLAIM_AFTER
    wait_until(lambda: time.monotonic() > until, "four claim times pass")
    pending = desk.pending()
    assert {row["consumer"] for row in pending} == owners
    assert [row["delivered"] for row in pending] == [1, 1, 1]
    control.say("go")
    wait_until(desk.settled, "all go on")
    assert busy.stop() == idle.stop() == 0
    assert control.calls() == [["hold 1", "good 2", "good 3"]]
    assert desk.enriched() == ["good 2", "good 3", "hold 1"]


@pytest.mark.anyio
async def test_a_lease_is_renewed_within_the_claim_time_and_ends_with_the_work(
    desk: Desk, settings: Settings, control: Control
) -> None:
    await publish(settings, *articles("hold 1"))
    async with running(changed(settings, claim_after=CLAIM_AFTER), make_handler(control)):
        await eventually(lambda: control.said("held"), "the message is in work")
        idles: list[int] = []
        until = time.monotonic() + 2 * CLAIM_AFTER
        while time.monotonic() < until:
            idles += [row["idle"] for row in desk.pending()]
            await asyncio.sleep(0.01)
        control.say("go")
        await eventually(desk.settled, "it goes on")
    renewals = sum(later < earlier for earlier, later in itertools.pairwise(idles))
    assert max(idles) < CLAIM_AFTER * 1000
    assert renewals >= 4


def test_the_messages_of_a_worker_that_dies_are_free_after_the_claim_time(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    short = changed(settings, claim_after=CLAIM_AFTER)
    desk.publish(*articles("pause 1", "good 2"))
    dead = workers.start(short)
    wait_until(lambda: control.said("held"), "the first worker is in mid-batch")
    dead.kill()
    heir = workers.start(short)
    wait_until(desk.settled, "the second worker takes both over")
    assert heir.stop() == 0
    assert desk.enriched() == ["good 2", "pause 1"]


@pytest.mark.anyio
async def test_a_batch_that_ends_while_its_lease_is_being_renewed_does_not_hang_the_stage(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """Leases so short that nearly every batch ends in the middle of a renewal."""
    await publish(settings, *articles(*(f"good {n}" for n in range(60))))
    short = changed(settings, claim_after=0.004, batch_size=1)
    async with running(short, make_handler(control)):
        await eventually(desk.settled, "all go on")
    assert len(desk.enriched()) == 60


@pytest.mark.anyio
async def test_cancelling_is_asked_for_again_until_it_has_worked() -> None:
    """redis-py can swallow a cancellation that arrives just as an answer does."""
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if swallowed == 2:
                    raise
                swallowed += 1

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cancel(*tasks)
    assert swallowed == 2
    assert all(task.cancelled() for task in tasks)


@pytest.mark.anyio
async def test_renewing_does_not_bring_back_what_is_acknowledged(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """The batch's first message goes on while the last is still in work."""
    await publish(settings, *articles("good 1", "raise 2", "hold 3"))
    short = changed(settings, claim_after=0.3, max_attempts=2)
    async with running(short, make_handler(control)):
        # The batch raises, then each is tried alone: the third is held there.
        await eventually(lambda: control.said("held"), "the last one is in work")
        until = time.monotonic() + 0.6
        await eventually(lambda: time.monotonic() > until, "leases are renewed")
        assert len(desk.pending()) == 1
        control.say("go")
        await eventually(desk.settled, "all are dealt with")
    assert desk.enriched() == ["good 1", "hold 3"]
