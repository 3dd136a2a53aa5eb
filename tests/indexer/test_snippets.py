"""What a list shows of a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.store.snippets import (
    LEAD_CHARS,
    MAX_HIGHLIGHTS,
    SCANNED_CHARS,
    SNIPPET_CHARS,
    excerpt,
    highlights,
)
from services.indexer.store.words import Term, parse, positive

LONG = " ".join(f"word{n}" for n in range(400))


def snippet(text: str, terms: tuple[Term, ...] = ()) -> str:
    """The excerpt with its matches in square brackets."""
    return marked(*excerpt(text, terms))


def marked(text: str, places: tuple[tuple[int, int], ...]) -> str:
    parts, at = [], 0
    for start, end in places:
        parts += [text[at:start], "[", text[start:end], "]"]
        at = end
    return "".join([*parts, text[at:]])


def terms(words: str) -> tuple[Term, ...]:
    return positive(parse(words))


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
        ("resume", "A re\u0301sume\u0301, RÉSUMÉ!", "A [re\u0301sume\u0301], [RÉSUMÉ]!"),
        ('"the quay" the quay', "The quay and the boat.", "[The quay] and [the] boat."),
        ("quay -boat", "The quay, the boat.", "The [quay], the boat."),
        ("moved OR quay", "The quay moved.", "The [quay] [moved]."),
        ('"the qu"*', "The quay moved.", "[The quay] moved."),
        ("", "", ""),
    ],
)
def test_matches_are_marked(words: str, text: str, shown: str) -> None:
    assert snippet(text, terms(words)) == shown


def test_without_terms_it_is_the_beginning_and_says_that_more_follows() -> None:
    shown = snippet(LONG)
    assert shown.startswith("word0 word1 ")
    assert shown.endswith("…")
    assert SNIPPET_CHARS - 10 <= len(shown) <= SNIPPET_CHARS + 1


def test_a_late_match_is_shown_with_some_words_before_it() -> None:
    shown = snippet(LONG, terms("word200"))
    before, _, after = shown.partition("[word200]")
    assert before.startswith("…word19")
    assert 0 < len(before) <= LEAD_CHARS + 1
    assert len(after) > SNIPPET_CHARS / 2
    assert after.endswith("…")


def test_no_word_is_cut() -> None:
    for number in range(0, 400, 7):
        shown = snippet(LONG, terms(f"word{number}")).strip("…")
        assert set(shown.replace("[", "").replace("]", "").split()) <= set(LONG.split())


def test_one_endless_word_is_cut() -> None:
    assert snippet("x" * 10_000) == "x" * SNIPPET_CHARS + "…"


def test_a_match_beyond_what_is_looked_through_leaves_the_beginning() -> None:
    text = "start " + "x " * SCANNED_CHARS + "needle"
    shown = snippet(text, terms("needle"))
    assert shown.startswith("start x x")
    assert "[" not in shown


@given(st.text(max_size=300), st.text(max_size=40).filter(lambda words: "-" not in words))
def test_any_text_and_any_words_give_one_short_line_of_the_text(text: str, words: str) -> None:
    shown = snippet(text, terms(words))
    assert shown == " ".join(shown.split())
    plain = shown.strip("…").replace("[", "").replace("]", "")
    assert plain in " ".join(text.split()).strip("…").replace("[", "").replace("]", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" + "!" * SCANNED_CHARS, '"a b"'),
        ("a " * SCANNED_CHARS, '"' + "a " * 50 + 'b"'),
        ("a" * SCANNED_CHARS, "a* " * 99),
        ("a_" * SCANNED_CHARS, '"a a a a b"'),
        ("e\u0301 " * SCANNED_CHARS, '"' + "e " * 90 + 'b"'),
        ("e" + "\u0301" * SCANNED_CHARS, "e x"),
        ("\u0301" * SCANNED_CHARS, "e x"),
    ],
)
def test_no_text_makes_it_slow(text: str, words: str) -> None:
    start = time.process_time()
    snippet(text, terms(words))
    highlights(text, terms(words))
    # Up to 0.5 s; a pattern that backtracks would take minutes.
    assert time.process_time() - start < 5


# --- Whole texts ------------------------------------------------------------------------------


def test_matches_of_a_whole_text_are_offsets_of_its_characters() -> None:
    text = "The 😀 quay\n\nof Riverton.\n\nQuays; the\nquay."
    places = highlights(text, terms('riverton "the quay" quay*'))
    assert [text[start:end] for start, end in places] == [
        "The 😀 quay",
        "Riverton",
        "Quays",
        "the\nquay",
    ]
    assert places[0] == (0, 10)


def test_without_words_or_matches_nothing_is_marked() -> None:
    assert highlights("The quay.", ()) == highlights("The quay.", terms("boat")) == ()


def test_a_text_of_one_word_is_marked_so_often_and_no_more() -> None:
    assert len(highlights("storm " * 300_000, terms("storm"))) == MAX_HIGHLIGHTS


@given(st.text(max_size=300), st.sampled_from(["a", "a*", '"a b"', "é 1", "x OR 0*"]))
def test_matches_are_in_order_within_the_text_and_apart(text: str, words: str) -> None:
    end = 0
    for start, stop in highlights(text, terms(words)):
        assert end <= start < stop <= len(text)
        end = stop


def test_characters_that_grow_in_lower_case_keep_their_places() -> None:
    text = "İİİ quay ẞẞ quay"
    assert [text[start:end] for start, end in highlights(text, terms("quay"))] == ["quay", "quay"]
