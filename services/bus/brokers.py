"""FastStream's brokers over our own connections: one server, Sentinel, Redis Cluster.

A broker reads over the same kind of client as everything else here uses (``connect.client``), so
that a failover is the same to all: FastStream's own would end a subscriber at the first
``UNBLOCKED`` or ``READONLY`` (see ``seeking``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from faststream.redis.configs import ConnectionState

from services.bus.address import address
from services.bus.connect import cancel, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from redis.asyncio import Redis


READ_RETRIES = 40
"""Tries of a read on a connection that breaks, up to half a second apart: about 20 s, longer than a
failover takes. After an error FastStream doesn't read for 5 s."""


class ClientState(ConnectionState["Redis"]):
    """A connection that our own function makes."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], Redis]) -> None:
        super().__init__()
        self._make = make

    async def connect(self) -> Redis:
        """The client: one until it is disconnected."""
        if self._client is None:
            self._client = self._make()
            self._connected = True
        return self._client


class _OurClient:
    """Makes a broker of FastStream's read over our client."""

    def __init__(self, make: Callable[[], Redis], url: str, **options: Any) -> None:
        self._make = make
        super().__init__(url, **options)  # type: ignore[call-arg]  # a mixin before a broker

    async def stop(self, *raised: Any) -> None:
        """Stop reading, and leave no connection open.

        FastStream cancels its reads and doesn't wait for them; one whose connection is closed
        under it would take that for a failover, and connect again.
        """
        subscribers: Iterable[Any] = self.subscribers  # type: ignore[attr-defined]
        reads = [task for each in subscribers for task in each.tasks]
        redis: Redis | None = self._connection  # type: ignore[attr-defined]
        await super().stop(*raised)  # type: ignore[misc]
        await cancel(*reads)
        if redis is not None:
            await redis.aclose()

    def _make_connection_state(
        self,
        connection_options: dict[str, Any],  # noqa: ARG002  (FastStream's signature)
        kwargs: dict[str, Any],  # noqa: ARG002
    ) -> ClientState:
        return ClientState(self._make)


class ServerBroker(_OurClient, RedisBroker):
    """Reads from one server."""


class SentinelBroker(_OurClient, RedisSentinelBroker):
    """Reads from the master that the sentinels name."""


class ClusterBroker(_OurClient, RedisClusterBroker):
    """Reads from the nodes of a Redis Cluster."""


def broker(url: str, **options: Any) -> RedisBroker:
    """FastStream's broker for a URL, with FastStream's ``options``."""
    where = address(url)

    def make() -> Redis:
        return client(url, READ_RETRIES)

    if where.kind == "one":
        return ServerBroker(make, url, **options)
    host, port = where.hosts[0]
    # FastStream shows this one in its documents; nothing connects to it.
    shown = f"redis://{host}:{port}"
    if where.kind == "cluster":
        return ClusterBroker(make, shown, **options)
    named = {"sentinels": where.hosts, "sentinel_master_name": where.master}
    return SentinelBroker(make, shown, **named, **options)
