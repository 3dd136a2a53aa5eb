"""Fixtures of the conformance suites: each runs on every implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.stores import STORES, Desk, desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.indexer.store.base import ArticleStore


@pytest.fixture(params=sorted(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def store(place: Desk) -> ArticleStore:
    return place.open()
