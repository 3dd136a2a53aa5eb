"""One type for each name of a document.

The model labels every occurrence by itself: in one article "Belarus" may be an
organisation twice and a country ten times, "Jinping" a product.  Here all
occurrences of one name vote; what the table knows, what the people of the same
document are called and the name's own words vote with them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from services.enrichment.annotators.context import (
    courted,
    is_locative,
    is_on_sport,
    is_team,
    speaks,
)
from services.enrichment.annotators.heads import type_by_head
from services.enrichment.annotators.mentions import retyped
from services.enrichment.annotators.names import person_tokens, spelling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EntityType
    from services.enrichment.annotators.gazetteer import Gazetteer, Place
    from services.enrichment.annotators.mentions import Named

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
"""Votes of the table for a name that people bear too: one stray label is outvoted,
an article about a Mr Jordan isn't."""


def with_one_type_each(text: str, names: Sequence[Named], gazetteer: Gazetteer) -> list[Named]:
    """The same occurrences; each name has the type that its document votes for."""
    votes: dict[str, Counter[EntityType]] = defaultdict(Counter)
    for name in names:
        votes[name.folded][name.type] += 1
        if " " not in name.text and (speaks(text, name.end) or courted(text, name.start)):
            votes[name.folded]["PERSON"] += 1 if name.type == "PERSON" else 0
    people = _surnames(names)
    written = {name.folded: name.text for name in reversed(names)}
    types = {
        folded: _elect(folded, count, people, gazetteer.get(written[folded]))
        for folded, count in votes.items()
    }
    return _teams(text, [replace(name, type=types[name.folded]) for name in names], gazetteer)


def _surnames(names: Sequence[Named]) -> Counter[str]:
    """How often a person of two or more names has this last name (by its spelling)."""
    tokens = (person_tokens(name.text) for name in names if name.type == "PERSON")
    return Counter(spelling(parts[-1]) for parts in tokens if len(parts) > 1)


def _elect(
    folded: str, count: Counter[EntityType], people: Counter[str], place: Place | None
) -> EntityType:
    tally = Counter(count)
    if place is not None and not _is_language(place, count):
        if place.certain:
            return place.type
        tally[place.type] += place.votes
    bearers = people[spelling(folded)] if " " not in folded else 0
    if bearers and place is None:
        return "PERSON"  # "Carder" is Angela Carder, whatever the model makes of her
    if bearers:
        # One more than they are, so that one "Xi Jinping" outvotes one product "Jinping".
        tally["PERSON"] += bearers + 1
    elected = max(tally, key=lambda kind: (tally[kind], -_RANK.index(kind)))
    return (None if place else type_by_head(folded.split(), elected)) or elected


def _is_language(place: Place, count: Counter[EntityType]) -> bool:
    """Whether it is the language "Russian": the model never saw a people in the name."""
    return place.type == "NORP" and set(count) == {"LANGUAGE"}


def _teams(text: str, names: list[Named], gazetteer: Gazetteer) -> list[Named]:
    """Cities that play are clubs: "Chelsea beat Liverpool". Countries stay countries.

    "In Liverpool" stays the city, in the same article, too.
    """
    if not is_on_sport(text):
        return names
    playing = {
        name.folded
        for name in names
        if name.type == "GPE"
        and not gazetteer.is_country(name.text)
        and is_team(text, name.start, name.end)
    }
    return [
        retyped(name, "ORG")
        if name.folded in playing and name.type == "GPE" and not is_locative(text, name.start)
        else name
        for name in names
    ]
