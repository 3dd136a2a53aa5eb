# ruff: noqa: PLR2004  (twelve months, sixty minutes: the calendar's and the clock's own numbers)
"""Times as newsrooms print them, read by a closed grammar.

Every token of the text must be known (month, day, clock, zone, filler), or the
text is no time at all: prose that mentions a date never becomes one.  Nothing
is guessed: without a zone, a time or a year there is no moment but a warning,
and a numeric date that could be read in two ways is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MAX_CHARS = 80
"""The longest way of writing a moment, weekday and zone included, is about 60 characters."""

YEARS = range(1900, 2101)
"""What counts as a year; anything else in four digits is a time or a number."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("january jan", "february feb", "march mar", "april apr", "may", "june jun"),
            *("july jul", "august aug", "september sept sep", "october oct"),
            *("november nov", "december dec"),
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = frozenset({
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon",
    "tue", "tues", "wed", "weds", "thu", "thur", "thurs", "fri", "sat", "sun",
})  # fmt: skip
_FILLERS = frozenset({"at", "on", "t", "hrs", "hours"})

_FIXED_ZONES = {
    # Hours east of UTC, only where newsrooms mean one thing by the letters.
    "UTC": 0.0, "GMT": 0.0, "Z": 0.0, "WET": 0.0, "WEST": 1.0, "BST": 1.0, "CET": 1.0, "CEST":
    2.0, "EET": 2.0, "EEST": 3.0, "SAST": 2.0, "CAT": 2.0, "EAT": 3.0, "WAT": 1.0, "MSK": 3.0,
    "TRT": 3.0, "PKT": 5.0, "WIB": 7.0, "HKT": 8.0, "SGT": 8.0, "JST": 9.0, "KST": 9.0,
    "ACST": 9.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0, "EST": -5.0, "EDT":
    -4.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0, "AKST": -9.0,
    "AKDT": -8.0, "HST": -10.0,
}  # fmt: skip
_PLACE_ZONES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
_AMBIGUOUS_ZONES = frozenset({"CST", "IST", "AST", "SST", "GST", "ECT", "AMT"})
"""China or Chicago, India or Ireland or Israel, …: six and more hours apart."""

