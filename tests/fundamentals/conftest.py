"""The fixtures of the bus's tests serve its tutorial too."""

from __future__ import annotations

from tests.bus.conftest import _no_supervisor, _plain_logs, anyio_backend, control, desk

__all__ = ["_no_supervisor", "_plain_logs", "anyio_backend", "control", "desk"]
