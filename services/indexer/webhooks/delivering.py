"""Looks after the couriers of all webhooks, beside the indexer's stage.

Each webhook has a courier, a connection and a queue of its own: a slow one never slows another.
With several indexers each runs its couriers; the lease in the queue says whose delivers.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.bus.connect import cancel
from services.bus.errors import StopWorking, Unavailable
from services.bus.vitals import Pulse
from services.bus.webhooks import QueueGone, streams_of
from services.bus.webhooks_desk import beside_a_stage
from services.indexer.webhooks.courier import Clock, Courier
from services.indexer.webhooks.document import (
    NoSuchWebhook,
    Pause,
    Webhook,
    change,
    now,
    webhooks_of,
)
from services.indexer.webhooks.sending import Sender
from services.indexer.webhooks.targets import Guard
from services.observability import get_logger, seldom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.bus.companions import Companion
    from services.bus.webhooks_desk import Queues
    from services.indexer.store.registry import Registry
    from services.settings import Settings

log = get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at the webhooks: a change made by a command holds within that time,
and a look reads some hundred bytes each."""

AFTER_A_FAULT = 30.0
"""Seconds before a courier that ended by an error of ours is tried again."""


def delivering(
    registry: Callable[[], Registry],
    settings: Settings,
    clock: Clock | None = None,
    pulse: Pulse | None = None,
) -> Companion:
    """What runs beside the indexer: delivers every webhook, until told to stop.

    ``registry`` is asked for when it runs: by then the store is open.  ``pulse`` is beaten at
    each look at the webhooks.
    """

    async def deliver(queues: Queues, stop: asyncio.Event) -> None:
        # It would say the headers of every answer.
        logging.getLogger("httpcore").setLevel(logging.WARNING)
        await Delivery(registry(), queues, settings, clock, pulse).run(stop)

    return beside_a_stage(settings, deliver)


@dataclass(frozen=True, slots=True)
class _Running:
    courier: Courier
    task: asyncio.Task[None]


class Delivery:
    """The couriers of one process."""

    def __init__(
        self,
        registry: Registry,
        queues: Queues,
        settings: Settings,
        clock: Clock | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse or Pulse("webhooks", settings.handler_timeout)
        self._registry = registry
        self._queues = queues
        self._settings = settings
        self._clock = clock or Clock()
        self._running: dict[str, _Running] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._not_before: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is in flight is finished."""
        try:
            while not stop.is_set():
                self._pulse.beat()
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_EVERY)
        finally:
            self._pulse.rest()
            self._let_end(*self._running)
            await self._all_ended()

    async def _look(self) -> None:
        try:
            wanted = await asyncio.to_thread(webhooks_of, self._registry)
        except (Unavailable, StopWorking, ValueError, KeyError) as error:
            if seldom("webhook.unknown", type(error).__name__):
                log.warning("webhook.unknown", reason=type(error).__name__)
            return
        self._let_end(*(name for name in self._running if not self._goes_on(name, wanted)))
        for name, webhook in wanted.items():
            if name in self._running:
                self._running[name].courier.webhook = webhook
            elif webhook.paused is None:
                self._begin(webhook)

    def _goes_on(self, name: str, wanted: Mapping[str, Webhook]) -> bool:
        """Whether a courier is still the one that is wanted; a new secret it takes as it is."""
        there = self._running[name]
        webhook = wanted.get(name)
        return (
            webhook is not None
            and webhook.paused is None
            and webhook.created_at == there.courier.webhook.created_at
            and not there.task.done()
        )

    def _begin(self, webhook: Webhook) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before.get(webhook.name, 0.0):
            return
        settings = self._settings
        guard = Guard(private=settings.webhook_private_targets)
        sender = Sender(guard, settings.webhook_timeout, webhook.in_flight)
        queue = self._queues.queue(webhook.name, streams_of(webhook.wants.types))
        courier = Courier(webhook, queue, sender, settings, self._pause, self._clock)
        task = asyncio.create_task(self._deliver(courier, queue.ensure, sender))
        self._running[webhook.name] = _Running(courier, task)

    async def _deliver(
        self, courier: Courier, ensure: Callable[..., object], sender: Sender
    ) -> None:
        """Run one courier; whatever it meets, the indexer and the others go on."""
        webhook = courier.webhook
        try:
            await ensure(webhook.start)  # type: ignore[misc]  # a coroutine function
            await self._remove_if_gone(webhook)
            await courier.run()
        except QueueGone:
            log.info("webhook.queue_gone", webhook=webhook.name)
        except Unavailable as error:
            log.warning("webhook.waiting", webhook=webhook.name, reason=str(error))
        except Exception:  # a fault in one webhook must not end the indexer
            self._not_before[webhook.name] = asyncio.get_running_loop().time() + AFTER_A_FAULT
            log.exception("webhook.broken", webhook=webhook.name)
        finally:
            await sender.aclose()

    async def _remove_if_gone(self, webhook: Webhook) -> None:
        """A group made just after its webhook was removed would hold the stream for ever."""
        there = await asyncio.to_thread(webhooks_of, self._registry)
        if webhook.name not in there:
            await self._queues.destroy(webhook.name)

    async def _pause(self, webhook: Webhook) -> None:
        """The receiver wants no more: it is asked again when an operator says so."""
        reason = "the receiver answered 410 Gone"
        log.warning("webhook.paused", webhook=webhook.name, reason=reason)

        def paused(held: Webhook) -> Webhook:
            if held.created_at != webhook.created_at:
                return held
            return replace(held, paused=Pause(now(), reason))

        with suppress(NoSuchWebhook):
            await asyncio.to_thread(change, self._registry, webhook.name, paused)

    def _let_end(self, *names: str) -> None:
        """Tell couriers to end; the next of the same name waits for the lease meanwhile."""
        for each in [self._running.pop(name) for name in names]:
            each.courier.end()
            self._ending.add(each.task)
            each.task.add_done_callback(self._ending.discard)

    async def _all_ended(self) -> None:
        if self._ending:
            # Half of what a stop may take: the stage has its own batch to finish.
            await asyncio.wait(self._ending, timeout=self._settings.graceful_timeout / 2)
            await cancel(*self._ending)
