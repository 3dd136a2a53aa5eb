"""A real HTTP server that is sent webhooks, and does what a test says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

PIECE = b"x" * 65_536


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """The event's id, as the request says it."""
        return self.headers["webhook-id"]

    @property
    def number(self) -> int:
        """Which of a test's events it is (see tests.webhooks.kit)."""
        return int(json.loads(self.body)["data"]["drop"]["position"])


@dataclass
class Reply:
    """What to answer, and how.

    ``wait``: hold the answer until this is set.  ``endless``: a body without an end.
    ``hang_up``: no answer at all.
    """

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait: threading.Event | None = None
    endless: bool = False
    hang_up: bool = False


class Receiver:
    """A server on a free port of this machine; ``answer`` may be changed at any time."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda _request: Reply()
        self.sent = 0
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self._scheme}://127.0.0.1:{self.port}/hook?token=t0p"

    @property
    def numbers(self) -> list[int]:
        """Which events came, in order, repeated ones too."""
        return [request.number for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(address, _Handler)

    def handle_error(self, *_args: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body, time.time())
        receiver = self.server.receiver
        receiver.requests.append(request)
        reply = receiver.answer(request)
        if reply.wait is not None:
            while not (reply.wait.wait(0.01) or receiver.over.is_set()):
                pass
        if reply.hang_up:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not reply.endless:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        while reply.endless and not receiver.over.is_set():
            self.wfile.write(PIECE)
            receiver.sent += len(PIECE)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def signature(secret: str, request: Request) -> str:
    """The signature that a request should have, made without the code that is tested."""
    key = base64.b64decode(secret.split("_", 1)[1])
    stamp = request.headers["webhook-timestamp"]
    signed = f"{request.id}.{stamp}.".encode() + request.body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
