"""A desk with several partitions over a Redis Cluster, each partition's slot on another node.

Every service under its own user of deploy/acl, with a subscriber, a webhook's queue and the feed
beside it; then the master of one partition is killed under load.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from services.bus.connect import client, server_url
from services.bus.feed import Delivery, Feed
from services.bus.filters import EventFilter
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER, OUTCOME_STREAM, Keys
from services.bus.overview import overview, stream_state
from services.bus.subscribers import Subscribers
from services.bus.webhooks_desk import Queues
from services.settings import Settings
from tests.chaos.harness import Attack
from tests.chaos.wire import Wire
from tests.cluster.nodes import Cluster, under

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis.asyncio import Redis

PARTITIONS = 4
SERVICES = ("ingest", "enrichment", "indexer")
DROPPED = 12


class Partitioned(Attack):
    """A desk whose streams lie on several nodes."""

    def quiet(self) -> bool:
        """Whether no stage has anything before it, in any partition."""
        return bool(asyncio.run(self._quiet()))

    async def _quiet(self) -> bool:
        keys = Keys("news", PARTITIONS)
        async with client(self.url) as redis:
            seen = await overview(redis, keys, (ENRICHMENT.reads, INDEXER.reads, OUTCOME_STREAM))
        ours = [group for stream in seen.streams for group in stream.groups if group.ours]
        return all(group.lag == 0 and group.pending == 0 for group in ours)


def settings(url: str) -> Settings:
    return Settings(redis_url=SecretStr(url), partitions=PARTITIONS)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the users of deploy/acl."""
    running = Cluster(tmp_path_factory.mktemp("nodes"), users=True)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def attack(nodes: Cluster, tmp_path: Path) -> Iterator[Attack]:
    """A desk over it, whose services log in as themselves."""
    attack = Partitioned(tmp_path, url=under(nodes.url, "admin"))
    given = {name: {"WIREDESK_REDIS_URL": under(nodes.url, name)} for name in SERVICES}
    del attack.quick["WIREDESK_REDIS_URL"]
    attack.quick |= {"WIREDESK_PARTITIONS": str(PARTITIONS), "WIREDESK_JANITOR_INTERVAL": "0.5"}
    attack.desk.environ = {"*": attack.quick, **given}
    try:
        attack.desk.start()
        yield attack
    finally:
        attack.stop()


async def followed(url: str, count: int) -> set[str]:
    """The ids of so many events of articles, over the feed."""
    feed = Feed(settings(url))
    feed.start()
    wanted = EventFilter(types=frozenset({ENRICHED_STREAM.event.full_name}))
    seen: set[str] = set()
    try:
        async with asyncio.timeout(30), aclosing(feed.follow(wanted, "beginning")) as items:
            async for item in items:
                if isinstance(item, Delivery):
                    seen.add(str(item.position))
                if len(seen) == count:
                    return seen
    finally:
        await feed.close()
    return seen


async def sent(redis: Redis, given: Settings, count: int) -> int:
    """How many events a webhook's queue is given, each of which it then has delivered."""
    queue = Queues(redis, given).queue("archive", (ENRICHED_STREAM,))
    await queue.ensure((0, 0))
    await queue.lease(30)
    taken = 0
    async with asyncio.timeout(30):
        while taken < count:
            for slot, _ in await queue.fresh(50, 500):
                assert await queue.begin(slot, counted=True)
                await queue.delivered(slot, time.time())
                taken += 1
    assert await queue.size() == 0
    return taken


async def looked_at(url: str, count: int) -> None:
    """What stands beside the stages sees every partition."""
    given = settings(url)
    async with client(server_url(given)) as redis:
        (subscriber,) = [s for s in await Subscribers(redis, given).states() if s.name == "desk"]
        assert subscriber.lag == count
        state = await stream_state(redis, Keys.of(given), ENRICHED_STREAM, 0)
        assert state.length == count
        assert await sent(redis, given, count) == count
    assert len(await followed(url, count)) == count


async def subscribed(url: str) -> None:
    given = settings(url)
    async with client(server_url(given)) as redis:
        await Subscribers(redis, given).add("desk", ENRICHED_STREAM, "beginning")


def refused(nodes: Cluster) -> list[Any]:
    """What any node that is left has refused anybody."""
    alive = [node for node in nodes.nodes if node.process and node.process.poll() is None]
    return [entry for node in alive for entry in node.ask("ACL", "LOG")]


@pytest.mark.chaos
def test_all_partitions_are_worked_on_and_seen_and_survive_a_master(
    nodes: Cluster, attack: Attack
) -> None:
    tags = ["news", *(f"news/{n}" for n in range(1, PARTITIONS))]
    assert len({nodes.master(tag).port for tag in tags}) > 1, "they lie on several nodes"
    url, wire = under(nodes.url, "operator"), Wire(11)
    asyncio.run(subscribed(url))
    attack.drop(*(wire.article() for _ in range(DROPPED)))
    attack.settle()
    asyncio.run(looked_at(url, DROPPED))
    assert refused(nodes) == []
    attack.drop(*(wire.article() for _ in range(DROPPED)))
    nodes.master("news/1").kill()
    attack.settle()
    receipts = attack.receipts()
    assert len(receipts) == 2 * DROPPED
    assert {line["outcome"] for each in receipts for line in each["articles"]} == {"indexed"}
    assert len(asyncio.run(followed(url, 2 * DROPPED))) == 2 * DROPPED
    assert refused(nodes) == []
