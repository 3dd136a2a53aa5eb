"""From what the model saw to names worth keeping."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from services.enrichment.annotators.context import LOOK, courted, speaks, starts_sentence
from services.enrichment.annotators.intervals import Intervals
from services.enrichment.annotators.labels import known_type
from services.enrichment.annotators.names import fold, is_junk, person_tokens
from services.enrichment.annotators.parts import fused, parts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from schemas.article import EntityType
    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.recogniser import Found


class Named(NamedTuple):
    """An occurrence of a name: ``text[start:end]``; ``folded`` is what it is compared by.

    ``seen`` is the type that the model gave this occurrence, None where another
    occurrence or the table found it.
    """

    start: int
    end: int
    text: str
    folded: str
    type: EntityType
    seen: EntityType | None = None


_NEVER = frozenset({"DATE", "TIME", "MONEY", "PERCENT", "QUANTITY", "CARDINAL", "ORDINAL"})
"""Labels of the English models that are no names."""

_INDEFINITE = re.compile(r"an?\s")
_THE = re.compile(r"The\s+|THE\s+(?=[A-Z]{2})")
_STATE = re.compile(r"(?:[A-Z][\w’']*\s){1,4}of\s(?:the\s)?$")
_DIRECTION = re.compile(r"(?:EASTERN|WESTERN|NORTHERN|SOUTHERN|CENTRAL)\s+")
_TITLED_WITH_THE = frozenset({"hague", "gambia", "bahamas", "bronx"})
_PAPER = re.compile(
    r"(?:times|post|herald|tribune|gazette|guardian|economist|sun|mirror|telegraph|independent|"
    r"journal|observer|hill|globe|star|register|intercept|atlantic|verge|conversation|onion)$"
)
"""Papers whose "The" is a part of the name, wherever it stands."""

SHORT_CAPITALS = 4
"""Letters of a word in capitals that the model may take for a person ("KO", "ERA")."""


def clean(text: str, found: Iterable[Found], gazetteer: Gazetteer) -> list[Named]:
    """The occurrences worth keeping, taken apart and trimmed, by rising offset."""
    told = [item for item in found if item.label not in _NEVER]
    kept = [name for item in told for name in _names(text, item, gazetteer)]
    kept = list(_without_overlap(kept))
    whole = {name.folded for name in kept} | surnames(kept)
    return [part for name in kept for part in _unfused(name, whole, gazetteer)]


def _names(text: str, item: Found, gazetteer: Gazetteer) -> Iterator[Named]:
    if _INDEFINITE.match(text, item.start, item.end):
        return  # "a Technology Centre", "a Man of Vision": one of many, no name
    for start, end, label in parts(text, item.start, item.end, item.label, gazetteer):
        first = _after_article(text, start, end)
        first = _after_direction(text, first, end, gazetteer)
        first = before_state(text, first, end, gazetteer)
        name = text[first:end]
        kind = known_type(label, name, gazetteer)
        if kind is not None and not is_junk(name):
            yield Named(first, end, name, fold(name), kind, kind)


def _after_article(text: str, start: int, end: int) -> int:
    """Where the name starts without a "The" that only starts the sentence."""
    if text[start] != "T":
        return start
    the = _THE.match(text, start, end)
    if the is None or the.end() >= end:
        return start
    if text[start] == "T" and text[start + 1] == "h" and not starts_sentence(text, start):
        return start
    rest = fold(text[the.end() : end])
    return start if rest in _TITLED_WITH_THE or _PAPER.search(rest) else the.end()


def before_state(text: str, start: int, end: int, gazetteer: Gazetteer) -> int:
    """Where the name starts in "People's Republic of China" when the model saw "China" alone."""
    if text[start - 3 : start] != "of " and text[start - 4 : start] != "the ":
        return start
    form = _STATE.search(text[max(0, start - LOOK) : start])
    place = gazetteer.get(text[start:end]) if form is not None else None
    if form is None or place is None:
        return start
    whole = gazetteer.get(text[start - len(form[0]) : end])
    is_same = whole is not None and (whole.name, whole.type) == (place.name, place.type)
    return start - len(form[0]) if is_same else start


def _after_direction(text: str, start: int, end: int, gazetteer: Gazetteer) -> int:
    """Where the place starts in "EASTERN TAIWAN": in capitals the model takes both for a name."""
    direction = _DIRECTION.match(text, start, end)
    if direction is None:
        return start
    place = gazetteer.get(text[direction.end() : end])
    return direction.end() if place is not None and place.certain else start


def _without_overlap(names: Sequence[Named]) -> Iterator[Named]:
    after = 0
    for name in sorted(names, key=lambda each: (each.start, -each.end)):
        if name.start >= after:
            after = name.end
            yield name


def _unfused(name: Named, known: set[str], gazetteer: Gazetteer) -> Iterator[Named]:
    """The known names that a word without a space is run together of, else the name itself."""
    halves = [] if " " in name.text else fused(name.text, known - {name.folded}, gazetteer)
    if not halves:
        yield name
    for first, last in halves:
        part = name.text[first:last]
        start = name.start + first
        yield Named(start, start + len(part), part, fold(part), name.type)


def with_declared(
    text: str,
    names: list[Named],
    declarations: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    gazetteer: Gazetteer,
) -> list[Named]:
    """``names`` and the organisations that the text spells out with their acronyms.

    What the model saw of them by halves ("American College", "Surgeons (ACS") gives way.
    """
    whole = {(name.start, name.end): name for name in names}
    added = []
    for pair in declarations:
        places = [gazetteer.get(text[start:end]) for start, end in pair]
        types = [whole[span].type for span in pair if span in whole]
        if any(place is not None and place.type != "ORG" for place in places) or (
            types and "ORG" not in types
        ):
            continue  # United Arab Emirates (UAE), Supplemental Security Income (SSI)
        for start, end in pair:
            name = text[start:end]
            seen = whole[start, end].seen if (start, end) in whole else None
            added.append(Named(start, end, name, fold(name), "ORG", seen))
    if not added:
        return names
    taken = Intervals([(name.start, name.end) for name in added])
    rest = [name for name in names if taken.free(name.start, name.end)]
    return sorted([*rest, *added], key=lambda name: name.start)


def without_noise(
    text: str, names: Sequence[Named], gazetteer: Gazetteer, words: Collection[str]
) -> list[Named]:
    """``names`` without words that the model took for names.

    Off go words in capitals that it took for people ("KO"), and words that the text has
    in small letters (``words``), too ("Scouting", "Film"), unless something else speaks
    for them.
    """
    known = surnames(names)
    in_capitals = not words  # then capitals say nothing about a word
    return [
        name
        for name in names
        if " " in name.text
        or name.folded in known
        or gazetteer.get(name.text) is not None
        or speaks(text, name.end)
        or courted(text, name.start)
        or not ((_is_abbreviation(name) and not in_capitals) or name.text.casefold() in words)
    ]


def surnames(names: Iterable[Named]) -> set[str]:
    """Last names of the people who are named in full, folded."""
    tokens = (person_tokens(name.text) for name in names if name.type == "PERSON")
    return {parts[-1] for parts in tokens if len(parts) > 1}


def _is_abbreviation(name: Named) -> bool:
    return name.type == "PERSON" and name.text.isupper() and len(name.text) <= SHORT_CAPITALS


_PLAIN = re.compile(r"[^\W\d_A-Z](?<![^\W_].)[^\W\d_A-Z]{2,}+(?![^\W_])")


def plain_words(text: str) -> frozenset[str]:
    """The words of the text that it has in small letters."""
    return frozenset(filter(str.islower, set(_PLAIN.findall(text))))


def retyped(name: Named, kind: EntityType) -> Named:
    """The same occurrence as another type, which what stands around it tells for sure."""
    return name._replace(type=kind, seen=kind)
