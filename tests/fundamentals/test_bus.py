"""The bus, one concept a test: read from top to bottom, this is its tutorial.

A *stage* is a plain function from a batch of payloads to one result for each.
The bus reads, counts, acknowledges, forwards and buries; the function knows
nothing of Redis.  Each example runs over a real server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.events import ENRICHED, RECEIVED
from services.bus.connect import client, server_url
from services.bus.errors import Reject, StopWorking, Unavailable
from services.bus.keys import ENRICHED_STREAM, RAW_STREAM, Keys
from services.bus.overview import follow, overview
from services.bus.publisher import Publisher
from tests.bus.desk import RECEIPTS, Desk, article, changed, enrich, eventually, publish, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EnrichedArticle, RawArticle
    from services.settings import Settings
    from tests.bus.worker import Control

pytestmark = pytest.mark.anyio


async def test_a_publisher_puts_articles_on_the_raw_stream(desk: Desk, settings: Settings) -> None:
    """Each becomes one event: a CloudEvent whose data is the article."""
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis, RECEIPTS)
        await publisher.publish([article(1, "Harbour closes"), article(2, "Harbour opens")])

    first, second = desk.events(RAW_STREAM)
    assert first["specversion"] == "1.0"
    assert first["type"] == RECEIVED.full_name == "wiredesk.article.received.v1"
    assert first["data"]["headline"] == "Harbour closes"
    assert second["data"]["headline"] == "Harbour opens"


async def test_an_article_is_published_once(desk: Desk, settings: Settings) -> None:
    """Whoever isn't sure whether publishing worked simply publishes again."""
    for _ in range(3):
        await publish(settings, article(1))

    assert len(desk.ids(RAW_STREAM)) == 1


