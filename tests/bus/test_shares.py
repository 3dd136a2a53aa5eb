"""Who reads which partitions: the one script that all workers of a stage ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.bus.connect import client, server_url
from services.bus.keys import ENRICHMENT, INDEXER, Keys
from services.bus.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from redis import Redis as SyncRedis

    from services.settings import Settings

LEASE = 30.0
SOON_OVER = 0.05


@pytest.fixture
async def scripts(redis: SyncRedis, settings: Settings) -> AsyncIterator[Scripts]:
    """Over the keys of a desk with six partitions."""
    del redis
    async with client(server_url(settings)) as connection:
        yield Scripts(connection, Keys("news", 6), 60)


class Crew:
    """Workers that ask in turns, and give up at once what they are to give up."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.held: dict[str, list[int]] = {}
        self.moves = 0

    async def ask(self, name: str, lease: float = LEASE) -> list[int]:
        """What is a worker's own once it has given up its surplus."""
        mine, surplus = await self.scripts.share(ENRICHMENT, name, lease)
        if surplus:
            mine, surplus = await self.scripts.share(ENRICHMENT, name, lease, surplus)
            assert surplus == []
        self.moves += len(set(mine) - set(self.held.get(name, ())))
        self.held[name] = mine
        return mine

    async def settle(self, *names: str) -> list[int]:
        """How many partitions each has once all have asked three times."""
        for name in names * 3:
            await self.ask(name)
        every = sorted(number for name in names for number in self.held[name])
        assert every == sorted(set(every)), "a partition has two readers"
        return [len(self.held[name]) for name in names]


@pytest.mark.anyio
async def test_one_worker_reads_everything(scripts: Scripts) -> None:
    assert await Crew(scripts).ask("a") == [0, 1, 2, 3, 4, 5]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("names", "shares"),
    [
        ("ab", [3, 3]),
        ("abc", [2, 2, 2]),
        ("abcd", [2, 2, 1, 1]),
        ("abcde", [2, 1, 1, 1, 1]),
        ("abcdefgh", [1, 1, 1, 1, 1, 1, 0, 0]),
    ],
)
async def test_shares_are_equal_and_leave_nothing_unread(
    scripts: Scripts, names: str, shares: Sequence[int]
) -> None:
    assert sorted(await Crew(scripts).settle(*names), reverse=True) == shares


@pytest.mark.anyio
async def test_a_worker_that_comes_is_given_its_share_and_no_other_partition_moves(
    scripts: Scripts,
) -> None:
    crew = Crew(scripts)
    await crew.settle("a", "b")
    crew.moves = 0
    assert await crew.settle("a", "b", "c") == [2, 2, 2]
    assert crew.moves == 2
    assert await crew.settle("a", "b", "c") == [2, 2, 2]
    assert crew.moves == 2


@pytest.mark.anyio
async def test_a_partition_stays_with_its_reader_until_it_says_that_it_is_done(
    scripts: Scripts,
) -> None:
    await Crew(scripts).ask("a")
    assert await scripts.share(ENRICHMENT, "b", LEASE) == ([], [])
    mine, surplus = await scripts.share(ENRICHMENT, "a", LEASE)
    assert (mine, surplus) == ([0, 1, 2, 3, 4, 5], [3, 4, 5])
    assert await scripts.share(ENRICHMENT, "b", LEASE) == ([], [])
    assert await scripts.share(ENRICHMENT, "a", LEASE, [4]) == ([0, 1, 2, 3, 5], [3, 5])
    assert await scripts.share(ENRICHMENT, "b", LEASE) == ([4], [])


@pytest.mark.anyio
async def test_who_leaves_lets_everything_go_at_once(scripts: Scripts) -> None:
    crew = Crew(scripts)
    await crew.settle("a", "b")
    assert await scripts.share(ENRICHMENT, "a", 0) == ([], [])
    assert await crew.ask("b") == [0, 1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_what_a_dead_worker_held_is_free_when_its_lease_has_ended(
    scripts: Scripts,
) -> None:
    crew = Crew(scripts)
    await crew.settle("a", "b")
    held = await crew.ask("a", SOON_OVER)
    assert set(await crew.ask("b")).isdisjoint(held)
    while len(crew.held["b"]) < 6:
        await crew.ask("b")
    mine, surplus = await scripts.share(ENRICHMENT, "a", LEASE)
    assert (mine, surplus) == ([], []), "it is told that it has lost everything"


@pytest.mark.anyio
async def test_a_lease_that_ends_in_a_far_future_is_of_another_clock_and_holds_nothing(
    scripts: Scripts,
) -> None:
    await scripts.share(ENRICHMENT, "a", 24 * 3600)
    assert await Crew(scripts).ask("b") == [0, 1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_stages_share_by_themselves(scripts: Scripts) -> None:
    await Crew(scripts).ask("a")
    assert (await scripts.share(INDEXER, "b", LEASE))[0] == [0, 1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_partitions_that_are_there_no_more_are_nobody_s(
    scripts: Scripts, redis: SyncRedis
) -> None:
    await Crew(scripts).ask("a")
    fewer = Scripts(scripts.redis, Keys("news", 2), 60)
    assert (await fewer.share(ENRICHMENT, "a", LEASE))[0] == [0, 1]
    assert redis.hexists(scripts.keys.shares(ENRICHMENT), "partition:5") is False
