"""A scraped page's text taken apart: what is article, what is not, and nothing lost."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers.lines import split
from services.ingest.readers.page import analyse
from tests.readers.support import LEAD, MORE, TRAPS, Trap, kinds, lost_lines, page


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_traps(trap: Trap) -> None:
    found = page(trap.text)
    assert found.headline == trap.headline
    assert found.body == trap.body
    assert found.standfirst == trap.standfirst
    assert found.dateline == trap.dateline
    assert tuple(kinds(found)) == trap.set_apart


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_no_line_of_a_trap_is_lost(trap: Trap) -> None:
    assert lost_lines(split(trap.text), page(trap.text)) == []


def test_times_and_authors_are_taken() -> None:
    found = page(
        "Ferry sails again\nBy Ines Varga and Tom van der Berg, Valley Courier\n"
        f"Published: 4 Feb 2024 09:30 GMT | Updated: 4 Feb 2024 11:05 GMT\n\n{LEAD}"
    )
    assert found.authors == ("Ines Varga", "Tom van der Berg")
    assert found.published_at == datetime(2024, 2, 4, 9, 30, tzinfo=UTC)
    assert found.updated_at == datetime(2024, 2, 4, 11, 5, tzinfo=UTC)


def test_a_time_without_zone_is_set_apart_with_a_warning_and_not_guessed() -> None:
    found = page(f"Ferry sails again\nFebruary 4, 2024 9:30 am\n\n{LEAD}")
    assert found.published_at is None
    assert kinds(found) == [("published_line", 2)]
    assert found.warnings == ("no time taken from 'February 4, 2024 9:30 am': it has no time zone",)


def test_a_bare_date_below_the_top_is_text() -> None:
    found = page(f"Ferry sails again\n\n{LEAD}\n\n{MORE}\n\nFebruary 4, 2024\n\n{MORE} Again.")
    assert "February 4, 2024" in found.body


def test_a_labelled_time_counts_at_the_end_too() -> None:
    found = page(f"Ferry sails again\n\n{LEAD}\n\n{MORE}\n\nPublished Feb. 4, 2024 9:30 a.m. EST")
    assert found.published_at == datetime(2024, 2, 4, 14, 30, tzinfo=UTC)


def test_a_byline_below_the_top_is_text() -> None:
    found = page(f"Ferry sails again\n\n{LEAD}\n\n{MORE}\n\nBy Lake Victoria\n\n{MORE} Again.")
    assert "By Lake Victoria" in found.body
    assert found.authors == ()


def test_a_crosshead_that_paraphrases_the_headline_stays_in_the_body() -> None:
    found = page(f"Ferry sails again\n\n{LEAD}\n\nFerry back at sea\n\n{MORE}")
    assert found.body == (LEAD, "Ferry back at sea", MORE)


def test_a_long_run_of_short_lines_after_related_is_not_swallowed() -> None:
    lines = "\n".join(f"Line {number} of the song" for number in range(60))
    found = page(f"Ferry song\n\n{LEAD}\n\nRelated content\n{lines}")
    assert len(found.body) == 1 + 60 - 20


def test_a_given_headline_is_not_looked_for_and_its_repeats_are_set_apart() -> None:
    found = analyse(split(f"Ferry Sails Again\n\n{MORE}"), headline="Ferry sails again")
    assert found.headline == "Ferry sails again"
    assert found.body == (MORE,)
    assert kinds(found) == [("duplicate_headline", 1)]


def test_a_sentence_as_first_line_is_no_headline() -> None:
    found = page(f"The ferry sails again.\n\n{LEAD}")
    assert found.headline is None
    assert found.body[0] == "The ferry sails again."


def test_a_headline_may_end_with_an_abbreviation() -> None:
    assert page(f"Ferry sold to the U.S.\n\n{LEAD}").headline == "Ferry sold to the U.S."


_FRAGMENTS = st.sampled_from(
    [
        *("Ferry sails again", LEAD, MORE, "News", "NewsFerry sails again", "Home > World", ""),
        *("Related content", "Read more: Why it broke", "Advertisement", "By Ines Varga"),
        *(
            "12:24 PM EST, December 3, 2023",
            "Updated 3 Dec 2023 17:24 GMT",
            "March 4",
            "Getty Images",
        ),
        *(
            "OSLO (AP) — The ferry sails.",
            "Photo: Ines Varga/AP",
            "* * *",
            "© 2024 Courier Inc.",
            " ",
        ),
        *("Ferry sails again | Courier", "Why?", "“Yes,” she said.", "Sign up for our newsletter"),
    ]
)
_LINES = st.lists(
    _FRAGMENTS | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60), max_size=25
)


@given(_LINES)
@settings(deadline=None, max_examples=300)
def test_no_line_is_ever_lost_and_every_number_is_right(lines: list[str]) -> None:
    """Each non-blank line is in headline, standfirst, dateline, body or set_apart."""
    numbered = split("\n".join(lines))
    found = analyse(numbered)
    assert lost_lines(numbered, found) == []
    texts = {line.number: line.text for line in numbered}
    assert all(entry.text in texts[entry.line] for entry in found.set_apart)


@given(_LINES)
@settings(deadline=None, max_examples=100)
def test_no_line_comes_twice(lines: list[str]) -> None:
    """The characters of all parts together are those of the source, but for a dateline's dash."""
    numbered = split("\n".join(lines))
    found = analyse(numbered)
    parts = [found.headline, found.standfirst, found.dateline, *found.body]
    parts += [entry.text for entry in found.set_apart]
    kept = sum(len("".join((part or "").split())) for part in parts)
    dash = 2 if found.dateline else 0
    total = sum(len("".join(line.text.split())) for line in numbered)
    assert total - dash <= kept <= total


@pytest.mark.parametrize(
    "line",
    [
        "(" * 400,
        "A " * 200,
        "a/b " * 100,
        "For the latest news " * 20,
        "By A. B. " * 44,
        "Published " * 40,
        "1:23 " * 80,
        "Photo: " * 57,
        "© " * 200,
        "News" * 100,
        "News > " * 57,
        "AA, " * 100,
    ],
)
def test_hostile_lines_cost_no_more_than_prose(line: str) -> None:
    """2,000 of each (800 kB) in seconds: no rule backtracks over a line."""
    hostile = "\n\n".join([line] * 2000)
    started = time.process_time()
    found = page(hostile)
    assert time.process_time() - started < 10
    assert found.headline is not None or found.body or found.set_apart


def test_time_grows_with_the_length_and_not_with_its_square() -> None:
    def cost(paragraphs: int) -> float:
        text = "\n\n".join(f"{MORE} Sailing number {n}." for n in range(paragraphs))
        started = time.process_time()
        page(text)
        return time.process_time() - started

    cost(100)
    # Eight times the text: 64 times the time if it were quadratic.
    assert cost(16_000) < 24 * max(cost(2_000), 0.01)
