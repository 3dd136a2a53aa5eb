"""A browser for each module, and one served store for the tests of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.web.kit import FLAGS, browser_path, looking, served, visitor
from tests.web.shelf import articles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.web.kit import Look


# Playwright runs an event loop in this thread for as long as it is open, and nothing else can
# run one then: so it is closed after each module, and other tests of the process go on as ever.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium on the PATH: the page can't be looked at here")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only where there is one)

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shelf(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a desk that holds the shelf's articles; tests only read it."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("shelf"), redis_url=redis_url, api_port=0, workers=1
    )
    with open_store(settings) as store:
        store.file(articles())
    with served(settings) as base:
        yield base


@pytest.fixture(scope="module")
def tab(browser: Browser, shelf: str) -> Iterator[Look]:
    """One tab for a module's tests that need nothing special: they go from view to view."""
    context = visitor(browser)
    with looking(context, shelf) as opened:
        yield opened
    context.close()


@pytest.fixture
def look(tab: Look) -> Iterator[Look]:
    """A tab on the shelf, without anything that an earlier test has stored."""
    tab.open("#/stories")
    tab.page.evaluate("localStorage.clear()")
    yield tab
    tab.check()
