"""What a receiver gets: which bytes, in which order, how often, and when again."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import ENRICHED, FILED
from services.bus.filters import EventFilter
from services.bus.keys import ENRICHED_STREAM, OUTCOME_STREAM
from tests.bus.desk import changed, eventually
from tests.wait import until
from tests.webhooks.kit import (
    SECRET,
    Gone,
    Turned,
    comes,
    courier,
    enriched_event,
    failures,
    filed_event,
    make_webhook,
    put,
    settled,
    state_of,
)
from tests.webhooks.receiver import Receiver, Reply, Request, signature

if TYPE_CHECKING:
    from services.settings import Settings
    from tests.bus.desk import Desk

pytestmark = pytest.mark.anyio


async def test_a_receiver_gets_the_very_bytes_of_the_stream_signed(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """Never made anew; the signature is checked with nothing but the standard library."""
    events = put(desk, 1, 2)
    async with courier(settings, make_webhook(receiver.url)):
        await comes(receiver, 1, 2)
        await settled(settings)

    assert [request.body for request in receiver.requests] == events
    for request in receiver.requests:
        assert request.headers["webhook-signature"] == signature(SECRET, request)
        assert request.id == json.loads(request.body)["id"]
        assert request.headers["content-type"] == "application/cloudevents+json"
        assert request.headers["user-agent"].startswith("wiredesk/")
        assert request.headers["wiredesk-attempt"] == "1"
        assert request.headers["wiredesk-webhook"] == "archive"
        assert abs(int(request.headers["webhook-timestamp"]) - request.at) < 5
        assert request.path == "/hook?token=t0p"


async def test_only_what_passes_the_filter_is_sent(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """What doesn't is taken off the queue; what is no JSON too."""
    desk.put(enriched_event(1, provider="Other Wire"), ENRICHED_STREAM)
    desk.put(b"\xff no event", ENRICHED_STREAM)
    put(desk, 2)
    desk.put(filed_event(3), OUTCOME_STREAM)
    wants = EventFilter(
        types=frozenset({ENRICHED.full_name}), sources=("example wire",), entities=("Riverton",)
    )
    async with courier(settings, make_webhook(receiver.url, wants=wants)):
        await comes(receiver, 2)
        await settled(settings)
    assert receiver.numbers == [2]


