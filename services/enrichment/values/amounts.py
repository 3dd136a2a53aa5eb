"""An amount of money, the text that it is in, and the pattern of its number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.enrichment.values import currencies
from services.enrichment.values.numbers import (
    DIGITS,
    INDIAN,
    MAGNITUDES,
    SHORT_MAGNITUDES,
    from_digits,
)
from services.enrichment.values.words import GAP, any_of

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class FoundAmount:
    """An amount at ``text[start:end]`` in whole units of ``currency``; ``upto`` ends a range."""

    start: int
    end: int
    amount: Decimal
    currency: str
    upto: Decimal | None = None
    about: bool = False

    @property
    def key(self) -> str:
        """``money:USD:3560000000``, a range with a slash between its ends."""
        upto = "" if self.upto is None else f"/{plain(self.upto)}"
        return f"money:{self.currency}:{plain(self.amount)}{upto}"

    @property
    def name(self) -> str:
        """``USD 3,560,000,000``, a range with "to" between its ends."""
        upto = "" if self.upto is None else f" to {grouped(self.upto)}"
        return f"{self.currency} {grouped(self.amount)}{upto}"


def plain(value: Decimal) -> str:
    """All digits, no exponent and no zeros behind the last decimal: ``0.5``, ``3560000000``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(value: Decimal) -> str:
    """:func:`plain` with commas between thousands."""
    whole, mark, rest = plain(value).partition(".")
    return f"{int(whole):,}{mark}{rest}"


_PESO_LANGUAGES: Final = frozenset(("es", "pt"))
"""Languages in which a bare $ is a peso as often as a dollar."""


@dataclass(slots=True)
class Market:
    """What money means in one text: its language, its country's dollar, the countries it names."""

    text: str
    english: bool = True
    dollar: str = "USD"
    language: str = "en"
    _named: dict[str, frozenset[str]] = field(default_factory=dict)

    def named(self, kind: str) -> frozenset[str]:
        """Currencies of the ``kind`` whose countries the text names; looked for once."""
        if kind not in self._named:
            self._named[kind] = currencies.by_country_words(self.text, kind)
        return self._named[kind]

    def of_ambiguous(self, kind: str) -> str | None:
        """The one currency of the ``kind`` that the text can mean; rubles alone are Russian."""
        named = self.named(kind)
        if len(named) == 1:
            return next(iter(named))
        return "RUB" if kind == "ruble" and not named else None

    def of_sign(self, sign: str) -> str | None:
        """The currency of a sign alone; None where it is a dollar or a peso."""
        if sign == "$":
            return None if self.language in _PESO_LANGUAGES else self.dollar
        code = currencies.SIGNS[sign]
        return "CNY" if code == "JPY" and self.named("yen") == {"CNY"} else code

    @property
    def point(self) -> str | None:
        """The decimal mark of the text's language, where it is known."""
        return "." if self.english else None


MAGNITUDE: Final = any_of(list(MAGNITUDES))
_SHORT = any_of(list(SHORT_MAGNITUDES))
NUMBER: Final = rf"(?:{INDIAN}|{DIGITS})"
_SCALE = (
    rf"(?:(?:{GAP}|-)?(?i:{MAGNITUDE})(?!\w)|"
    rf"(?:{_SHORT}|[ \xa0](?:m|bn|tn|mn|mln|cr|Cr))(?!\w))"
)


def amount_pattern(name: str) -> str:
    """A pattern of digits and their magnitude, in groups of that name."""
    return rf"(?P<{name}>{NUMBER})(?P<{name}_scale>{_SCALE}(?:{GAP}(?i:{MAGNITUDE})(?!\w))?)?"


def amount_value(match: re.Match[str], name: str, point: str | None) -> Decimal:
    """The number of a group and its magnitude."""
    scale = match[f"{name}_scale"]
    value = from_digits(match[name], point="." if scale else point)
    for word in re.findall(r"[A-Za-z]+", scale or ""):
        value *= MAGNITUDES.get(word.lower()) or SHORT_MAGNITUDES[word]
    return value
