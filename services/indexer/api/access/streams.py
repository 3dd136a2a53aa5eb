"""Answers that go on: they end when their token does, and when the server stops."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.bus.connect import cancel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from services.indexer.api.access.exchange import Exchange
    from services.serving.table import TokenTable

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    App = Callable[..., Awaitable[None]]

LOOK_EVERY = 1.0
"""Seconds between two looks whether a stream's token still holds."""

GRACE = 0.5
"""Seconds that a stream gets to end by itself, once told that its client is gone."""

DISCONNECT = {"type": "http.disconnect"}


async def run_stream(
    app: App,
    exchange: Exchange,
    receive: Receive,
    table: TokenTable,
    closing: asyncio.Event,
) -> None:
    """Run ``app`` until it ends, its token does or ``closing`` is set; then end the answer well."""
    over = asyncio.Event()
    running = asyncio.create_task(_run(app, exchange, _until(over, receive)))
    watching = asyncio.create_task(_watch(exchange, table, closing))
    try:
        await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
        over.set()
        await asyncio.wait({running}, timeout=GRACE)
    finally:
        await cancel(watching)
        if not running.done():
            await cancel(running)
    if not running.cancelled():
        running.result()
    if exchange.status is not None and not exchange.complete:
        # Ended, not torn off: the client comes again, from where it was.
        await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _run(app: App, exchange: Exchange, receive: Receive) -> None:
    await app(exchange.scope, receive, exchange.send)


def _until(over: asyncio.Event, receive: Receive) -> Receive:
    """``receive`` that says "disconnected" once ``over`` is set."""

    async def hearing() -> MutableMapping[str, Any]:
        if over.is_set():
            return dict(DISCONNECT)
        heard = asyncio.ensure_future(receive())
        ended = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
            return heard.result() if heard.done() else dict(DISCONNECT)
        finally:
            heard.cancel()
            ended.cancel()

    return hearing


async def _watch(exchange: Exchange, table: TokenTable, closing: asyncio.Event) -> None:
    """Return when the stream must end."""
    holder = None if exchange.admission is None else exchange.admission.holder
    while not closing.is_set() and table.holds(holder):
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), LOOK_EVERY)
