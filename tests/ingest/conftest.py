"""Fixtures of the ingest desk's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.ingest.desk_kit import Kit, make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """A desk's surroundings on an empty inbox; the test opens it."""
    return Kit(make_settings(tmp_path / "inbox"))


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """Every line that is logged."""
    with capture_logs() as captured:
        yield captured
