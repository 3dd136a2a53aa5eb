"""Connections: which server, made how, and waited for how long."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import redis as sync_redis
from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.connection import ConnectionPool as SyncConnectionPool
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004  (redis-py's name)
    TimeoutError,  # noqa: A004  (redis-py's name)
)
from redis.retry import Retry as SyncRetry

from services.bus.address import Address, address, with_options, without_password
from services.bus.cluster import ClusterRedis
from services.bus.errors import StopWorking
from services.bus.seeking import (
    PatientConnection,
    PatientTlsConnection,
    Seeker,
    SeekingConnection,
    SeekingTlsConnection,
    SyncPatientConnection,
    SyncPatientTlsConnection,
    SyncSeekingConnection,
    SyncSeekingTlsConnection,
)
from services.observability import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings

__all__ = [
    "RETRIES",
    "RUNTIME_FILE",
    "SOCKET_TIMEOUT",
    "blocking_client",
    "cancel",
    "client",
    "probe",
    "server_folder",
    "server_url",
    "wait_for_server",
    "without_password",
]

log = get_logger(__name__)

SOCKET_TIMEOUT = 5.0
"""Seconds; above the longest blocking read (``poll_interval`` is at most 2 s)."""

RETRIES = 3
"""Tries of one command on a broken connection before the caller hears of it: every script may
be sent again, and a server that restarts needs more time than that anyway."""

PROBE_TIMEOUT = 1.0
"""Seconds that a probe waits for a server that accepts a connection and says nothing."""

PROBE_PAUSE = 0.2
"""Seconds between two looks at a server that isn't there yet."""

CANCEL_AGAIN = 0.1
"""Seconds after which a cancellation that had no effect is asked for again."""

UNNAMED: dict[str, Any] = {"driver_info": None}
"""A connection doesn't tell its library's name: Redis 7.0 doesn't know that command, and an ACL
file that allows it wouldn't load there."""

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
        return _completed(settings.redis_url.get_secret_value(), settings)
    runtime = server_folder(settings) / RUNTIME_FILE
    try:
        return cast("str", json.loads(runtime.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError) as error:
        raise StopWorking(
            f"no server: WIREDESK_REDIS_URL is not set and {runtime} can't be read "
            f"({error.__class__.__name__}). Start `wiredesk up FOLDER`, or set WIREDESK_REDIS_URL"
        ) from error


def _completed(url: str, settings: Settings) -> str:
    """A given URL with what other settings say of the connection."""
    scheme = url.partition("://")[0]
    options: dict[str, str | None] = {}
    if scheme.startswith("rediss"):
        options["ssl_ca_certs"] = _path(settings.redis_ca_file)
        options["ssl_certfile"] = _path(settings.redis_cert_file)
        options["ssl_keyfile"] = _path(settings.redis_key_file)
    if scheme.endswith("+sentinel") and settings.redis_sentinel_password is not None:
        options["sentinel_password"] = settings.redis_sentinel_password.get_secret_value()
    if scheme.endswith("+cluster"):
        options["home"] = settings.namespace
    return with_options(url, **options)


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def client(url: str, retries: int = RETRIES) -> Redis:
    """A client for scripts: short retries, bytes in and out.

    Without ``retries`` the caller hears of every connection that broke.
    """
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.02), retries)
    return _client(address(url), {"socket_timeout": SOCKET_TIMEOUT, "retry": retry})


def probe(url: str) -> Redis:
    """A client for looking whether a server answers: fails at once."""
    timeouts = {"socket_timeout": PROBE_TIMEOUT, "socket_connect_timeout": PROBE_TIMEOUT}
    return _client(address(url), {**timeouts, "retry": Retry(NoBackoff(), 0)})


def _client(where: Address, ours: dict[str, Any]) -> Redis:
    if where.kind == "cluster":
        return ClusterRedis(where.home, lambda tag: _pool(where, ours, tag))
    return Redis.from_pool(_pool(where, ours, where.home))


def _pool(where: Address, ours: dict[str, Any], tag: str) -> ConnectionPool:
    """Connections to the server, or to the master of a hash tag's slot."""
    options = {**ours, **UNNAMED, **where.options}
    if where.kind == "one":
        made = PatientTlsConnection if where.tls else PatientConnection
        for host, port in where.hosts:
            options |= {"host": host, "port": port, "connection_class": made}
        return ConnectionPool(**options)
    seeking = SeekingTlsConnection if where.tls else SeekingConnection
    return ConnectionPool(**options, connection_class=seeking, find=Seeker(where, tag).find)


def blocking_client(url: str, retries: int = RETRIES) -> sync_redis.Redis:
    """A blocking client for worker threads; over a cluster to the home node only."""
    where = address(url)
    retry = SyncRetry(ExponentialBackoff(cap=0.5, base=0.02), retries)
    options = {"socket_timeout": SOCKET_TIMEOUT, "retry": retry, **UNNAMED, **where.options}
    if where.kind == "one" and not where.hosts:
        return sync_redis.Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT, retry=retry)
    if where.kind == "one":
        ((host, port),) = where.hosts
        made = SyncPatientTlsConnection if where.tls else SyncPatientConnection
        options |= {"host": host, "port": port, "connection_class": made}
    else:
        seeking = SyncSeekingTlsConnection if where.tls else SyncSeekingConnection
        options |= {"connection_class": seeking, "find": Seeker(where, where.home).find_now}
    return sync_redis.Redis.from_pool(SyncConnectionPool(**options))


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
