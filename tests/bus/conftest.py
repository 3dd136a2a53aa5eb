"""Fixtures of the tests of the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from services.bus.server import EmbeddedServer
from tests.bus.desk import Desk
from tests.bus.processes import Workers
from tests.bus.worker import Control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from services.settings import Settings


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What services.bus.service.prepare does in a process of its own."""
    monkeypatch.setenv("FASTSTREAM_SUPERVISOR_DISABLED", "1")


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """Lines without structlog's default pictures of every local, which take seconds to draw."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def desk(redis: Redis, settings: Settings) -> Desk:
    return Desk(redis, settings)


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(tmp_path / "control")


@pytest.fixture
def workers(tmp_path: Path, settings: Settings, control: Control) -> Iterator[Workers]:
    """Starts stage processes; ends those that still run afterwards."""
    begun = Workers(settings, tmp_path, control)
    yield begun
    begun.end()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that a test may configure, fill and kill: never the one that was given."""
    server = EmbeddedServer(tmp_path / "own-server", fsync="always")
    server.start()
    yield server
    server.stop()
