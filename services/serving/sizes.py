"""How large a request may be: its address, its head, its body, and how long that may take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.serving.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Scope = MutableMapping[str, Any]

MAX_TARGET = 8 * 1024
"""Bytes of path and query: what proxies commonly let pass; our longest search is a tenth of it."""

MAX_HEAD = 16 * 1024
"""Bytes of all headers: a browser's with its cookies take about 2 kB."""

BODY_TIMEOUT = 10.0
"""Seconds in which a body must have come: 64 kB take that long at 6 kB/s."""

CLOSE = {"connection": "close"}
"""What is left of the request isn't read: the connection can't be used again."""


def head_refusal(scope: Scope) -> Refusal | None:
    """Why the head of a request is too large, or None."""
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if target > MAX_TARGET:
        detail = f"the address has {target} bytes; {MAX_TARGET} are taken"
        return Refusal(414, "too-large", detail, CLOSE)
    head = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if head > MAX_HEAD:
        detail = f"the headers have {head} bytes; {MAX_HEAD} are taken"
        return Refusal(431, "too-large", detail, CLOSE)
    return None


async def take_body(scope: Scope, receive: Receive, limit: int) -> Receive | Refusal:
    """Read the body, up to ``limit`` bytes; what then gives it to the app, or why not."""
    headers = dict(scope["headers"])
    announced = headers.get(b"content-length", b"0")
    if b"transfer-encoding" not in headers and announced == b"0":
        return receive
    if not announced.isdigit():
        return Refusal(400, "bad-request", "the Content-Length isn't a number", CLOSE)
    # A number of thousands of digits is not worth making one.
    if len(announced) > len(str(limit)) or int(announced) > limit:
        return _too_large(limit)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _read(receive, limit)
    except TimeoutError:
        detail = f"the body didn't come within {BODY_TIMEOUT:g} s"
        return Refusal(408, "bad-request", detail, CLOSE)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too-large", f"the body is too large; {limit} bytes are taken", CLOSE)


async def _read(receive: Receive, limit: int) -> Receive | Refusal:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            return _too_large(limit)
        if not message.get("more_body", False):
            break
    again: list[MutableMapping[str, Any]] = (
        [message]
        if message["type"] == "http.disconnect"
        else [{"type": "http.request", "body": bytes(body), "more_body": False}]
    )

    async def replay() -> MutableMapping[str, Any]:
        return again.pop() if again else await receive()

    return replay
