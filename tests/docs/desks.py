"""The desks at which documents are tried out: ``<!-- test: desk NAME -->`` above their first block.

=================  ================================================================================
``fresh``          nothing is set: as whoever has just made the venv
``running``        the desk of docs/quick-start.md, with all it has filed, and its services
``dead-letters``   a server with dead letters, for which enrichment has stopped; nothing runs
``webhooks``       a server and a store, nothing that runs, and an event that wasn't taken
(none is named)    an inbox and an empty server
=================  ================================================================================
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from redis import Redis

from schemas.events import ENRICHED
from services.bus.budget import Budget, Halted
from services.bus.connect import client, server_url
from services.bus.errors import Reject
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHMENT,
    RAW_STREAM,
    Keys,
)
from services.bus.messages import Item, burial_of, fault_of, fault_of_reject
from services.bus.publisher import received_event
from services.bus.scripts import Scripts
from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.bus.desk import Desk, article
from tests.factories import article_id
from tests.webhooks.kit import enriched_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMED = "1772452800000-0"
"""The entry that the documentation names where it needs one: noon of the second of March 2026."""


def settings_of(folder: Path, url: str) -> Settings:
    """Those of the commands of a document."""
    return Settings(inbox=folder / "inbox", redis_url=SecretStr(url))


def empty(settings: Settings, redis: Redis) -> None:
    """An inbox and a server."""
    del redis
    settings.inbox.mkdir(exist_ok=True)


def dead_letters(settings: Settings, redis: Redis) -> None:
    """One that the text names, and two more; enrichment has stopped."""
    empty(settings, redis)
    desk = Desk(redis, settings)
    faults = (
        fault_of(MemoryError("no memory left")),
        fault_of_reject(Reject("no text", "send it again with one")),
        fault_of(MemoryError("no memory left")),
    )
    for number, fault in enumerate(faults, start=1):
        raw = article(number).model_copy(update={"provider": "Example Wire"})
        event = received_event(raw)
        item = Item(desk.put(event), event, raw, None, 3)
        burial = burial_of(ENRICHMENT, desk.keys.stream(RAW_STREAM), item, fault)
        entry = f"{NAMED[:-1]}{number - 1}"
        redis.xadd(desk.keys.stream(DEAD_STREAM), {DATA_FIELD: burial.dead_letter}, entry)
    asyncio.run(_halt(settings))


async def _halt(settings: Settings) -> None:
    """Enrichment has spent its failure budget."""
    small = settings.model_copy(update={"failure_budget_in_a_row": 1})
    async with client(server_url(small)) as redis:
        scripts = Scripts(redis, Keys.of(small), small.marker_ttl)
        with suppress(Halted):
            budget = Budget(ENRICHMENT.group, small, redis, scripts)
            await budget.spend(fault_of(MemoryError("no memory left")), "1.txt")
            await budget.spend(fault_of(MemoryError("no memory left")), "2.txt")


def webhooks(settings: Settings, redis: Redis) -> None:
    """A store, and a dead letter of the webhook ``archive``, which the text adds."""
    empty(settings, redis)
    open_store(settings).close()
    fields: dict[Any, Any] = {
        "id": str(article_id(1)),
        "type": ENRICHED.full_name,
        "attempts": "12",
        "reason": "status 500",
        "died_at": NAMED.partition("-")[0],
        DATA_FIELD: enriched_event(1),
    }
    for entry in (NAMED, "*"):
        redis.xadd(Keys("news").webhook("archive", "dead"), fields, entry)


def runbook(settings: Settings, redis: Redis) -> None:
    """All that an alert may be about."""
    dead_letters(settings, redis)
    webhooks(settings, redis)


PREPARED: dict[str, Callable[[Settings, Redis], None]] = {
    "": empty,
    "dead-letters": dead_letters,
    "webhooks": webhooks,
    "runbook": runbook,
}
"""Desks on the server of the documents; ``fresh`` and ``running`` have servers of their own."""


def prepare(name: str, folder: Path, url: str) -> dict[str, str]:
    """Set up a desk in ``folder`` on the server at ``url``, which is emptied; the environment."""
    settings = settings_of(folder, url)
    with Redis.from_url(url) as redis:
        redis.flushall()
        PREPARED[name](settings, redis)
    return {"WIREDESK_REDIS_URL": url, "WIREDESK_INBOX": str(settings.inbox)}
