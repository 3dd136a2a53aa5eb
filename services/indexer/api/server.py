"""The API as a server: uvicorn in a thread with an event loop of its own.

So a slow request never holds up the renewal of a stage's leases, and a busy stage never holds
up a request.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server

from services.bus.board import Board
from services.bus.connect import cancel
from services.bus.feed import Feed
from services.bus.listening import url_of
from services.bus.vitals import LOOP_LIMIT, Pulse, beats
from services.indexer.api.access.guard import Access, guarded
from services.indexer.api.app import create_app, with_cors
from services.indexer.api.context import ApiContext
from services.indexer.api.readers import Readers
from services.indexer.api.sockets import check_address, take_port
from services.indexer.store.opening import open_store
from services.observability import get_logger
from services.serving.protocol import TimedProtocol
from services.serving.table import TokenTable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from services.settings import Settings

log = get_logger(__name__)

OTHER_CLIENTS = 500
"""Connections beside the event streams at most. Eighty pages at six connections each; one more
is answered 503 at once, which costs less than making everybody wait."""

KEEP_ALIVE = 15
"""Seconds that a connection may lie idle between two requests."""

END_WITHIN = 2
"""Seconds that answers under way get when the server stops. Event streams end at once."""

STOP_TIMEOUT = 5.0
"""Seconds after which a thread that doesn't end is left behind: the process ends without it."""

MAX_HEAD_BYTES = 32 * 1024
"""Bytes of a request's head that are buffered: above what the guard takes, so that a head which
is a little too large gets its answer as a problem document."""


class ApiServer:
    """The API of one desk. ``await run(stop)`` beside a stage, or alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url: str | None = None
        self.pulse = Pulse("api", LOOP_LIMIT)
        """Beaten by the server's own event loop; at rest while it doesn't serve."""

    @property
    def url(self) -> str | None:
        """Where it listens now, e.g. ``http://127.0.0.1:8420``; None where it doesn't."""
        return self._url

    def details(self) -> Mapping[str, object]:
        """For a sign of life. May be called from any thread."""
        return {} if self._url is None else {"api": self._url}

    def check(self) -> None:
        """Raise ``StopWorking`` where it must not listen as the settings say. Blocks."""
        table = self._table()
        try:
            table.read()
            check_address(self._settings, tokens=table.any)
        finally:
            table.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``; raises what ended it before, ``StopWorking`` among that."""
        table = self._table()
        sock: socket.socket | None = None
        try:
            sock = await self._listening(table, stop)
        finally:
            if sock is None:
                table.close()
        if sock is None:
            return
        serving = ServerThread(self._settings, table, sock, self.pulse)
        self._url = url_of(sock)
        try:
            await self._serve(serving, stop)
        finally:
            self.pulse.rest()
            self._url = None

    async def _listening(self, table: TokenTable, stop: asyncio.Event) -> socket.socket | None:
        """The socket, as soon as its port is free; None when told to stop before."""
        await asyncio.to_thread(table.read)
        address = await asyncio.to_thread(partial(check_address, self._settings, tokens=table.any))
        return await take_port(self._settings, address, stop)

    async def _serve(self, serving: ServerThread, stop: asyncio.Event) -> None:
        serving.start()
        ended = asyncio.wrap_future(serving.ended)
        told = asyncio.create_task(stop.wait())
        both: set[asyncio.Future[Any]] = {ended, told}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                serving.stop()
                await asyncio.wait({ended}, timeout=STOP_TIMEOUT)
        finally:
            serving.stop()
            await cancel(told)
        if not ended.done():
            log.warning("api.cut_short", reason="a request did not end in time")
            return
        ended.result()
        if not stop.is_set():
            raise RuntimeError("the API's server ended by itself")

    def _table(self) -> TokenTable:
        return TokenTable(
            partial(open_store, self._settings, read_only=True),
            partial(open_store, self._settings),
        )


class _Server(Server):
    """uvicorn's server; says when it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer on the sockets."""
        await super().startup(sockets)
        if self.started and sockets:
            log.info("api.ready", url=url_of(sockets[0]))


class ServerThread:
    """uvicorn over one socket. ``ended`` is done when it has ended, with what ended it."""

    def __init__(
        self, settings: Settings, table: TokenTable, sock: socket.socket, pulse: Pulse
    ) -> None:
        self._pulse = pulse
        self.ended: Future[None] = Future()
        self._settings = settings
        self._table = table
        self._sock = sock
        self._lock = threading.Lock()
        self._stopping = False
        self._end: Callable[[], None] | None = None
        # With the context of whoever starts it: the log's lines say which service they are of.
        run = partial(copy_context().run, self._main)
        self._thread = threading.Thread(target=run, name="api", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, soon; again is harmless."""
        with self._lock:
            self._stopping = True
            if self._end is not None:
                self._end()

    def _main(self) -> None:
        failure: BaseException | None = None
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  (also SystemExit, by which uvicorn ends)
            failure = error
        finally:
            self._sock.close()
            self._table.close()
        with self._lock:
            self._end = None
        if failure is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(_told(failure))

    async def _serve(self) -> None:
        settings = self._settings
        async with AsyncExitStack() as stack:
            beating = asyncio.create_task(beats(self._pulse), name="api-pulse")
            stack.push_async_callback(cancel, beating)
            readers = Readers(settings)
            stack.callback(readers.close)
            await stack.enter_async_context(self._table.kept_fresh())
            board = Board(settings)
            board.start()
            stack.push_async_callback(board.close)
            feed = Feed(settings)
            feed.start()
            stack.push_async_callback(feed.close)
            app = create_app(ApiContext(settings, readers, feed=feed, board=board))
            access = Access.of(settings, self._table, self._sock.getsockname()[0])
            server = _Server(config_of(settings, with_cors(guarded(app, access), settings)))
            self._stoppable(server, access.closing, feed)
            await server.serve(sockets=[self._sock])

    def _stoppable(self, server: Server, closing: asyncio.Event, feed: Feed) -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            server.should_exit = True
            feed.end()
            with suppress(RuntimeError):  # the loop was closed just now
                loop.call_soon_threadsafe(closing.set)

        with self._lock:
            self._end = end
            if self._stopping:
                end()


def _told(failure: BaseException) -> Exception:
    """What ended the thread, as an error that may cross to another loop."""
    if isinstance(failure, SystemExit):
        return RuntimeError("the API could not start; the log lines above say why")
    if isinstance(failure, Exception):
        return failure
    return RuntimeError(f"the API's thread was ended by {failure!r}")


def config_of(settings: Settings, app: Any) -> Config:
    """How uvicorn serves: no log of its own, no header that names it, limits on everything."""
    # Its lines go through our logs, and only what somebody must look at: a warning for each
    # malformed request would let anybody fill the disk.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    return Config(
        app,
        http=TimedProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.sse_clients + OTHER_CLIENTS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=END_WITHIN,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )
