"""What the tests of the feed put on the streams, and how they follow it."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from schemas.events import ENRICHED, ENTITIES_CHANGED, FILED, STORY_MERGED
from services.bus.feed import Delivery, Feed, Gap, Item, Passed
from services.bus.filters import EventFilter
from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    ENTITY_STREAM,
    OUTCOME_STREAM,
    STORY_STREAM,
    Stream,
)
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from services.bus.positions import Position, Start
    from services.settings import Settings
    from tests.bus.desk import Desk

ALL = EventFilter(
    types=frozenset(event.full_name for event in (ENRICHED, FILED, STORY_MERGED, ENTITIES_CHANGED))
)
STREAM_OF = {
    stream.event.full_name: stream
    for stream in (ENRICHED_STREAM, OUTCOME_STREAM, STORY_STREAM, ENTITY_STREAM)
}


def event(number: int, stream: Stream = ENRICHED_STREAM, **data: Any) -> bytes:
    """A small event of the stream's type; ``number`` is its id."""
    document = {
        "specversion": "1.0",
        "id": str(number),
        "type": stream.event.full_name,
        "data": {"number": number, **data},
    }
    return json.dumps(document).encode()


def about(*, entity: str = "", topic: str = "", source: str = "", language: str = "") -> Any:
    """The data of an enriched article with one of each."""
    return {
        "entities": [{"key": entity, "name": f"name of {entity}"}],
        "topics": [{"code": topic, "name": "a topic"}],
        "provider": source,
        "detected_language": {"code": language},
    }


def put_many(
    desk: Desk, numbers: Iterable[int], stream: Stream = ENRICHED_STREAM, pad: int = 0
) -> list[bytes]:
    """Events with these numbers on a stream, in few round trips; their bytes."""
    bodies = [event(number, stream, pad="x" * pad) for number in numbers]
    with desk.redis.pipeline(transaction=False) as pipe:
        for body in bodies:
            pipe.xadd(desk.keys.stream(stream), {DATA_FIELD: body})
        pipe.execute()
    return bodies


@asynccontextmanager
async def feeding(settings: Settings, beat: float = 15.0) -> AsyncIterator[Feed]:
    """A feed that has met the server."""
    feed = Feed(settings, beat=beat)
    feed.start()

    async def met() -> bool:
        return feed.connections > 0

    await until(met, "the feed meets the server")
    try:
        yield feed
    finally:
        await feed.close()


async def taken(
    feed: Feed,
    count: int,
    start: Start | Position = "beginning",
    wanted: EventFilter = ALL,
    started: Callable[[], object] = lambda: None,
) -> list[Delivery]:
    """The next ``count`` events; ``started`` is called once the client has a position."""
    found: list[Delivery] = []
    async with asyncio.timeout(30), aclosing(feed.follow(wanted, start)) as items:
        async for item in items:
            if isinstance(item, Passed) and not found:
                started()
            if isinstance(item, Delivery):
                found.append(item)
            if len(found) == count:
                break
    return found


async def heard(
    feed: Feed, enough: Callable[[list[Item]], bool], start: Start | Position, wanted: EventFilter
) -> list[Item]:
    """Every item until there is enough."""
    found: list[Item] = []
    async with asyncio.timeout(30), aclosing(feed.follow(wanted, start)) as items:
        async for item in items:
            found.append(item)
            if enough(found):
                break
    return found


def numbers(deliveries: Iterable[Item]) -> list[int]:
    """The numbers of the events among these."""
    return [json.loads(d.raw)["data"]["number"] for d in deliveries if isinstance(d, Delivery)]


def gaps(items: Iterable[Item]) -> list[Gap]:
    """The gaps among these."""
    return [item for item in items if isinstance(item, Gap)]
