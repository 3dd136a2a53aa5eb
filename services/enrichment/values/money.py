"""Amounts of money in a text: number, magnitude and currency in any of the orders news uses.

A sign, a code or a noun leads to a pattern before or behind it; what has no number, or no
currency that is sure, is left out ("dozens of dollars", "50 pesos", "20 pounds of flour").
"""

from __future__ import annotations

import heapq
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from services.enrichment.values import currencies, money_words
from services.enrichment.values.amounts import (
    FoundAmount,
    Market,
    amount_pattern,
    amount_value,
)
from services.enrichment.values.numbers import from_digits
from services.enrichment.values.words import DASH, GAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal


_TO = rf"(?:[ \xa0]?{DASH}[ \xa0]?|{GAP}to{GAP})"
_SIGN_CHARS = "".join(re.escape(sign) for sign in currencies.SIGNS)
_SIGN: Final = re.compile(rf"[{_SIGN_CHARS}]")
_PREFIX = re.compile(r"(?<![A-Za-z])(?:[A-Za-z]{1,3})$")
_JOINED = re.compile(rf"[A-Za-z0-9{_SIGN_CHARS}]")
"""What a sign isn't joined to; other scripts write no spaces."""
_NO_MORE = r"(?!\w|[.,][0-9]|%)"
_AFTER = re.compile(
    rf"[ \xa0\u202f]?{amount_pattern('low')}{_NO_MORE}"
    rf"(?P<range>{_TO}(?:[A-Z]{{0,2}}[{_SIGN_CHARS}][ \xa0]?)?"
    rf"{amount_pattern('high')}(?!\w|[.,][0-9]|[%{_SIGN_CHARS}]|{DASH}[0-9A-Za-z]))?"
)
_AND = re.compile(
    rf"{GAP}and{GAP}(?:[A-Z]{{0,2}}[{_SIGN_CHARS}])[ \xa0]?{amount_pattern('high')}{_NO_MORE}"
)
_BEFORE = re.compile(rf"(?<![\w.,/$-]){amount_pattern('low')}[ \xa0\u202f]?$")
_BETWEEN = re.compile(r"\b(?i:between)\s$")
_CHANGE = re.compile(r"\b(?i:from|by)\s$")
_ABOUT = re.compile(
    r"\b(?i:about|around|nearly|almost|roughly|approximately|some|more\sthan|less\sthan|fewer\sthan|"
    r"over|under|up\sto|at\sleast|at\smost|as\smuch\sas|as\slittle\sas|estimated|close\sto|"
    r"upwards?\sof|in\sexcess\sof|near|an?\swhopping|approx\.?|circa|reportedly|just\sunder|just\sover)\s$"
)
_OTHER_MAGNITUDE = re.compile(r"[ \xa0\u202f]?[^\W\d_a-zA-Z]|[ \xa0\u202f]?-?[bkmtBKMTlL]")
"""In other languages: what follows may be a word of magnitude that isn't known here."""


def find_money(market: Market) -> Iterator[FoundAmount]:
    """The amounts of the market's text from left to right, without overlaps, in linear time."""
    found: Iterable[FoundAmount] = _by_sign(market)
    if market.english:
        words = money_words.by_word(market)
        found = heapq.merge(found, words, key=lambda one: (one.start, -one.end))
    position = 0
    for one in found:
        if one.start >= position:
            position = one.end
            yield replace(one, about=_is_about(market.text, one.start))


def _is_about(text: str, start: int) -> bool:
    return _ABOUT.search(text[max(0, start - 20) : start]) is not None


def _by_sign(market: Market) -> Iterator[FoundAmount]:
    text, position = market.text, 0
    for sign in _SIGN.finditer(text):
        if sign.start() < position:
            continue
        one = _sign_first(market, sign) or _sign_last(market, sign, position)
        if one is not None:
            position = one.end
            yield one


def _sign_first(market: Market, sign: re.Match[str]) -> FoundAmount | None:
    """As in "$3.56 billion", "A$5m", "$3-4 million"."""
    text, start = market.text, sign.start()
    code = market.of_sign(sign[0])
    prefix = _PREFIX.search(text[max(0, start - 4) : start])
    if prefix is not None:
        if sign[0] == "$":
            code = currencies.DOLLAR_PREFIXES.get(prefix[0])
        elif sign[0] in "¥\uffe5":
            code = {"CN": "CNY", "RMB": "CNY", "JP": "JPY"}.get(prefix[0])
        start -= len(prefix[0])
    elif start and _JOINED.match(text[start - 1]):
        return None
    match = _AFTER.match(text, sign.end())
    if match is None or code is None or _of_other_language(market, match.end()):
        return None
    return _ranged(market, start, match, code)


def _of_other_language(market: Market, end: int) -> bool:
    return not market.english and _OTHER_MAGNITUDE.match(market.text, end) is not None


def _sign_last(market: Market, sign: re.Match[str], position: int) -> FoundAmount | None:
    """As in "1.234,56 €", "500€"."""
    text, end = market.text, sign.end()
    if end < len(text) and text[end].isalnum():
        return None
    match = _BEFORE.search(text, max(position, sign.start() - 40), sign.start())
    code = market.of_sign(sign[0])
    if match is None or code is None or (sign[0] == "$" and match.end("low") != sign.start()):
        return None
    return FoundAmount(match.start(), end, amount_value(match, "low", ","), code)


def _ranged(market: Market, start: int, match: re.Match[str], code: str) -> FoundAmount | None:
    """The amount, with its end where a larger one follows ("to", a dash, "between … and")."""
    text = market.text
    low = amount_value(match, "low", market.point)
    one = FoundAmount(start, match.end(), low, code)
    behind = text[max(0, start - 10) : start]
    if match["range"]:
        high = amount_value(match, "high", market.point)
        own = low if match["low_scale"] else _scaled_like(low, match, high)
        if own < high and not _separate(match, behind):
            return replace(one, amount=own, upto=high)
        return replace(one, end=match.start("range"))
    between = _BETWEEN.search(behind)
    second = _AND.match(text, match.end()) if between else None
    if between and second:
        high = amount_value(second, "high", market.point)
        if low < high:
            return replace(one, upto=high, start=start - len(between[0]), end=second.end())
    return one


def _scaled_like(low: Decimal, match: re.Match[str], high: Decimal) -> Decimal:
    """The 3 of "$3-4 million" is 3 million, the 900,000 of "$900,000 to $1.2 million" itself."""
    number = from_digits(match["high"])
    scaled = low * (high / number) if number else low
    return scaled if low < 1000 and scaled < high else low  # noqa: PLR2004 (nobody writes a thousand millions)


def _separate(match: re.Match[str], behind: str) -> bool:
    """As in "rose from $3 to $4" is two amounts."""
    return "to" in match["range"][:4] and _CHANGE.search(behind) is not None
