"""What stands at a place of a text, and what it means once the year or week is chosen.

An expression is *whole* (its days are known: "December 3, 2023", "last week") or waits for
a year ("Dec. 3", "March") or a week ("Tuesday").  What waits is resolved against the
reference day: into the past, unless the clause looks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from services.enrichment.values import days as spans
from services.enrichment.values.tense import tense

if TYPE_CHECKING:
    from services.enrichment.values.days import Days, Part
    from services.enrichment.values.tense import Tense

NEARBY: timedelta = timedelta(days=60)
"""How far ahead a day without a year is still taken for the coming one where no verb tells: the
press names the year of what is further off, and looks back more often than ahead."""

Order = Literal["mdy", "dmy"]


@dataclass(frozen=True, slots=True)
class Clock:
    """What expressions are counted from: the calendar day of publication where it was made."""

    today: date
    order: Order | None = None
    """How numeric dates are written where the text is from; None: not known."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of time at ``text[start:end]``.

    ``days`` where it is whole; else ``month`` (1 to 12) with or without ``day`` waits for a year,
    or ``weekday`` (Monday is 0) alone for a week.  ``relative``: the reference was used.
    ``toward``: the words themselves say which way ("last Tuesday").
    """

    start: int
    end: int
    days: Days | None = None
    relative: bool = False
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    part: Part | None = None
    toward: Tense | None = None
    void: bool = False
    """It looks like a date and means none (February 30, 03/04/2023): nothing in it is one."""


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date at ``text[start:end]``; ``relative``: counted from the reference."""

    start: int
    end: int
    days: Days
    relative: bool


def whole(start: int, end: int, days: Days | None, *, relative: bool = False) -> Expression:
    """An expression whose days are known; void where the calendar has none."""
    return Expression(start, end, days, relative, void=days is None)


def with_year(expression: Expression, year: int, *, relative: bool = False) -> Expression:
    """``expression``, which waits for a year, in that year."""
    month, day = expression.month, expression.day
    if month is None:
        return expression
    days = spans.day(year, month, day) if day else spans.months(year, month, 1, "month")
    if days is not None and expression.part is not None:
        days = spans.narrowed(days, expression.part)
    return replace(expression, days=days, relative=relative, void=days is None)


def resolved(text: str, expression: Expression, clock: Clock) -> FoundDate | None:
    """The date that ``expression`` means; None where it means none."""
    if expression.void:
        return None
    if expression.days is not None:
        return _found(expression, expression.days, relative=expression.relative)
    toward = expression.toward or tense(text, expression.start, expression.end)
    days = nearest(expression, clock.today, toward)
    return _found(expression, days, relative=True) if days else None


def _found(expression: Expression, days: Days, *, relative: bool) -> FoundDate:
    return FoundDate(expression.start, expression.end, days, relative)


def nearest(expression: Expression, today: date, toward: Tense | None) -> Days | None:
    """What an expression that waits for a year or week means, seen from ``today``."""
    if expression.month is None:
        return (
            None
            if expression.weekday is None
            else nearest_weekday(expression.weekday, today, toward)
        )
    if expression.day is not None:
        return nearest_day(expression, today, toward)
    days = nearest_month(expression.month, today, toward)
    return spans.narrowed(days, expression.part) if expression.part else days


def nearest_weekday(weekday: int, today: date, toward: Tense | None) -> Days:
    """The day itself where today is one; else the one before, or after where it looks ahead."""
    back = (today.weekday() - weekday) % 7
    if toward == "future":
        return spans.one(today + timedelta(days=-back % 7))
    return spans.one(today - timedelta(days=back))


def nearest_month(month: int, today: date, toward: Tense | None) -> Days:
    """The latest such month that has begun; ahead, the first that isn't over."""
    if toward == "future":
        year = today.year if month >= today.month else today.year + 1
    else:
        year = today.year if month <= today.month else today.year - 1
    return spans.months(year, month, 1, "month")


def nearest_day(expression: Expression, today: date, toward: Tense | None) -> Days | None:
    """The day of the year that is meant.

    The latest one, or the next where the clause looks ahead or it is near and no verb speaks;
    of those around today the one on the weekday that is named.
    """
    candidates = _candidates(expression, today)
    if not candidates:
        return None
    past = [days for days in candidates if days.earliest <= today]
    ahead = [days for days in candidates if days.earliest >= today]
    if toward == "future" and ahead:
        return ahead[0]
    if toward is None and ahead and ahead[0].earliest - today <= NEARBY:
        return ahead[0]
    return past[-1] if past else ahead[0]


def _candidates(expression: Expression, today: date) -> list[Days]:
    """That day in the years around, of which leap days need a few; by weekday where named."""
    month, number = expression.month or 1, expression.day or 1
    reach = 8 if (month, number) == (2, 29) else 1
    years = range(today.year - reach, today.year + reach + 1)
    dates = [days for year in years if (days := spans.day(year, month, number))]
    on_weekday = [days for days in dates if days.earliest.weekday() == expression.weekday]
    return on_weekday or dates
