"""Lines that say when and by whom: published, updated, byline."""

from __future__ import annotations

import re
from itertools import takewhile

from services.ingest.readers.dates import When, parse_when
from services.ingest.readers.finding import Finding

_TIME_LABEL = re.compile(
    r"\b(?:(?P<updated>(?:(?:last|most recently)\s)?(?:updated|modified|edited)|(?:last\s)?update)"
    r"|(?:(?:first|originally|date)\s)?(?:published|posted|issued|uploaded)"
    r"|publication date|publish date|date(?=\s?:))(?:\s(?:on|at))?\s?[:|–—-]?\s?",
    re.IGNORECASE,
)
_AGO = re.compile(r"(?:an?|\d{1,3}) (?:second|minute|min|hour|hr|day|week)s? ago", re.IGNORECASE)
_DIGIT, _SINCE = re.compile(r"\d"), re.compile(r" ago\b")

MAX_TIME_LINE = 200
"""Characters: two labels with a moment each, generously."""

_EDGES = " \t|·•,;()-–—"


def times(text: str) -> Finding | None:
    """A line of publication or update times, labelled or bare."""
    if not (_DIGIT.search(text) or _SINCE.search(text)):
        return None  # most lines: the labels needn't be looked for
    labels = list(_TIME_LABEL.finditer(text)) if len(text) <= MAX_TIME_LINE else []
    if not labels or text[: labels[0].start()].strip(_EDGES):
        when = _when(text)
        if when is None or not when.dated:
            return None
        return Finding("published_line", published=when, top_only=True, unlabelled=True)
    published = updated = None
    ends = [label.start() for label in labels[1:]] + [len(text)]
    for label, end in zip(labels, ends, strict=True):
        when = _when(text[label.end() : end].strip(_EDGES))
        if when is None:
            return None
        if label["updated"]:
            updated = updated or when
        else:
            published = published or when
    return Finding("published_line", published=published, updated=updated)


def _when(text: str) -> When | None:
    if _AGO.fullmatch(text):
        return When(None, f"no time taken from '{text}': it is relative to an unknown moment")
    return parse_when(text)


_AGENCY_NAMES = (
    r"(?:Reuters|AFP|Agence France-Presse|AP|(?:The )?Associated Press|UPI|dpa|DPA|EFE|ANSA|Xinhua"
    r"|TASS|PTI|ANI|PAP|BelTA|Interfax|Bloomberg|Agencies|News Agencies|Wire Services?|Staff"
    r"|Staff (?:Writers?|Reporters?)|Web Desk|News Desk|Editorial Board|Newsroom)"
)
_BY = re.compile(
    r"(?:(?:by|words by|written by|reported by|story by|text by|author|authors)"
    r"(?:\s?:\s?|\s))(?P<names>\S.{1,160})",
    re.IGNORECASE,
)
_NAME_WORD = r"(?:[^\W\d_a-z][\w'’.-]{0,24}|d[aeiu]|del|dos|von|van|der|den|de|la|le|bin|ibn|al|el)"
_NAME = re.compile(rf"{_NAME_WORD}(?: {_NAME_WORD}){{1,4}}")
_AGENCY = re.compile(_AGENCY_NAMES)
_DESK = re.compile(r"[^.!?]{2,80}")
MAX_DESK_WORDS = 5
"""Words of a job or an employer after a name: "Chief Foreign Affairs Correspondent, Minsk"."""

_AND = re.compile(r",? and | & ")
_COMMAS = re.compile(r", | / |; ")
_EMPLOYER = re.compile(
    rf"{_AGENCY_NAMES}$"
    r"|\b(?:Associated|Correspondent|Courier|Daily|Editor|Gazette|Herald|Magazine|News|Observer|Post"
    r"|Press|Producer|Radio|Reporter|Service|Staff|Times|Tribune|TV|Weekly|Writer)\b"
)
"""Names that are shaped like a person's."""

_NOT_NAMES = frozenset({
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "march", "april", "june", "july", "august", "september", "october",
    "november", "december", "the", "a", "an", "this", "that", "these", "those", "day", "year",
    "years", "night", "week", "morning", "noon", "evening", "christmas", "easter", "contrast",
    "comparison", "law", "then", "now", "midnight", "numbers", "region", "design", "default",
    "far",
})  # fmt: skip
_SIGN_OFF = re.compile(
    r"\(?(?:additional )?(?:reporting|writing|editing|compiled|edited|translated) by"
    r" [^.]{3,200}[.)]{0,2}",
    re.IGNORECASE,
)
_SEGMENTS = re.compile(r"\s[|•·—–]\s")


def byline(text: str) -> Finding | None:
    """A line of authors, perhaps with a time, or an agency's sign-off."""
    if _SIGN_OFF.fullmatch(text) and text.lstrip("(")[:1].isupper():
        return Finding("byline")
    if not _BY.match(text):
        return None  # most lines: they needn't be taken apart
    first, *rest = _SEGMENTS.split(text)
    match = _BY.fullmatch(first)
    authors = _authors(match["names"].rstrip()) if match else ()
    if not authors:
        return None
    published = updated = None
    for segment in rest:
        timed = times(segment)
        if timed is None and not _is_desk(segment):
            return None
        published = published or (timed.published if timed else None)
        updated = updated or (timed.updated if timed else None)
    return Finding("byline", authors, published=published, updated=updated, top_only=True)


def _is_desk(text: str) -> bool:
    return len(text.split()) <= MAX_DESK_WORDS and bool(_DESK.fullmatch(text))


def _authors(names: str) -> tuple[str, ...]:
    """The people (or the agency) of a byline; empty where it isn't one.

    What follows the names ("Jane Doe, Valley Courier", "… for The Times") is left out.
    """
    names, _, employer = names.partition(" for ")
    if employer and not _is_desk(employer):
        return ()
    head, joint, last = _rpartition_and(names)
    listed = _COMMAS.split(head) + (_COMMAS.split(last)[:1] if joint else [])
    behind = _COMMAS.split(last)[1:] if joint else []
    people = list(takewhile(_is_person, listed))
    if not people:
        return (listed[0],) if _AGENCY.fullmatch(listed[0]) else ()
    # In a list with "and" everybody is an author; in one with commas only the names are.
    rest = [*listed[len(people) :], *behind]
    if (joint and len(people) < len(listed)) or not all(map(_is_desk, rest)):
        return ()
    return tuple(people)


def _rpartition_and(names: str) -> tuple[str, str, str]:
    parts = _AND.split(names, maxsplit=4)
    return (", ".join(parts[:-1]), "and", parts[-1]) if len(parts) > 1 else (names, "", "")


def _is_person(text: str) -> bool:
    words = text.casefold().split()
    named = text[:1].isupper() and bool(_NAME.fullmatch(text))
    return named and _NOT_NAMES.isdisjoint(words) and not _EMPLOYER.search(text)
