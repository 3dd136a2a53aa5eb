"""The server in memory does what a real one does: the same calls get the same answers."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from schemas.events import FILED
from services.bus.groups import ensure_groups, group_info
from services.bus.keys import (
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    INDEXER,
    OUTCOME_STREAM,
    RAW_STREAM,
    Keys,
)
from services.bus.scripts import ArticleRef, Burial, Scripts
from tests.chaos.fakes import FakeClient, FakeServer

if TYPE_CHECKING:
    from redis import Redis as SyncRedis

KEYS = Keys("news")
CALLS = 400
REFS = [ArticleRef(uuid4(), uuid4()) for _ in range(12)]
STAGES = ((ENRICHMENT, RAW_STREAM), (INDEXER, ENRICHED_STREAM))


class Side:
    """One of the two servers; entries are named by the order in which they came."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.scripts = Scripts(client, KEYS, 3600)

    async def read(self, spec: Any, count: int) -> list[tuple[str, bytes]]:
        key = KEYS.stream(spec.reads)
        if isinstance(self.client, FakeClient):
            given = self.client.server.give_new(key, spec.group, "one", count)
            return list(given.items())
        answer = await self.client.xreadgroup(spec.group, "one", {key: ">"}, count=count)
        return [
            (entry_id.decode(), fields[b"__data__"])
            for _, entries in answer
            for entry_id, fields in entries
        ]

    async def contents(self, stream: Any) -> list[bytes]:
        key = KEYS.stream(stream)
        if isinstance(self.client, FakeClient):
            return list(self.client.server.stream(key).entries.values())
        return [fields[b"__data__"] for _, fields in await self.client.xrange(key)]


async def play(side: Side, seed: int) -> list[Any]:
    """The answers to a few hundred calls in an order that the seed decides."""
    pick = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    await ensure_groups(side.client, KEYS)
    held: dict[str, list[tuple[str, bytes]]] = {"enrichment": [], "indexer": []}
    answers: list[Any] = []
    for number in range(CALLS):
        spec, _ = pick.choice(STAGES)
        mine = held[spec.name]
        what, at = pick.choice(("publish", "publish", "read", "begin", "out")), pick.random()
        ref, kind = pick.choice(REFS), pick.choice(("hand_off", "hand_off", "acknowledge", "bury"))
        keep, back = pick.random() < 0.3, pick.random() < 0.2
        target = pick.choice((RAW_STREAM, OUTCOME_STREAM))
        if what == "publish":
            event = b"%d|%d" % (REFS.index(ref), number)
            answers.append(await side.scripts.publish(target, ref, event))
        elif what == "read":
            given = await side.read(spec, 3)
            answers.append([event for _, event in given])
            mine += given
        elif mine:
            entry_id, event = mine[int(at * len(mine))]
            about = REFS[int(event.partition(b"|")[0])]
            if what == "begin":
                call = f"call-{number // 2}"
                answers.append(await side.scripts.begin(spec, [(entry_id, about)], call))
                if back:
                    await side.scripts.give_back(spec, [entry_id])
            else:
                answers.append(await _out(side, spec, kind, entry_id, about, event))
                if not keep:  # else it is done a second time, as a worker that wakes up late does
                    mine.remove((entry_id, event))
    for stream in (RAW_STREAM, ENRICHED_STREAM, OUTCOME_STREAM, DEAD_STREAM):
        answers.append(await side.contents(stream))
        answers.append(
            [
                (group["name"], group["pending"], group["lag"])
                for group in await group_info(side.client, KEYS.stream(stream))
            ]
        )
    return answers


async def _out(
    side: Side, spec: Any, kind: str, entry_id: str, ref: ArticleRef, event: bytes
) -> bool:
    if kind == "hand_off":
        return await side.scripts.hand_off(spec, entry_id, ref, event + b" on")
    if kind == "acknowledge":
        return await side.scripts.acknowledge(spec, entry_id)
    burial = Burial(entry_id, event + b" dead", event + FILED.name.encode(), ref)
    return await side.scripts.bury(spec, DEAD_STREAM, OUTCOME_STREAM, burial)


@pytest.mark.parametrize("seed", range(6))
def test_a_fake_server_answers_as_a_real_one(redis: SyncRedis, redis_url: str, seed: int) -> None:
    async def both() -> None:
        async with Redis.from_url(redis_url) as client:
            real = await play(Side(client), seed)
        fake = await play(Side(FakeClient(FakeServer())), seed)
        assert fake == real
        assert True in fake
        assert False in fake

    assert redis.dbsize() == 0
    asyncio.run(both())


def test_the_last_writes_can_be_lost_and_no_others() -> None:
    async def scenario() -> None:
        server = FakeServer()
        side = Side(FakeClient(server))
        await ensure_groups(side.client, KEYS)
        for ref in REFS[:3]:
            await side.scripts.publish(RAW_STREAM, ref, b"event")
        assert server.lose_writes(2) == 2
        assert len(await side.contents(RAW_STREAM)) == 1
        # What was lost can be published again, what wasn't can't.
        again = [await side.scripts.publish(RAW_STREAM, ref, b"event") for ref in REFS[:3]]
        assert again == [False, True, True]

    asyncio.run(scenario())
