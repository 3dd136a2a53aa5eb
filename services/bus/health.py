"""``/metrics``, ``/livez`` and ``/readyz``: a small HTTP server in a thread of its own.

It answers while the event loop stands still, which is what it is asked about.  Whoever
connects gets little: one request a connection, a short head, a few seconds, and no more
connections at a time than :data:`SEATS`; the oldest gives way to the newest, so that clients
that say nothing never keep a probe out.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.exposition import choose_encoder

from services.bus.errors import StopWorking
from services.bus.listening import address_of, listen, url_of
from services.healthy import Note, folder, noted
from services.metrics import REGISTRY
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.bus.vitals import Report, Vitals
    from services.settings import Settings

log = get_logger(__name__)

MORE_PORTS = 32
"""Ports looked at above the one of the settings: more services than anybody runs on a machine."""

SEATS = 16
"""Connections at a time: two Prometheus servers, a few probes, and an operator's browser."""

TIMEOUT = 5.0
"""Seconds that a connection may take in all: Prometheus itself gives up after 10."""

MAX_HEAD_BYTES = 8 * 1024
"""Bytes of a request's head; Prometheus sends under 500."""

DRAIN_BYTES = 64 * 1024
"""Bytes read after the answer, and thrown away: closing on unread bytes would cut it off."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether the server is to end."""

PAUSE = 0.1
"""Seconds before the next connection is taken where none could be (no file descriptor)."""

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What stands in no head: a lone line break would begin a line of its own for some readers."""

METHOD = re.compile(r"[A-Z]{1,20}")

JSON_TYPE = "application/json"
OPEN_METRICS = "application/openmetrics-text"


class Answer(NamedTuple):
    """What a request is answered with."""

    status: HTTPStatus
    content_type: str
    body: bytes
    extra: str = ""


class BadRequest(Exception):  # noqa: N818  (named for the answer)
    """A request that isn't one; ``status`` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class HealthServer:
    """Answers for one process. ``start()``, then :attr:`url`; ``stop()``."""

    def __init__(self, vitals: Vitals, sock: socket.socket) -> None:
        self._vitals = vitals
        self._sock = sock
        self._sock.settimeout(LOOK_EVERY)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, None] = {}  # the oldest first
        self.url = url_of(sock)
        # With the context of whoever starts it: the log's lines say which service they are of.
        run = partial(copy_context().run, self._serve)
        self._thread = threading.Thread(target=run, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End; answers under way are cut off."""
        self._over.set()
        # Wakes who waits for a connection; closing the socket under it might not.
        _cut_off(self._sock)
        with self._lock:
            for connection in self._open:
                _cut_off(connection)
        self._thread.join(2 * LOOK_EVERY)
        self._sock.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._sock.accept()
            except TimeoutError:
                continue
            except OSError:
                # Ended by stop(), or out of file descriptors: that passes.
                self._over.wait(PAUSE)
                continue
            self._seat(connection)

    def _seat(self, connection: socket.socket) -> None:
        with self._lock:
            if len(self._open) >= SEATS:
                oldest = next(iter(self._open))
                # Its thread takes it off the list, if it hasn't meanwhile.
                del self._open[oldest]
                _cut_off(oldest)
            self._open[connection] = None
        thread = threading.Thread(target=self._attend, args=(connection,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads for this process now
            self._leave(connection)

    def _attend(self, connection: socket.socket) -> None:
        try:
            # Whoever is there may do anything, go away among it.
            with suppress(OSError):
                self._talk(connection, time.monotonic() + TIMEOUT)
        finally:
            self._leave(connection)

    def _leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.pop(connection, None)
        connection.close()

    def _talk(self, connection: socket.socket, deadline: float) -> None:
        only_head = False
        try:
            method, path, accept = parsed(read_head(connection, deadline))
            only_head = method == "HEAD"
            answer = self.answer(method, path, accept)
        except BadRequest as error:
            answer = _plain(error.status)
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        connection.sendall(written(answer, only_head=only_head))
        connection.shutdown(socket.SHUT_WR)
        _drain(connection, deadline)

    def answer(self, method: str, path: str, accept: str) -> Answer:
        """What a request is answered with."""
        if method not in {"GET", "HEAD"}:
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "Allow: GET, HEAD\r\n")
        if path == "/metrics":
            return self._metrics(accept)
        if path == "/livez":
            return _reported(self._vitals.livez())
        if path == "/readyz":
            return _reported(self._vitals.readyz())
        return _plain(HTTPStatus.NOT_FOUND)

    def _metrics(self, accept: str) -> Answer:
        self._vitals.measure()
        # Not the header itself: what it says would come back in one of ours.
        encode, content_type = choose_encoder(OPEN_METRICS if OPEN_METRICS in accept else "")
        return Answer(HTTPStatus.OK, content_type, encode(REGISTRY))


def read_head(connection: socket.socket, deadline: float) -> bytes:
    """A request's head without the empty line; raises :class:`BadRequest` and ``OSError``."""
    head = b""
    while b"\r\n\r\n" not in head:
        left = deadline - time.monotonic()
        if len(head) > MAX_HEAD_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if left <= 0:
            raise BadRequest(HTTPStatus.REQUEST_TIMEOUT)
        connection.settimeout(left)
        try:
            piece = connection.recv(MAX_HEAD_BYTES)
        except TimeoutError:
            raise BadRequest(HTTPStatus.REQUEST_TIMEOUT) from None
        if not piece:
            raise ConnectionResetError(errno.ECONNRESET, "the client has gone")
        head += piece
    head = head.partition(b"\r\n\r\n")[0]
    if len(head) > MAX_HEAD_BYTES:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    return head


def parsed(head: bytes) -> tuple[str, str, str]:
    """Method, path (without its query) and ``Accept``; raises :class:`BadRequest`."""
    text = head.decode("latin-1")
    if CONTROL.search(text.replace("\r\n", "")):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not METHOD.fullmatch(words[0]) or not words[2].startswith("HTTP/1."):  # noqa: PLR2004  (method, target, version)
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    accept = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        if name.lower() == "accept":
            accept.append(value.strip())
    return words[0], words[1].partition("?")[0], ", ".join(accept)


def written(answer: Answer, *, only_head: bool) -> bytes:
    """An answer as HTTP/1.1 has it."""
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"{answer.extra}"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (b"" if only_head else answer.body)


def _reported(report: Report) -> Answer:
    status = HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE
    body = json.dumps(report.document(), indent=2).encode() + b"\n"
    return Answer(status, JSON_TYPE, body)


def _plain(status: HTTPStatus, extra: str = "") -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode(), extra)


