"""The API alone, over what is stored: ``python -m services.indexer.api``."""

from __future__ import annotations

import asyncio
import signal

from services.bus.errors import Unavailable
from services.bus.observed import observed
from services.bus.service import exit_with, guarded, prepare
from services.bus.watchdog import Exit
from services.indexer.api.server import ApiServer
from services.observability import get_logger
from services.settings import Settings

log = get_logger(__name__)


async def serve(settings: Settings) -> int:
    """Serve until stopped; no stage runs, and Redis may be away."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    api = ApiServer(settings)
    try:
        with observed(settings, "api") as seen:
            seen.vitals.watch(api.pulse)
            seen.vitals.works()
            await api.run(stop)
    except Unavailable as error:
        # At the start only: while it serves, a store that is away is waited for.
        log.critical("service.cannot_work", reason=str(error))
        return Exit.UNAVAILABLE
    return Exit.OK


def main(settings: Settings | None = None) -> int:
    """Run until stopped; the exit code."""
    known = Settings() if settings is None else settings
    prepare("api", known)
    return guarded(serve(known))


if __name__ == "__main__":
    exit_with(main())
