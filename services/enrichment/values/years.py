"""Four digits that are a year, spans of years, decades, centuries, quarters, seasons.

A bare number is a year only where something says so: a preposition ("in 2023"), a noun that
years are put before ("the 2023 election"), brackets, or another year right before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.enrichment.values import days as spans
from services.enrichment.values.absolute import SHIFTS, Rule, full_year
from services.enrichment.values.days import SEASONS
from services.enrichment.values.reading import Expression, whole
from services.enrichment.values.words import (
    DASH,
    DECADE_WORDS,
    GAP,
    ORDINALS,
    QUANTITY,
    YEAR,
    any_of,
)

if TYPE_CHECKING:
    from services.enrichment.values.reading import Clock

_COUNTS = (
    rf"(?!{GAP}(?:{QUANTITY}\b|[\u00b0%])|{DASH}(?:year|foot|met|mile|seat|strong|bed|page|odd))"
)
BARE: Final = re.compile(
    rf"(?<![\w.,:/$#\u00a3\u20ac\u00a5+])(?:(?<=[Mm]id-)|(?<!-))(?P<year>{YEAR})(?![\w]|:[0-9]|{DASH}[0-9]){_COUNTS}"
)

_SURE = re.compile(
    r"(?:\b(?i:in|since|until|till|during|throughout|circa|year|fiscal|early|late|mid|back\sin|"
    r"spring|summer|autumn|winter)[\s-]|[(\[])$"
)
_LIKELY = re.compile(
    r"\b(?i:from|by|of|for|before|after|to|through|and|or|between|than|around|about|as)[\s]$"
)
_DETERMINED = re.compile(r"(?:\b(?i:the|an?|its|his|her|their|our|that|my|your)|['\u2019]s)\s$")
_EVENT = re.compile(
    # A name may stand between: "2011 Syrian protests", "2013 Atlantic hurricane season".
    rf"(?:{GAP}[A-Z][\w.&'\u2019-]{{1,20}},?){{0,4}}"
    rf"{GAP}(?:(?:general|presidential|parliamentary|midterm|federal|local|civil|hurricane){GAP})?"
    r"(?:elections?|vote|poll|referendum|primar(?:y|ies)|campaign|budget|census|season|report|survey|"
    r"study|law|act|war|invasion|attacks?|bombings?|massacre|coup|revolution|uprising|protests?|"
    r"earthquake|hurricane|tsunami|floods?|crisis|recession|crash|pandemic|outbreak|agreement|"
    r"treaty|deal|accords?|ruling|decision|conviction|murders?|killings?|shootings?|film|movie|"
    r"album|novel|book|tournament|championships?|finals?|games|Games|Olympics|Olympic|World|"
    r"Winter|Summer|Paralympics|Asian|Commonwealth|European|summit|conference|convention|conflict|clashes|"
    r"tornado|flood|scandal|riots|Championships?|Cup|Open|Grand\sPrix|draft|Draft)(?!\w)"
)
_TITLED = re.compile(
    r"\b(?:elections?|primaries|crisis|referendum|census|Act|Bill|Law|Order|Regulations),\s$"
)
"""As official titles put the year: "the Citizenship Act, 2019"."""

_VERB = re.compile(r"\s(?:was|is|will|has|had|saw|began|ended|marks|marked|would|could|may)\s")
_NO_NOUN = re.compile(
    r"\s?[.,;:!?)\]\u2019'\"\u201d\u2026]|\s?$|\s?[\n\u2013\u2014]|\s(?:and|or|but|to|in|on|at|by|as|for|"
    r"from|with|when|while|after|before|because|that|which|who|is|was|were|are|the|he|she|they|it|"
    r"had|has|have|until|till|through|through|compared|under|over|than|we|if|of|where|a|an|not|"
    r"alone|onwards?|onward|due|since|despite|amid|following|against)\b"
)
_OTHER = re.compile(r"\s[a-z]+")
MODERN: Final = 1800
"""Before it, four digits in front of a noun are a quantity more often than a year."""


def bare_year(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "in 2023", "the 2023 election", "(2019)": never "2000 people" or "Windows 2000"."""
    if not _is_year(match):
        return None
    return whole(match.start(), match.end(), spans.year(int(match["year"])))


_COUNTED_PAIR = re.compile(rf"{GAP}(?:and|to|or){GAP}[0-9,]{{4,6}}{GAP}{QUANTITY}\b")


