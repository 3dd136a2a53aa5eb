"""A desk with some articles, and a client of its API."""

from __future__ import annotations

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
