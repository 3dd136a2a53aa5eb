"""Names as strings: folding, trimming, spelling variants, what is no name.

Pure functions over one name; what a document's names have to do with each other
is in ``clusters``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Letters that Unicode doesn't take apart into a letter and a mark.
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "đ": "d",
        "ø": "o",
        "\u0131": "i",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        "þ": "th",
    }
    | {"’": "'", "‘": "'", "`": "'", "–": "-", "—": "-", "\u2010": "-", "\u2011": "-"}
)

_EDGES = " \t\r\n\v\f\xa0\u2009\u202f\"'“”„‘’«»\u2039\u203a()[]{}<>,;:!?*•·…|/\\_=+~^-–—"
"""White space and marks that a name neither starts nor ends with. Not the full stop: "U.S."
and "Jr." end with it."""

_POSSESSIVE = re.compile(r"['’]s?$|['’]S$")
_PLAIN = re.compile(r"(?=[A-Z])[^\W_]+(?: [^\W_]+)*")
_PREFIX = re.compile(r"^(?:anti|pro|non|ex|pre|post)[-–]", re.IGNORECASE)
_LOWER_ARTICLE = re.compile(r"the\s+")
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_ADDRESS = re.compile(r"@|://|\bwww\.|\.(?:com|org|net|html?)\b|#", re.IGNORECASE)
_ADDRESS_MARKS = frozenset("@:.#")
"""Without any of them no name is an address."""

_INITIALS = re.compile(r"^(?:\w\.){2,}$")
_SPACES = re.compile(r"\s+")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*\.?")

MAX_NAME = 100
"""Characters: longer "names" are sentences that the model swallowed."""

CACHE = 8192
"""Names whose forms are remembered, none longer than ``MAX_NAME``: those of some hundred
articles, at most 3 MB.  One name is folded ten times on its way through an article."""

_PRONOUNS = frozenset(
    {"i", "he", "she", "it", "we", "they", "you", "me", "him", "her", "us", "them", "his"}
    | {"hers", "its", "our", "their", "who", "whom", "this", "that"}
)
_CALENDAR = frozenset(
    {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today"}
    | {"january", "february", "march", "april", "may", "june", "july", "august", "september"}
    | {"october", "november", "december", "tomorrow", "yesterday"}
)
TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "lady", "lord", "dame"}
    | {"president", "vice", "prime", "minister", "chancellor", "premier", "secretary"}
    | {"king", "queen", "prince", "princess", "emperor", "emir", "sultan", "sheikh"}
    | {"senator", "sen", "rep", "gov", "governor", "mayor", "judge", "justice", "ambassador"}
    | {"general", "gen", "colonel", "col", "major", "maj", "captain", "capt", "lieutenant"}
    | {"lt", "sergeant", "sgt", "chairman", "chairwoman", "coach", "ceo"}
    | {"spokesman", "spokeswoman", "spokesperson", "rev", "reverend", "father", "sister"}
    | {"pope", "bishop", "archbishop", "cardinal", "imam", "ayatollah"}
)
"""Words before a name that are no part of it. "Vice" and "prime" occur in two-word titles."""

_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})
_OFFICES = frozenset({"state", "government", "parliament", "congress", "court", "army", "police"})
WORDS_FIRST = _CALENDAR | TITLES
"""Words that are surnames, too (May, King, Bishop), and hardly ever meant as such."""

_NO_NAMES = _PRONOUNS | _CALENDAR | TITLES | _OFFICES | {"the"}


def fold(name: str) -> str:
    """``name`` for comparing: no accents, case, article or doubled spaces; marks unified."""
    return _fold(name) if len(name) <= MAX_NAME else _fold.__wrapped__(name)


@lru_cache(CACHE)
def _fold(name: str) -> str:
    plain = name.lower().replace("`", "'") if name.isascii() else _without_marks(name)
    plain = _SPACES.sub(" ", plain).strip(_EDGES)
    plain = _ARTICLE.sub("", plain) or plain
    return plain.replace(".", "") if _INITIALS.match(plain) else plain


def _without_marks(name: str) -> str:
    """In small letters that have no accents."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = plain.translate(_LETTERS)
    return "".join(char for char in plain if not unicodedata.combining(char))


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """``[start, end)`` without what doesn't belong to a name.

    Off go marks and white space at the edges, what follows a line break, a
    possessive ending, a lower-case article, and prefixes like "anti-".  May
    come out empty (``start == end``).
    """
    if _PLAIN.fullmatch(text, start, end):
        return start, end  # eight names of ten
    start, end = _strip(text, start, end)
    line_end = text.find("\n", start, end)
    if line_end >= 0:
        start, end = _strip(text, start, line_end)
    possessive = _POSSESSIVE.search(text[start:end])
    if possessive:
        start, end = _strip(text, start, start + possessive.start())
    for pattern in (_PREFIX, _LOWER_ARTICLE):
        leading = pattern.match(text[start:end])
        if leading:
            start, end = _strip(text, start + leading.end(), end)
    return _full_stop(text, start, end)


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and (text[start] in _EDGES or text[start].isspace()):
        start += 1
    while start < end and (text[end - 1] in _EDGES or text[end - 1].isspace()):
        end -= 1
    return start, end


