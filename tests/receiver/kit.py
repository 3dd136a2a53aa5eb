"""What the receiver's tests share: a receiver over a folder, asked without a network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from services.ingest.files import Files
from services.ingest.presence import MARKER
from services.ingest.receiver.admission import Door
from services.ingest.receiver.app import Receiver
from services.ingest.receiver.book import Book
from services.ingest.receiver.finding import Finder, named_uploads
from services.ingest.receiver.landing import Landing
from services.ingest.receiver.uploads import Uploads
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence
    from pathlib import Path

    from services.ingest.receiver.uploads import Taken, Wanted

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)

STORY = b"<p>The ferry is late.</p>"


def settings_of(inbox: Path, **over: Any) -> Settings:
    """Settings of a receiver whose inbox is ``inbox``."""
    return Settings.model_validate({"inbox": inbox, "drop_port": 0, "health": False, **over})


def mark(inbox: Path) -> None:
    """What an ingest does to the folder that it watches."""
    marker = inbox / MARKER.decode()
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(f"{uuid4()}\n", encoding="ascii")


@dataclass
class Answer:
    """What a request was answered with."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    def json(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        return dict(json.loads(self.body))

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document = dict(json.loads(self.body))
        assert document["status"] == self.status
        return document

    def kind(self) -> str:
        return str(self.problem()["type"]).removeprefix("urn:wiredesk:problem:")


class Wire:
    """The two ends of one request: what comes in, and what was sent out.

    After the pieces of ``body`` the client is gone where ``cut``, else the request is whole.
    """

    def __init__(self, body: Sequence[bytes], *, cut: bool = False, stall: bool = False) -> None:
        self.answer = Answer()
        self.read = 0
        self._pieces = list(body)
        self._cut = cut
        self._stall = stall

    async def receive(self) -> MutableMapping[str, Any]:
        if self._pieces:
            piece = self._pieces.pop(0)
            self.read += len(piece)
            more = bool(self._pieces) or self._cut or self._stall
            return {"type": "http.request", "body": piece, "more_body": more}
        if self._stall:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        answer = self.answer
        if message["type"] == "http.response.start":
            assert not answer.status, "an answer begins once"
            answer.status = message["status"]
            pairs = [(name.decode(), value.decode()) for name, value in message["headers"]]
            answer.headers = dict(pairs)
            assert len(pairs) == len(answer.headers), f"a header comes twice: {pairs}"
        else:
            assert not answer.complete, "nothing comes behind the end"
            answer.body += message.get("body", b"")
            answer.complete = not message.get("more_body", False)


def scope_of(
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    query: str = "",
    host: str | None = "127.0.0.1:8424",
    client: str = "127.0.0.1",
) -> MutableMapping[str, Any]:
    named = [*headers, *([("host", host)] if host is not None else [])]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named],
        "client": (client, 50000),
    }


class Hall:
    """A receiver over a folder. ``files`` may break the disk; ``now`` in ms since 1970."""

    def __init__(
        self,
        inbox: Path,
        *,
        address: str = "127.0.0.1",
        files: Callable[[bytes], Files] = Files,
        marked: bool = True,
        **over: Any,
    ) -> None:
        self.inbox = inbox
        self.now = START_MS
        self.settings = settings_of(inbox, **over)
        self.settings.state.mkdir(parents=True, exist_ok=True)
        if marked:
            mark(inbox)
        self.landing = Landing(files(str(inbox).encode()))
        self.book = Book(
            self.settings.state / "uploads.sqlite3", lambda: named_uploads(self.settings)
        )
        # No test here cuts the power.
        self.book._connection.execute("PRAGMA synchronous = OFF")
        self.finder = Finder(self.settings, self.book)
        self.uploads = Uploads(
            self.settings, self.landing, self.book, self.finder, lambda: self.now
        )
        self.door = Door(self.settings, address, lambda: START)
        self.door.read()
        self.app = Receiver(self.settings, self.door, self.uploads, self.finder)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: Sequence[tuple[str, str]] = (),
        *,
        wire: Wire | None = None,
        **scope: Any,
    ) -> Answer:
        """One request, answered."""
        wire = wire or Wire([body] if isinstance(body, bytes) else body)
        asked = scope_of(method, path, headers, **scope)
        asyncio.run(self.app(asked, wire.receive, wire.send))
        return wire.answer

    def drop(self, body: bytes = STORY, name: str = "story.html", **more: Any) -> dict[str, Any]:
        """Drop a file that must be taken; what it is answered with."""
        answer = self.ask("POST", "/v1/drop", body, query=f"name={name}", **more)
        assert answer.status == 202, answer.body
        return answer.json()

    def files(self) -> dict[str, bytes]:
        """What lies in the inbox and may be taken, by name."""
        return {
            path.name: path.read_bytes()
            for path in sorted(self.inbox.iterdir())
            if path.is_file() and not path.name.startswith(".")
        }

    def hidden(self) -> list[str]:
        """The names of uploads that aren't whole."""
        return sorted(path.name for path in self.inbox.glob(".wiredesk-drop-*"))

    def settle(self, file: str, folder: str = "done", text: str = '{"drop_id": "…"}') -> None:
        """What ingest does when a file is settled: archive it with its receipt."""
        archive = self.inbox / folder
        archive.mkdir(exist_ok=True)
        (self.inbox / file).rename(archive / file)
        (archive / f"{file}.receipt.json").write_text(text, encoding="utf-8")

    def close(self) -> None:
        self.book.close()


async def pieces_of(*pieces: bytes) -> Any:
    for piece in pieces:
        yield piece


class Sent:
    """A body that is there already."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __aiter__(self) -> Any:
        return pieces_of(*self._pieces)

    def late(self) -> list[Any]:
        return []


def take(uploads: Uploads, wanted: Wanted, *pieces: bytes) -> Taken:
    """Take an upload in."""
    return asyncio.run(uploads.take(wanted, Sent(*pieces)))
