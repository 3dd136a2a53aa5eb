"""Amounts with a code or a noun: "EUR 5m", "5 million euros", "half a billion yuan", "50 cents"."""

from __future__ import annotations

import heapq
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from services.enrichment.values import currencies
from services.enrichment.values.amounts import (
    MAGNITUDE,
    NUMBER,
    FoundAmount,
    amount_pattern,
    amount_value,
)
from services.enrichment.values.numbers import SHORT_MAGNITUDES, WORD, from_digits, from_words
from services.enrichment.values.words import DASH, GAP, any_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from services.enrichment.values.amounts import Market

_WORD: Final = re.compile(r"\b[A-Za-z]+")
_CODES: Final = currencies.codes()
_NOUNS: Final = currencies.nouns()

_SUBUNITS: Final = {"cents": None, "pence": "GBP"}
"""Hundredths, of the text's dollar where no code is given; "50 Cent" is a rapper."""

_COLLOQUIAL: Final = {"bucks": "USD", "quid": "GBP"}
"""In lower case alone: the Bucks are a team."""

_LETTERS: Final = frozenset((*_CODES, "Rs", "kr", "Kr"))
_LEADS: Final = frozenset(
    (
        *_LETTERS,
        *_COLLOQUIAL,
        *(form for noun in (*_NOUNS, *_SUBUNITS) for form in (noun, noun.upper())),
        *(noun.title() for noun in _NOUNS if noun.endswith("s") and "" in _NOUNS[noun]),
    )
)
"""The words that an amount may end or begin with."""

_BEHIND: Final = 90
"""Characters before a noun in which its number must stand: "one hundred and twenty-five million
New Zealand" has 57."""

_AFTER_CODE = re.compile(
    rf"\.?[ \xa0\u202f]?{amount_pattern('low')}(?!\w|[.,][0-9]|%|{DASH}[A-Za-z0-9])"
)
_BEFORE_CODE = re.compile(rf"(?<![\w.,/$-]){amount_pattern('low')}[ \xa0\u202f]?$")

_SHORT = any_of(list(SHORT_MAGNITUDES))
_SEP = rf"(?:{GAP}|-)"
_DIGITAL = rf"{NUMBER}(?:(?:{_SHORT})(?!\w)|(?:{_SEP}(?i:{MAGNITUDE})(?!\w)){{1,2}})?"
_SPELLED = (
    rf"(?i:(?:half{GAP}an?|an?|{WORD})"
    rf"(?:{_SEP}(?:and{GAP}(?:a{GAP}half|{WORD})|{WORD})(?!\w)){{0,9}})"
)
_NUMBER = rf"(?:{_DIGITAL}|{_SPELLED})"
_ADJECTIVE = (
    rf"(?:{_SEP}(?P<adjective>[A-Z][\w.&'-]*(?:{GAP}[A-Z&][\w.]*){{0,3}}(?:{GAP}new)?|"
    r"euro|sterling))?"
)
_BEFORE_NOUN = re.compile(
    rf"(?<![\w.,/$\u20ac\u00a3-])(?:(?P<between>(?i:between){GAP})?(?P<low>{_NUMBER})"
    rf"(?:{GAP}?{DASH}{GAP}?|{GAP}(?:to|or){GAP}|(?(between){GAP}and{GAP}|(?!))))?"
    rf"(?<![\w.,/$\u20ac\u00a3])(?P<number>{_NUMBER}){_ADJECTIVE}{_SEP}$"
)
_PROVERBIAL = re.compile(rf"(?i:an?{GAP}{MAGNITUDE}-)")
"""As in "a million-dollar question"."""
_CHANGE = re.compile(r"\b(?i:from|by)\s$")

_WEIGHT_BEHIND = re.compile(
    r"(?i:\b(?:weigh\w*|lost|lose|losing|gain\w*|drop\w*|shed\w*|lift\w*|heav\w+|bench|carr\w+|"
    r"burn\w*|slaughter\w*|catch|caught|haul\w*)\b)"
)
_MONEY_NEAR = re.compile(
    r"(?i:\b(?:pay\w*|paid|cost\w*|prices?|priced|worth|fine[ds]?|spen[dt]\w*|salar\w+|tax\w*|bills?|"
    r"fees?|funds?|funding|debts?|earn\w*|sold|sell\w*|bought|buy\w*|bids?|deals?|loans?|budgets?|"
    r"charg\w+|bonds?|profits?|revenues?|invest\w*|rais\w+|donat\w+|wages?|tickets?|sterling|"
    r"award\w*|compensation|grants?|rent\w*|stole\w*|money|cash|pension\w*|savings?|benefits?|"
    r"per\sweek|a\sweek|a\syear|a\smonth|British|Britain|UK|London|damages|bank\w*|econom\w+)\b)|[\u00a3$\u20ac]"
)
_OF = re.compile(
    r"\sof\s(?!damage|debt|invest|fund|aid|cash|sav|spend|tax|public|money|cuts|govern|losses|loan|"
    r"revenue|income|profit|compens|support|pension|cost)"
)


def by_word(market: Market) -> Iterator[FoundAmount]:
    """The amounts of an English text whose currency is told by letters; they may overlap."""
    text, position = market.text, 0
    for match in _leads_in(text):
        word = match[0]
        lower = word.lower()
        if word in _LETTERS:
            one = _by_code(market, match, position)
        elif lower in _NOUNS:
            one = _by_noun(market, match, lower, position)
        elif lower in _SUBUNITS:
            one = _by_subunit(market, match, lower, position)
        else:
            one = _with_noun(market, match, {"": _COLLOQUIAL[word]}, position)
        if one is not None:
            position = max(position, one.end)
            yield one


