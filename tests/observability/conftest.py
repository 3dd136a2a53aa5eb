"""The fixtures of the bus's tests serve those of what operators see, too."""

from __future__ import annotations

from tests.bus.conftest import anyio_backend, control, desk, own_server, workers

__all__ = ["anyio_backend", "control", "desk", "own_server", "workers"]
