"""Where articles are: looked up by identity, all of one call at one moment, changing nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from services.bus.connect import client, server_url
from services.bus.errors import Unavailable
from services.bus.keys import ENRICHMENT, RAW_STREAM, Keys
from services.bus.ledger import ASKED_AT_ONCE, NOWHERE, Place, Whereabouts
from services.bus.scripts import ArticleRef
from tests.bus.desk import RECEIPTS, Desk, article, changed
from tests.factories import article_id, drop_id, make_drop

if TYPE_CHECKING:
    from redis import Redis as SyncRedis

    from services.settings import Settings

KEYS = Keys("news")
RAW = KEYS.stream(RAW_STREAM)


def ref(number: int) -> ArticleRef:
    return ArticleRef(drop_id(number), article_id(number))


def look(settings: Settings, method: str, *args: Any) -> Any:
    async def looking() -> Any:
        async with client(server_url(settings)) as redis:
            there = Whereabouts(settings, redis, make_drop().inbox_id)
            return await getattr(there, method)(*args)

    return asyncio.run(looking())


def states(settings: Settings, count: int) -> list[str]:
    found = look(settings, "places", [ref(number) for number in range(1, count + 1)])
    return [found[ref(number)].state for number in range(1, count + 1)]


def test_an_article_waits_is_pending_or_was_acknowledged_without_going_on(
    desk: Desk, settings: Settings, redis: SyncRedis
) -> None:
    desk.publish(*[article(number) for number in range(1, 5)])
    read: Any = redis.xreadgroup(ENRICHMENT.group, "w", {RAW: ">"}, count=2)
    redis.xack(RAW, ENRICHMENT.group, read[0][1][0][0])
    assert states(settings, 5) == ["done", "pending", "waiting", "waiting", "gone"]
    place = look(settings, "places", [ref(2), ref(5)])
    entry_id = read[0][1][1][0].decode()
    assert place == {ref(2): Place("raw", entry_id, "pending"), ref(5): NOWHERE}


def test_an_entry_that_is_gone_is_not_where_its_marker_says(
    desk: Desk, settings: Settings, redis: SyncRedis
) -> None:
    desk.publish(article(1))
    redis.delete(RAW)
    found = look(settings, "places", [ref(1)])[ref(1)]
    assert (found.stream, found.state) == ("raw", "gone")


def test_everything_waits_for_a_group_that_is_made_anew(
    desk: Desk, settings: Settings, redis: SyncRedis
) -> None:
    desk.publish(article(1))
    redis.xgroup_destroy(RAW, ENRICHMENT.group)
    assert states(settings, 1) == ["waiting"]


def test_more_are_found_than_are_asked_for_at_once(desk: Desk, settings: Settings) -> None:
    desk.publish(article(1))
    assert set(states(settings, 2 * ASKED_AT_ONCE + 1)) == {"waiting", "gone"}


def test_looking_is_possible_while_the_server_is_full_and_leaves_no_trace(
    desk: Desk, settings: Settings, redis: SyncRedis
) -> None:
    desk.publish(article(1))
    keys = sorted(redis.keys("*"))
    redis.config_set("maxmemory", 1)
    try:
        assert states(settings, 1) == ["waiting"]
    finally:
        redis.config_set("maxmemory", 0)
    assert sorted(redis.keys("*")) == keys


def test_ingest_s_and_the_indexer_s_signs_of_life_are_read(
    settings: Settings, redis: SyncRedis
) -> None:
    assert look(settings, "ingest_since") is None
    assert look(settings, "filed") is None
    sign = b'{"stage": "ingest", "pid": 1, "owned_at": 5.5}'
    redis.set(KEYS.alive(RECEIPTS, "a"), sign, ex=60)
    assert look(settings, "ingest_since") == 5.5


def test_there_is_room_below_the_backlog(desk: Desk, settings: Settings) -> None:
    desk.publish(article(1), article(2))
    assert look(settings, "has_room")
    assert not look(changed(settings, raw_backlog=2), "has_room")


@pytest.mark.parametrize("method", ["filed", "glance"])
def test_a_server_that_is_away_is_unavailable(settings: Settings, method: str) -> None:
    away = changed(settings, redis_url=SecretStr("redis://127.0.0.1:1"))
    with pytest.raises(Unavailable):
        look(away, method, *([[ref(1)]] if method == "glance" else []))