def _full_stop(text: str, start: int, end: int) -> tuple[int, int]:
    """Drop a sentence's full stop; keep that of an abbreviation ("U.S.", "Jr.")."""
    last = text[start:end].rsplit(None, 1)[-1] if start < end else ""
    if last.endswith(".") and "." not in last[:-1] and last[:-1].casefold() not in _SUFFIXES:
        return _strip(text, start, end - 1)
    return start, end


def is_junk(name: str) -> bool:
    """True for what can't be a name: pronouns, weekdays, titles, addresses, marks, sentences."""
    if len(name) > MAX_NAME or not _has_letters(name):
        return True
    if not _ADDRESS_MARKS.isdisjoint(name) and _ADDRESS.search(name):
        return True
    # "US" and "IT" in capitals are no pronouns.
    if name.islower() or (name.casefold() in _NO_NAMES and not name.isupper()):
        return True
    # Combining and control characters: text made to confuse, or a broken encoding.
    return not name.isprintable() and any(
        unicodedata.category(char) in {"Cc", "Co", "Cs", "Cn"} for char in name
    )


def _has_letters(name: str) -> bool:
    """Two of them at least."""
    return (len(name) > 1 and name[:2].isalpha()) or sum(map(str.isalpha, name)) > 1


def person_tokens(name: str) -> tuple[str, ...]:
    """The folded parts of a person's name without titles and suffixes.

    ``Dr. Kim Jong-un`` gives ``("kim", "jong", "un")``.
    """
    return _person_tokens(name) if len(name) <= MAX_NAME else _person_tokens.__wrapped__(name)


@lru_cache(CACHE)
def _person_tokens(name: str) -> tuple[str, ...]:
    tokens = [token.strip(".'") for token in _TOKEN.findall(fold(name))]
    while len(tokens) > 1 and tokens[0] in TITLES:
        tokens = tokens[1:]
    while len(tokens) > 1 and tokens[-1] in _SUFFIXES:
        tokens = tokens[:-1]
    return tuple(token for token in tokens if token)


def without_title(text: str, start: int, end: int) -> int:
    """Where the name starts in ``text[start:end]`` after titles like "President"."""
    while True:
        first = _TOKEN.match(text, start, end)
        if first is None or fold(first[0]).strip(".") not in TITLES or first.end() >= end:
            return start
        start, _ = _strip(text, first.end(), end)


_SPELLINGS = (
    (re.compile(r"sz(?!c)|sch"), "sh"),
    (re.compile(r"shch|szcz"), "sh"),
    (re.compile(r"cz|tch|tsch"), "ch"),
    (re.compile(r"zh|rz"), "z"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"ou|oo"), "u"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"ck|q|c(?!h)"), "k"),
    (re.compile(r"w"), "v"),
    (re.compile(r"(?:[ijy])+"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"enka$"), "enko"),
)
"""Ways in which the romanisations of one name differ, Polish, German and English ones
above all. "-enka" is the Belarusian form of "-enko". The final vowels of other names stay:
Zelensky and Zelenska, Ivanov and Ivanova are two people."""

SHORTEST_VARIANT = 6
"""Letters below which spellings must be equal: short names are too much alike."""


@lru_cache(CACHE)
def spelling(token: str) -> str:
    """A form that the romanisations of one surname share: Łukaszenka, Lukashenko → lukashenko."""
    if len(token) < SHORTEST_VARIANT:
        return token
    for pattern, common in _SPELLINGS:
        token = pattern.sub(common, token)
    return token
