"""A stage over several partitions: order per article, rebalance, and nothing lost or doubled."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    ENRICHMENT,
    OUTCOME_STREAM,
    RAW_STREAM,
    STREAMS,
    Keys,
    Stream,
)
from tests.bus.desk import article, changed, publish
from tests.bus.worker import FILLS
from tests.factories import article_id, drop_id, make_drop, make_raw
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis as SyncRedis

    from schemas.article import RawArticle
    from services.settings import Settings
    from tests.bus.desk import Desk
    from tests.bus.processes import Worker, Workers
    from tests.bus.worker import Control

PARTITIONS = 4
KEYS = Keys("news", PARTITIONS)
STORIES = 5
"""Articles with revisions; their ids lie in at least three partitions."""


@pytest.fixture
def split(settings: Settings) -> Settings:
    """The desk's settings with four partitions, and leases that end soon."""
    return changed(settings, partitions=PARTITIONS, claim_after=0.6)


def revision(story: int, number: int) -> RawArticle:
    """The ``number``-th revision of an article, in a drop of its own."""
    drop = make_drop(drop_id=drop_id(1000 * story + number), file=f"{story}-{number}.txt")
    return make_raw(
        drop=drop, article_id=article_id(story), revision=number, headline=f"good {story} {number}"
    )


def headlines(redis: SyncRedis, stream: Stream = ENRICHED_STREAM) -> dict[int, list[str]]:
    """The headlines on a stream in the order of its entries, by partition."""
    found: dict[int, list[str]] = {}
    for keys in KEYS.each():
        entries: Any = redis.xrange(keys.stream(stream))
        events = [json.loads(fields[DATA_FIELD.encode()]) for _, fields in entries]
        found[keys.partition] = [event["data"]["headline"] for event in events]
    return found


def total(redis: SyncRedis, stream: Stream) -> int:
    """Entries of a stream in all partitions."""
    return sum(redis.xlen(keys.stream(stream)) for keys in KEYS.each())


def holders(redis: SyncRedis) -> dict[int, str]:
    """Who has which partition of enrichment."""
    found: Any = redis.hgetall(KEYS.shares(ENRICHMENT))
    held = {field.decode(): value.decode() for field, value in found.items()}
    pairs = [(field.partition(":"), worker) for field, worker in held.items()]
    return {int(part): worker for (kind, _, part), worker in pairs if kind == "partition"}


def shared(redis: SyncRedis, *shares: int) -> bool:
    """Whether the workers have so many partitions each, in whatever order."""
    return sorted(Counter(holders(redis).values()).values()) == sorted(shares)


def settled(redis: SyncRedis) -> bool:
    """Whether enrichment is done with everything in every partition."""
    for keys in KEYS.each():
        groups: Any = redis.xinfo_groups(keys.stream(RAW_STREAM))
        (group,) = [g for g in groups if g["name"].decode() == ENRICHMENT.group]
        if group["lag"] or group["pending"] or redis.exists(keys.attempts(ENRICHMENT)):
            return False
    return True


async def wave(settings: Settings, first: int, last: int) -> None:
    """Publish some revisions of every article, one article after the other in turns."""
    numbers = range(first, last + 1)
    await publish(settings, *(revision(story, n) for n in numbers for story in range(STORIES)))


@pytest.mark.anyio
async def test_an_article_goes_to_its_partition_and_all_that_becomes_of_it_stays_there(
    desk: Desk, split: Settings, workers: Workers
) -> None:
    worker = workers.start(split).ready()
    sent = [article(n, f"{'reject' if n % 5 == 0 else 'good'} {n}") for n in range(1, 41)]
    await publish(split, *sent)
    wait_until(lambda: settled(desk.redis), "all is dealt with")
    assert worker.stop() == 0
    where = {str(raw.headline): KEYS.partition_of(raw.article_id) for raw in sent}
    good, bad = headlines(desk.redis), headlines(desk.redis, OUTCOME_STREAM)
    for partition in range(PARTITIONS):
        mine = [headline for headline, place in where.items() if place == partition]
        assert sorted(good[partition] + bad[partition]) == sorted(mine)
    assert total(desk.redis, DEAD_STREAM) == 8
    assert not list(desk.redis.keys("{news*}:attempts:*"))


