"""How a stage reads its partitions: two subscribers for each, one batch in work at a time.

A stage to which a batch costs more than its messages do reads ahead: while one batch is in work
the next is read and waits for its turn, so that neither the server nor the store waits for the
other.  One batch of a partition at most; its messages are leased like those in work, and no
attempt is counted on them before their turn.  A stage of which each message takes long doesn't:
what waits behind such a batch would wait although another worker were idle.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from faststream import AckPolicy
from faststream.redis import StreamSub
from faststream.redis.annotations import RedisBatchStreamMessage  # noqa: TC002  (FastStream resolves it at run time)
from redis.exceptions import RedisError

from services.bus.connect import cancel
from services.bus.envelope import bytes_of, read
from services.bus.groups import waiting_for
from services.bus.keys import ENRICHMENT, Keys
from services.bus.messages import Message
from services.bus.patience import Facts, Stopping
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from faststream.redis import RedisBroker
    from faststream.redis.subscriber.usecases import StreamBatchSubscriber
    from redis.asyncio import Redis

    from services.bus.keys import StageSpec
    from services.settings import Settings

log = get_logger(__name__)

LEASE_FRACTION = 4
"""Renewals of a lease within ``claim_after``: two of them may fail and it still holds."""

BEFORE = {ENRICHMENT.writes: ENRICHMENT}
"""The stage whose messages come by a stream."""

MANY_BEFORE = 32
"""Messages waiting for the stage before from which a stage that fills its batches gathers one. One
worker of enrichment needs 0.6 s for so many; with any number, once there are fewer nobody waits
for longer than ``GATHER_STEP``."""

GATHER, GATHER_STEP = 1.0, 0.25
"""Seconds that a batch is gathered for at most, and between two looks at what has come. Each
message costs the store 2.35 ms of CPU in batches of 100, and 3.8 in those of eight that enrichment
hands on; a second brings some forty of each of its workers."""


@dataclass(eq=False)
class Hand:
    """Messages of one partition that were received together and wait for their turn.

    ``alone``: they were abandoned, and share no batch.  ``fills``: what came right behind them
    may be read along.  ``taken``: with somebody else's.  ``begun`` is set when their turn has
    come, or will never come.
    """

    messages: list[Message]
    alone: bool
    fills: bool
    taken: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)


async def always(_partition: int) -> bool:
    """Where nobody shares partitions, each is everybody's."""
    return True


