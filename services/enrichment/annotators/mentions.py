"""From what the model saw to names worth keeping, one type for each name.

The model labels every occurrence by itself: in one article "Belarus" may be an
organisation twice and a country ten times, "Jinping" a product.  Here all
occurrences of one name vote, and what is known of countries and of the people
in the same document votes with them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast, get_args

from schemas.article import EntityType
from services.enrichment.annotators.names import (
    fold,
    is_junk,
    person_tokens,
    spelling,
    trim,
    without_title,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.enrichment.annotators.gazetteer import Gazetteer
    from services.enrichment.annotators.recogniser import Found

TYPES: frozenset[str] = frozenset(get_args(EntityType)) - {"DATE", "MONEY"}
"""Labels that are kept: ordinals are no entities of the contract, and dates and money are
found by patterns of their own (annotator ``values``)."""

_RANK: tuple[EntityType, ...] = (
    "PERSON",
    "GPE",
    "ORG",
    "NORP",
    "LOC",
    "FAC",
    "EVENT",
    "LAW",
    "WORK_OF_ART",
    "PRODUCT",
    "LANGUAGE",
)
"""Who wins a tie: by the F-score that the model's makers give for the type, but people
before places, as a name that is taken for a place at times is mostly a person."""

PLACE_VOTES = 2
"""Votes of the gazetteer for a place name that people bear too: one stray label is outvoted,
an article about a Mr Jordan isn't."""


@dataclass(frozen=True, slots=True)
class Named:
    """An occurrence of a name: ``text[start:end]``; ``folded`` is what it is compared by."""

    start: int
    end: int
    text: str
    folded: str
    type: EntityType


def clean(text: str, found: Iterable[Found]) -> list[Named]:
    """The occurrences worth keeping, trimmed, by rising offset."""
    kept = []
    for item in found:
        if item.label not in TYPES:
            continue
        start, end = trim(text, item.start, item.end)
        if item.label == "PERSON":
            start = without_title(text, start, end)
        name = text[start:end]
        if start < end and not is_junk(name):
            kept.append(Named(start, end, name, fold(name), cast("EntityType", item.label)))
    return kept


def with_one_type_each(names: Sequence[Named], gazetteer: Gazetteer) -> list[Named]:
    """The same occurrences; each name has the type that its document votes for."""
    votes: dict[str, Counter[EntityType]] = defaultdict(Counter)
    for name in names:
        votes[name.folded][name.type] += 1
    people = _surnames(names)
    types = {folded: _elect(folded, count, people, gazetteer) for folded, count in votes.items()}
    return [replace(name, type=types[name.folded]) for name in names]


def _surnames(names: Sequence[Named]) -> Counter[str]:
    """How often a person of two or more names has this last name (by its spelling)."""
    tokens = (person_tokens(name.text) for name in names if name.type == "PERSON")
    return Counter(spelling(parts[-1]) for parts in tokens if len(parts) > 1)


def _elect(
    folded: str, count: Counter[EntityType], people: Counter[str], gazetteer: Gazetteer
) -> EntityType:
    place = gazetteer.get(folded)
    tally = Counter(count)
    if place is not None and not _is_language(place.type, count):
        if place.certain:
            return cast("EntityType", place.type)
        tally[cast("EntityType", place.type)] += PLACE_VOTES
    if " " not in folded:
        bearers = people[spelling(folded)]
        # One more than they are, so that one "Xi Jinping" outvotes one product "Jinping".
        tally["PERSON"] += bearers + 1 if bearers else 0
    return max(tally, key=lambda kind: (tally[kind], -_RANK.index(kind)))


def _is_language(place_type: str, count: Counter[EntityType]) -> bool:
    """Whether it is the language "Russian": the model never saw a people in the name."""
    return place_type == "NORP" and set(count) == {"LANGUAGE"}
