"""A proxy that stands between the services and the server, and behaves as bad networks do.

It listens on a loopback port and passes bytes on.  A :class:`Weather` says what is wrong
meanwhile; several may be up at once, and then all of it is wrong together.  It runs in a
thread of its own; every method may be called from any thread.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine

Direction = Literal["up", "down"]
"""``up``: from the service to the server; ``down``: its answers."""

AnswerT = TypeVar("AnswerT")

CHUNK = 64 * 1024
"""Bytes read at once: what a socket's buffer holds."""

SLICE = 0.02
"""Seconds of a narrow line's time in one portion, so that it flows and doesn't jerk."""

LOOK_EVERY = 0.02
"""Seconds between two looks whether what is held back may go on."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing then sends RST instead of FIN."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What is wrong with the network.

    ``latency``, ``jitter``: seconds that each portion is late (``jitter``: at most so much
    more).  ``bandwidth``: bytes a second in each direction of each connection.
    ``swallowed``: directions in which bytes vanish; such a connection is reset when the weather
    clears, as no bytes after a gap may arrive.  ``held``: directions in which bytes wait and
    arrive, all of them, when it clears, even of a peer that has given up.  ``deaf``: new
    connections are accepted and never answered.  ``refusing``: they are reset at once.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    swallowed: frozenset[Direction] = frozenset()
    held: frozenset[Direction] = frozenset()
    deaf: bool = False
    refusing: bool = False


@dataclass(eq=False)
class Link:
    """One connection: both its sides, and whether bytes of it have vanished."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    gaps: bool = False

    def reset(self) -> None:
        """End it with RST to both sides."""
        for side in self._sides():
            _reset(side)

    def close(self) -> None:
        """End it in peace, once what was written is on its way."""
        for side in self._sides():
            side.close()

    def _sides(self) -> list[asyncio.StreamWriter]:
        return [side for side in (self.near, self.far) if side is not None]


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@dataclass
class Proxy:
    """Passes connections on to the server of ``target`` (a redis URL); ``seed`` draws jitter."""

    target: str
    seed: int = 0
    accepted: int = field(default=0, init=False)
    _up: list[Weather] = field(default_factory=list, init=False)
    _links: set[Link] = field(default_factory=set, init=False)
    _port: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  (repeatable, not secret)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """The target's URL with the proxy in its place."""
        parts = urlsplit(self.target)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{self._port}").geturl()

    def __enter__(self) -> Self:
        self._thread.start()
        self._listener = self._ask(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._port = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ask(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # --- the weather -------------------------------------------------------------------
    def begin(self, weather: Weather) -> None:
        """Let it begin; :meth:`end` with the same one ends it."""
        self._up.append(weather)

    def end(self, weather: Weather) -> None:
        """Let it end. Connections with gaps are reset then, deaf ones too."""
        with suppress(ValueError):
            self._up.remove(weather)
        self._ask(self._clear())

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        return self._ask(self._cut())

    def _any(self, attribute: str, direction: Direction) -> bool:
        return any(direction in getattr(weather, attribute) for weather in self._up)

    # --- the thread --------------------------------------------------------------------
    def _ask(self, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _cut(self) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    async def _clear(self) -> None:
        deaf = any(weather.deaf for weather in self._up)
        swallowing = any(weather.swallowed for weather in self._up)
        for link in list(self._links):
            if (link.gaps and not swallowing) or (link.far is None and not deaf):
                link.reset()

    async def _close(self) -> None:
        self._listener.close()
        self._up.clear()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = Link(near)
        self._links.add(link)
        try:
            if any(weather.refusing for weather in self._up):
                link.reset()
                return
            if any(weather.deaf for weather in self._up):
                await self._hear_nothing(reader)
                return
            await self._connect(link, reader)
        except (OSError, asyncio.CancelledError):
            pass  # one side is gone, or the proxy closes: the other side learns it below
        finally:
            link.close()
            self._links.discard(link)

    @staticmethod
    async def _hear_nothing(reader: asyncio.StreamReader) -> None:
        # Read, or the peer's writes would block and tell it that something is wrong.
        while await reader.read(CHUNK):
            pass

    async def _connect(self, link: Link, reader: asyncio.StreamReader) -> None:
        parts = urlsplit(self.target)
        answers, link.far = await asyncio.open_connection(parts.hostname, parts.port or 6379)
        up = asyncio.create_task(self._pump(link, "up", reader, link.far))
        down = asyncio.create_task(self._pump(link, "down", answers, link.near))
        try:
            # What a service sent before it gave up is passed on first, however late.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    def _holds(self, direction: Direction) -> bool:
        return self._any("held", direction)

    async def _pump(
        self,
        link: Link,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while data := await reader.read(CHUNK):
            while self._holds(direction):  # noqa: ASYNC110  (the weather is made in another thread)
                await asyncio.sleep(LOOK_EVERY)
            await self._late()
            if self._any("swallowed", direction):
                link.gaps = True
            elif not link.gaps:
                await self._pass(data, writer)

    async def _late(self) -> None:
        delay = sum(
            weather.latency + self._random.uniform(0, weather.jitter) for weather in self._up
        )
        if delay:
            await asyncio.sleep(delay)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            widths = [weather.bandwidth for weather in self._up if weather.bandwidth is not None]
            portion = max(1, int(min(widths) * SLICE)) if widths else len(data)
            writer.write(data[:portion])
            await writer.drain()
            data = data[portion:]
            if widths:
                await asyncio.sleep(portion / min(widths))
