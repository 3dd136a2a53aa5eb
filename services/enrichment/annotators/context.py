"""What stands around a name: who speaks, which lines are credits, which names are teams.

Everything here looks at a few characters beside a mention, so the time is the same
for each, however long the text is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK = 40
"""Characters beside a mention that are looked at: two or three words."""

_SPEAKS = re.compile(
    r"['’]?\s+(?:also\s+|has\s+|had\s+|later\s+)?(?:said|says|told|added|adds|asked|wrote|tweeted|"
    r"argued|noted|warned|insisted|replied|explained|announced|claimed|declined|denied|stated|"
    r"testified|vowed|plans|wants|expects|promised|voted|visited|arrived|urged|recalled|admitted|resigned|smiled|laughed)\b"
)
"""What people do and few others: the word before it names a speaker."""

_WHO = re.compile(r",\s+(?:who|whose|aged|\d\d,)\b")

_COURTESY = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Sir|Lady|Lord|Madame?|Messrs)\.?\s+$")
"""Words that only a person's name follows."""

_SENTENCE_END = re.compile(r"(?:^|[.!?:•|]['\"”’)\]]*\s+|[\n\r]\s*|[“\"‘]|[-*–—]\s+)$")
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
_SPORT = re.compile(
    r"\b(?:goals?|league|cup|season|match|game|scored?|coach|playoffs?|innings?|striker|"
    r"midfielder|tournament|championship|home run|penalty|half-time|quarterback|standings)\b",
    re.IGNORECASE,
)
_RESULT = re.compile(r"(?<![\d-])\d{1,3}[-–]\d{1,3}(?![\d-])")

MOST_READ = 3000
"""Characters from the start that are looked at for what the article is on."""

SPORT_WORDS = 2
"""Words of sport that an article on a match has at least."""

_LOCATIVE = re.compile(
    r"\b(?:in|at|from|to|near|across|outside|around|through|via)\s+$", re.IGNORECASE
)

_INSIDE = re.compile(r"\b(?:in|near)\s+$")

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

_IN_CAPITALS = re.compile(r"[ \t]*([A-ZÀ-ÖØ-Þ]{3,}(?:[ ][A-ZÀ-ÖØ-Þ]{2,}){0,3})\b")

_AGENCY_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright)[^\n]{0,100}", re.IGNORECASE)


def speaks(text: str, end: int) -> bool:
    """Whether what ends here does what people do ("Price said")."""
    return _SPEAKS.match(text, end, end + LOOK) is not None


def is_told_of(text: str, end: int) -> bool:
    """Whether a clause follows that only people have ("Ana Petrova, who …")."""
    return _WHO.match(text, end, end + LOOK) is not None


def courted(text: str, start: int) -> bool:
    """Whether a courtesy title stands before ("Mrs Hope")."""
    return _COURTESY.search(text[max(0, start - LOOK) : start]) is not None


def starts_sentence(text: str, start: int) -> bool:
    """Whether a capital here says nothing: a sentence, a line or a quotation starts."""
    before = text[max(0, start - LOOK) : start]
    return not before or _SENTENCE_END.search(before) is not None


def in_title_case(text: str, start: int, end: int) -> bool:
    """Whether the words beside it in its line are in capitals, too: capitals say nothing there."""
    before = re.findall(r"[^\W\d_]+", text[max(0, start - LOOK) : start].rpartition("\n")[2])[-2:]
    after = re.findall(r"[^\W\d_]+", text[end : end + LOOK].partition("\n")[0])[1:3]
    beside = [word for word in (*before, *after) if len(word) > 3]  # noqa: PLR2004 ("the", "of")
    return bool(beside) and all(word[0].isupper() for word in beside)


def is_locative(text: str, start: int) -> bool:
    """Whether a preposition of place stands before."""
    return _LOCATIVE.search(text[max(0, start - LOOK) : start]) is not None


def is_inside(text: str, start: int) -> bool:
    """Whether "in" or "near" stands before."""
    return _INSIDE.search(text[max(0, start - LOOK) : start]) is not None


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
    for match in _DATELINE.finditer(text, 0, MOST_READ):
        place = _IN_CAPITALS.match(text, match.start(), match.end())
        if place is not None:
            yield place.span(1)


def credits_of(text: str) -> list[tuple[int, int]]:
    """Where the article names its makers: bylines, photo credits, a dateline's agency."""
    places = [match.span() for match in _CREDIT_LINE.finditer(text)]
    places += [match.span() for match in _AGENCY_COPYRIGHT.finditer(text)]
    places += [m.span("agency") for m in _DATELINE.finditer(text, 0, MOST_READ) if m["agency"]]
    return sorted(places)
