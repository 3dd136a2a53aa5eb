"""A stage: reads a stream as a consumer group, works, hands off. The rules of delivery live here.

A service gives a plain function: a batch of payloads in, one result for each
out.  The stage does the rest:

* **two subscribers**: new messages in batches; abandoned ones claimed one at a
  time, so that a poison message never takes its neighbours along;
* **leases**: while a batch is in work its idle time is reset, so a short claim
  time never runs long work twice;
* **attempts** are counted before they are made; a message whose worker died
  ``max_attempts`` times becomes a dead letter without another try;
* **one atomic hand-off**: acknowledge and forward together, or neither;
* **off the loop**: the function runs in a worker thread, one call at a time.

A handler returns, for each payload in order: the next payload; :class:`Reject`;
or None when nothing follows.  It may raise :class:`Unavailable` (wait, try
again) or :class:`StopWorking` (end the process).  Anything else it raises is
met by trying each message alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from schemas.events import Payload
from services.bus.budget import Budget, Halted
from services.bus.envelope import read
from services.bus.errors import Reject, StopWorking, Unavailable
from services.bus.keys import DEAD_STREAM, OUTCOME_STREAM, StageSpec
from services.bus.measured import Measured
from services.bus.messages import (
    Fault,
    Item,
    Message,
    burial_of,
    burial_of_unreadable,
    fault_of,
    fault_of_crash,
    fault_of_reading,
    fault_of_reject,
    item_of,
)
from services.bus.onward import Onward
from services.bus.patience import FIRST_PAUSE, Patience, longer
from services.bus.reading import Reading
from services.bus.scripts import Scripts, new_call
from services.bus.spans import NO_SPANS, Spans
from services.observability import get_logger, stack_once

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.settings import Settings

log = get_logger(__name__)

Result = Payload | Reject | None
Handler = Callable[[Sequence[Any]], Sequence[Result]]


class NotPassed(Exception):  # noqa: N818  (a result to unwind with)
    """What a probe says of a message that would have failed or died."""


class Stage(Reading):
    """Runs a handler over a stream; see the module's docstring."""

    def __init__(
        self,
        spec: StageSpec,
        handler: Handler,
        settings: Settings,
        redis: Redis,
        consumer: str,
        batch_size: int | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        super().__init__(spec, settings, redis, consumer, batch_size)
        self._measured = Measured(spec, spans)
        self._patience = Patience(self.facts)
        self._handler = handler
        self._scripts = Scripts(redis, self._keys, settings.marker_ttl)
        self.budget = Budget(spec.group, settings, redis, self._scripts)
        self._trying = False

    async def _work(self, messages: Sequence[Message]) -> None:
        try:
            await self._deal_with(messages)
            await self._patience.insist(self.budget.flush)
        except Halted as stopped:
            await self._halt(messages, stopped)

    async def _halt(self, messages: Sequence[Message], stopped: Halted) -> None:
        """Let everything go that isn't done; the service sees it and ends the process."""
        await asyncio.shield(self._give_back(messages))
        self.facts.halted = await self._patience.insist(lambda: self.budget.tell(stopped))

    async def probe(self, entry_id: str, raw: bytes, partition: int = 0) -> bool | None:
        """Work on one message of a stopped stage; None where there was nothing to do about it.

        One that passes is done like any other.  One that fails isn't buried and its attempt
        not counted: it stays pending, as it was.
        """
        message = Message(entry_id, raw, read(raw, self.spec.reads.event), partition)
        done, self._trying = self.facts.done, True
        try:
            async with self._lease([message], self.consumers[1]), self._turn:
                await self._deal_with([message])
        except NotPassed as error:
            await asyncio.shield(self._give_back([message]))
            log.warning("stage.probe_failed", stage=self.spec.name, reason=str(error))
            return False
        finally:
            self._trying = False
        return True if self.facts.done > done else None

    def _at(self, partition: int) -> Scripts:
        return self._scripts.at(self._keys.at(partition))

    async def _deal_with(self, messages: Sequence[Message]) -> None:
        items: list[Item] = []
        for message in messages:
            item = item_of(message)
            if item is None:
                await self._bury_unreadable(message)
            else:
                items.append(item)
        ready = await self._begin(items)
        if ready:
            await self._attempt(ready)

    async def _begin(self, items: Sequence[Item]) -> list[Item]:
        """Count the attempts; finish what needs none; return what is to be worked on."""
        if not items:
            return []
        counts = [0] * len(items)
        for partition, places in _by_partition(items).items():
            entries, call = [(items[n].entry_id, items[n].ref) for n in places], new_call()
            begin = partial(self._at(partition).begin, self.spec, entries, call)
            for n, count in zip(places, await self._patience.insist(begin), strict=True):
                counts[n] = count
        ready: list[Item] = []
        for item, count in zip(items, counts, strict=True):
            if count == 0:
                await self._acknowledge(item)
            elif count > self._settings.max_attempts:
                item.attempts = count - 1
                await self._bury(item, fault_of_crash(count - 1))
            else:
                item.attempts = count
                ready.append(item)
        self._measured.began(len(ready))
        return ready

    async def _attempt(self, items: Sequence[Item]) -> None:
        """Try a batch until it is done or failed; while something is unavailable, wait."""
        pause = FIRST_PAUSE
        while items:
            started = time.perf_counter()
            try:
                results = await self._call(items)
            except Unavailable as error:
                await self._give_back(items)
                await self._patience.wait(str(error), pause)
                pause = longer(pause)
                items = await self._begin(items)
                continue
            except (StopWorking, asyncio.CancelledError):
                # It was not the messages' fault: a restart must not count against them.
                await asyncio.shield(self._give_back(items))
                raise
            except Exception as error:  # noqa: BLE001  (whatever the handler raises, its neighbours go on)
                self._measured.raised(items, time.perf_counter() - started, error)
                await self._raised(items, error)
                return
            self._patience.over()
            seconds = time.perf_counter() - started
            self._measured.worked(items, seconds)
            await self._finish(items, results, seconds * 1000 / len(items))
            return

    async def _raised(self, items: Sequence[Item], error: Exception) -> None:
        if len(items) == 1:
            await self._failed(items[0], error)
            return
        log.warning("batch.failed", size=len(items), error=repr(error))
        await self._one_by_one(items)

    async def _one_by_one(self, items: Sequence[Item]) -> None:
        for item in items:
            for ready in await self._begin([item]):
                await self._attempt([ready])

    async def _call(self, items: Sequence[Item]) -> Sequence[Result]:
        """Run the handler in a thread."""
        results = await asyncio.to_thread(self._in_thread, [item.payload for item in items])
        if len(results) != len(items):
            raise ValueError(f"{len(results)} results for {len(items)} messages")
        return results

    def _in_thread(self, payloads: Sequence[Any]) -> Sequence[Result]:
        # Set and cleared here, so that it says what the thread does, not who waits for it.
        self.facts.busy_since = time.monotonic()
        try:
            return self._handler(payloads)
        finally:
            self.facts.busy_since = None

    async def _give_back(self, items: Sequence[Item | Message]) -> None:
        # If the server is away too, the count stays one too high: a lesser evil than waiting.
        with suppress(RedisError):
            for partition, places in _by_partition(items).items():
                ids = [items[place].entry_id for place in places]
                await self._at(partition).give_back(self.spec, ids)

    async def _finish(self, items: Sequence[Item], results: Sequence[Result], share: float) -> None:
        """Deal with each result in order; those that go on side by side cross in one round trip.

        ``share``: milliseconds that each took.
        """
        onward = Onward(self.spec, self._scripts, self._measured, share)
        for item, result in zip(items, results, strict=True):
            try:
                if not isinstance(result, Reject):
                    onward.add(item, result)
                    continue
                failure: Fault | ValueError = fault_of_reject(result)
            except ValueError as error:
                # It can't be written (a lone surrogate, a wrong type): as if it had been raised.
                self._measured.unwritable()
                failure = error
            await self._cross(onward)
            if isinstance(failure, Fault):
                await self._bury(item, failure)
            else:
                await self._failed(item, failure)
        await self._cross(onward)

    async def _cross(self, onward: Onward) -> None:
        try:
            if onward:
                await self._patience.insist(onward.send)
        finally:
            for _ in range(onward.settle()):
                self.facts.done += 1
                self.budget.passed()

    async def _acknowledge(self, item: Item) -> bool:
        acknowledge = self._at(item.partition).acknowledge
        return await self._patience.insist(lambda: acknowledge(self.spec, item.entry_id))

    async def _failed(self, item: Item, error: Exception) -> None:
        fault = fault_of(error)
        if self._trying:
            raise NotPassed(fault.reason)
        if item.attempts >= self._settings.max_attempts:
            await self._bury(item, fault)
            return
        # Left pending: it comes back alone after the claim time, which spaces the attempts.
        log.warning(
            "article.attempt_failed",
            **item.context,
            attempts=item.attempts,
            reason=fault.reason,
            exc_info=stack_once("article.attempt_failed", error),
        )

    async def _spend(self, fault: Fault, about: str) -> None:
        """Before each burial: it may be one too many, and while probing none is made."""
        if self._trying:
            raise NotPassed(fault.reason)
        await self._patience.insist(lambda: self.budget.spend(fault, about))

    async def _bury(self, item: Item, fault: Fault) -> None:
        await self._spend(fault, f"{item.payload.drop.file}: article {item.ref.article_id}")
        here = self._at(item.partition)
        burial = burial_of(self.spec, here.keys.stream(self.spec.reads), item, fault)
        moved = await self._patience.insist(
            lambda: here.bury(self.spec, DEAD_STREAM, OUTCOME_STREAM, burial)
        )
        if moved:
            self._measured.buried(item, fault, reported=burial.outcome is not None)
        self.facts.failed += 1
        log.error(
            "article.dead",
            **item.context,
            attempts=item.attempts,
            reason=fault.reason,
            advice=fault.advice,
        )

    async def _bury_unreadable(self, message: Message) -> None:
        fault = fault_of_reading(message.reading)  # type: ignore[arg-type]  # item_of said so
        await self._spend(fault, f"entry {message.entry_id}")
        here = self._at(message.partition)
        burial = burial_of_unreadable(self.spec, here.keys.stream(self.spec.reads), message, fault)
        moved = await self._patience.insist(
            lambda: here.bury(self.spec, DEAD_STREAM, OUTCOME_STREAM, burial)
        )
        if moved:
            self._measured.buried(None, fault, reported=burial.outcome is not None)
        self.facts.failed += 1
        log.error("message.dead", entry_id=message.entry_id, reason=fault.reason)


def _by_partition(items: Sequence[Item | Message]) -> dict[int, list[int]]:
    """Places in ``items`` by partition."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        found[item.partition].append(place)
    return found
