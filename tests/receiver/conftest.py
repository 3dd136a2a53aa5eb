"""Fixtures of the receiver's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.receiver.kit import Hall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def hall_of(tmp_path: Path) -> Iterator[Callable[..., Hall]]:
    """Makes receivers over one inbox, and closes them."""
    made: list[Hall] = []

    def make(**over: Any) -> Hall:
        inbox = tmp_path / "inbox"
        inbox.mkdir(exist_ok=True)
        made.append(Hall(inbox, **over))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def hall(hall_of: Callable[..., Hall]) -> Hall:
    """A receiver that this machine may ask without a token."""
    return hall_of()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """Every line that is logged."""
    with capture_logs() as captured:
        yield captured
