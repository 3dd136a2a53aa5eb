"""The deliveries of an indexer as a real process, to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

from services import effects, observability
from services.bus.connect import client, server_url
from services.indexer.store.opening import open_store
from services.indexer.webhooks import delivering as module
from services.indexer.webhooks.delivering import delivering
from services.settings import Settings
from tests.forks import FORKS

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess


def start(environ: dict[str, str], log: str) -> ForkServerProcess:
    """Begin to deliver in a process of its own."""
    process = FORKS.Process(target=main, args=(environ, log), daemon=True)
    process.start()
    return process


def main(environ: dict[str, str], log: str) -> None:
    """Deliver until SIGTERM; output goes to ``log``."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.update(environ)
    module.LOOK_EVERY = 0.05
    settings = Settings()
    observability.configure(settings, "indexer")
    effects.arm()
    asyncio.run(_deliver(settings))


async def _deliver(settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with closing(open_store(settings)) as store:
        async with client(server_url(settings)) as redis:
            await delivering(lambda: store, settings)(redis, stop)
