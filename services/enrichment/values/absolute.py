"""Expressions with a day, a month or a year of the calendar in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from services.enrichment.values import days as spans
from services.enrichment.values.reading import Expression, whole, with_year
from services.enrichment.values.words import (
    DASH,
    FULL_MONTHS,
    GAP,
    HOLIDAYS,
    MONTH,
    MONTHS,
    QUANTITY,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.enrichment.values.reading import Clock


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern tried where one of ``triggers`` stands, and what its match says.

    Triggers are words (lower case stands for every case) or ``#N``, a run of N digits.
    ``read`` gives None where the match turns out to be something else: the next rule is asked.
    """

    triggers: tuple[str, ...]
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], Clock], Expression | None]


SHIFTS: Final = {"last": -1, "this": 0, "next": 1}

_TH = r"(?:st|nd|rd|th|ST|ND|RD|TH)?"
_DAY_ENDS = (
    rf"(?![\w%\u00b0]|[.,:/][0-9]|-(?!{MONTH}\b)[A-Za-z]|"
    rf"{GAP}(?:percent|per\scent|million|billion|trillion|thousand|degrees))"
)
_DAY = rf"(?P<day>[0-9]{{1,2}}){_TH}"
_TO = rf"(?:[ \xa0]?{DASH}[ \xa0]?|{GAP}(?:to|through|thru|until|till){GAP})"
_LAST = rf"(?:{_TO}(?P<last>[0-9]{{1,2}}){_TH}(?![\w%]|[.,:/][0-9]|{DASH}[0-9A-Za-z]))?"
_YEAR = rf"(?P<year>{YEAR})(?!{GAP}{QUANTITY}\b|{DASH}year)"
_SHORT_YEAR = r"['\u2019](?P<short>[0-9]{2})(?!\w)"
_SHIFT = rf"(?:of{GAP})?(?P<shift>(?i:last|this|next)){GAP}(?i:year)(?!\w)"
_WHICH = rf"(?:,?{GAP}(?:(?:of{GAP})?{_YEAR}|{_SHORT_YEAR}|{_SHIFT}))"
_MONTH = rf"(?P<month>{MONTH})(?!\w)"

MONTH_DAY: Final = re.compile(
    rf"{_MONTH}\.?{GAP}(?:the{GAP})?{_DAY}(?={DASH}[0-9]|{_DAY_ENDS}){_LAST}{_WHICH}?"
)
DAY_MONTH: Final = re.compile(
    rf"(?<![\w.,:/$\u00a3\u20ac-]){_DAY}{_LAST}(?:{GAP}(?:day{GAP})?of|{DASH})?{GAP}?"
    rf"(?<=[ \xa0\u2009\u202fA-Za-z-]){_MONTH}(?:\.(?={GAP}['\u2019,]?[0-9]))?{_WHICH}?"
)
MONTH_YEAR: Final = re.compile(rf"{_MONTH}\.?{_WHICH}")
_WEEKDAY_AND = re.compile(rf"(?P<weekday>{WEEKDAY})\.?,?{GAP}(?:the{GAP})?(?=[A-Z0-9a-z])")


def _year_named(match: re.Match[str], clock: Clock) -> tuple[int | None, bool]:
    """The year that the match names, and whether it counted from the reference."""
    groups = match.groupdict()
    if groups.get("year"):
        return int(groups["year"]), False
    if groups.get("short"):
        return full_year(int(groups["short"]), clock), False
    if groups.get("shift"):
        return clock.today.year + SHIFTS[groups["shift"].lower()], True
    return None, False


def full_year(two_digits: int, clock: Clock) -> int:
    """``98`` is 1998 and ``23`` 2023: the latest such year at most ten years ahead."""
    year = clock.today.year // 100 * 100 + two_digits
    return year if year <= clock.today.year + 10 else year - 100


