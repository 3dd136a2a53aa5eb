"""What happens around every route: the request's id, HEAD, unforeseen errors, raw paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from services.indexer.api.problems import answer_for, request_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RAW_PATHS = "/v1/entities/"
"""Below it, paths are matched as they were sent: a ``/`` in a key is sent as ``%2F``, which
would look like the end of the key otherwise."""


class Edges:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens in it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, request_id(scope), head=scope["method"] == "HEAD")
        try:
            with answer.until_complete:
                await self.app(_prepared(scope), receive, answer.send)
        except Exception as error:
            if answer.started:
                raise
            await answer_for(error, answer.id)(scope, receive, answer.send)


def _prepared(scope: Scope) -> Scope:
    """The request as the routes see it: HEAD is a GET, and keys in paths are as they were sent."""
    if scope["method"] == "HEAD":
        scope["method"] = "GET"
    raw = scope.get("raw_path")
    if raw and scope["path"].startswith(RAW_PATHS):
        scope["path"] = raw.partition(b"?")[0].decode("latin-1")
    return scope


class _Answer:
    """An answer on its way: gets its request's id, and no body where none was asked for."""

    def __init__(self, send: Send, identity: str, *, head: bool) -> None:
        self._send = send
        self._head = head
        self.id = identity
        self.started = False
        self.until_complete = anyio.CancelScope()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            id_header = (b"x-request-id", self.id.encode())
            await self._send({**message, "headers": [*message.get("headers", ()), id_header]})
        elif not self._head:
            await self._send(message)
        elif not self.until_complete.cancel_called:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            # A stream of events would go on for nobody.
            self.until_complete.cancel()
