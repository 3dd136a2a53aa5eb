"""Sockets that listen: which address a name means, taking a port, and what it is called."""

from __future__ import annotations

import socket

BACKLOG = 512
"""Connections that the system holds until they are taken up; a page opens six at once."""

Address = tuple[socket.AddressFamily, str]


def address_of(host: str) -> Address | None:
    """The address that ``host`` means, IPv4 first; None where it means none of the two kinds.

    Empty means every address.  Raises ``OSError`` where the name isn't known.
    """
    found = socket.getaddrinfo(
        host or "0.0.0.0",  # noqa: S104  (what empty means; who calls decides whether it may)
        None,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )
    families = {socket.AF_INET: 0, socket.AF_INET6: 1}
    known = [each for each in found if each[0] in families]
    if not known:
        return None
    family, _, _, _, address = min(known, key=lambda each: families[each[0]])
    return family, str(address[0])


def listen(address: Address, port: int) -> socket.socket:
    """A socket that listens; raises ``OSError``."""
    family, host = address
    # With the protocol said: only then asyncio sets TCP_NODELAY, without it answers wait 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port is free again as soon as its server has ended.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def url_of(sock: socket.socket) -> str:
    """The address of a listening socket as a browser takes it; from this machine, if it is all."""
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (shown, not bound)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
