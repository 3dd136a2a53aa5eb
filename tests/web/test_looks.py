"""How the page looks and behaves: sizes, themes, keyboard, hostile texts, tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from services.indexer.store.opening import open_store
from services.serving import tokens
from services.settings import Settings
from tests.web.kit import looking, served, visitor
from tests.web.shelf import HOSTILE, OVERRIDE, PLAIN, SCRIPT, STORY, many

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from services.indexer.api.models import Scope
    from tests.web.kit import Look

VIEWS = {
    "#/": "#feed .row",
    "#/search?q=harbour": ".plot .bar",
    f"#/article/{PLAIN}": ".text .m",
    f"#/article/{PLAIN}?v=2&from=1": ".changes ins",
    f"#/article/{HOSTILE}": ".text p",
    "#/entity/wd%3AQ1": ".plot .bar",
    "#/stories": ".row",
    f"#/story/{STORY}": ".row",
    "#/topics": ".tree .row",
    "#/desk": ".stage",
}
"""Every view, and what is there when it is whole."""


@pytest.fixture(scope="module")
def telephone(browser: Browser, shelf: str) -> Iterator[Look]:
    context = visitor(browser, viewport={"width": 360, "height": 740}, color_scheme="dark")
    with looking(context, shelf) as opened:
        yield opened
    context.close()


@pytest.fixture(scope="module")
def wall(browser: Browser, shelf: str) -> Iterator[Look]:
    context = visitor(browser, viewport={"width": 1920, "height": 1080})
    with looking(context, shelf) as opened:
        yield opened
    context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_telephone(telephone: Look, view: str) -> None:
    telephone.open(view, VIEWS[view])
    assert telephone.overflow == 0
    telephone.check()


def test_what_is_tapped_is_as_large_as_a_finger(telephone: Look) -> None:
    """At least 44 px high, or in a line of text with room around it."""
    page = telephone.open("#/", VIEWS["#/"])
    for selector in (".nav a", ".tool", "#q"):
        for box in page.eval_on_selector_all(
            selector, "all => all.map(e => e.getBoundingClientRect().toJSON())"
        ):
            assert box["height"] >= 44, selector
            assert box["right"] <= 360, selector
    telephone.check()


def test_the_nav_lies_at_the_bottom_of_a_telephone(telephone: Look) -> None:
    page = telephone.open("#/", VIEWS["#/"])
    bottom = page.eval_on_selector(".nav", "nav => nav.getBoundingClientRect().bottom")
    assert bottom == 740
    telephone.check()


def test_lines_stay_readable_on_a_wide_screen_that_is_used(wall: Look) -> None:
    """The text has at most some 80 letters a line; panels take the rest of the screen."""
    page = wall.open(f"#/article/{PLAIN}", ".text .m")
    text, panel = (
        page.eval_on_selector(css, "e => e.getBoundingClientRect().toJSON()")
        for css in (".text", ".stack:last-child")
    )
    size = page.eval_on_selector(".text", "e => parseFloat(getComputedStyle(e).fontSize)")
    assert text["width"] / (size * 0.45) < 84
    assert panel["left"] > text["right"]
    assert panel["right"] - text["left"] > 1200
    wall.check()


def test_the_theme_follows_the_system_until_it_is_chosen(look: Look) -> None:
    page = look.open()
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(paper) == light
    page.reload()
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="light")


def test_less_movement_for_who_asks_for_it(look: Look) -> None:
    page = look.open()
    page.emulate_media(reduced_motion="reduce")
    name = "getComputedStyle(document.querySelector('#signal'), '::before').animationName"
    assert page.evaluate(name) == "none"
    page.emulate_media(reduced_motion="no-preference")


def test_from_the_feed_to_an_entity_by_keyboard_alone(look: Look) -> None:
    page = look.open("#/", VIEWS["#/"])
    press = page.keyboard.press
    press("?")
    page.wait_for_selector("dialog[open]")
    press("Escape")
    page.wait_for_selector("dialog", state="detached")
    press("/")
    page.keyboard.type("twelve")
    press("Enter")
    page.wait_for_selector("#results .row")
    press("j")
    expect(page.locator(".row-link").first).to_be_focused()
    press("Enter")
    page.wait_for_selector(".text .m")
    expect(page.locator("h1")).to_be_focused()
    for _ in range(40):
        press("Tab")
        if page.evaluate("document.activeElement.matches('.text .m')"):
            break
    assert page.locator("#card").is_visible()
    press("Enter")
    page.wait_for_selector(".plot .bar")
    assert page.inner_text("h1") == "Ana Petrova"
    press("u")
    page.wait_for_selector(".text .m")


def test_j_and_k_go_through_a_list_and_stay_in_it(look: Look) -> None:
    page = look.open("#/search?q=ferry", "#results .row")
    for key, at in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        expect(page.locator(".row-link").nth(at)).to_be_focused()


def test_the_skip_link_comes_first_and_leads_to_the_content(look: Look) -> None:
    page = look.open("#/", VIEWS["#/"])
    page.reload()
    page.wait_for_selector("h1")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    assert page.url.endswith("#/")


def test_every_view_has_one_heading_and_named_controls(look: Look) -> None:
    """What a screen reader goes by."""
    for view, ready in VIEWS.items():
        page = look.open(view, ready)
        assert page.locator("h1").count() == 1, view
        nameless = page.eval_on_selector_all(
            "a, button, input",
            "all => all.filter(e => e.checkVisibility() && !(e.ariaLabel || e.textContent.trim()"
            " || e.title || e.labels?.length)).map(e => e.outerHTML)",
        )
        assert nameless == [], view
        assert page.title().endswith("– Wiredesk"), view


def test_a_hostile_article_is_only_text(look: Look) -> None:
    """In the article, in lists, as an entity: nothing runs, nothing turns the letters around."""
    page = look.open(f"#/article/{HOSTILE}", ".text p")
    assert SCRIPT in (page.text_content("h1") or "").replace("\ufffd", "")
    assert OVERRIDE[0] not in (page.text_content("main") or "")
    assert "␛[31mred" in (page.text_content(".text") or "")
    assert page.locator(".facts-source a").count() == 0
    assert page.locator("main img, main script").count() == 0
    page.click(".panel a:has-text('script')")
    page.wait_for_selector(".plot .bar")
    look.open("#/search?q=canary", "#results .row")
    page.wait_for_selector(".total:not(:empty)")
    assert page.evaluate("document.documentElement.dataset.canary") is None
    assert look.overflow == 0


def test_a_script_in_the_address_is_only_text(look: Look) -> None:
    look.expected = ("404", "400", "422")
    for route in ("#/search?q=%3Cimg%20src%3Dx%3E", "#/article/%3Cscript%3E", "#/entity/%3Cb%3Ex"):
        page = look.open(route)
        assert page.locator("main img, main script, main b").count() == 0
    assert look.open("#/nowhere").inner_text("h1") == "There is no such view"


class Guarded:
    """A desk that asks for tokens."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.settings = Settings(state_dir=folder, redis_url=redis_url, api_port=0)
        with open_store(self.settings) as store:
            store.file(list(many(3)))

    def token(self, name: str, *scopes: Scope) -> str:
        from datetime import UTC, datetime  # noqa: PLC0415

        text, token = tokens.make(scopes, datetime.now(UTC), None)
        with open_store(self.settings) as store:
            tokens.add(store, name, token)
        return text


