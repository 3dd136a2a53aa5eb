"""Receivers as processes, on a port of their own, and requests to them over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.bus.processes import environ_of
from tests.forks import FORKS
from tests.receiver import child
from tests.receiver.kit import mark, settings_of
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from services.settings import Settings


@dataclass
class Reply:
    """What a request was answered with."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Process:
    """One receiver process over an inbox that an ingest has marked."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None, **over: Any) -> None:
        self.settings: Settings = settings_of(folder / "inbox", log_format="json", **over)
        if not self.settings.inbox.exists():
            mark(self.settings.inbox)
        self._log = folder / "receiver.log"
        self._before = len(self.lines())
        self._url = ""
        variables = {**environ_of(self.settings), **(environ or {})}
        self._process = FORKS.Process(
            target=child.main, args=(variables, str(self._log)), daemon=True
        )
        self._process.start()

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log, and of those before it in this folder."""
        if not self._log.exists():
            return []
        text = self._log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def events(self) -> list[str]:
        """What it has logged itself."""
        return [line["event"] for line in self.lines()[self._before :]]

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        if not self._url:
            wait_until(lambda: self._ready() or not self.alive, "the receiver listens")
            assert self._ready(), self.lines()
            self._url = self._ready()[0]
        return self._url

    def _ready(self) -> list[str]:
        lines = self.lines()[self._before :]
        return [line["url"] for line in lines if line["event"] == "receiver.ready"]

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    def signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self) -> int | None:
        """Its exit code, once it has ended."""
        self._process.join(20)
        assert not self._process.is_alive(), "it hangs"
        return self._process.exitcode

    def stop(self) -> int | None:
        if self._process.is_alive():
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._process.is_alive():
            self.signal(signal.SIGKILL)
        self.wait()

    def connect(self) -> socket.socket:
        """A bare connection; close it."""
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=15)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request over a connection of its own. Raises ``OSError`` and ``HTTPException``."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=15)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def taken(self) -> dict[str, bytes]:
        """What lies in the inbox and may be taken, by name."""
        return {
            path.name: path.read_bytes()
            for path in sorted(self.settings.inbox.iterdir())
            if path.is_file() and not path.name.startswith(".")
        }

    def hidden(self) -> list[str]:
        """The names of uploads that aren't whole."""
        return sorted(path.name for path in self.settings.inbox.glob(".wiredesk-drop-*"))


@contextmanager
def served(
    folder: Path, environ: Mapping[str, str] | None = None, **over: Any
) -> Iterator[Process]:
    """A receiver process for as long as the context lasts."""
    process = Process(folder, environ, **over)
    try:
        yield process
    finally:
        process.kill()