def _drain(connection: socket.socket, deadline: float) -> None:
    left = DRAIN_BYTES
    while left > 0 and deadline > time.monotonic():
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        piece = connection.recv(4096)
        if not piece:
            return
        left -= len(piece)


def _cut_off(connection: socket.socket) -> None:
    """Wake whoever waits for it; that thread closes it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def take_port(settings: Settings) -> socket.socket | None:
    """A socket on the first free port; None where all are taken, which is said.

    Raises :class:`StopWorking` for an address that isn't this machine's.
    """
    host, first = settings.health_host, settings.health_port
    ports = range(first, min(first + MORE_PORTS, 65535) + 1) if first else range(1)
    try:
        address = address_of(host)
    except OSError as error:
        raise _no_address(settings, error.strerror) from error
    if address is None:
        raise _no_address(settings, "no IPv4 or IPv6 address")
    for port in ports:
        try:
            return listen(address, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _no_address(settings, error.strerror) from error
    log.warning("health.no_port", host=host, ports=f"{ports[0]} to {ports[-1]}")
    return None


def _no_address(settings: Settings, why: str | None) -> StopWorking:
    return StopWorking(
        f"/metrics can't be served on '{settings.health_host}' port {settings.health_port}: {why}. "
        "Set WIREDESK_HEALTH_HOST to an address of this machine, or WIREDESK_HEALTH to false"
    )


@contextmanager
def health_served(settings: Settings, vitals: Vitals) -> Iterator[None]:
    """Serve while the context lasts, where the settings say so; a port that can't be had is said.

    Raises :class:`StopWorking` as :func:`take_port`.
    """
    sock = take_port(settings) if settings.health else None
    if sock is None:
        yield
        return
    server = HealthServer(vitals, sock)
    server.start()
    vitals.url = server.url
    log.info("health.serving", url=server.url)
    try:
        with _noted(vitals.service, server.url):
            yield
    finally:
        vitals.url = None
        server.stop()


@contextmanager
def _noted(service: str, url: str) -> Iterator[None]:
    """Note where it is served, for ``python3 -m services.healthy``; where that can't be, say so."""
    with ExitStack() as stack:
        try:
            stack.enter_context(noted(Note(service, url), folder()))
        except OSError as error:
            log.warning("health.not_noted", error=str(error))
        yield
