"""What a list shows of a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store.snippets import LEAD_CHARS, SCANNED_CHARS, SNIPPET_CHARS, snippet
from services.indexer.store.words import parse

LONG = " ".join(f"word{n}" for n in range(400))


@pytest.mark.parametrize(
    ("words", "text", "shown"),
    [
        ("quay", "The quay moved.", "The [quay] moved."),
        ("QUAY moved", "The quay moved.", "The [quay] [moved]."),
        ('"the quay"', "The\n\nquay moved.", "[The quay] moved."),
        ("mov*", "The quay moved.", "The quay [moved]."),
        ("mov", "The quay moved.", "The quay moved."),
        ("uay", "The quay moved.", "The quay moved."),
        ("cafe", "A Café, a cafe\u0301 and CAFÉS.", "A [Café], a [cafe\u0301] and CAFÉS."),
        ("ana's", "Ana's boat, ANA S, anas", "[Ana's] boat, [ANA S], anas"),
        ("snake_case", "snake case", "[snake case]"),
        ("!!!", "The quay moved!!!", "The quay moved!!!"),
        ("a.c (x", "abc a.c (x", "abc [a.c] ([x]"),
        ("北京", "在 北京 见面", "在 [北京] 见面"),
        ("straße", "Die Straße", "Die [Straße]"),
        ("", "", ""),
    ],
)
def test_matches_are_marked(words: str, text: str, shown: str) -> None:
    assert snippet(text, parse(words)) == shown


def test_without_terms_it_is_the_beginning_and_says_that_more_follows() -> None:
    shown = snippet(LONG)
    assert shown.startswith("word0 word1 ")
    assert shown.endswith("…")
    assert SNIPPET_CHARS - 10 <= len(shown) <= SNIPPET_CHARS + 1


def test_a_late_match_is_shown_with_some_words_before_it() -> None:
    shown = snippet(LONG, parse("word200"))
    before, _, after = shown.partition("[word200]")
    assert before.startswith("…word19")
    assert 0 < len(before) <= LEAD_CHARS + 1
    assert len(after) > SNIPPET_CHARS / 2
    assert after.endswith("…")


def test_no_word_is_cut() -> None:
    for number in range(0, 400, 7):
        shown = snippet(LONG, parse(f"word{number}")).strip("…")
        assert set(shown.replace("[", "").replace("]", "").split()) <= set(LONG.split())


def test_one_endless_word_is_cut() -> None:
    assert snippet("x" * 10_000) == "x" * SNIPPET_CHARS + "…"


def test_a_match_beyond_what_is_looked_through_leaves_the_beginning() -> None:
    text = "start " + "x " * SCANNED_CHARS + "needle"
    shown = snippet(text, parse("needle"))
    assert shown.startswith("start x x")
    assert "[" not in shown


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_text_and_any_words_give_one_short_line_of_the_text(text: str, words: str) -> None:
    shown = snippet(text, parse(words))
    assert shown == " ".join(shown.split())
    plain = shown.strip("…").replace("[", "").replace("]", "")
    assert plain in " ".join(text.split()).strip("…").replace("[", "").replace("]", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" + "!" * SCANNED_CHARS, '"a b"'),
        ("a " * SCANNED_CHARS, '"' + "a " * 50 + 'b"'),
        ("a" * SCANNED_CHARS, "a* " * 999),
        ("a_" * SCANNED_CHARS, '"a a a a b"'),
    ],
)
def test_no_text_makes_it_slow(text: str, words: str) -> None:
    start = time.process_time()
    snippet(text, parse(words))
    # About 20 ms; a pattern that backtracks would take minutes.
    assert time.process_time() - start < 2
