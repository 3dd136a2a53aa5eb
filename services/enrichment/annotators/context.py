"""What stands around a name: who speaks, which lines are credits, which names are teams.

Everything here looks at a few characters beside a mention, so the time is the same
for each, however long the text is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.enrichment.patterns import by_first_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK = 40
"""Characters beside a mention that are looked at: two or three words."""

_DOES = """
said says told added adds asked wrote tweeted argued noted warned insisted replied explained
announced claimed declined denied stated testified vowed plans wants expects promised voted visited
arrived urged recalled admitted resigned smiled laughed
"""
_SPEECH = by_first_letter(_DOES.split())
_SPEAKS = re.compile(rf"['’]?\s+(?:also\s+|has\s+|had\s+|later\s+)?(?:{_SPEECH})\b")
"""What people do and few others: the word before it names a speaker."""

_WHO = re.compile(r",\s+(?:who|whose|aged|\d\d,)\b")

_COURTESY = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Sir|Lady|Lord|Madame?|Messrs)\.?\s+$")
"""Words that only a person's name follows."""

_ENDS = tuple(".!?:•|")
_CLOSING = "'\"”’)]"
_BULLETS = tuple("-*–—")
_OPENING = tuple('“"‘')
"""What is before a word that starts a sentence, a line or a quotation."""

_TEAM_DID = re.compile(
    r"\s+(?:beat|defeated|thrashed|edged|trounced|outscored|routed|hosts?|face[ds]?|plays?|"
    r"won\s+\d+[-–]\d+|lost\s+\d+[-–]\d+|drew\s+\d+[-–]\d+|\d+[-–]\d+\s|\d{1,3},\s|"
    r"(?:striker|midfielder|goalkeeper|defender|winger|quarterback|forward|manager|coach|fans)\b|"
    r"vs?\.?\s+[A-Z])"
)
_TEAM_SUFFERED = re.compile(
    r"\b(?:beat|defeated|thrashed|edged|trounced|outscored|routed|(?:win|victory|draw|defeat)"
    r"\s+(?:over|against|with|by|to)|(?:lost|losing|fell)\s+(?:\d+[-–]\d+\s+)?to|against|"
    r"vs?\.?|\d+[-–]\d+)\s+(?:the\s+)?$"
)
_MATCHES = """
goal|goals|league|cup|season|match|game|score|scored|coach|playoff|playoffs|inning|innings|striker|
midfielder|tournament|championship|home run|penalty|half-time|quarterback|standings
"""
_OF_SPORT = by_first_letter(
    _MATCHES.replace("\n", "").split("|"), behind=r"(?<!\w.)", any_case=True
)
_SPORT = re.compile(rf"(?:{_OF_SPORT})\b")
_RESULT = re.compile(r"\d(?<![\d-].)\d{0,2}[-–]\d{1,3}(?![\d-])")

MOST_READ = 3000
"""Characters from the start that are looked at for what the article is on."""

SPORT_WORDS = 2
"""Words of sport that an article on a match has at least."""

_LOCATIVE = re.compile(
    r"\b(?:in|at|from|to|near|across|outside|around|through|via)\s+$", re.IGNORECASE
)

_INSIDE = re.compile(r"\b(?:in|near)\s+$")
_LONGEST_BEHIND = len("Messrs.")
"""Characters of the longest word that is looked for in front of a name."""

_CREDIT_LINE = re.compile(
    r"^[ \t]*(?:(?:by|from)\s+(?=(?-i:[A-Z]))[^\n.]{2,80}|"
    r"[\[(]?(?:reporting|additional reporting|editing|writing|compiled|edited|written|photo(?:s|"
    r"graph)?|picture|image|images source|source|credit)\b[^\n]{0,150})$",
    re.IGNORECASE | re.MULTILINE,
)
"""A byline, a photo credit, the desk's line at the end."""

_DATELINE = re.compile(
    r"^[ \t]*[A-Z][^\n()]{1,60}?(?P<agency>\s*\([^()\n]{2,40}\))?(?:\s*[-–—]+\s|\s+--\s)",
    re.MULTILINE,
)
"""``MINSK, Belarus (AP) —``; only the part in brackets is a credit."""

_DASH = re.compile(r"[-–—]\s")
"""What each dateline has."""

