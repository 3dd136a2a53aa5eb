"""One key for the spellings of one person's name: Łukaszenka, Lukashenko, Лукашенко.

Two people must never get one key, so spellings are unified only where the name itself shows
that it was romanised: it is written in Cyrillic, its surname has a Slavic ending, or its first
name is a Slavic or Arabic one that newspapers spell in many ways.  Other names are only
folded: John Smith and Jon Smyth are two people.  First name and surname must both agree, and
the ending that tells a woman from a man stays.
"""

from __future__ import annotations

import re
from functools import lru_cache

from services.enrichment.annotators.names import person_tokens
from services.enrichment.linking.given_names import ARABIC, INTERNATIONAL, SLAVIC
from services.enrichment.linking.transliterate import is_cyrillic, latin

Tokens = tuple[str, ...]
Rules = tuple[tuple[re.Pattern[str], str], ...]

SHORTEST = 4
"""Letters below which a name's spelling isn't touched: Li and Lee, Kim and Kym are too alike."""

LONGEST = 120
"""Characters of a name that are looked at; longer ones are no names."""

CACHE = 4096
"""Names remembered: those of some hundred articles, under one megabyte."""

_PARTICLES = frozenset({"al", "el", "ad", "as", "ash", "at", "ul"})
"""Arabic articles, written or left out at will ("Bashar al-Assad", "Bashar Assad")."""

_PATRONYMIC = re.compile(r"(?:[aeoiy][vw](?:ich|ych|ic|icz|itch|itsch|na|ny)|ichna|yivna|ivna)$")
_MARK = re.compile(
    r"(?:enk[oa]|[sc]k(?:y|i|iy|yy|ij|yi|yj|ii|aya|aia|aja|a)|[oe](?:v|w|ff)a?|"
    r"(?:[oe]v|[oe]w|av)(?:ich|icz|itch|itsch|ych|ic)|chuk|czuk|tschuk|niuk|nyuk|njuk|niouk)$"
)
"""Endings of Slavic surnames. Other surnames keep their spelling, unless something else
shows that they were romanised."""

_LETTERS = str.maketrans({"š": "sz", "č": "cz", "ž": "zh", "ż": "zh", "ć": "cz", "ś": "s"})
"""Before marks are dropped: what the letter is spelt as without its mark."""


def _compiled(*rules: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern), common) for pattern, common in rules)


_SLAVIC_RULES = _compiled(
    (r"schtsch|szcz|shch|stsch|chtch", "sh"),
    (r"tsch|tch|cz", "ch"),
    (r"sch|sz", "sh"),
    (r"zh|rz(?=[aeiouy])", "z"),
    (r"kh|^ch(?=r)", "h"),
    (r"ph", "f"),
    (r"(?<=out)ine$", "in"),  # Poutine
    (r"ou", "u"),
    (r"x", "ks"),
    (r"tz|cj", "ts"),
    (r"w|ff$", "v"),
    (r"(?<=[^aeiouyj])[iyj](?=[aou])", ""),  # Gorbachyov, Yatsenyuk, Siarhei
    (r"(?<=[aeou])[iyj]e", "e"),  # Dudaev, Dudayev
    (r"^[jiy]+(?=[aou])", "y"),  # Janukovych, Iatseniuk
    (r"^[jy]e", "e"),  # Yeltsin, Eltsin
    (r"sk(?:aya|aia|aja)$", "ska"),
    (r"(?<!^)[iyj]+|^[iyj]+(?![aou])", "i"),
    (r"([^aeiou])\1+", r"\1"),
    (r"(?<=ch)o(?=v)|(?<=sh)o(?=v)", "e"),  # Gorbachov, Khrushchov
    (r"enka$", "enko"),
    (r"av(?=ich$)", "ov"),
)
"""Ways in which romanisations of one Slavic name differ: English, Polish, German, French,
Czech. The last vowel stays (but "-enka", the Belarusian form of "-enko"): Ivanov, Ivanova."""

_ARABIC_RULES = _compiled((r"ou", "u"), (r"ee", "i"), (r"([^aeiou])\1+", r"\1"))


def _unified(token: str, rules: Rules) -> str:
    if len(token) < SHORTEST:
        return token
    for pattern, common in rules:
        token = pattern.sub(common, token)
    return token


_SLAVIC_UNIFIED = {_unified(spelt, _SLAVIC_RULES): common for spelt, common in SLAVIC.items()}


@lru_cache(maxsize=CACHE)
def person_key(name: str) -> str:
    """What all spellings of a person's full name have in common; ``ned price`` for Ned Price.

    Titles, suffixes, middle initials, patronymics and Arabic articles are left out.  It
    depends on nothing but ``name``.  Empty only where ``name`` has no letters.
    """
    tokens = _parts(name)
    if len(tokens) < 2:  # noqa: PLR2004 (a first name and a surname)
        return " ".join(surname_key(name) for _ in tokens)
    first, *rest = _without_the_middle(tokens)
    if first in ARABIC:
        return " ".join((ARABIC[first], *map(_arabic, rest)))
    common = SLAVIC.get(first) or _SLAVIC_UNIFIED.get(_unified(first, _SLAVIC_RULES))
    marked = _is_marked(rest[-1]) or is_cyrillic(name)
    if marked or (common is not None and first not in INTERNATIONAL):
        # A first name outside the lists stays: Bryan and Brian Kaminsky are two people.
        return " ".join((common or first, *(_unified(token, _SLAVIC_RULES) for token in rest)))
    return " ".join((common or first, *rest))


@lru_cache(maxsize=CACHE)
def surname_key(name: str) -> str:
    """The spelling of the last name alone, alike whatever the first name is.

    Wider than :func:`person_key`: it finds bearers of a surname, who are then compared.
    """
    tokens = _parts(name)
    return _unified(tokens[-1], _SLAVIC_RULES) if tokens else ""


def _arabic(token: str) -> str:
    return ARABIC.get(token) or _unified(token, _ARABIC_RULES)


def _parts(name: str) -> Tokens:
    """Folded tokens in Latin letters; "Last, First" is turned round."""
    last, comma, first = name[:LONGEST].partition(",")
    turned = comma and person_tokens(first) and " " not in last.strip()
    plain = f"{first} {last}" if turned and len(person_tokens(first)[0]) > 2 else name[:LONGEST]  # noqa: PLR2004 ("Smith, Jr.")
    return person_tokens(latin(plain.lower().translate(_LETTERS)))


def _without_the_middle(tokens: Tokens) -> Tokens:
    """No initials and patronymics between first name and surname, no Arabic article."""
    middle = [
        token
        for token in tokens[1:-1]
        if len(token) > 1 and token not in _PARTICLES and not _PATRONYMIC.search(token)
    ]
    return (tokens[0], *middle, tokens[-1])


def _is_marked(surname: str) -> bool:
    return len(surname) >= SHORTEST and _MARK.search(surname) is not None
