"""Markdown reduced to what a reader sees, with front matter; nothing on the page lost."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.readers.base import Unreadable
from services.ingest.readers.markdown import MAX_INLINE, MAX_MARKDOWN
from tests.readers.support import LEAD, MORE, kinds, read

STORY = f"""---
title: "Ferry sails again: mail arrives"
subtitle: Three villages wait no more
authors: [Ines Varga, {{name: Tom Berg}}]
date: 2024-02-04T09:30:00+01:00
lastmod: 2024-02-04 11:05 UTC
lang: en_GB
url: https://example.org/ferry
tags: [sea, mail]
---

# Ferry sails again: mail arrives

The *ferry* to the [northern islands](https://example.org/islands "map")
will **sail** again, `MS Varga` &amp; crew\\* said.

![The ferry at sea](ferry.jpg)

Photo: Ines Varga/AP

## What broke

- the shaft
- the *second* screw

> {MORE}

| Day | Boats |
|-----|-------|
| Mon | 2     |

Read more: Why the shaft broke

[map]: https://example.org/map
"""


def test_a_story_with_everything() -> None:
    article = read(STORY, "ferry.md")
    assert article.info.format == "text/markdown"
    assert article.headline == "Ferry sails again: mail arrives"
    assert article.standfirst == "Three villages wait no more"
    assert article.authors == ("Ines Varga", "Tom Berg")
    assert article.published_at == datetime(2024, 2, 4, 8, 30, tzinfo=UTC)
    assert article.updated_at == datetime(2024, 2, 4, 11, 5, tzinfo=UTC)
    assert (article.language, article.url) == ("en-GB", "https://example.org/ferry")
    assert article.body == (
        "The ferry to the northern islands will sail again, MS Varga & crew* said.",
        "What broke",
        "the shaft",
        "the second screw",
        MORE,
        "Day | Boats",
        "Mon | 2",
    )
    assert article.credits == ("Ines Varga/AP",)
    assert article.info.warnings == ()


def test_what_is_not_text_is_set_apart_with_its_line() -> None:
    apart = kinds(read(STORY, "ferry.md"))
    assert apart[:10] == [("front_matter", number) for number in range(1, 11)]
    assert apart[10:] == [
        ("duplicate_headline", 12),
        ("image", 17),
        ("photo_credit", 19),
        ("markup", 29),
        ("related", 32),
        ("markup", 34),
    ]


def test_a_level_one_heading_is_the_headline() -> None:
    article = read(f"World\n\n# Ferry *sails* again\n\n{LEAD}\n\n{MORE}\n", "x.md")
    assert article.headline == "Ferry sails again"
    assert article.body[-2:] == (LEAD, MORE)


def test_a_heading_alone_is_an_article() -> None:
    article = read("# Quake of magnitude 6 hits Chile\n")
    assert (article.headline, article.body) == ("Quake of magnitude 6 hits Chile", ())


def test_without_headings_the_headline_is_found_as_in_plain_text() -> None:
    article = read(f"Ferry sails again\n\n{LEAD}\n", "x.md")
    assert (article.headline, article.body) == ("Ferry sails again", (LEAD,))


def test_boilerplate_lines_run_together_in_one_paragraph_are_told_apart() -> None:
    article = read(f"# Ferry sails again\n\nBy Ines Varga\n4 Feb 2024 09:30 GMT\n\n{LEAD}\n")
    assert article.authors == ("Ines Varga",)
    assert article.published_at == datetime(2024, 2, 4, 9, 30, tzinfo=UTC)
    assert article.body == (LEAD,)


def test_an_unquoted_colon_in_the_title_is_forgiven_with_a_warning() -> None:
    article = read(f"---\ntitle: Ferry: sails again\nauthor: Ines Varga\n---\n{LEAD}\n")
    assert article.headline == "Ferry: sails again"
    assert article.authors == ("Ines Varga",)
    assert "not valid YAML" in article.info.warnings[0]


@pytest.mark.parametrize(
    ("field", "warning"),
    [
        ("date: 2024-02-04", "a date without a time of day"),
        ("date: last Monday", "not a known way of writing one"),
        ("lang: the Queen's", "is not a language tag"),
        ("url: javascript:alert(1)", "is not a web address"),
        ("url: 'https://[::'", "is not a web address"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(field: str, warning: str) -> None:
    article = read(f"---\ntitle: Ferry\n{field}\n---\n{LEAD}\n")
    assert (article.published_at, article.language, article.url) == (None, None, None)
    assert warning in article.info.warnings[0]


@pytest.mark.parametrize(
    "block",
    [
        "a: &a [*a, *a]",
        "a: " + "[" * 4000,
        "? !!python/object/apply:os.system ['true']",
        'title: "\\ud800\\0"',
        "- just\n- a list",
        "title: [1, 2]\nauthors: {a: {b: c}}\ndate: {}",
        "title: !!binary aGVsbG8=",
        "\tx: y",
    ],
)
def test_hostile_front_matter_does_no_harm(block: str) -> None:
    article = read(f"---\n{block}\n---\n\n{LEAD}\n\n{MORE}\n", "x.md")
    assert article.body[-1] == MORE
    (article.headline or "").encode()


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    article = read(f"---\n\nFerry sails again\n\n{LEAD}\n\n---\n\n{MORE}\n", "x.md")
    assert article.body[-1] == MORE
    assert ("markup", 1) in kinds(article)


def test_a_table_row_of_pictures_does_not_swallow_what_follows() -> None:
    article = read(f"# Ferry\n\n| a |\n|---|\n| ![alt](a.png) |\n\n{LEAD}\n")
    assert article.body == ("a", LEAD)
    assert ("image", 5) in kinds(article)


def test_html_is_no_text_but_is_kept() -> None:
    article = read(f"# Ferry <b>sails</b>\n\n<div>\nraw\n</div>\n\n{LEAD} <br> Again.\n")
    assert article.headline == "Ferry sails"
    assert article.body == (f"{LEAD} Again.",)
    assert [line.text for line in article.set_apart] == ["<div>", "raw", "</div>"]


def test_code_is_shown_line_by_line() -> None:
    article = read("# Ferry\n\n```\nfirst  line\n\nthird line\n```\n\n    indented\n")
    assert article.body == ("first line", "third line", "indented")
    assert kinds(article) == [("markup", 3), ("markup", 7)]


def test_markup_alone_is_refused() -> None:
    with pytest.raises(Unreadable, match="no text in it"):
        read("---\n\n***\n", "x.md")


def test_a_very_long_paragraph_keeps_its_marks() -> None:
    long = "*Ferry* " * MAX_INLINE
    article = read(f"# Ferry\n\n{long}\n")
    assert article.body[0].startswith("*Ferry* *Ferry*")
    assert "too long to resolve" in article.info.warnings[0]


def test_a_very_long_text_is_read_as_plain_text_with_the_right_lines() -> None:
    text = f"---\ntitle: Ferry\n---\n# Again\n\n{f'{MORE}{chr(10)}{chr(10)}' * 5000}Advertisement\n"
    assert len(text) > MAX_MARKDOWN
    article = read(text, "x.md")
    assert article.body[:2] == ("# Again", MORE)
    assert kinds(article)[-1] == ("promo", text.count("\n"))
    assert "read as plain text" in article.info.warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_MARKDOWN,
        "[\n" * (MAX_MARKDOWN // 2),
        ">\n" * (MAX_MARKDOWN // 2),
        "> " * (MAX_MARKDOWN // 2),
        "".join(" " * n + "- a\n" for n in range(700)),
        "|a|b|\n|-|-|\n" + "|*c|[d|\n" * (MAX_MARKDOWN // 9),
        ("![" * (MAX_INLINE // 2) + "\n\n") * 60,
        ("*a **b _c " * (MAX_INLINE // 10) + "\n\n") * 60,
        "<!--\n" * (MAX_MARKDOWN // 5),
        "[a]: b\n" * (MAX_MARKDOWN // 7),
    ],
    ids=["brackets", "open", "quotes", "deep", "list", "table", "images", "stars", "html", "refs"],
)
def test_hostile_markdown_takes_seconds(text: str) -> None:
    started = time.process_time()
    try:
        read(f"# Ferry\n\n{text}"[:MAX_MARKDOWN], "x.md")
    finally:
        assert time.process_time() - started < 15


_PIECES = st.sampled_from(
    [
        *(
            "# Ferry",
            "Ferry\n=====",
            "## What broke",
            "---",
            "```",
            "    code",
            "> quoted",
            "- item",
        ),
        *("1. one", "*stars* and [links](http://example.org)", "![alt](a.png)", "<div>", "</div>"),
        *("| a | b |\n|---|---|\n| c | d |", "[ref]: http://example.org", "[ref]", "", "", LEAD),
        *(
            "Advertisement",
            "By Ines Varga",
            "title: x",
            "a\\\nb",
            "hard  \nbreak",
            "<!-- x -->",
            "~~~",
        ),
    ]
)


@given(st.lists(_PIECES, min_size=1, max_size=20))
@settings(deadline=None, max_examples=200)
def test_every_source_line_is_accounted_for(pieces: list[str]) -> None:
    """A non-blank line's visible words are in the article, or the line is set apart."""
    text = "\n".join(["Ferry sails again", *pieces])
    article = read(text, "x.md")
    shown = " ".join((article.headline or "", article.standfirst or "", *article.body))
    apart = {entry.line for entry in article.set_apart}
    for number, line in enumerate(text.split("\n"), start=1):
        words = ("stars", "links", "item", "code", "quoted", "broke", "hard")
        missing = [word for word in words if word in line and word not in shown]
        assert not missing or number in apart
