"""Currencies by sign, code and noun: names and codes from CLDR, by Babel, loaded once.

CLDR names each currency with its country ("Mexican peso", "Swedish kronor"): the last word is
the noun, what stands before it the adjective.  Signs and spellings that CLDR's English names
don't have are listed here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from babel import Locale
from babel import __version__ as babel_version
from babel.core import get_global

VERSION: Final = f"CLDR of Babel {babel_version}"

SIGNS: Final[dict[str, str]] = {
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "\uffe5": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₴": "UAH",
    "₩": "KRW",
    "₺": "TRY",
    "₪": "ILS",
    "₱": "PHP",
    "₫": "VND",
    "฿": "THB",
    "₦": "NGN",
    "₸": "KZT",
    "₾": "GEL",
    "₼": "AZN",
    "₵": "GHS",
    "₡": "CRC",
    "₲": "PYG",
    "₭": "LAK",
    "₮": "MNT",
}
"""Unicode's currency signs that one currency of today is written with; $ and ¥ by context."""

DOLLAR_PREFIXES: Final[dict[str, str]] = {
    **dict.fromkeys(("US", "USD"), "USD"),
    **dict.fromkeys(("A", "AU", "AUD", "Aus"), "AUD"),
    **dict.fromkeys(("C", "CA", "CAD", "CDN", "Can", "Cdn"), "CAD"),
    **dict.fromkeys(("HK", "HKD"), "HKD"),
    **dict.fromkeys(("NZ", "NZD"), "NZD"),
    **dict.fromkeys(("S", "SG", "SGD"), "SGD"),
    **dict.fromkeys(("NT", "TW"), "TWD"),
    **dict.fromkeys(("R", "BR"), "BRL"),
    **dict.fromkeys(("MX", "Mex", "MXN"), "MXN"),
    "EC": "XCD",
    "J": "JMD",
    "TT": "TTD",
    "Bds": "BBD",
    "N": "NAD",
    "FJ": "FJD",
    "G": "GYD",
}
"""What news agencies put before the dollar sign."""

HOME_DOLLARS: Final = {
    "US": "USD",
    "AU": "AUD",
    "CA": "CAD",
    "NZ": "NZD",
    "SG": "SGD",
    "HK": "HKD",
}
"""What a bare $ means in an article that its source declares to be English of that country."""

_OTHER_THINGS = frozenset(
    (
        *(
            "AMD",
            "ARS",
            "BAM",
            "BOB",
            "BND",
            "BSD",
            "BTN",
            "COP",
            "CUP",
            "CVE",
            "DOP",
            "ERN",
            "ETB",
        ),
        *(
            "GEL",
            "GIP",
            "HTG",
            "IRR",
            "LAK",
            "MAD",
            "MDL",
            "MGA",
            "MOP",
            "NIO",
            "NPR",
            "PEN",
            "PHP",
        ),
        *("RON", "SAR", "SCR", "SDG", "SHP", "SLE", "SOS", "SSP", "STN", "TRY"),
    )
)
"""Codes that are words, companies or programmes too: they need a word of magnitude beside them."""

_NEVER = frozenset(("ALL", "TOP"))
"""Words in capitals far more often than Albanian or Tongan money."""

_LETTERS: Final = {
    "RMB": "CNY",
    "RM": "MYR",
    "Rp": "IDR",
    "Tk": "BDT",
    "KSh": "KES",
    "Ksh": "KES",
    "Sfr": "CHF",
    "SFr": "CHF",
    "R": "ZAR",
}
"""Letters used as signs, beside ISO's codes."""

_NEED_MAGNITUDE = _OTHER_THINGS | {"R"}

AMBIGUOUS: Final = {
    "Rs": "rupee",
    "kr": "krone",
    "Kr": "krone",
    "rupee": "rupee",
    "rupees": "rupee",
    "crowns": "krone",
    "kroner": "krone",
    "ruble": "ruble",
    "rubles": "ruble",
    "rouble": "ruble",
    "roubles": "ruble",
}
"""Letters and nouns that the countries named in the text decide about."""

_SPELLINGS: Final = {
    "rouble": "ruble",
    "roubles": "ruble",
    "renminbi": "yuan",
    "yuans": "yuan",
    "hryvna": "hryvnia",
    "hryvnya": "hryvnia",
    "hryvnyas": "hryvnia",
    "hryvnas": "hryvnia",
    "zlotych": "zloty",
    "zloties": "zloty",
    "rands": "rand",
    "wons": "won",
    "reais": "reais",
    "shekels": "shekel",
    "colones": "colon",
    "bolivars": "bolivar",
    "bolivares": "bolivar",
    "tenge": "tenge",
    "forints": "forint",
    "bahts": "baht",
    "kroner": "krone",
    "kronor": "krona",
}
"""Spellings of nouns in news that CLDR hasn't, to one that it has or that stands below."""

_NEED_ADJECTIVE: Final = frozenset(
    (
        "gold",
        "mark",
        "marks",
        "real",
        "reals",
        "sol",
        "soles",
        "som",
        "soms",
        "colon",
        "pula",
        "lev",
    )
)
"""Nouns that are other words far more often."""

_DEFAULTS: Final = {
    "dollar": "USD",
    "pound": "GBP",
    "ruble": "RUB",
    "won": "KRW",
    "lira": "TRY",
    "real": "BRL",
    "reais": "BRL",
    "bolivar": "VES",
    "kronor": "SEK",
}
"""What a noun of several countries means alone, where one of them is meant nearly always."""

