"""Delivers one webhook: in order, at least once, and never over and over to one that is down.

What order is promised (with one request at a time, the default): the first try of each event
is made in the order of its stream.  An event that failed comes later, when its time has come;
the others don't wait for it.  After an outage everything that failed in it comes first, in
order, and then what has come meanwhile.

An attempt is counted before it is made.  Tries of an event made before its own time (to see
whether the receiver is back) aren't counted: an outage uses up no event's attempts faster than
its delays do.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services import metrics
from services.bus.connect import cancel
from services.bus.errors import Unavailable
from services.bus.webhooks import Letter, Slot, Tries, WebhookQueue
from services.indexer.webhooks.line import Line
from services.indexer.webhooks.message import headers_of, message_id, parsed
from services.indexer.webhooks.pace import Pace, delay
from services.indexer.webhooks.targets import Target
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.indexer.webhooks.document import Webhook
    from services.indexer.webhooks.sending import Answer, Sender
    from services.settings import Settings

log = get_logger(__name__)

READ_AT_ONCE = 16
"""New events taken from each stream at once: they are held with their bytes, 20 kB as a rule."""

WAITING_LIMIT = 10_000
"""Events that may wait for another try before no new ones are read: about 5 MB here and in
Redis. A receiver that refuses so many needs its operator, not more events."""

COUNT_EVERY = 2.0
"""Seconds between two looks whether the queue holds what we know of: an operator may have sent
dead letters again, and the answer to a read may have been lost."""

RENEWALS = 4
"""Renewals of the lease within its life: two of them may fail and it still holds."""

SERVER_PAUSE = 1.0
"""Seconds before the queue is asked again after the server was away."""


_BEGAN = (time.time(), time.monotonic())


def steady() -> float:
    """Seconds since 1970 by the clock as it stood when this process began.

    Setting the clock doesn't move it: what is due in five seconds stays so.
    """
    return _BEGAN[0] + time.monotonic() - _BEGAN[1]


@dataclass(frozen=True, slots=True)
class Clock:
    """Times in seconds since 1970, and chance; tests give their own.

    ``now`` is what is waited by, ``wall`` what receivers and operators are told.
    """

    now: Callable[[], float] = steady
    rng: random.Random = field(default_factory=random.Random)

    def wall(self) -> float:
        """The time as it is, however often it was set."""
        return time.time() if self.now is steady else self.now()


class Courier:
    """See the module's docstring. ``gone`` is told when the receiver wants no more."""

    def __init__(
        self,
        webhook: Webhook,
        queue: WebhookQueue,
        sender: Sender,
        settings: Settings,
        gone: Callable[[Webhook], Awaitable[None]],
        clock: Clock | None = None,
    ) -> None:
        self.webhook = webhook
        self._target = Target.parse(webhook.url)
        self._queue = queue
        self._sender = sender
        self._settings = settings
        self._poll = settings.poll_interval / 1000
        self._gone = gone
        self._clock = clock or Clock()
        self._ended = asyncio.Event()
        self._lost = asyncio.Event()
        self._busy: dict[asyncio.Task[None], Slot] = {}
        self._line = Line()
        self._pace = Pace(self._clock.rng)
        self._counted_at = 0.0

    def end(self) -> None:
        """Finish what is in flight, and end :meth:`run`."""
        self._ended.set()

    async def run(self) -> None:
        """Deliver whenever the lease can be had, until told to end; ``QueueGone`` without a queue.

        What is in flight at the end is finished: it takes ``webhook_timeout`` at most.
        """
        life = self._settings.claim_after
        while not self._ended.is_set():
            try:
                if await self._queue.lease(life):
                    await self._with_lease(life)
                else:
                    await self._wait(life / RENEWALS)
            except Unavailable as error:
                log.warning("webhook.waiting", webhook=self.webhook.name, reason=str(error))
                await self._wait(SERVER_PAUSE)

    async def _with_lease(self, life: float) -> None:
        self._lost = asyncio.Event()
        renewing = asyncio.create_task(self._renew(life))
        try:
            await self._deliver()
        except asyncio.CancelledError:
            for task in self._busy:
                task.cancel()
            raise
        finally:
            await asyncio.gather(*self._busy, return_exceptions=True)
            self._busy.clear()
            await cancel(renewing)
            with suppress(Unavailable):
                await self._queue.release()

    async def _renew(self, life: float) -> None:
        renewed = time.monotonic()
        while not self._lost.is_set():
            await asyncio.sleep(life / RENEWALS)
            try:
                if not await self._queue.lease(life):
                    self._lost.set()
                renewed = time.monotonic()
            except Unavailable:
                if time.monotonic() - renewed > life:
                    self._lost.set()

    async def _deliver(self) -> None:
        self._line, self._counted_at = Line(), 0.0
        self._pace = Pace.of(await self._queue.noted(), self._clock.rng, self._clock.now())
        await self._look_for_changes()
        if self._pace.holding:
            known = self._line.known.items()
            self._pace.row.update(slot for slot, tries in known if tries.sent)
        while not (self._ended.is_set() or self._lost.is_set()):
            await self._look_for_changes()
            self._start()
            if self._busy:
                await self._some_ended()
            else:
                await self._rest()

    async def _look_for_changes(self) -> None:
        """Learn what has changed in the queue without us; at the start, what is in it."""
        now = time.monotonic()
        if self._counted_at and now - self._counted_at < COUNT_EVERY:
            return
        self._counted_at = now
        if await self._queue.size() != len(self._line):
            there = await self._queue.waiting()
            self._line.match(there, self._busy.values(), self._clock.now())

    def _start(self) -> None:
        """Begin as many tries as may be made now."""
        while slot := self._next(self._clock.now()):
            self._busy[asyncio.create_task(self._try(slot))] = slot

    def _next(self, now: float) -> Slot | None:
        if self._pace.holding:
            may = not self._busy and self._pace.ready(now)
            return self._line.take_probe() if may else None
        return self._line.take(now) if len(self._busy) < self.webhook.in_flight else None

    async def _some_ended(self) -> None:
        """Wait for one of those in flight; with room for more of them, read more."""
        more = len(self._busy) < self.webhook.in_flight and not self._pace.holding
        if more and await self._read(0):
            return
        done, _ = await asyncio.wait(
            self._busy, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            del self._busy[task]
        for task in done:
            task.result()

    async def _rest(self) -> None:
        """With nothing to send: read, or wait until something is due."""
        if not self._pace.ready(self._clock.now()):
            await self._wait(self._poll)
        elif not self._pace.holding:
            if not await self._read(self._settings.poll_interval) and self._full:
                await self._wait(self._poll)
        elif not await self._read(0, count=1):
            self._line.nothing_new()
            if not len(self._line):
                await self._wait(self._poll)

    @property
    def _full(self) -> bool:
        return len(self._line) >= WAITING_LIMIT

    async def _read(self, block_ms: int, count: int = READ_AT_ONCE) -> bool:
        """Take new events in; whether there were any."""
        if self._full:
            return False
        found = await self._queue.fresh(count, block_ms)
        unwanted = [slot for slot, event in found if not self._wanted(event)]
        if unwanted:
            await self._queue.passed_over(unwanted)
        passed = set(unwanted)
        for slot, event in found:
            if slot not in passed:
                self._line.add(slot, Tries(), self._clock.now(), event)
        return bool(found)

    def _wanted(self, event: bytes) -> bool:
        document = parsed(event)
        return document is not None and self.webhook.wants.matches(document)

    async def _try(self, slot: Slot) -> None:
        event = self._line.bytes_of(slot) or await self._queue.event(slot)
        if event is None:
            await self._queue.passed_over([slot])
            self._line.forget(slot)
            log.error("webhook.lost", webhook=self.webhook.name, stream=slot.stream, entry=slot.id)
            return
        counted = self._clock.now() >= self._line.known[slot].due
        begun = await self._queue.begin(slot, counted=counted)
        if begun is None:
            self._lost.set()
            return
        headers = headers_of(self.webhook, event, begun.sent, self._clock.wall())
        answer = await self._sender.send(self._target, headers, event)
        if answer.kind == "taken":
            await self._taken(slot, event, answer)
        elif answer.kind == "gone":
            await self._put_off(slot, begun, answer, counted=False)
            self._ended.set()
            await self._gone(self.webhook)
        else:
            await self._failed(slot, event, begun, answer, counted=counted)

    async def _failed(
        self, slot: Slot, event: bytes, begun: Tries, answer: Answer, *, counted: bool
    ) -> None:
        waited = self._pace.holding
        began = self._judge(slot, begun, answer)
        self._say_failed(event, begun, answer, loudly=began or len(self._pace.row) <= 1)
        if counted and begun.counted >= self._settings.webhook_max_attempts:
            await self._bury(slot, event, begun, answer)
        else:
            await self._put_off(slot, begun, answer, counted=counted)
        if self._pace.holding or waited:
            await self._queue.note(self._pace.facts())

    def _judge(self, slot: Slot, begun: Tries, answer: Answer) -> bool:
        """What a failure says of the receiver; whether the webhook waits since just now."""
        if answer.at_fault == "event":
            # It is there, and looks at what it gets.
            self._resume()
            return False
        absent = answer.at_fault == "receiver"
        if self._pace.holding and not absent:
            self._line.probed(slot)
        return self._pace.failed(
            slot,
            self._clock.now(),
            proves=begun.sent == 1 or absent or slot in self._pace.row,
            retry_after=answer.retry_after,
        )

    def _say_failed(self, event: bytes, begun: Tries, answer: Answer, *, loudly: bool) -> None:
        """Say the first of a row, and that the webhook waits; the rest for who looks closely."""
        say = log.warning if loudly else log.debug
        say(
            "webhook.failed",
            webhook=self.webhook.name,
            event_id=message_id(event),
            attempt=begun.sent,
            reason=answer.reason,
            webhook_waits=round(max(0.0, self._pace.held_until - self._clock.now()), 1),
        )

    async def _taken(self, slot: Slot, event: bytes, answer: Answer) -> None:
        now = self._clock.wall()
        metrics.WEBHOOK_DELIVERIES.labels("delivered").inc()
        await self._insist(lambda: self._queue.delivered(slot, now))
        self._line.forget(slot)
        log.debug(
            "webhook.delivered",
            webhook=self.webhook.name,
            event_id=message_id(event),
            duration_ms=round(answer.seconds * 1000, 1),
        )
        if self._resume():
            await self._queue.note(self._pace.facts())

    def _resume(self) -> bool:
        """The receiver is there; whether the webhook had been waiting for it."""
        failed = self._pace.succeeded()
        if failed is None:
            return False
        log.info("webhook.resumed", webhook=self.webhook.name, waiting=len(self._line))
        self._line.catch_up(failed)
        return True

    async def _put_off(self, slot: Slot, begun: Tries, answer: Answer, *, counted: bool) -> None:
        metrics.WEBHOOK_DELIVERIES.labels("failed").inc()
        now = self._clock.now()
        due = self._line.known[slot].due
        if counted:
            own = delay(begun.counted, self._clock.rng)
            due = now + max(own, answer.retry_after or 0.0)
        if await self._queue.postponed(slot, due, answer.reason, self._clock.wall()):
            tries = Tries(begun.counted, begun.sent, due, answer.reason)
            self._line.add(slot, tries, now)
        else:
            self._lost.set()

    async def _bury(self, slot: Slot, event: bytes, begun: Tries, answer: Answer) -> None:
        metrics.WEBHOOK_DELIVERIES.labels("dead").inc()
        named = message_id(event)
        kind = str((parsed(event) or {}).get("type"))
        letter = Letter(event, named, kind, begun.counted, answer.reason)
        if not await self._queue.buried(slot, letter, self._clock.wall()):
            self._lost.set()
            return
        self._line.forget(slot)
        log.error(
            "webhook.dead",
            webhook=self.webhook.name,
            event_id=named,
            attempts=begun.counted,
            reason=answer.reason,
        )

    async def _insist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Note what the receiver has taken, also where the server is away for a while.

        If it can't be noted before the end, the event is sent again: once more, never less.
        """
        while True:
            try:
                return await step()
            except Unavailable:
                if self._ended.is_set():
                    raise
                await self._wait(SERVER_PAUSE)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
