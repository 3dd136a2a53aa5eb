"""The dates of an English text: rules tried where a word may begin an expression, and put together.

An expression may be made of others: a part of a stretch ("late last year"), what lasts since
one ("since May"), what lies between two ("from March to May 2023").
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from services.enrichment.values import absolute, relative, years
from services.enrichment.values import days as spans
from services.enrichment.values.reading import (
    Expression,
    FoundDate,
    nearest,
    resolved,
    whole,
)
from services.enrichment.values.tense import tense
from services.enrichment.values.words import DASH, FULL_MONTH, GAP, MONTHS, YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.enrichment.values.absolute import Rule
    from services.enrichment.values.days import Days, Part
    from services.enrichment.values.reading import Clock
    from services.enrichment.values.tense import Tense

_WORD: Final = re.compile(r"\b(?:[A-Za-z]+|[0-9]+)")
_LONGEST_RUN = 4
"""Digits in a run that may begin a date."""


def _index(rules: Sequence[Rule]) -> dict[str, tuple[Rule, ...]]:
    """The rules to be tried at each word, in the form that it has in the text."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        for trigger in rule.triggers:
            forms = (trigger, trigger.title(), trigger.upper()) if trigger.islower() else (trigger,)
            for form in dict.fromkeys(forms):
                known = table.setdefault(form, [])
                if rule not in known:
                    known.append(rule)
    return {word: tuple(found) for word, found in table.items()}


_RULES: Final = _index((*absolute.RULES, *years.RULES, *relative.RULES))
_DIGITS: Final = {length: _RULES.get(f"#{length}", ()) for length in range(1, _LONGEST_RUN + 1)}

_WHOLE_ONLY: Final = frozenset(("week", "month", "quarter", "season", "year", "decade", "century"))


def find_dates(text: str, clock: Clock) -> Iterator[FoundDate]:
    """The dates of ``text`` from left to right, without overlaps.

    In time linear in its length: a pattern is tried at most once at each word and looks at
    no more than some hundred characters.
    """
    position = 0
    last: FoundDate | None = None
    for word in _WORD.finditer(text):
        token = word[0]
        # Nine words in ten begin nothing: they cost one look-up in a set.
        if token not in _BEGINNINGS and not token[0].isdigit():
            continue
        start = word.start()
        if start < position:
            continue
        expression = _compound(text, start, token, clock) or _by_rules(text, start, token, clock)
        if expression is None and last is not None and start - last.end <= _LONGEST_LINK:
            expression = _listed(text, last, start)
        if expression is None:
            continue
        expression = _with_range(text, expression, clock)
        position = expression.end
        found = resolved(text, expression, clock)
        if found is not None:
            last = found
            yield found


def find_iso_dates(text: str, clock: Clock) -> Iterator[FoundDate]:
    """The dates in ISO 8601's form alone, which every language reads alike."""
    for match in absolute.ISO.finditer(text):
        found = resolved(text, absolute.iso(match, clock), clock)
        if found is not None:
            yield found


def read_simple(text: str, at: int, clock: Clock) -> Expression | None:
    """The expression of one rule that begins at ``at``, the first rule that knows one."""
    word = _WORD.match(text, at)
    return None if word is None else _by_rules(text, at, word[0], clock)


def _by_rules(text: str, at: int, token: str, clock: Clock) -> Expression | None:
    rules = _DIGITS.get(len(token), ()) if token[0].isdigit() else _RULES.get(token, ())
    for rule in rules:
        match = rule.pattern.match(text, at)
        if match is not None:
            expression = rule.read(match, clock)
            if expression is not None:
                return expression
    return None


_LONGEST_LINK: Final = len(", and ")
_LIST: Final = re.compile(r"(?:,|,? (?:and|or)) $")
_LIST_ITEM: Final = re.compile(rf"(?:(?P<year>{YEAR})|(?P<month>{FULL_MONTH}))(?!\w|-)")


def _listed(text: str, last: FoundDate, start: int) -> Expression | None:
    """As in "2018" in "2014, 2016 and 2018", "April" in "March and April"."""
    if not _LIST.fullmatch(text, last.end, start):
        return None
    item = _LIST_ITEM.match(text, start)
    if item is None or last.days.precision != ("year" if item["year"] else "month"):
        return None
    if item["month"]:
        return Expression(start, item.end(), month=MONTHS[item["month"]])
    match = years.BARE.match(text, start)
    return whole(start, item.end(), spans.year(int(item["year"]))) if match else None


_PLAIN_MONTH: Final = re.compile(rf"(?P<month>{FULL_MONTH})(?!\w)")


def _operand(text: str, at: int, clock: Clock) -> Expression | None:
    """What a preposition stands before: any expression, a month alone, "the year"."""
    word = _WORD.match(text, at)
    if word is None:
        return None
    read = _part(text, at, word[0], clock) or read_simple(text, at, clock)
    if read is not None:
        return read
    month = _PLAIN_MONTH.match(text, at)
    if month is not None:
        return Expression(at, month.end(), month=MONTHS[month["month"]])
    return relative.the_unit(text, at, clock)


def _compound(text: str, at: int, word: str, clock: Clock) -> Expression | None:
    reader = _COMPOUNDS.get(word)
    return None if reader is None else reader(text, at, word, clock)


_PARTS: Final[dict[str, Part]] = {
    "early": "early",
    "start": "early",
    "beginning": "early",
    "mid": "mid",
    "middle": "mid",
    "late": "late",
    "end": "late",
    "close": "late",
    "first": "first half",
    "second": "second half",
}
_PART: Final = re.compile(
    rf"(?i:early|late|mid)(?:-|{GAP}(?:in{GAP})?)|"
    rf"(?i:start|beginning|end|middle|close){GAP}of{GAP}|(?i:first|second)(?:-|{GAP})half(?:{GAP}of)?{GAP}"
)
_THE: Final = re.compile(rf"(?:the{GAP})?")