def month_day(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "Dec. 3", "December 3rd, 2023", "December 3-5", "3 December", "3rd of December"."""
    month, number = MONTHS[match["month"]], int(match["day"])
    first = Expression(match.start(), match.end(), month=month, day=number)
    if spans.day(2000, month, number) is None:  # a leap year: it has every day there is
        return replace(first, void=True)
    year, relative = _year_named(match, clock)
    if match["last"] is not None:
        return _day_range(first, int(match["last"]), year or _guess(first, clock), year is None)
    return first if year is None else with_year(first, year, relative=relative)


def _guess(first: Expression, clock: Clock) -> int:
    """The year of a range of days in one month that names none: the nearest such month."""
    month = first.month or 1
    ahead = (month - clock.today.month) % 12
    within_two_months = 2
    year = clock.today.year + (month < clock.today.month and ahead <= within_two_months)
    return year - (month > clock.today.month and ahead > within_two_months)


def _day_range(first: Expression, last: int, year: int, relative: bool) -> Expression:  # noqa: FBT001 (said by its one caller)
    begin = with_year(first, year)
    end = with_year(replace(first, day=last), year)
    if begin.days is None or end.days is None or end.days.latest <= begin.days.earliest:
        return replace(first, void=True)
    return whole(first.start, first.end, spans.between(begin.days, end.days), relative=relative)


def month_and_year(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "March 2023", "March of last year"."""
    year, relative = _year_named(match, clock)
    month = Expression(match.start(), match.end(), month=MONTHS[match["month"]])
    return None if year is None else with_year(month, year, relative=relative)


_BEFORE_NAMES = re.compile(
    r"(?<!onfidence\s)(?<!aith\s)(?<!rust\s)(?<!elief\s)(?<!nterest\s)"
    r"\b(?i:in|since|until|till|during|through|throughout|late|early|mid|between)[\s-]$"
)
_BROAD = re.compile(r"\b(?i:by|before|after|from|to|for|of|every)\s$")
_DETERMINED = re.compile(r"(?:\b(?i:an?|the|its|his|her|their|our|this)|['\u2019]s)\s$")
_NOUN_NEXT = re.compile(
    r"\s(?!(?:was|were|has|had|will|went|began|ended|came|took|said)\b)[a-z]{3}"
)
_PERSONS = frozenset(("April", "May", "June", "APRIL", "MAY", "JUNE"))
_WORDS_TOO = frozenset(("March", "MARCH", "August", "AUGUST"))
_FULL_MONTH = re.compile(rf"(?P<month>{MONTH})(?!\w|[.-][0-9A-Za-z])")
_RECURRING = re.compile(r"\b(?i:every|each)\s$|\b(?i:black)\s$")


def lone_month(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "in March", "an October report"; what is a name or verb too needs a preposition."""
    form, start = match["month"], match.start()
    if form not in FULL_MONTHS:
        return None
    behind = match.string[max(0, start - 20) : start]
    if _RECURRING.search(behind):
        return None
    if form in _PERSONS or form in _WORDS_TOO:
        allowed = _BEFORE_NAMES.search(behind) or (form in _WORDS_TOO and _BROAD.search(behind))
        determined = _DETERMINED.search(behind) and _NOUN_NEXT.match(match.string, match.end())
        if not allowed and not determined:
            return None
    return Expression(start, match.end(), month=MONTHS[form])


def weekday_and_date(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "Sunday, Dec. 3", "Tue 5 December 2023"; the weekday may choose the year."""
    for pattern in (MONTH_DAY, DAY_MONTH):
        date = pattern.match(match.string, match.end())
        if date is None:
            continue
        read = month_day(date, clock)
        if read is not None:
            return replace(read, start=match.start(), weekday=WEEKDAYS[match["weekday"]])
    return None


ISO: Final = re.compile(
    rf"(?<![\w/.:$-])(?P<year>{YEAR})(?P<mark>[-/])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}})"
    r"(?=T[0-9]{2}:|(?![\w/-]|\.[0-9]))"
)
_NUMERIC = re.compile(
    r"(?<![\w/.,:$\u00a3\u20ac-])(?P<one>[0-9]{1,2})(?P<mark>[/.-])(?P<two>[0-9]{1,2})(?P=mark)"
    r"(?P<year>[12][0-9]{3}|[0-9]{2})(?![\w/-]|[.,:][0-9])"
)


def iso(match: re.Match[str], _clock: Clock) -> Expression:
    """As in "2023-12-03", "2023/12/3"."""
    days = spans.day(int(match["year"]), int(match["month"]), int(match["day"]))
    return whole(match.start(), match.end(), days)


def numeric(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "12/3/2023": only where one number can't be a month, or the source's country tells.

    Dots ("3.12.2023") are written by countries alone that put the day first.
    """
    one, two = int(match["one"]), int(match["two"])
    written = match["year"]
    if len(written) == 2 and match["mark"] != "/":  # noqa: PLR2004 (as "3-12-23" scores and codes are written)
        return None
    year = int(written) if len(written) == 4 else full_year(int(written), clock)  # noqa: PLR2004 (digits)
    day_first = match["mark"] == "." or clock.order == "dmy" or one > 12  # noqa: PLR2004 (months)
    if clock.order is None and match["mark"] != "." and one != two and max(one, two) <= 12:  # noqa: PLR2004 (months)
        return Expression(match.start(), match.end(), void=True)
    if two > 12:  # noqa: PLR2004 (months)
        day_first = False
    number, month = (one, two) if day_first else (two, one)
    days = spans.day(year, month, number) if year in spans.YEARS else None
    return whole(match.start(), match.end(), days)


_NINE_ELEVEN = re.compile(r"(?<![\w/.$-])9/11(?![\w/-]|\.[0-9])")
_ATTACKS = re.compile(
    rf"(?P<month>Sept(?:ember)?)\.?{GAP}11(?:th)?(?={GAP}(?:terror(?:ist)?{GAP})?(?:attacks?|hijack))"
)


def nine_eleven(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "9/11" and "the Sept. 11 attacks" name one day of 2001."""
    return whole(match.start(), match.end(), spans.day(2001, 9, 11))


_HOLIDAY = re.compile(
    "(?:"
    + "|".join(
        re.escape(name).replace("'", "['\u2019]")
        for name in sorted(HOLIDAYS, key=lambda name: (-len(name), name))
    )
    + rf")(?!\w)(?:,?{GAP}(?:in{GAP}|of{GAP})?{_YEAR})?",
    re.IGNORECASE,
)


def holiday(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "Christmas Day", "New Year's Eve 1999"."""
    name = match[0] if match["year"] is None else match[0][: match.start("year") - match.start()]
    key = name.lower().replace("\u2019", "'").removesuffix(" in ").removesuffix(" of ").rstrip(", ")
    month, number = HOLIDAYS[key]
    if not any(char.isupper() for char in name):
        return None
    date = Expression(match.start(), match.end(), month=month, day=number)
    year, _ = _year_named(match, clock)
    return date if year is None else with_year(date, year)


RULES: Final[tuple[Rule, ...]] = (
    Rule(("#4",), ISO, iso),
    Rule(("#1", "#2"), _NINE_ELEVEN, nine_eleven),
    Rule(("#1", "#2"), _NUMERIC, numeric),
    Rule(("#1", "#2"), DAY_MONTH, month_day),
    Rule(("Sept", "September"), _ATTACKS, nine_eleven),
    Rule(
        tuple(sorted({name.split()[0].split("'")[0].rstrip(".") for name in HOLIDAYS})),
        _HOLIDAY,
        holiday,
    ),
    Rule(tuple(MONTHS), MONTH_DAY, month_day),
    Rule(tuple(MONTHS), MONTH_YEAR, month_and_year),
    Rule(tuple(MONTHS), _FULL_MONTH, lone_month),
    Rule(tuple(WEEKDAYS), _WEEKDAY_AND, weekday_and_date),
)
