"""Take apart what the model (or the source) ran together.

"China-Russia" names two countries, "Chinese President Xi Jinping" a people and a
person, "NewsLukashenko" a menu's word and a person.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import TITLES, fold, trim, without_title

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from services.enrichment.annotators.gazetteer import Gazetteer

Part = tuple[int, int, str]
"""Start, end and label."""

_PLAIN = re.compile(r"[A-Z][^\W_]*(?: (?!and )[^\W_]+)*")
"""A name with nothing in it that could part it or be trimmed: nine of ten."""

_PAIR = re.compile(r"\s*[-–—/]\s*|\s+(?:and|&)\s+")
_FIRST_WORD = re.compile(r"\s*\S+")
_FIRST_LETTERS = re.compile(r"\s*([^\W\d_]+)")
_SCORE = re.compile(r"\s+\d{1,3}[-–]\d{1,3}\b")
"""A result that the model took for a part of the team's name, and what follows it."""

_OWNER = re.compile(r"['’]s\s+")
_SEAM = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
"""Between a small letter and a capital inside of one word."""

FEWEST_FUSED = 4
"""Letters before the seam when what is before it is no known name: "McCain", "LaGuardia" and
"DeSantis" are one word each, "NewsLukashenko" is two."""

MOST_PARTS = 6
"""Names in one found span at most: "France, Germany and Italy" and the like."""


def parts(text: str, start: int, end: int, label: str, gazetteer: Gazetteer) -> Iterator[Part]:
    """The names in what the model saw as one, each trimmed; mostly the one that it is."""
    if _PLAIN.fullmatch(text, start, end) is None:
        score = _SCORE.search(text, start, end)
        end = score.start() if score else end
        pair = _known_pair(text, start, end, gazetteer)
        if pair:
            yield from ((first, last, label) for first, last in pair)
            return
    elif label != "PERSON":
        yield start, end, label
        return
    if label == "PERSON":
        people, start = _people_before(text, start, end, gazetteer)
        yield from people
        start = without_title(text, trim(text, start, end)[0], end)
        end = _before_small_words(text, start, end)
    first, last = trim(text, start, end)
    if first < last:
        yield first, last, label


def _before_small_words(text: str, start: int, end: int) -> int:
    """The end without words in small letters: "Salah one metre" is Salah."""
    while end > start:
        space = text.rfind(" ", start, end)
        if space <= start or not text[space + 1 : end].islower():
            break
        end = space
    return end


def _known_pair(text: str, start: int, end: int, gazetteer: Gazetteer) -> list[tuple[int, int]]:
    """The places of "China-Russia", "U.S. and Mexico": when all that is joined is known."""
    if _PAIR.search(text, start, end) is None:
        return []
    start, end = trim(text, start, end)
    whole = gazetteer.get(text[start:end])
    if whole is not None:  # Guinea-Bissau, Bosnia and Herzegovina
        return []
    cuts = list(_PAIR.finditer(text, start, end))[:MOST_PARTS]
    starts = [start, *(cut.end() for cut in cuts)]
    ends = [*(cut.start() for cut in cuts), end]
    found = [trim(text, *place) for place in zip(starts, ends, strict=True)]
    known = all(gazetteer.get(text[first:last]) is not None for first, last in found)
    return found if len(found) > 1 and known else []


def _people_before(text: str, start: int, end: int, gazetteer: Gazetteer) -> tuple[list[Part], int]:
    """A people or a country in front of a person: "Chinese President Xi", "Russia's Putin"."""
    owner = _OWNER.search(text, start, end)
    cut = owner.start() if owner else _end_of_first_word(text, start, end)
    first, last = trim(text, start, cut)
    place = gazetteer.get(text[first:last])
    rest = owner.end() if owner else cut
    if place is None or not place.certain or not text[rest:end].strip():
        return [], start
    if place.type != "NORP" and not owner and not _is_title(text, rest, end):
        return [], start  # "China Miéville", "Israel Kamakawiwo'ole"
    return [(first, last, place.type)], rest


def _end_of_first_word(text: str, start: int, end: int) -> int:
    word = _FIRST_WORD.match(text, start, end)
    return word.end() if word else end


def _is_title(text: str, start: int, end: int) -> bool:
    word = _FIRST_LETTERS.match(text, start, end)
    return word is not None and word[1].casefold() in TITLES


def fused(word: str, known: Collection[str], gazetteer: Gazetteer) -> list[tuple[int, int]]:
    """Offsets in ``word`` of the known names that it is run together of; none where it is one word.

    ``known`` holds folded names of the document.  "ChinaRussia" gives two, "NewsLukashenko"
    the second half; "BelTA", "McCain" and "YouTube" give none.
    """
    seams = [match.start() for match in _SEAM.finditer(word)]
    for seam in seams[:MOST_PARTS]:
        halves = [(0, seam), (seam, len(word))]
        are_known = [_is_known(word[first:last], known, gazetteer) for first, last in halves]
        if all(are_known):
            return halves
        if are_known[1] and seam >= FEWEST_FUSED:
            return halves[1:]
        if are_known[0] and word[seam:].isalpha() and len(word) - seam >= FEWEST_FUSED:
            return halves[:1]
    return []


def _is_known(name: str, known: Collection[str], gazetteer: Gazetteer) -> bool:
    place = gazetteer.get(name)
    return fold(name) in known or (place is not None and place.certain)
