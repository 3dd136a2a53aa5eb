"""What the tests of access share: a registry in memory, clocks, and a caller of ASGI apps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.bus.errors import Unavailable
from services.indexer.api.access.guard import Access, guarded
from services.indexer.store.registry import Registry
from services.serving import tokens
from services.serving.table import TokenTable
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from services.indexer.api.access.guard import AsgiApp
    from services.indexer.api.models import Scope

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LOCAL = "127.0.0.1"


class Shelf(Registry):
    """A registry in memory; ``away``: it can't be read now."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], str] = {}
        self.away = False
        self.closed = 0

    def _there(self) -> None:
        if self.away:
            raise Unavailable("locked")

    def entries(self, kind: str) -> Mapping[str, str]:
        self._there()
        return {name: text for (of, name), text in sorted(self.documents.items()) if of == kind}

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        self._there()
        if self.documents.get((kind, name)) != expected:
            return False
        self.documents[kind, name] = document
        return True

    def remove(self, kind: str, name: str) -> bool:
        self._there()
        return self.documents.pop((kind, name), None) is not None

    def close(self) -> None:
        self.closed += 1


class Clock:
    """Tells the time that a test says, as a date and in seconds."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Answer:
    """What an app sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document = dict(json.loads(self.body))
        assert document["status"] == self.status
        return document


class Caller:
    """One request to an ASGI app; ``answer`` fills as it comes."""

    def __init__(  # noqa: PLR0913  (each is a part of a request)
        self,
        app: AsgiApp,
        path: str = "/v1/articles",
        headers: Sequence[tuple[str, str]] = (),
        *,
        query: str = "",
        method: str = "GET",
        body: Sequence[bytes] = (b"",),
        client: str = "127.0.0.1",
        host: str | None = "localhost:8420",
    ) -> None:
        named = [*headers, *([("host", host)] if host is not None else [])]
        self.scope: MutableMapping[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named],
            "client": (client, 50000),
            "state": {},
        }
        self.answer = Answer()
        self.read = 0
        self.gone = asyncio.Event()
        self._app = app
        self._chunks = list(body)

    async def receive(self) -> MutableMapping[str, Any]:
        if self._chunks:
            chunk = self._chunks.pop(0)
            self.read += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert not self.answer.status, "an answer begins once"
            self.answer.status = message["status"]
            pairs = [(name.decode(), value.decode()) for name, value in message["headers"]]
            self.answer.headers = dict(pairs)
            assert len(pairs) == len(self.answer.headers), f"a header comes twice: {pairs}"
        else:
            assert not self.answer.complete, "nothing comes behind the end"
            self.answer.body += message.get("body", b"")
            self.answer.complete = not message.get("more_body", False)

    async def run(self) -> Answer:
        await self._app(self.scope, self.receive, self.send)
        return self.answer


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """An app that says what it was asked, and as whom."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = {"scopes": list(scope["state"]["scopes"]), "body": len(body)}
    headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"other")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@dataclass
class House:
    """An app behind its guard, with everything that a test may turn."""

    settings: Settings = field(default_factory=lambda: Settings(inbox=Path("no-inbox")))
    address: str = LOCAL
    app: AsgiApp = plain

    def __post_init__(self) -> None:
        self.shelf, self.clock = Shelf(), Clock()
        self.table = TokenTable(
            lambda: self.shelf,
            lambda: self.shelf,
            clock=self.clock.now,
            monotonic=self.clock.monotonic,
            every=0.01,
        )
        self.table.read()
        self.access = Access.of(self.settings, self.table, self.address)
        self.guard = guarded(self.app, self.access)

    def token(self, name: str, *scopes: Scope, expires_in: float | None = None) -> str:
        """A token that holds at once."""
        now = self.clock.now()
        ends = None if expires_in is None else now + timedelta(seconds=expires_in)
        text, kept = tokens.make(scopes, now, ends)
        tokens.add(self.shelf, name, kept)
        self.table.read()
        return text

    def ask(self, path: str = "/v1/articles", token: str | None = None, **more: Any) -> Answer:
        """One request and its answer."""
        headers = [] if token is None else [("authorization", f"Bearer {token}")]
        return asyncio.run(self.caller(path, [*headers, *more.pop("headers", ())], **more).run())

    def caller(self, path: str, headers: Sequence[tuple[str, str]], **more: Any) -> Caller:
        return Caller(self.guard, path, headers, **more)
