"""A desk with some articles, and a client of its API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.api.client import asking, serving
from tests.api.library import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from tests.api.client import Client


@pytest.fixture(scope="session")
def library_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A desk whose store holds the library; tests only read it."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("library"))
    with open_store(settings) as store:
        fill(store)
    return settings


@pytest.fixture(scope="session")
def library_app(library_settings: Settings) -> Iterator[FastAPI]:
    with serving(library_settings) as app:
        yield app


@pytest.fixture(scope="session")
def client(library_app: FastAPI) -> Iterator[Client]:
    with asking(library_app) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Schemathesis calls its tests of all paths alike; pytest-xdist would run only one of them."""
    for item in items:
        label = getattr(item, "operation_label", None)
        if label is not None:
            # No public name: since pytest 9.2 an id is made of parts, and Schemathesis sets a text.
            item._id = replace(item._id, params=label)