_IN_CAPITALS = re.compile(r"[ \t]*([A-ZÀ-ÖØ-Þ]{3,}(?:[ ][A-ZÀ-ÖØ-Þ]{2,}){0,3})\b")

_AGENCY_COPYRIGHT = re.compile(r"(?:©|\([cC]\)|c(?i:opyright)|C(?i:opyright))[^\n]{0,100}")


def speaks(text: str, end: int) -> bool:
    """Whether what ends here does what people do ("Price said")."""
    return _SPEAKS.match(text, end, end + LOOK) is not None


def is_told_of(text: str, end: int) -> bool:
    """Whether a clause follows that only people have ("Ana Petrova, who …")."""
    return _WHO.match(text, end, end + LOOK) is not None


def courted(text: str, start: int) -> bool:
    """Whether a courtesy title stands before ("Mrs Hope")."""
    return _is_behind(_COURTESY, text, start)


def _is_behind(pattern: re.Pattern[str], text: str, start: int) -> bool:
    """Whether a word of ``pattern``, which asks for white space at its end, stands before."""
    if not text[start - 1 : start].isspace():
        return False
    before = text[max(0, start - LOOK) : start]
    return pattern.search(before, max(0, len(before.rstrip()) - _LONGEST_BEHIND)) is not None


def starts_sentence(text: str, start: int) -> bool:
    """Whether a capital here says nothing: a sentence, a line or a quotation starts."""
    before = text[max(0, start - LOOK) : start]
    words = before.rstrip()
    gap = before[len(words) :]
    if not gap:
        return not before or before.endswith(_OPENING)
    if "\n" in gap or "\r" in gap:
        return True
    return words.rstrip(_CLOSING).endswith(_ENDS) or words.endswith(_BULLETS)


def in_title_case(text: str, start: int, end: int) -> bool:
    """Whether the words beside it in its line are in capitals, too: capitals say nothing there."""
    before = re.findall(r"[^\W\d_]+", text[max(0, start - LOOK) : start].rpartition("\n")[2])[-2:]
    after = re.findall(r"[^\W\d_]+", text[end : end + LOOK].partition("\n")[0])[1:3]
    beside = [word for word in (*before, *after) if len(word) > 3]  # noqa: PLR2004 ("the", "of")
    return bool(beside) and all(word[0].isupper() for word in beside)


def is_locative(text: str, start: int) -> bool:
    """Whether a preposition of place stands before."""
    return _is_behind(_LOCATIVE, text, start)


def is_inside(text: str, start: int) -> bool:
    """Whether "in" or "near" stands before."""
    return _is_behind(_INSIDE, text, start)


def is_on_sport(text: str) -> bool:
    """Whether the beginning of the article speaks of a match."""
    found = {word.casefold() for word in _SPORT.findall(text, 0, MOST_READ)}
    return len(found) >= SPORT_WORDS or has_result(text)


def has_result(text: str) -> bool:
    """Whether the beginning of the article has a result ("3-1")."""
    return _RESULT.search(text, 0, MOST_READ) is not None


def is_team(text: str, start: int, end: int) -> bool:
    """Whether what stands here plays ("Chelsea beat Liverpool", "a 3-1 win over Chicago")."""
    return (
        _TEAM_DID.match(text, end, end + LOOK) is not None
        or _TEAM_SUFFERED.search(text[max(0, start - LOOK) : start]) is not None
    )


def datelines(text: str) -> Iterator[tuple[int, int]]:
    """The place in capitals that each dateline begins with."""
    for match in _with_dash(text):
        place = _IN_CAPITALS.match(text, match.start(), match.end())
        if place is not None:
            yield place.span(1)


def _with_dash(text: str) -> Iterator[re.Match[str]]:
    """What looks like a dateline; looked for only where the dash of one is."""
    return (
        iter(())
        if _DASH.search(text, 0, MOST_READ) is None
        else _DATELINE.finditer(text, 0, MOST_READ)
    )


def credits_of(text: str) -> list[tuple[int, int]]:
    """Where the article names its makers: bylines, photo credits, a dateline's agency."""
    places = [match.span() for match in _CREDIT_LINE.finditer(text)]
    places += [match.span() for match in _AGENCY_COPYRIGHT.finditer(text)]
    places += [match.span("agency") for match in _with_dash(text) if match["agency"]]
    return sorted(places)
