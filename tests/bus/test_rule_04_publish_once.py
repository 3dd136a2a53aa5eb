"""Rule 4: an article of a drop is published once, however often and by whomever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EVENT_NAMESPACE, RECEIVED, Outcome, Timings, event_id
from services.bus.connect import client, server_url
from services.bus.errors import Unavailable
from services.bus.keys import ENRICHED_STREAM, OUTCOME_STREAM, RAW_STREAM
from services.bus.publisher import Publisher
from services.bus.stage import Stage
from tests.bus.desk import (
    RECEIPTS,
    Desk,
    article,
    articles,
    at_server,
    changed,
    enrich_all,
    eventually,
    publish,
    running,
)
from tests.bus.test_rule_03_hand_off import REF
from tests.factories import drop_id, make_drop

if TYPE_CHECKING:
    from services.bus.server import EmbeddedServer
    from services.settings import Settings

pytestmark = pytest.mark.anyio


@given(st.uuids(), st.uuids(), st.integers(0, 2**53 - 1))
def test_the_id_of_an_event_is_the_uuidv5_of_what_it_is_about(
    drop: UUID, about: UUID, revision: int
) -> None:
    name = f"wiredesk.article.received.v1|{drop}|{about}|{revision}"
    ids = {
        event_id(RECEIVED, drop, about, revision),
        event_id(RECEIVED, str(drop), about, revision),
    }
    assert ids == {str(uuid5(EVENT_NAMESPACE, name))}


async def test_publishing_again_adds_nothing(desk: Desk, settings: Settings) -> None:
    for _ in range(3):
        await publish(settings, *articles("good 1", "good 2"))
    assert len(desk.ids(RAW_STREAM)) == 2


async def test_publishers_at_the_same_time_add_each_article_once(
    desk: Desk, settings: Settings
) -> None:
    """Two ingests after a split, or one that sends again what had arrived."""
    drops = [article(number) for number in range(1, 11)]
    await asyncio.gather(*(publish(settings, *drops) for _ in range(8)))
    subjects = [event["subject"] for event in desk.events(RAW_STREAM)]
    assert sorted(subjects) == sorted(str(one.article_id) for one in drops)


async def test_an_article_that_has_gone_on_is_not_published_again(
    desk: Desk, settings: Settings
) -> None:
    """The marker follows it from stream to stream."""
    await publish(settings, article(1))
    async with running(settings, enrich_all):
        await eventually(lambda: len(desk.enriched()) == 1, "it goes on")
        desk.redis.delete(desk.keys.stream(RAW_STREAM))
        await publish(settings, article(1))
    assert desk.ids(RAW_STREAM) == []
    assert len(desk.ids(ENRICHED_STREAM)) == 1


async def test_an_article_whose_entry_was_deleted_is_published_again(
    desk: Desk, settings: Settings
) -> None:
    """A marker that points at nothing must not hold the article back for ever."""
    await publish(settings, article(1))
    (entry_id,) = desk.ids(RAW_STREAM)
    desk.redis.xdel(desk.keys.stream(RAW_STREAM), entry_id)
    await publish(settings, article(1))
    assert len(desk.ids(RAW_STREAM)) == 1
    assert desk.ids(RAW_STREAM) != [entry_id]


async def test_the_same_article_in_another_drop_is_published(
    desk: Desk, settings: Settings
) -> None:
    """Whoever dropped the file again is owed an outcome for this drop too."""
    first = article(1)
    again = first.model_copy(update={"drop": make_drop(drop_id=drop_id(2))})
    await publish(settings, first, again)
    assert len(desk.ids(RAW_STREAM)) == 2


async def test_publishing_again_lengthens_the_marker_s_life(desk: Desk, settings: Settings) -> None:
    await publish(settings, article(1))
    marker = desk.keys.marker(REF.drop_id, REF.article_id)
    desk.redis.expire(marker, 5)
    await publish(settings, article(1))
    assert int(desk.redis.ttl(marker)) > 5


async def test_an_event_sent_again_is_the_same_event(desk: Desk, settings: Settings) -> None:
    """Its id is made from what it is about, so subscribers can tell."""
    await publish(settings, article(1))
    (before,) = desk.bodies(RAW_STREAM)
    desk.forget()
    await publish(settings, article(1))
    assert desk.bodies(RAW_STREAM) == [before]
    (event,) = desk.events(RAW_STREAM)
    expected = article(1)
    assert event["id"] == event_id(RECEIVED, REF.drop_id, REF.article_id, expected.revision)
    assert event["traceparent"].split("-")[1] == event["traceparent"][3:35]


async def test_outcomes_that_ingest_reports_are_published_once_too(
    desk: Desk, settings: Settings
) -> None:
    one = article(1)
    outcome = Outcome(
        drop=one.drop,
        article_id=one.article_id,
        revision=one.revision,
        outcome="rejected",
        stage="ingest",
        reason="empty",
        advice="fill it",
        timings=Timings(received_at=one.drop.received_at, filed_at=one.ingested_at),
    )
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis, RECEIPTS)
        await publisher.report([outcome, outcome])
        await publisher.report([outcome])
    assert [found["reason"] for found in desk.outcomes()] == ["empty"]
    assert len(desk.ids(OUTCOME_STREAM)) == 1


async def test_the_publisher_says_when_the_backlog_is_full(desk: Desk, settings: Settings) -> None:
    """Counted are the articles that wait, not those that are kept for looking at them."""
    small = changed(settings, raw_backlog=2)
    async with client(server_url(settings)) as redis:
        publisher = Publisher(small, redis, RECEIPTS)
        assert await publisher.room()
        await publisher.publish([article(1)])
        assert await publisher.room()
        await publisher.publish([article(2)])
        assert not await publisher.room()
        async with running(settings, enrich_all):
            await eventually(desk.settled, "both go on")
        assert len(desk.ids(RAW_STREAM)) == 2
        assert await publisher.room()


async def test_the_backlog_is_known_even_where_the_server_has_lost_count(
    desk: Desk, settings: Settings
) -> None:
    """Deleting an entry in the middle makes the group's lag unknown."""
    small = changed(settings, raw_backlog=2)
    await publish(settings, *articles("good 1", "good 2", "good 3"))
    desk.redis.xdel(desk.keys.stream(RAW_STREAM), desk.ids(RAW_STREAM)[1])
    assert desk.group()["lag"] is None
    async with client(server_url(settings)) as redis:
        assert not await Publisher(small, redis, RECEIPTS).room()


async def test_a_server_that_is_away_is_unavailable_and_publishing_again_is_safe(
    own_server: EmbeddedServer, settings: Settings
) -> None:
    there = at_server(settings, own_server)
    await publish(there, article(1))
    own_server.stop()
    async with client(server_url(there)) as redis:
        publisher = Publisher(there, redis, RECEIPTS)
        for call in (publisher.publish([article(1)]), publisher.report([]), publisher.room()):
            with pytest.raises(Unavailable, match="server"):
                await call


async def test_nothing_but_the_stage_and_the_publisher_hands_messages_on() -> None:
    assert {name for name in vars(Publisher) if not name.startswith("_")} == {
        "publish",
        "report",
        "room",
        "waiting",
    }
    assert {name for name in dir(Stage) if not name.startswith("_")} == {
        "consumers",
        "end",
        "subscribe",
        "subscriber",
        "receive",
        "settle",
        "probe",
    }
