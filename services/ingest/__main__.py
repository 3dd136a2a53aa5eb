"""The ingest service: ``python -m services.ingest``. SIGUSR1 drains: no new file, then the end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from services.bus.connect import client, server_url
from services.bus.keys import receipts_stage
from services.bus.ledger import Whereabouts
from services.bus.observed import Observed, observed
from services.bus.publisher import Publisher
from services.bus.receipt_notes import ReceiptNotes
from services.bus.service import Service, exit_with, guarded, prepare
from services.bus.watchdog import Exit
from services.ingest.desk import IngestDesk
from services.ingest.identity import assemble
from services.ingest.ledger_watch import LedgerWatch
from services.ingest.receipts import in_short
from services.ingest.sandbox import Sandbox
from services.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

OUTCOMES_AT_ONCE = 100
"""Outcomes recorded in one commit of the journal at most."""


async def serve(settings: Settings) -> int:
    """Own the folder (or stand by until it is free), then work until stopped."""
    with observed(settings, "ingest") as seen:
        return await _serve(settings, seen)


async def _serve(settings: Settings, seen: Observed) -> int:
    stop, drain = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, drain.set)
    async with client(server_url(settings)) as redis:
        publisher = Publisher(settings, redis)
        publisher.spans = seen.spans
        sandbox = Sandbox.of(settings)
        sandbox.warm()
        notes = ReceiptNotes(settings, redis)
        desk = IngestDesk(
            settings,
            publisher,
            sandbox.read,
            assemble,
            noted=lambda receipt: notes.note(in_short(receipt)),
        )
        desk.watched(seen.vitals)
        seen.vitals.begins("standing by")
        try:
            if not await desk.acquire(stop):
                return Exit.OK
            publisher.receipts = receipts_stage(desk.inbox_id)
            balancing = LedgerWatch(settings, Whereabouts(settings, redis, desk.inbox_id))

            async def scan(_redis: Redis, stopping: asyncio.Event) -> None:
                over = asyncio.Event()
                noting = asyncio.create_task(notes.run(over))
                counting = asyncio.create_task(balancing.run(over))
                try:
                    await desk.run(stopping, drain)
                finally:
                    over.set()
                    await noting
                    await counting

            service = Service(
                publisher.receipts,
                settings,
                desk.settle,
                OUTCOMES_AT_ONCE,
                companion=scan,
                details=lambda: {**desk.details(), **balancing.details()},
                seen=seen,
            )
            return await service.main()
        finally:
            desk.close()
            sandbox.close()


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("ingest", settings)
    return guarded(serve(settings))


if __name__ == "__main__":
    exit_with(main())
