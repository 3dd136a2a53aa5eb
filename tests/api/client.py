"""A client that asks the application itself, without a server between."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from services.indexer.api.app import create_app
from services.indexer.api.context import ApiContext
from services.indexer.api.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from services.settings import Settings

PROBLEM = "application/problem+json"


@contextmanager
def serving(settings: Settings) -> Iterator[FastAPI]:
    """The API of a desk, without a server."""
    readers = Readers(settings)
    try:
        yield create_app(ApiContext(settings, readers))
    finally:
        readers.close()


@contextmanager
def asking(app: ASGIApp) -> Iterator[Client]:
    """A client of ``app``."""
    client = Client(app)
    try:
        yield client
    finally:
        client.close()


class Client:
    """Asks ``app``, one request after another, in a loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://desk.example")

    def request(
        self,
        method: str,
        path: str,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a request; httpx asks for gzip unless the headers say something else."""
        return self._runner.run(
            self._http.request(method, path, params=params, headers=dict(headers or {}))
        )

    def get(
        self, path: str, params: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a GET."""
        return self.request("GET", path, params, headers)

    def json(self, path: str, **params: Any) -> Any:
        """What a GET gives; it must be given."""
        answer = self.get(path, params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def problem(self, status: int, path: str, params: Any = None) -> Any:
        """The problem document that a GET gives; it must be one of this status."""
        return problem_of(self.get(path, params), status)

    def close(self) -> None:
        """Close the loop."""
        self._runner.run(self._http.aclose())
        self._runner.close()


def problem_of(answer: httpx.Response, status: int) -> Any:
    """The problem document of an answer; it must be one, whole, and kept by no cache."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["status"] == status
    assert told["type"].startswith("urn:wiredesk:problem:")
    assert told["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    return told
