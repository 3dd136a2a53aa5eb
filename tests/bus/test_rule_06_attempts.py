"""Rule 6: attempts are counted before they are made, for each message on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.bus.keys import ENRICHMENT, RAW_STREAM
from services.bus.scripts import ATTEMPTS_TTL
from tests.bus.desk import Desk, articles, changed, eventually, publish, running
from tests.bus.worker import make_handler
from tests.wait import wait_until

if TYPE_CHECKING:
    from services.settings import Settings
    from tests.bus.processes import Workers
    from tests.bus.worker import Control


@pytest.mark.anyio
async def test_the_attempt_is_on_record_while_it_is_made_and_gone_afterwards(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """A worker that dies in it can count nothing any more."""
    await publish(settings, *articles("hold 1", "good 2"))
    async with running(settings, make_handler(control)):
        await eventually(lambda: control.said("held"), "the batch is in work")
        assert desk.attempts() == dict.fromkeys(desk.ids(RAW_STREAM), 1)
        assert 0 < int(desk.redis.ttl(desk.keys.attempts(ENRICHMENT))) <= ATTEMPTS_TTL
        control.say("go")
        await eventually(lambda: len(desk.enriched()) == 2, "both go on")
    assert desk.attempts() == {}


def test_the_innocent_neighbours_of_a_crash_are_not_blamed_for_it(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    """Each crash raises the delivery count of the whole batch; only the guilty one dies of it."""
    short = changed(settings, claim_after=0.2, max_attempts=2)
    desk.publish(*articles("good 1", "good 2", "kill 3", "good 4", "good 5"))
    codes = [workers.start(short).code() for _ in range(2)]
    assert codes == [-9, -9]
    last = workers.start(short)
    wait_until(desk.settled, "everything is dealt with")
    assert last.stop() == 0
    assert desk.enriched() == ["good 1", "good 2", "good 4", "good 5"]
    assert [letter["drop"]["file"] for letter in desk.dead()] == ["3.txt"]
    assert control.times("kill 3") == 2


@pytest.mark.anyio
async def test_redeliveries_alone_bury_nothing(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """A message that changed hands many times without being worked on is not at fault."""
    await publish(settings, *articles("good 1"))
    key = desk.keys.stream(RAW_STREAM)
    desk.redis.xreadgroup(ENRICHMENT.group, "died", {key: ">"})
    for number in range(10):
        desk.redis.xclaim(key, ENRICHMENT.group, f"died {number}", 0, [*desk.ids(RAW_STREAM)])
    assert desk.pending()[0]["delivered"] == 11
    async with running(changed(settings, claim_after=0.1), make_handler(control)):
        await eventually(desk.settled, "it is dealt with")
    assert desk.enriched() == ["good 1"]
    assert desk.dead() == []


@pytest.mark.anyio
async def test_a_message_is_tried_exactly_as_often_as_the_setting_says(
    desk: Desk, settings: Settings, control: Control
) -> None:
    for limit in (2, 4):
        desk.forget()
        before = control.times("raise 1")
        await publish(settings, *articles("raise 1"))
        short = changed(settings, claim_after=0.05, max_attempts=limit)
        async with running(short, make_handler(control)):
            await eventually(desk.settled, "it is buried")
        assert control.times("raise 1") - before == limit
        assert [letter["attempts"] for letter in desk.dead()] == [limit]


@pytest.mark.anyio
async def test_attempts_survive_the_worker_that_made_them(
    desk: Desk, settings: Settings, control: Control
) -> None:
    """A message that has used up its attempts is buried without another try."""
    await publish(settings, *articles("good 1"))
    (entry_id,) = desk.ids(RAW_STREAM)
    desk.redis.hset(desk.keys.attempts(ENRICHMENT), entry_id, str(settings.max_attempts))
    async with running(settings, make_handler(control)):
        await eventually(desk.settled, "it is buried")
    assert control.calls() == []
    (letter,) = desk.dead()
    assert (letter["error_type"], letter["attempts"]) == ("WorkerDied", settings.max_attempts)
