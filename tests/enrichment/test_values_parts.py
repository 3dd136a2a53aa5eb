"""Days, numbers and tenses: what dates and amounts are made of."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.values import currencies, days
from services.enrichment.values.numbers import from_digits, from_words
from services.enrichment.values.tense import tense

DATES = st.dates(date(1100, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("five", 5),
        ("twenty-five", 25),
        ("a hundred", 100),
        ("two hundred and fifty thousand", 250_000),
        ("one hundred and twenty-five million", 125_000_000),
        ("a million", 1_000_000),
        ("half a billion", 500_000_000),
        ("one and a half million", 1_500_000),
        ("3.5 million", 3_500_000),
        ("1,200 million", 1_200_000_000),
        ("two million five hundred thousand", 2_500_000),
        ("five crore", 50_000_000),
        ("2 lakh crore", 2_000_000_000_000),
        ("hundred", None),
        ("million", None),
        ("five twenty", None),
        ("five three", None),
        ("five million three billion", None),
        ("3 apples", None),
        ("and", None),
    ],
)
def test_number_words(words: str, value: int | None) -> None:
    assert from_words(words) == value


@pytest.mark.parametrize(
    ("text", "point", "value"),
    [
        ("1,234", ".", "1234"),
        ("1.234", ".", "1.234"),
        ("1.234", ",", "1234"),
        ("1.234", None, "1234"),
        ("1,234", None, "1234"),
        ("1,234.56", ".", "1234.56"),
        ("1.234,56", ".", "1234.56"),
        ("1.234.567", ".", "1234567"),
        ("1,50,000", ".", "150000"),
        ("1,5", ".", "1.5"),
        ("0.125", ",", "0.125"),
        ("12 000", ".", "12000"),
        ("12\u202f000", ".", "12000"),
        ("1'234", ".", "1234"),
        ("1234,567", ".", "1234.567"),
    ],
)
def test_separators(text: str, point: str | None, value: str) -> None:
    assert from_digits(text, point=point) == Decimal(value)


@given(st.decimals(0, 10**9, places=2))
def test_digits_grouped_in_either_way_are_read_back(value: Decimal) -> None:
    american = f"{value:,.2f}"
    european = american.translate(str.maketrans(",.", ".,"))
    assert from_digits(american) == from_digits(european) == value


@given(DATES)
def test_every_stretch_around_a_day_holds_it(day: date) -> None:
    for around in (days.week_of, days.month_of, days.quarter_of, days.year_of):
        stretch = around(day)
        assert stretch.earliest <= day <= stretch.latest


@given(DATES, st.integers(-20, 20))
def test_moving_there_and_back_is_no_move(day: date, by: int) -> None:
    for stretch in (days.week_of(day), days.month_of(day), days.quarter_of(day), days.year_of(day)):
        moved = days.moved(stretch, by)
        assert moved is not None
        assert days.moved(moved, -by) == stretch


@given(DATES)
def test_thirds_and_halves_make_the_whole(day: date) -> None:
    stretches = [days.month_of(day), days.year_of(day), days.decade(day.year // 10 * 10)]
    for whole in [*stretches, days.week_of(day), days.quarter_of(day)]:
        for parts in (("early", "mid", "late"), ("first half", "second half")):
            pieces = [days.narrowed(whole, part) for part in parts]
            assert pieces[0].earliest == whole.earliest
            assert pieces[-1].latest == whole.latest
            for one, other in pairwise(pieces):
                assert one.latest + timedelta(days=1) == other.earliest


def test_stretches_out_of_the_calendar_are_none() -> None:
    assert days.moved(days.year(9999), 1) is None
    assert days.moved(days.week_of(date(1, 1, 2)), -1) is None
    assert days.day(2023, 2, 29) is None
    assert days.day(2024, 2, 29) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said on X that it will rise.", "past"),
        ("It will rise on X.", "future"),
        ("He won't come on X.", "future"),
        ("They’ll come on X.", "future"),
        ("The trial begins on X.", "future"),
        ("Voters go to the polls on X.", "future"),
        ("He died on X.", "past"),
        ("The first since X.", "past"),
        ("Talks planned for X failed.", "future"),
        ("On X, the court will rule.", "future"),
        ("On X, the court ruled that it will end.", "past"),
        ("It will close. He died on X.", "past"),
        ("He will leave, he said on X.", "past"),
        ("A bill to be passed on X.", "future"),
        ("Snow on X.", None),
    ],
)
def test_the_nearest_verb_tells_whether_a_clause_looks_ahead(
    text: str, expected: str | None
) -> None:
    at = text.index("X")
    assert tense(text, at, at + 1) == expected


def test_currencies_come_from_the_tables_of_the_day() -> None:
    assert {"USD", "EUR", "BYN", "UAH"} <= currencies.active_codes()
    assert not {"DEM", "BYR", "XXX"} & currencies.active_codes()
    nouns = currencies.nouns()
    assert nouns["pesos"]["mexican"] == "MXN"
    assert "" not in nouns["pesos"]
    assert nouns["yen"][""] == "JPY"
    assert "ALL" not in currencies.codes()
    assert all(code in currencies.active_codes() for of in nouns.values() for code in of.values())
    assert all(code in currencies.active_codes() for code in currencies.SIGNS.values())
    assert all(code in currencies.active_codes() for code in currencies.DOLLAR_PREFIXES.values())
