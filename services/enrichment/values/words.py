"""The words that expressions of time are made of, as pieces of patterns and as tables.

Case is told apart where it tells something: months and weekdays are capitalised or in capitals;
in lower case only those that are no other word ("monday", never "march", "may" or "sun").
"""

from __future__ import annotations

from typing import Final

GAP: Final = r"[ \t\xa0\u2009\u202f]{1,3}"
"""White space within an expression: never a line's end, for a mention stands on one line."""

DASH: Final = r"[-\u2010-\u2014]"

_MONTH_NAMES = {
    1: ("January", "Jan"),
    2: ("February", "Feb"),
    3: ("March", "Mar"),
    4: ("April", "Apr"),
    5: ("May",),
    6: ("June", "Jun"),
    7: ("July", "Jul"),
    8: ("August", "Aug"),
    9: ("September", "Sept", "Sep"),
    10: ("October", "Oct"),
    11: ("November", "Nov"),
    12: ("December", "Dec"),
}
_LOWER_MONTHS = frozenset(
    (
        *("january", "february", "april", "june", "july", "september", "october"),
        *("november", "december"),
    )
)

_DAY_NAMES = (
    ("Monday", "Mon"),
    ("Tuesday", "Tues", "Tue"),
    ("Wednesday", "Weds", "Wed"),
    ("Thursday", "Thurs", "Thur", "Thu"),
    ("Friday", "Fri"),
    ("Saturday", "Sat"),
    ("Sunday", "Sun"),
)


def cased(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each as it is and in capitals."""
    return tuple(form for word in words for form in dict.fromkeys((word, word.upper())))


MONTHS: Final[dict[str, int]] = {
    **{form: number for number, names in _MONTH_NAMES.items() for form in cased(names)},
    **{
        names[0].lower(): number
        for number, names in _MONTH_NAMES.items()
        if names[0].lower() in _LOWER_MONTHS
    },
}
"""Month by each of its forms, abbreviations without their dot."""

FULL_MONTHS: Final = frozenset(
    form for names in _MONTH_NAMES.values() for form in (*cased(names[:1]), names[0].lower())
)
"""Forms that may stand without a day or year beside them ("in March")."""

WEEKDAYS: Final[dict[str, int]] = {
    form: number
    for number, names in enumerate(_DAY_NAMES)
    for form in (*cased(names), names[0].lower())
}
"""Weekday (Monday is 0) by each of its forms."""

FULL_WEEKDAYS: Final = frozenset(
    form for names in _DAY_NAMES for form in (*cased(names[:1]), names[0].lower())
)


def any_of(words: tuple[str, ...] | list[str]) -> str:
    """A pattern for one of ``words``, the longest first so that none hides another."""
    return "(?:" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"


MONTH: Final = any_of(list(MONTHS))
FULL_MONTH: Final = any_of([form for form in MONTHS if form in FULL_MONTHS])
WEEKDAY: Final = any_of(list(WEEKDAYS))
FULL_WEEKDAY: Final = any_of([form for form in WEEKDAYS if form in FULL_WEEKDAYS])
YEAR: Final = r"(?:1[0-9]{3}|20[0-9]{2}|2100)(?![0-9]|[.,][0-9]|%)"

UNIT: Final = "(?:day|week|month|year|decade)"

QUANTITY: Final = (
    r"(?:people|persons?|men|women|children|troops|soldiers|police|officers|workers|employees|jobs|"
    r"homes|houses|households|families|votes|voters|points|seats|met(?:er|re)s?|miles?|km|"
    r"kilomet(?:er|re)s?|feet|foot|ft|yards?|acres|hectares|tons?|tonnes?|pounds|lbs?|kg|kilograms?|"
    r"dollars|euros|yuan|yen|rupees|rubles|roubles|pesos|cents|years?|months?|weeks?|days?|hours?|hrs|"
    r"minutes|seconds|GMT|UTC|BST|CET|EST|EDT|local|degrees|calories|students|pupils|patients|cases|"
    r"deaths|residents|inhabitants|passengers|participants|protesters|demonstrators|supporters|"
    r"rooms|guests|copies|pages|words|additional|more|other|others|rpm|hp|cc|cm|mm|mAh|MHz|MB|GB|"
    r"square|cubic|civilians|refugees|migrants|victims|prisoners|members|fans|spectators|species|"
    r"stores|shops|flights|vehicles|cars|trucks|tanks|ships|aircraft|rounds|units|items|pieces|"
    r"businesses|schools|villages|towns|barrels|gallons|lit(?:er|re)s|animals|birds|trees|"
    r"BCE?|B\.C\.|percent|per\scent|million|billion|trillion|thousand)"
)
"""What follows a number that counts or measures, and not a year."""

ORDINALS: Final = {
    word: number
    for number, word in enumerate(
        (
            *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"),
            *("ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth"),
            *("sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"),
            "twenty-first",
        ),
        start=1,
    )
}

DECADE_WORDS: Final = {
    "twenties": 1920,
    "thirties": 1930,
    "forties": 1940,
    "fifties": 1950,
    "sixties": 1960,
    "seventies": 1970,
    "eighties": 1980,
    "nineties": 1990,
}

HOLIDAYS: Final = {
    "new year's day": (1, 1),
    "epiphany": (1, 6),
    "valentine's day": (2, 14),
    "st. valentine's day": (2, 14),
    "international women's day": (3, 8),
    "st. patrick's day": (3, 17),
    "st patrick's day": (3, 17),
    "april fools' day": (4, 1),
    "may day": (5, 1),
    "juneteenth": (6, 19),
    "canada day": (7, 1),
    "fourth of july": (7, 4),
    "july fourth": (7, 4),
    "bastille day": (7, 14),
    "halloween": (10, 31),
    "all saints' day": (11, 1),
    "veterans day": (11, 11),
    "armistice day": (11, 11),
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
}
"""Holidays that are on the same day every year, wherever they are kept."""