def _leads_in(text: str) -> Iterator[re.Match[str]]:
    """The words of the text that an amount may end or begin with, from left to right.

    Which ones it has at all is asked first: none in most articles, two or three in others.
    """
    known = _LEADS.intersection(_WORD.findall(text))
    places = (_alone(word).finditer(text) for word in known)
    return heapq.merge(*places, key=lambda match: match.start())


@cache
def _alone(lead: str) -> re.Pattern[str]:
    """``lead`` where it is all of what :data:`_WORD` finds; of some hundred words, kept."""
    return re.compile(rf"{lead}(?<!\w{lead})(?![A-Za-z])")


def _by_code(market: Market, match: re.Match[str], position: int) -> FoundAmount | None:
    """As in "EUR 5m", "5 million USD", "Rs 5 crore", "500 kr"."""
    text, letters = market.text, match[0]
    kind = currencies.AMBIGUOUS.get(letters)
    code = market.of_ambiguous(kind) if kind else _CODES[letters]
    if code is None:
        return None
    behind = (
        None
        if letters == "R"
        else _BEFORE_CODE.search(text, max(position, match.start() - 40), match.start())
    )
    ahead = _AFTER_CODE.match(text, match.end())
    found = behind if behind is not None and not (ahead and ahead["low_scale"]) else ahead
    if found is None or text[match.end() : match.end() + 1].isalpha():
        return None
    if currencies.needs_magnitude(letters) and not found["low_scale"]:
        return None
    start, end = min(match.start(), found.start()), max(match.end(), found.end())
    return FoundAmount(start, end, amount_value(found, "low", market.point), code)


def _by_noun(market: Market, match: re.Match[str], noun: str, position: int) -> FoundAmount | None:
    one = _with_noun(market, match, _NOUNS[noun], position)
    if one is None or market.text.startswith(" cent", one.end):  # euro cents
        return None
    if noun.startswith("pound") and not _is_money(market.text, one):
        return None
    if noun == "won" and one.amount < 1000:  # noqa: PLR2004 (a thousand won are a dollar; "5 won" is a verb)
        return None
    return one


def _by_subunit(
    market: Market, match: re.Match[str], noun: str, position: int
) -> FoundAmount | None:
    codes = {"": _SUBUNITS[noun] or market.dollar, "euro": "EUR", "us": "USD", "u.s.": "USD"}
    one = _with_noun(market, match, codes, position)
    if one is None:
        return None
    upto = None if one.upto is None else one.upto / 100
    return FoundAmount(one.start, one.end, one.amount / 100, one.currency, upto)


def _is_money(text: str, one: FoundAmount) -> bool:
    """Whether pounds are money here and no weight."""
    behind, ahead = text[max(0, one.start - 60) : one.start], text[one.end : one.end + 50]
    if _OF.match(ahead) or (_WEIGHT_BEHIND.search(behind[-25:]) and one.amount < 1000):  # noqa: PLR2004 (a ton is more)
        return False
    if one.currency != "GBP":
        return True
    large = 1_000_000  # as a weight, such loads are told in tons
    return one.amount >= large or _MONEY_NEAR.search(behind + " " + ahead) is not None


def _with_noun(
    market: Market, match: re.Match[str], codes: dict[str, str], position: int
) -> FoundAmount | None:
    """The amount whose number ends right before the noun ``match``."""
    text, noun = market.text, match[0]
    found = _BEFORE_NOUN.search(text, max(position, match.start() - _BEHIND), match.start())
    if found is None or _PROVERBIAL.fullmatch(found[0]):
        return None
    code = _code(market, noun.lower(), codes, found["adjective"])
    high = _number(found["number"])
    if code is None or high is None:
        return None
    end = match.end()
    sterling = re.compile(rf"{GAP}sterling\b").match(text, end) if noun == "pounds" else None
    end = sterling.end() if sterling else end
    low = _low(found, high, text)
    if low is None or low >= high:
        return FoundAmount(found.start("number"), end, high, code)
    return FoundAmount(found.start(), end, low, code, high)


def _code(market: Market, noun: str, codes: dict[str, str], adjective: str | None) -> str | None:
    if adjective is not None:
        plain = adjective.lower().replace("\u2019", "'")
        return codes.get(plain) or codes.get(plain.removesuffix(" new"))
    kind = currencies.AMBIGUOUS.get(noun)
    if kind is not None:
        return market.of_ambiguous(kind)
    code = codes.get("")
    return market.dollar if code == "USD" and noun.startswith("dollar") else code


_SUFFIXED = re.compile(rf"(?P<number>{NUMBER})(?P<scale>{_SHORT})?")


def _number(text: str) -> Decimal | None:
    digital = _SUFFIXED.fullmatch(text)
    if digital is None:
        return from_words(text)
    return from_digits(digital["number"]) * SHORT_MAGNITUDES.get(digital["scale"], 1)


def _low(found: re.Match[str], high: Decimal, text: str) -> Decimal | None:
    """The lower end of a range ("3 to 4 million"), which shares the upper one's magnitude."""
    if found["low"] is None:
        return None
    if _CHANGE.search(text[max(0, found.start() - 10) : found.start()]):
        return None
    low, number = _number(found["low"]), _number(re.split(r"[\s-]", found["number"])[0])
    if low is None or not number:
        return low
    scaled = low * (high / number)
    return scaled if low < 1000 and scaled < high else low  # noqa: PLR2004 (nobody writes a thousand millions)
