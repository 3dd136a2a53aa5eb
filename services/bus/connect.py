"""Connections: which server, made how, and waited for how long."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError  # noqa: A004  (redis-py's names)

from services.bus.errors import StopWorking
from services.observability import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings

log = get_logger(__name__)

SOCKET_TIMEOUT = 5.0
"""Seconds; above the longest blocking read (``poll_interval`` is at most 2 s)."""

RETRIES = 3
"""Tries of one command on a broken connection before the caller hears of it: every script may
be sent again, and a server that restarts needs more time than that anyway."""

PROBE_PAUSE = 0.2
"""Seconds between two looks at a server that isn't there yet."""

CANCEL_AGAIN = 0.1
"""Seconds after which a cancellation that had no effect is asked for again."""

RUNTIME_FILE = "runtime.json"
"""Where the embedded server's supervisor writes its address, beside the server's data."""


def server_folder(settings: Settings) -> Path:
    """The embedded server's data folder."""
    return settings.state / "server"


def server_url(settings: Settings) -> str:
    """The URL of the server to use: the given one, else the embedded one that runs.

    Raises :class:`StopWorking` when there is neither.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    runtime = server_folder(settings) / RUNTIME_FILE
    try:
        return cast("str", json.loads(runtime.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError) as error:
        raise StopWorking(
            f"no server: WIREDESK_REDIS_URL is not set and {runtime} can't be read "
            f"({error.__class__.__name__}). Start `wiredesk up FOLDER`, or set WIREDESK_REDIS_URL"
        ) from error


def without_password(url: str) -> str:
    """A URL as it may stand in a log."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{host}{port}").geturl()


def client(url: str, retries: int = RETRIES) -> Redis:
    """A client for scripts: short retries, bytes in and out.

    Without ``retries`` the caller hears of every connection that broke.
    """
    backoff = ExponentialBackoff(cap=0.5, base=0.02)
    return Redis.from_url(
        url, socket_timeout=SOCKET_TIMEOUT, retry=Retry(backoff, retries), decode_responses=False
    )


def probe(url: str) -> Redis:
    """A client for looking whether a server answers: fails at once."""
    return Redis.from_url(
        url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0)
    )


async def wait_for_server(url: str, timeout: float) -> None:  # noqa: ASYNC109  (it is a setting, and the error names it)
    """Return when the server answers; :class:`StopWorking` after ``timeout`` seconds.

    A wrong password is an error at once: waiting would not make it right.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    shown = False
    async with probe(url) as redis:
        while True:
            try:
                await redis.ping()
            except AuthenticationError as error:
                raise StopWorking(f"{without_password(url)} refused the login: {error}") from error
            except (ConnectionError, TimeoutError, OSError) as error:
                if loop.time() > deadline:
                    raise StopWorking(
                        f"no server at {without_password(url)} after {timeout:g} s ({error})"
                    ) from error
                if not shown:
                    log.warning("server.waiting", url=without_password(url), error=str(error))
                    shown = True
            else:
                return
            await asyncio.sleep(PROBE_PAUSE)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks that talk to the server, and return when they have ended.

    redis-py can swallow a cancellation that arrives just as an answer does; asking
    once and waiting would then wait for ever.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN)
