"""Fixtures of the tests of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bus.conftest import _plain_logs, anyio_backend, desk
from tests.bus.desk import changed
from tests.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.settings import Settings

__all__ = ["_plain_logs", "anyio_backend", "desk"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Receivers of tests are on this machine; they have little time."""
    return changed(settings, webhook_private_targets=True, webhook_timeout=2.0, poll_interval=20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything, unless a test says otherwise."""
    with Receiver() as running:
        yield running
