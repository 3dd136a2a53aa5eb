"""A TLS front of a server: the bundled binary is built without TLS, so this ends it before one.

Certificates are made for the test, by an authority of its own.  The bytes behind are the server's,
untouched; what is tested is our side of the connection.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and what it gives out, as files."""

    ca: trustme.CA
    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Authority:
        """A new one, that nobody knows."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(trustme.CA(), folder)

    @property
    def file(self) -> Path:
        """Its own certificate."""
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    def client_files(self) -> tuple[Path, Path]:
        """A client's certificate and its key."""
        issued = self.ca.issue_cert("desk@example.org")
        cert, key = self.folder / "client.pem", self.folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key

    def server_context(self, name: str, *, asks: bool) -> ssl.SSLContext:
        """A server's side, named ``name``; ``asks``: only for who has a certificate of ours."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(name).configure_cert(context)
        if asks:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()
    with suppress(OSError, RuntimeError):
        target.close()


@contextmanager
def front(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """The port of a TLS front before the server on ``port``, as long as the context lasts."""
    loop = asyncio.new_event_loop()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, to_server), _pump(behind, writer))

    async def start() -> asyncio.Server:
        return await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
