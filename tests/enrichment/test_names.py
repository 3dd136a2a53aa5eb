"""Names as strings: what is trimmed, folded, thrown away, and which spellings are one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.annotators.names import (
    fold,
    is_junk,
    person_tokens,
    spelling,
    trim,
    without_title,
)


def trimmed(name: str) -> str:
    text = f"xx {name} yy"
    start, end = trim(text, 3, 3 + len(name))
    return text[start:end]


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ("Lukashenko's", "Lukashenko"),
        ("Lukashenko’s", "Lukashenko"),
        ("the Rivers'", "Rivers"),
        ("the United States", "United States"),
        ("The Hague", "The Hague"),
        ('"BelTA"', "BelTA"),
        ("anti-Chinese", "Chinese"),
        ("Smith.", "Smith"),
        ("U.S.", "U.S."),
        ("Martin Luther King Jr.", "Martin Luther King Jr."),
        ("Washington, D.C.", "Washington, D.C."),
        (" Kyiv\n", "Kyiv"),
        ("Minsk\n\nImages", "Minsk"),
        ("the", "the"),
        ("—", ""),
    ],
)
def test_a_name_loses_what_does_not_belong_to_it(found: str, kept: str) -> None:
    assert trimmed(found) == kept


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_trimming_stays_inside_of_what_was_found(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    first, last = trim(text, start, end)
    assert start <= first <= last <= end


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Łukaszenka", "lukaszenka"),
        ("XI  Jinping", "xi jinping"),
        ("The New York Times", "new york times"),
        ("Côte d’Ivoire", "cote d'ivoire"),
        ("U.S.", "us"),
        ("Erdoğan", "erdogan"),
        ("Kim Jong\u2011un", "kim jong-un"),
        ("The The", "the"),
    ],
)
def test_folding_makes_variants_of_writing_equal(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_but_articles(name: str) -> None:
    once = fold(name)
    assert not any(char.isupper() for char in once)
    assert "  " not in once


@pytest.mark.parametrize(
    "name",
    [
        *("he", "He", "s", "...", "Monday", "President", "x", "😀", "1999", "a@b.org"),
        *("https://a.b", "State", "ii", "Bell\x07ringer", "Long " * 30),
    ],
)
def test_what_is_no_name_is_junk(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize("name", ["US", "Xi", "EU", "Łukaszenka", "iPhone", "General Motors"])
def test_short_and_odd_names_are_kept(name: str) -> None:
    assert not is_junk(name)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("Dr. Kim Jong-un", ("kim", "jong", "un")),
        ("Martin Luther King Jr.", ("martin", "luther", "king")),
        ("President Jinping", ("jinping",)),
        ("Prime Minister Ana Petrova", ("ana", "petrova")),
        ("O'Neill", ("o'neill",)),
        ("123", ()),
    ],
)
def test_a_person_is_compared_by_the_parts_of_the_name(name: str, tokens: tuple[str, ...]) -> None:
    assert person_tokens(name) == tokens


def test_titles_before_a_name_are_not_part_of_the_mention() -> None:
    text = "then Prime Minister Ana Petrova left"
    start = without_title(text, 5, 31)
    assert text[start:31] == "Ana Petrova"
    assert without_title("President", 0, 9) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lukaszenka", "lukashenko"),
        ("lukashenka", "lukashenko"),
        ("zelensky", "zelenskyy"),
        ("zelenskiy", "zelensky"),
        ("shevchenko", "szewczenko"),
        ("kuznetsov", "kuznetsow"),
    ],
)
def test_romanisations_of_one_surname_share_a_spelling(one: str, other: str) -> None:
    assert spelling(one) == spelling(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ivanov", "ivanova"),  # his wife
        ("zelensky", "zelenska"),  # his wife
        ("kowalski", "kowalska"),  # his sister
        ("martin", "morton"),
        ("hansen", "hanson"),
        ("brown", "braun"),  # short names must be equal
        ("petrov", "petrova"),
        ("johnson", "johnston"),
    ],
)
def test_surnames_of_two_people_keep_two_spellings(one: str, other: str) -> None:
    assert spelling(one) != spelling(other)
