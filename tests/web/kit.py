"""What the tests of the page have in common: a browser, somebody who looks, a served store."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.indexer.api.server import ApiServer
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from services.settings import Settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # a container runs its tests as root, which the sandbox refuses
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # The browser must ask nobody for anything by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SOON = 8000
"""Milliseconds that the page may take for anything, on a machine that does other things too."""


def browser_path() -> str | None:
    """The browser on the PATH; None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@dataclass
class Look:
    """A page that somebody looks at, and whatever it did that it must not do.

    ``expected``: pieces of console messages that a test brings about on purpose.
    """

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SOON)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(
            each in message.text for each in self.expected
        ):
            self.troubles.append(f"{message.type}: {message.text} {message.location['url']}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and address.netloc != urlsplit(self.base).netloc:
            self.troubles.append(f"left the origin: {request.url}")

    def open(self, route: str = "#/", ready: str = "main h1") -> Page:
        """Go to a view by its address and wait until it is there."""
        address = f"{self.base}/{route}"
        if self.page.url == address:
            self.page.reload()
        else:
            self.page.goto(address)
        self.page.wait_for_selector(f"main[data-address={json.dumps(route)}]")
        self.page.wait_for_selector(ready)
        return self.page

    def call(self, module: str, expression: str, argument: Any = None) -> Any:
        """What an expression over the names of one of the page's modules gives."""
        script = f"async (argument) => {{ const m = await import('/static/{module}');"
        return self.page.evaluate(f"{script} return {expression}; }}", argument)

    def check(self) -> None:
        """Nothing may have gone wrong, whatever the test was about."""
        troubles, self.troubles, self.expected = self.troubles, [], ()
        assert troubles == [], troubles

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))


def visitor(browser: Browser, **options: Any) -> BrowserContext:
    """A visitor's storage and cache: British, in UTC, at a desk unless it is said."""
    desk = {"viewport": {"width": 1280, "height": 900}}
    return browser.new_context(locale="en-GB", timezone_id="UTC", **(desk | options))


@contextmanager
def looking(context: BrowserContext, base: str) -> Iterator[Look]:
    """A new tab, looked at till the end."""
    look = Look(context.new_page(), base)
    try:
        yield look
    finally:
        look.page.close()
    look.check()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The API and the page over a store, without the stages; its URL."""
    server = ApiServer(settings)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(server.run(stop),))
    thread.start()
    try:
        wait_until(lambda: server.url or not thread.is_alive(), "the API")
        assert server.url is not None
        yield server.url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()
