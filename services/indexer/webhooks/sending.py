"""One POST to a receiver, and what its answer means.

Redirects aren't followed: the new address would have to be checked, signed for and remembered
as the first one was, and a receiver that has moved can say so to its operator.  Of the body of
an answer some kilobytes are read, so that the connection can be used again, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, cast

import httpcore
import httpx

from services.indexer.webhooks.targets import CheckedBackend, Guard, Target, TargetRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

Kind = Literal["taken", "gone", "busy", "failed"]
"""``taken``: 2xx. ``gone``: 410, it wants no more. ``busy``: it said how long to wait."""

Fault = Literal["receiver", "event", "either"]

MAX_EXCERPT = 4096
"""Bytes of an answer's body that are read: enough for an error message."""

EXCERPT_TIME = 1.0
"""Seconds for these: the status has said everything that counts."""

MAX_RETRY_AFTER = 3600.0
"""Seconds that a receiver may make us wait: one that says a year has mistaken the unit."""

KEEPALIVE = 30.0
"""Seconds that an idle connection is kept; servers close theirs after 5 to 75."""

_STATUS_OK = range(200, 300)
_STATUS_REDIRECT = range(300, 400)
_STATUS_GONE = 410
_STATUS_BUSY = (429, 503)
_STATUS_ABSENT = (429, 502, 503, 504)
"""Said by what stands in front of a receiver, or whatever the event is."""

_STATUS_REFUSED = (400, 409, 413, 415, 422)
"""Said by a receiver that has looked at the event, or at its size."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one POST.

    ``reason`` holds no content: a status, or what went wrong with the connection.
    ``at_fault``: the receiver, where it isn't there; the event, where the receiver is and
    refuses just this one; or there is no telling.  ``retry_after`` and ``seconds`` (that it
    took) in seconds.
    ``excerpt``: the beginning of the body, for the operator who tests a webhook.
    """

    kind: Kind
    reason: str
    at_fault: Fault = "either"
    status: int | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    excerpt: bytes = b""


class Sender:
    """Sends to one receiver over connections of its own, so that it slows nobody else."""

    def __init__(
        self,
        guard: Guard,
        timeout: float,
        connections: int = 1,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``timeout``: seconds from the look-up of the name to the status of the answer."""
        self._timeout = timeout
        self._now = now
        # Trusts the certificate authorities of certifi, or those that SSL_CERT_FILE names.
        # No proxy: httpcore never looks for one in the environment.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            keepalive_expiry=KEEPALIVE,
            network_backend=CheckedBackend(guard),
        )

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST ``body`` as it is. Whatever goes wrong is in the answer."""
        started = time.perf_counter()
        fault: Fault = "receiver"
        try:
            async with asyncio.timeout(self._timeout) as limit:
                return await self._post(target, headers, body, limit, started)
        except TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
            fault = "either"  # it may be this very event that the receiver chokes on
        except TargetRefused as error:
            reason = str(error)
        except httpcore.ConnectError as error:
            reason = _reason_of_connect(error)
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            reason, fault = f"the connection broke ({type(error).__name__})", "either"
        return Answer("failed", reason, fault, seconds=time.perf_counter() - started)

    async def _post(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        limit: asyncio.Timeout,
        started: float,
    ) -> Answer:
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream("POST", target.url, headers=named, content=body) as response:
            seconds = time.perf_counter() - started
            # Its status decides; from here on it must not become a timeout.
            limit.reschedule(None)
            excerpt = await _excerpt(response)
        return _answer(response, self._now(), seconds, excerpt)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()


async def _excerpt(response: httpcore.Response) -> bytes:
    read = b""
    try:
        async with asyncio.timeout(EXCERPT_TIME), aclosing(_stream_of(response)) as chunks:
            async for chunk in chunks:
                read += chunk
                if len(read) >= MAX_EXCERPT:
                    break
    except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return read[:MAX_EXCERPT]


def _stream_of(response: httpcore.Response) -> AsyncGenerator[bytes, None]:
    # It is a generator, and has to be closed when it is left early.
    return cast("AsyncGenerator[bytes, None]", response.aiter_stream())


def _answer(response: httpcore.Response, now: float, seconds: float, excerpt: bytes) -> Answer:
    status = response.status
    kind: Kind = "failed"
    reason, wait = f"status {status}", None
    if status in _STATUS_OK:
        kind = "taken"
    elif status == _STATUS_GONE:
        kind = "gone"
    elif status in _STATUS_REDIRECT:
        reason = f"status {status}: redirects aren't followed; give the webhook its new URL"
    elif status in _STATUS_BUSY:
        wait = _retry_after(response, now)
        kind = "failed" if wait is None else "busy"
    return Answer(kind, reason, _fault_of(status), status, wait, seconds, excerpt)


def _fault_of(status: int) -> Fault:
    if status in _STATUS_ABSENT:
        return "receiver"
    return "event" if status in _STATUS_REFUSED else "either"


def _retry_after(response: httpcore.Response, now: float) -> float | None:
    """Seconds to wait: given as such, or as a date (RFC 9110, 10.2.3)."""
    for name, value in response.headers:
        if name.lower() == b"retry-after":
            return _seconds_of(value.decode("latin-1").strip(), now)
    return None


def _seconds_of(text: str, now: float) -> float | None:
    if text.isascii() and text.isdigit():
        # A number of thousand digits is no float, and no time either.
        return min(float(text[:12]), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # The header's dates are in GMT, also where they say "-0000" (which has no zone for Python).
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    wait = (date - datetime.fromtimestamp(now, UTC)).total_seconds()
    return min(max(wait, 0.0), MAX_RETRY_AFTER)


def _reason_of_connect(error: httpcore.ConnectError) -> str:
    """Why there is no connection: the certificate, or what the system says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate isn't trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS: {cause.reason}"
        if isinstance(cause, OSError) and cause.errno:
            # Not its own text: that names the address, and this goes into logs.
            return f"no connection: {os.strerror(cause.errno).lower()}"
        cause = cause.__cause__ or cause.__context__
    return "no connection"
