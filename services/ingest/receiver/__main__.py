"""The receiver as a process: ``python -m services.ingest.receiver``."""

from __future__ import annotations

import asyncio
import signal

from services.bus.errors import Unavailable
from services.bus.observed import observed
from services.bus.service import exit_with, guarded, prepare
from services.bus.watchdog import Exit
from services.ingest.receiver.server import Serving
from services.observability import get_logger
from services.settings import Settings

log = get_logger(__name__)


async def serve(settings: Settings) -> int:
    """Serve until stopped; neither Redis nor ingest need be there."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = Serving(settings)
    try:
        with observed(settings, "receiver") as seen:
            serving.watched(seen.vitals)
            await serving.run(stop)
    except Unavailable as error:
        # At the start only: while it serves, what is away is waited for.
        log.critical("service.cannot_work", reason=str(error))
        return Exit.UNAVAILABLE
    return Exit.OK


def main(settings: Settings | None = None) -> int:
    """Run until stopped; the exit code."""
    known = Settings() if settings is None else settings
    prepare("receiver", known)
    return guarded(serve(known))


if __name__ == "__main__":
    exit_with(main())
