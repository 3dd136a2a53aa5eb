"""HTML fragments become paragraphs of the text that a reader sees, and nothing hides or hangs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.fragments import paragraphs


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("<p>One.</p><p>Two.</p>", ("One.", "Two.")),
        ("One<p>Two<p>Three", ("One", "Two", "Three")),
        ("<div>One<div>Two</div>Three</div>", ("One", "Two", "Three")),
        ("<h2>Head</h2>Text <b>bold</b>er <i>x</i>.", ("Head", "Text bolder x.")),
        ("<blockquote>Said<p>so</p></blockquote>", ("Said", "so")),
        ("<figure><img alt='no'><figcaption>A gate.</figcaption></figure>", ("A gate.",)),
        ("<dl><dt>Ferry<dd>A ship</dl>", ("Ferry", "A ship")),
        ("Text<hr>more", ("Text", "more")),
    ],
)
def test_each_block_is_a_paragraph(fragment: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(fragment) == expected


def test_list_items_are_paragraphs_also_nested_ones() -> None:
    fragment = "<ul><li>Bread</li><li>Milk<ol><li>goat's</li></ol></li></ul>"
    assert paragraphs(fragment) == ("Bread", "Milk", "goat's")


def test_a_row_of_data_is_one_paragraph() -> None:
    table = (
        "<table><caption>Closures</caption><tr><th>Month</th><th>Times</th></tr>"
        "<tr><td>January</td><td><b>9</b><br>a record</td></tr><tr><td></td><td>0</td></tr></table>"
    )
    assert paragraphs(table) == ("Closures", "Month | Times", "January | 9 a record", "0")


def test_a_table_for_layout_keeps_its_blocks_apart() -> None:
    """Newsletters are tables of tables: their paragraphs are no cells of data."""
    mail = (
        "<table><tr><td><table><tr><td><h1>Ferry</h1><p>It sails.</p><p>On Monday.</p></td>"
        "<td><p>Weather</p></td></tr></table></td></tr></table>"
    )
    assert paragraphs(mail) == ("Ferry", "It sails.", "On Monday.", "Weather")


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("The ferry sails.<br><br>The mail too.", ("The ferry sails.", "The mail too.")),
        ("The ferry sails.<br>The mail too.", ("The ferry sails.", "The mail too.")),
        ("The ferry sails<br>on Monday.", ("The ferry sails on Monday.",)),
        ("<h1>Ferry<br>Sails</h1>", ("Ferry Sails",)),
        ("<br><br>", ()),
        ("<pre>First line.\nSecond line.\n</pre>", ("First line.", "Second line.")),
        ("<p>one\ntwo\n\nthree</p>", ("one two three",)),
    ],
)
def test_line_breaks(fragment: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(fragment) == expected


def test_hard_wrapped_lines_are_joined_again() -> None:
    """A mail programme wraps at 72 columns and puts <br> there."""
    lines = (
        "The ferry to the northern islands will sail again from Monday, says the",
        "Harbour office, after engineers replaced the shaft that had broken in a",
        "January storm and left three villages without any mail for eleven days.",
    )
    assert paragraphs("<div>" + "<br>\n".join(lines) + "</div>") == (" ".join(lines),)


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret()</script>",
        "<style>.secret{}</style>",
        "<template><p>secret</p></template>",
        "<noscript>secret</noscript>",
        "<iframe src=x>secret</iframe>",
        "<svg><title>secret</title><text>secret</text></svg>",
        "<video>Your secret browser</video>",
        "<div style='color:red; DISPLAY : none'>secret<p>secret</p></div>",
        "<p hidden>secret</p>",
        "<pre hidden>secret</pre>",
        "<h2 style='visibility:hidden'>secret</h2>",
        "<!-- secret -->",
        "<?php secret ?>",
        "<textarea>secret</textarea>",
        "<img alt='secret'>",
    ],
)
def test_what_nobody_sees_is_no_text(hidden: str) -> None:
    found = paragraphs(f"<p>Before.</p>{hidden}<p>After<br>it.</p>")
    assert found == ("Before.", "After it.")


def test_a_hidden_block_still_parts_the_text_around_it() -> None:
    assert paragraphs("One<div hidden>x</div>two") == ("One", "two")
    assert paragraphs("One<script>x</script>two") == ("Onetwo",)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("Salt &amp; vinegar", ("Salt & vinegar",)),
        ("<p>Salt &amp; vinegar</p>", ("Salt & vinegar",)),
        ("The entity &amp;lt; is written so", ("The entity &lt; is written so",)),
        ("<p>&amp;lt;b&amp;gt;</p>", ("&lt;b&gt;",)),
        ("caf&eacute; &#8212; &#x2026;", ("café — …",)),
        ("a&nbsp;b", ("a b",)),
        ("AT&T &bogus;", ("AT&T &bogus;",)),
    ],
)
def test_entities_are_resolved_once(fragment: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(fragment) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" \n ", ()),
        ("Ferry", ("Ferry",)),
        ("One\ntwo\n\nThree\n \nFour", ("One two", "Three", "Four")),
        ("One &lt; two\n\nThree", ("One < two", "Three")),
        ("1 < 2 and 3 > 2", ("1 < 2 and 3 > 2",)),
        ("<3 is a heart", ("<3 is a heart",)),
    ],
)
def test_what_is_no_html_is_parted_at_blank_lines(text: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(text) == expected


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("</div></p>Text<p>more", ("Text", "more")),
        ("<html><body><p>One</p></body></html><p>after the end", ("One", "after the end")),
        ("<td>cell</td>", ("cell",)),
        ("<p>One<p>Two</b></i></p>", ("One", "Two")),
        ("<p title='never closed>One", ()),
        ("a\x00b\ud800c<p>d\x1b[0m", ("abc", "d[0m")),
    ],
)
def test_broken_markup(broken: str, expected: tuple[str, ...]) -> None:
    assert paragraphs(broken) == expected


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "table><tr><td", "x-y", "ul><li"])
def test_however_deep_the_text_is_it_is_not_lost(tag: str) -> None:
    """The parser gives up at 256 levels; what is deeper is read without its containers."""
    assert "".join(paragraphs(f"<p>top</p>{f'<{tag}>' * 3000}deep")).endswith("deep")


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<p>a <b>b</b>", "x<br>", "<script>", "<table><tr><td>", "<!--", "&lt;", "</p>", "<"],
)
def test_time_grows_with_the_length_and_no_faster(unit: str) -> None:
    def taken(count: int) -> float:
        started = time.process_time()
        paragraphs(unit * count)
        return time.process_time() - started

    taken(100)
    small = min(taken(4_000) for _ in range(3))
    # Eight times the length; quadratic would be 64 times the time.
    assert min(taken(32_000) for _ in range(2)) < max(24 * small, 0.5)


@given(st.text(max_size=300))
def test_any_text_gives_clean_paragraphs(text: str) -> None:
    for fragment in (text, f"<p>{text}</p>", f"<table><tr><td>{text}<td>x"):
        for paragraph in paragraphs(fragment):
            assert paragraph == " ".join(paragraph.split())
            assert paragraph
            paragraph.encode("utf-8")


MARKUP = st.lists(
    st.sampled_from([
        "<p>", "</p>", "<div>", "</div>", "<br>", "<td>", "<tr>", "</table>", "<table>", "<pre>",
        "</pre>", "<h1>", "</h1>", "word ", "Word. ", "\n", "&amp;", "<", ">", "<script>",
        "</script>", "<li>", "<b>", "</b>", "<p hidden>", "<style>", "</style>", "<template>",
        "</html>", "<head>",
    ]),
    max_size=40,
)  # fmt: skip


@given(MARKUP)
def test_any_markup_gives_paragraphs(parts: list[str]) -> None:
    found = paragraphs("".join(parts))
    assert all(text and "\n" not in text and "\x1e" not in text for text in found)


@given(st.lists(st.sampled_from(["ferry", "mail", "storm", "quay"]), min_size=1, max_size=30))
def test_no_word_is_lost_or_doubled(words: list[str]) -> None:
    tags = ("p", "div", "li", "td", "b", "h2", "pre", "span", "blockquote")
    fragment = " ".join(f"<{tags[n % 9]}>{w}</{tags[n % 9]}>" for n, w in enumerate(words))
    assert " ".join(paragraphs(fragment)).replace("|", " ").split() == words
