"""One request and its answer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from services.ingest.receiver.body import Body
from services.ingest.receiver.refused import TITLES, CutOff
from services.ingest.receiver.sigv4 import Asked, is_signed
from services.ingest.receiver.threads import in_thread
from services.serving.headers import DATA
from services.serving.problem import KIND_PREFIX, PROBLEM_JSON, Problem
from services.serving.rates import caller_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ingest.receiver.body import Receive
    from services.ingest.receiver.refused import Refused

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHUNK = 256 * 1024
"""Bytes of a receipt sent at a time; it may be hundreds of megabytes long."""

NO_STORE = {"cache-control": "no-store"}


@dataclass
class Answer:
    """What a request is answered with. ``file``: a descriptor of what is too long to hold.

    Whoever sends the answer closes it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: int | None = None


def json_answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """A small JSON document."""
    body = json.dumps(document, ensure_ascii=False, separators=(", ", ": ")).encode() + b"\n"
    return Answer(status, {"content-type": "application/json", **NO_STORE, **(headers or {})}, body)


class Call:
    """A request as the receiver looks at it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, timeout: float) -> None:
        self.request_id = str(uuid4())
        self.method: str = scope["method"]
        self.path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.scope = scope
        self.headers = _headers(scope["headers"])
        self.authorization = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"
        ]
        self.address = caller_of(scope.get("client"))
        self.sender: str | None = None
        expects = self.headers.get("expect", "").lower() == "100-continue"
        self.body = Body(receive, timeout, expects_continue=expects)
        self.began = False
        self._timeout = timeout
        self._send = send
        self._start = time.perf_counter()

    @property
    def by_s3(self) -> bool:
        """Whether it is an S3 client's, which is answered in its own way."""
        return is_signed(self.authorization)

    @property
    def milliseconds(self) -> float:
        """Since the request's head was there."""
        return round((time.perf_counter() - self._start) * 1000, 1)

    def asked(self) -> Asked:
        """What a signature is made over."""
        return Asked(self.method, self.path, self.query, self.headers)

    def parameters(self) -> list[tuple[str, str]]:
        """The query's names and values."""
        return parse_qsl(self.query, keep_blank_values=True)

    async def answer(self, answer: Answer, *, close: bool = False) -> None:
        """Send an answer. ``close``: the connection can't be used again, its body isn't read."""
        try:
            await self._answer(answer, close=close)
        finally:
            if answer.file is not None:
                os.close(answer.file)

    async def _answer(self, answer: Answer, *, close: bool) -> None:
        size = len(answer.body) if answer.file is None else os.fstat(answer.file).st_size
        headers = {
            **answer.headers,
            "x-request-id": self.request_id,
            "content-length": str(size),
        }
        if close:
            headers["connection"] = "close"
        self.began = True
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*((n.encode(), v.encode()) for n, v in headers.items()), *DATA],
            }
        )
        only_head = self.method == "HEAD"
        if answer.file is not None and not only_head:
            await self._send_file(answer.file, size)
        body = b"" if only_head else answer.body
        await self._send({"type": "http.response.body", "body": body, "more_body": close})
        if close:
            # The answer is on its way; who still sends must not find the door shut before it.
            await self.body.linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_file(self, descriptor: int, size: int) -> None:
        """Send a file; :class:`CutOff` where its reader takes nothing for too long."""
        for offset in range(0, size, CHUNK):
            piece = await in_thread(partial(os.pread, descriptor, CHUNK, offset))
            try:
                async with asyncio.timeout(self._timeout):
                    message = {"type": "http.response.body", "body": piece, "more_body": True}
                    await self._send(message)
            except TimeoutError:
                raise CutOff from None

    async def refuse(self, refused: Refused) -> None:
        """Answer with why not."""
        refusal = refused.refusal
        headers = {**NO_STORE, **refusal.headers}
        if self.by_s3:
            answer = Answer(
                refusal.status,
                {"content-type": "application/xml", **headers},
                self._xml(refused.s3_code, refusal.detail),
            )
        else:
            answer = Answer(
                refusal.status, {"content-type": PROBLEM_JSON, **headers}, self._problem(refused)
            )
        await self.answer(answer, close=True)

    def _problem(self, refused: Refused) -> bytes:
        refusal = refused.refusal
        problem = Problem(
            type=KIND_PREFIX + refusal.kind,
            title=TITLES[refusal.kind],
            status=refusal.status,
            detail=refusal.detail,
            instance=f"urn:uuid:{self.request_id}",
        )
        return problem.model_dump_json(exclude={"errors"}).encode() + b"\n"

    def _xml(self, code: str, message: str) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{self.request_id}</RequestId></Error>\n"
        ).encode()


def _headers(given: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; several of one name as one list, as RFC 9110 has it."""
    found: dict[str, str] = {}
    for key, value in given:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
