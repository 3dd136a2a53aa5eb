"""A served API for a test: in a thread of this process, over a store of its own."""

from __future__ import annotations

import asyncio
import http.client
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.indexer.api.server import ApiServer
from services.indexer.store.opening import open_store
from services.serving import tokens
from services.settings import Settings
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from services.indexer.api.models import Scope

NO_SERVER = "redis://127.0.0.1:1/0"
"""Where no Redis is: connections are refused at once."""


def api_settings(folder: Path, **over: Any) -> Settings:
    """Settings of an API on any free port, with an empty store."""
    fields = {"inbox": folder / "inbox", "state_dir": folder, "redis_url": NO_SERVER, "api_port": 0}
    settings = Settings.model_validate({**fields, **over})
    open_store(settings).close()
    return settings


def add_token(settings: Settings, name: str, *scopes: Scope) -> str:
    """Make a token in the settings' store."""
    text, kept = tokens.make(scopes, datetime.now(UTC))
    with open_store(settings) as store:
        tokens.add(store, name, kept)
    return text


class Serving:
    """An API that is served by a loop in a thread, as beside a stage."""

    def __init__(self, settings: Settings) -> None:
        self.api = ApiServer(settings)
        self.error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self.api.run(self._stop))
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            self.error = error
        finally:
            self._loop.close()

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        wait_until(lambda: self.api.url or self.error, "the API listens", 10)
        assert self.error is None, repr(self.error)
        assert self.api.url is not None
        return self.api.url

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def ask_to_stop(self) -> None:
        if not self.ended:
            self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        self.ask_to_stop()
        self._thread.join(10)
        assert self.ended, "the API's thread hangs"

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it; close it."""
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def serving(settings: Settings) -> Iterator[Serving]:
    """A served API for as long as the context lasts."""
    running = Serving(settings)
    try:
        yield running
    finally:
        running.stop()
