"""Where the server is: one server, the master that Sentinel names, or a Redis Cluster.

===========================================================  ==================================
``redis://[user:password@]host:6379/0``                      one server (also ``unix://path``)
``redis+sentinel://[…@]h1:26379,h2:26379/mymaster/0``        the master that these sentinels name
``redis+cluster://[…@]h1:7000,h2:7001``                      the cluster that these nodes are of
===========================================================  ==================================

Each with ``rediss`` instead of ``redis`` for TLS, and with redis-py's options behind a ``?``
(``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile``, ``ssl_check_hostname``, …).  Of our own are
``sentinel_username`` and ``sentinel_password`` (what the sentinels themselves ask for), and
``home``: the hash tag whose node takes commands without a key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis.asyncio.connection import parse_url

from services.bus.errors import StopWorking

Kind = Literal["one", "sentinel", "cluster"]

FORMS = (
    "redis://HOST:6379/0, redis+sentinel://HOST:26379,HOST:26379/MASTER/0 or "
    "redis+cluster://HOST:7000,HOST:7001 (rediss… for TLS)"
)

_SCHEME = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?")

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:,@/?#\s]+))(?::(?P<port>\d{1,5}))?"
)

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379
"""Where a sentinel listens unless it is told otherwise."""

_OWN = frozenset({"sentinel_username", "sentinel_password", "home"})
"""Options that are for us, not for redis-py."""

_SECRET = frozenset({"username", "password", "ssl_password"})
"""redis-py's options that don't belong into a log."""

_SLOW = frozenset({"retry_on_timeout", "timeout"})
"""Options that would undo how we retry."""

HostPort = tuple[str, int]


class BadAddress(StopWorking, ValueError):  # noqa: N818  (named for what it is, like BadPosition)
    """What was given is no URL of a server; the message says what would do, and no password."""


@dataclass(frozen=True)
class Address:
    """A URL taken apart.

    ``hosts``: the server, the sentinels, or nodes of the cluster; ``options``: redis-py's, for the
    server itself (not for the sentinels); ``url``: what redis-py can read, for one server only.
    """

    kind: Kind
    hosts: tuple[HostPort, ...]
    tls: bool
    options: dict[str, Any] = field(repr=False)
    master: str = ""
    sentinel: dict[str, Any] = field(default_factory=dict, repr=False)
    home: str = ""

    @property
    def tls_options(self) -> dict[str, Any]:
        """The options of TLS alone."""
        return {name: value for name, value in self.options.items() if name.startswith("ssl_")}


def address(url: str) -> Address:
    """Take a URL apart; :class:`BadAddress` where it is none of ours."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Address("one", (), tls=False, options=dict(parse_url(url)))
    scheme = _SCHEME.fullmatch(parts.scheme)
    if scheme is None:
        raise BadAddress(f"WIREDESK_REDIS_URL: unknown scheme {parts.scheme!r}; write {FORMS}")
    kind: Kind = scheme[2] or "one"  # type: ignore[assignment]  # the pattern knows these two
    login, _, listed = parts.netloc.rpartition("@")
    port = SENTINEL_PORT if kind == "sentinel" else DEFAULT_PORT
    hosts = _hosts(listed or "localhost", port)
    if kind == "one" and len(hosts) > 1:
        raise BadAddress(f"WIREDESK_REDIS_URL: several hosts; write {FORMS}")
    path = parts.path.strip("/")
    master, path = (path.partition("/")[::2]) if kind == "sentinel" else ("", path)
    _check_path(kind, master, path)
    given = dict(parse_qsl(parts.query))
    own = {name: given.pop(name) for name in _OWN & given.keys()}
    for name in _SLOW & given.keys():
        raise BadAddress(f"WIREDESK_REDIS_URL: the option {name} isn't supported")
    return Address(
        kind,
        hosts,
        scheme[1] == "rediss",
        _options(login, path, given),
        master,
        {
            name.removeprefix("sentinel_"): value
            for name, value in own.items()
            if name.startswith("sentinel_")
        },
        own.get("home", ""),
    )


def _hosts(listed: str, port: int) -> tuple[HostPort, ...]:
    found = [_HOST.fullmatch(each.strip()) for each in listed.split(",")]
    hosts = tuple((m["six"] or m["host"], int(m["port"] or port)) for m in found if m)
    if len(hosts) < len(found):
        raise BadAddress(f"WIREDESK_REDIS_URL: can't tell the hosts; write {FORMS}")
    return hosts


def _check_path(kind: Kind, master: str, path: str) -> None:
    if kind == "sentinel" and not master:
        raise BadAddress(f"WIREDESK_REDIS_URL: the master's name is missing; write {FORMS}")
    if path and not path.isdecimal():
        raise BadAddress(f"WIREDESK_REDIS_URL: the database must be a number; write {FORMS}")
    if kind == "cluster" and int(path or 0) != 0:
        raise BadAddress("WIREDESK_REDIS_URL: a Redis Cluster has database 0 only")


def _options(login: str, path: str, given: dict[str, str]) -> dict[str, Any]:
    """What redis-py makes of the login, the database and the options."""
    plain = f"redis://{login + '@' if login else ''}host/{path}?{urlencode(given)}"
    try:
        options: dict[str, Any] = dict(parse_url(plain))
    except ValueError as error:
        raise BadAddress(f"WIREDESK_REDIS_URL: {error}") from error
    del options["host"]
    return options


def without_password(url: str) -> str:
    """A URL as it may stand in a log: without the login, ours or the sentinels'."""
    parts = urlsplit(url)
    shown = [pair for pair in parse_qsl(parts.query) if pair[0] not in _OWN | _SECRET]
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query=urlencode(shown)).geturl()


def with_options(url: str, **options: str | None) -> str:
    """A URL with these options where it hasn't given them itself."""
    parts = urlsplit(url)
    given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode(
        {name: value for name, value in options.items() if value is not None and name not in given},
        quote_via=quote,
    )
    return parts._replace(query="&".join(filter(None, (parts.query, added)))).geturl()
