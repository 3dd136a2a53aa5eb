"""Numbers as texts write them: in digits, in words, with a word of magnitude."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from services.enrichment.values.words import any_of

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

SMALL: Final[dict[str, int]] = {
    **{word: number for number, word in enumerate(_UNITS)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
}
"""Number words below a hundred."""

MAGNITUDES: Final[dict[str, int]] = {
    "hundred": 10**2,
    "thousand": 10**3,
    "lakh": 10**5,
    "lakhs": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "crores": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
}
"""Words of magnitude; billion and trillion in the short scale, as all English news has them now."""

SHORT_MAGNITUDES: Final[dict[str, int]] = {
    **dict.fromkeys(("k", "K"), 10**3),
    **dict.fromkeys(("m", "M", "mn", "mln", "mil", "mio"), 10**6),
    **dict.fromkeys(("b", "B", "bn", "Bn", "BN", "bln"), 10**9),
    **dict.fromkeys(("t", "T", "tn", "trn", "trln"), 10**12),
    **dict.fromkeys(("cr", "Cr"), 10**7),
}
"""Their abbreviations, told apart from other words by what they are joined to."""

WORD: Final = any_of([*SMALL, *MAGNITUDES])
"""One number word."""

_GROUPS = r"(?:[,.\u2019'\xa0\u2009\u202f ][0-9]{3}){1,5}(?![0-9])"
DIGITS: Final = (
    rf"[0-9]{{1,3}}{_GROUPS}(?:[.,][0-9]{{1,2}}(?![0-9]))?|[0-9]{{1,15}}(?:[.,][0-9]{{1,6}})?"
)
"""A number in digits, with separators of any country. 15 digits are what a float holds exactly."""

INDIAN: Final = r"[0-9]{1,2}(?:,[0-9]{2}){1,4},[0-9]{3}(?![0-9])(?:\.[0-9]{1,2}(?![0-9]))?"
"""Digits grouped in lakhs and crores: 1,50,000."""

_SPACES = re.compile(r"[\xa0\u2009\u202f '\u2019]")
_THOUSANDS = 3
"""Digits in a group."""

_TEN, _HUNDRED = 10, 100


def from_digits(text: str, *, point: str | None = ".") -> Decimal:
    """The value of what :data:`DIGITS` or :data:`INDIAN` matched.

    The last separator is the decimal one where both kinds are used (``1.234,56``) or where
    other than three digits follow it.  A single one before three digits is read by ``point``,
    the writer's decimal mark: ``1.234`` is 1.234 with ".", 1234 with "," or None (either
    kind groups thousands).
    """
    plain = _SPACES.sub("", text)
    last = max(plain.rfind("."), plain.rfind(","))
    if last < 0:
        return Decimal(plain)
    mark = plain[last]
    rest = re.sub(r"[.,]", "", plain[:last])
    tail = plain[last + 1 :]
    if plain.count(mark) > 1 or (len(tail) == _THOUSANDS and _groups(plain, mark, point)):
        return Decimal(rest + tail)
    return Decimal(f"{rest}.{tail}")


def _groups(plain: str, mark: str, point: str | None) -> bool:
    """Whether a single ``mark`` before three digits parts thousands from hundreds."""
    if plain.index(mark) > _THOUSANDS or plain.startswith("0"):
        return False
    other = "," if mark == "." else "."
    return other not in plain and mark != point


def from_words(text: str) -> Decimal | None:
    """The value of ``two hundred and fifty thousand``, ``half a billion``, ``3.5 million``.

    None where the words are no number together ("hundred", "five million three").
    """
    tokens = [word for word in re.split(r"[\s-]+", text.lower()) if word != "and"]
    if tokens[:2] in (["half", "a"], ["half", "an"]):
        return _times(Decimal("0.5"), tokens[2:])
    if tokens[:1] in (["a"], ["an"]):
        tokens[0] = "one"
    if tokens[1:3] == ["a", "half"] and tokens[0] in SMALL:
        return _times(SMALL[tokens[0]] + Decimal("0.5"), tokens[3:])
    if tokens and tokens[0][:1].isdigit():
        return _times(from_digits(tokens[0]), tokens[1:])
    return _added(tokens)


def _times(number: Decimal, magnitudes: list[str]) -> Decimal | None:
    for word in magnitudes:
        if word not in MAGNITUDES:
            return None
        number *= MAGNITUDES[word]
    return number


def _added(tokens: list[str]) -> Decimal | None:
    """Words only: units and tens add up, magnitudes multiply what stands before them."""
    total = group = 0
    ceiling = 10**18  # above the largest magnitude: each next one must be smaller
    last = _HUNDRED  # what the next small number must be below: twenty-five, not five-twenty
    for word in tokens:
        if word in SMALL:
            value = SMALL[word]
            if value >= last:
                return None
            group += value
            last = _TEN if word in _TENS else 0
        elif MAGNITUDES.get(word) == _HUNDRED and 0 < group < _HUNDRED:
            group, last = group * _HUNDRED, _HUNDRED
        elif word in MAGNITUDES and group and MAGNITUDES[word] < ceiling:
            ceiling = MAGNITUDES[word]
            total, group, last = total + group * ceiling, 0, _HUNDRED
        else:
            return None
    return Decimal(total + group) if total + group else None
