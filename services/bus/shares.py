"""Which partitions a worker of a stage reads: leased, shared equally, given up with care.

One worker at a time reads the new messages of a partition, so that what is about one article is
worked on in its order.  Each worker asks again and again what is its own, in one script that
all of the stage share (``share.lua``); so all agree, whoever comes or goes:

* a worker that has more than its share finishes what it has in work of the surplus, and only
  then lets it go;
* one that stops lets all go; what a worker held that died is free when its lease ends, at the
  time at which its messages may be claimed;
* whoever takes a partition first takes over what others left there in work, then reads on;
* a worker that was frozen works on nothing before it knows again that the partition is its own.

What doesn't keep the order: a message whose attempt failed comes back after the claim time,
while later ones go on; and a worker that was frozen, or cut off, for longer than a lease may be
given one batch more when it wakes, which it leaves to others.  Nothing crosses twice by that,
and the store goes by revisions, not by order.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from services.bus.connect import cancel
from services.bus.envelope import bytes_of
from services.bus.groups import ensure_groups
from services.bus.keys import Keys
from services.bus.scripts import Scripts
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faststream.redis import RedisBroker
    from faststream.redis.subscriber.usecases import StreamBatchSubscriber
    from redis.asyncio import Redis

    from services.bus.stage import Stage
    from services.settings import Settings

log = get_logger(__name__)

ASK_EVERY = 1.0
"""Seconds between two questions, at most a quarter of the lease: a worker that comes gets its share
within two of them and a batch."""

ASKS_IN_A_LEASE = 4


class Everything:
    """Of a stage whose workers share nothing: each reads every partition, as far as there are."""

    def __init__(self, stage: Stage, broker: RedisBroker) -> None:
        self._broker = broker
        stage.subscribe(broker)

    @property
    def subscribers(self) -> Sequence[Any]:
        """Those that must be alive."""
        return self._broker.subscribers

    def start(self) -> None:
        """The broker has begun all."""

    async def stop(self) -> None:
        """The broker stops all."""

    async def leave(self) -> None:
        """Nobody waits for anything."""


@dataclass(eq=False)
class Part:
    """A partition that is read. ``new``: whoever reads new messages, once others' are done."""

    keys: Keys
    abandoned: StreamBatchSubscriber
    new: StreamBatchSubscriber | None = None
    closing: asyncio.Task[None] | None = None

    @property
    def subscribers(self) -> list[StreamBatchSubscriber]:
        """Those that read, as far as they were begun."""
        return [self.abandoned] if self.new is None else [self.new, self.abandoned]


