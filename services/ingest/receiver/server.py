"""The receiver as a server: its socket, uvicorn, and what is seen to beside requests."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server

from services.bus.connect import cancel
from services.bus.errors import Unavailable
from services.bus.listening import url_of
from services.bus.vitals import LOOP_LIMIT, WELL, Pulse, Verdict, beats
from services.ingest.files import Files, absolute
from services.ingest.receiver.admission import Door, check_address, place_of
from services.ingest.receiver.app import Receiver
from services.ingest.receiver.book import Book
from services.ingest.receiver.finding import Finder, named_uploads
from services.ingest.receiver.landing import AWAY, Landing
from services.ingest.receiver.uploads import Uploads
from services.observability import get_logger
from services.serving.protocol import TimedProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from services.bus.vitals import Vitals
    from services.settings import Settings

log = get_logger(__name__)

OTHER_CLIENTS = 500
"""Connections beside the uploads at most: who asks for a receipt, or is told to come again."""

KEEP_ALIVE = 15
"""Seconds that a connection may lie idle between two requests."""

MAX_HEAD_BYTES = 32 * 1024
"""Bytes of a request's head that are buffered: above what is taken, so that a head which is a
little too large gets its answer as a problem document."""

READ_EVERY = 1.0
"""Seconds between two readings of tokens and keys: two small files."""

SWEEP_EVERY = 60.0
"""Seconds between two looks for what crashes left behind."""


class Serving:
    """The receiver of one inbox. ``await run(stop)``; :attr:`url` while it serves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.url: str | None = None
        self.pulse = Pulse("receiver", LOOP_LIMIT)
        files = Files(absolute(settings.inbox))
        self._landing = Landing(files)

    def watched(self, vitals: Vitals) -> None:
        """Let operators ask how it stands."""
        vitals.watch(self.pulse)
        vitals.ready("folder", self._folder)
        vitals.works()

    def _folder(self) -> Verdict:
        return WELL if self._landing.there() else Verdict(ok=False, reason=AWAY)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``. Raises :class:`StopWorking` for what waiting doesn't mend."""
        settings = self._settings
        place = place_of(settings)
        address = check_address(settings)
        door = Door(settings, address[1])
        await asyncio.to_thread(door.read)
        book = await self._opened(stop)
        if book is None:
            return
        async with AsyncExitStack() as stack:
            stack.callback(book.close)
            sock = await place.listening(address, stop, partial(_say_taken, settings))
            if sock is None:
                return
            stack.callback(sock.close)
            await self._serve(stop, stack, door, book, sock)

    async def _opened(self, stop: asyncio.Event) -> Book | None:
        """The book, once the state folder is there; None when told to stop before."""
        path = self._settings.state / "uploads.sqlite3"
        told = False
        while not stop.is_set():
            try:
                # The folder is made by ingest: where it isn't there, nor is the disk perhaps.
                if await asyncio.to_thread(path.parent.is_dir):
                    known = partial(named_uploads, self._settings)
                    return await asyncio.to_thread(Book, path, known)
                reason = f"no state folder at {path.parent}"
            except (OSError, Unavailable) as error:
                reason = str(error)
            if not told:
                told = True
                log.warning("receiver.waiting", reason=reason)
            await _pause(stop, READ_EVERY)
        return None

    async def _serve(
        self,
        stop: asyncio.Event,
        stack: AsyncExitStack,
        door: Door,
        book: Book,
        sock: socket.socket,
    ) -> None:
        finder = Finder(self._settings, book)
        uploads = Uploads(self._settings, self._landing, book, finder)
        server = _Server(config_of(self._settings, Receiver(self._settings, door, uploads, finder)))
        stack.callback(self.pulse.rest)
        for beside in (
            beats(self.pulse),
            _refreshed(door),
            self._swept(book),
            _ended(stop, server),
        ):
            stack.push_async_callback(cancel, asyncio.create_task(beside))
        self.url = url_of(sock)
        try:
            await server.serve(sockets=[sock])
        finally:
            self.url = None
        if not stop.is_set():
            raise RuntimeError("the receiver's server ended by itself")

    async def _swept(self, book: Book) -> None:
        told = False
        while True:
            try:
                await asyncio.to_thread(self._sweep, book)
                told = False
            except (OSError, Unavailable) as error:
                if not told:
                    log.warning("receiver.waiting", reason=str(error))
                told = True
            await asyncio.sleep(SWEEP_EVERY)

    def _sweep(self, book: Book) -> None:
        if not self._landing.there():
            raise Unavailable(AWAY)
        self._landing.sweep(book)
        book.prune(time.time_ns() // 1_000_000)


class _Server(Server):
    """uvicorn's server; says when it answers, and leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: whoever runs us hears them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer on the sockets."""
        await super().startup(sockets)
        if self.started and sockets:
            log.info("receiver.ready", url=url_of(sockets[0]))


def config_of(settings: Settings, app: Any) -> Config:
    """How uvicorn serves: no log of its own, no header that names it, limits on everything."""
    # A warning for each malformed request would let anybody fill the disk.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return Config(
        app,
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=2 * settings.drop_uploads + OTHER_CLIENTS,
        timeout_keep_alive=KEEP_ALIVE,
        # Uploads under way get as long as a stage's batch does.
        timeout_graceful_shutdown=round(settings.graceful_timeout),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )


async def _refreshed(door: Door) -> None:
    while True:
        await asyncio.sleep(READ_EVERY)
        await asyncio.to_thread(door.refresh)


async def _ended(stop: asyncio.Event, server: Server) -> None:
    await stop.wait()
    server.should_exit = True


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Until stopped, or ``seconds`` have passed."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    await cancel(waiting)


def _say_taken(settings: Settings) -> None:
    log.warning(
        "receiver.port_taken",
        host=settings.drop_host,
        port=settings.drop_port,
        advice="another program has the port; the receiver follows once it is free. Or set "
        "WIREDESK_DROP_PORT (0: any free one)",
    )