def test_a_desk_with_tokens_asks_for_one_and_says_what_it_does_not_allow(
    browser: Browser, redis_url: str, tmp_path: Path
) -> None:
    """Once for everything; kept in the tab; a wrong one is asked for again."""
    guarded = Guarded(tmp_path, redis_url)
    reader = guarded.token("reader", "read")
    context = visitor(browser)
    with served(guarded.settings) as base, looking(context, base) as look:
        look.expected = ("401", "403")
        page = look.page
        page.goto(base)
        page.fill("#token", "wd_wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector(".dialog [role=alert]:has-text('known')")
        page.fill("#token", reader)
        page.keyboard.press("Enter")
        page.wait_for_selector("#feed .row")
        page.wait_for_selector("#signal[data-state=denied]")
        assert page.locator("dialog").count() == 0
        page.goto(f"{base}/#/desk")
        page.wait_for_selector("main [role=alert]:has-text('allow this')")
        page.reload()
        page.wait_for_selector("main [role=alert]")
        assert page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]
    context.close()


PAIRS = (
    ("ink", "paper"), ("ink-2", "paper"), ("ink-3", "paper"), ("link", "paper"),
    ("wire", "paper"), ("good", "paper"),
    ("ink", "sheet"), ("ink-2", "sheet"), ("ink-3", "sheet"), ("link", "sheet"),
    ("ink", "hit"), ("ink", "wire-wash"), ("ink", "good-wash"),
    ("ink", "value-wash"), ("ink-3", "value-wash"), ("paper", "ink"),
    ("plus-ink", "plus"), ("minus-ink", "minus"),
    *((kind, ground) for kind in (
        "person", "org", "place", "area", "site", "event", "group", "thing", "value",
    ) for ground in ("paper", "sheet", f"{kind}-wash")),
    *(("ink", f"{kind}-wash") for kind in (
        "person", "org", "place", "area", "site", "event", "group", "thing", "value",
    )),
)  # fmt: skip
"""Inks and the grounds that they stand on."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_ink_can_be_read_on_its_ground(look: Look, scheme: Any) -> None:
    """4.5 to 1, as WCAG 2.2 asks of small text; computed as the browser resolves the colours."""
    page = look.open("#/stories")
    page.emulate_media(color_scheme=scheme)
    names = sorted({name for pair in PAIRS for name in pair})
    script = """names => { const e = document.body.appendChild(document.createElement('i'));
        const all = names.map(n => (e.style.color = `var(--${n})`, getComputedStyle(e).color));
        e.remove(); return all; }"""
    colours = dict(zip(names, page.evaluate(script, names), strict=True))
    weak = {
        pair: round(ratio, 2)
        for pair in PAIRS
        if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5
    }
    page.emulate_media(color_scheme="light")
    assert weak == {}


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(…)`` by WCAG's formula."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, ground: str) -> float:
    """How many times brighter the brighter one is, as WCAG counts it."""
    dark, bright = sorted((luminance(ink), luminance(ground)))
    return (bright + 0.05) / (dark + 0.05)
