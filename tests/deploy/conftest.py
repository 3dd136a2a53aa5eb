"""What tests of deploy/k8s have in common."""

from __future__ import annotations

import pytest

from tests.deploy.k8s import BUILDS, Build, built


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> Build:
    """Each overlay, alone and with everything that can be added to it."""
    return built(request.param)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
