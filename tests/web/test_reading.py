"""What people do with the page: search, read, follow a name, browse stories and topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.shelf import FIRST_BODY, LONG, OVERLAP, PLAIN, REPRINT, STORY, WITHDRAWN

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.web.kit import Look


def headlines(page: Page) -> list[str]:
    return page.locator(".rows .row-link").all_inner_texts()


def test_a_search_shows_matches_and_counts(look: Look) -> None:
    page = look.open("#/search?q=twelve", "#results .row")
    assert headlines(page) == ["Quay wall of Riverton moves"]
    assert page.locator("#results .row-excerpt .hit").all_inner_texts() == ["twelve"]
    page.wait_for_selector(".total:not(:empty)")
    assert page.inner_text(".total") == "1 article"
    assert page.title() == "twelve – Search – Wiredesk"


def test_words_typed_into_the_box_become_part_of_the_address(look: Look) -> None:
    page = look.open()
    page.fill("#q", '"quay wall" NOT copy')
    page.press("#q", "Enter")
    page.wait_for_selector("#results .row")
    assert "q=%22quay+wall%22+NOT+copy" in page.url
    assert page.input_value("#q") == '"quay wall" NOT copy'


def test_facets_narrow_chips_widen_and_back_leads_back(look: Look) -> None:
    """Each step is an address of its own."""
    page = look.open("#/search?q=harbour", ".facet")
    page.click(".facet a:has-text('Agence Rive')")
    page.wait_for_selector(".chip.remove:has-text('Agence Rive')")
    assert page.locator("#results .row").count() == 6
    page.click(".facet a:has-text('French')")
    page.wait_for_selector(".chip.remove:has-text('French')")
    assert "source=Agence+Rive" in page.url
    assert "language=fr" in page.url
    page.click(".chip.remove:has-text('Agence Rive')")
    page.locator(".chip.remove:has-text('Agence Rive')").wait_for(state="detached")
    assert page.locator(".chip.remove").count() == 1
    page.go_back()
    page.wait_for_selector(".chip.remove:has-text('Agence Rive')")
    assert page.locator(".chip.remove").count() == 2


def test_topics_are_gone_down_step_by_step(look: Look) -> None:
    """First the general ones; below a chosen one, those that are part of it."""
    page = look.open("#/search", ".facet")
    topics = page.locator(".facet:has(h2:text-is('Topics')) .facet-value a")
    assert topics.all_inner_texts() == ["economy, business and finance", "health"]
    topics.first.click()
    economy = page.locator(".facets").get_by_role("link", name="economy", exact=True)
    economy.first.wait_for()
    assert topics.all_inner_texts() == ["all topics", "economy, business and finance", "economy"]
    economy.first.click()
    page.wait_for_selector(".chip.remove:has-text('economy')")
    assert "topic=medtop%3A20000344" in page.url


def test_the_days_are_a_plot_that_can_be_narrowed_by(look: Look) -> None:
    page = look.open("#/search?q=ferry", ".plot .bar")
    page.focus(".plot")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text(".plot-value") == "2 Mar 2026: 1 article"
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip.remove:has-text('before')")
    assert "since=" in page.url


def test_more_goes_on_where_the_list_ends_without_repeating(look: Look) -> None:
    page = look.open("#/search?source=Example+Wire", "#results .row")
    assert page.locator("#results .row").count() == 25
    page.click("button:text-is('More')")
    page.locator("#results .row").nth(25).wait_for()
    ids = page.eval_on_selector_all("#results .row", "rows => rows.map(row => row.dataset.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("document.activeElement.closest('.row').dataset.id") == ids[25]


def test_entities_are_offered_while_typing(look: Look) -> None:
    page = look.open()
    page.locator("#q").press_sequentially("Petr")
    page.wait_for_selector("#suggestions li")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#q", "aria-activedescendant") == "suggestion-0"
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip.remove:has-text('Ana Petrova')")
    assert "entity=" in page.url


def test_a_search_that_finds_nothing_says_what_to_do(look: Look) -> None:
    page = look.open("#/search?q=zeppelin&language=fr", ".empty")
    assert "search everything" in page.inner_text(".empty")


def test_a_search_that_can_not_be_made_says_why(look: Look) -> None:
    look.expected = ("400",)
    page = look.open("#/search?topic=medtop%3A99999999", "main h1")
    page.wait_for_selector("[role=alert], .empty")
    assert page.locator("main h1").is_visible()


def test_an_article_has_its_names_marked_where_they_are(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}", ".text .m")
    marks = page.eval_on_selector_all(
        ".text .m", "all => all.map(m => [m.textContent, m.dataset.label])"
    )
    assert marks == [
        ["Ana Petrova", "person"],
        ["Riverton", "place"],
        ["Ana Petrova", "person"],
        ["$3 million", "money"],
        ["Riverton Port Authority", "org"],
    ]
    text = page.inner_text(".text p:not(.standfirst) >> nth=0")
    assert text == FIRST_BODY[0]
    assert page.inner_text(".said") == "The wall is tired"


def test_names_within_names_behind_wide_characters_keep_their_places(look: Look) -> None:
    """The longer name is marked; its card tells of the shorter one as well."""
    page = look.open(f"#/article/{OVERLAP}", ".text .m")
    assert page.eval_on_selector_all(".text .m", "all => all.map(m => m.textContent)") == [
        "University of New York",
        "New York City",
    ]
    page.hover(".text .m >> nth=0")
    page.wait_for_selector("#card:visible")
    assert page.locator("#card .card-name bdi").all_inner_texts() == [
        "University of New York",
        "New York",
    ]


def test_the_card_tells_who_is_meant_by_mouse_and_by_keyboard(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}", ".text .m")
    page.hover(".text .m >> nth=0")
    card = page.locator("#card")
    card.wait_for()
    assert "Ana Petrova" in card.inner_text()
    assert "2 mentions here, 97 % sure" in card.inner_text()
    assert card.locator("a").first.get_attribute("href") == "https://www.wikidata.org/wiki/Q1"
    page.keyboard.press("Escape")
    assert card.is_hidden()
    page.focus(".text .m[data-type=ORG]")
    assert "Riverton Port Authority" in card.inner_text()


def test_a_kind_of_marks_can_be_turned_off_and_stays_off(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}", ".text .m")
    page.click(".legend [data-type=PERSON]")
    assert page.get_attribute(".legend [data-type=PERSON]", "aria-pressed") == "false"
    look.open(f"#/article/{REPRINT}", ".text .m")
    off = page.eval_on_selector_all(".text .m[data-off]", "all => all.map(m => m.dataset.type)")
    assert set(off) == {"PERSON"}
    page.keyboard.press("m")
    page.keyboard.press("m")
    assert page.locator(".text .m[data-off]").count() == 0


def test_beside_the_text_stands_what_was_found_and_by_whom(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}", ".panel")
    words = page.inner_text("main")
    for piece in ("by the provider", "by our model: quay", "3,000,000 USD", "“The wall is tired”"):
        assert piece in words
    page.click("summary:has-text('Where this comes from')")
    assert "test-entities 1" in page.inner_text("main")
    assert "shelf/later.txt" in page.inner_text("main")


def test_the_words_that_were_searched_are_marked_in_the_text(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}?q=ferries", ".sheet mark.hit")
    assert {each.lower() for each in page.locator(".sheet mark.hit").all_inner_texts()} == {
        "ferries"
    }
    page.click("button:has-text('in the text')")
    assert page.locator("mark.hit.here").count() == 1


def test_versions_can_be_read_and_compared(look: Look) -> None:
    page = look.open(f"#/article/{PLAIN}", "a:text-is('changes')")
    page.click("a:text-is('changes')")
    page.wait_for_selector(".changes ins")
    assert page.locator(".changes ins").all_inner_texts() == ["twelve"]
    assert page.locator(".changes del").all_inner_texts() == ["nine"]
    look.open(f"#/article/{PLAIN}?v=1", ".text p")
    assert "nine days" in page.inner_text(".text")
    assert "This is version 1" in page.inner_text(".notice")


def test_near_duplicates_and_the_story_lead_on(look: Look) -> None:
    page = look.open(f"#/article/{REPRINT}", ".panel")
    page.wait_for_selector(".panel a:text-is('Quay wall of Riverton moves')")
    assert "91 % shared, same wording, Example Wire" in page.inner_text("main")
    page.click(".panel a:has-text('2 articles on this')")
    page.wait_for_selector(".thread .row")
    assert page.url.endswith(f"#/story/{STORY}")
    assert headlines(page) == ["Quay wall of Riverton moves", "Riverton's quay moves"]


def test_stories_are_listed(look: Look) -> None:
    page = look.open("#/stories", ".row")
    assert headlines(page) == ["Quay wall of Riverton moves"]
    assert "2 sources" in page.inner_text(".row")


def test_a_withdrawn_article_is_said_to_be_withdrawn(look: Look) -> None:
    look.expected = ("410",)
    page = look.open(f"#/article/{WITHDRAWN}")
    assert page.inner_text("h1") == "Withdrawn"
    assert "mistake" not in page.inner_text("main")


def test_an_entity_has_a_plot_its_company_and_its_articles(look: Look) -> None:
    page = look.open("#/entity/wd%3AQ1", ".row")
    assert page.inner_text("h1") == "Ana Petrova"
    assert headlines(page) == ["Quay wall of Riverton moves"]
    assert "Riverton Port Authority" in page.inner_text(".side")
    page.click("summary:has-text('table')")
    assert page.locator("figure tbody tr").all_inner_texts() == ["4 Mar 2026\t1"]


def test_topics_are_a_tree_that_leads_to_searches(look: Look) -> None:
    page = look.open("#/topics", ".tree")
    page.click(".tree summary >> nth=0")
    page.click(".branch .row-link:text-is('economy')")
    page.wait_for_selector(".chip.remove:has-text('economy')")
    assert page.locator("#results .row").count() > 0


def test_five_million_characters_are_shown_in_parts(look: Look) -> None:
    """The rest waits behind a button, and one line without a space doesn't widen the page."""
    page = look.open(f"#/article/{LONG}", ".text p")
    shown = len(page.text_content(".text") or "")
    assert 100_000 < shown < 200_000
    page.click(".text .more")
    assert len(page.text_content(".text") or "") > shown + 100_000
    assert look.overflow == 0