class Reading(ABC):
    """What is read, by whom, and whose turn it is to be worked on."""

    def __init__(
        self,
        spec: StageSpec,
        settings: Settings,
        redis: Redis,
        consumer: str,
        batch_size: int | None,
    ) -> None:
        """``batch_size``: of a stage to which a batch costs more than its messages do.

        It fills its batches, see :meth:`_fill`; others work on what a read gives them.
        """
        self.spec = spec
        self.facts = Facts()
        self.consumer = consumer
        self.holds: Callable[[int], Awaitable[bool]] = always
        """Asked before the messages of a partition are worked on; see ``shares``."""
        self._settings = settings
        self._redis = redis
        self._keys = Keys.of(settings)
        self._partitions = {keys.stream(spec.reads): keys.partition for keys in self._keys.each()}
        self._fills = batch_size is not None
        self._batch_size = batch_size or settings.batch_size
        # New batches and claimed messages take turns, so that a crash is the fault
        # of exactly those messages whose attempt had been counted.
        self._turn = asyncio.Lock()
        self._hands: list[Hand] = []
        self._ahead: dict[asyncio.Task[None], int] = {}
        self._before = BEFORE.get(spec.reads)
        self._worked_at = -GATHER

    @abstractmethod
    async def _work(self, messages: Sequence[Message]) -> None:
        """Deal with these messages; :class:`Stopping` and errors that end the process pass."""

    @property
    def consumers(self) -> tuple[str, str]:
        """Names of the two consumers: for new and for abandoned messages."""
        return f"{self.consumer}-new", f"{self.consumer}-claim"

    def subscribe(self, broker: RedisBroker) -> None:
        """Register the two subscribers of every partition."""
        for keys in self._keys.each():
            for abandoned in (False, True):
                self.subscriber(broker, keys.partition, abandoned=abandoned, persistent=True)

    def subscriber(
        self, broker: RedisBroker, partition: int, *, abandoned: bool, persistent: bool = False
    ) -> StreamBatchSubscriber:
        """Register a subscriber. Both kinds read batches: only those pass entries unparsed.

        ``persistent``: the broker keeps it; else it is there as long as the caller keeps it.
        """
        new, claim = self.consumers
        common: dict[str, Any] = {
            "stream": self._keys.at(partition).stream(self.spec.reads),
            "group": self.spec.group,
            "polling_interval": self._settings.poll_interval,
            "batch": True,
        }
        idle = int(self._settings.claim_after * 1000)
        read = (
            StreamSub(consumer=claim, min_idle_time=idle, **common)
            if abandoned
            else StreamSub(consumer=new, max_records=self._batch_size, **common)
        )
        made = broker.subscriber(stream=read, ack_policy=AckPolicy.MANUAL, persistent=persistent)
        made(self._on_abandoned if abandoned else self._on_new)
        return cast("StreamBatchSubscriber", made)

    async def _on_new(self, _bodies: list, message: RedisBatchStreamMessage) -> None:  # type: ignore[type-arg]  # a bare list keeps FastStream from validating
        await self._receive(message, self.consumers[0])

    async def _on_abandoned(self, _bodies: list, message: RedisBatchStreamMessage) -> None:  # type: ignore[type-arg]  # see _on_new
        await self._receive(message, self.consumers[1])

    async def _receive(self, message: RedisBatchStreamMessage, consumer: str) -> None:
        ids = [entry_id.decode() for entry_id in message.raw_message["message_ids"]]
        raws = [bytes_of(fields) for fields in message.raw_message["data"]]
        partition = self._partitions[message.raw_message["channel"]]
        entries = list(zip(ids, raws, strict=True))
        hand = self._hand(partition, entries, consumer, more=True)
        if hand.fills:
            await self._receive_ahead(hand, consumer)
        else:
            await self._wait_and_take(hand, consumer)

    async def _receive_ahead(self, hand: Hand, consumer: str) -> None:
        """Return when the hand's turn has come: the next may be read while it is worked on."""
        task = asyncio.create_task(self._wait_and_take(hand, consumer), name="batch")
        self._ahead[task] = hand.messages[0].partition
        task.add_done_callback(self._ahead.pop)
        try:
            await hand.begun.wait()
        except asyncio.CancelledError:
            await cancel(task)
            raise

    async def end(self, broker: RedisBroker) -> None:
        """Read no more, and return when what was read is done, or ``graceful_timeout`` is over."""
        until = time.monotonic() + self._settings.graceful_timeout
        await broker.stop()
        await self.settle(timeout=max(0.0, until - time.monotonic()))

    async def settle(self, partition: int | None = None, timeout: float | None = None) -> None:  # noqa: ASYNC109  (what is late is ended, which isn't an error)
        """Wait for the batches in work (of a partition, or all); end those that are late."""
        waited = [task for task, of in self._ahead.items() if partition in (None, of)]
        if waited:
            _, late = await asyncio.wait(waited, timeout=timeout)
            await cancel(*late)

    async def receive(
        self,
        partition: int,
        entries: Sequence[tuple[str, bytes]],
        consumer: str,
        *,
        more: bool = False,
    ) -> None:
        """Work on entries, given by id and bytes, that one of the consumers was given.

        ``more``: others may be read to fill a batch of new ones.
        """
        await self._wait_and_take(self._hand(partition, entries, consumer, more=more), consumer)

    def _hand(
        self, partition: int, entries: Sequence[tuple[str, bytes]], consumer: str, *, more: bool
    ) -> Hand:
        messages = self._messages(partition, entries)
        alone = consumer != self.consumers[0]
        hand = Hand(messages, alone, fills=more and self._fills and not alone)
        self._hands.append(hand)
        return hand

    async def _wait_and_take(self, hand: Hand, consumer: str) -> None:
        try:
            async with self._lease(hand.messages, consumer), self._turn:
                self._hands.remove(hand)
                await self._take(hand)
        except Stopping:
            return
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  (FastStream would log it and go on; the watchdog ends the process)
            self.facts.fatal = error
        finally:
            hand.begun.set()
            if hand in self._hands:
                self._hands.remove(hand)

    def _messages(self, partition: int, entries: Sequence[tuple[str, bytes]]) -> list[Message]:
        event = self.spec.reads.event
        return [Message(entry, raw, read(raw, event), partition) for entry, raw in entries]

    async def _take(self, hand: Hand) -> None:
        """Work on what was received, unless somebody did so along with his own."""
        if hand.taken:
            return
        if self.facts.halted is not None:
            # The process is about to end; what was read stays pending.
            await self.facts.stopping.wait()
            return
        if hand.fills:
            await self._gather(hand)
        messages = [each for each in self._together(hand) if await self.holds(each.partition)]
        # Not before: what is read along belongs before whatever is read from now on.
        hand.begun.set()
        if messages:
            await self._work(messages)
        self._worked_at = time.monotonic()

    async def _gather(self, hand: Hand) -> None:
        """Fill a batch; while it isn't half full and many are on their way, wait for some of them.

        Only right behind another batch: what comes alone, or first, is worked on at once.  So is
        what there is when the process is to stop.
        """
        now = time.monotonic()
        follows, until = now - self._worked_at < GATHER, now + GATHER
        await self._fill(hand)
        while follows and self._in_hand(hand) * 2 < self._batch_size and await self._many_before():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.facts.stopping.wait(), GATHER_STEP)
            await self._fill(hand)
            follows = time.monotonic() < until and not self.facts.stopping.is_set()

    def _in_hand(self, hand: Hand) -> int:
        """Messages of a hand, and of others that may share its batch."""
        others = [each for each in self._hands if not each.alone and not each.taken]
        return sum(len(each.messages) for each in (hand, *others))

    async def _many_before(self) -> bool:
        """Whether many messages wait for the stage before this one; no where it can't be told."""
        if self._before is None:
            return False
        try:
            return await waiting_for(self._redis, self._keys, self._before) >= MANY_BEFORE
        except RedisError as error:
            log.debug("batch.not_filled", error=str(error))
            return False

    async def _fill(self, hand: Hand) -> None:
        """Read what came right behind the messages of a hand, as far as it fills a batch.

        The server answers a read that waits at the first message of those that are handed on
        together, so that one would be a batch by itself, and the rest of them the next.
        """
        room, partition = self._batch_size - len(hand.messages), hand.messages[0].partition
        if room <= 0 or self.facts.stopping.is_set() or not await self.holds(partition):
            return
        new: Any = {self._keys.at(partition).stream(self.spec.reads): ">"}
        try:
            found: Any = await self._redis.xreadgroup(
                self.spec.group, self.consumers[0], new, count=room
            )
        except RedisError as error:
            # What an answer had that was lost comes back as abandoned, as after any other read.
            log.debug("batch.not_filled", error=str(error))
            return
        for _, entries in found:
            read_now = [(entry_id.decode(), bytes_of(fields)) for entry_id, fields in entries]
            hand.messages += self._messages(partition, read_now)

    def _together(self, hand: Hand) -> Sequence[Message]:
        """What was received, and what waits from other partitions as far as it fills a batch.

        Each partition's messages stay in order: one is read on when its own are done.
        """
        batch = list(hand.messages)
        for other in () if hand.alone else self._hands:
            fits = len(batch) + len(other.messages) <= self._batch_size
            if fits and not other.alone and not other.taken:
                other.taken = True
                other.begun.set()
                batch += other.messages
        return batch

    @asynccontextmanager
    async def _lease(self, messages: Sequence[Message], consumer: str) -> AsyncIterator[None]:
        """Renew the leases of messages of one partition."""
        renewals = asyncio.create_task(self._renew(messages, consumer))
        try:
            yield
        finally:
            await cancel(renewals)

    async def _renew(self, messages: Sequence[Message], consumer: str) -> None:
        key = self._keys.at(messages[0].partition).stream(self.spec.reads)
        while True:
            await asyncio.sleep(self._settings.claim_after / LEASE_FRACTION)
            # Their hand may have been filled meanwhile.
            ids: Any = [message.entry_id for message in messages]
            try:
                # JUSTID resets the idle time and leaves the delivery count alone. An
                # acknowledged entry is no longer pending, and XCLAIM leaves it so.
                await self._redis.xclaim(key, self.spec.group, consumer, 0, ids, justid=True)
            except RedisError as error:
                log.debug("lease.not_renewed", error=str(error))