def _part(text: str, at: int, word: str, clock: Clock) -> Expression | None:
    """As in "mid-March", "early 2021", "the end of the year", "the first half of 2023"."""
    part, head = _PARTS.get(word.lower()), _PART.match(text, at)
    if part is None or head is None:
        return None
    inner = _inner(text, head.end(), clock)
    if inner is None or inner.void or inner.day is not None or inner.weekday is not None:
        return None
    if inner.days is None:
        return replace(inner, start=at, part=part)
    if inner.days.precision not in _WHOLE_ONLY:
        return None
    return whole(at, inner.end, spans.narrowed(inner.days, part), relative=inner.relative)


def _inner(text: str, at: int, clock: Clock) -> Expression | None:
    unit = relative.the_unit(text, at, clock)
    if unit is not None:
        return unit
    the = _THE.match(text, at)
    place = the.end() if the else at
    read = read_simple(text, place, clock)
    if read is not None:
        return read
    month = _PLAIN_MONTH.match(text, place)
    return Expression(place, month.end(), month=MONTHS[month["month"]]) if month else None


_SINCE: Final = re.compile(
    rf"(?i:since){GAP}(?:(?:at{GAP}least|about|around){GAP})?(?:the{GAP}(?!\w+{GAP}(?:of|in)))?"
)


def _since(text: str, at: int, _word: str, clock: Clock) -> Expression | None:
    """As in "since May": from its first day to the reference."""
    head = _SINCE.match(text, at)
    inner = _operand(text, head.end(), clock) if head else None
    if head is None or inner is None:
        return None
    found = resolved(text, replace(inner, toward="past"), clock)
    if found is None or found.days.earliest > clock.today:
        return None
    if head[0].rstrip().endswith("the") and found.days.precision in ("day", "year"):
        return None  # "since the 2006 war", "since the 9/11 attacks": the date is an adjective
    days = spans.Days(found.days.earliest, clock.today, "range")
    return whole(at, inner.end, days, relative=True)


_FROM: Final = re.compile(rf"(?i:from|between){GAP}(?:the{GAP}(?!\w+{GAP}of))?")
_TO: Final = re.compile(rf"{GAP}(?:to|through|thru|until|till){GAP}|[ \xa0]?{DASH}[ \xa0]?")
_AND: Final = re.compile(rf"{GAP}and{GAP}")
_MOVED: Final = re.compile(
    r"\b(?i:moved|postponed|rescheduled|changed|delayed|pushed|brought|shifted)\b[^.\n]*$"
)


def _from(text: str, at: int, word: str, clock: Clock) -> Expression | None:
    """As in "from March to May 2023", "between 2014 and 2018".

    What was moved from one day to another is two dates.
    """
    head = _FROM.match(text, at)
    if head is None or _MOVED.search(text, max(0, at - 60), at):
        return None
    first = _operand(text, head.end(), clock)
    if first is None:
        return None
    link = (_AND if word.lower() == "between" else _TO).match(text, first.end)
    if link is None:
        return None
    second = _operand(text, link.end(), clock)
    return _joined(text, at, first, second, clock) if second else None


_COMPOUNDS: Final = {
    form: reader
    for words, reader in (
        (tuple(_PARTS), _part),
        (("since",), _since),
        (("from", "between"), _from),
    )
    for word in words
    for form in (word, word.title(), word.upper())
}

_BEGINNINGS: Final = frozenset((*_RULES, *_COMPOUNDS))
"""The words that an expression may begin with, beside digits."""

_THROUGH: Final = re.compile(rf"{GAP}(?:through|thru|to|until){GAP}|[ \xa0]?{DASH}[ \xa0]?")


def _with_range(text: str, first: Expression, clock: Clock) -> Expression:
    """``first``, or the range that it begins: "Monday through Friday", "Dec. 30-Jan. 2"."""
    if first.void or (first.month is None and first.weekday is None):
        return first
    link = _THROUGH.match(text, first.end)
    if link is None:
        return first
    second = read_simple(text, link.end(), clock)
    if second is None and first.month is not None and first.day is None:
        second = _operand(text, link.end(), clock)
    if second is None or not _alike(first, second):
        return first
    return _joined(text, first.start, first, second, clock) or first


def _alike(first: Expression, second: Expression) -> bool:
    return (first.day is None, first.month is None) == (second.day is None, second.month is None)


def _joined(
    text: str, start: int, first: Expression, second: Expression, clock: Clock
) -> Expression | None:
    if first.void or second.void:
        return None
    toward = tense(text, start, second.end)
    begin, end = _aligned(first, second, clock, toward)
    days = spans.between(begin, end) if begin and end else None
    if days is None:
        return None
    told = (first.days is not None and not first.relative) or (
        second.days is not None and not second.relative
    )
    return whole(start, second.end, days, relative=not told)


def _aligned(
    first: Expression, second: Expression, clock: Clock, toward: Tense | None
) -> tuple[Days | None, Days | None]:
    """Both ends, the one that names no year or week chosen so that they lie next to each other."""
    if first.days is not None:
        end = second.days or nearest(second, first.days.earliest, "future")
        return first.days, end
    if second.days is None and toward == "future":
        begin = nearest(first, clock.today, toward)
        return begin, nearest(second, begin.earliest, "future") if begin else None
    end = second.days or nearest(second, clock.today, toward)
    return nearest(first, end.earliest, "past") if end else None, end
