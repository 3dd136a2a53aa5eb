"""Stretches of whole days in the Gregorian calendar, and how ISO 8601 writes them.

Weeks are ISO weeks (Monday to Sunday), weekends Saturday and Sunday, seasons the
meteorological ones of the northern hemisphere, decades and centuries as people count them
(1990 to 1999, 1801 to 1900).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from schemas.annotations import DatePrecision

YEARS = range(1000, 2101)
"""What four digits may mean as a year: from there on English texts write years in four digits,
and nobody plans beyond."""

Part = Literal["early", "mid", "late", "first half", "second half"]
"""A part of a month, year…: a third of it or a half."""

SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""First month of each season in the northern hemisphere, where most English news is made."""

_SUNDAY = 6
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Days:
    """From ``earliest`` to ``latest``, both included."""

    earliest: date
    latest: date
    precision: DatePrecision

    @property
    def interval(self) -> str:
        """``2023-12-03``, or first and last day with a slash where they differ."""
        if self.earliest == self.latest:
            return self.earliest.isoformat()
        return f"{self.earliest.isoformat()}/{self.latest.isoformat()}"

    @property
    def name(self) -> str:
        """The shortest ISO 8601 form: ``2023``, ``2022-02``, ``2023-W48``, else the interval."""
        first = self.earliest
        if self == year_of(first):
            return f"{first.year:04}"
        if self == month_of(first):
            return f"{first.year:04}-{first.month:02}"
        if self == week_of(first):
            year, week, _ = first.isocalendar()
            return f"{year:04}-W{week:02}"
        return self.interval


def day(year: int, month: int, number: int) -> Days | None:
    """One day; None where the calendar has no such day (February 30)."""
    try:
        return one(date(year, month, number))
    except ValueError:
        return None


def one(when: date) -> Days:
    """The day itself."""
    return Days(when, when, "day")


def months(year: int, month: int, count: int, precision: DatePrecision) -> Days:
    """``count`` whole months, the first of them ``month`` (1 to 12) of ``year``."""
    last_year, last = shifted(year, month, count - 1)
    end = date(last_year, last, monthrange(last_year, last)[1])
    return Days(date(year, month, 1), end, precision)


def shifted(year: int, month: int, by: int) -> tuple[int, int]:
    """Year and month that lie ``by`` months later (earlier where negative)."""
    total = year * 12 + month - 1 + by
    return total // 12, total % 12 + 1


def month_of(when: date) -> Days:
    """The month that the day is in."""
    return months(when.year, when.month, 1, "month")


def year(number: int) -> Days:
    """The year, from New Year's Day to New Year's Eve."""
    return months(number, 1, 12, "year")


def year_of(when: date) -> Days:
    """The year that the day is in."""
    return year(when.year)


def quarter(number: int, of_year: int) -> Days:
    """Quarter 1 to 4 of a calendar year."""
    return months(of_year, 3 * number - 2, 3, "quarter")


def quarter_of(when: date) -> Days:
    """The quarter that the day is in."""
    return quarter((when.month + 2) // 3, when.year)


def season(name: str, of_year: int) -> Days:
    """A season by its key in :data:`SEASONS`; winter begins in December of ``of_year``."""
    return months(of_year, SEASONS[name], 3, "season")


def decade(first_year: int) -> Days:
    """Ten years from ``first_year`` on."""
    return months(first_year, 1, 120, "decade")


def century(number: int) -> Days:
    """The ``number``-th century AD: the 19th is 1801 to 1900."""
    return months(100 * number - 99, 1, 1200, "century")


def week_of(when: date) -> Days:
    """Monday to Sunday around the day."""
    monday = when - timedelta(days=when.weekday())
    return Days(monday, monday + timedelta(days=6), "week")


def weekend_of(when: date) -> Days:
    """Saturday and Sunday of the day's week."""
    sunday = week_of(when).latest
    return Days(sunday - timedelta(days=1), sunday, "weekend")


def moved(days: Days, by: int) -> Days | None:
    """The ``by``-th stretch of the same kind after it; None out of the calendar's bounds."""
    first = days.earliest
    lengths = {"month": 1, "quarter": 3, "season": 12, "year": 12, "decade": 120, "century": 1200}
    try:
        if days.precision in ("week", "weekend"):
            step = timedelta(days=7 * by)
            return replace(days, earliest=first + step, latest=days.latest + step)
        count = lengths[days.precision]
        start_year, start_month = shifted(first.year, first.month, by * count)
        length = 3 if days.precision == "season" else count
        return months(start_year, start_month, length, days.precision)
    except (ValueError, OverflowError):
        return None


def between(first: Days, second: Days) -> Days | None:
    """All days from the beginning of one to the end of the other; None where they go back."""
    if second.latest < first.earliest:
        return None
    return Days(first.earliest, second.latest, "range")


def narrowed(days: Days, part: Part) -> Days:
    """A part of a stretch, of the same precision: a third ('early') or a half of its time.

    Whole days for a week or month (early March: 1 to 10; late in a week: from Thursday on),
    whole months for a quarter, season or year, whole years beyond.
    """
    first, last = _bounds(days, part)
    return replace(days, earliest=first, latest=last)


_SHARES: dict[Part, tuple[float, float]] = {
    "early": (0, 1 / 3),
    "mid": (1 / 3, 2 / 3),
    "late": (2 / 3, 1),
    "first half": (0, 1 / 2),
    "second half": (1 / 2, 1),
}


def _bounds(days: Days, part: Part) -> tuple[date, date]:
    low, high = _SHARES[part]
    first, last = days.earliest, days.latest
    if days.precision in ("quarter", "season", "year", "decade", "century"):
        count = (last.year - first.year) * 12 + last.month - first.month + 1
        step = 12 if days.precision in ("decade", "century") else 1
        begin = round(count / step * low) * step
        end = round(count / step * high) * step
        start_year, start_month = shifted(first.year, first.month, begin)
        stretch = months(start_year, start_month, end - begin, days.precision)
        return stretch.earliest, stretch.latest
    length = min((last - first).days + 1, 30)
    begin_day, end_day = round(length * low), round(length * high)
    latest = last if part in ("late", "second half") else first + timedelta(days=end_day - 1)
    return first + timedelta(days=begin_day), latest
