"""What holds of any text: exact offsets, values read back, time linear in the length."""

from __future__ import annotations

import time
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrichment.values.amounts import Market, grouped
from services.enrichment.values.dates import find_dates
from services.enrichment.values.days import month_of
from services.enrichment.values.money import find_money
from services.enrichment.values.reading import Clock
from services.enrichment.values.words import HOLIDAYS

TODAY = date(2023, 12, 6)
CLOCK = Clock(TODAY)

PIECES = (
    *("December", "Dec.", "may", "May", "March", "3", "12", "31", "2023", "1999", "'90s", "1990s"),
    *("Tuesday", "Sun", "last", "next", "this", "the", "of", "since", "from", "to", "between"),
    *("and", "early", "mid-", "late", "end of", "first half of", "quarter", "year", "week", "ago"),
    *("two", "a", "in", "weeks", "century", "19th", "-", "–", "/", ",", ".", "\n", "$", "€", "m"),
    *(
        "million",
        "dollars",
        "cents",
        "pounds",
        "EUR",
        "Rs",
        "kr",
        "half",
        "hundred",
        "will",
        "said",
    ),
    *("fiscal", "Q3", "summer", "weekend", "today", "BC", "U.S.", "Hong Kong", "%", "9/11", "¥"),
)
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def spans(text: str) -> list[tuple[int, int]]:
    dates = list(find_dates(text, CLOCK))
    for one in dates:
        assert one.days.earliest <= one.days.latest
    return [(one.start, one.end) for one in dates]


def check(text: str, found: list[tuple[int, int]]) -> None:
    for start, end in found:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert "\n" not in text[start:end]
    assert all(one[1] <= other[0] for one, other in pairwise(found))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(("", " ")))
def test_any_mixture_of_words_gives_exact_spans_without_overlaps(
    pieces: list[str], gap: str
) -> None:
    text = gap.join(pieces)
    check(text, spans(text))
    check(text, [(one.start, one.end) for one in find_money(Market(text))])


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_exact_spans(text: str) -> None:
    check(text, spans(text))
    check(text, [(one.start, one.end) for one in find_money(Market(text, english=False))])


STYLES = (
    "{month} {day}, {year}",
    "{month} {day} {year}",
    "{day} {month} {year}",
    "{day} {month}, {year}",
    "{short}. {day}, {year}",
    "{day} {short} {year}",
    "the {day} of {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "{weekday} {day} {month} {year}",
    "{iso}",
)


@given(st.dates(date(1000, 1, 1), date(2100, 12, 31)), st.sampled_from(STYLES))
def test_a_written_date_is_read_back(day: date, style: str) -> None:
    month = MONTHS[day.month - 1]
    written = style.format(
        month=month,
        short=month[:3],
        day=day.day,
        year=day.year,
        weekday=day.strftime("%A"),
        iso=day.isoformat(),
    )
    (found,) = find_dates(f"It was signed on {written} in Oslo.", CLOCK)
    assert (found.days.earliest, found.days.latest) == (day, day)
    assert not found.relative


@given(st.dates(date(2010, 1, 1), date(2040, 12, 31)), st.integers(0, 6))
def test_a_weekday_is_at_most_six_days_back_or_ahead(today: date, number: int) -> None:
    name = date(2024, 1, 1 + number).strftime("%A")
    (past,) = find_dates(f"He died on {name}.", Clock(today))
    (ahead,) = find_dates(f"He will leave on {name}.", Clock(today))
    assert 0 <= (today - past.days.earliest).days <= 6
    assert 0 <= (ahead.days.earliest - today).days <= 6
    assert past.days.earliest.weekday() == ahead.days.earliest.weekday() == number


@given(st.dates(date(2010, 1, 1), date(2040, 12, 31)), st.sampled_from(MONTHS))
def test_a_month_has_begun_or_isnt_over(today: date, month: str) -> None:
    (past,) = find_dates(f"They met in {month}.", Clock(today))
    (ahead,) = find_dates(f"They will meet in {month}.", Clock(today))
    (last,) = find_dates(f"They met last {month}.", Clock(today))
    assert past.days.earliest <= today <= ahead.days.latest
    assert last.days.latest < month_of(today).earliest


@pytest.mark.parametrize("name", sorted(HOLIDAYS))
def test_holidays_are_found_by_their_names(name: str) -> None:
    written = " ".join(word[:1].upper() + word[1:] for word in name.split())
    (found,) = find_dates(f"He died on {written}.", CLOCK)
    first = found.days.earliest
    assert (first.month, first.day) == HOLIDAYS[name]
    assert first <= TODAY


AMOUNTS = st.decimals(min_value="0.01", max_value=10**12, places=2)


@given(AMOUNTS, st.sampled_from(("$", "€", "£", "US$", "A$")))
def test_a_written_amount_is_read_back(amount: object, sign: str) -> None:
    written = f"{sign}{amount:,.2f}"
    (found,) = find_money(Market(f"It cost {written} in all."))
    assert found.amount == amount
    assert written == f"It cost {written} in all."[found.start : found.end]


@given(st.integers(1, 10**15), st.sampled_from(("dollars", "euros", "yuan", "Mexican pesos")))
def test_a_whole_amount_with_a_noun_is_read_back(amount: int, noun: str) -> None:
    (found,) = find_money(Market(f"It cost {amount:,} {noun}."))
    assert found.amount == amount
    assert grouped(found.amount) == f"{amount:,}"


HOSTILE = {
    "digits": "1",
    "digits and spaces": "1 ",
    "grouped digits": "1,234,",
    "dots": "1.",
    "dollars": "$",
    "dollars and ones": "$1 ",
    "ranges": "$1-",
    "early": "early ",
    "from": "from ",
    "since": "since the ",
    "months": "March ",
    "months and days": "March 3-",
    "weekdays": "Tuesday to ",
    "number words": "one hundred and ",
    "number words and nouns": "a million dollars ",
    "dollars as a word": "dollars ",
    "capitals before a noun": "Hong Kong New dollars ",
    "years": "2014-",
    "years in a list": "in 2014, 2015 and ",
    "between": "between 2014 and ",
    "spaces": " ",
    "letters": "x",
    "verbs": "will be charged ",
    "next": "next Tuesday ",
    "the end of": "the end of ",
    "Rs": "Rs 5 ",
    "yen": "¥5 ",
}


SHORT = 2_000
"""Characters: long enough for a quadratic pattern to show at eight times of it."""


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear_on_hostile_texts(piece: str) -> None:
    """Eight times the text may take twenty times as long; a quadratic pattern takes 64 times."""

    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        best = float("inf")
        for _ in range(3 if length < SHORT * 2 else 1):
            started = time.process_time()
            sum(1 for _ in find_dates(text, CLOCK))
            sum(1 for _ in find_money(Market(text)))
            best = min(best, time.process_time() - started)
        return best

    # The clock ticks in hundredths of milliseconds; below one of them nothing can be told.
    assert seconds(8 * SHORT) <= 20 * max(seconds(SHORT), 0.001)
