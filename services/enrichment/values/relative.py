"""What is counted from the day of publication: "Tuesday", "last week", "two years ago"."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from services.enrichment.values import days as spans
from services.enrichment.values.absolute import SHIFTS, Rule
from services.enrichment.values.days import SEASONS, Days
from services.enrichment.values.numbers import SMALL, from_words
from services.enrichment.values.reading import (
    Expression,
    nearest_weekday,
    whole,
)
from services.enrichment.values.tense import tense
from services.enrichment.values.words import (
    FULL_MONTH,
    FULL_WEEKDAY,
    FULL_WEEKDAYS,
    GAP,
    MONTHS,
    UNIT,
    WEEKDAYS,
    any_of,
)

if TYPE_CHECKING:
    from services.enrichment.values.reading import Clock

_PART_OF_DAY = rf"(?:{GAP}(?:morning|afternoon|evening|night|MORNING|NIGHT)(?!\w))?"
_MID_SENTENCE = re.compile(r"(?:[\w,;'\u2019]|\b(?:Mr|Ms|St)\.)\s$")

_NEAR = re.compile(rf"(?P<word>(?i:today|tonight|tomorrow|yesterday))(?!\w|-){_PART_OF_DAY}")
_NEAR_DAYS = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}


def near_day(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "today", "tomorrow night"; capitalised in mid-sentence it's a name ("USA Today")."""
    word, start = match["word"], match.start()
    if word.istitle() and _MID_SENTENCE.search(match.string[max(0, start - 4) : start]):
        return None
    return _after(match, clock, _NEAR_DAYS[word.lower()])


def _after(match: re.Match[str], clock: Clock, count: int) -> Expression:
    days = spans.one(clock.today + timedelta(days=count))
    return whole(match.start(), match.end(), days, relative=True)


_TWO_DAYS = re.compile(rf"(?i:day{GAP}(?:(?P<back>before{GAP}yesterday)|after{GAP}tomorrow))(?!\w)")
_NIGHT = re.compile(rf"(?i:(?P<back>last{GAP}night)|this{GAP}(?:morning|afternoon|evening))(?!\w)")


