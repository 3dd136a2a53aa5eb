"""Sketches: what two texts share is estimated right, however long they are, however read."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.kin.sketch import (
    DEEPER_LEVELS,
    GRAM_WORDS,
    MAX_CHARS,
    MOST_GRAMS,
    Sketch,
    _words_closely,
    body_start,
    sketch,
    words,
)
from tests.enrichment.kin_generator import article, event, variant
from tests.factories import make_raw

FIRST_HASHES = ["5f8f0dcb68f879ab", "9036c3f6996cef66"]


def share(one: Sketch, other: Sketch) -> float:
    """Containment at the coarser level, as the index reckons it."""
    level = max(one.level, other.level)
    kept = [{int(h) for h in each.hashes if int(h) % (1 << level) == 0} for each in (one, other)]
    return len(kept[0] & kept[1]) / max(min(map(len, kept)), 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He said: “It’s over.”", 'HE SAID: "It\'s over"'),
        ("The oﬃce, the ﬂoor", "the office - the floor"),
        ("naïve café", "NAIVE CAFE"),
        ("one\u00a0two\r\n\tthree", "one two three"),
        ("co\u00adoperate zero\u200bwidth", "cooperate zerowidth"),
    ],
)
def test_words_are_the_same_however_a_page_was_extracted(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_scripts_without_spaces_have_a_word_for_each_character() -> None:
    assert words("习近平会见 Joe") == ["习", "近", "平", "会", "见", "joe"]
    assert len(words("ไทยรัฐ")) > 3
    assert words("Кремль Лукашенко") == ["кремль", "лукашенко"]


PLAIN = sorted({*map(chr, range(256)), *bytes(range(256)).decode("cp1252", "ignore")})


@given(st.text(st.sampled_from(PLAIN), max_size=60), st.sampled_from(["’", "é", "ß", "–", "Ж"]))
def test_words_of_plain_text_are_those_that_a_close_look_finds(text: str, char: str) -> None:
    assert words(text + char) == _words_closely(text + char)
    plain = "".join(one for one in text if one.isascii())
    assert words(plain) == _words_closely(plain.replace("`", " "))


def test_each_plain_character_is_folded_as_a_close_look_does() -> None:
    for char in PLAIN:
        text = f"Wa{char}r {char} é{char} {char}3 ’"
        assert words(text) == _words_closely(text), repr(char)
    assert words("rock`n`roll") == ["rock", "n", "roll"]
    assert words("rock`n’roll") == ["rocknroll"]


@pytest.mark.parametrize("text", ["", "   \n", "one two three", "...", "\0\0\0"])
def test_fewer_words_than_a_gram_have_an_empty_sketch(text: str) -> None:
    made = sketch(text)
    assert len(made.hashes) == 0
    assert made.sizes == (0,) * DEEPER_LEVELS


def test_short_texts_keep_all_grams_and_long_ones_a_bounded_number() -> None:
    short = sketch(" ".join(f"word{n}" for n in range(60)))
    assert (len(short.hashes), short.level) == (60 - GRAM_WORDS + 1, 0)
    for length in (200, 500, 1000, 5000, 20_000):
        made = sketch(" ".join(f"word{n}" for n in range(length)))
        assert MOST_GRAMS * 0.3 < len(made.hashes) < MOST_GRAMS * 1.4


@given(st.text(max_size=400))
def test_a_sketch_holds_what_it_says(text: str) -> None:
    made = sketch(text)
    hashes = [int(one) for one in made.hashes]
    assert hashes == sorted(set(hashes))
    for step, size in enumerate(made.sizes):
        assert size == sum(one % (1 << (made.level + step)) == 0 for one in hashes)
        assert size == sum(depth >= step for depth in made.depths)


def test_a_sketch_is_the_same_in_every_release() -> None:
    """A change of these numbers needs another SKETCH_VERSION: what Redis holds would be foreign."""
    made = sketch("The harbour of Riverton closes for repairs on Monday")
    assert [f"{int(one):016x}" for one in made.hashes[:2]] == FIRST_HASHES
    assert made.hashes.dtype == np.uint64


def test_the_same_words_in_any_order_have_the_same_bag() -> None:
    assert sketch("a b c d e").bag == sketch("E d. c b a").bag
    assert sketch("a b c d e").bag != sketch("a b c d d").bag


def test_the_headline_counts_for_the_wording_but_not_for_the_bag() -> None:
    one = make_raw(headline="Harbour closes for repairs", body=("The quay wall moved again.",))
    other = make_raw(headline="Quay wall worries port", body=("The quay wall moved again.",))
    made = [sketch(each.text, body_start(each)) for each in (one, other)]
    assert made[0].bag == made[1].bag
    assert made[0].words == 5
    assert list(made[0].hashes) != list(made[1].hashes)


@pytest.mark.parametrize("number", range(5))
def test_a_cut_copy_is_contained_and_an_unrelated_text_is_not(number: int) -> None:
    whole = article(event(number), number, 700)
    copy = variant(whole, "cut", 1000 + number)
    stranger = article(event(number + 50, event(number).kind), 50 + number, 700)
    original = sketch("\n\n".join(whole.paragraphs))
    assert share(original, sketch("\n\n".join(copy.paragraphs))) > 0.9
    assert share(original, sketch("\n\n".join(stranger.paragraphs))) < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5_000_000,
        "é " * 2_500_000,
        "\0" * 5_000_000,
        "a\u0301" * 2_500_000,
        "习近平 " * 500_000,
    ],
    ids=["one word", "short words", "nuls", "combining marks", "no spaces"],
)
def test_megabytes_take_bounded_time(text: str) -> None:
    started = time.process_time()
    made = sketch(text)
    assert time.process_time() - started < 3, "a fraction of a second on a quiet machine"
    assert made.words <= MAX_CHARS
