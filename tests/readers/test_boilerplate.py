"""Single lines: what each rule takes, and the prose beside it that it must leave."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.boilerplate import MAX_CHARS, classify


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("12:24 PM EST, December 3, 2023", "published_line"),
        ("Published: Dec 3, 2023 12:24 PM EST", "published_line"),
        ("Updated 3 Dec 2023 17:24 GMT", "published_line"),
        ("Last updated on December 3, 2023 at 5 pm GMT", "published_line"),
        ("Published 2 hours ago", "published_line"),
        ("Date: 2023-12-03", "published_line"),
        ("By Jane Doe", "byline"),
        ("BY JANE DOE", "byline"),
        ("By Jane O’Doe-Smith and Juan de la Cruz", "byline"),
        ("Written by Łukasz Żak", "byline"),
        ("By Jane Doe | December 3, 2023 12:00 GMT", "byline"),
        ("By Agence France-Presse", "byline"),
        ("Reporting by Jane Doe in Oslo; editing by John Roe", "byline"),
        ("(Additional reporting by Jane Doe)", "byline"),
        ("Images source: © Wikimedia | CC 3.0 Wikimedia", "photo_credit"),
        ("Photo: Jane Doe/AP", "photo_credit"),
        ("Photograph by Jane Doe", "photo_credit"),
        ("Credit: Jane Doe/Getty Images", "photo_credit"),
        ("REUTERS/Jane Doe", "photo_credit"),
        ("AP Photo/Jane Doe", "photo_credit"),
        ("(AP Photo/Jane Doe, File)", "photo_credit"),
        ("Jane Doe/AFP via Getty Images", "photo_credit"),
        ("Getty Images", "photo_credit"),
        ("© Jane Doe", "photo_credit"),
        ("A crane lifts the shaft. (Jane Doe/AFP)", "photo_credit"),
        ("A crane lifts the shaft. Photo: Jane Doe", "photo_credit"),
        ("© 2023 The Valley Courier. All rights reserved.", "copyright"),
        ("Copyright 2023 Valley Media Inc. All rights reserved.", "copyright"),
        ("Related content", "related"),
        ("READ MORE", "related"),
        ("You may also like:", "related"),
        ("Also read: Why the shaft broke", "related"),
        ("Read more: Why the shaft broke", "related"),
        ("See also: Islands without bread", "related"),
        ("Read more about the ferry here", "related"),
        ("More from Valley Courier", "related"),
        ("For the latest news, weather, sports, and streaming video, head to The Hill.", "promo"),
        ("Sign up for our newsletter.", "promo"),
        ("Subscribe to our weekly briefing, free of charge", "promo"),
        ("Follow us on Twitter, Facebook and Instagram", "promo"),
        ("Follow Jane Doe on Mastodon: @jane", "promo"),
        ("Download our app for alerts", "promo"),
        ("Advertisement", "promo"),
        ("Story continues below advertisement", "promo"),
        ("Got a tip? Write to the desk.", "promo"),
        ("Never miss a story: have it sent to you.", "promo"),
    ],
)
def test_what_each_rule_takes(line: str, kind: str) -> None:
    finding = classify(line)
    assert finding is not None
    assert finding.kind == kind


@pytest.mark.parametrize(
    "line",
    [
        "Updated on Tuesday, the list shows more names.",
        "Published in 1911, the book was soon forgotten.",
        "Posted to the front, he wrote home daily.",
        "On December 3, 2023 the ferry sailed.",
        "By Christmas Day",
        "By Tuesday evening the streets were empty",
        "By and large",
        "By Rock and Hard Place",
        "By Jane Doe's account the boat was full.",
        "Photo equipment is costly",
        "Photography by night is hard.",
        "Picture: the economy is shrinking and nobody knows why.",
        "Picture this: a small town without water",
        "Image: he was said to be vain",
        "Credit: bank lending slowed in March",
        "Credit Suisse said it would cut jobs",
        "He spoke to reporters on Monday (Reuters).",
        "The minister arrived on Monday (AP)",
        "Copyright law was changed in 2019 to allow it",
        "Copyright lawyers met in 2019",
        "All rights reserved for fishermen were sold in 1911, the ledger says.",
        "Related: the two men are cousins.",
        "Relations with China have improved",
        "Read more about the plan in the report, she told reporters.",
        "Reading is up",
        "See",
        "More on the bench than on the field",
        "For the latest round of talks, diplomats will head to Geneva.",
        "For more than ten years, see the table below",
        "Sign up for our newsletter was the last thing she wanted to read.",
        "“Sign up for our newsletter,” the banner read.",
        "Subscribe to our view of the world, he said, or leave.",
        "Follow us on Twitter, the minister joked to supporters.",
        "Follow the money",
        "Advertisement spending fell by a third",
        "Download speeds have doubled",
        "Share prices fell",
        "Got a tip? No, the waiter said, nobody had left one.",
    ],
)
def test_prose_beside_it_is_left_alone(line: str) -> None:
    assert classify(line) is None


def test_a_credit_is_given_without_its_label() -> None:
    for line, credit in (
        ("Images source: © Wikimedia | CC 3.0 Wikimedia", "© Wikimedia | CC 3.0 Wikimedia"),
        ("Photo: Jane Doe/AP", "Jane Doe/AP"),
        ("A crane lifts the shaft. (AP Photo/Jane Doe)", "AP Photo/Jane Doe"),
    ):
        finding = classify(line)
        assert finding is not None
        assert finding.credit == credit


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("By Jane Doe", ("Jane Doe",)),
        ("By Jane Doe and John Roe", ("Jane Doe", "John Roe")),
        ("By Jane Doe, John Roe and Ann Lee", ("Jane Doe", "John Roe", "Ann Lee")),
        ("By Jane Doe, Senior Correspondent, Valley Courier", ("Jane Doe",)),
        ("By Jane Doe and John Roe, Associated Press", ("Jane Doe", "John Roe")),
        ("By Jane Doe for The Daily Example", ("Jane Doe",)),
        ("By Reuters", ("Reuters",)),
    ],
)
def test_authors_are_the_people_or_else_the_agency(line: str, authors: tuple[str, ...]) -> None:
    finding = classify(line)
    assert finding is not None
    assert finding.authors == authors


def test_a_line_with_two_labels_gives_two_times() -> None:
    finding = classify("Published Dec 3, 2023 12:24 PM EST | Updated Dec 3, 2023 1:10 PM EST")
    assert finding is not None
    assert finding.published is not None
    assert finding.updated is not None
    assert finding.published.moment is not None
    assert finding.updated.moment is not None
    assert (finding.updated.moment - finding.published.moment).total_seconds() == 46 * 60


def test_long_lines_are_prose() -> None:
    assert classify("Photo: " + "x" * MAX_CHARS) is None


@given(st.text(min_size=1, max_size=MAX_CHARS))
def test_no_line_raises(line: str) -> None:
    classify(line)


_WORDS = st.sampled_from(
    [
        *("by", "and", "for the latest", "news", ",", "(", ")", "/", "|", ":", "©", "photo", "AP"),
        *("Getty Images", "sign up", "newsletter", "follow us on", "x", "read more", "related"),
        *(
            "published",
            "updated",
            "12:24",
            "PM EST",
            "December",
            "3",
            "2023",
            "via",
            "Jane Doe",
            ".",
        ),
    ]
)


@given(st.lists(_WORDS, min_size=1, max_size=60))
def test_no_mixture_of_the_rules_words_takes_long(words: list[str]) -> None:
    line = " ".join(words)
    started = time.process_time()
    classify(line)
    assert time.process_time() - started < 0.5