_ADJECTIVES: Final = {
    "usd": (("us", "u.s.", "american"), "dollar"),
    "gbp": (("uk", "u.k.", "sterling"), "pound"),
    "twd": (("taiwan", "taiwanese"), "dollar"),
    "ils": (("israeli",), "shekel"),
    "aed": (("emirati",), "dirham"),
    "krw": (("korean",), "won"),
    "byn": (("belarusian", "belarussian", "belarus"), "ruble"),
    "sgd": (("singaporean",), "dollar"),
    "mop": (("macau",), "pataca"),
    "xof": (("cfa",), "franc"),
    "nok": (("norwegian",), "crown"),
    "sek": (("swedish",), "crown"),
    "dkk": (("danish",), "crown"),
    "czk": (("czech",), "crown"),
    "isk": (("icelandic",), "crown"),
    "npr": (("nepali",), "rupee"),
    "kgs": (("kyrgyz",), "som"),
    "kzt": (("kazakh",), "tenge"),
    "uzs": (("uzbek",), "som"),
    "cop": (("colombian",), "peso"),
}
"""Adjectives that news uses and CLDR doesn't."""


@cache
def active_codes() -> frozenset[str]:
    """ISO 4217 codes that are legal tender somewhere today."""
    tenders = get_global("territory_currencies").values()
    return frozenset(
        code
        for entries in tenders
        for code, _start, end, is_tender in entries
        if end is None and is_tender
    )


@cache
def codes() -> dict[str, str]:
    """Codes and letters to code, without those that are other words."""
    known = {code: code for code in sorted(active_codes() - _NEVER)}
    return known | dict(_LETTERS)


def needs_magnitude(letters: str) -> bool:
    """Whether the code or letters mean money only beside "million" or the like."""
    return letters in _NEED_MAGNITUDE


@cache
def nouns() -> dict[str, dict[str, str]]:
    """Noun in the singular or plural to adjective to code, "" being the noun alone.

    All in lower case; without "" where the noun alone may be of several countries.
    """
    table: dict[str, dict[str, str]] = {}
    for code in sorted(active_codes()):
        for name in _names(code):
            adjective, _, noun = name.lower().rpartition(" ")
            table.setdefault(noun, {}).setdefault(adjective, code)
    _complete(table)
    for noun, of in table.items():
        kinds = sorted(set(of.values()))
        if noun not in _NEED_ADJECTIVE and len(kinds) == 1:
            of[""] = kinds[0]
    return table


def _names(code: str) -> list[str]:
    plurals = Locale("en")._data["currency_names_plural"]  # noqa: SLF001 (Babel gives it by count only)
    names = [str(name) for name in dict(plurals.get(code, {})).values()]
    return [name.replace("\u00f3", "o").replace("\u00ed", "i") for name in dict.fromkeys(names)]


def _complete(table: dict[str, dict[str, str]]) -> None:
    for code, (adjectives, singular) in _ADJECTIVES.items():
        for noun in _forms(table, singular):
            table[noun].update(dict.fromkeys(adjectives, code.upper()))
    for noun, code in _DEFAULTS.items():
        for form in _forms(table, noun):
            if form not in _NEED_ADJECTIVE:
                table[form][""] = code
    for spelling, noun in _SPELLINGS.items():
        table.setdefault(spelling, dict(table.get(noun, {})))


def _forms(table: dict[str, dict[str, str]], singular: str) -> list[str]:
    forms = [singular, singular + "s"]
    for form in forms:
        table.setdefault(form, {})
    return forms


_COUNTRY_WORDS: Final = {
    "yen": {
        "JPY": r"Japan\w*|Tokyo|Osaka|[Yy]en",
        "CNY": r"Chin(?:a|ese)|Beijing|Shanghai|[Yy]uan|[Rr]enminbi|RMB",
    },
    "rupee": {
        "INR": r"Indian?|(?:New\s)?Delhi|Mumbai|Bengaluru|Bangalore|Chennai|Kolkata|Modi",
        "PKR": r"Pakistani?|Islamabad|Karachi|Lahore",
        "LKR": r"Sri\sLankan?|Colombo",
        "NPR": r"Nepal\w*|Kathmandu",
        "MUR": r"Mauriti(?:us|an)",
    },
    "krone": {
        "SEK": r"Swed(?:en|ish)|Stockholm|Gothenburg",
        "NOK": r"Norw(?:ay|egian)|Oslo",
        "DKK": r"Denmark|Danish|Copenhagen",
        "ISK": r"Iceland\w*|Reykjavik",
        "CZK": r"Czech\w*|Prague",
    },
    "ruble": {
        "BYN": r"Belarus\w*|Minsk",
        "RUB": r"Russian?|Moscow|Kremlin|Putin",
    },
}
_COMPILED = {
    kind: {code: re.compile(rf"\b(?:{words})\b") for code, words in of.items()}
    for kind, of in _COUNTRY_WORDS.items()
}

CONTEXT_CHARS: Final = 20_000
"""Characters of a text in which country words are looked for: ten times a usual article."""


def by_country_words(text: str, kind: str) -> frozenset[str]:
    """The currencies of the ``kind`` (yen, rupee, krone, ruble) whose countries ``text`` names."""
    head = text[:CONTEXT_CHARS]
    return frozenset(code for code, words in _COMPILED[kind].items() if words.search(head))
