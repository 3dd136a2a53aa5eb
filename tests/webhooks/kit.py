"""What the tests of webhooks build: events, webhooks, couriers that run, a clock to turn."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from schemas.events import ENRICHED, Outcome, event_id, timings_of
from services.bus.connect import client, server_url
from services.bus.envelope import Outgoing, write
from services.bus.filters import EventFilter
from services.bus.keys import ENRICHED_STREAM, Keys, webhook_group
from services.bus.messages import outcome_event
from services.bus.webhooks import streams_of
from services.bus.webhooks_desk import Queues, WebhookDesk
from services.indexer.store.registry import Registry
from services.indexer.webhooks import delivering as delivering_module
from services.indexer.webhooks.courier import Clock, Courier
from services.indexer.webhooks.delivering import delivering
from services.indexer.webhooks.document import Webhook, keep
from services.indexer.webhooks.sending import Sender
from services.indexer.webhooks.targets import Guard
from tests.bus.desk import eventually
from tests.factories import article_id, drop_id, make_drop, make_enriched
from tests.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import pytest

    from services.bus.webhooks_desk import QueueState
    from services.settings import Settings
    from tests.bus.desk import Desk
    from tests.webhooks.receiver import Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  (made up)
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def enriched_event(number: int, **over: Any) -> bytes:
    """The ``number``-th enriched event, as it would be on the stream."""
    drop = make_drop(drop_id=drop_id(number), position=number)
    article = make_enriched(drop=drop, article_id=article_id(number), **over)
    ids = (drop.drop_id, article.article_id, article.revision)
    head = Outgoing(
        event=ENRICHED,
        id=event_id(ENRICHED, *ids),
        source="/wiredesk/enrichment",
        subject=str(article.article_id),
        time=article.enriched_at,
        traceparent=None,
    )
    return write(head, article)


def filed_event(number: int) -> bytes:
    """The ``number``-th filed event."""
    drop = make_drop(drop_id=drop_id(number), position=number)
    article = make_enriched(drop=drop, article_id=article_id(number))
    outcome = Outcome(
        drop=drop,
        article_id=article.article_id,
        revision=article.revision,
        outcome="indexed",
        timings=timings_of(article, article.enriched_at),
    )
    return outcome_event("/wiredesk/indexer", outcome, None)


def put(desk: Desk, *numbers: int) -> list[bytes]:
    """Add enriched events to the stream; their bytes."""
    events = [enriched_event(number) for number in numbers]
    for event in events:
        desk.put(event, ENRICHED_STREAM)
    return events


def make_webhook(url: str, name: str = "archive", **over: Any) -> Webhook:
    """A webhook that wants all enriched articles from the beginning."""
    fields: dict[str, Any] = {
        "name": name,
        "url": url,
        "wants": EventFilter(types=frozenset({ENRICHED.full_name})),
        "secret": SECRET,
        "created_at": MORNING,
    }
    return Webhook(**(fields | over))


@dataclass
class Turned:
    """A clock that only the test moves; chance that is none."""

    seconds: float = MORNING.timestamp()
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(now=lambda: self.seconds, rng=random.Random(1))  # noqa: S311  (jitter)

    def turn(self, seconds: float) -> None:
        """Let so much time pass."""
        self.seconds += seconds


class Shelf(Registry):
    """A registry in memory; whatever a store does more is tested with the stores."""

    def __init__(self, *webhooks: Webhook) -> None:
        self.held: dict[tuple[str, str], str] = {}
        for webhook in webhooks:
            keep(self, webhook)

    def entries(self, kind: str) -> Mapping[str, str]:
        return {name: text for (held, name), text in sorted(self.held.items()) if held == kind}

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        if self.held.get((kind, name)) != expected:
            return False
        self.held[kind, name] = document
        return True

    def remove(self, kind: str, name: str) -> bool:
        return self.held.pop((kind, name), None) is not None


@dataclass
class Gone:
    """Hears that a receiver wants no more."""

    heard: list[str] = field(default_factory=list)

    async def __call__(self, webhook: Webhook) -> None:
        self.heard.append(webhook.name)


@asynccontextmanager
async def courier(
    settings: Settings,
    webhook: Webhook,
    clock: Clock | None = None,
    gone: Callable[..., Any] | None = None,
) -> AsyncIterator[Courier]:
    """A courier that delivers, until the context ends."""
    async with client(server_url(settings)) as redis:
        queue = Queues(redis, settings).queue(webhook.name, streams_of(webhook.wants.types))
        await queue.ensure(webhook.start)
        guard = Guard(private=settings.webhook_private_targets)
        sender = Sender(guard, settings.webhook_timeout, webhook.in_flight)
        begun = Courier(webhook, queue, sender, settings, gone or Gone(), clock)
        task = asyncio.create_task(begun.run())
        try:
            yield begun
        finally:
            begun.end()
            await task
            await sender.aclose()


@asynccontextmanager
async def delivery(
    settings: Settings, shelf: Registry, monkeypatch: pytest.MonkeyPatch, clock: Clock | None = None
) -> AsyncIterator[None]:
    """All couriers of a shelf, as the indexer runs them; it looks at the shelf often."""
    monkeypatch.setattr(delivering_module, "LOOK_EVERY", 0.05)
    stop = asyncio.Event()
    async with client(server_url(settings)) as redis:
        task = asyncio.ensure_future(delivering(lambda: shelf, settings, clock)(redis, stop))
        try:
            yield
        finally:
            stop.set()
            await task


async def state_of(settings: Settings, name: str = "archive") -> QueueState:
    """How a queue stands."""
    async with Redis.from_url(server_url(settings)) as redis:
        return await WebhookDesk(redis, Keys(settings.namespace)).state(name)


async def comes(receiver: Receiver, *numbers: int) -> None:
    """Wait until just these events came, in this order, repeated ones too."""
    await eventually(
        lambda: len(receiver.numbers) >= len(numbers), f"{numbers}, not {receiver.numbers}"
    )
    assert receiver.numbers == list(numbers)


async def settled(settings: Settings, name: str = "archive") -> None:
    """Wait until nothing waits in the queue."""

    async def empty() -> bool:
        state = await state_of(settings, name)
        return state.lag == 0 and state.waiting == 0

    await until(empty, f"nothing waits for {name}")


async def failures(settings: Settings, number: int, name: str = "archive") -> None:
    """Wait until so many tries have failed, and each has its next time."""

    async def counted() -> bool:
        return (await state_of(settings, name)).failed >= number

    await until(counted, f"{number} failures")


def group_exists(desk: Desk, name: str = "archive") -> bool:
    """Whether the webhook has its group on the enriched stream."""
    groups: Any = desk.redis.xinfo_groups(desk.keys.stream(ENRICHED_STREAM))
    return any(group["name"].decode() == webhook_group(name) for group in groups)