def test_workers_that_come_and_go_share_the_partitions(
    desk: Desk, split: Settings, workers: Workers
) -> None:
    first = workers.start(split).ready()
    wait_until(lambda: shared(desk.redis, 4), "one worker has all")
    second = workers.start(split).ready()
    wait_until(lambda: shared(desk.redis, 2, 2), "two workers have half each")
    third = workers.start(split).ready()
    wait_until(lambda: shared(desk.redis, 2, 1, 1), "three share four")
    assert second.stop() == 0
    wait_until(lambda: shared(desk.redis, 2, 2), "what the second had is taken up")
    third.kill()
    wait_until(lambda: shared(desk.redis, 4), "what the killed one had is taken up")
    assert first.stop() == 0
    assert holders(desk.redis) == {}


@pytest.fixture(params=["reads one batch", "reads ahead"])
def ahead(request: pytest.FixtureRequest, control: Control) -> int:
    """Workers of both kinds of stages; how many batches they read ahead."""
    if request.param == "reads ahead":
        control.say(FILLS)
        return 1
    return 0


@pytest.mark.anyio
@pytest.mark.usefixtures("ahead")
async def test_revisions_of_an_article_go_on_in_order_while_workers_come_and_go(
    desk: Desk, split: Settings, workers: Workers
) -> None:
    """200 revisions of each; one worker is stopped, one killed, one frozen and woken."""
    # Longer than a busy machine holds a worker up: one that is held up has lost its share.
    redis, split = desk.redis, changed(split, claim_after=1.5)
    running = [workers.start(split).ready(), workers.start(split)]
    await wave(split, 1, 50)
    wait_until(lambda: total(redis, ENRICHED_STREAM) > 20, "they have begun")
    running.append(workers.start(split))
    await wave(split, 51, 100)
    running[0].signal(signal.SIGKILL)
    await wave(split, 101, 150)
    running.append(workers.start(split))
    running[1].signal(signal.SIGTERM)
    frozen = running[2]
    frozen.signal(signal.SIGSTOP)
    await wave(split, 151, 200)
    wait_until(lambda: settled(redis), "the others do its work")
    frozen.signal(signal.SIGCONT)
    assert_in_order(headlines(redis))
    assert frozen.stop() == 0
    assert running[3].stop() == 0
    assert total(redis, ENRICHED_STREAM) == STORIES * 200


def assert_in_order(found: dict[int, list[str]]) -> None:
    """Every revision of every article crossed once, one behind the other."""
    seen: dict[str, list[int]] = defaultdict(list)
    for partition, told in found.items():
        for headline in told:
            _, story, number = headline.split()
            assert KEYS.partition_of(article_id(int(story))) == partition
            seen[story].append(int(number))
    assert {story: sorted(numbers) for story, numbers in seen.items()} == {
        str(story): list(range(1, 201)) for story in range(STORIES)
    }
    back = {s: [pair for pair in pairwise(n) if pair[0] > pair[1]] for s, n in seen.items()}
    assert back == {story: [] for story in seen}, "revisions that came behind later ones"


def test_what_waits_in_several_partitions_is_worked_on_as_one_batch(
    desk: Desk, split: Settings, workers: Workers, control: Control
) -> None:
    """While one batch is in work the other partitions' messages come in; then they go together."""
    desk.settings = split
    worker = workers.start(changed(split, batch_size=8, claim_after=5.0)).ready()
    desk.publish(article(1, "hold 1"))
    wait_until(lambda: control.said("held"), "a batch is in work")
    others = [n for n in range(2, 200) if place(n) != place(1)]
    one_each = [next(n for n in others if place(n) == p) for p in range(4) if p != place(1)]
    desk.publish(*(article(n) for n in one_each))
    wait_until(lambda: total_pending(desk.redis) == 4, "all four are given out")
    control.say("go")
    wait_until(lambda: settled(desk.redis), "all is done")
    assert worker.stop() == 0
    assert [len(call) for call in control.calls()] == [1, 3]


def place(number: int) -> int:
    """The partition of the ``number``-th article."""
    return KEYS.partition_of(article_id(number))


def total_pending(redis: SyncRedis) -> int:
    """Messages of enrichment that are given out, in all partitions."""
    found: list[Any] = [redis.xpending(k.stream(RAW_STREAM), ENRICHMENT.group) for k in KEYS.each()]
    return sum(each["pending"] for each in found)