async def test_several_types_come_from_several_streams(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """Each in its own order; across streams nothing is promised within a millisecond."""
    put(desk, 1)
    desk.put(filed_event(2), OUTCOME_STREAM)
    put(desk, 3)
    wants = EventFilter(types=frozenset({ENRICHED.full_name, FILED.full_name}))
    async with courier(settings, make_webhook(receiver.url, wants=wants)):
        await settled(settings)
    assert sorted(receiver.numbers) == [1, 2, 3]
    assert [number for number in receiver.numbers if number != 2] == [1, 3]


async def test_an_event_that_fails_waits_alone_for_longer_and_longer(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """About 5 s, 30 s, 2 min; the others go on meanwhile, and it keeps its id."""
    time = Turned()
    receiver.answer = lambda request: Reply(500 if request.number == 2 else 204)
    put(desk, 1, 2, 3)
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await comes(receiver, 1, 2, 3)
        for round_, (shortest, longest) in enumerate(((4, 6), (24, 36), (96, 144)), start=1):
            await failures(settings, round_)
            time.turn(shortest - 0.1)
            put(desk, 10 + round_)
            expected = [*receiver.numbers, 10 + round_]
            await comes(receiver, *expected)
            time.turn(longest - shortest + 0.2)
            await comes(receiver, *expected, 2)
        await failures(settings, 4)
        state = await state_of(settings)
        assert (state.waiting, state.attempts, state.failure) == (1, 4, "status 500")
        receiver.answer = lambda _request: Reply()
        time.turn(800)
        await settled(settings)
    ids = {request.id for request in receiver.requests if request.number == 2}
    attempts = [r.headers["wiredesk-attempt"] for r in receiver.requests if r.number == 2]
    assert len(ids) == 1
    assert attempts == ["1", "2", "3", "4", "5"]


async def test_after_its_last_attempt_an_event_is_a_dead_letter(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """With its bytes; it can be sent again, with a new count of attempts."""
    time = Turned()
    few = changed(settings, webhook_max_attempts=3)
    receiver.answer = lambda request: Reply(400 if request.number == 1 else 204)
    put(desk, 1, 2)
    async with courier(few, make_webhook(receiver.url), time.clock):
        await comes(receiver, 1, 2)
        for failed in (1, 2):
            await failures(few, failed)
            time.turn(200)
        await settled(few)
        state = await state_of(few)
        assert (state.dead, state.attempts, state.delivered) == (1, 0, 1)
        found: Any = desk.redis.xrange(desk.keys.webhook("archive", "dead"))
        (letter,) = found
        assert letter[1][b"__data__"] == receiver.requests[0].body
        assert letter[1][b"id"].decode() == receiver.requests[0].id
        assert (letter[1][b"attempts"], letter[1][b"reason"]) == (b"3", b"status 400")


async def test_a_receiver_that_is_down_is_asked_once_in_a_while_and_catches_up_in_order(
    desk: Desk, settings: Settings
) -> None:
    """Five failures in a row: the whole webhook waits; then everything comes in order."""
    time = Turned()
    with Receiver() as first:
        port = first.port
    put(desk, *range(1, 21))
    webhook = make_webhook(f"http://127.0.0.1:{port}/hook")
    async with courier(settings, webhook, time.clock):
        for failed in (5, 6, 7, 8, 9):
            await failures(settings, failed)
            assert (await state_of(settings)).failed == failed
            time.turn(400)
        await failures(settings, 10)
        with Receiver(port) as back:
            time.turn(400)
            await settled(settings)
            assert back.numbers == list(range(1, 21))


async def test_events_that_are_refused_hold_up_no_others(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """A receiver that says what is wrong with an event is there, however many it refuses."""
    time = Turned()
    receiver.answer = lambda request: Reply(422 if request.number <= 8 else 200)
    put(desk, *range(1, 13))
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await comes(receiver, *range(1, 13))
        await failures(settings, 8)
        assert (await state_of(settings)).held_until is None


async def test_events_that_break_a_receiver_hold_up_others_for_minutes_only(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """Six in a row that end in an error look like an outage, until a new one is tried."""
    time = Turned()
    receiver.answer = lambda request: Reply(500 if request.number <= 6 else 200)
    put(desk, *range(1, 13))
    good = set(range(7, 13))
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await failures(settings, 5)
        passed = 0
        while not good <= set(receiver.numbers):
            time.turn(10)
            passed += 10
            assert passed < 200
            await until_quiet(receiver, len(receiver.requests))
        receiver.answer = lambda _request: Reply()
        time.turn(90_000)
        await settled(settings)
    assert [n for n in receiver.numbers if n in good] == sorted(good)


async def until_quiet(receiver: Receiver, before: int) -> None:
    """Until nothing has come for a moment."""
    quiet = 0

    async def still() -> bool:
        nonlocal before, quiet
        quiet = quiet + 1 if len(receiver.requests) == before else 0
        before = len(receiver.requests)
        return quiet > 5

    await until(still, "the receiver gets no more")


async def test_a_receiver_says_how_long_to_wait(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """``Retry-After`` holds for the whole webhook; what it held back comes in order."""
    time = Turned()
    receiver.answer = lambda _request: Reply(429, {"retry-after": "120"})
    put(desk, 1, 2, 3)
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await failures(settings, 1)
        time.turn(119)
        await until_quiet(receiver, 1)
        assert receiver.numbers == [1]
        receiver.answer = lambda _request: Reply()
        time.turn(2)
        await comes(receiver, 1, 1, 2, 3)
        await settled(settings)


async def test_a_receiver_that_is_gone_is_told_nothing_more(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """410: the webhook is paused, and the event waits."""
    gone = Gone()
    receiver.answer = lambda _request: Reply(410)
    put(desk, 1, 2)
    async with courier(settings, make_webhook(receiver.url), gone=gone):
        await eventually(lambda: gone.heard == ["archive"], "it was heard")
    assert receiver.numbers == [1]
    receiver.answer = lambda _request: Reply()
    async with courier(settings, make_webhook(receiver.url)):
        await comes(receiver, 1, 1, 2)


async def test_several_at_once_where_order_does_not_matter(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """Never more than were allowed."""
    release, at_once, most = threading.Event(), [0], [0]

    def answer(_request: Request) -> Reply:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        release.wait(5)
        at_once[0] -= 1
        return Reply()

    receiver.answer = answer
    put(desk, *range(1, 9))
    webhook = replace(make_webhook(receiver.url), in_flight=3)
    async with courier(settings, webhook):
        await eventually(lambda: most[0] == 3, "three at once")
        release.set()
        await settled(settings)
    assert sorted(receiver.numbers) == list(range(1, 9))
    assert most[0] == 3


async def test_an_event_that_was_trimmed_by_force_is_said_to_be_lost(
    desk: Desk, settings: Settings, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    """And the queue goes on."""
    time = Turned()
    receiver.answer = lambda request: Reply(500 if request.number == 1 else 204)
    put(desk, 1, 2)
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await comes(receiver, 1, 2)
        await failures(settings, 1)
        desk.redis.xtrim(desk.keys.stream(ENRICHED_STREAM), maxlen=0)
        time.turn(10)
        await settled(settings)
    assert "webhook.lost" in "".join(capfd.readouterr())


async def test_the_queue_outlives_its_courier(
    desk: Desk, settings: Settings, receiver: Receiver
) -> None:
    """What failed keeps its count and its time; what was taken isn't sent again."""
    time = Turned()
    receiver.answer = lambda request: Reply(500 if request.number == 2 else 204)
    put(desk, 1, 2, 3)
    async with courier(settings, make_webhook(receiver.url), time.clock):
        await comes(receiver, 1, 2, 3)
    receiver.answer = lambda _request: Reply()
    async with courier(settings, make_webhook(receiver.url), time.clock):
        put(desk, 4)
        await comes(receiver, 1, 2, 3, 4)
        time.turn(10)
        await comes(receiver, 1, 2, 3, 4, 2)
        await settled(settings)
    assert receiver.requests[-1].headers["wiredesk-attempt"] == "2"
