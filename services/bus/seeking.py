"""Connections that find the server that takes writes, again after each failover.

A connection asks when it connects: the sentinels for their master, or nodes of the cluster for
the master of its slot.  A server that refuses because of its part (``READONLY`` after a failover,
``MOVED``, ``CLUSTERDOWN``, …) is as good as one that is away: the connection is closed and the
refusal becomes a ``ConnectionError``, so that everything which can wait for a server to come back
waits for this too, and the next try asks again.

Why not redis-py's own: its ``RedisCluster`` (8.1) sends ``ASKING`` on another connection than the
command, runs each command that is queued for a MULTI in a thread with an event loop of its own,
tries again without a pause, and raises errors that aren't ``RedisError``; its Sentinel knows of
``READONLY`` only.  All keys that we touch together share a slot, so one node is all that a
command of ours ever needs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import redis as sync_redis
from hiredis import pack_command
from redis import asyncio as aio_redis
from redis.asyncio import sentinel as aio_sentinel
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import Connection as SyncConnection
from redis.connection import SSLConnection as SyncSSLConnection
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  (redis-py's name)
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry as SyncRetry
from redis.sentinel import Sentinel as SyncSentinel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from services.bus.address import Address, HostPort

ASK_TIMEOUT = 1.0
"""Seconds that one sentinel or node may take to say where the master is; then another is asked.
They answer from memory, within milliseconds."""

PART_CODES = ("NOREPLICAS", "UNBLOCKED")
"""Refusals for which redis-py has no class: too few replicas listen; a blocking read was ended
since its server became a replica."""

NO_CLUSTER = ": it is a node of a Redis Cluster; write redis+cluster://HOST:PORT,HOST:PORT"
"""Said where a server that should stand alone sends us to another. MovedError is an AskError."""

_PART_ERRORS = (ReadOnlyError, ClusterDownError, TryAgainError, MovedError, AskError)


class NotMasterError(ConnectionError):
    """The server can't take the command in its present part; another may, or itself soon."""


def refusal_of(error: ResponseError, advice: str = "") -> ConnectionError | None:
    """``error`` as one of the connection, if it tells of the server's part.

    ``advice``: what to say where the server is a node of a cluster, and the URL doesn't say so.
    """
    # MasterDownError is a ClusterDownError.
    if not isinstance(error, _PART_ERRORS) and not str(error).startswith(PART_CODES):
        return None
    # redis-py takes the code off where it has a class for it.
    told = str(error) if error.status_code is None else f"{error.status_code} {error}"
    return NotMasterError(told + (advice if isinstance(error, AskError) else ""))


# --- where it is --------------------------------------------------------------------------------
def slot_of(tag: str) -> int:
    """The slot of all keys with this hash tag."""
    return int(key_slot(tag.encode()))


def _node(row: Any, asked: HostPort) -> HostPort:
    """A node's address in an answer to CLUSTER SLOTS of the node ``asked``."""
    host, port, *_ = row
    name = host.decode() if isinstance(host, bytes) else host
    # A node that doesn't know its own address means the one at which it was asked.
    return (asked[0] if name in {None, "", "?"} else name), int(port)


class _Turns:
    """Whom to ask first: each time the next one, so that nobody's old news holds us up."""

    def __init__(self, hosts: Sequence[HostPort]) -> None:
        self._given = tuple(hosts)
        self._hosts = list(hosts)

    def __iter__(self) -> Iterator[HostPort]:
        self._hosts.append(self._hosts.pop(0))
        return iter(tuple(self._hosts))

    def learn(self, hosts: Iterable[HostPort]) -> None:
        """Ask these nodes too from now on: those that were given may all be replaced one day."""
        known = dict.fromkeys((*self._given, *hosts))
        kept = [host for host in self._hosts if host in known]
        self._hosts = [*kept, *(host for host in known if host not in kept)]


def _asking(address: Address) -> dict[str, Any]:
    """How a sentinel or a node is asked: once, and not for long."""
    login = {name: address.options[name] for name in _LOGIN & address.options.keys()}
    if address.kind == "sentinel":
        login = address.sentinel
    return {
        **login,
        **({"ssl": True, **address.tls_options} if address.tls else {}),
        "driver_info": None,
        "socket_timeout": ASK_TIMEOUT,
        "socket_connect_timeout": ASK_TIMEOUT,
    }


_LOGIN = frozenset({"username", "password"})

_SLOTS = ("CLUSTER", "SLOTS")
"""Two words: under one redis-py would make a mapping of the answer, by its slots."""


