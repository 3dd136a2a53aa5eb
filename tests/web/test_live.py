"""A whole desk and its page: what is dropped appears, what is wrong is said."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from services.indexer.store.opening import open_store
from services.settings import Settings
from tests.console.test_up import STORY, Up, drop
from tests.wait import wait_until
from tests.web.kit import looking, visitor
from tests.web.shelf import many

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.web.kit import Look


START = 60.0
"""Seconds that a desk may take to start on a busy machine; the rest of the tests need it up."""


class Desk:
    """A running desk: its inbox and the address of its page."""

    def __init__(self, up: Up, log: Path) -> None:
        self.inbox = up.inbox
        said = re.compile("^API and page: (.+)$", re.MULTILINE)
        wait_until(lambda: said.search(log.read_text()), "the address of the page", START)
        self.base = said.findall(log.read_text())[0]
        # The first file waits for the slowest of the services; nothing else has to.
        self.drop("first.txt", "Desk of Riverton opens", "The desk is open, said Mara Ellison.")
        receipt = self.inbox / "done" / "first.txt.receipt.json"
        wait_until(receipt.exists, "the receipt of the first file", START)

    def drop(self, name: str, headline: str, text: str = "Ferries of Riverton sail again.") -> None:
        """A file with one article."""
        drop(self.inbox, name, f"{headline}\n\nBy Mara Ellison\n\n{text}\n")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """`wiredesk up`, with some articles filed before."""
    folder: Path = tmp_path_factory.mktemp("desk")
    (folder / "inbox").mkdir()
    with open_store(Settings(inbox=folder / "inbox")) as store:
        store.file(list(many(20)))
    with (folder / "log").open("wb") as log:
        up = Up(folder / "inbox", log)
        try:
            yield Desk(up, folder / "log")
        finally:
            up.process.kill()
            up.process.wait()


@pytest.fixture(scope="module")
def tab(browser: Browser, desk: Desk) -> Iterator[Look]:
    context = visitor(browser)
    with looking(context, desk.base) as opened:
        yield opened
    context.close()


@pytest.fixture
def look(tab: Look) -> Iterator[Look]:
    """The live feed, connected."""
    tab.open("#/")
    tab.page.wait_for_selector("#signal[data-state=live]")
    yield tab
    tab.check()


def test_a_dropped_file_appears_without_reload(look: Look, desk: Desk) -> None:
    """On top, marked as unread until it is looked at, counted in the title."""
    page = look.page
    page.evaluate("window.before = true")
    drop(desk.inbox, "bridge.txt", STORY)
    row = page.locator(".incoming .row", has_text="Harbour bridge opens to trams")
    row.wait_for()
    expect(row.locator(".row-excerpt")).to_contain_text("Riverton")
    assert page.evaluate("window.before") is True
    assert "unread" in (row.get_attribute("class") or "")
    expect(page).to_have_title("(1) Live – Wiredesk")
    row.locator(".row-link").focus()
    expect(page).to_have_title("Live – Wiredesk")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Harbour bridge opens to trams")


def test_news_above_are_counted_for_who_has_scrolled_down(look: Look, desk: Desk) -> None:
    page = look.page
    page.evaluate("scrollTo(0, 900)")
    desk.drop("lower.txt", "Lighthouse of Orrin is lit again", "The lamp burns once more at Orrin.")
    pill = page.locator(".pill")
    pill.wait_for()
    assert pill.inner_text() == "1 new"
    expect(page.locator("#announce")).to_have_text("1 new article")
    pill.click()
    pill.wait_for(state="hidden")
    expect(page.locator(".incoming .row-link").first).to_be_focused()


def test_an_update_and_a_withdrawal_are_shown_where_the_article_is(look: Look, desk: Desk) -> None:
    page = look.page

    def ninjs(version: int, headline: str, status: str = "usable") -> str:
        return json.dumps(
            {
                "uri": "urn:example:quay",
                "version": str(version),
                "pubstatus": status,
                "headline": headline,
                "body_text": f"The quay of Fenwick has moved, says report {version}.",
            }
        )

    drop(desk.inbox, "quay-1.json", ninjs(1, "Quay of Fenwick moves"))
    page.locator(".incoming .row", has_text="Quay of Fenwick moves").wait_for()
    drop(desk.inbox, "quay-2.json", ninjs(2, "Quay of Fenwick stops moving"))
    updated = page.locator(".incoming .row", has_text="Quay of Fenwick stops moving")
    expect(updated.locator(".row-note")).to_have_text("updated")
    assert page.locator(".row", has_text="Quay of Fenwick").count() == 1
    drop(desk.inbox, "quay-3.json", ninjs(3, "Quay of Fenwick stops moving", "canceled"))
    expect(page.locator(".row.withdrawn .row-note")).to_have_text("withdrawn")


def test_who_was_offline_gets_what_was_filed_meanwhile(look: Look, desk: Desk) -> None:
    """The state is shown, and the stream goes on behind the last event seen."""
    page = look.page
    look.expected = ("ERR_INTERNET_DISCONNECTED",)
    desk.drop("one.txt", "Mill of Fenwick turns", "The old mill turns, said Ines Okafor.")
    page.locator(".incoming .row", has_text="Mill of Fenwick turns").wait_for()
    page.context.set_offline(True)
    page.wait_for_selector("#signal[data-state=offline]")
    receipt = desk.inbox / "done" / "two.txt.receipt.json"
    desk.drop("two.txt", "Gate of Orrin falls", "The north gate fell, said Pavel Lindqvist.")
    wait_until(receipt.exists, "the receipt of two.txt")
    page.context.set_offline(False)
    page.wait_for_selector("#signal[data-state=live]")
    page.locator(".incoming .row", has_text="Gate of Orrin falls").wait_for()


def test_operators_see_the_stages_their_workers_and_the_receipts(look: Look, desk: Desk) -> None:
    page = look.open("#/desk", ".stage")
    stages = page.locator(".stage h2").all_inner_texts()
    assert stages == ["Ingest", "Enrichment", "Indexer"]
    assert page.locator(".dot.on").count() == 3
    desk.drop("seen.txt", "Orchard of Wren blooms", "Apples bloom early, said Joan Abara.")
    receipts = page.locator(".panel", has_text="Receipts")
    expect(receipts).to_contain_text("seen.txt")
    row = receipts.locator("tr", has_text="seen.txt")
    expect(row).to_contain_text("1 indexed")
    assert page.locator(".state.good").count() == 1