def _is_year(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    if _COUNTED_PAIR.match(text, end):
        return False
    behind = text[max(0, start - 14) : start]
    no_noun = _NO_NOUN.match(text, end) is not None
    if _SURE.search(behind):
        return no_noun or int(match["year"]) >= MODERN
    if no_noun and (_LIKELY.search(behind) or _TITLED.search(behind)):
        return True
    if int(match["year"]) < MODERN or _EVENT.match(text, end):
        return int(match["year"]) >= MODERN
    if _DETERMINED.search(behind):
        return not no_noun and text[end : end + 1].isspace()
    begins = start == 0 or behind.rstrip(' "\u201c').endswith((".", "\n", "!", "?"))
    return bool(begins and _VERB.match(text, end))


_SPAN = re.compile(
    rf"(?<![\w.,:/$#\u00a3\u20ac+-])(?P<year>1[0-9]{{3}}|20[0-9]{{2}}|2100)"
    rf"[ \xa0]?(?P<mark>{DASH}|/)[ \xa0]?"
    rf"(?:(?P<full>{YEAR})|(?P<short>[0-9]{{2}}))(?!\w|[.,:][0-9]|[-/\u2013][0-9]|%){_COUNTS}"
)


def year_span(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "1914-18", "2014-2018", "2022/23"; one year after the other, else void."""
    first = int(match["year"])
    short = match["short"]
    last = int(match["full"]) if match["full"] else first // 100 * 100 + int(short)
    if match["mark"] == "/" and last != first + 1:
        return None
    if last <= first:
        return Expression(match.start(), match.end(), void=True)
    days = spans.between(spans.year(first), spans.year(last))
    return whole(match.start(), match.end(), days)


_UNTIL_NOW = re.compile(
    rf"(?<![\w.,:/$#-])(?P<year>1[0-9]{{3}}|20[0-9]{{2}})[ \xa0]?{DASH}[ \xa0]?present(?!\w)"
)


def until_now(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "(2016–present)"."""
    first = spans.year(int(match["year"])).earliest
    days = spans.between(spans.one(first), spans.one(clock.today))
    return whole(match.start(), match.end(), days, relative=True)


_DECADE = re.compile(
    r"(?<![\w.,:$#])(?:(?<=[a-z]-)|(?<!-))(?P<year>(?:1[0-9]|20)[0-9]0)['\u2019]?s(?!\w)"
    rf"(?:{DASH}['\u2019]?(?P<last>[1-9]0)s(?!\w))?"
)
_SHORT_DECADE = re.compile(r"(?P<tens>[0-9])0s(?!\w)")
_APOSTROPHE = re.compile(r"(?<!\w)['\u2018\u2019]$")
_THE = re.compile(
    r"\b(?i:in|of|during|since|early|late|mid|from|by|until|through)[\s-](?:the\s)?(?:early|late|mid)?[\s-]?$"
)
_WEATHER = re.compile(
    r"(?i:temperatures?|degrees|highs?|lows|heat|mercury|humid|shot|score[ds]?|aged|age)\b"
)


def full_decade(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "1990s", "1950s–60s"."""
    first = int(match["year"])
    days = spans.decade(first)
    if match["last"]:
        days = spans.between(days, spans.decade(first // 100 * 100 + int(match["last"]))) or days
    return whole(match.start(), match.end(), days)


def short_decade(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "the '90s", "in the 90s": no temperatures, no ages ("in his 90s")."""
    text, start = match.string, match.start()
    behind = text[max(0, start - 24) : start]
    first = full_year(10 * int(match["tens"]), clock)
    if _APOSTROPHE.search(behind):
        return whole(start - 1, match.end(), spans.decade(first))
    if not _THE.search(behind) or "the" not in behind.lower().split()[-2:]:
        return None
    if _WEATHER.search(text, max(0, start - 80), match.end() + 30):
        return None
    return whole(start, match.end(), spans.decade(first))


_DECADE_WORD = re.compile(rf"(?P<word>{any_of(list(DECADE_WORDS))})(?!\w)", re.IGNORECASE)


def decade_word(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "in the sixties"."""
    behind = match.string[max(0, match.start() - 24) : match.start()]
    if not _THE.search(behind) or "the" not in behind.lower().split()[-2:]:
        return None
    if _WEATHER.search(match.string, max(0, match.start() - 80), match.end() + 30):
        return None
    return whole(match.start(), match.end(), spans.decade(DECADE_WORDS[match["word"].lower()]))


_ORDINAL_WORDS = any_of(list(ORDINALS))
_CENTURY = re.compile(
    rf"(?<![\w.,$-])(?:(?P<number>[0-9]{{1,2}})(?:st|nd|rd|th)|(?P<word>(?i:{_ORDINAL_WORDS})))"
    rf"(?:{GAP}|-)(?:century(?!\w)|Century(?!\w|{GAP}[A-Z])|CENTURY(?!\w))"
    rf"(?P<before>{GAP}(?:BCE?\b|B\.C\.))?"
)
_LAST_CENTURY = 21


def century(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "the 19th century", "twenty-first-century"; void before Christ."""
    number = int(match["number"]) if match["number"] else ORDINALS[match["word"].lower()]
    if match["before"] or not 1 <= number <= _LAST_CENTURY:
        return Expression(match.start(), match.end(), void=True)
    return whole(match.start(), match.end(), spans.century(number))


_BEFORE_CHRIST = re.compile(
    rf"(?<![\w.,$-])[0-9]{{1,4}}(?:s|th|rd|nd|st)?(?:{GAP}[a-z]{{2,9}})?{GAP}(?:BCE?\b|B\.C\.)"
)


def before_christ(match: re.Match[str], _clock: Clock) -> Expression:
    """As in "44 BC" has no date in ISO 8601's usual range."""
    return Expression(match.start(), match.end(), void=True)


_FISCAL = re.compile(
    rf"(?i:(?:fiscal|financial)(?:{GAP}year)?){GAP}(?P<year>{YEAR})(?!\w)(?:[-/\u2013][0-9]{{2}}(?!\w))?"
)
_FY = re.compile(
    rf"FY(?:{GAP}|['\u2019])?(?:(?P<year>{YEAR})|(?P<short>[0-9]{{2}}))(?!\w|[.,][0-9])"
)


def fiscal(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "fiscal 2024", "FY24": the year it is named after, for each company counts its own."""
    groups = match.groupdict()
    year = int(groups["year"]) if groups["year"] else full_year(int(groups["short"]), clock)
    return whole(match.start(), match.end(), spans.year(year))


_QUARTER_NUMBERS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "final": 4}
_OF_YEAR = (
    rf"(?:(?:{GAP}of|,)?{GAP}(?:(?:(?i:fiscal)(?:{GAP}year)?{GAP})?(?P<year>{YEAR})"
    rf"|(?:the{GAP})?(?P<shift>(?i:last|this|next)){GAP}(?i:year)(?!\w)))"
)
_QUARTER = re.compile(
    rf"(?P<word>(?i:first|second|third|fourth|final))(?:{GAP}|-)(?:fiscal{GAP})?(?i:quarter)(?!\w)"
    rf"{_OF_YEAR}?"
)
_Q = re.compile(
    rf"Q(?P<number>[1-4])(?!\w)(?:{_OF_YEAR}|{GAP}?['\u2019]?(?P<short>[0-9]{{2}})(?!\w))?"
)
_MONEY_TALK = re.compile(
    r"(?i:profits?|revenues?|earnings|sales|gdp|econom\w+|growth|grew|income|results|loss(?:es)?|shares|"
    r"compan\w+|inflation|exports|imports|fiscal|investors|analysts|percent|per\scent)\b|[%$\u20ac\u00a3]"
)


def quarter(match: re.Match[str], clock: Clock) -> Expression | None:
    """As in "the third quarter of 2023", "Q3"; without a year only in talk of business."""
    groups = match.groupdict()
    number = _QUARTER_NUMBERS[groups["word"].lower()] if "word" in groups else int(groups["number"])
    start, end = match.span()
    if groups["year"]:
        return whole(start, end, spans.quarter(number, int(groups["year"])))
    if groups["shift"]:
        year = clock.today.year + SHIFTS[groups["shift"].lower()]
        return whole(start, end, spans.quarter(number, year), relative=True)
    if groups.get("short"):
        return whole(start, end, spans.quarter(number, full_year(int(groups["short"]), clock)))
    if not _MONEY_TALK.search(match.string, max(0, start - 120), end + 120):
        return None
    own = spans.quarter(number, clock.today.year)
    year = clock.today.year - (own.earliest > clock.today)
    return whole(start, end, spans.quarter(number, year), relative=True)


_SEASON = re.compile(
    rf"(?P<season>(?i:{any_of(list(SEASONS))}))(?:{GAP}of|,)?{GAP}(?P<year>{YEAR})"
    rf"(?:[-/\u2013](?:20)?[0-9]{{2}}(?![0-9]))?(?!\w){_COUNTS}"
)


def season(match: re.Match[str], _clock: Clock) -> Expression | None:
    """As in "spring 2022", "the summer of 2022"; winter is the one that begins in that year."""
    days = spans.season(match["season"].lower(), int(match["year"]))
    return whole(match.start(), match.end(), days)


RULES: Final[tuple[Rule, ...]] = (
    Rule(("#1", "#2", "#3", "#4"), _BEFORE_CHRIST, before_christ),
    Rule(("#4",), _SPAN, year_span),
    Rule(("#4",), _UNTIL_NOW, until_now),
    Rule(("#4",), _DECADE, full_decade),
    Rule(("#4",), BARE, bare_year),
    Rule(("#1", "#2", *(word.partition("-")[0] for word in ORDINALS)), _CENTURY, century),
    Rule(("#2",), _SHORT_DECADE, short_decade),
    Rule(tuple(DECADE_WORDS), _DECADE_WORD, decade_word),
    Rule(("fiscal", "financial"), _FISCAL, fiscal),
    Rule(("fy",), _FY, fiscal),
    Rule(tuple(_QUARTER_NUMBERS), _QUARTER, quarter),
    Rule(("q",), _Q, quarter),
    Rule(tuple(SEASONS), _SEASON, season),
)
