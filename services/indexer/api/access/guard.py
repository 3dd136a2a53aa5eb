"""The one piece of middleware around the API: whoever asks for anything passes here.

In this order: the request's size, the name that it is sent to, its token, how often, its scope,
its body.  Every answer gets the security headers.  Nothing is buffered but a small body, so
event streams flow as they come; a stream ends soon after its token does, and when the server
is to stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.indexer.api.access.credentials import Admission, admit
from services.indexer.api.access.exchange import Exchange
from services.indexer.api.access.rules import rule_of
from services.indexer.api.access.streams import run_stream
from services.serving.hosts import Hosts, is_loopback
from services.serving.rates import Limiter, caller_of
from services.serving.refusals import Refusal
from services.serving.sizes import head_refusal, take_body

if TYPE_CHECKING:
    from services.serving.rates import Verdict
    from services.serving.table import TokenTable
    from services.settings import Settings

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

REFUSALS_PER_MINUTE = 60
"""Refused requests a minute that one address is told the reason of, and that are logged.  More
than anybody mistypes; guessing a token would be hopeless at any rate."""


@dataclass
class Access:
    """What the guard judges by.  ``local``: the server listens for this machine only."""

    settings: Settings
    table: TokenTable
    hosts: Hosts
    callers: Limiter
    strangers: Limiter
    local: bool
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, settings: Settings, table: TokenTable, address: str) -> Access:
        """The access that the settings say, for a server that listens on ``address``."""
        return cls(
            settings=settings,
            table=table,
            hosts=Hosts(settings.api_host, settings.api_hosts),
            callers=Limiter(settings.api_rate),
            strangers=Limiter(REFUSALS_PER_MINUTE),
            local=is_loopback(address),
        )


def guarded(app: AsgiApp, access: Access) -> AsgiApp:
    """``app`` behind its access rules."""

    async def guard(scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http":
            exchange = Exchange(scope, send, rule_of(scope["path"]))
            async with exchange.told():
                await _answer(app, access, exchange, receive)

    return guard


async def _answer(app: AsgiApp, access: Access, exchange: Exchange, receive: Receive) -> None:
    admission = _admission(access, exchange)
    if isinstance(admission, Refusal):
        await exchange.refuse(admission)
        return
    exchange.admit(admission)
    body = await take_body(exchange.scope, receive, access.settings.api_max_request_bytes)
    if isinstance(body, Refusal):
        await exchange.refuse(body)
    elif exchange.rule.stream:
        await run_stream(app, exchange, body, access.table, access.closing)
    else:
        await app(exchange.scope, body, exchange.send)


def _admission(access: Access, exchange: Exchange) -> Admission | Refusal:
    """Whether the request is let in, counted with its caller's."""
    found = _judged(access, exchange)
    address = f"address:{caller_of(exchange.scope.get('client'))}"
    if isinstance(found, Refusal):
        # Counted apart: nobody uses up the requests of others behind the same address.
        verdict = access.strangers.take(address)
        return found if verdict.allowed else _too_many(verdict)
    holder = found.holder
    verdict = access.callers.take(address if holder is None else f"token:{holder.id}")
    exchange.rate = verdict
    return found if verdict.allowed else _too_many(verdict)


def _judged(access: Access, exchange: Exchange) -> Admission | Refusal:
    scope = exchange.scope
    too_large = head_refusal(scope)
    if too_large is not None:
        return too_large
    hosts = exchange.headers(b"host")
    if not access.hosts.allowed(hosts[0] if len(hosts) == 1 else None):
        return Refusal(
            421,
            "wrong-host",
            "the desk doesn't answer to the name in the request's Host header; an operator adds "
            "names with WIREDESK_API_HOSTS",
        )
    authorization = exchange.headers(b"authorization")
    return admit(access.table, authorization, exchange.rule, local=access.local)


def _too_many(verdict: Verdict) -> Refusal:
    wait = {"retry-after": str(max(1, verdict.wait))}
    return Refusal(429, "too-many", f"too many requests; wait {max(1, verdict.wait)} s", wait)
