"""Commands that the server carries out and whose answers are lost: asked again, done once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest
from redis.exceptions import TimeoutError as ServerTimeoutError

from services.bus import connect
from services.bus.keys import ENRICHMENT, Keys
from services.bus.patience import Facts, Patience
from services.bus.scripts import ArticleRef, Scripts, new_call
from services.bus.service import start_reading
from tests.chaos.proxy import Proxy, Weather

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faststream.redis import RedisBroker
    from redis import Redis

pytestmark = pytest.mark.anyio

ENTRY = "1-0"
REF = ArticleRef(UUID(int=1), UUID(int=2))
KEYS = Keys("news")


@pytest.fixture
def proxy(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Between a client that gives up soon and the server."""
    monkeypatch.setattr(connect, "SOCKET_TIMEOUT", 0.1)
    with Proxy(redis_url) as standing:
        yield standing


async def test_an_attempt_whose_count_is_not_heard_is_counted_once(
    proxy: Proxy, redis: Redis
) -> None:
    """However often it is sent: else a network that loses answers makes poison of good messages."""
    lossy = Weather(swallowed=frozenset({"down"}))
    async with connect.client(proxy.url) as client:
        scripts = Scripts(client, KEYS, 60)
        await scripts.begin(ENRICHMENT, [("0-1", REF)])  # the script is loaded
        proxy.begin(lossy)
        call = new_call()
        asking = asyncio.create_task(
            Patience(Facts()).insist(lambda: scripts.begin(ENRICHMENT, [(ENTRY, REF)], call))
        )
        accepted = proxy.accepted
        while proxy.accepted < accepted + 4:  # noqa: ASYNC110  (the proxy lives in another thread)
            await asyncio.sleep(0.02)
        assert not asking.done()
        proxy.end(lossy)
        assert await asyncio.wait_for(asking, 10) == [1]
        assert await scripts.begin(ENRICHMENT, [(ENTRY, REF)]) == [2]
    assert redis.hget(KEYS.attempts(ENRICHMENT), ENTRY) == b"2"


class Unheard:
    """As FastStream's broker when the first read of a subscriber isn't answered within 3 s."""

    stopped = False

    async def start(self) -> None:
        raise TimeoutError

    async def stop(self) -> None:
        self.stopped = True


async def test_a_first_read_that_is_not_answered_is_an_error_of_the_server() -> None:
    """It ends the process with its code, and not with a stack trace; a restart tries again."""
    broker = Unheard()
    with pytest.raises(ServerTimeoutError, match="no answer to the first read"):
        await start_reading(cast("RedisBroker", broker))
    assert broker.stopped
