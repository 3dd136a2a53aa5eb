"""Under which names a server may be called, and on which addresses it listens.

A web page of a stranger may let a name of its own point to this machine ("DNS rebinding"), and
its visitors' browsers then take the desk for a part of that page.  The name is in the request's
``Host``: one that isn't the desk's is refused.  A literal address can't be such a name.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.%]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether an address (or a usual name of one) is reached from this machine only."""
    address = _address(host)
    return host.lower() in LOOPBACK_NAMES if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class Hosts:
    """The names that a server answers to: that of ``host``, on which it listens, and ``more``.

    ``*`` among these: any name.
    """

    def __init__(self, host: str, more: Iterable[str] = ()) -> None:
        names = {host, *more}
        self._any = "*" in names
        self._names = LOOPBACK_NAMES | {name.lower().rstrip(".") for name in names}
        self._open = not is_loopback(host)

    def allowed(self, header: str | None) -> bool:
        """Whether a request with this ``Host`` header is meant for the desk."""
        found = None if header is None else _HOST.fullmatch(header.lower())
        if found is None:
            return False
        if self._any:
            return True
        name = found["name"].rstrip(".")
        address = _address(name)
        if address is None:
            return name in self._names
        return self._open or address.is_loopback or name.strip("[]") in self._names