_TOKEN = re.compile(
    r"""
    (?P<iso>\d{4}[-/]\d{1,2}[-/]\d{1,2})(?!\d)
    |(?P<numeric>\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))(?![\d:])
    |(?P<clock>\d{1,2}[:.]\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)(?!\d)
    |(?P<offset>(?:UTC|GMT)\s?[+−-]\d{1,2}(?::?\d{2})?|[+−-](?:0\d|1[0-4]):?[0-5]\d)(?!\d)
    |(?P<military>[0-2]\d[0-5]\d)(?=\s?(?:GMT|UTC|Z|hrs|hours)\b)
    |(?P<number>\d{1,4})(?:st|nd|rd|th)?(?!\d)
    |(?P<word>[A-Za-z](?:[A-Za-z]|\.(?=[A-Za-z]))*\.?)
    |(?P<gap>(?:[\s,;|·•/()–—]|-(?![01]\d:?[0-5]\d(?!\d)))+)
    """,  # noqa: RUF001  (the dash and the minus sign as they are printed)
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class When:
    """A moment in UTC, or the reason why the text gives none."""

    moment: datetime | None
    warning: str | None = None
    dated: bool = True
    """Whether the text has at least day and month; False for a bare clock time."""


class _Unknown(Exception):  # noqa: N818  (not an error: the text is no time)
    """A token that has no place in a time."""


@dataclass
class _Fields:
    """What the tokens said so far."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: tuple[int, int, int, int] | None = None
    half: str | None = None
    zone: tzinfo | None = None
    problems: list[str] = field(default_factory=list)


def parse_when(text: str) -> When | None:
    """The moment that ``text`` names; None when ``text`` is anything but a date or time."""
    if not text or len(text) > MAX_CHARS or not any(char.isdigit() for char in text):
        return None
    fields = _Fields()
    try:
        _read_tokens(text, fields)
    except _Unknown:
        return None
    return _moment(text, fields)


def _read_tokens(text: str, fields: _Fields) -> None:
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _Unknown
        at = token.end()
        _ROLES[token.lastgroup or "gap"](token[token.lastgroup or 0], fields)


def _set_date(fields: _Fields, year: int | None, month: int, day: int) -> None:
    if fields.month is not None or fields.day is not None:
        raise _Unknown
    fields.year, fields.month, fields.day = year, month, day


def _iso(token: str, fields: _Fields) -> None:
    year, month, day = (int(part) for part in re.split(r"[-/]", token))
    _set_date(fields, year, month, day)


def _numeric(token: str, fields: _Fields) -> None:
    first, second, year = (int(part) for part in re.split(r"[-/.]", token))
    if year not in YEARS:
        fields.problems.append("the year has two digits")
    if first > 12 >= second or first == second:
        first, second = second, first
    elif second <= 12:
        fields.problems.append("day and month can't be told apart")
    _set_date(fields, year, first, second)


def _clock(token: str, fields: _Fields) -> None:
    if fields.clock is not None:
        raise _Unknown
    time, _, fraction = token.replace(",", ".").partition(".") if ":" in token else (token, "", "")
    parts = [int(part) for part in re.split(r"[:.]", time)]
    hour, minute, second = (*parts, 0)[:3]
    fields.clock = (hour, minute, second, int(fraction.ljust(6, "0")[:6]) if fraction else 0)


def _military(token: str, fields: _Fields) -> None:
    _clock(f"{token[:2]}:{token[2:]}", fields)


def _offset(token: str, fields: _Fields) -> None:
    digits = re.sub(r"\D", "", token)
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 14 or minutes > 59:
        raise _Unknown
    east = timedelta(hours=hours, minutes=minutes)
    _set_zone(fields, timezone(east if "+" in token else -east))


def _set_zone(fields: _Fields, zone: tzinfo) -> None:
    # "10:00 UTC (05:00 EST)" has two clocks and fails there; the same zone twice is harmless.
    if fields.zone is not None and fields.zone != zone:
        raise _Unknown
    fields.zone = zone


def _number(token: str, fields: _Fields) -> None:
    value = int(token)
    if len(token) == 4 and value in YEARS and fields.year is None:
        fields.year = value
    elif len(token) <= 2 and fields.day is None:
        fields.day = value
    elif len(token) <= 2 and fields.clock is None:
        fields.clock = (value, 0, 0, -1)  # an hour, if am or pm follows
    else:
        raise _Unknown


def _word(token: str, fields: _Fields) -> None:
    plain = token.replace(".", "")
    lower = plain.lower()
    if lower in _MONTHS and fields.month is None:
        fields.month = _MONTHS[lower]
    elif lower in ("am", "pm") and fields.half is None:
        _half(lower, fields)
    elif plain in _FIXED_ZONES:
        _set_zone(fields, timezone(timedelta(hours=_FIXED_ZONES[plain])))
    elif plain in _PLACE_ZONES:
        _set_zone(fields, ZoneInfo(_PLACE_ZONES[plain]))
    elif plain in _AMBIGUOUS_ZONES:
        fields.problems.append(f"{plain} is the name of several zones")
    elif lower not in _WEEKDAYS and lower not in _FILLERS:
        raise _Unknown


def _half(half: str, fields: _Fields) -> None:
    if fields.clock is None and fields.day is not None and fields.month is None:
        # "5 pm, 3 December": what looked like a day was the hour.
        fields.clock, fields.day = (fields.day, 0, 0, 0), None
    if fields.clock is None:
        raise _Unknown
    hour, minute, second, micro = fields.clock
    if not 1 <= hour <= 12 and half == "am":
        raise _Unknown
    if hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    fields.clock, fields.half = (hour, minute, second, max(micro, 0)), half


def _gap(_token: str, _fields: _Fields) -> None:
    """Says nothing."""


_ROLES = {
    "iso": _iso,
    "numeric": _numeric,
    "clock": _clock,
    "military": _military,
    "offset": _offset,
    "number": _number,
    "word": _word,
    "gap": _gap,
}


def _moment(text: str, fields: _Fields) -> When | None:
    if fields.clock is not None and fields.clock[3] < 0:
        return None
    dated = fields.month is not None and fields.day is not None
    if not dated and (fields.clock is None or fields.month or fields.day):
        return None
    if problem := _problem(fields):
        return When(None, f"no time taken from '{text}': {problem}", dated)
    try:
        return When(_in_utc(fields))
    except ValueError as error:
        return When(None, f"no time taken from '{text}': {error}", dated)


def _problem(fields: _Fields) -> str | None:
    if fields.problems:
        return fields.problems[0]
    if fields.month is None or fields.day is None:
        return "it has no date"
    if fields.year is None:
        return "it has no year"
    if fields.clock is None:
        return "it is a date without a time of day"
    return "it has no time zone" if fields.zone is None else None


def _in_utc(fields: _Fields) -> datetime:
    if fields.year not in YEARS:
        raise ValueError(f"the year is not between {YEARS[0]} and {YEARS[-1]}")
    local = datetime(fields.year or 0, fields.month or 0, fields.day or 0, *(fields.clock or ()))  # noqa: DTZ001  (the zone follows)
    local = local.replace(tzinfo=fields.zone)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise ValueError("clocks were changed in that hour")
    return local.astimezone(UTC)