def two_days(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "the day before yesterday", "the day after tomorrow"."""
    return _after(match, clock, -2 if match["back"] else 2)


def night(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "last night" (the day before), "this morning"."""
    return _after(match, clock, -1 if match["back"] else 0)


_NO_DAY_BEFORE = re.compile(
    r"(?i:\b(?:bloody|black|good|ash|easter|palm|super|cyber|shrove|fat|holy|maundy|whit|giving|"
    r"freaky|ruby|blue|every|each|any|a|given|most|one|some|other|mail\son|independent\son)\s)$"
)
_NO_DAY_AFTER = (
    rf"(?!\w|-[A-Za-z]{{2}}(?<!-(?:Mo|Tu|We|Th|Fr|Sa|Su))|{GAP}(?:Times|Telegraph|Express|Mirror|Mail|People|"
    r"Herald|Post|Independent|Sport|World|Night|Addams|Brunch|Tribune|Star|Sun|Mornings?|Group|"
    rf"School|school|the{GAP}13th))"
)
_WEEKDAY = re.compile(
    rf"(?P<weekday>{FULL_WEEKDAY}){_NO_DAY_AFTER}{_PART_OF_DAY}"
    rf"(?:,?{GAP}(?P<shift>(?i:last|this|next)){GAP}(?i:week)(?!\w))?"
)


def weekday(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "Tuesday", "Tuesday morning", "Tuesday next week"."""
    start, number = match.start(), WEEKDAYS[match["weekday"]]
    if _NO_DAY_BEFORE.search(match.string[max(0, start - 16) : start]):
        return None
    if match["shift"] is None:
        return Expression(start, match.end(), weekday=number)
    monday = spans.week_of(clock.today).earliest
    count = number + 7 * SHIFTS[match["shift"].lower()]
    return whole(start, match.end(), spans.one(monday + timedelta(days=count)), relative=True)


_SHIFTED = re.compile(
    rf"(?P<shift>(?i:(?:this{GAP})?(?:past|coming)|last|this|next)){GAP}"
    rf"(?P<what>(?i:week(?:end)?|month|year|quarter|decade|century|{any_of(list(SEASONS))})"
    rf"|{FULL_WEEKDAY}{_NO_DAY_AFTER}|{FULL_MONTH}(?!{GAP}[0-9]))(?!\w|-(?!(?i:long)\b)|{GAP}of\b)"
)
_THE = re.compile(r"\b(?P<prep>\w{2,10}\s)?(?i:the)\s$")
_OVER = frozenset(("over ", "in ", "within ", "during ", "for ", "throughout ", "across "))


def shifted(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "last week", "this month", "next May", "last Tuesday", "the past year"."""
    word, what = match["shift"].lower().split()[-1], match["what"]
    behind = _THE.search(match.string[max(0, match.start() - 16) : match.start()])
    if behind and what.lower() not in SEASONS and not (word == "coming" and what in WEEKDAYS):
        return _trailing(match, clock, word, behind["prep"])
    if word in ("past", "coming") and not match["shift"].lower().startswith("this"):
        return None
    if what in WEEKDAYS:
        days: Days | None = _shifted_weekday(match, clock, word)
    elif what in MONTHS:
        days = _shifted_month(MONTHS[what], clock.today, word)
    elif what.lower() in SEASONS:
        days = _shifted_season(match, clock, word)
    else:
        days = _shifted_unit(match, clock, word)
    return whole(match.start(), match.end(), days, relative=True) if days else None


def _shifted_weekday(match: re.Match[str], clock: Clock, word: str) -> Days:
    """What "last" (before today), "next" (of the coming week) and "this" make of a weekday."""
    number, today = WEEKDAYS[match["what"]], clock.today
    if word in ("last", "past"):
        return nearest_weekday(number, today - timedelta(days=1), "past")
    if word == "coming":
        return nearest_weekday(number, today + timedelta(days=1), "future")
    toward = tense(match.string, match.start(), match.end())
    if word == "this" and toward is not None:
        return nearest_weekday(number, today, toward)
    monday = spans.week_of(today).earliest
    return spans.one(monday + timedelta(days=number + 7 * (word == "next")))


def _shifted_month(month: int, today: date, word: str) -> Days:
    """The latest before this month ("last"), the first after it ("next"), or this year's."""
    if word in ("last", "past"):
        year = today.year - (month >= today.month)
    else:
        year = today.year + (month <= today.month and word != "this")
    return spans.months(year, month, 1, "month")


def _shifted_season(match: re.Match[str], clock: Clock, word: str) -> Days | None:
    """The latest that is over ("last"), the first to begin ("next"), or the one around today."""
    name, today = match["what"].lower(), clock.today
    around = [spans.season(name, today.year + by) for by in (-2, -1, 0, 1)]
    if word in ("last", "past"):
        return [days for days in around if days.latest < today][-1]
    if word in ("next", "coming"):
        return next(days for days in around if days.earliest > today)
    current = [days for days in around if days.earliest <= today <= days.latest]
    if current:
        return current[0]
    if name == "winter" and tense(match.string, match.start(), match.end()) == "past":
        return [days for days in around if days.latest < today][-1]
    return spans.season(name, today.year)


def _shifted_unit(match: re.Match[str], clock: Clock, word: str) -> Days | None:
    unit, today = match["what"].lower(), clock.today
    if word == "past" and unit != "weekend":
        return _stretch(today, 1, unit, ahead=False) if unit in ("week", *_MONTHS_IN) else None
    by = {"last": -1, "past": -1, "this": 0, "next": 1, "coming": 1}[word]
    if unit == "weekend":
        if word == "this" and _just_over(match, today):
            by = -1
        return spans.weekend_of(today + timedelta(days=7 * by))
    return spans.moved(_unit_of(unit, today), by)


def _just_over(match: re.Match[str], today: date) -> bool:
    """Whether "this weekend" is the one before: told on a Monday or Tuesday, looking back."""
    return today.weekday() <= 1 and tense(match.string, match.start(), match.end()) == "past"


def _unit_of(unit: str, today: date) -> Days:
    """The week, month… that the day is in."""
    if unit == "decade":
        return spans.decade(today.year // 10 * 10)
    if unit == "century":
        return spans.century((today.year + 99) // 100)
    around = {
        "week": spans.week_of,
        "weekend": spans.weekend_of,
        "month": spans.month_of,
        "quarter": spans.quarter_of,
        "year": spans.year_of,
    }
    return around[unit](today)


def _trailing(
    match: re.Match[str], clock: Clock, word: str, preposition: str | None
) -> Expression | None:
    """As in "the past year", "over the next month": time that ends or begins with the reference."""
    what = match["what"].lower()
    if what not in _MONTHS_IN and what != "week":
        return None
    if word != "past" and (preposition or "").lower() not in _OVER:
        return None
    days = _stretch(clock.today, 1, what, ahead=word in ("next", "coming"))
    return whole(match.start(), match.end(), days, relative=True)


_MONTHS_IN: Final = {"month": 1, "year": 12, "decade": 120}


def _stretch(today: date, count: int, unit: str, *, ahead: bool) -> Days | None:
    other = counted(today, count if ahead else -count, unit)
    if other is None:
        return None
    first, last = (today, other) if ahead else (other, today)
    return Days(first, last, "range")


def counted(today: date, count: int, unit: str) -> date | None:
    """The day that is ``count`` units later (earlier where negative); None out of bounds.

    In a month too short for the day it is the month's last one.
    """
    try:
        if unit in ("day", "week"):
            return today + timedelta(days=count * (7 if unit == "week" else 1))
        year, month = spans.shifted(today.year, today.month, count * _MONTHS_IN[unit])
        return date(year, month, min(today.day, monthrange(year, month)[1]))
    except (ValueError, OverflowError):
        return None


_NUMBER = rf"(?:{any_of(list(SMALL))}(?:-[a-z]{{3,5}})?|[0-9]{{1,3}})"
_PAST_UNITS = re.compile(
    rf"(?P<shift>(?i:past|last|next|coming|previous)){GAP}(?P<number>(?i:{_NUMBER})){GAP}"
    rf"(?P<unit>{UNIT})s?(?!\w|{GAP}of\b|-)"
)
_AGO = re.compile(
    rf"(?P<number>(?i:{_NUMBER}|an?)){GAP}(?P<unit>{UNIT})s?{GAP}(?P<way>ago|from{GAP}(?:now|today))(?!\w)"
)
_IN = re.compile(rf"(?i:in){GAP}(?P<number>{_NUMBER}|an?){GAP}(?P<unit>{UNIT})s?(?!\w|{GAP}of\b|-)")
_LASTING = re.compile(
    r"(?i:\b(?:time|times|once|twice|first|last|most|best|worst|highest|lowest|biggest|largest|"
    r"only|ever|again|days|weeks|months|years)\s)$"
)
_LIMITS = {"day": 400, "week": 200, "month": 200, "year": 900, "decade": 90}
"""Counts above which a number of units is no date that anybody means."""


def _count(match: re.Match[str]) -> int | None:
    value = from_words(match["number"])
    if value is None or not 0 < value <= _LIMITS[match["unit"]]:
        return None
    return int(value)


def past_units(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "the past five years", "the next two weeks"."""
    count = _count(match)
    if count is None:
        return None
    ahead = match["shift"].lower() in ("next", "coming")
    days = _stretch(clock.today, count, match["unit"], ahead=ahead)
    return whole(match.start(), match.end(), days, relative=True)


def ago(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "two weeks ago" is the week that this falls in, "a year from now" the year."""
    count = _count(match)
    return _at(match, clock, -count if match["way"] == "ago" else count) if count else None


def in_units(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "in three days" where the clause looks ahead; else it is how long something took."""
    count, start = _count(match), match.start()
    if count is None or _LASTING.search(match.string[max(0, start - 12) : start]):
        return None
    if tense(match.string, start, match.end()) != "future":
        return None
    return _at(match, clock, count)


def _at(match: re.Match[str], clock: Clock, count: int) -> Expression | None:
    when, unit = counted(clock.today, count, match["unit"]), match["unit"]
    if when is None or not spans.YEARS.start <= when.year < spans.YEARS.stop:
        return None
    days = spans.one(when) if unit == "day" else _unit_of(unit, when)
    return whole(match.start(), match.end(), days, relative=True)


_SO_FAR = re.compile(
    rf"(?P<way>(?i:earlier|later)){GAP}(?:(?P<shift>this|last|next){GAP}|in{GAP}the{GAP})"
    rf"(?P<unit>week|month|year|decade|century|quarter)(?!\w)"
)


def so_far(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "earlier this month": up to the reference; "later this year": from it on."""
    by = SHIFTS[match["shift"] or "this"]
    days = spans.moved(_unit_of(match["unit"], clock.today), by)
    if days is not None and by == 0:
        earlier = match["way"].lower() == "earlier"
        days = replace(
            days,
            earliest=days.earliest if earlier else clock.today,
            latest=clock.today if earlier else days.latest,
        )
    return whole(match.start(), match.end(), days, relative=True)


_WEEKEND = re.compile(r"(?i:weekend)(?!\w|-)")
_AT_THE = re.compile(r"\b(?i:over|at|during|on|for|through|throughout)\s(?i:the)\s$")


def the_weekend(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "over the weekend": the latest one, or the coming one where the clause looks ahead."""
    text, start, today = match.string, match.start(), clock.today
    if not _AT_THE.search(text[max(0, start - 16) : start]):
        return None
    saturday = 5
    ahead = today.weekday() >= saturday or tense(text, start, match.end()) == "future"
    days = spans.weekend_of(today if ahead else today - timedelta(days=7))
    return whole(start, match.end(), days, relative=True)


_THE_UNIT = re.compile(
    rf"(?P<the>the){GAP}(?P<unit>week|month|year|decade|century|quarter)(?!\w|{GAP}of\b|-|['\u2019])"
)


def the_unit(text: str, at: int, clock: Clock) -> Expression | None:
    """As in "the year" as in "the end of the year": the one around the reference."""
    match = _THE_UNIT.match(text, at)
    if match is None:
        return None
    return whole(match.start(), match.end(), _unit_of(match["unit"], clock.today), relative=True)


_NUMBER_TRIGGERS = (*SMALL, "#1", "#2", "#3")

RULES: Final[tuple[Rule, ...]] = (
    Rule(tuple(_NEAR_DAYS), _NEAR, near_day),
    Rule(("day",), _TWO_DAYS, two_days),
    Rule(("last", "this"), _NIGHT, night),
    Rule(("last", "next", "past", "coming", "previous"), _PAST_UNITS, past_units),
    Rule(("last", "this", "next", "past", "coming"), _SHIFTED, shifted),
    Rule(("a", "an", *_NUMBER_TRIGGERS), _AGO, ago),
    Rule(("in",), _IN, in_units),
    Rule(("earlier", "later"), _SO_FAR, so_far),
    Rule(("weekend",), _WEEKEND, the_weekend),
    Rule(tuple(sorted(FULL_WEEKDAYS)), _WEEKDAY, weekday),
)
