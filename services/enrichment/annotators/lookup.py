"""Find names that the table knows where the model saw none: in headlines, lists, tables."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from services.enrichment.annotators.context import LOOK, is_inside, starts_sentence
from services.enrichment.annotators.mentions import Named
from services.enrichment.annotators.names import fold, trim
from services.enrichment.patterns import CAPITAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.intervals import Intervals

_REST = r"(?:[\w’'.&]*\w|\.)?"
_CAPITAL = CAPITAL + _REST
_RUN = re.compile(
    rf"{CAPITAL}(?<![\w@#./&].)(?<!\w[-–].){_REST}"
    rf"(?:[ \xa0]+(?:(?:of|and|the)[ \xa0]+){{0,2}}{_CAPITAL})*\.?(?![-–]\w)"
)
"""Words with a capital in a row, with what joins them; no half of a hyphened word."""

_HYPHENED = re.compile(
    rf"(?<![\w-])({_CAPITAL}|(?i:anti|pro|non|ex|pre|post|franco|sino|anglo|russo|indo|euro|afro))[-–]({_CAPITAL})(?![-\w])"
)
"""``China-Russia``, ``anti-Chinese``."""

_HYPHEN_AND_CAPITAL = re.compile(rf"[-–]{CAPITAL}")
"""What every such word has, found in a hundredth of the time."""

_PREFIXES = frozenset(
    {"anti", "pro", "non", "ex", "pre", "post", "franco", "sino", "anglo", "russo", "indo"}
    | {"euro", "afro"}
)

_AND = re.compile(r"\s+(?:and|&)\s+(?:the\s+)?")
_WORDS = re.compile(r"\w[\w’'.]*")
_LISTED_BEFORE = re.compile(r"([\w’'.]+),?\s(?:and\s)?$")
_LISTED_AFTER = re.compile(r",?\s(?:and\s)?([\w’'.]+)")

MOST_FOUND = 100_000
"""Names at most: those of a book of a million words."""

MOST_WORDS = 40
"""Words of a row in capitals that are looked up: a long headline."""

FEWEST_CAPITALS = 4
"""Letters of a single word in a row of capitals: "US" may be the pronoun there."""


def known_names(text: str, taken: Intervals, gazetteer: Gazetteer) -> Iterator[Named]:
    """Countries, peoples and bodies of the table that stand where nothing was seen."""
    after = 0
    known = islice(_known(text, taken, gazetteer), MOST_FOUND)
    for name in sorted(known, key=lambda each: (each.start, -each.end)):
        if name.start >= after:
            after = name.end
            yield name


def _known(text: str, taken: Intervals, gazetteer: Gazetteer) -> Iterator[Named]:
    for start, end in _candidates(text, taken, gazetteer):
        first, last = trim(text, start, end)
        place = gazetteer.get(text[first:last])
        if place is None or not taken.free(first, last):
            continue
        if (
            place.unmistakable
            or (place.country and _is_listed(text, first, last, gazetteer))
            or (place.large and is_inside(text, first))
            or (place.type == "NORP" and text[first - 1 : first] in {"-", "–"})
        ):
            name = text[first:last]
            yield Named(first, last, name, fold(name), place.type)


def _candidates(text: str, taken: Intervals, gazetteer: Gazetteer) -> Iterator[tuple[int, int]]:
    """Where such a name may stand; each row, and its parts where the row is no name."""
    headline_end = text.find("\n")
    for run in _RUN.finditer(text):
        start, end = run.span()
        if taken.covers(start, end - (text[end - 1] == ".")):
            continue  # most names have been seen
        start, end = trim(text, start, end)
        if gazetteer.get(text[start:end]) is not None:
            yield start, end
            continue
        yield from _parts(text, start, end)
        if text[start:end].isupper() or start < headline_end:
            yield from _windows(text, start, end, gazetteer)
    if _HYPHEN_AND_CAPITAL.search(text) is None:
        return
    for pair in _HYPHENED.finditer(text):
        known = [gazetteer.get(half) is not None for half in pair.groups()]
        if known[1] and (known[0] or pair[1].casefold() in _PREFIXES):
            yield from (pair.span(half) for half in (1, 2) if known[half - 1])


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Both of "Belarus and the United Arab Emirates"; "Belarus" of "Yesterday Belarus"."""
    first = start
    for cut in _AND.finditer(text, start, end):
        yield first, cut.start()
        first = cut.end()
    if first > start:
        yield first, end
    elif starts_sentence(text, start):
        space = text.find(" ", start, end)
        if space >= 0:
            yield space, end


def _windows(text: str, start: int, end: int, gazetteer: Gazetteer) -> Iterator[tuple[int, int]]:
    """Two words, else one, of a headline whose words all have capitals."""
    words = [word.span() for word in _WORDS.finditer(text, start, end)][:MOST_WORDS]
    index = 0
    while index < len(words):
        first, last = words[index]
        following = words[index + 1][1] if index + 1 < len(words) else last
        if following > last and gazetteer.get(text[first:following]) is not None:
            yield first, following
            index += 1
        elif last - first >= FEWEST_CAPITALS and text[max(0, first - 4) : first].lower() != " of ":
            yield first, last
        index += 1


def _is_listed(text: str, start: int, end: int, gazetteer: Gazetteer) -> bool:
    """Whether another country stands beside it in a list: "Belarus, Chad and Jordan"."""
    before = _LISTED_BEFORE.search(text[max(0, start - LOOK) : start])
    after = _LISTED_AFTER.match(text, end, end + LOOK)
    return any(beside is not None and gazetteer.is_country(beside[1]) for beside in (before, after))