def test_a_partition_is_given_up_only_when_the_batch_in_work_is_done(
    desk: Desk, split: Settings, workers: Workers, control: Control, ahead: int
) -> None:
    desk.settings = split = changed(split, batch_size=1)
    first = workers.start(split).ready()
    wait_until(lambda: shared(desk.redis, 4), "it has all")
    numbers = [n for p in range(4) for n in [n for n in range(1, 100) if place(n) == p][:3]]
    desk.publish(*(article(n, f"hold {n}") for n in numbers))
    wait_until(lambda: control.said("held"), "a batch is in work")
    given = PARTITIONS + ahead
    wait_until(lambda: total_pending(desk.redis) == given, "what may be read has been")
    second = workers.start(split).ready()
    owner = holders(desk.redis)[0]
    wait_until(lambda: len(known(desk.redis)) == 2, "the second has asked for its share")
    held = [p for p, worker in holders(desk.redis).items() if worker == owner]
    in_work = {place(int(h.split()[1])) for call in control.calls() for h in call}
    assert in_work <= set(held)
    control.say("go")
    wait_until(lambda: shared(desk.redis, 2, 2), "it gives half of them up")
    wait_until(lambda: settled(desk.redis), "all is done")
    assert first.stop() == second.stop() == 0
    assert all(control.times(f"hold {n}") == 1 for n in numbers)
    for partition, told in headlines(desk.redis).items():
        assert told == [f"hold {n}" for n in numbers if place(n) == partition]


@pytest.mark.usefixtures("ahead")
def test_a_partition_of_the_surplus_stays_while_its_batch_is_in_work_and_nothing_waits(
    desk: Desk, split: Settings, workers: Workers, control: Control
) -> None:
    desk.settings = split
    first = workers.start(split).ready()
    wait_until(lambda: shared(desk.redis, 4), "it has all")
    owner, last = holders(desk.redis)[0], PARTITIONS - 1
    number = next(n for n in range(1, 100) if place(n) == last)
    desk.publish(article(number, f"hold {number}"))
    wait_until(lambda: control.said("held"), "its batch is in work")
    second = workers.start(split).ready()
    wait_until(lambda: len(set(holders(desk.redis).values())) == 2, "it gives the others up")
    until = time.monotonic() + 2 * split.claim_after
    wait_until(lambda: time.monotonic() > until, "two leases pass")
    assert holders(desk.redis)[last] == owner
    control.say("go")
    wait_until(lambda: shared(desk.redis, 2, 2), "it gives this one up, too")
    assert holders(desk.redis)[last] != owner
    assert first.stop() == second.stop() == 0
    assert headlines(desk.redis)[last] == [f"hold {number}"]


def known(redis: SyncRedis) -> list[str]:
    """The workers that have asked for a share."""
    found: Any = redis.hkeys(KEYS.shares(ENRICHMENT))
    return [field.decode() for field in found if field.startswith(b"worker:")]


def test_poison_and_crashes_in_any_partition_lose_and_double_nothing(
    desk: Desk, split: Settings, workers: Workers
) -> None:
    """Conservation: three workers, of which some articles kill one, and one that comes for each."""
    desk.settings = split = changed(split, max_attempts=2)
    words = ["good"] * 26 + ["reject", "kill", "raise", "good"]
    crew: list[Worker] = [workers.start(split).ready(), *(workers.start(split) for _ in range(2))]
    desk.publish(*(article(n, f"{words[n % 30]} {n}") for n in range(1, 61)))

    def tended() -> bool:
        for place, worker in enumerate(crew):
            if not worker.alive:
                crew[place] = workers.start(split)
        return settled(desk.redis)

    wait_until(tended, "everything has crossed or is dead", 60)
    assert [worker.stop() for worker in crew if worker.alive] == [0] * 3
    enriched, dead = total(desk.redis, ENRICHED_STREAM), total(desk.redis, DEAD_STREAM)
    assert (enriched, dead, total(desk.redis, OUTCOME_STREAM)) == (54, 6, 6)
    seen: Sequence[str] = [h for told in headlines(desk.redis).values() for h in told]
    assert len(set(seen)) == len(seen)
    assert {len(KEYS.each(stream)) for stream in STREAMS} == {PARTITIONS}
