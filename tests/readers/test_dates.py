"""Times as newsrooms print them: read by a closed grammar, never guessed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.readers.dates import parse_when

DEC_3 = datetime(2023, 12, 3, 17, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "12:24 PM EST, December 3, 2023",
        "Dec. 3, 2023 at 12:24 p.m. EST",
        "December 3rd, 2023 12:24pm (EST)",
        "12:24 PM ET, Sun December 3, 2023",
        "3 Dec 2023 17:24 GMT",
        "Sunday 3 December 2023 17.24 GMT",
        "1724 GMT December 3, 2023",
        "2023-12-03T17:24:00Z",
        "2023-12-03T12:24:00-05:00",
        "2023-12-03 12:24:00 -0500",
        "2023-12-03 19:24 UTC+2",
        "3-Dec-2023 17:24 UTC",
        "Dec 3, 2023 - 18:24 CET",
        "December 3, 2023 | 8:24 PM MSK",
    ],
)
def test_one_moment_in_many_ways_of_printing(text: str) -> None:
    when = parse_when(text)
    assert when is not None
    assert when.moment == DEC_3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("December 3, 2023", "without a time of day"),
        ("December 3, 12:24 PM EST", "no year"),
        ("December 3, 2023 12:24 PM", "no time zone"),
        ("17:24 GMT", "no date"),
        ("03/04/2023 17:24 GMT", "can't be told apart"),
        ("03.04.2023 17:24 GMT", "can't be told apart"),
        ("13/04/23 17:24 GMT", "two digits"),
        ("Dec 3, 2023 12:24 CST", "several zones"),
        ("Dec 3, 2023 12:24 IST", "several zones"),
        ("February 30, 2023 10:00 GMT", "day is out of range"),
        ("November 5, 2023 1:30 AM ET", "clocks were changed"),
        ("March 12, 2023 2:30 AM ET", "clocks were changed"),
    ],
)
def test_what_cannot_be_known_is_said_and_not_guessed(text: str, reason: str) -> None:
    when = parse_when(text)
    assert when is not None
    assert when.moment is None
    assert reason in (when.warning or "")
    assert text in (when.warning or "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "May",
        "5",
        "May 2023",
        "In 2023",
        "March of the 300",
        "May 5 of that year",
        "The 3 December 2023 talks",
        "10:00 UTC (05:00 EST) Dec 3, 2023",
        "1, 2, 3",
        "Dec 3 Dec 4 2023",
        "13:00 am Dec 3, 2023 GMT",
        "Boeing 737",
        "December 3, 2023 " + "x" * 100,
    ],
)
def test_anything_else_is_no_time_at_all(text: str) -> None:
    assert parse_when(text) is None


def test_numeric_dates_with_only_one_reading_are_read() -> None:
    for text in ("13/04/2023 10:00 GMT", "04/13/2023 10:00 GMT", "2023/04/13 10:00 GMT"):
        when = parse_when(text)
        assert when is not None
        assert when.moment == datetime(2023, 4, 13, 10, tzinfo=UTC)


def test_eastern_time_follows_the_summer_clock() -> None:
    summer, winter = parse_when("July 4, 2023 9:00 AM ET"), parse_when("Jan 4, 2023 9:00 AM ET")
    assert summer is not None
    assert winter is not None
    assert summer.moment == datetime(2023, 7, 4, 13, tzinfo=UTC)
    assert winter.moment == datetime(2023, 1, 4, 14, tzinfo=UTC)


def test_midnight_and_noon_on_the_twelve_hour_clock() -> None:
    midnight = parse_when("12:05 AM GMT, May 4, 2023")
    noon = parse_when("12 pm GMT, May 4, 2023")
    assert midnight is not None
    assert midnight.moment == datetime(2023, 5, 4, 0, 5, tzinfo=UTC)
    assert noon is not None
    assert noon.moment == datetime(2023, 5, 4, 12, tzinfo=UTC)


@given(st.datetimes(datetime(1900, 1, 2), datetime(2100, 12, 30)), st.integers(-14, 14))  # noqa: DTZ001  (hypothesis wants naive bounds)
def test_every_iso_time_is_read_back(local: datetime, hours: int) -> None:
    local = local.replace(microsecond=0)
    sign = "+" if hours >= 0 else "-"
    when = parse_when(f"{local.isoformat()}{sign}{abs(hours):02}:00")
    assert when is not None
    assert when.moment == local.replace(tzinfo=UTC) - timedelta(hours=hours)


@given(st.text(max_size=90))
def test_no_text_raises(text: str) -> None:
    when = parse_when(text)
    assert when is None or (when.moment is None) == (when.warning is not None)


@given(st.text("0123456789:-/. TZ+ADecpmEST,", max_size=80))
def test_no_text_of_a_date_s_letters_raises(text: str) -> None:
    when = parse_when(text)
    assert when is None or (when.moment is None) == (when.warning is not None)


@pytest.mark.parametrize("text", ["1" * 80, "1:" * 40, "-" * 80, "a." * 40, "Dec " * 20])
def test_hostile_texts_are_quick(text: str) -> None:
    started = time.process_time()
    for _ in range(1000):
        parse_when(text)
    assert time.process_time() - started < 3