async def test_a_stage_turns_each_message_into_another(desk: Desk, settings: Settings) -> None:
    """It is a plain function over a batch: raw articles in, enriched ones out, in order."""

    def enrichment(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        return [enrich(raw) for raw in batch]

    await publish(settings, article(1, "Harbour closes"))
    async with running(settings, enrichment):
        await eventually(lambda: desk.ids(ENRICHED_STREAM), "the result is there")

    (event,) = desk.events(ENRICHED_STREAM)
    assert event["type"] == ENRICHED.full_name
    assert event["data"]["headline"] == "Harbour closes"
    assert event["data"]["detected_language"]["code"] == "en"
    assert desk.pending() == [], "and the message that it came from is acknowledged"


async def test_one_trace_goes_all_the_way(desk: Desk, settings: Settings) -> None:
    """Each hop keeps the trace id and gives itself a span id of its own."""
    await publish(settings, article(1))
    async with running(settings, lambda batch: [enrich(raw) for raw in batch]):
        await eventually(lambda: desk.ids(ENRICHED_STREAM), "the result is there")

    received, enriched = (
        desk.events(stream)[0]["traceparent"].split("-") for stream in (RAW_STREAM, ENRICHED_STREAM)
    )
    assert received[1] == enriched[1]
    assert received[2] != enriched[2]


async def test_reject_says_that_an_article_cannot_be_processed(
    desk: Desk, settings: Settings
) -> None:
    """It becomes a dead letter, and whoever dropped it is told the reason and what to do."""

    def choosy(batch: Sequence[RawArticle]) -> list[EnrichedArticle | Reject]:
        return [
            Reject("it has no text", "drop the whole article")
            if raw.headline == "Empty"
            else enrich(raw)
            for raw in batch
        ]

    await publish(settings, article(1, "Full"), article(2, "Empty"))
    async with running(settings, choosy):
        await eventually(desk.settled, "both are dealt with")

    assert desk.enriched() == ["Full"]
    (outcome,) = desk.outcomes()
    assert outcome["outcome"] == "rejected"
    assert (outcome["reason"], outcome["advice"]) == ("it has no text", "drop the whole article")
    assert len(desk.dead()) == 1


async def test_unavailable_says_not_now(desk: Desk, settings: Settings, control: Control) -> None:
    """The stage keeps the messages and waits, however long; no attempt is counted for it."""
    control.say("the disk is full")

    def writing(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        if control.said("the disk is full"):
            raise Unavailable("no space on disk")
        return [enrich(raw) for raw in batch]

    await publish(settings, article(1))
    async with running(settings, writing) as stage:
        await eventually(lambda: stage.facts.waiting_for, "the stage waits")
        assert stage.facts.waiting_for == "no space on disk"
        assert set(desk.attempts().values()) <= {0, 1}
        control.take_back("the disk is full")
        await eventually(desk.settled, "it goes on by itself")

    assert desk.enriched() == ["good 1"]
    assert desk.dead() == []


async def test_stop_working_says_that_the_process_must_end(desk: Desk, settings: Settings) -> None:
    """Nothing is lost or blamed: the messages wait for a process that can work."""

    def impossible(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        raise StopWorking(f"the model is missing for {len(batch)} articles")

    await publish(settings, article(1))
    async with running(settings, impossible) as stage:
        await eventually(lambda: stage.facts.fatal, "the watchdog would see it now")
        assert isinstance(stage.facts.fatal, StopWorking)

    assert len(desk.pending()) == 1
    assert desk.dead() == []


async def test_any_other_exception_is_an_attempt(desk: Desk, settings: Settings) -> None:
    """After ``max_attempts`` of them the message is a dead letter; its neighbours never notice."""

    def clumsy(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        if any(raw.headline == "Odd" for raw in batch):
            raise ZeroDivisionError("what is an odd article divided by zero?")
        return [enrich(raw) for raw in batch]

    await publish(settings, article(1, "Even"), article(2, "Odd"), article(3, "Even too"))
    async with running(changed(settings, max_attempts=2, claim_after=0.1), clumsy):
        await eventually(desk.settled, "everything is dealt with")

    assert desk.enriched() == ["Even", "Even too"]
    (letter,) = desk.dead()
    assert (letter["error_type"], letter["attempts"]) == ("ZeroDivisionError", 2)
    assert "clumsy" in letter["stack"]


async def test_workers_share_the_work(desk: Desk, settings: Settings) -> None:
    """Workers of one stage are one consumer group: each message goes to one of them."""
    seen: dict[str, list[str]] = {"one": [], "two": []}

    def by(name: str) -> list[str]:
        return seen[name]

    def one(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        by("one").extend(str(raw.headline) for raw in batch)
        return [enrich(raw) for raw in batch]

    def two(batch: Sequence[RawArticle]) -> list[EnrichedArticle]:
        by("two").extend(str(raw.headline) for raw in batch)
        return [enrich(raw) for raw in batch]

    alone = changed(settings, batch_size=1)
    async with running(alone, one, consumer="one"), running(alone, two, consumer="two"):
        await publish(settings, *(article(number) for number in range(1, 31)))
        await eventually(lambda: len(desk.enriched()) == 30, "all are enriched")

    assert sorted(by("one") + by("two")) == desk.enriched()
    assert by("one")
    assert by("two")


async def test_anybody_may_follow_a_stream_without_taking_from_it(
    desk: Desk, settings: Settings
) -> None:
    """Reading without a group: nothing is claimed, counted or acknowledged."""
    await publish(settings, article(1, "Harbour closes"), article(2, "Harbour opens"))
    desk.put(b"not an event: followers pass over it")
    async with client(server_url(settings)) as redis:
        found = []
        async for event in follow(redis, Keys(settings.namespace), RAW_STREAM, start="0"):
            found.append(event.payload)
            if len(found) == 2:
                break

    assert [payload.headline for payload in found] == ["Harbour closes", "Harbour opens"]  # type: ignore[union-attr]  # raw articles have one
    assert desk.group()["lag"] == 3


async def test_the_overview_shows_what_waits_and_for_how_long(
    desk: Desk, settings: Settings
) -> None:
    """For every stream its groups, with lag, pending entries and the age of the oldest."""
    await publish(settings, article(1), article(2))
    async with client(server_url(settings)) as redis:
        state = await overview(redis, desk.keys)

    raw = next(found for found in state.streams if found.stream is RAW_STREAM)
    (group,) = raw.groups
    assert (raw.length, group.name, group.ours) == (2, "enrichment", True)
    assert (group.lag, group.pending) == (2, 0)
    assert group.oldest_seconds is not None
    assert 0 <= group.oldest_seconds < 60
    assert state.workers == ()
