"""One key for the spellings of one person's name: Łukaszenka, Lukashenko, Лукашенко.

Two people must never get one key, so spellings are unified only where the name itself shows
that it was romanised: it is written in Cyrillic, it has a Slavic ending, or its first name is
one of a list of names that newspapers spell in many ways.  Other names are only folded: John
Smith and Jon Smyth are two people.  First name and surname must both agree, and the ending
that tells a woman from a man stays.
"""

from __future__ import annotations

import re
from functools import lru_cache

from services.enrichment.annotators.names import person_tokens
from services.enrichment.linking.given_names import GIVEN_NAMES
from services.enrichment.linking.transliterate import is_foreign, latin

Tokens = tuple[str, ...]

SHORTEST = 4
"""Letters below which a name's spelling isn't touched: Li and Lee, Kim and Kym are too alike."""

CACHE = 4096
"""Names remembered: those of some hundred articles, under one megabyte."""

_PARTICLES = frozenset({"al", "el", "ad", "as", "ash", "at", "ul"})
"""Arabic articles, written or left out at will ("Bashar al-Assad", "Bashar Assad")."""

_PATRONYMIC = re.compile(r"(?:[aeoiy]v(?:ich|ych|ic|icz|itch|na|ny)|ichna|yivna|ivna)$")
_MARK = re.compile(
    r"(?:enk[oa]|ienk[oa]|[sc]k(?:y|i|iy|yy|ij|yi|ii|aya|aia|aja|a)|[oe](?:v|w|ff)a?|"
    r"(?:[oe]v|[oe]w|av)(?:ich|icz|itch|itsch|ych|ic)|chuk|czuk|tschuk|shyn|shin)$"
)
"""Endings of Slavic surnames. Names without one keep their spelling."""

_LETTERS = str.maketrans({"š": "sz", "č": "cz", "ž": "zh", "ż": "zh", "ć": "cz", "ś": "s"})
"""Before marks are dropped: what the letter is spelt as without its mark."""

_RULES = tuple(
    (re.compile(pattern), common)
    for pattern, common in (
        (r"schtsch|szcz|shch|stsch", "sh"),
        (r"tsch|tch|cz|ch(?=[aeiouy]|$)", "ch"),
        (r"sch|sz", "sh"),
        (r"zh|rz(?=[aeiouy])", "z"),
        (r"kh", "h"),
        (r"ph", "f"),
        (r"ou", "u"),
        (r"x", "ks"),
        (r"tz|cj", "ts"),
        (r"w|ff$", "v"),
        (r"(?<=[^aeiouyj])[iyj](?=[aou])", ""),  # Gorbachyov, Yatsenyuk, Siarhei
        (r"(?<=[aeou])[iyj]e", "e"),  # Dudaev, Dudayev
        (r"^[jiy]+(?=[aeou])", "y"),  # Janukovych, Iatseniuk
        (r"^ye", "e"),  # Yeltsin, Eltsin
        (r"sk(?:aya|aia|aja)$", "ska"),
        (r"[iyj]+", "i"),
        (r"([^aeiou])\1+", r"\1"),
        (r"(?<=ch)[oe](?=v)|(?<=sh)[oe](?=v)", "e"),  # Gorbachov, Khrushchov
        (r"enka$", "enko"),
        (r"av(?=ich$)", "ov"),
    )
)
"""Ways in which romanisations of one Slavic name differ: English, Polish, German, French,
Czech. The last vowel stays (but "-enka", the Belarusian form of "-enko"): Ivanov, Ivanova."""


@lru_cache(maxsize=CACHE)
def person_key(name: str) -> str:
    """What all spellings of a person's full name have in common; ``ned price`` for Ned Price.

    Titles, suffixes, middle initials, patronymics and Arabic articles are left out.  It
    depends on nothing but ``name``.  Never empty, unless ``name`` has no letters.
    """
    return " ".join(key_tokens(name))


def key_tokens(name: str) -> Tokens:
    """The parts of :func:`person_key`."""
    tokens = _parts(name)
    if not tokens:
        return ()
    core = _without_the_middle(tokens)
    first = GIVEN_NAMES.get(core[0], core[0])
    if len(core) == 1:
        return (unified(core[0]) if _is_romanised(core[0]) or is_foreign(name) else core[0],)
    surname = core[-1]
    if is_foreign(name) or core[0] in GIVEN_NAMES or _is_romanised(surname):
        first = first if core[0] in GIVEN_NAMES else unified(core[0])
        return (first, *(unified(token) for token in core[1:]))
    return core


def surname_key(name: str) -> str:
    """The last part of the key, spelt alike whatever the first name is."""
    tokens = _parts(name)
    return unified(tokens[-1]) if tokens else ""


def _parts(name: str) -> Tokens:
    """Folded tokens in Latin letters; "Last, First" is turned round."""
    last, comma, first = name.partition(",")
    plain = f"{first} {last}" if comma and first.strip() else name
    return person_tokens(latin(plain.lower().translate(_LETTERS)))


def _without_the_middle(tokens: Tokens) -> Tokens:
    """No initials and patronymics between first name and surname, no Arabic article."""
    middle = [
        token
        for token in tokens[1:-1]
        if len(token) > 1 and token not in _PARTICLES and not _PATRONYMIC.search(token)
    ]
    return (tokens[0], *middle, tokens[-1]) if len(tokens) > 1 else tokens


def _is_romanised(surname: str) -> bool:
    return len(surname) >= SHORTEST and _MARK.search(surname) is not None


def unified(token: str) -> str:
    """``token`` in the spelling that its romanisations share."""
    if len(token) < SHORTEST:
        return token
    for pattern, common in _RULES:
        token = pattern.sub(common, token)
    return token
