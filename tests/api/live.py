"""The API as it is served: a real server on a free port, in a thread of the test."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from schemas.sse import Frame, Frames
from services.indexer.api.server import ApiServer
from services.indexer.store.opening import open_store
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.settings import Settings


class Served:
    """The API of a desk; ``url`` is where it listens."""

    def __init__(self, settings: Settings) -> None:
        self._server = ApiServer(settings)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._server.run(self._stop))
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def start(self) -> Self:
        """Start, and wait until it answers."""
        self._thread.start()
        wait_until(self._answers, "the API answers")
        return self

    def _answers(self) -> bool:
        if self._server.url is None:
            return False
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", "/v1/openapi.json")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def url(self) -> str:
        assert self._server.url is not None
        return self._server.url

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def stop(self) -> None:
        """Stop, and wait until it has ended; again is harmless."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """The API for as long as the context lasts; ``api_port`` 0 takes any port."""
    open_store(settings).close()
    server = Served(settings)
    try:
        yield server.start()
    finally:
        server.stop()


@dataclass
class Line:
    """One open event stream, read by hand."""

    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse
    waiting: list[Frame] = field(default_factory=list)
    ended: bool = False

    @classmethod
    def open(cls, url: str, query: str = "", **headers: str) -> Line:
        """Ask for events; headers with ``_`` for ``-``."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"/v1/events{query}", headers=named)
        return cls(connection, connection.getresponse())

    def frames(self) -> Iterator[Frame]:
        """Every frame as it comes, to the end of the stream."""
        parser = Frames()
        while piece := self.answer.read1(65536):
            yield from parser.feed(piece)
        self.ended = True

    def events(self, count: int) -> list[Frame]:
        """The next frames with data; the line is closed behind them."""
        found: list[Frame] = []
        for frame in self.frames():
            if frame.data is not None:
                found.append(frame)
            if len(found) == count:
                break
        self.close()
        return found

    def problem(self) -> dict[str, Any]:
        """What a refused request says."""
        told: dict[str, Any] = json.loads(self.answer.read())
        self.close()
        return told

    def close(self) -> None:
        self.connection.close()
        self.answer.close()