@dataclass
class Shares:
    """The partitions that one worker holds and reads."""

    stage: Stage
    settings: Settings
    redis: Redis
    broker: RedisBroker
    keys: Keys
    _parts: dict[int, Part] = field(default_factory=dict)
    _opening: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _mine: frozenset[int] = frozenset()
    _until: float = 0.0
    _given_up: set[int] = field(default_factory=set)
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._scripts = Scripts(self.redis, self.keys, self.settings.marker_ttl)
        self._lease = self.settings.claim_after
        self.stage.holds = self.holds

    @property
    def subscribers(self) -> list[StreamBatchSubscriber]:
        """Those that must be alive."""
        parts = [part for part in self._parts.values() if part.closing is None]
        return [subscriber for part in parts for subscriber in part.subscribers]

    async def holds(self, partition: int) -> bool:
        """Whether a partition is ours; waits while that isn't known for sure."""
        while time.monotonic() >= self._until:
            if self.stage.facts.stopping.is_set():
                return False
            self._told.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), ASK_EVERY)
        return partition in self._mine

    def start(self) -> None:
        """Begin to ask, and to read what is ours."""
        self._task = asyncio.create_task(self._run(), name="shares")

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (RedisError, OSError, TimeoutError) as error:
                # Away: the watchdog judges that. What isn't begun is begun with the next look.
                log.debug("shares.unknown", error=str(error))
                if time.monotonic() >= self._until:
                    # Others may reach the server, and read by now.
                    self._read_no_more(set(self._parts), lost=True)
            except Exception as error:  # noqa: BLE001  (as for any batch: the watchdog ends the process)
                self.stage.facts.fatal = error
            await asyncio.sleep(min(ASK_EVERY, self._lease / ASKS_IN_A_LEASE))

    async def look(self) -> None:
        """Ask once, and follow the answer."""
        asked, given_up = time.monotonic(), sorted(self._given_up)
        spec, consumer = self.stage.spec, self.stage.consumer
        mine, surplus = await self._scripts.share(spec, consumer, self._lease, given_up)
        self._given_up.difference_update(given_up)
        if frozenset(mine) != self._mine:
            log.info("shares.changed", stage=spec.name, partitions=mine)
        self._mine, self._until = frozenset(mine), asked + self._lease
        self._told.set()
        self._read_no_more(set(self._parts).difference(mine), lost=True)
        self._read_no_more(set(surplus), lost=False)
        for partition in set(mine).difference(surplus, self._given_up, self._opening):
            # Aside: the leases must be renewed meanwhile.
            task = asyncio.create_task(self._open(partition), name=f"open-{partition}")
            self._opening[partition] = task

    def _read_no_more(self, partitions: set[int], *, lost: bool) -> None:
        for partition in partitions:
            part = self._parts.get(partition)
            if part is not None and part.closing is None:
                part.closing = asyncio.create_task(self._close(partition, part, lost=lost))

    async def _open(self, partition: int) -> None:
        try:
            await self._read(partition)
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("shares.unknown", error=str(error))  # tried again with the next look
        except Exception as error:  # noqa: BLE001  (see above)
            self.stage.facts.fatal = error
        finally:
            del self._opening[partition]

    async def _read(self, partition: int) -> None:
        """Read a partition of ours: what others left in work, and once that is done what is new."""
        part = self._parts.get(partition)
        if part is None:
            # FastStream would make a group that is gone at the end of the stream.
            await ensure_groups(self.redis, self.keys)
            abandoned = self.stage.subscriber(self.broker, partition, abandoned=True)
            await _start(abandoned)
            part = self._parts[partition] = Part(self.keys.at(partition), abandoned)
        if part.new is None and part.closing is None and not await self._left_by_others(part):
            new = self.stage.subscriber(self.broker, partition, abandoned=False)
            await _start(new)
            part.new = new

    async def _left_by_others(self, part: Part) -> bool:
        spec = self.stage.spec
        found: Any = await self.redis.xpending(part.keys.stream(spec.reads), spec.group)
        names = {row["name"].decode() for row in found["consumers"]}
        return bool(names.difference(self.stage.consumers))

    async def _close(self, partition: int, part: Part, *, lost: bool) -> None:
        """Read no more, when what is in work is done; then give the partition up."""
        if partition in self._opening:
            await asyncio.wait({self._opening[partition]})
        try:
            for subscriber in part.subscribers:
                await _end(subscriber)
            await self.stage.settle(partition)
            if not lost:
                await self._finish(part)
        except Exception as error:  # noqa: BLE001  (see above)
            self.stage.facts.fatal = error
        del self._parts[partition]
        self._given_up.add(partition)

    async def _finish(self, part: Part) -> None:
        """Work on what was given to us while we stopped reading, and on nothing else."""
        spec, new = self.stage.spec, self.stage.consumers[0]
        with suppress(RedisError, OSError):  # then others claim it
            found: Any = await self.redis.xreadgroup(
                spec.group, new, {part.keys.stream(spec.reads): "0"}
            )
            entries = found[0][1] if found else []
            begun: Any = await self.redis.hgetall(part.keys.attempts(spec)) if entries else {}
            left = [
                (entry.decode(), bytes_of(fields))
                for entry, fields in entries
                if fields and not int(begun.get(entry, 0))
            ]
            if left:
                await self.stage.receive(part.keys.partition, left, new)

    async def stop(self) -> None:
        """Ask no more, and begin to read no more; what reads is the broker's to stop."""
        closing = [part.closing for part in self._parts.values()]
        tasks = [self._task, *self._opening.values(), *closing]
        await cancel(*(task for task in tasks if task is not None))

    async def leave(self) -> None:
        """Let everything go, at the end; whoever comes next need not wait for the lease's end."""
        with suppress(RedisError, OSError):
            await self._scripts.share(self.stage.spec, self.stage.consumer, 0)


async def _start(subscriber: StreamBatchSubscriber) -> None:
    try:
        await subscriber.start()
    except BaseException:
        await subscriber.stop()
        raise


async def _end(subscriber: StreamBatchSubscriber) -> None:
    """Let a subscriber end by itself: after the read that it waits in, and the batch in work."""
    subscriber.running = False
    tasks: Sequence[asyncio.Task[Any]] = subscriber.tasks
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        if error is not None:
            log.debug("shares.reader_ended", error=repr(error))
    await subscriber.stop()


def read_by(
    stage: Stage, settings: Settings, redis: Redis, broker: RedisBroker
) -> Everything | Shares:
    """What a worker of a stage reads: its share of the partitions, where there are several."""
    keys = Keys.of(settings)
    if keys.partitions == 1 or stage.spec.one_process:
        return Everything(stage, broker)
    return Shares(stage, settings, redis, broker, keys)