class Seeker:
    """Finds the master: the sentinels', or that of the slot of a hash tag."""

    def __init__(self, address: Address, tag: str) -> None:
        self._address = address
        self._slot = slot_of(tag)
        self._turns = _Turns(address.hosts)
        self._kwargs = _asking(address)

    async def find(self) -> HostPort:
        """Host and port of the master now; ``ConnectionError`` where nobody can tell."""
        retry = Retry(NoBackoff(), 0)
        if self._address.kind == "sentinel":
            kwargs = {**self._kwargs, "retry": retry}
            asked = aio_sentinel.Sentinel(list(self._turns), sentinel_kwargs=kwargs)  # type: ignore[no-untyped-call]  # redis-py's
            async with asked as sentinels:
                with _no_answer("the sentinels"):
                    return cast("HostPort", await sentinels.discover_master(self._address.master))
        failed: Exception | None = None
        for host, port in self._turns:
            async with aio_redis.Redis(host=host, port=port, retry=retry, **self._kwargs) as node:
                try:
                    rows = await node.execute_command(*_SLOTS)  # type: ignore[no-untyped-call]  # redis-py's
                    return self._master(rows, (host, port))
                except (RedisError, OSError) as error:
                    failed = error
        raise ConnectionError(f"no node of the cluster tells its slots: {failed}")

    def find_now(self) -> HostPort:
        """The same, blocking."""
        retry = SyncRetry(NoBackoff(), 0)
        if self._address.kind == "sentinel":
            kwargs = {**self._kwargs, "retry": retry}
            asked = SyncSentinel(list(self._turns), sentinel_kwargs=kwargs)  # type: ignore[no-untyped-call]  # redis-py's
            with asked as sentinels, _no_answer("the sentinels"):
                return cast("HostPort", sentinels.discover_master(self._address.master))
        failed: Exception | None = None
        for host, port in self._turns:
            with sync_redis.Redis(host=host, port=port, retry=retry, **self._kwargs) as node:
                try:
                    return self._master(node.execute_command(*_SLOTS), (host, port))
                except (RedisError, OSError) as error:
                    failed = error
        raise ConnectionError(f"no node of the cluster tells its slots: {failed}")

    def _master(self, rows: Any, asked: HostPort) -> HostPort:
        """The master of our slot by an answer to CLUSTER SLOTS; whom else it names is noted."""
        self._turns.learn(_node(each, asked) for row in rows for each in row[2:])
        for first, last, master, *_replicas in rows:
            if int(first) <= self._slot <= int(last):
                return _node(master, asked)
        raise NotMasterError(f"CLUSTERDOWN no node serves slot {self._slot}")


@contextmanager
def _no_answer(whose: str) -> Iterator[None]:
    """What isn't an answer to our question (no sentinel, no right) is as good as none."""
    try:
        yield
    except ResponseError as error:
        raise ConnectionError(f"{whose} don't tell the master: {error}") from error


# --- connections --------------------------------------------------------------------------------
class _Patient:
    """Makes errors of the connection of a server's refusals because of its part."""

    _advice = NO_CLUSTER

    def pack_command(self, *args: Any) -> list[bytes]:
        """A command as bytes, made by hiredis.

        redis-py's own, which only its blocking connections leave to hiredis, is written in Python
        and copies all that it has so far at every word: a tenth of what an article's transport
        took.
        """
        name, *rest = args
        words = name.split() if isinstance(name, str | bytes) else [name]
        try:
            return [pack_command((*words, *rest))]
        except TypeError:  # a memoryview or the like, or what can't be sent at all
            packed: list[bytes] = super().pack_command(*args)  # type: ignore[misc]  # a mixin
            return packed

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]  # a mixin
        except ResponseError as error:
            refusal = refusal_of(error, self._advice)
            if refusal is None:
                raise
            await self.disconnect()  # type: ignore[attr-defined]  # a mixin
            raise refusal from error


class _Seeking(_Patient):
    """Asks where the master is, each time that it connects."""

    _advice = ""

    def __init__(self, *, find: Callable[[], Awaitable[HostPort]], **kwargs: Any) -> None:
        self._find = find
        super().__init__(**kwargs)

    async def connect_check_health(
        self,
        check_health: bool = True,  # noqa: FBT001, FBT002  (redis-py's signature)
        retry_socket_connect: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Connect; both a pool and a command that is tried again come here."""
        connection = cast("Connection", self)
        if not connection.is_connected:
            connection.host, connection.port = await self._find()
        # Not again to the same address: whoever tries again comes here, and asks anew.
        await super().connect_check_health(  # type: ignore[misc]  # a mixin
            check_health=check_health, retry_socket_connect=False
        )


class PatientConnection(_Patient, Connection):
    """To one server."""


class PatientTlsConnection(_Patient, SSLConnection):
    """To one server, by TLS."""


class SeekingConnection(_Seeking, Connection):
    """To the master."""


class SeekingTlsConnection(_Seeking, SSLConnection):
    """To the master, by TLS."""


class _SyncPatient:
    """The same for blocking connections."""

    _advice = NO_CLUSTER

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]  # a mixin
        except ResponseError as error:
            refusal = refusal_of(error, self._advice)
            if refusal is None:
                raise
            self.disconnect()  # type: ignore[attr-defined]  # a mixin
            raise refusal from error


class _SyncSeeking(_SyncPatient):
    """Asks where the master is, each time that it connects."""

    _advice = ""

    def __init__(self, *, find: Callable[[], HostPort], **kwargs: Any) -> None:
        self._find = find
        super().__init__(**kwargs)

    def connect_check_health(
        self,
        check_health: bool = True,  # noqa: FBT001, FBT002  (redis-py's signature)
        retry_socket_connect: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Connect; both a pool and a command that is tried again come here."""
        connection = cast("SyncConnection", self)
        if not connection.is_connected:
            connection.host, connection.port = self._find()
        # Not again to the same address: whoever tries again comes here, and asks anew.
        super().connect_check_health(  # type: ignore[misc]  # a mixin
            check_health=check_health, retry_socket_connect=False
        )


class SyncPatientConnection(_SyncPatient, SyncConnection):
    """To one server, blocking."""


class SyncPatientTlsConnection(_SyncPatient, SyncSSLConnection):
    """To one server, blocking, by TLS."""


class SyncSeekingConnection(_SyncSeeking, SyncConnection):
    """To the master, blocking."""


class SyncSeekingTlsConnection(_SyncSeeking, SyncSSLConnection):
    """To the master, blocking, by TLS."""
